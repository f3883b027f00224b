"""The numbered stream of facts to `session` (`bus/streams.py`): what the backend answered, said until acknowledged."""

import logging
import math

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.streams import MOST_AT_ONCE, REPEAT_S, Repeater
from bus.topics import QUEUE_FACT
from schemas.base import Acknowledged
from schemas.message_queue import QueueFact
from services.message_queue.storage.store import QueueStore
from services.store import StoreError

logger = logging.getLogger("message_queue")


class Facts:
    def __init__(self, bus: Endpoint, store: QueueStore) -> None:
        self._bus = bus
        self._store = store
        self._repeater = Repeater()

    def say(self, fact: QueueFact, now: Now) -> None:
        """A new one, when it is committed."""
        if fact.number == self._store.stream.lowest_waiting:
            self._repeater.next_s = now.boot_s + REPEAT_S
        self._bus.publish(QUEUE_FACT, fact)

    def session_appeared(self) -> None:
        self._repeater.appeared()

    def acknowledged(self, body: Acknowledged, now: Now) -> None:
        stream = self._store.stream
        if body.stream_id != stream.stream_id or body.mark < stream.lowest_waiting:
            return
        most = body.mark == stream.lowest_waiting + MOST_AT_ONCE - 1
        try:
            self._store.acknowledged(now, body.mark)
        except StoreError as error:
            logger.warning("acknowledgement of session not stored: %s", error)
            return
        if most:
            # A whole repeat has arrived: the rest need not wait for the next one.
            self._repeater.appeared()

    def step(self, now: Now) -> float:
        """Says again what is due; returns when to come again at the latest (boot clock)."""
        stream = self._store.stream
        if not self._store.ready or stream.lowest_waiting > stream.last:
            return math.inf
        if self._repeater.due(now.boot_s):
            try:
                for fact in self._store.waiting_facts(MOST_AT_ONCE):
                    self._bus.publish(QUEUE_FACT, fact)
            except StoreError as error:
                logger.warning("waiting facts cannot be read: %s", error)
        return self._repeater.next_s
