"""When a transaction starts, why it stops, and which register ends it. Pure."""

from dataclasses import replace
from enum import Enum
from typing import NamedTuple

from schemas.faults import FAULTS, FaultClass
from schemas.safety import Lock, PilotState, SafetyConnector
from schemas.session import MeterSample, StopReason, TransactionStarted, TransactionStopped
from services.session.transactions.record import Plug, Sample, Stop, Transaction

READING_AGE_S = 5.0
"""A start value may be this old: the contactor is still open."""
READING_PATIENCE_S = 30.0
"""How long the end register is waited for once the contacts are proven open."""
SIGN_OF_LIFE_S = 60.0

_STOPPING = frozenset({FaultClass.STOP, FaultClass.LATCH, FaultClass.LOCKOUT})
_BLOCKING = _STOPPING | {FaultClass.PAUSE}
_ENDING = frozenset({FaultClass.LATCH, FaultClass.LOCKOUT})
_FAULTED_STATES = frozenset({PilotState.E, PilotState.FAULT, PilotState.LATCHED, PilotState.LOCKOUT})
_UNSEEING_STATES = frozenset({PilotState.BOOT, PilotState.UNKNOWN})


class Presence(Enum):
    UNKNOWN = "unknown"
    GONE = "gone"
    PRESENT = "present"


def knows_the_pilot(safety: SafetyConnector) -> bool:
    """False while `safety` is still finding out what is connected: nothing follows from such a message."""
    return safety.state not in _UNSEEING_STATES


def presence(safety: SafetyConnector, seen: Plug | None) -> Presence:
    """`seen`: the vehicle seen last. Without state A, "not connected" only counts in the run that saw it connected."""
    if not knows_the_pilot(safety):
        return Presence.UNKNOWN
    if safety.vehicle_connected:
        return Presence.PRESENT
    if safety.state is PilotState.A or (seen is not None and seen.run_id == safety.run_id):
        return Presence.GONE
    return Presence.UNKNOWN


def plug_of(safety: SafetyConnector) -> Plug:
    return Plug(safety.run_id, safety.plug_count)


def was_replaced(plug: Plug, safety: SafetyConnector) -> bool:
    """The vehicle has left and one is back: only runs of `safety` that saw both can tell."""
    return safety.vehicle_connected and plug.run_id == safety.run_id and plug.number != safety.plug_count


def _classes(safety: SafetyConnector) -> set[FaultClass]:
    """A name that a newer `safety` has and we do not counts as one that stops power."""
    return {FAULTS[code].fault_class if code in FAULTS else FaultClass.STOP for code in safety.faults}


def is_faulted(safety: SafetyConnector) -> bool:
    """OCPP 1.6 section 4.9: Faulted, and no transaction starts."""
    return safety.state in _FAULTED_STATES or bool(_classes(safety) & _STOPPING)


def ends_transactions(safety: SafetyConnector) -> bool:
    """A fault that needs an unplug or a person."""
    return safety.state in (PilotState.LATCHED, PilotState.LOCKOUT) or bool(_classes(safety) & _ENDING)


def fault_words(safety: SafetyConnector) -> str:
    """The worst fault's text; empty without a fault."""
    known = [FAULTS[code].text for code in safety.faults if code in FAULTS]
    return known[0] if known else ", ".join(safety.faults) or safety.reason


def start_refusal(
    safety: SafetyConnector | None, disk: str, sample: Sample | None, sample_good: bool, now_s: float
) -> str:
    """Why an authorized vehicle cannot start now; empty = it starts. `safety` is None while it is not fresh."""
    if safety is None:
        return "waiting for the safety service"
    if not safety.vehicle_connected:
        return "waiting for the vehicle"
    if is_faulted(safety) or _classes(safety) & _BLOCKING:
        return fault_words(safety) or "a fault is active"
    if disk:
        return disk
    if safety.lock not in (Lock.NONE, Lock.LOCKED):
        return "waiting for the plug to be locked"
    if sample is None or not sample_good or now_s - sample.sampled_s > READING_AGE_S:
        return WAITING_FOR_METER
    return ""


