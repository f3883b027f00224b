"""`data/message_queue.db`, what is not a message: facts to `session`, what the backend knows, answers. Only SQL."""

import sqlite3
from collections.abc import Sequence
from typing import NamedTuple

import msgspec

from schemas.message_queue import QueueFact, StartAnswered, StopAnswered
from services.message_queue.rules.composing import Status

TABLES = """
    CREATE TABLE stream (stream_id TEXT NOT NULL, last INTEGER NOT NULL);
    CREATE TABLE facts (number INTEGER PRIMARY KEY, body BLOB NOT NULL);
    CREATE TABLE statuses (
        connector INTEGER PRIMARY KEY, status TEXT NOT NULL, error_code TEXT NOT NULL, info TEXT NOT NULL,
        vendor_error_code TEXT NOT NULL);
    CREATE TABLE registration (accepted_wall_s REAL NOT NULL);
    CREATE TABLE answers (
        request_id TEXT PRIMARY KEY, start_id TEXT NOT NULL, until_s REAL NOT NULL, outcome TEXT NOT NULL,
        reason TEXT NOT NULL, answer_values TEXT NOT NULL);
    CREATE TABLE probe (wall_s REAL NOT NULL);
"""

Body = StartAnswered | StopAnswered
_decoder: msgspec.json.Decoder[Body] = msgspec.json.Decoder(Body)


# the stream of facts to session


class Stream(NamedTuple):
    stream_id: str
    """Made with the store: a replaced store is a new stream."""
    last: int = 0
    lowest_waiting: int = 1

    def appended(self) -> "Stream":
        return self._replace(last=self.last + 1)

    def acknowledged(self, mark: int) -> "Stream":
        return self._replace(lowest_waiting=max(self.lowest_waiting, min(mark, self.last) + 1))

    def fact(self, number: int, body: Body) -> QueueFact:
        lowest = min(self.lowest_waiting, number)
        return QueueFact(stream_id=self.stream_id, number=number, lowest_unacknowledged=lowest, body=body)


def begin_stream(connection: sqlite3.Connection, new_id: str) -> Stream:
    row = connection.execute("SELECT stream_id, last FROM stream").fetchone()
    if row is None:
        connection.execute("INSERT INTO stream VALUES (?, 0)", (new_id,))
        return Stream(new_id)
    lowest = connection.execute("SELECT min(number) FROM facts").fetchone()[0]
    return Stream(row["stream_id"], row["last"], row["last"] + 1 if lowest is None else lowest)


def append_fact(connection: sqlite3.Connection, number: int, body: Body) -> None:
    connection.execute("INSERT INTO facts VALUES (?, ?)", (number, msgspec.json.encode(body)))
    connection.execute("UPDATE stream SET last = ?", (number,))


def drop_facts(connection: sqlite3.Connection, mark: int) -> None:
    connection.execute("DELETE FROM facts WHERE number <= ?", (mark,))


FACTS_FROM = "SELECT number, body FROM facts WHERE number >= ? ORDER BY number LIMIT ?"


def fact_of(row: Sequence[object]) -> tuple[int, Body]:
    number, body = row
    assert isinstance(number, int)
    assert isinstance(body, bytes)
    return number, _decoder.decode(body)


# what the backend knows of the connectors


def keep_status(connection: sqlite3.Connection, connector: int, status: Status) -> None:
    connection.execute("INSERT OR REPLACE INTO statuses VALUES (?, ?, ?, ?, ?)", (connector, *status))


def statuses_of(connection: sqlite3.Connection) -> dict[int, Status]:
    rows = connection.execute("SELECT connector, status, error_code, info, vendor_error_code FROM statuses")
    return {row[0]: Status(*row[1:]) for row in rows}


def keep_registration(connection: sqlite3.Connection, accepted_wall_s: float) -> None:
    """A new one: the backend knows nothing of the connectors."""
    connection.execute("DELETE FROM registration")
    connection.execute("INSERT INTO registration VALUES (?)", (accepted_wall_s,))
    connection.execute("DELETE FROM statuses")


def registration_of(connection: sqlite3.Connection) -> float:
    row = connection.execute("SELECT accepted_wall_s FROM registration").fetchone()
    return 0.0 if row is None else float(row[0])
