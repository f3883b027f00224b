"""Everything durable of `message_queue`, one commit per change of state, and the same in memory.

A commit that fails has changed nothing, on disk or in memory.
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from bus.clock import Now
from bus.ids import IdSource
from bus.streams import Mark
from schemas.base import Answered
from schemas.message_queue import QueueFact
from services import store_rows
from services.message_queue.rules.attempts import Failure
from services.message_queue.rules.composing import Status
from services.message_queue.rules.message import START, STOP, Waiting
from services.message_queue.storage import journal, records
from services.message_queue.storage.journal import Begun, Reached
from services.message_queue.storage.records import Body, Stream
from services.opening import Opening, OpenStore
from services.store import Store, StoreError

MIGRATIONS = (journal.TABLES + records.TABLES,)
PAGE_SIZE = 512
"""Half the usual: a queued message then writes least."""
LOG_FRAMES = 1020
"""SQLite carries the log into the file at 1000: it never grows."""


def opener(path: Path) -> OpenStore:
    return lambda: Store(path, MIGRATIONS, page_size=PAGE_SIZE, log_frames=LOG_FRAMES)


class Given(NamedTuple):
    """A message given up, with the payload as it was sent last."""

    message: Waiting
    payload: str


class QueueStore(Opening):
    def __init__(self, open_store: OpenStore, start_id: str, new_id: IdSource) -> None:
        super().__init__(open_store)
        self.waiting: dict[str, Waiting] = {}
        """By message id, in the order of queueing."""
        self.begun: dict[str, Begun] = {}
        """Transactions whose StartTransaction is settled and whose StopTransaction is not."""
        self.marks: dict[str, Reached] = {}
        """By stream id."""
        self.current_stream = 0
        """The stream of `session` heard last: its key in `marks`."""
        self.stream = Stream("")
        """Of facts to `session`."""
        self.statuses: dict[int, Status] = {}
        """As read."""
        self.registered_wall_s = 0.0
        self.given_up = 0
        self.answers: list[tuple[Answered, float]] = []
        self._start_id = start_id
        self._new_id = new_id
        self._position = 0

    def _read(self, store: Store) -> None:
        with store.commit() as connection:
            self.stream = records.begin_stream(connection, self._new_id())
            self.waiting = {one.message_id: one for one in journal.messages_of(connection)}
            self.begun = {one.transaction_id: one for one in journal.backend_ids_of(connection)}
            self.marks = {one.stream_id: one for one in journal.marks_of(connection)}
            self.statuses = records.statuses_of(connection)
            self.registered_wall_s = records.registration_of(connection)
            self.answers = store_rows.answers_of(connection, self._start_id)
            self.given_up = connection.execute(journal.COUNT_GIVEN_UP).fetchone()[0]
        self._position = max((one.position for one in self.waiting.values()), default=0)
        self.current_stream = max((one.key for one in self.marks.values()), default=0)

    # facts of session, and security events

    def mark(self, stream_id: str) -> Mark | None:
        """Of this stream; of the one heard last when this one is new."""
        known = self.marks.get(stream_id) or next(
            (one for one in self.marks.values() if one.key == self.current_stream), None
        )
        return None if known is None else known.mark()

    def take(
        self,
        now: Now,
        mark: Mark,
        message: Waiting | None = None,
        payload: str = "",
        given_way: Iterable[str] = (),
    ) -> Waiting | None:
        """A fact and its mark in one commit; returns the message with its place in the queue.

        `message` None: nothing is queued for it. `given_way`: ids of messages discarded for it. Raises StoreError.
        """
        known = self.marks.get(mark.stream_id)
        key = known.key if known is not None else 1 + max((one.key for one in self.marks.values()), default=0)
        reached = Reached(key, mark.stream_id, mark.number)
        marks = {**self.marks, mark.stream_id: reached}
        gone = [self.waiting[each] for each in given_way if each in self.waiting]
        placed = None
        if message is not None:
            placed = replace(message, position=self._position + 1, stream=key, number=mark.number)
        with self._commit(now) as connection:
            if placed is None or known is None:
                journal.keep_mark(connection, reached)
            if placed is not None:
                journal.keep_message(connection, placed, payload)
            if gone:
                journal.drop_messages(connection, gone, marks.values(), with_attempts=True)
        self.marks, self.current_stream = marks, key
        for one in gone:
            del self.waiting[one.message_id]
        self._place(placed)
        return placed

    def take_event(
        self, now: Now, message: Waiting, payload: str, answered: Answered, until_s: float, given_way: Iterable[str]
    ) -> None:
        """A security event and the answer to whoever asked for it. Raises StoreError."""
        placed = replace(message, position=self._position + 1)
        gone = [self.waiting[each] for each in given_way if each in self.waiting]
        with self._commit(now) as connection:
            journal.keep_message(connection, placed, payload)
            journal.drop_messages(connection, gone, self.marks.values(), with_attempts=True)
            store_rows.keep_answer(connection, self._start_id, answered, until_s, now.boot_s)
        for one in gone:
            del self.waiting[one.message_id]
        self._place(placed)

    def _place(self, placed: Waiting | None) -> None:
        if placed is not None:
            self._position = placed.position
            self.waiting[placed.message_id] = placed

    # sending

    def payload(self, message: Waiting) -> str:
        """As queued. Raises StoreError."""
        rows = self._rows(journal.PAYLOAD, (message.position,))
        if not rows:
            raise StoreError(f"message {message.message_id} is not in the store")
        return str(rows[0]["payload"])

    def keep_offered(self, now: Now, message: Waiting) -> Waiting:
        """It may be on the wire from now on. Raises StoreError."""
        changed = replace(message, offered=True)
        with self._commit(now) as connection:
            journal.change_message(connection, changed)
        self.waiting[changed.message_id] = changed
        return changed

    def keep_retry(self, now: Now, message: Waiting, failure: Failure, *, consumed: bool) -> Waiting:
        """This attempt has failed and another one follows. Raises StoreError."""
        changed = replace(message, attempt=failure.number + 1, consumed=message.consumed + consumed)
        with self._commit(now) as connection:
            journal.keep_attempt(connection, message.message_id, failure)
            journal.change_message(connection, changed)
        self.waiting[changed.message_id] = changed
        return changed

    def complete(
        self,
        now: Now,
        message: Waiting,
        *,
        fact: Body | None,
        backend_id: int | None = None,
        given: Given | None = None,
        failure: Failure | None = None,
    ) -> QueueFact | None:
        """It leaves the queue: outcome, backend's id and fact for `session` in one commit; returns the numbered fact.

        `given`, `failure`: it was given up after this. Raises StoreError.
        """
        stream = self.stream if fact is None else self.stream.appended()
        begun = None
        if message.action == START and backend_id is not None:
            begun = Begun(message.transaction_id, backend_id, message.stream)
        with self._commit(now) as connection:
            journal.drop_messages(connection, [message], self.marks.values(), with_attempts=given is None)
            if given is not None and failure is not None:
                journal.keep_attempt(connection, message.message_id, failure)
                journal.give_up(connection, given.message, given.payload)
            if begun is not None:
                journal.keep_backend_id(connection, begun)
            if message.action == STOP:
                journal.drop_backend_id(connection, message.transaction_id)
            if fact is not None:
                records.append_fact(connection, stream.last, fact)
        del self.waiting[message.message_id]
        self.stream, self.given_up = stream, self.given_up + (given is not None)
        if begun is not None:
            self.begun[begun.transaction_id] = begun
        if message.action == STOP:
            self.begun.pop(message.transaction_id, None)
        return None if fact is None else stream.fact(stream.last, fact)

    # facts to session

    def waiting_facts(self, most: int) -> list[QueueFact]:
        """The oldest unacknowledged ones. Raises StoreError."""
        rows = self._rows(records.FACTS_FROM, (self.stream.lowest_waiting, most))
        return [self.stream.fact(*records.fact_of(tuple(row))) for row in rows]

    def acknowledged(self, now: Now, mark: int) -> None:
        """`session` has every fact up to `mark`. Raises StoreError."""
        stream = self.stream.acknowledged(mark)
        if stream != self.stream:
            with self._commit(now) as connection:
                records.drop_facts(connection, stream.lowest_waiting - 1)
            self.stream = stream

    # statuses

    def keep_status(self, now: Now, connector: int, status: Status) -> None:
        """The backend knows it. Raises StoreError."""
        with self._commit(now) as connection:
            records.keep_status(connection, connector, status)

    def keep_registration(self, now: Now, accepted_wall_s: float) -> None:
        """The backend has accepted a BootNotification: it knows nothing of the connectors. Raises StoreError."""
        with self._commit(now) as connection:
            records.keep_registration(connection, accepted_wall_s)
        self.registered_wall_s = accepted_wall_s

    # for people

    def attempts(self, message_id: str) -> list[Failure]:
        """Raises StoreError."""
        return [Failure(*row) for row in self._rows(journal.ATTEMPTS, (journal.packed_id(message_id),))]

    def given_up_messages(self, most: int) -> list[Given]:
        """The oldest first. Raises StoreError."""
        return [Given(*each) for each in journal.given_up_of(self._rows(journal.GIVEN_UP, (most,)))]