WAITING_FOR_METER = "waiting for the meter"


def automatic_stop(
    transaction: Transaction, safety: SafetyConnector, presence_now: Presence, stop_on_unplug: bool | None
) -> StopReason | None:
    """What ends an active transaction without anybody asking. `stop_on_unplug` None = settings not heard yet."""
    if ends_transactions(safety):
        left = presence_now is Presence.GONE and stop_on_unplug
        return StopReason.EV_DISCONNECTED if left else StopReason.OTHER
    if stop_on_unplug and (presence_now is Presence.GONE or was_replaced(transaction.plug, safety)):
        return StopReason.EV_DISCONNECTED
    return None


def holds_cable_after(transaction: Transaction, reason: StopReason, has_lock: bool, unlock_on_unplug: bool) -> bool:
    """OCPP 1.6 section 4.10: locked until the card, if the vehicle left and the key says so.

    Also if the backend did not accept the id tag (section 4.8, errata 3.5 and 3.17). Free charging has no card to come
    back with.
    """
    left = reason is StopReason.EV_DISCONNECTED and not unlock_on_unplug
    return (left or reason is StopReason.DEAUTHORIZED) and has_lock and not transaction.free


def decided(transaction: Transaction, stop: Stop, sample: Sample | None, holds_cable: bool) -> Transaction:
    """The first step of the end: reason and time, before any register is read."""
    stop = stop._replace(wall_s=max(stop.wall_s, transaction.started_wall_s))
    return replace(observed(transaction, sample), stop=stop, holds_cable=holds_cable)


def continues(transaction: Transaction, sample: Sample | None) -> bool:
    """This reading is of the same register, further on."""
    return (
        sample is not None
        and sample.serial == transaction.meter_serial
        and sample.register_wh >= transaction.register_wh
    )


def observed(transaction: Transaction, sample: Sample | None) -> Transaction:
    """With the newer register, if it continues the stored one."""
    if sample is None or not continues(transaction, sample):
        return transaction
    sampled_s = max(sample.sampled_s, transaction.sampled_s)
    return replace(transaction, register_wh=sample.register_wh, sampled_s=sampled_s)


class End(NamedTuple):
    meter_stop_wh: int
    measured: bool


def end_register(transaction: Transaction, open_since_s: float, sample: Sample | None, waited_s: float) -> End | None:
    """The second step; None = wait.

    `open_since_s`: since when the contacts are proven open (0: they cannot be proven, a welded contactor);
    `waited_s`: how long this has been known.
    """
    if open_since_s > 0.0 and sample is not None and continues(transaction, sample) and sample.sampled_s > open_since_s:
        return End(sample.register_wh, True)
    if waited_s >= READING_PATIENCE_S:
        return End(observed(transaction, sample).register_wh, False)
    return None


def started_fact(transaction: Transaction) -> TransactionStarted:
    return TransactionStarted(
        transaction_id=transaction.transaction_id,
        connector=transaction.connector,
        id_tag=transaction.id_tag,
        started_wall_s=transaction.started_wall_s,
        meter_start_wh=transaction.meter_start_wh,
        meter_serial=transaction.meter_serial,
        signed=transaction.signed,
    )


def stopped_fact(
    transaction: Transaction, stop: Stop, end: End, samples: tuple[MeterSample, ...] = ()
) -> TransactionStopped:
    return TransactionStopped(
        transaction_id=transaction.transaction_id,
        connector=transaction.connector,
        id_tag=stop.id_tag,
        stopped_wall_s=stop.wall_s,
        meter_stop_wh=end.meter_stop_wh,
        meter_stop_measured=end.measured,
        reason=stop.reason,
        samples=samples,
        signed=transaction.signed,
        end_unsigned=transaction.signed and not transaction.end_signed,
    )
