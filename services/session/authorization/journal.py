"""Authorizations that wait, in `data/session.db`: a restart of `session` asks nobody for the card again. Only SQL."""

import json
import sqlite3

from services.session.authorization.flow import Pending
from services.session.transactions.record import Plug

TABLES = """
    CREATE TABLE pending (
        place INTEGER PRIMARY KEY, id_tag TEXT NOT NULL, connectors TEXT NOT NULL, until_s REAL NOT NULL,
        start_id TEXT NOT NULL, plug_run TEXT, plug_number INTEGER);
"""


def keep_pending(connection: sqlite3.Connection, pending: tuple[Pending, ...]) -> None:
    """All of them: what is not given is gone."""
    connection.execute("DELETE FROM pending")
    for place, one in enumerate(pending):
        plug = one.plug or (None, None)
        values = (place, one.id_tag, json.dumps(one.connectors), one.until_s, one.start_id, *plug)
        connection.execute("INSERT INTO pending VALUES (?, ?, ?, ?, ?, ?, ?)", values)


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
        )
        for row in rows
    )
