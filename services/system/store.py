"""`data/system.db`: the last start, the clock's offset, active faults, the history of events, answers given."""

import logging
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from schemas.base import ActiveFault, Answer, Answered
from schemas.system import Event
from services.store import Store, StoreError
from services.system.boots import Start
from services.system.clock import Offset
from services.system.events import MOST_EVENTS

MOST_ANSWERS = 200

MIGRATIONS = (
    """
    CREATE TABLE event (number INTEGER PRIMARY KEY, wall_s REAL NOT NULL, code TEXT NOT NULL, text TEXT NOT NULL,
        connector INTEGER NOT NULL);
    CREATE TABLE single (name TEXT PRIMARY KEY, json BLOB NOT NULL) WITHOUT ROWID;
    CREATE TABLE answer (number INTEGER PRIMARY KEY, request_id TEXT NOT NULL, outcome TEXT NOT NULL,
        reason TEXT NOT NULL, until_s REAL NOT NULL);
    """,
)

_logger = logging.getLogger("system.store")
T = TypeVar("T")


class Present(Struct, frozen=True, kw_only=True):
    """What a restarted `system` must know about the start it belongs to."""

    sources: dict[str, tuple[tuple[str, ActiveFault], ...]] = {}
    """Active faults by the service that reported them."""
    runs: dict[str, str] = {}
    """Run id of every service heard since the station started."""


class Kept(Struct, frozen=True, kw_only=True):
    start: Start | None = None
    offset: Offset = Offset()
    present: Present = Present()
    events: tuple[Event, ...] = ()
    """Oldest first."""
    answers: tuple[tuple[Answered, float], ...] = ()


class SystemStore:
    """A disk that is full or read-only does not stop the service: `trouble` says so, and writing is tried again.

    Raises NewerStore.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.trouble: StoreError | None = None
        self._store: Store | None = None
        self._open()

    @property
    def replaced(self) -> str:
        """That an unreadable file was set aside, in words; else empty."""
        aside = self._store.set_aside if self._store is not None else None
        return "" if aside is None else f"{self.path.name} was unreadable and is kept as {aside.name}"

    def load(self) -> Kept:
        """Nothing when it cannot be read; `trouble` then says why."""
        if self._store is None:
            return Kept()
        try:
            return _load(self._store)
        except StoreError as error:
            self.trouble = error
            return Kept()

    def write(
        self,
        *,
        events: Sequence[Event] = (),
        start: Start | None = None,
        offset: Offset | None = None,
        present: Present | None = None,
        answer: tuple[Answered, float] | None = None,
    ) -> None:
        """One commit. Raises StoreError, and keeps nothing then."""
        self._open()
        if self._store is None:
            raise self.trouble or StoreError(f"{self.path.name} is not open")
        try:
            with self._store.commit() as connection:
                _add_events(connection, events)
                for name, value in (("start", start), ("offset", offset), ("present", present)):
                    if value is not None:
                        row = (name, msgspec.json.encode(value))
                        connection.execute("INSERT OR REPLACE INTO single VALUES (?, ?)", row)
                if answer is not None:
                    _add_answer(connection, *answer)
        except StoreError as error:
            self.trouble = error
            raise
        self.trouble = None

    def close(self) -> None:
        if self._store is not None:
            self._store.close()

    def _open(self) -> None:
        if self._store is None:
            try:
                self._store = Store(self.path, MIGRATIONS)
            except StoreError as error:
                self.trouble = error


def _load(store: Store) -> Kept:
    single = {row[0]: row[1] for row in store.rows("SELECT name, json FROM single")}
    events = tuple(
        Event(wall_s=row[0], code=row[1], text=row[2], connector=row[3])
        for row in store.rows("SELECT wall_s, code, text, connector FROM event ORDER BY number")
    )
    answers = tuple(
        (Answered(request_id=row[0], outcome=Answer(row[1]), reason=row[2]), float(row[3]))
        for row in store.rows("SELECT request_id, outcome, reason, until_s FROM answer ORDER BY number")
    )
    return Kept(
        start=_read(single.get("start"), Start),
        offset=_read(single.get("offset"), Offset) or Offset(),
        present=_read(single.get("present"), Present) or Present(),
        events=events,
        answers=answers,
    )


def _read(text: bytes | None, kind: type[T]) -> T | None:
    if text is None:
        return None
    try:
        return msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError as error:
        _logger.error("a stored %s is not understood and not used: %s", kind.__name__, error)
        return None


def _add_events(connection: sqlite3.Connection, events: Iterable[Event]) -> None:
    rows = [(event.wall_s, event.code, event.text, event.connector) for event in events]
    if rows:
        connection.executemany("INSERT INTO event (wall_s, code, text, connector) VALUES (?, ?, ?, ?)", rows)
        _forget(connection, "event", MOST_EVENTS)


def _add_answer(connection: sqlite3.Connection, answered: Answered, until_s: float) -> None:
    connection.execute(
        "INSERT INTO answer (request_id, outcome, reason, until_s) VALUES (?, ?, ?, ?)",
        (answered.request_id, answered.outcome.value, answered.reason, until_s),
    )
    _forget(connection, "answer", MOST_ANSWERS)


def _forget(connection: sqlite3.Connection, table: str, most: int) -> None:
    connection.execute(f"DELETE FROM {table} WHERE number <= (SELECT MAX(number) FROM {table}) - ?", (most,))
