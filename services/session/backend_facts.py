"""Both streams of facts (rules: `bus/streams.py`): ours to `message_queue`, and the backend's answers back from it."""

import logging
from collections.abc import Mapping
from dataclasses import replace

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.envelope import Received
from bus.streams import MOST_AT_ONCE, REPEAT_S, Mark, Repeater, Verdict, is_new, judge
from bus.topics import HEARTBEATS, SESSION_ACKNOWLEDGED, SESSION_FACT, SYSTEM_EVENT
from schemas.base import Acknowledged
from schemas.message_queue import AuthorizationStatus, QueueFact, StartAnswered, StopAnswered
from schemas.system import EventRequest
from services.session.connectors.connector import Connector
from services.session.inquiries import Inquiries
from services.session.store import Learned, SessionStore
from services.session.transactions.record import Transaction
from services.store import StoreError

QUEUE_HEARTBEAT = HEARTBEATS["message_queue"]
EVENT_EXPIRES_S = 60.0

logger = logging.getLogger("session")


class OwnFacts:
    """Says every fact again until `message_queue` has it; while there is none they wait."""

    def __init__(self, bus: Endpoint, store: SessionStore) -> None:
        self._bus = bus
        self._store = store
        self._repeater = Repeater()
        self._receiver_run = ""
        self._mark = 0
        """Acknowledged, and perhaps not stored yet."""
        self._said_to = 0
        """The highest number in the last repeat."""

    def say_all(self) -> None:
        """At our own start, and again and again: the oldest, at most 50."""
        try:
            facts = self._store.waiting_facts(MOST_AT_ONCE)
        except StoreError as error:
            logger.warning("waiting facts cannot be read: %s", error)
            return
        for fact in facts:
            self._bus.publish(SESSION_FACT, fact)
            self._said_to = fact.number

    def hear_beat(self, message: Received) -> None:
        if message.run_id != self._receiver_run:
            self._receiver_run = message.run_id
            self._repeater.appeared()

    def acknowledged(self, body: Acknowledged) -> None:
        if body.stream_id == self._store.stream.stream_id:
            self._mark = max(self._mark, body.mark)

    def on_time(self, now: Now) -> float:
        """One commit for all acknowledgements that have come; returns when to come again (boot clock)."""
        store = self._store
        if not store.ready:
            return float("inf")
        if self._mark >= store.stream.lowest_waiting and store.may_try(now):
            try:
                store.acknowledge(self._mark, now)
            except StoreError as error:
                logger.warning("acknowledgement not stored: %s", error)
            if self._mark >= self._said_to:
                self._repeater.appeared()
        if store.stream.waiting == 0:
            # What is committed next is said at once: its first repeat has time.
            self._repeater.next_s = now.boot_s + REPEAT_S
            return float("inf")
        if self._bus.latest(QUEUE_HEARTBEAT).fresh is None:
            return float("inf")
        if self._repeater.due(now.boot_s):
            self.say_all()
        return self._repeater.next_s


class BackendFacts:
    """Takes what the backend answered: mark and consequence in one commit, then the acknowledgement."""

    def __init__(
        self, bus: Endpoint, store: SessionStore, connectors: Mapping[int, Connector], inquiries: Inquiries
    ) -> None:
        self._bus = bus
        self._store = store
        self._connectors = connectors
        self._inquiries = inquiries

    def take(self, fact: QueueFact, now: Now) -> None:
        """What cannot be stored is not acknowledged: it is said again."""
        if not self._store.ready:
            return
        before = self._store.marks.get(fact.stream_id)
        verdict = judge(before, fact.stream_id, fact.number, fact.lowest_unacknowledged)
        if verdict is Verdict.TAKE:
            replaced = is_new(before, fact.stream_id) and (bool(self._store.marks) or fact.number > 1)
            try:
                self._commit(fact, now)
            except StoreError as error:
                logger.warning("fact %d of message_queue is not taken: %s", fact.number, error)
                return
            if replaced:
                self._tell_replaced(fact, now)
        after = self._store.marks.get(fact.stream_id)
        if verdict is not Verdict.IGNORE and after is not None:
            self._bus.publish(SESSION_ACKNOWLEDGED, Acknowledged(stream_id=fact.stream_id, mark=after.number))

    def _commit(self, fact: QueueFact, now: Now) -> None:
        body, mark = fact.body, Mark(fact.stream_id, fact.number)
        connector = next((c for c in self._connectors.values() if _is_of(c.transaction, body.transaction_id)), None)
        one = self._store.transaction(body.transaction_id) if connector is None else connector.transaction
        if one is None:
            logger.warning("the backend answered for transaction %s, which is not known here", body.transaction_id)
            self._store.commit(now, mark=mark)
            return
        if isinstance(body, StopAnswered):
            by = one.stop.id_tag if one.stop is not None else ""
            self._store.commit(now, learned=self._inquiries.learned(by, body.id_tag_info), mark=mark)
            return
        updated = _answered(one, body)
        learned: Learned | None = self._inquiries.learned(one.id_tag, body.id_tag_info)
        self._store.commit(now, transaction=updated, learned=learned, mark=mark)
        logger.info("transaction %s is %d at the backend", one.transaction_id, body.backend_transaction_id)
        if connector is not None:
            connector.ledger.transaction = updated
            connector.step(now)

    def _tell_replaced(self, fact: QueueFact, now: Now) -> None:
        words = f"Answers of the backend begin anew with fact {fact.number}: a data file was replaced"
        event = EventRequest(
            request_id=self._bus.new_id(), expires_s=now.boot_s + EVENT_EXPIRES_S, code="stream_replaced", text=words
        )
        self._bus.request(SYSTEM_EVENT, event)


def _is_of(one: Transaction | None, transaction_id: str) -> bool:
    return one is not None and one.transaction_id == transaction_id


def _answered(one: Transaction, body: StartAnswered) -> Transaction:
    """The last answer wins. Given up: nobody has judged the id tag (errata 3.18)."""
    info = body.id_tag_info
    if info is None:
        return replace(one, backend_id=body.backend_transaction_id)
    return replace(
        one,
        backend_id=body.backend_transaction_id,
        parent_id_tag=info.parent_id_tag or one.parent_id_tag,
        invalid=info.status is not AuthorizationStatus.ACCEPTED,
    )
