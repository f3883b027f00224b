"""Reads `data/settings.db`, also one that cannot be written, or not be brought to this version."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import msgspec

from schemas.base import Answered
from schemas.settings import ActionOrder
from services.store_errors import StoreError

T = TypeVar("T")
Rows = Callable[[str], Sequence[Sequence[Any]]]


class Kept(NamedTuple):
    values: dict[str, str]
    at_start: dict[str, str]
    start_id: str
    revision: int
    answers: tuple[tuple[Answered, float], ...] = ()
    """With the boot-clock time until which each may be asked for again."""
    actions: Mapping[str, tuple[ActionOrder, str]] = {}
    """By place, with the id of the station's start in which it was given."""


NOTHING = Kept({}, {}, "", 0)


def read(rows: Rows) -> Kept:
    """What makes no sense is left out. Raises what `rows` raises."""
    single = {str(row[0]): str(row[1]) for row in rows("SELECT name, text FROM single")}
    answers = _newest(
        rows,
        "SELECT request_id, outcome, reason, until_s, details FROM answer ORDER BY number",
        "SELECT request_id, outcome, reason, until_s, '{}' FROM answer ORDER BY number",
    )
    actions = _newest(rows, "SELECT place, order_id, name, text, connector, ordered_s, start_id FROM action", "")
    revision = single.get("revision", "0")
    return Kept(
        {str(row[0]): str(row[1]) for row in rows("SELECT key, text FROM value")},
        {str(row[0]): str(row[1]) for row in rows("SELECT key, text FROM at_start")},
        single.get("start_id", ""),
        int(revision) if revision.isdecimal() else 0,
        tuple(_sensible(answers, _answer)),
        dict(_sensible(actions, _order)),
    )


def read_without_writing(path: Path) -> Kept:
    """SQLite may not even read a WAL file where it can write nothing: `mode=ro` reads it while its companions of before
    stand beside it, `immutable` after a clean end."""
    for mode in ("mode=ro", "mode=ro&immutable=1"):
        with contextlib.suppress(sqlite3.Error), contextlib.closing(_open_to_read(path, mode)) as connection:
            return read(partial(_rows, connection))
    return NOTHING


def _newest(rows: Rows, query: str, older: str) -> Sequence[Sequence[Any]]:
    """A file that could not be brought to this version, on a full disk, is read as it is."""
    try:
        return rows(query)
    except (sqlite3.OperationalError, StoreError):
        return rows(older) if older else ()


def _sensible(rows: Iterable[Sequence[Any]], make: Callable[[Sequence[Any]], T]) -> Iterable[T]:
    for row in rows:
        with contextlib.suppress(ValueError, TypeError):
            yield make(row)


def _answer(row: Sequence[Any]) -> tuple[Answered, float]:
    fields = {"request_id": row[0], "outcome": row[1], "reason": row[2], "values": msgspec.json.decode(row[4])}
    return msgspec.convert(fields, Answered), float(row[3])


def _order(row: Sequence[Any]) -> tuple[str, tuple[ActionOrder, str]]:
    names = ("order_id", "name", "value", "connector", "ordered_s")
    return str(row[0]), (msgspec.convert(dict(zip(names, row[1:6], strict=True)), ActionOrder), str(row[6]))


def _rows(connection: sqlite3.Connection, query: str) -> list[Any]:
    return connection.execute(query).fetchall()


def _open_to_read(path: Path, mode: str) -> sqlite3.Connection:
    from urllib.parse import quote  # only a disk that takes nothing needs it

    return sqlite3.connect(f"file:{quote(str(path))}?{mode}", uri=True)
