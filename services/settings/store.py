"""`data/settings.db`: stored values, their audit trail, the values the station started with, orders, answers given."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from schemas.base import Answered
from schemas.settings import ActionOrder
from services.settings.records import Kept, read, read_without_writing
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
    """
    ALTER TABLE audit ADD COLUMN role TEXT NOT NULL DEFAULT '';
    ALTER TABLE answer ADD COLUMN details TEXT NOT NULL DEFAULT '{}';
    CREATE TABLE action (place TEXT PRIMARY KEY, order_id TEXT NOT NULL, name TEXT NOT NULL, text TEXT NOT NULL,
        connector INTEGER NOT NULL, ordered_s REAL NOT NULL, start_id TEXT NOT NULL) WITHOUT ROWID;
    """,
)


class Entry(NamedTuple):
    """One line of the audit trail; secrets are redacted before they come here."""

    wall_s: float
    key: str
    old: str
    new: str
    actor: str
    source: str
    role: str = ""
    number: int = 0
    """Grows; given by the store."""


LARGEST_PAGE = 150_000
"""Characters: a page fits into one frame of the bus."""


def history_page(lines: Sequence[Entry], most: int) -> dict[str, str]:
    """`entries` as JSON, and whether there are `more`, from one line more than wanted."""
    texts: list[str] = []
    size = 0
    for line in lines[:most]:
        text = json.dumps(line._asdict(), ensure_ascii=True, separators=(",", ":"))
        size += len(text) + 1
        if texts and size > LARGEST_PAGE:
            break
        texts.append(text)
    return {"entries": f"[{','.join(texts)}]", "more": "true" if len(texts) < len(lines) else "false"}


class Changed(NamedTuple):
    """What one commit keeps."""

    values: Mapping[str, str | None]
    """By place; None = the stored value goes."""
    entries: Sequence[Entry]
    at_start: Mapping[str, str] | None = None
    """When it became another."""
    actions: Mapping[str, ActionOrder] = {}


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
                return read(self._store.rows)
            except StoreError as error:
                self.trouble = error
        return read_without_writing(self.path)

    def begin(self, start_id: str, at_start: Mapping[str, str], revision: int) -> None:
        """Keeps with which values the station started. Raises StoreError; may be repeated."""
        with self._writing() as connection:
            connection.execute("DELETE FROM at_start")
            connection.executemany("INSERT INTO at_start VALUES (?, ?)", sorted(at_start.items()))
            _keep(connection, start_id=start_id, revision=str(revision))

    def change(self, changed: Changed, start_id: str, revision: int, answered: Answered, until_s: float) -> None:
        """Values, orders, audit trail, id and answer of the request: one commit. Raises StoreError, and keeps nothing
        then."""
        with self._writing() as connection:
            gone = [(where,) for where, text in changed.values.items() if text is None]
            kept = [(where, text) for where, text in changed.values.items() if text is not None]
            connection.executemany("DELETE FROM value WHERE key = ?", gone)
            connection.executemany("INSERT OR REPLACE INTO value VALUES (?, ?)", kept)
            if changed.at_start is not None:
                connection.execute("DELETE FROM at_start")
                connection.executemany("INSERT INTO at_start VALUES (?, ?)", sorted(changed.at_start.items()))
            connection.executemany(
                "INSERT OR REPLACE INTO action VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (where, order.order_id, order.name, order.value, order.connector, order.ordered_s, start_id)
                    for where, order in changed.actions.items()
                ],
            )
            connection.executemany(
                "INSERT INTO audit (wall_s, key, old, new, actor, source, role) VALUES (?, ?, ?, ?, ?, ?, ?)",
                [entry[:7] for entry in changed.entries],
            )
            connection.execute(
                "INSERT INTO answer (request_id, outcome, reason, until_s, details) VALUES (?, ?, ?, ?, ?)",
                (answered.request_id, answered.outcome.value, answered.reason, until_s, json.dumps(answered.values)),
            )
            _forget(connection, "audit", MOST_AUDITED)
            _forget(connection, "answer", MOST_ANSWERS)
            _keep(connection, revision=str(revision))

    def audit(self, key: str = "", before: int = 0, most: int = MOST_AUDITED) -> list[Entry]:
        """Newest first. `key`: of this place and of its connectors' own. Raises StoreError."""
        if self._store is None:
            return []
        rows = self._store.rows(
            "SELECT wall_s, key, old, new, actor, source, role, number FROM audit WHERE (? = '' OR key = ? OR "
            "substr(key, 1, length(?) + 1) = ? || '[') AND (? = 0 OR number < ?) ORDER BY number DESC LIMIT ?",
            (key, key, key, key, before, before, most),
        )
        return [Entry(*row) for row in rows]

    def keep(self, name: str, text: str) -> None:
        """A text of this service's own, which is no key. Raises StoreError."""
        with self._writing() as connection:
            _keep(connection, **{name: text})

    def kept(self, name: str) -> str:
        """What `keep` kept; empty = nothing, or it cannot be read."""
        if self._store is None:
            return ""
        try:
            rows = self._store.rows("SELECT text FROM single WHERE name = ?", (name,))
        except StoreError:
            return ""
        return str(rows[0][0]) if rows else ""

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


def _keep(connection: sqlite3.Connection, **single: str) -> None:
    connection.executemany("INSERT OR REPLACE INTO single VALUES (?, ?)", sorted(single.items()))


def _forget(connection: sqlite3.Connection, table: str, most: int) -> None:
    connection.execute(f"DELETE FROM {table} WHERE number <= (SELECT MAX(number) FROM {table}) - ?", (most,))
