"""Transactions, facts and answers in `data/session.db`: rows to values and back. Only SQL: no rule, no commit."""

import sqlite3

from bus.streams import Mark
from schemas.session import MeterSample, StopReason, TransactionMeterValues
from services.session.transactions import meter_values
from services.session.transactions.record import Plug, Stop, Transaction
from services.session.transactions.stream import Body, Stream, pack, pack_sample, unpack

TABLES = """
    CREATE TABLE stream (stream_id TEXT NOT NULL, last INTEGER NOT NULL);
    CREATE TABLE facts (number INTEGER PRIMARY KEY, body BLOB NOT NULL);
    CREATE TABLE transactions (
        transaction_id TEXT PRIMARY KEY, connector INTEGER NOT NULL, id_tag TEXT NOT NULL, free INTEGER NOT NULL,
        started_wall_s REAL NOT NULL, meter_start_wh INTEGER NOT NULL, meter_serial TEXT NOT NULL,
        start_id TEXT NOT NULL, plug_run TEXT NOT NULL, plug_number INTEGER NOT NULL,
        register_wh INTEGER NOT NULL, sampled_s REAL NOT NULL, alive_s REAL NOT NULL, alive_wall_s REAL NOT NULL,
        limit_a REAL NOT NULL, stop_reason TEXT, stop_wall_s REAL, stop_id_tag TEXT,
        meter_stop_wh INTEGER, meter_stop_measured INTEGER NOT NULL, holds_cable INTEGER NOT NULL,
        departed INTEGER NOT NULL);
    CREATE UNIQUE INDEX one_open_per_connector ON transactions (connector) WHERE meter_stop_wh IS NULL;
    CREATE INDEX latest ON transactions (connector, started_wall_s);
    CREATE TABLE answers (
        request_id TEXT PRIMARY KEY, start_id TEXT NOT NULL, until_s REAL NOT NULL, outcome TEXT NOT NULL,
        reason TEXT NOT NULL, answer_values TEXT NOT NULL);
    CREATE TABLE probe (wall_s REAL NOT NULL);
"""

BACKEND_TABLES = """
    ALTER TABLE transactions ADD COLUMN backend_id INTEGER;
    ALTER TABLE transactions ADD COLUMN parent_id_tag TEXT NOT NULL DEFAULT '';
    ALTER TABLE transactions ADD COLUMN invalid INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE transactions ADD COLUMN grid_s REAL NOT NULL DEFAULT 0;
    CREATE TABLE samples (
        transaction_id TEXT NOT NULL, number INTEGER NOT NULL, body BLOB NOT NULL,
        PRIMARY KEY (transaction_id, number)) WITHOUT ROWID;
    CREATE TABLE marks (stream_id TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
"""

PHASE_COLUMNS = """
    ALTER TABLE transactions ADD COLUMN phases_wanted INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE transactions ADD COLUMN phases_s REAL NOT NULL DEFAULT 0;
"""

SIGN_COLUMNS = """
    ALTER TABLE transactions ADD COLUMN signed INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE transactions ADD COLUMN end_signed INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE transactions ADD COLUMN sign_until_s REAL NOT NULL DEFAULT 0;
    CREATE TABLE late_records (transaction_id TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
"""


def begin_stream(connection: sqlite3.Connection, new_id: str) -> Stream:
    """The stream of this store, made with it."""
    row = connection.execute("SELECT stream_id, last FROM stream").fetchone()
    if row is None:
        connection.execute("INSERT INTO stream VALUES (?, 0)", (new_id,))
        return Stream(new_id)
    lowest = connection.execute("SELECT min(number) FROM facts").fetchone()[0]
    return Stream(row["stream_id"], row["last"], row["last"] + 1 if lowest is None else lowest)


def append_fact(connection: sqlite3.Connection, number: int, body: Body) -> None:
    connection.execute("INSERT INTO facts VALUES (?, ?)", (number, pack(body)))
    connection.execute("UPDATE stream SET last = ?", (number,))


def drop_facts(connection: sqlite3.Connection, mark: int) -> None:
    """The receiver has everything up to this number."""
    connection.execute("DELETE FROM facts WHERE number <= ?", (mark,))
    connection.execute("UPDATE stream SET last = max(last, ?)", (mark,))


FACTS_FROM = "SELECT number, body FROM facts WHERE number >= ? ORDER BY number LIMIT ?"


def fact_of(row: sqlite3.Row) -> tuple[int, Body]:
    return row["number"], unpack(row["body"])


def keep_transaction(connection: sqlite3.Connection, one: Transaction) -> None:
    stop = one.stop
    values = (
        one.transaction_id, one.connector, one.id_tag, one.free, one.started_wall_s, one.meter_start_wh,
        one.meter_serial, one.start_id, one.plug.run_id, one.plug.number, one.register_wh, one.sampled_s, one.alive_s,
        one.alive_wall_s, one.limit_a, stop and stop.reason.value, stop and stop.wall_s, stop and stop.id_tag,
        one.meter_stop_wh, one.meter_stop_measured, one.holds_cable, one.departed,
        one.backend_id, one.parent_id_tag, one.invalid, one.grid_s, one.phases_wanted, one.phases_s,
        one.signed, one.end_signed, one.sign_until_s,
    )  # fmt: skip
    # An upsert, not REPLACE: REPLACE would silently delete the open transaction that a second one collides with.
    connection.execute(_UPSERT, values)


