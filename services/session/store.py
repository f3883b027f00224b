"""`data/session.db`: everything durable of `session`, one commit per change of state.

A commit that fails has changed nothing, on disk or in memory; `trouble` then says why, and callers try again.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from bus.clock import Now
from bus.ids import IdSource
from bus.streams import Mark
from schemas.base import Answered
from schemas.message_queue import IdTagInfo
from schemas.session import Fact, MeterSample, TransactionMeterValues
from services import store_rows
from services.opening import Opening, OpenStore
from services.session.authorization import cache
from services.session.authorization import journal as authorizations
from services.session.authorization.flow import Pending
from services.session.availability import journal as availability
from services.session.availability.rules import Closed
from services.session.transactions import journal as transactions
from services.session.transactions.record import Transaction
from services.session.transactions.stream import Body, Stream, unpack_sample
from services.store import Store

MIGRATIONS = (
    transactions.TABLES + authorizations.TABLES,
    transactions.BACKEND_TABLES + authorizations.BACKEND_TABLES + availability.TABLES,
    transactions.PHASE_COLUMNS,
    transactions.SIGN_COLUMNS,
)


class Learned(NamedTuple):
    """What the backend said of an id tag, for the cache."""

    id_tag: str
    info: IdTagInfo


def opener(path: Path) -> OpenStore:
    return lambda: Store(path, MIGRATIONS)


class SessionStore(Opening):
    """What is durable of `session`."""

    def __init__(self, open_store: OpenStore, start_id: str, new_id: IdSource) -> None:
        super().__init__(open_store)
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
        self._start_id = start_id
        self._new_id = new_id

    def _read(self, store: Store) -> None:
        with store.commit() as connection:
            self.stream = transactions.begin_stream(connection, self._new_id())
            self.transactions = transactions.latest_transactions(connection, self._start_id)
            self.pending = authorizations.pending_of(connection, self._start_id)
            self.answers = store_rows.answers_of(connection, self._start_id)
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
        stream = self.stream if fact is None else self.stream.appended()
        with self._commit(now) as connection:
            if transaction is not None:
                transactions.keep_transaction(connection, transaction)
            if fact is not None:
                transactions.append_fact(connection, stream.last, fact)
            if pending is not None:
                authorizations.keep_pending(connection, pending)
            if answered is not None:
                store_rows.keep_answer(connection, self._start_id, *answered, now.boot_s)
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
        self.stream = stream
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
        stream = self.stream.acknowledged(mark)
        with self._commit(now) as connection:
            transactions.drop_facts(connection, stream.lowest_waiting - 1)
        self.stream = stream

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
