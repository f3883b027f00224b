"""The transaction of one connector, and its durable steps: one commit each, and what follows from it at once.

The order is the promise: what is billed is committed before power is allowed, and the decision to end before power is
withdrawn.
"""

import logging
from dataclasses import dataclass, field, replace

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.topics import SESSION_FACT
from schemas.base import Answer, Answered
from schemas.session import MeterSample, TransactionMeterValues
from services.session.authorization import flow
from services.session.connectors import actions
from services.session.connectors.signing import Signatures
from services.session.connectors.situation import Wanted
from services.session.keys import Keys
from services.session.outage import Outage
from services.session.store import SessionStore
from services.session.transactions import rules
from services.session.transactions.record import Transaction
from services.session.transactions.stream import Body
from services.store import StoreError

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
    several: bool = False
    """The station has more than one connector."""
    outage: Outage = field(init=False)

    def __post_init__(self) -> None:
        self.outage = Outage(self.started_s)


class Ledger:
    def __init__(self, connector: int, shared: Shared, meter: str) -> None:
        self.signatures = Signatures(shared.bus, meter)
        self.transaction: Transaction | None = None
        self.wanted: Wanted | None = None
        """An end that is not stored yet."""
        self._connector = connector
        self._shared = shared

    @property
    def holds_cable(self) -> bool:
        """After the decision to end."""
        return self.transaction is not None and self.transaction.holds_cable

    def perform(self, action: actions.Action, now: Now) -> bool:
        """One commit and what follows from it; False = it could not be stored and is tried again later."""
        if isinstance(action, actions.Forget):
            self.transaction = None
            return True
        try:
            if not self._shared.store.may_try(now):
                raise StoreError(self._shared.store.trouble)
            self._commit(action, now)
        except StoreError as error:
            logger.debug("connector %d: %s not stored: %s", self._connector, type(action).__name__, error)
            if isinstance(action, actions.Decide) and self.wanted is None and action.transaction.stop is not None:
                # The decision is made: reason and time stay, however long the disk takes.
                self.wanted = Wanted(action.transaction.stop)
            return False
        return True

    def release_cable(self, now: Now, answered: Answered | None = None, until_s: float = 0.0) -> bool:
        """What a held cable waits for; False = not stored, try again."""
        if self.transaction is None:
            return False
        released = replace(self.transaction, holds_cable=False)
        try:
            kept = None if answered is None else (answered, until_s)
            self._shared.store.commit(now, transaction=released, answered=kept)
        except StoreError as error:
            logger.warning("connector %d: cable not released: %s", self._connector, error)
            return False
        self.transaction = released
        return True

    def want_phases(self, transaction: Transaction, answered: Answered, until_s: float, now: Now) -> bool:
        """`transaction`: with the wish. One commit with its answer; False = not stored, nothing has changed."""
        try:
            self._shared.store.commit(now, transaction=transaction, answered=(answered, until_s))
        except StoreError as error:
            logger.warning("connector %d: phases not stored: %s", self._connector, error)
            return False
        self.transaction = transaction
        return True

    def _commit(self, action: actions.Action, now: Now) -> None:
        store = self._shared.store
        match action:
            case actions.Begin(draft, used, sample):
                self._begin(draft, used, sample, now)
            case actions.Keep(transaction):
                store.commit(now, transaction=transaction)
                self.transaction = transaction
            case actions.Measure(transaction, body, sample):
                self._commit_fact(transaction, body, now, sample=sample)
            case actions.Decide(transaction):
                self._decide(transaction, now)
            case actions.Close(transaction, end, sample):
                assert transaction.stop is not None
                before = store.samples_of(transaction.transaction_id)
                samples = before if sample is None else (*before, sample)
                self._commit_fact(transaction, rules.stopped_fact(transaction, transaction.stop, end, samples), now)
                logger.info("connector %d: transaction ended at %d Wh", self._connector, end.meter_stop_wh)
            case actions.Deliver(transaction_id, body):
                self._deliver(transaction_id, body, now)
            case actions.Bind(pending, plug):
                store.commit(now, pending=flow.bound(store.pending, pending, self._connector, plug))
            case actions.Drop(pending):
                store.commit(now, pending=flow.without(store.pending, pending))

    def _begin(self, draft: Transaction, used: flow.Pending | None, sample: MeterSample | None, now: Now) -> None:
        pending = self._shared.store.pending
        left = pending if used is None else flow.without(pending, used)
        transaction = replace(draft, transaction_id=draft.transaction_id or self._shared.bus.new_id())
        self._commit_fact(transaction, rules.started_fact(transaction), now, left, sample)
        logger.info("connector %d: transaction begun at %d Wh", self._connector, transaction.meter_start_wh)

    def _deliver(self, transaction_id: str, body: TransactionMeterValues, now: Now) -> None:
        """Stored, and with it that nothing is owed any more; `late_records.py` sends it on its way."""
        store, own = self._shared.store, self.transaction
        is_own = own is not None and own.transaction_id == transaction_id
        one = own if is_own else store.transaction(transaction_id)
        if one is not None and not one.end_signed:
            one = replace(one, end_signed=True)
            store.commit(now, transaction=one, late=body)
            if is_own:
                self.transaction = one
        self.signatures.delivered()

    def _commit_fact(
        self,
        transaction: Transaction,
        body: Body | None,
        now: Now,
        pending: tuple[flow.Pending, ...] | None = None,
        sample: MeterSample | None = None,
    ) -> None:
        fact = self._shared.store.commit(now, transaction=transaction, fact=body, pending=pending, sample=sample)
        self.transaction = transaction
        if fact is not None:
            self._shared.bus.publish(SESSION_FACT, fact)

    def _decide(self, transaction: Transaction, now: Now) -> None:
        wanted, kept = self.wanted, None
        if wanted is not None and wanted.request_id:
            values = {"transaction_id": transaction.transaction_id}
            answered = Answered(request_id=wanted.request_id, outcome=Answer.ACCEPTED, values=values)
            kept = (answered, wanted.expires_s + ANSWER_KEPT_S)
        self._shared.store.commit(now, transaction=transaction, answered=kept)
        self.transaction, self.wanted = transaction, None
        logger.info("connector %d: ending, %s", self._connector, transaction.stop)
        if kept is not None:
            self._shared.bus.answer(kept[0].request_id, kept[0].outcome, values=kept[0].values)
