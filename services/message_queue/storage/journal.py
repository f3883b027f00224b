"""`data/message_queue.db`, the messages: rows to values and back. Only SQL: no rule, no commit.

Lean on purpose: a message that is queued writes one row and nothing else. The mark of a stream is the highest number
among its rows; it is written down apart from them only when rows go. UUIDs are kept as their 16 bytes.
"""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from bus.streams import Mark
from services.message_queue.rules.attempts import Failure
from services.message_queue.rules.message import METER_VALUES, SECURITY_EVENT, START, STOP, Waiting

TABLES = """
    CREATE TABLE messages (
        position INTEGER PRIMARY KEY, message_id BLOB NOT NULL, action INTEGER NOT NULL, connector INTEGER NOT NULL,
        transaction_id BLOB NOT NULL, queued_wall_s REAL NOT NULL, stream INTEGER NOT NULL, number INTEGER NOT NULL,
        signed INTEGER NOT NULL, attempt INTEGER NOT NULL, consumed INTEGER NOT NULL, offered INTEGER NOT NULL,
        payload TEXT NOT NULL);
    CREATE TABLE marks (stream INTEGER PRIMARY KEY, stream_id TEXT NOT NULL, number INTEGER NOT NULL);
    CREATE TABLE backend_ids (transaction_id BLOB PRIMARY KEY, backend_id INTEGER NOT NULL, stream INTEGER NOT NULL);
    CREATE TABLE attempts (
        message_id BLOB NOT NULL, number INTEGER NOT NULL, ended_wall_s REAL NOT NULL, outcome TEXT NOT NULL,
        detail TEXT NOT NULL, PRIMARY KEY (message_id, number)) WITHOUT ROWID;
    CREATE TABLE given_up (
        place INTEGER PRIMARY KEY, message_id BLOB NOT NULL, action INTEGER NOT NULL, connector INTEGER NOT NULL,
        transaction_id BLOB NOT NULL, queued_wall_s REAL NOT NULL, signed INTEGER NOT NULL, attempt INTEGER NOT NULL,
        consumed INTEGER NOT NULL, payload TEXT NOT NULL);
"""
ACTIONS = (START, STOP, METER_VALUES, SECURITY_EVENT)
"""By the number that stands for it in the file: only add at the end."""
UUID_LENGTH, UUID_BYTES = 36, 16
MOST_ATTEMPTS_KEPT = 100
"""Of one message: the latest."""


def packed_id(text: str) -> bytes | str:
    """A UUID in its canonical spelling as 16 bytes, everything else as it is."""
    if len(text) != UUID_LENGTH:
        return text
    try:
        found = bytes.fromhex(text.replace("-", ""))
    except ValueError:
        return text
    return found if len(found) == UUID_BYTES and unpacked_id(found) == text else text


def unpacked_id(stored: bytes | str) -> str:
    if isinstance(stored, str):
        return stored
    digits = stored.hex()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


# messages


