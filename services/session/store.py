"""`data/session.db`: everything durable of `session`, one commit per change of state.

A commit that fails has changed nothing, on disk or in memory; `trouble` then says why, and callers try again.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from bus.clock import Now
from bus.ids import IdSource
from bus.streams import Mark
from schemas.base import Answered
from schemas.message_queue import IdTagInfo
from schemas.session import Fact, MeterSample, TransactionMeterValues
from services.session.authorization import cache
from services.session.authorization import journal as authorizations
from services.session.authorization.flow import Pending
from services.session.availability import journal as availability
from services.session.availability.rules import Closed
from services.session.transactions import journal as transactions
from services.session.transactions.record import Transaction
from services.session.transactions.stream import Body, Stream, unpack_sample
from services.store import Store, StoreError

RETRY_S = 1.0
"""After a failed commit the next one is tried this much later."""
MIGRATIONS = (
    transactions.TABLES + authorizations.TABLES,
    transactions.BACKEND_TABLES + authorizations.BACKEND_TABLES + availability.TABLES,
    transactions.PHASE_COLUMNS,
    transactions.SIGN_COLUMNS,
)
OpenStore = Callable[[], Store]


class Learned(NamedTuple):
    """What the backend said of an id tag, for the cache."""

    id_tag: str
    info: IdTagInfo


def opener(path: Path) -> OpenStore:
    return lambda: Store(path, MIGRATIONS)


class SessionStore:
    """Opens itself when it can. `ready` is False until it has been read: until then nothing is known of the past."""

    def __init__(self, open_store: OpenStore, start_id: str, new_id: IdSource) -> None:
        self.trouble = ""
        """Why the last commit failed; empty when it succeeded."""
        self.replaced = ""
        """Name of the unreadable file that was set aside."""
        self.stream = Stream("")
        self.transactions: dict[int, Transaction] = {}
        """As read: by connector the one that still matters."""
        self.pending: tuple[Pending, ...] = ()
        """Authorizations that no transaction has used."""
        self.answers: list[tuple[Answered, float]] = []
        self.closures: dict[int, Closed] = {}
        """Connectors out of service, 0 = the station."""
        self.marks: dict[str, Mark] = {}
        """How far the facts of each stream have been taken."""
        self.late: dict[str, TransactionMeterValues] = {}
        """By transaction: signed ends that came after the bill, and are not facts yet."""
        self._open_store = open_store
        self._start_id = start_id
        self._new_id = new_id
        self._store: Store | None = None
        self._retry_s = 0.0

    @property
    def ready(self) -> bool:
        return self._store is not None

    @property
    def fault_code(self) -> str:
        """The catalogue's name for `trouble`."""
        return "disk_read_only" if "readonly" in self.trouble or "read-only" in self.trouble.lower() else "disk_full"

    def may_try(self, now: Now) -> bool:
        """False for a moment after a failed commit."""
        return now.boot_s >= self._retry_s

    def open(self, now: Now) -> bool:
        """True when it is open, also from before."""
        if self._store is None and self.may_try(now):
            store: Store | None = None
            try:
                store = self._open_store()
                self._read(store)
            except (StoreError, OSError) as error:
                self._failed(error, now)
                if store is not None:
                    store.close()
                return False
            self._store = store
            self.trouble = ""
            if store.set_aside is not None:
                self.replaced = store.set_aside.name
        return self._store is not None

    def _read(self, store: Store) -> None:
        with store.commit() as connection:
            self.stream = transactions.begin_stream(connection, self._new_id())
            self.transactions = transactions.latest_transactions(connection, self._start_id)
            self.pending = authorizations.pending_of(connection, self._start_id)
            self.answers = transactions.answers_of(connection, self._start_id)
            self.closures = availability.closures_of(connection)
            self.marks = transactions.marks_of(connection)
            self.late = transactions.late_of(connection)

    def commit(
        self,
        now: Now,
        *,
        transaction: Transaction | None = None,
        fact: Body | None = None,
        pending: tuple[Pending, ...] | None = None,
        answered: tuple[Answered, float] | None = None,
        sample: MeterSample | None = None,
        learned: Learned | None = None,
        forget_cache: bool = False,
        closures: Mapping[int, Closed] | None = None,
        mark: Mark | None = None,
        late: TransactionMeterValues | None = None,
        delivered: str = "",
    ) -> Fact | None:
        """Everything given, in one commit; returns the numbered fact. `answered`: with its end, boot clock.

        `sample`: of `transaction`, for its end. `mark`: of a fact that is taken. `delivered`: the transaction whose
        late record is the fact. Raises StoreError: nothing was kept.
        """
        if self._store is None:
            raise StoreError("the journal is not open")
        stream = self.stream if fact is None else self.stream.appended()
        try:
            with self._store.commit() as connection:
                if transaction is not None:
                    transactions.keep_transaction(connection, transaction)
                if fact is not None:
                    transactions.append_fact(connection, stream.last, fact)
                if pending is not None:
                    authorizations.keep_pending(connection, pending)
                if answered is not None:
                    transactions.keep_answer(connection, self._start_id, *answered, now.boot_s)
                if transaction is not None and sample is not None:
                    transactions.append_sample(connection, transaction.transaction_id, sample)
                if transaction is not None and transaction.meter_stop_wh is not None:
                    transactions.drop_samples(connection, transaction.transaction_id)
                if forget_cache:
                    authorizations.clear_cache(connection)
                if learned is not None:
                    authorizations.learn(connection, *learned, now.wall_s)
                if closures is not None:
                    availability.keep_closures(connection, closures)
                if mark is not None:
                    transactions.keep_mark(connection, mark)
                if late is not None:
                    transactions.keep_late(connection, late)
                if delivered:
                    transactions.drop_late(connection, delivered)
        except StoreError as error:
            self._failed(error, now)
            raise
        self.trouble, self.stream = "", stream
        if pending is not None:
            self.pending = pending
        if closures is not None:
            self.closures = dict(closures)
        if mark is not None:
            self.marks[mark.stream_id] = mark
        if late is not None:
            self.late[late.transaction_id] = late
        self.late.pop(delivered, None)
        return None if fact is None else stream.fact(stream.last, fact)

    def acknowledge(self, mark: int, now: Now) -> None:
        """The receiver has every fact up to this number. Raises StoreError."""
        if self._store is None:
            raise StoreError("the journal is not open")
        stream = self.stream.acknowledged(mark)
        try:
            with self._store.commit() as connection:
                transactions.drop_facts(connection, stream.lowest_waiting - 1)
        except StoreError as error:
            self._failed(error, now)
            raise
        self.trouble, self.stream = "", stream

    def probe(self, now: Now) -> None:
        """Tries a commit that changes nothing, to learn whether the disk takes them again."""
        if self._store is None or not self.may_try(now):
            return
        try:
            with self._store.commit() as connection:
                transactions.keep_probe(connection, now.wall_s)
            self.trouble = ""
        except StoreError as error:
            self._failed(error, now)

    def waiting_facts(self, most: int) -> list[Fact]:
        """The oldest unacknowledged ones. Raises StoreError."""
        if self._store is None:
            return []
        rows = self._store.rows(transactions.FACTS_FROM, (self.stream.lowest_waiting, most))
        return [self.stream.fact(*transactions.fact_of(row)) for row in rows]

    def all_transactions(self) -> list[Transaction]:
        """The whole journal, oldest first. Raises StoreError."""
        if self._store is None:
            return []
        return [transactions.transaction_of(row) for row in self._store.rows(transactions.ALL_TRANSACTIONS)]

    def transaction(self, transaction_id: str) -> Transaction | None:
        """As it is stored. Raises StoreError."""
        rows = [] if self._store is None else self._store.rows(transactions.ONE_TRANSACTION, (transaction_id,))
        return transactions.transaction_of(rows[0]) if rows else None

    def samples_of(self, transaction_id: str) -> tuple[MeterSample, ...]:
        """Those kept for its end. Raises StoreError."""
        rows = [] if self._store is None else self._store.rows(transactions.SAMPLES_OF, (transaction_id,))
        return tuple(unpack_sample(row["body"]) for row in rows)

    def cached(self, id_tag: str) -> cache.Entry | None:
        """What the backend last said of an id tag. Raises StoreError."""
        name = cache.name_of(id_tag)
        rows = [] if self._store is None else self._store.rows(authorizations.CACHED, (name,))
        return authorizations.entry_of(rows[0]) if rows else None

    def close(self) -> None:
        if self._store is not None:
            self._store.close()
            self._store = None

    def _failed(self, error: Exception, now: Now) -> None:
        self.trouble = str(error) or type(error).__name__
        self._retry_s = now.boot_s + RETRY_S
