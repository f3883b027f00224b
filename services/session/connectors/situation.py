"""What one connector knows at one moment, and what follows from it at once. Pure."""

import math
from dataclasses import dataclass
from typing import NamedTuple

from bus.clock import Now
from schemas.faults import FAULTS
from schemas.metering import Reading
from schemas.safety import SafetyConnector
from schemas.session import Limit
from schemas.system import BootReason
from schemas.units import PhaseCount
from services.session.authorization.flow import Pending
from services.session.availability.rules import Closed, is_out_of_service
from services.session.keys import Keys
from services.session.limits import effective
from services.session.transactions import rules, signed
from services.session.transactions.record import Phase, Sample, Stop, Transaction
from services.session.transactions.rules import Presence

QUEUE_FULL = FAULTS["message_queue_full"].text
HEAR_ALL_S = 5.0
"""A restarted `session` gives no lease until it has heard everyone it depends on, or this long after its start."""


class Wanted(NamedTuple):
    """An end that is not stored yet."""

    stop: Stop
    firm: bool = True
    """By a card or by itself: power is withdrawn at once, and it is tried until it is stored. A command alone has no
    effect before it is stored, and none after `expires_s`."""
    request_id: str = ""
    expires_s: float = math.inf


def unexpired(wanted: Wanted | None, now_s: float) -> Wanted | None:
    if wanted is None or now_s < wanted.expires_s:
        return wanted
    return Wanted(wanted.stop) if wanted.firm else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Situation:
    """Everything a decision depends on. None = not heard yet."""

    connector: int
    has_meter: bool
    start_id: str
    now: Now
    up_s: float = 0.0
    """Since this process started."""
    safety: SafetyConnector | None = None
    """The latest message that knew the pilot."""
    safety_fresh: bool = False
    """It is the present state."""
    presence: Presence = Presence.UNKNOWN
    boot_reason: BootReason | None = None
    keys: Keys | None = None
    meter_heard: bool = False
    sample: Sample | None = None
    sample_good: bool = False
    """The meter's latest message was good and is not old."""
    transaction: Transaction | None = None
    pending: Pending | None = None
    wanted: Wanted | None = None
    disk: str = ""
    """Why nothing can be stored now; empty = it can."""
    last_in_force_a: float | None = None
    safety_obeys: bool = False
    """`safety` holds the lease in which permission is withdrawn, or a later one."""
    end_waited_s: float = 0.0
    """How long the end register has been waited for."""
    phases: int = 3
    """That it is wired to."""
    switches_phases: bool = False
    """A relay switches between one of three phases and all."""
    latest: Reading | None = None
    """What else the meter said with `sample`."""
    due: Reading | None = None
    """The next reading that a sample is due of."""
    awaits_ring: bool = False
    """Samples of the time before may still come."""
    reset: BootReason | None = None
    """The station is about to restart."""
    queue_refuses: bool = False
    """`message_queue` has no room for another transaction, or the key says that a full one stops charging."""
    queue_heard: bool = True
    """It has said so since this process started, or there is no backend."""
    closed: Closed | None = None
    """Out of service, now or later."""
    several: bool = False
    """Other connectors share the station with this one."""
    plugged_s: float = 0.0
    """When the vehicle came, or was first heard of."""
    unlocking: bool = False
    """By command."""
    offline: bool = False
    """There has been no connection to the backend for a while."""
    signs: bool = False
    """The meter makes signed records: without one nothing begins."""
    signing: signed.Known = signed.NOTHING

    @property
    def phase(self) -> Phase | None:
        return self.transaction.phase if self.transaction is not None else None

    @property
    def recovering(self) -> bool:
        """The transaction is of an earlier start of the station, and what becomes of it is not decided."""
        return (
            self.transaction is not None and self.phase is Phase.ACTIVE and self.transaction.start_id != self.start_id
        )

    @property
    def seeing(self) -> SafetyConnector | None:
        return self.safety if self.safety_fresh else None

    @property
    def young_sample(self) -> Sample | None:
        """For a start and a resumption: good, and at most 5 s old."""
        if self.sample is None or not self.sample_good:
            return None
        return self.sample if self.now.boot_s - self.sample.sampled_s <= rules.READING_AGE_S else None


def limits_of(s: Situation) -> tuple[Limit, ...]:
    unheard = s.keys is None or s.safety is None or s.safety.rated_a <= 0.0
    return effective.bounds(
        # 0 = `safety` does not know it yet, or no cable is there.
        hardware_a=(s.safety.rated_a or None) if s.safety is not None else None,
        installation_a=s.keys.installation_limit_a if s.keys is not None else None,
        operator_a=s.keys.operator_a(s.connector) if s.keys is not None else None,
        cable_a=(s.safety.cable_limit_a or None) if s.safety is not None else None,
        last_in_force_a=s.last_in_force_a if unheard else None,
    )


def has_heard_all(s: Situation) -> bool:
    """The first lease waits for this, at most 5 s."""
    heard = s.safety is not None and s.keys is not None and s.boot_reason is not None
    heard = heard and s.queue_heard
    return (heard and (s.meter_heard or not s.has_meter)) or s.up_s >= HEAR_ALL_S


