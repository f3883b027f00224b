"""Transactions: what each connector is doing, why its current is what it is, and starting and stopping by command.

Examples:
  chargectl session ls
  chargectl session show 1                limits in force, the transaction's name at the backend
  chargectl session start 1 04C0FFEE123456
  chargectl session stop 1
  chargectl session phases 1 --connector 2          charge with one phase of three, until the transaction ends
  chargectl session phases auto
"""

import argparse
from typing import Any

import msgspec

from bus.topics import (
    METERING_READING,
    SESSION_CONNECTOR,
    SESSION_START_TRANSACTION,
    SESSION_STOP_TRANSACTION,
    SESSION_SWITCH_PHASES,
)
from chargectl.bus_client import BusClient
from chargectl.output import Failure, print_json, table
from chargectl.phases import phase_words
from chargectl.station import existing_home
from chargectl.station_check import check_home
from chargectl.supervisor import Supervisor
from schemas.session import (
    SessionConnector,
    StartTransactionRequest,
    StopReason,
    StopTransactionRequest,
    SwitchPhasesRequest,
)
from services.clock import iso_utc
from services.exit_codes import ExitCode
from services.home import Home

HEARD_S = 3.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ls|show|start|stop|phases")
    actions.add_parser("ls", help="one line per connector")
    show = actions.add_parser("show", help="everything about one connector")
    show.add_argument("connector", type=int, nargs="?", default=1)
    start = actions.add_parser("start", help="as if this card had been held to the reader, for this connector")
    start.add_argument("connector", type=int)
    start.add_argument("id_tag")
    stop = actions.add_parser("stop", help="stop the transaction of a connector")
    stop.add_argument("connector", type=int, nargs="?", default=1)
    stop.add_argument("--transaction", default="", metavar="ID", help="instead of a connector")
    about = "with how many phases the running transaction charges, until it ends; the change takes some 20 s"
    phases = actions.add_parser(
        "phases",
        help=about,
        description=f"Says {about}. The station file has to give the connector a phase relay (phase_switching), and "
        'PhaseSwitchingFunction has to be "By command". A change may follow another one after a minute.',
    )
    phases.add_argument("number", choices=("1", "3", "auto"), help="auto: nobody wants a number any more")
    phases.add_argument("--connector", type=int, default=1, metavar="K")


def run(arguments: argparse.Namespace) -> int:
    home = existing_home(arguments)
    action = {"ls": _list, "show": _show, "start": _start, "stop": _stop, "phases": _phases}[arguments.action]
    action(home, arguments)
    return int(ExitCode.OK)


def _list(home: Home, arguments: argparse.Namespace) -> None:
    bodies = [body for body, _ in _connectors(home).values()]
    if arguments.json:
        print_json({"connectors": [msgspec.to_builtins(body) for body in bodies]})
        return
    rows = [
        (
            body.connector,
            str(body.status),
            body.transaction_id or "-",
            body.id_tag or "-",
            iso_utc(body.started_wall_s) if body.transaction_id else "-",
            "-" if body.energy_wh is None else f"{body.energy_wh} Wh",
            f"{body.limit_a:.1f} A ({body.limit_source})",
            body.waiting_facts,
        )
        for body in bodies
    ]
    print(table(rows, ("connector", "status", "transaction", "card", "since", "energy", "limit", "waiting facts")))


