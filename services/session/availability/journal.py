"""Which connectors are out of service, in `data/session.db`: it outlives every start of the station. Only SQL."""

import json
import sqlite3

from services.session.availability.rules import Closed, Closures

TABLES = """
    CREATE TABLE closed (connector INTEGER PRIMARY KEY, after TEXT NOT NULL);
"""


def keep_closures(connection: sqlite3.Connection, closures: Closures) -> None:
    """All of them: what is not given is in service."""
    connection.execute("DELETE FROM closed")
    rows = [(connector, json.dumps(closed.after)) for connector, closed in closures.items()]
    connection.executemany("INSERT INTO closed VALUES (?, ?)", rows)


def closures_of(connection: sqlite3.Connection) -> dict[int, Closed]:
    rows = connection.execute("SELECT * FROM closed ORDER BY connector")
    return {row["connector"]: Closed(tuple(json.loads(row["after"]))) for row in rows}