def is_authorized(s: Situation) -> bool:
    """For the vehicle that is, or will be, here."""
    return (s.pending is not None and not s.pending.asking) or is_free(s)


def is_free(s: Situation) -> bool:
    """Authorized by plugging in; a transaction that ended with this vehicle does not begin again by itself."""
    free = s.keys is not None and (s.keys.free_charging or is_open_offline(s)) and s.presence is Presence.PRESENT
    return free and s.transaction is None and s.closed is None


def is_open_offline(s: Situation) -> bool:
    """`AllowOfflineTxForUnknownId` ImmediatelyWhenPlugged; who has shown a card charges under it."""
    return s.keys is not None and s.keys.backend and s.keys.open_offline and s.offline and s.pending is None


def closed_words(s: Situation) -> str:
    """Why nothing begins here, whoever asks; empty = it may."""
    if s.reset is not None:
        return "the station is about to restart"
    if s.closed is not None:
        return "out of service"
    return QUEUE_FULL if s.queue_refuses else ""


def start_refusal(s: Situation) -> str:
    return other_refusal(s) or signed.refusal(s.signs, s.signing)


def other_refusal(s: Situation) -> str:
    """Without what only the meter's signature is missing for."""
    return closed_words(s) or rules.start_refusal(s.seeing, s.disk, s.sample, s.sample_good, s.now.boot_s)


def out_of_service(s: Situation) -> bool:
    """By ChangeAvailability, and the transaction it waited for is history."""
    return is_out_of_service(s.closed, () if s.transaction is None else (s.transaction.transaction_id,))


def is_paused_by_queue(s: Situation) -> bool:
    """`OcppQueueFullAsErrorState`: until there is room again."""
    return s.queue_refuses and s.keys is not None and s.keys.queue_full_pauses


def has_timed_out(s: Situation) -> bool:
    """Errata 3.20: plugged in for longer than `ConnectionTimeOut` and nobody came with a card.

    It matters where one reader serves several connectors: the next card may be somebody else's.
    """
    if s.keys is None or not s.keys.backend or not s.several or s.keys.connection_time_out_s <= 0.0:
        return False
    waits = s.presence is Presence.PRESENT and s.transaction is None and s.pending is None and not is_free(s)
    return waits and s.now.boot_s - s.plugged_s >= s.keys.connection_time_out_s


class Wish(NamedTuple):
    """What the lease to `safety` says."""

    may_charge: bool
    limit_a: float
    hold_cable: bool
    release_cable: bool = False
    transaction_id: str = ""
    """Of the active transaction."""
    phases: PhaseCount = 0
    """0 = the relay stays as it is."""
    authorization_over: bool = False
    """Of whoever charged here."""


def is_authorization_over(s: Situation) -> bool:
    """Of whoever charged here. While charging is free, only somebody's own authorization takes its place."""
    if s.keys is None or s.phase in (Phase.ACTIVE, Phase.STOPPING):
        return False
    return not s.keys.free_charging or (s.pending is not None and not s.pending.asking)


def wish_of(s: Situation) -> Wish:
    """May this connector charge now, is the plug held, is anybody there. The phases: `phase_wish.py`."""
    return _wish_of(s)._replace(authorization_over=is_authorization_over(s))


def _wish_of(s: Situation) -> Wish:
    limit_a = effective.effective(limits_of(s)).limit_a
    if s.transaction is not None and s.phase is Phase.ACTIVE:
        # A command has no effect before it is stored; a card or an unplug withdraws at once.
        withdrawn = s.recovering or (s.wanted is not None and s.wanted.firm)
        withdrawn = withdrawn or s.transaction.invalid or is_paused_by_queue(s)
        may_a = 0.0 if withdrawn else limit_a
        return Wish(not withdrawn, may_a, True, transaction_id=s.transaction.transaction_id)
    if s.transaction is not None and (s.phase is Phase.STOPPING or s.transaction.holds_cable):
        return Wish(False, 0.0, s.transaction.holds_cable and not s.unlocking, s.unlocking)
    if is_unrecorded(s):
        return Wish(True, limit_a, True)
    safety = s.safety
    starting = is_authorized(s) and s.presence is Presence.PRESENT and not s.unlocking and not closed_words(s)
    # IEC 61851-1 wants the plug locked before power at the latest: it is locked before the transaction begins.
    holds = starting and safety is not None and not rules.is_faulted(safety) and s.has_meter
    return Wish(False, 0.0, holds, s.unlocking)


def is_unrecorded(s: Situation) -> bool:
    """Without a meter there is nothing to bill: free charging, and no transaction."""
    if s.has_meter or s.safety is None or s.presence is not Presence.PRESENT:
        return False
    if rules.ends_transactions(s.safety) or s.closed is not None or s.unlocking or is_paused_by_queue(s):
        return False
    if s.keys is None:
        # After a restart, until `settings` is heard: as it was.
        return s.safety.offered_a > 0.0
    return s.keys.free_charging
