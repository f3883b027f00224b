"""Rows that several stores keep in the same tables: durable answers to requests, and a probe of the disk.

Tables `answers` (request_id, start_id, until_s, outcome, reason, answer_values) and `probe` (one number).
"""

import json
import sqlite3

from schemas.base import Answer, Answered


def keep_answer(
    connection: sqlite3.Connection, start_id: str, answered: Answered, until_s: float, now_s: float
) -> None:
    connection.execute("DELETE FROM answers WHERE start_id <> ? OR until_s < ?", (start_id, now_s))
    values = (answered.request_id, start_id, until_s, answered.outcome.value, answered.reason)
    connection.execute("INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?)", (*values, json.dumps(answered.values)))


def answers_of(connection: sqlite3.Connection, start_id: str) -> list[tuple[Answered, float]]:
    rows = connection.execute("SELECT * FROM answers WHERE start_id = ?", (start_id,))
    return [
        (
            Answered(
                request_id=row["request_id"],
                outcome=Answer(row["outcome"]),
                reason=row["reason"],
                values=json.loads(row["answer_values"]),
            ),
            row["until_s"],
        )
        for row in rows
    ]


def keep_probe(connection: sqlite3.Connection, wall_s: float) -> None:
    """Shows whether the disk takes commits again."""
    connection.execute("DELETE FROM probe")
    connection.execute("INSERT INTO probe VALUES (?)", (wall_s,))
