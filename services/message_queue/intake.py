"""Takes the facts of `session`: each becomes a message in the commit that moves the mark, and is acknowledged then."""

import logging

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.streams import Mark, Verdict, is_new, judge
from bus.topics import QUEUE_ACKNOWLEDGED
from schemas.base import Acknowledged
from schemas.message_queue import CallClass
from schemas.session import Fact, TransactionMeterValues, TransactionStarted
from services.message_queue.books.crowd import Crowd
from services.message_queue.books.volatile import Volatile
from services.message_queue.events import Events
from services.message_queue.rules import composing, numbering, policy
from services.message_queue.rules.message import METER_VALUES, START, STOP, Waiting
from services.store import StoreError

SIGNED_DATA = "SignedData"
"""OCPP 1.6 section 7.47 ValueFormat."""

logger = logging.getLogger("message_queue")


class Intake:
    def __init__(self, bus: Endpoint, crowd: Crowd, events: Events) -> None:
        self._bus = bus
        self._crowd = crowd
        self._store = crowd.store
        self._events = events

    def take(self, fact: Fact, now: Now) -> None:
        """A fact that cannot be stored is not acknowledged: `session` keeps it and says it again."""
        if not self._store.ready:
            return
        before = self._store.mark(fact.stream_id)
        verdict = judge(before, fact.stream_id, fact.number, fact.lowest_unacknowledged)
        if verdict is Verdict.TAKE:
            try:
                if not self._queue(fact, now):
                    return
            except StoreError as error:
                logger.warning("fact %d of session is not taken: %s", fact.number, error)
                return
            if is_new(before, fact.stream_id) and (before is not None or fact.number > 1):
                self._tell_new_stream(before, fact, now)
        after = self._store.mark(fact.stream_id)
        if verdict is not Verdict.IGNORE and after is not None and after.stream_id == fact.stream_id:
            self._bus.publish(QUEUE_ACKNOWLEDGED, Acknowledged(stream_id=after.stream_id, mark=after.number))

    def _queue(self, fact: Fact, now: Now) -> bool:
        """False: there is no room for it; `session` keeps it until there is."""
        body = fact.body
        mark = Mark(fact.stream_id, fact.number)
        action, payload = _message_of(fact)
        if not payload or not self._is_for_a_backend(body.transaction_id):
            self._store.take(now, mark)
            return True
        room = self._crowd.room_for(action, body.transaction_id)
        bills = action != METER_VALUES or _carries_record(fact)
        if not room.admitted and bills:
            logger.warning("%s of transaction %s waits in session: no room", action, body.transaction_id)
            return False
        retransmit = self._crowd.keys.retransmit_meter_values or bills
        durable = policy.class_of(action, True, retransmit) is CallClass.TRANSACTION
        if not room.admitted:
            logger.warning("queue is full: MeterValues of transaction %s discarded", body.transaction_id)
            self._store.take(now, mark)
            self._crowd.discarded += 1
            return True
        if durable:
            message = Waiting(
                position=0,
                message_id=self._bus.new_id(),
                action=action,
                queued_wall_s=now.wall_s,
                connector=body.connector,
                transaction_id=body.transaction_id,
                signed=body.signed,
            )
            self._store.take(now, mark, message, payload, room.given_way)
        else:
            message_id = self._bus.new_id()
            self._store.take(now, mark, given_way=room.given_way)
            self._crowd.volatile.add(self._volatile(message_id, fact, payload, now))
            message = None
        if room.given_way:
            logger.warning("queue is full: %d messages discarded for %s", len(room.given_way), action)
            self._crowd.gave_way(room.given_way)
        if message is not None:
            self._crowd.queued_s[message.message_id] = now.boot_s
        return True

    def _is_for_a_backend(self, transaction_id: str) -> bool:
        """Without a backend nothing is queued; what a backend has begun to hear is kept for it."""
        if self._crowd.keys.backend:
            return True
        return transaction_id in self._store.begun or transaction_id in self._crowd.unsettled_starts()

    def _volatile(self, message_id: str, fact: Fact, payload: str, now: Now) -> Volatile:
        """`RetransmitMeterValues` is off (the guide, section 9.15)."""
        return Volatile(
            message_id=message_id,
            action=METER_VALUES,
            payload=payload,
            queued_wall_s=now.wall_s,
            expires_s=now.boot_s + self._crowd.keys.time_out_s,
            connector=fact.body.connector,
            transaction_id=fact.body.transaction_id,
        )

    def _tell_new_stream(self, before: Mark | None, fact: Fact, now: Now) -> None:
        if before is None:
            words = f"Message queue begins with fact {fact.number} of session: earlier ones are lost with its old store"
        else:
            words = "Session's store was replaced: its facts begin anew"
        self._events.tell("stream_replaced", words, now)


def _carries_record(fact: Fact) -> bool:
    """A signed record that comes after its StopTransaction bills: it is kept like one."""
    body = fact.body
    samples = body.samples if isinstance(body, TransactionMeterValues) and body.signed else ()
    return any(value.format == SIGNED_DATA for sample in samples for value in sample.values)


def _message_of(fact: Fact) -> tuple[str, str]:
    """Action and payload; an empty payload: there is nothing to say to the backend."""
    body = fact.body
    if isinstance(body, TransactionStarted):
        return START, composing.text(composing.start_transaction(body))
    if isinstance(body, TransactionMeterValues):
        values = composing.meter_values(body)
        payload = "" if values is None else composing.text(values)
        known = body.backend_transaction_id
        return METER_VALUES, numbering.filled_in(payload, known) if payload and known is not None else payload
    return STOP, composing.text(composing.stop_transaction(body))
