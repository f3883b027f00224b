"""One connector at work: gathers its situation, performs the next durable step, then says what follows from it.

It decides nothing: the rules are in `state.py`, `situation.py` and below. The order of every step is the promise: what
is billed is committed before power is allowed, and the decision to end before power is withdrawn.
"""

import logging
from dataclasses import dataclass, replace

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.topics import SAFETY_CONNECTOR, SESSION_FACT, SYSTEM_BOOT
from schemas.base import Answer, Answered
from schemas.session import StopTransactionRequest
from services.session.authorization import flow
from services.session.authorization.flow import Seat
from services.session.connectors import report, situation, state
from services.session.connectors.senses import Senses
from services.session.connectors.situation import Situation, Wanted
from services.session.connectors.voice import RENEW_S, Voice
from services.session.keys import Keys
from services.session.store import SessionStore
from services.session.transactions import rules
from services.session.transactions.record import Phase, Stop, Transaction
from services.session.transactions.rules import Presence
from services.session.transactions.stream import Body
from services.store import StoreError

NO_READING_S = 10.0
"""An authorized vehicle that waits longer than this for its start value is a fault."""
MOST_STEPS = 8
"""At once; the rest follows at the next turn."""
ANSWER_KEPT_S = 60.0

logger = logging.getLogger("session")


@dataclass
class Shared:
    """What all connectors of the station have in common."""

    bus: Endpoint
    store: SessionStore
    start_id: str
    started_s: float
    keys: Keys | None = None


