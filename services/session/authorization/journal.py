"""Authorizations that wait, and the cache, in `data/session.db`. Only SQL."""

import json
import sqlite3

from schemas.message_queue import AuthorizationStatus, IdTagInfo
from services.session.authorization import cache
from services.session.authorization.cache import Entry
from services.session.authorization.flow import Pending
from services.session.transactions.record import Plug

TABLES = """
    CREATE TABLE pending (
        place INTEGER PRIMARY KEY, id_tag TEXT NOT NULL, connectors TEXT NOT NULL, until_s REAL NOT NULL,
        start_id TEXT NOT NULL, plug_run TEXT, plug_number INTEGER);
"""

BACKEND_TABLES = """
    ALTER TABLE pending ADD COLUMN parent_id_tag TEXT NOT NULL DEFAULT '';
    ALTER TABLE pending ADD COLUMN asking INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE cache (
        id_tag TEXT PRIMARY KEY, status TEXT NOT NULL, expiry_wall_s REAL, parent_id_tag TEXT NOT NULL,
        place INTEGER NOT NULL) WITHOUT ROWID;
"""


def keep_pending(connection: sqlite3.Connection, pending: tuple[Pending, ...]) -> None:
    """All of them: what is not given is gone."""
    connection.execute("DELETE FROM pending")
    for place, one in enumerate(pending):
        plug = one.plug or (None, None)
        values = (place, one.id_tag, json.dumps(one.connectors), one.until_s, one.start_id, *plug)
        more = (one.parent_id_tag, one.asking)
        connection.execute("INSERT INTO pending VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", (*values, *more))


def pending_of(connection: sqlite3.Connection, start_id: str) -> tuple[Pending, ...]:
    """Authorizations do not outlive a start of the station: whoever had one is no longer standing there."""
    rows = connection.execute("SELECT * FROM pending WHERE start_id = ? ORDER BY place", (start_id,))
    return tuple(
        Pending(
            row["id_tag"],
            tuple(json.loads(row["connectors"])),
            row["until_s"],
            row["start_id"],
            None if row["plug_run"] is None else Plug(row["plug_run"], row["plug_number"]),
            row["parent_id_tag"],
            bool(row["asking"]),
        )
        for row in rows
    )


CACHED = "SELECT * FROM cache WHERE id_tag = ?"
"""Of one name."""


def entry_of(row: sqlite3.Row) -> Entry:
    status = AuthorizationStatus(row["status"])
    return Entry(row["id_tag"], status, row["expiry_wall_s"], row["parent_id_tag"], row["place"])


def learn(connection: sqlite3.Connection, id_tag: str, info: IdTagInfo, wall_s: float) -> None:
    """What the backend says now, in place of what it said before; others make room."""
    entries = [entry_of(row) for row in connection.execute("SELECT * FROM cache")]
    place = max((entry.place for entry in entries), default=0) + 1
    new = cache.entry_of(id_tag, info, place)
    gone = cache.overflow(entries, new.id_tag, wall_s)
    connection.executemany("DELETE FROM cache WHERE id_tag = ?", [(name,) for name in gone])
    values = (new.id_tag, new.status.value, new.expiry_wall_s, new.parent_id_tag, new.place)
    connection.execute("INSERT OR REPLACE INTO cache VALUES (?, ?, ?, ?, ?)", values)


def clear_cache(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM cache")