def _show(home: Home, arguments: argparse.Namespace) -> None:
    body, power_w = _one(home, arguments.connector)
    if arguments.json:
        print_json({**msgspec.to_builtins(body), "power_w": power_w})
        return
    phases = phase_words(body.phases, body.phases_asked, body.phases_wanted)
    rows: list[tuple[str, Any]] = [
        ("status", body.status),
        ("why not charging", body.reason or "-"),
        ("transaction", body.transaction_id or "-"),
        ("the backend calls it", "-" if body.backend_transaction_id is None else body.backend_transaction_id),
        ("card", body.id_tag or "-"),
        ("since", iso_utc(body.started_wall_s) if body.transaction_id else "-"),
        ("register at start", "-" if body.meter_start_wh is None else f"{body.meter_start_wh} Wh"),
        ("energy", "unknown" if body.energy_wh is None else f"{body.energy_wh} Wh"),
        ("power", "unknown" if power_w is None else f"{power_w:.0f} W"),
        ("limit", f"{body.limit_a:.1f} A, because of: {body.limit_source}"),
        *((f"  {limit.source}", f"{limit.limit_a:.1f} A") for limit in body.limits),
        *([("phases", phases)] if phases else []),
        ("facts on their way to the queue", body.waiting_facts),
        ("error", body.error_code + (f" ({body.info})" if body.info else "")),
    ]
    print(table([(name, str(value)) for name, value in rows], (f"connector {body.connector}", "")))


def _start(home: Home, arguments: argparse.Namespace) -> None:
    Supervisor(home).process_id()
    with BusClient(home, asks=(SESSION_START_TRANSACTION,)) as client:
        answered = client.ask(
            SESSION_START_TRANSACTION,
            StartTransactionRequest,
            connector=arguments.connector,
            id_tag=arguments.id_tag,
        )
    _say(arguments, "accepted", answered.values)


def _stop(home: Home, arguments: argparse.Namespace) -> None:
    Supervisor(home).process_id()
    with BusClient(home, asks=(SESSION_STOP_TRANSACTION,)) as client:
        answered = client.ask(
            SESSION_STOP_TRANSACTION,
            StopTransactionRequest,
            connector=0 if arguments.transaction else arguments.connector,
            transaction_id=arguments.transaction,
            reason=StopReason.LOCAL,
        )
    _say(arguments, "stopping", answered.values)


def _phases(home: Home, arguments: argparse.Namespace) -> None:
    Supervisor(home).process_id()
    with BusClient(home, asks=(SESSION_SWITCH_PHASES,)) as client:
        answered = client.ask(
            SESSION_SWITCH_PHASES,
            SwitchPhasesRequest,
            connector=arguments.connector,
            phases=0 if arguments.number == "auto" else int(arguments.number),
        )
    _say(arguments, "changing" if answered.values.get("changed") == "true" else "so already", answered.values)


def _say(arguments: argparse.Namespace, word: str, values: dict[str, str]) -> None:
    if arguments.json:
        print_json({"ok": True, **values})
    else:
        print(" ".join([word, *(f"{name}={value}" for name, value in values.items())]))


def _connectors(home: Home) -> dict[int, tuple[SessionConnector, float | None]]:
    """What `session` says of each connector, and the power its meter shows. Raises Failure."""
    numbers = check_home(home).connectors
    Supervisor(home).process_id()
    with BusClient(home, hears=(SESSION_CONNECTOR, METERING_READING)) as client:
        session_says = [(SESSION_CONNECTOR, str(number)) for number in numbers]
        meters = [(METERING_READING, f"connector.{number}") for number, each in numbers.items() if each.meter != "none"]
        client.wait_for([*session_says, *meters], HEARD_S)
        found = {}
        for number in numbers:
            body = client.bus.latest(SESSION_CONNECTOR, str(number)).body
            meter = client.bus.latest(METERING_READING, f"connector.{number}").fresh
            if body is not None:
                found[number] = (body, meter.reading.power_w if meter is not None and meter.reading else None)
    if not found:
        raise Failure("session says nothing; is it up? See: chargectl status", ExitCode.NOT_RUNNING)
    return found


def _one(home: Home, number: int) -> tuple[SessionConnector, float | None]:
    connectors = _connectors(home)
    if number not in connectors:
        raise Failure(f"there is no connector {number}; connectors: {', '.join(map(str, connectors))}", ExitCode.USAGE)
    return connectors[number]