class Connector:
    def __init__(self, number: int, has_meter: bool, shared: Shared) -> None:
        self.number = number
        self.has_meter = has_meter
        self.meter = f"connector.{number}"
        self.senses = Senses()
        self.transaction: Transaction | None = None
        self.rejected_until_s = 0.0
        self._shared = shared
        self._voice = Voice(shared.bus, number)
        self._wanted: Wanted | None = None
        self._no_reading_since_s: float | None = None
        self._end_since_s: float | None = None

    # wishes

    def want_stop(self, stop: Stop) -> None:
        """By a person here: a card. The first decision counts."""
        if self._wanted is None or not self._wanted.firm:
            before = self._wanted or Wanted(stop)
            self._wanted = before._replace(stop=stop, firm=True)

    def want_stop_by(self, request: StopTransactionRequest, stop: Stop) -> None:
        """By command: answered with the commit; nothing happens if it cannot be stored before its end."""
        before = self._wanted or Wanted(stop, firm=False)
        self._wanted = before._replace(request_id=request.request_id, expires_s=request.expires_s)

    def release_cable(self, now: Now, answered: Answered | None = None, until_s: float = 0.0) -> bool:
        """What a held cable waits for; False = not stored, try again."""
        if self.transaction is None:
            return False
        released = replace(self.transaction, holds_cable=False)
        try:
            kept = None if answered is None else (answered, until_s)
            self._shared.store.commit(now, transaction=released, answered=kept)
        except StoreError as error:
            logger.warning("connector %d: cable not released: %s", self.number, error)
            return False
        self.transaction = released
        return True

    def seat(self) -> Seat:
        """As the card flow sees it."""
        one, senses = self.transaction, self.senses
        pending = flow.authorization_for(self._shared.store.pending, self.number)
        return Seat(
            connector=self.number,
            has_meter=self.has_meter,
            vehicle=senses.presence is Presence.PRESENT,
            plugged_s=senses.plugged_s,
            phase=one.phase if one is not None else None,
            id_tag=one.id_tag if one is not None else "",
            started_wall_s=one.started_wall_s if one is not None else 0.0,
            holds_cable=one is not None and one.holds_cable,
            faulted=senses.safety is not None and rules.is_faulted(senses.safety),
            taken=pending is not None and pending.plug is not None,
        )

    # one turn

    def step(self, now: Now) -> float:
        """Does what is to be done; returns when to come again at the latest (boot clock)."""
        if not self._shared.store.ready:
            return now.boot_s + RENEW_S
        self._wanted = situation.unexpired(self._wanted, now.boot_s)
        if self.transaction is not None and self.transaction.phase is not Phase.ENDED:
            # Not stored yet, but not forgotten when the next sample is of an exchanged meter.
            self.transaction = rules.observed(self.transaction, self.senses.sample)
        for _ in range(MOST_STEPS):
            action = state.next_action(self._situation(now))
            if action is None or not self._perform(action, now):
                break
        s = self._situation(now)
        self._watch_start(s)
        if not situation.has_heard_all(s):
            return self._shared.started_s + situation.HEAR_ALL_S
        wish = situation.wish_of(s)
        self._voice.permit(wish, now)
        body = report.connector_message(
            s,
            wish,
            no_reading=self.lacks_reading(now),
            rejected_until_s=self.rejected_until_s,
            waiting_facts=self._shared.store.stream.waiting,
        )
        self._voice.tell(body, now)
        return self._voice.renew_s

    def keep_sign_of_life(self, now: Now) -> None:
        """Before its time: at an orderly end of the process, and when missed samples have come."""
        if self._shared.store.ready and (action := state.sign_of_life(self._situation(now))) is not None:
            self._perform(action, now)

    def _situation(self, now: Now) -> Situation:
        shared, senses = self._shared, self.senses
        latest = shared.bus.latest(SAFETY_CONNECTOR, str(self.number)).fresh
        boot = shared.bus.latest(SYSTEM_BOOT).body
        in_force_a, one = senses.last_in_force_a, self.transaction
        s = Situation(
            connector=self.number,
            has_meter=self.has_meter,
            start_id=shared.start_id,
            now=now,
            up_s=now.boot_s - shared.started_s,
            safety=senses.safety,
            safety_fresh=latest is not None and rules.knows_the_pilot(latest) and senses.safety is not None,
            presence=senses.presence,
            boot_reason=boot.reason if boot is not None else None,
            keys=shared.keys,
            meter_heard=senses.meter_heard,
            sample=senses.sample,
            sample_good=senses.sample_good(now.boot_s),
            transaction=one,
            pending=flow.authorization_for(shared.store.pending, self.number),
            wanted=self._wanted,
            disk="" if not shared.store.trouble else f"nothing can be stored: {shared.store.trouble}"[:200],
            last_in_force_a=one.limit_a if in_force_a is None and one is not None else in_force_a,
            safety_obeys=senses.safety is not None and self._voice.is_obeyed(senses.safety.permission_until_s),
        )
        return replace(s, end_waited_s=self._end_waited_s(s))

    def _end_waited_s(self, s: Situation) -> float:
        if s.phase is not Phase.STOPPING or state.open_since_s(s) is None:
            self._end_since_s = None
            return 0.0
        if self._end_since_s is None:
            self._end_since_s = s.now.boot_s
        return s.now.boot_s - self._end_since_s

    # durable steps

    def _perform(self, action: state.Action, now: Now) -> bool:
        """One commit and what follows from it; False = it could not be stored and is tried again later."""
        if isinstance(action, state.Forget):
            self.transaction = None
            return True
        try:
            if not self._shared.store.may_try(now):
                raise StoreError(self._shared.store.trouble)
            self._commit(action, now)
        except StoreError as error:
            logger.debug("connector %d: %s not stored: %s", self.number, type(action).__name__, error)
            if isinstance(action, state.Decide) and self._wanted is None and action.transaction.stop is not None:
                # The decision is made: reason and time stay, however long the disk takes.
                self._wanted = Wanted(action.transaction.stop)
            return False
        return True

    def _commit(self, action: state.Action, now: Now) -> None:
        store = self._shared.store
        match action:
            case state.Begin(transaction):
                self._begin(transaction, now)
            case state.Keep(transaction):
                store.commit(now, transaction=transaction)
                self.transaction = transaction
            case state.Decide(transaction):
                self._decide(transaction, now)
            case state.Close(transaction, end):
                assert transaction.stop is not None
                self._commit_fact(transaction, rules.stopped_fact(transaction, transaction.stop, end), now)
                logger.info("connector %d: transaction ended at %d Wh", self.number, end.meter_stop_wh)
            case state.Bind(pending, plug):
                store.commit(now, pending=flow.bound(store.pending, pending, self.number, plug))
            case state.Drop(pending):
                store.commit(now, pending=flow.without(store.pending, pending))

    def _begin(self, draft: Transaction, now: Now) -> None:
        store = self._shared.store
        transaction = replace(draft, transaction_id=self._shared.bus.new_id())
        used = flow.authorization_for(store.pending, self.number)
        left = store.pending if used is None else flow.without(store.pending, used)
        self._commit_fact(transaction, rules.started_fact(transaction), now, left)
        logger.info("connector %d: transaction begun at %d Wh", self.number, transaction.meter_start_wh)

    def _commit_fact(
        self, transaction: Transaction, body: Body, now: Now, pending: tuple[flow.Pending, ...] | None = None
    ) -> None:
        fact = self._shared.store.commit(now, transaction=transaction, fact=body, pending=pending)
        self.transaction = transaction
        if fact is not None:
            self._shared.bus.publish(SESSION_FACT, fact)

    def _decide(self, transaction: Transaction, now: Now) -> None:
        wanted, kept = self._wanted, None
        if wanted is not None and wanted.request_id:
            values = {"transaction_id": transaction.transaction_id}
            answered = Answered(request_id=wanted.request_id, outcome=Answer.ACCEPTED, values=values)
            kept = (answered, wanted.expires_s + ANSWER_KEPT_S)
        self._shared.store.commit(now, transaction=transaction, answered=kept)
        self.transaction, self._wanted = transaction, None
        logger.info("connector %d: ending, %s", self.number, transaction.stop)
        if kept is not None:
            self._shared.bus.answer(kept[0].request_id, kept[0].outcome, values=kept[0].values)

    # waiting for the meter

    def _watch_start(self, s: Situation) -> None:
        waits = s.has_meter and s.phase not in (Phase.ACTIVE, Phase.STOPPING) and situation.is_authorized(s)
        waits = waits and s.presence is Presence.PRESENT and situation.start_refusal(s) == rules.WAITING_FOR_METER
        if not waits:
            self._no_reading_since_s = None
        elif self._no_reading_since_s is None:
            self._no_reading_since_s = s.now.boot_s

    def lacks_reading(self, now: Now) -> bool:
        """An authorized vehicle has waited too long for its start value."""
        return self._no_reading_since_s is not None and now.boot_s - self._no_reading_since_s >= NO_READING_S
