"""The message queue: what waits for the backend, why, and what was given up.

Examples:
  chargectl queue ls
  chargectl queue ls --given-up
  chargectl queue show 0192f0c1           one message with its payload and every attempt; the start of its id is enough
  chargectl queue stats
  chargectl queue export queue.jsonl      everything, one JSON object per line
"""

import argparse
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from bus.topics import LINK_STATUS, QUEUE_LIST, QUEUE_PAGE, QUEUE_STATUS
from chargectl.bus_client import BusClient
from chargectl.output import Failure, ago, print_json, table
from chargectl.station import existing_home
from chargectl.supervisor import Supervisor
from schemas.base import Answer, Answered
from schemas.message_queue import QueueListRequest, QueuePage, QueueRow, QueueStatus
from schemas.ocpp_link import LinkStatus
from services.clock import StationClock, iso_utc
from services.exit_codes import ExitCode
from services.home import Home

ANSWER_S = 10.0
TRIES = 3
"""A page may be lost on the bus."""
HEARD_S = 3.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ls|show|stats|export")
    listed = actions.add_parser("ls", help="one line per message, in the order of sending")
    listed.add_argument("--given-up", action="store_true", help="those given up instead of those waiting")
    shown = actions.add_parser("show", help="one message with its payload and every attempt")
    shown.add_argument("message_id", metavar="ID", help="its OCPP message id, or the start of it")
    actions.add_parser("stats", help="how many wait, since when, and why")
    exported = actions.add_parser("export", help="writes every message, waiting and given up, as JSON lines")
    exported.add_argument("file", type=Path, metavar="FILE")
    exported.add_argument("--given-up", action="store_true", help="only those given up")


def run(arguments: argparse.Namespace) -> int:
    home = existing_home(arguments)
    Supervisor(home).process_id()
    action = {"ls": _list, "show": _show, "stats": _stats, "export": _export}[arguments.action]
    action(home, arguments)
    return int(ExitCode.OK)


def _list(home: Home, arguments: argparse.Namespace) -> None:
    rows = fetch(home, given_up=arguments.given_up)
    if arguments.json:
        print_json({"messages": [msgspec.to_builtins(row) for row in rows]})
        return
    if not rows:
        print("no message was given up" if arguments.given_up else "no message waits")
        return
    now_s = StationClock().now().wall_s
    lines = [
        (
            row.message_id or "-",
            row.action,
            row.connector or "-",
            row.transaction_id or "-",
            ago(max(0.0, now_s - row.queued_wall_s)),
            row.attempts,
            row.waits_because,
        )
        for row in rows
    ]
    print(table(lines, ("message", "action", "connector", "transaction", "age", "attempts", "why it waits")))


def _show(home: Home, arguments: argparse.Namespace) -> None:
    row = _one(home, arguments.message_id)
    if arguments.json:
        print_json(msgspec.to_builtins(row))
        return
    lines: list[tuple[str, object]] = [
        ("action", row.action),
        ("class", row.call_class),
        ("connector", row.connector or "-"),
        ("transaction", row.transaction_id or "-"),
        ("queued", iso_utc(row.queued_wall_s)),
        ("why it waits", row.waits_because),
        ("attempts consumed", row.attempts),
        *((f"  attempt {a.number}", f"{iso_utc(a.ended_wall_s)} {a.outcome} {a.detail}") for a in row.history),
        ("payload", row.payload),
    ]
    print(table([(name, str(value)) for name, value in lines], (row.message_id or "status", "")))


def _stats(home: Home, arguments: argparse.Namespace) -> None:
    with BusClient(home, hears=(QUEUE_STATUS, LINK_STATUS)) as client:
        client.wait_for([(QUEUE_STATUS, ""), (LINK_STATUS, "")], HEARD_S)
        status = client.bus.latest(QUEUE_STATUS).body
        link = client.bus.latest(LINK_STATUS).body
    if status is None:
        raise Failure("message_queue says nothing; is it up? See: chargectl status", ExitCode.NOT_RUNNING)
    if arguments.json:
        told = None if link is None else msgspec.to_builtins(link)
        print_json({**msgspec.to_builtins(status), "link": told})
        return
    print(table(_stats_rows(status, link), ("message queue", "")))