def keep_message(connection: sqlite3.Connection, one: Waiting, payload: str) -> None:
    values = (
        one.position, packed_id(one.message_id), ACTIONS.index(one.action), one.connector,
        packed_id(one.transaction_id), one.queued_wall_s, one.stream, one.number,
        one.signed, one.attempt, one.consumed, one.offered, payload,
    )  # fmt: skip
    connection.execute("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)


def change_message(connection: sqlite3.Connection, one: Waiting) -> None:
    values = (one.attempt, one.consumed, one.offered, one.position)
    connection.execute("UPDATE messages SET attempt = ?, consumed = ?, offered = ? WHERE position = ?", values)


def drop_messages(
    connection: sqlite3.Connection, messages: Iterable[Waiting], marks: Iterable["Reached"], *, with_attempts: bool
) -> None:
    """`marks`: of every stream, because rows that carried the highest numbers may be going."""
    for one in messages:
        connection.execute("DELETE FROM messages WHERE position = ?", (one.position,))
        if with_attempts and one.attempt > 1:
            connection.execute("DELETE FROM attempts WHERE message_id = ?", (packed_id(one.message_id),))
    connection.executemany("UPDATE marks SET number = ? WHERE stream = ?", [(each.number, each.key) for each in marks])


def messages_of(connection: sqlite3.Connection) -> list[Waiting]:
    rows = connection.execute(
        "SELECT position, message_id, action, connector, transaction_id, queued_wall_s, stream, number, signed, "
        "attempt, consumed, offered FROM messages ORDER BY position"
    )
    return [
        Waiting(
            position=row["position"],
            message_id=unpacked_id(row["message_id"]),
            action=ACTIONS[row["action"]],
            connector=row["connector"],
            transaction_id=unpacked_id(row["transaction_id"]),
            queued_wall_s=row["queued_wall_s"],
            stream=row["stream"],
            number=row["number"],
            signed=bool(row["signed"]),
            attempt=row["attempt"],
            consumed=row["consumed"],
            offered=bool(row["offered"]),
        )
        for row in rows
    ]


PAYLOAD = "SELECT payload FROM messages WHERE position = ?"


# marks of the streams that come in


class Reached(NamedTuple):
    key: int
    """Stands for the stream in the rows of its messages."""
    stream_id: str
    number: int

    def mark(self) -> Mark:
        return Mark(self.stream_id, self.number)


def marks_of(connection: sqlite3.Connection) -> list[Reached]:
    rows = connection.execute(
        "SELECT stream, stream_id, max(number, coalesce("
        "(SELECT max(messages.number) FROM messages WHERE messages.stream = marks.stream), 0)) AS reached FROM marks"
    )
    return [Reached(row["stream"], row["stream_id"], row["reached"]) for row in rows]


def keep_mark(connection: sqlite3.Connection, reached: Reached) -> None:
    connection.execute("INSERT OR REPLACE INTO marks VALUES (?, ?, ?)", reached)


# the backend's transaction ids


class Begun(NamedTuple):
    transaction_id: str
    backend_id: int
    stream: int


def keep_backend_id(connection: sqlite3.Connection, begun: Begun) -> None:
    values = (packed_id(begun.transaction_id), begun.backend_id, begun.stream)
    connection.execute("INSERT OR REPLACE INTO backend_ids VALUES (?, ?, ?)", values)


def drop_backend_id(connection: sqlite3.Connection, transaction_id: str) -> None:
    connection.execute("DELETE FROM backend_ids WHERE transaction_id = ?", (packed_id(transaction_id),))


def backend_ids_of(connection: sqlite3.Connection) -> list[Begun]:
    rows = connection.execute("SELECT * FROM backend_ids")
    return [Begun(unpacked_id(row["transaction_id"]), row["backend_id"], row["stream"]) for row in rows]


# attempts, and messages given up


def keep_attempt(connection: sqlite3.Connection, message_id: str, failure: Failure) -> None:
    connection.execute("INSERT OR REPLACE INTO attempts VALUES (?, ?, ?, ?, ?)", (packed_id(message_id), *failure))
    oldest = failure.number - MOST_ATTEMPTS_KEPT
    connection.execute("DELETE FROM attempts WHERE message_id = ? AND number <= ?", (packed_id(message_id), oldest))


ATTEMPTS = "SELECT number, ended_wall_s, outcome, detail FROM attempts WHERE message_id = ? ORDER BY number"


def give_up(connection: sqlite3.Connection, one: Waiting, payload: str) -> None:
    values = (
        packed_id(one.message_id), ACTIONS.index(one.action), one.connector, packed_id(one.transaction_id),
        one.queued_wall_s, one.signed, one.attempt, one.consumed, payload,
    )  # fmt: skip
    connection.execute("INSERT INTO given_up VALUES (NULL, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)


def given_up_of(rows: Iterable[sqlite3.Row]) -> list[tuple[Waiting, str]]:
    """With the payload as it was sent last."""
    return [
        (
            Waiting(
                position=row["place"],
                message_id=unpacked_id(row["message_id"]),
                action=ACTIONS[row["action"]],
                connector=row["connector"],
                transaction_id=unpacked_id(row["transaction_id"]),
                queued_wall_s=row["queued_wall_s"],
                signed=bool(row["signed"]),
                attempt=row["attempt"],
                consumed=row["consumed"],
            ),
            row["payload"],
        )
        for row in rows
    ]


GIVEN_UP = "SELECT * FROM given_up ORDER BY place LIMIT ?"
COUNT_GIVEN_UP = "SELECT count(*) FROM given_up"
