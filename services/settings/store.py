"""`data/settings.db`: stored values, their audit trail, the values the station started with, answers given."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from schemas.base import Answer, Answered
from services.store import Store, StoreError

MOST_AUDITED = 5000
MOST_ANSWERS = 500

MIGRATIONS = (
    """
    CREATE TABLE value (key TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE at_start (key TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE single (name TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE audit (number INTEGER PRIMARY KEY, wall_s REAL NOT NULL, key TEXT NOT NULL, old TEXT NOT NULL,
        new TEXT NOT NULL, actor TEXT NOT NULL, source TEXT NOT NULL);
    CREATE TABLE answer (number INTEGER PRIMARY KEY, request_id TEXT NOT NULL, outcome TEXT NOT NULL,
        reason TEXT NOT NULL, until_s REAL NOT NULL);
    """,
)


class Kept(NamedTuple):
    values: dict[str, str]
    at_start: dict[str, str]
    start_id: str
    revision: int
    answers: tuple[tuple[Answered, float], ...] = ()
    """With the boot-clock time until which each may be asked for again."""


NOTHING = Kept({}, {}, "", 0)


class Entry(NamedTuple):
    """One line of the audit trail; secrets are redacted before they come here."""

    wall_s: float
    key: str
    old: str
    new: str
    actor: str
    source: str


class SettingsStore:
    """A disk that is full or read-only does not stop the service: what can be read is read, writing is tried again.

    Raises NewerStore.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trouble: StoreError | None = None
        self._store: Store | None = None
        self._open()

    @property
    def set_aside(self) -> Path | None:
        """Where the unreadable file of before went."""
        return self._store.set_aside if self._store is not None else None

    def load(self) -> Kept:
        """What is kept; nothing when it cannot be read at all (`trouble` then says why)."""
        if self._store is not None:
            try:
                return _load(self._store.rows)
            except StoreError as error:
                self.trouble = error
        return _load_without_writing(self.path)

    def begin(self, start_id: str, at_start: Mapping[str, str], revision: int) -> None:
        """Keeps with which values the station started. Raises StoreError; may be repeated."""
        with self._writing() as connection:
            connection.execute("DELETE FROM at_start")
            connection.executemany("INSERT INTO at_start VALUES (?, ?)", sorted(at_start.items()))
            _keep(connection, start_id=start_id, revision=str(revision))

    def change(self, key: str, value: str, revision: int, entry: Entry, answered: Answered, until_s: float) -> None:
        """Value, audit trail, id and answer of the request: one commit. Raises StoreError, and keeps nothing then."""
        with self._writing() as connection:
            connection.execute("INSERT OR REPLACE INTO value VALUES (?, ?)", (key, value))
            connection.execute(
                "INSERT INTO audit (wall_s, key, old, new, actor, source) VALUES (?, ?, ?, ?, ?, ?)", tuple(entry)
            )
            connection.execute(
                "INSERT INTO answer (request_id, outcome, reason, until_s) VALUES (?, ?, ?, ?)",
                (answered.request_id, answered.outcome.value, answered.reason, until_s),
            )
            _forget(connection, "audit", MOST_AUDITED)
            _forget(connection, "answer", MOST_ANSWERS)
            _keep(connection, revision=str(revision))

    def audit(self) -> list[Entry]:
        """Newest first. Raises StoreError."""
        if self._store is None:
            return []
        rows = self._store.rows("SELECT wall_s, key, old, new, actor, source FROM audit ORDER BY number DESC")
        return [Entry(*row) for row in rows]

    def close(self) -> None:
        if self._store is not None:
            self._store.close()

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        if self._store is None:
            self._open()
        if self._store is None:
            raise self.trouble or StoreError(f"{self.path.name} is not open")
        try:
            with self._store.commit() as connection:
                yield connection
        except StoreError as error:
            self.trouble = error
            raise
        self.trouble = None

    def _open(self) -> None:
        try:
            self._store = Store(self.path, MIGRATIONS)
        except StoreError as error:
            self.trouble = error


Rows = Callable[[str], Sequence[Sequence[Any]]]


def _load(rows: Rows) -> Kept:
    single = {row[0]: row[1] for row in rows("SELECT name, text FROM single")}
    answers = tuple(
        (Answered(request_id=row[0], outcome=Answer(row[1]), reason=row[2]), float(row[3]))
        for row in rows("SELECT request_id, outcome, reason, until_s FROM answer ORDER BY number")
    )
    return Kept(
        {row[0]: row[1] for row in rows("SELECT key, text FROM value")},
        {row[0]: row[1] for row in rows("SELECT key, text FROM at_start")},
        single.get("start_id", ""),
        int(single.get("revision", "0")),
        answers,
    )


def _load_without_writing(path: Path) -> Kept:
    """SQLite may not even read a WAL file where it can write nothing: `mode=ro` reads it while its companions of before
    stand beside it, `immutable` after a clean end."""
    for mode in ("mode=ro", "mode=ro&immutable=1"):
        with contextlib.suppress(sqlite3.Error), contextlib.closing(_open_to_read(path, mode)) as connection:
            return _load(partial(_rows, connection))
    return NOTHING


def _rows(connection: sqlite3.Connection, query: str) -> list[Any]:
    return connection.execute(query).fetchall()


def _open_to_read(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?{mode}", uri=True)


def _keep(connection: sqlite3.Connection, **single: str) -> None:
    connection.executemany("INSERT OR REPLACE INTO single VALUES (?, ?)", sorted(single.items()))


def _forget(connection: sqlite3.Connection, table: str, most: int) -> None:
    connection.execute(f"DELETE FROM {table} WHERE number <= (SELECT MAX(number) FROM {table}) - ?", (most,))