_COLUMNS = (
    "transaction_id", "connector", "id_tag", "free", "started_wall_s", "meter_start_wh", "meter_serial",
    "start_id", "plug_run", "plug_number", "register_wh", "sampled_s", "alive_s", "alive_wall_s", "limit_a",
    "stop_reason", "stop_wall_s", "stop_id_tag", "meter_stop_wh", "meter_stop_measured", "holds_cable", "departed",
    "backend_id", "parent_id_tag", "invalid", "grid_s", "phases_wanted", "phases_s", "signed", "end_signed",
    "sign_until_s",
)  # fmt: skip
_UPSERT = (
    f"INSERT INTO transactions ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))}) "
    "ON CONFLICT (transaction_id) DO UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])
)


def transaction_of(row: sqlite3.Row) -> Transaction:
    reason = row["stop_reason"]
    return Transaction(
        transaction_id=row["transaction_id"],
        connector=row["connector"],
        id_tag=row["id_tag"],
        free=bool(row["free"]),
        started_wall_s=row["started_wall_s"],
        meter_start_wh=row["meter_start_wh"],
        meter_serial=row["meter_serial"],
        start_id=row["start_id"],
        plug=Plug(row["plug_run"], row["plug_number"]),
        register_wh=row["register_wh"],
        sampled_s=row["sampled_s"],
        alive_s=row["alive_s"],
        alive_wall_s=row["alive_wall_s"],
        limit_a=row["limit_a"],
        stop=None if reason is None else Stop(StopReason(reason), row["stop_wall_s"], row["stop_id_tag"]),
        meter_stop_wh=row["meter_stop_wh"],
        meter_stop_measured=bool(row["meter_stop_measured"]),
        holds_cable=bool(row["holds_cable"]),
        departed=bool(row["departed"]),
        backend_id=row["backend_id"],
        parent_id_tag=row["parent_id_tag"],
        invalid=bool(row["invalid"]),
        grid_s=row["grid_s"],
        phases_wanted=row["phases_wanted"],
        phases_s=row["phases_s"],
        signed=bool(row["signed"]),
        end_signed=bool(row["end_signed"]),
        sign_until_s=row["sign_until_s"],
    )


ALL_TRANSACTIONS = "SELECT * FROM transactions ORDER BY rowid"
ONE_TRANSACTION = "SELECT * FROM transactions WHERE transaction_id = ?"


def latest_transactions(connection: sqlite3.Connection, start_id: str) -> dict[int, Transaction]:
    """By connector: the one that is open, else the last one of this start of the station."""
    query = (
        "SELECT * FROM transactions WHERE meter_stop_wh IS NULL OR rowid IN "
        "(SELECT max(rowid) FROM transactions WHERE start_id = ? GROUP BY connector) ORDER BY meter_stop_wh IS NULL"
    )
    return {row["connector"]: transaction_of(row) for row in connection.execute(query, (start_id,))}


def append_sample(connection: sqlite3.Connection, transaction_id: str, sample: MeterSample) -> None:
    """For the end of the transaction: thinned, when there are too many for one message."""
    rows = connection.execute("SELECT number FROM samples WHERE transaction_id = ? ORDER BY number", (transaction_id,))
    numbers = [row["number"] for row in rows]
    number = numbers[-1] + 1 if numbers else 1
    connection.execute("INSERT INTO samples VALUES (?, ?, ?)", (transaction_id, number, pack_sample(sample)))
    dropped = meter_values.to_drop([*numbers, number], len(sample.values))
    connection.executemany(
        "DELETE FROM samples WHERE transaction_id = ? AND number = ?", [(transaction_id, each) for each in dropped]
    )


SAMPLES_OF = "SELECT body FROM samples WHERE transaction_id = ? ORDER BY number"


def drop_samples(connection: sqlite3.Connection, transaction_id: str) -> None:
    connection.execute("DELETE FROM samples WHERE transaction_id = ?", (transaction_id,))


def keep_late(connection: sqlite3.Connection, body: TransactionMeterValues) -> None:
    """The signed end of a transaction that is billed already."""
    connection.execute("INSERT OR REPLACE INTO late_records VALUES (?, ?)", (body.transaction_id, pack(body)))


def drop_late(connection: sqlite3.Connection, transaction_id: str) -> None:
    connection.execute("DELETE FROM late_records WHERE transaction_id = ?", (transaction_id,))


def late_of(connection: sqlite3.Connection) -> dict[str, TransactionMeterValues]:
    found = (unpack(row["body"]) for row in connection.execute("SELECT body FROM late_records"))
    return {body.transaction_id: body for body in found if isinstance(body, TransactionMeterValues)}


def keep_mark(connection: sqlite3.Connection, mark: Mark) -> None:
    """How far the facts of one stream have been taken; never deleted."""
    connection.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (mark.stream_id, mark.number))


def marks_of(connection: sqlite3.Connection) -> dict[str, Mark]:
    rows = connection.execute("SELECT * FROM marks")
    return {row["stream_id"]: Mark(row["stream_id"], row["number"]) for row in rows}