def _stats_rows(status: QueueStatus, link: LinkStatus | None) -> list[tuple[str, str]]:
    now_s = StationClock().now().wall_s
    oldest = "-" if status.oldest_wall_s is None else ago(max(0.0, now_s - status.oldest_wall_s))
    full = "full" if status.full else "room left"
    return [
        ("waiting", f"{status.waiting} of {status.capacity}, {full}"),
        ("  of transactions", str(status.transaction)),
        ("  security events", str(status.security)),
        ("  statuses", f"{status.status}{', further ones are held back' if status.status_held_back else ''}"),
        ("  volatile", str(status.volatile)),
        ("oldest", oldest),
        ("on its way", status.in_flight or "-"),
        ("why it waits", status.waits_because or "-"),
        ("given up", str(status.given_up)),
        ("discarded for want of room", str(status.discarded)),
        ("charging", "refused: message queue is full" if status.charging_refused else "allowed"),
        ("backend", "ocpp_link says nothing" if link is None else f"{link.state} {link.url}".strip()),
    ]


def _export(home: Home, arguments: argparse.Namespace) -> None:
    lists = [("given up", True)] if arguments.given_up else [("given up", True), ("waiting", False)]
    lines = [
        json.dumps({"state": state, **_as_object(row)}, ensure_ascii=False)
        for state, given_up in lists
        for row in fetch(home, given_up=given_up, whole=True)
    ]
    try:
        _write(arguments.file, lines)
    except OSError as error:
        raise Failure(f"cannot write {arguments.file}: {error.strerror}", ExitCode.CANNOT_WRITE) from error
    if arguments.json:
        print_json({"ok": True, "file": str(arguments.file), "messages": len(lines)})
    else:
        print(f"{len(lines)} messages in {arguments.file}")


def _as_object(row: QueueRow) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(row)
    times = {"queued": iso_utc(row.queued_wall_s)}
    return {**told, **times, "payload": json.loads(row.payload) if row.payload else None}


def _write(path: Path, lines: list[str]) -> None:
    """All or nothing: an export that was cut short would look complete. Raises OSError."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with unfinished.open("w", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _one(home: Home, wanted: str) -> QueueRow:
    """By id or the start of it. Raises Failure."""
    everything = [*fetch(home), *fetch(home, given_up=True)]
    found = [row.message_id for row in everything if row.message_id == wanted]
    found = found or [row.message_id for row in everything if wanted and row.message_id.startswith(wanted)]
    if not found:
        raise Failure(f"no message {wanted}; see: chargectl queue ls, chargectl queue ls --given-up", ExitCode.REFUSED)
    if len(found) > 1:
        some = ", ".join(found[:5])
        raise Failure(f"{len(found)} messages begin with {wanted}: {some}; give more of the id", ExitCode.USAGE)
    return fetch(home, message_id=found[0])[0]


def fetch(home: Home, **wanted: Any) -> list[QueueRow]:
    """The rows that `message_queue` has. `wanted`: as of `QueueListRequest`. Raises Failure."""
    with BusClient(home, hears=(QUEUE_PAGE,), asks=(QUEUE_LIST,)) as client:
        for _ in range(TRIES):
            rows = _complete(client, wanted)
            if rows is not None:
                return rows
    raise Failure("pages of the list were lost on the way; try again", ExitCode.FAILED)


def _complete(client: BusClient, wanted: dict[str, Any]) -> list[QueueRow] | None:
    """None: a page is missing. Raises Failure."""
    now_s = client.clock.now().boot_s
    request = QueueListRequest(request_id=client.bus.new_id(), expires_s=now_s + ANSWER_S, **wanted)
    client.bus.request(QUEUE_LIST, request)
    pages: dict[int, QueuePage] = {}
    for body in _bodies(client, now_s + ANSWER_S + 5.0):
        if isinstance(body, QueuePage) and body.request_id == request.request_id:
            pages[body.page] = body
        elif isinstance(body, Answered) and body.request_id == request.request_id:
            if body.outcome is Answer.EXPIRED:
                break
            if body.outcome is not Answer.ACCEPTED:
                raise Failure(f"message_queue says no: {body.reason or body.outcome}", ExitCode.REFUSED)
            if len(pages) < int(body.values.get("pages", "0")):
                return None
            return [row for number in sorted(pages) for row in pages[number].rows]
    raise Failure(
        "message_queue did not answer; is it up? See: chargectl status, chargectl log tail message_queue",
        ExitCode.NOT_RUNNING,
    )


def _bodies(client: BusClient, until_s: float) -> Iterator[object]:
    for received in client.messages(until_s):
        yield received.body
