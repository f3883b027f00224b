"""One connector at work: gathers its situation, has the next durable step done, then says what follows from it.

It decides nothing: the rules are in `state.py`, `situation.py` and below.
"""

from dataclasses import replace

from msgspec import structs

from bus.clock import Now
from bus.topics import NOTICES, QUEUE_STATUS, SAFETY_CONNECTOR, SYSTEM_BOOT, SYSTEM_RESET
from schemas.base import Answered
from schemas.metering import Reading
from schemas.notices import notice
from schemas.safety import Contactor
from schemas.session import MeterSample
from schemas.station import ConnectorSection
from services.session.authorization import flow
from services.session.authorization.flow import Seat
from services.session.connectors import report, situation, state, unlocking
from services.session.connectors.energy_flow import EnergyFlow
from services.session.connectors.ledger import Ledger, Shared
from services.session.connectors.patience import Patience
from services.session.connectors.phase_wish import phases_of
from services.session.connectors.sampling import offered
from services.session.connectors.senses import Senses
from services.session.connectors.settling import Settling
from services.session.connectors.situation import Situation, Wanted
from services.session.connectors.unlocking import Unlock
from services.session.connectors.voice import RENEW_S, Voice
from services.session.limits import phases
from services.session.transactions import meter_values, rules
from services.session.transactions.record import Phase, Stop, Transaction
from services.session.transactions.rules import Presence

MOST_STEPS = 8
"""At once; the rest follows at the next turn."""


class Connector:
    def __init__(self, number: int, section: ConnectorSection, shared: Shared) -> None:
        self.number = number
        self.has_meter = section.meter != "none"
        self.has_lock = section.has_lock
        self.meter = f"connector.{number}"
        self.senses = Senses()
        self.ledger = Ledger(number, shared, self.meter)
        self.rejected_until_s = 0.0
        self.switches_phases = section.phase_switching and section.phases == phases.ALL
        self._phases = section.phases
        self._outlet = section.cable == "schuko"
        self._shared = shared
        self._voice = Voice(shared.bus, number)
        self._settling = Settling()
        self._flow = EnergyFlow()
        self._unlock: Unlock | None = None
        self._patience = Patience()

    @property
    def transaction(self) -> Transaction | None:
        return self.ledger.transaction

    @property
    def running(self) -> Transaction | None:
        """The one that is not over."""
        one = self.ledger.transaction
        return None if one is None or one.phase is Phase.ENDED else one

    # wishes

    def want_stop(self, stop: Stop) -> None:
        """By a person here: a card. The first decision counts."""
        wanted = self.ledger.wanted
        if wanted is None or not wanted.firm:
            self.ledger.wanted = (wanted or Wanted(stop))._replace(stop=stop, firm=True)

    def want_stop_by(self, request_id: str, expires_s: float, stop: Stop) -> None:
        """By command: answered with the commit; nothing happens if it cannot be stored before its end.

        Without `request_id` somebody else answers.
        """
        before = self.ledger.wanted or Wanted(stop, firm=False)
        self.ledger.wanted = before._replace(request_id=request_id or before.request_id, expires_s=expires_s)

    def unlock(self, request_id: str, expires_s: float, now: Now) -> None:
        """OCPP 1.6 section 5.18: a transaction ends first. Answered when it is known what became of it."""
        self._unlock = unlocking.begin(request_id, now.boot_s, expires_s)
        one = self.ledger.transaction
        if one is not None and one.phase is Phase.ACTIVE:
            self.want_stop_by("", self._unlock.until_s, Stop(unlocking.REASON, now.wall_s))

    @property
    def is_unlocking(self) -> bool:
        return self._unlock is not None

    def seat(self, now: Now) -> Seat:
        """As the card flow sees it."""
        s = self._situation(now)
        one = s.transaction
        pending = flow.authorization_for(self._shared.store.pending, self.number)
        held_off = self._outlet and s.safety is not None and s.safety.only_latched
        return Seat(
            connector=self.number,
            has_meter=self.has_meter,
            vehicle=s.presence is Presence.PRESENT,
            plugged_s=s.plugged_s,
            phase=one.phase if one is not None else None,
            id_tag=one.id_tag if one is not None else "",
            parent_id_tag=one.parent_id_tag if one is not None else "",
            started_wall_s=one.started_wall_s if one is not None else 0.0,
            holds_cable=one is not None and one.holds_cable,
            faulted=s.safety is not None and rules.is_faulted(s.safety) and not held_off,
            held_off=held_off,
            taken=pending is not None and pending.plug is not None,
            timed_out=situation.has_timed_out(s),
            closed=situation.closed_words(s),
        )

    # one turn

    def step(self, now: Now) -> float:
        """Does what is to be done; returns when to come again at the latest (boot clock)."""
        if not self._shared.store.ready:
            return now.boot_s + RENEW_S
        ledger = self.ledger
        ledger.wanted = situation.unexpired(ledger.wanted, now.boot_s)
        if self.running is None:
            self.senses.readings.forget()
        else:
            # Not stored yet, but not forgotten when the next sample is of an exchanged meter.
            ledger.transaction = rules.observed(self.running, self.senses.sample)
        for _ in range(MOST_STEPS):
            action = state.next_action(self._situation(now))
            if action is None or not ledger.perform(action, now):
                break
        if self._unlock is not None and ledger.holds_cable and self._shared.store.may_try(now):
            ledger.release_cable(now)
        s = self._situation(now)
        self._patience.watch_start(s)
        if not situation.has_heard_all(s):
            return self._shared.started_s + situation.HEAR_ALL_S
        wish = situation.wish_of(s)._replace(phases=phases_of(s))
        self._voice.permit(wish, now)
        body = report.connector_message(
            s,
            wish,
            no_reading=self.lacks_reading(now),
            rejected_until_s=self.rejected_until_s,
            waiting_facts=self._shared.store.stream.waiting,
        )
        self._voice.tell(structs.replace(body, status=self._settling.shown(body.status, now.boot_s)), now)
        self._answer_unlock(s)
        self._tell_flow(s)
        next_s = min(self._voice.renew_s, self._settling.due_s, self._flow.due_s, ledger.signatures.look(s))
        return next_s if self._unlock is None else min(next_s, self._unlock.until_s)

    def take_signature(self, body: Answered, now: Now) -> None:
        if self.ledger.signatures.answered(body, now):
            self.step(now)

    def keep_sign_of_life(self, now: Now) -> None:
        """Before its time: at an orderly end of the process, and when missed samples have come."""
        if self._shared.store.ready and (action := state.sign_of_life(self._situation(now))) is not None:
            self.ledger.perform(action, now)

    def sample_now(self, now: Now) -> MeterSample | None:
        """What the meter says now (TriggerMessage); None while it says nothing good."""
        s = self._situation(now)
        if s.keys is None or s.latest is None or s.young_sample is None:
            return None
        return meter_values.sample_of(s.latest, s.keys.sampled_data, meter_values.TRIGGER, offered(s))

    def _tell_flow(self, s: Situation) -> None:
        is_open = s.seeing is not None and s.seeing.contactor is Contactor.OPEN
        reading = s.latest if s.young_sample is not None else None
        flow = self._flow.look(is_open, reading, s.now.boot_s)
        if flow is not None:
            body = notice(flow.value, self.number)
            self._shared.bus.publish(NOTICES["session"], body, key=str(self.number))

    def _answer_unlock(self, s: Situation) -> None:
        if self._unlock is None:
            return
        outcome = unlocking.outcome(s, self._unlock)
        if outcome is not None:
            self._shared.bus.answer(self._unlock.request_id, outcome.answer, outcome.reason)
            self._unlock = None

    def _situation(self, now: Now) -> Situation:
        shared, senses, bus = self._shared, self.senses, self._shared.bus
        latest = bus.latest(SAFETY_CONNECTOR, str(self.number)).fresh
        boot, reset, queue = bus.latest(SYSTEM_BOOT).body, bus.latest(SYSTEM_RESET).body, bus.latest(QUEUE_STATUS).body
        in_force_a, one = senses.last_in_force_a, self.ledger.transaction
        has_backend = shared.keys is not None and shared.keys.backend
        pending = flow.authorization_for(shared.store.pending, self.number)
        s = Situation(
            connector=self.number,
            has_meter=self.has_meter,
            start_id=shared.start_id,
            now=now,
            up_s=now.boot_s - shared.started_s,
            safety=senses.safety,
            safety_fresh=latest is not None and rules.knows_the_pilot(latest) and senses.safety is not None,
            presence=senses.presence_at(self._outlet, one, pending, shared.keys),
            boot_reason=boot.reason if boot is not None else None,
            keys=shared.keys,
            meter_heard=senses.meter_heard,
            sample=senses.sample,
            sample_good=senses.sample_good(now.boot_s),
            transaction=one,
            pending=pending,
            wanted=self.ledger.wanted,
            disk="" if not shared.store.trouble else f"nothing can be stored: {shared.store.trouble}"[:200],
            last_in_force_a=one.limit_a if in_force_a is None and one is not None else in_force_a,
            safety_obeys=senses.safety is not None and self._voice.is_obeyed(senses.safety.permission_until_s),
            phases=self._phases,
            switches_phases=self.switches_phases,
            latest=senses.latest,
            awaits_ring=senses.readings.awaits_ring(now.boot_s),
            reset=reset.pending if reset is not None else None,
            queue_refuses=has_backend and queue is not None and queue.charging_refused,
            queue_heard=queue is not None or not has_backend,
            closed=shared.store.closures.get(self.number),
            several=shared.several,
            plugged_s=senses.plugged_s,
            unlocking=self._unlock is not None,
            offline=shared.outage.lasts(now.boot_s),
            signs=senses.signs,
            signing=self.ledger.signatures.known,
        )
        return replace(s, end_waited_s=self._patience.end_waited_s(s), due=self._due(s))

    def _due(self, s: Situation) -> Reading | None:
        one = self.running
        if one is None or s.keys is None or one.start_id != s.start_id:
            return None
        reading = self.senses.readings.next_due(one.meter_serial, one.grid_s, s.keys.sample_interval_s, s.now.boot_s)
        over = one.stop is not None and reading is not None and reading.sampled_wall_s > one.stop.wall_s
        return None if over else reading

    def lacks_reading(self, now: Now) -> bool:
        """An authorized vehicle has waited too long for its start value."""
        return self._patience.lacks_reading(now.boot_s)
