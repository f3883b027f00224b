"""Every reading of the safety service, its limits and counters, every active fault with what to do about it, and why
power does not flow.

Examples:
  chargectl safety
  chargectl safety --connector 2 --json
  chargectl safety --watch                 again every second; Ctrl-C ends it
  chargectl safety clear-lockout           service has put the station right: ends what waits for that (a welded
                                           contactor, a tilt, faults that wait for an unplug). Only while the
                                           service safety is stopped; --connector N: only that one
"""

import argparse
import sys
from typing import Any

import msgspec

from bus.topics import METERING_READING, SAFETY_CONNECTOR, SAFETY_LOOK, SAFETY_STATION
from chargectl.board_words import with_trouble
from chargectl.bus_client import BusClient
from chargectl.output import CLEAR_TO_END, HOME, Failure, ago, coloured, print_json
from chargectl.station import existing_home
from chargectl.station_check import check_home
from chargectl.supervisor import Supervisor
from schemas.faults import FAULTS
from schemas.safety import LookRequest, SafetyConnector
from services.exit_codes import ExitCode

HEARD_S = 3.0
EVERY_S = 1.0
CLEAR = "clear-lockout"
Look = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", nargs="?", choices=("show", CLEAR), default="show")
    parser.add_argument("--connector", type=int, default=0, metavar="N", help="only this one")
    parser.add_argument("--watch", action="store_true", help="again every second")


def run(arguments: argparse.Namespace) -> int:
    if arguments.action == CLEAR:
        # imported here: looking needs nothing of it
        from chargectl import clear_lockout

        return clear_lockout.run(arguments)
    home = existing_home(arguments)
    numbers = list(check_home(home).connectors)
    if arguments.connector and arguments.connector not in numbers:
        there = ", ".join(map(str, numbers))
        raise Failure(f"there is no connector {arguments.connector}; connectors: {there}", ExitCode.USAGE)
    shown = [arguments.connector] if arguments.connector else numbers
    Supervisor(home).process_id()
    hears = (SAFETY_CONNECTOR, SAFETY_STATION, METERING_READING)
    with BusClient(home, hears=hears, asks=(SAFETY_LOOK,)) as client:
        client.wait_for([(SAFETY_STATION, ""), *((SAFETY_CONNECTOR, str(number)) for number in shown)], HEARD_S)
        while True:
            _show(look(client, shown), arguments)
            if not arguments.watch:
                return int(ExitCode.OK)
            client.listen(EVERY_S)


def look(client: BusClient, numbers: list[int]) -> Look:
    """Raises Failure: safety does not answer."""
    station = client.ask(SAFETY_LOOK, LookRequest, connector=0).values
    return {
        "station": station,
        "connectors": {str(number): _connector(client, number) for number in numbers},
    }


def _connector(client: BusClient, number: int) -> Look:
    values = client.ask(SAFETY_LOOK, LookRequest, connector=number).values
    said = client.bus.latest(SAFETY_CONNECTOR, str(number)).fresh
    station = client.bus.latest(SAFETY_STATION).fresh
    trouble = station.trouble if station is not None else ""
    meter = client.bus.latest(METERING_READING, f"connector.{number}")
    age_s = client.clock.now().boot_s - meter.sent_s if meter.body is not None else None
    return {
        "readings": values,
        "meter_age_s": None if age_s is None else round(age_s, 2),
        "wait_s": wait_s(said, client.clock.now().boot_s),
        "said": None if said is None else msgspec.to_builtins(said),
        "why": "" if said is None else with_trouble(said.reason, trouble),
        "faults": [] if said is None else _faults(said, trouble),
    }


def wait_s(said: SafetyConnector | None, now_s: float) -> float:
    """How long power will not flow at least; 0 = nobody knows."""
    return 0.0 if said is None else round(max(0.0, said.retry_after_s - now_s), 1)


def _faults(said: SafetyConnector, trouble: str) -> list[dict[str, str]]:
    rows = [FAULTS[code] for code in said.faults if code in FAULTS]
    return [
        {
            "code": row.code,
            "internal_code": row.internal_code,
            "text": with_trouble(row.text, trouble),
            "instruction": row.instruction,
        }
        for row in rows
    ]


def _show(found: Look, arguments: argparse.Namespace) -> None:
    if arguments.json:
        print_json(found)
        return
    text = "\n\n".join([*(_text(number, each) for number, each in found["connectors"].items()), _station(found)])
    if arguments.watch and sys.stdout.isatty():
        sys.stdout.write(f"{HOME}{text}\n{CLEAR_TO_END}")
        sys.stdout.flush()
    else:
        print(text, flush=True)


def _text(number: str, each: Look) -> str:
    said: Look = each["said"] or {}
    head = f"connector {number}: {said.get('state', 'unknown')}, contactor {said.get('contactor', 'unknown')}"
    lines = [f"{head}, lock {said.get('lock', 'unknown')}"]
    if each["why"]:
        left = f" ({each['wait_s']:.0f} s left)" if each["wait_s"] else ""
        lines.append(coloured(f"  power does not flow: {each['why']}{left}", "33"))
    for fault in each["faults"]:
        lines += [
            coloured(f"  fault {fault['internal_code']} {fault['text']} ({fault['code']})", "31"),
            f"    {fault['instruction']}",
        ]
    rows = {name: text for name, text in each["readings"].items() if not name.startswith("fault ")}
    rows |= _limits(said)
    age_s = each["meter_age_s"]
    rows["meter's last word"] = "never" if age_s is None else f"{ago(age_s)} ago"
    return "\n".join([*lines, *_rows(rows)])


def _limits(said: Look) -> dict[str, str]:
    if not said:
        return {}
    rows = {
        "offered": f"{said.get('offered_a', 0.0):.1f} A",
        "rated": f"{said.get('rated_a', 0.0):g} A, cable {said.get('cable_limit_a', 0.0):g} A",
    }
    if said.get("limit_words"):
        rows["bounded by"] = f"{said['limit_words']} ({said['limit_a']:.1f} A)"
    if said.get("unwatched"):
        rows["not watched"] = str(said["unwatched"])
    for name, place in (("opens in", "opening_ms"), ("closes in", "closing_ms")):
        if said.get(place) is not None:
            rows[name] = f"{said[place]:.0f} ms"
    return rows


def _station(found: Look) -> str:
    return "\n".join(["station", *_rows(found["station"])])


def _rows(rows: dict[str, str]) -> list[str]:
    width = max(map(len, rows), default=0)
    return [f"  {name:<{width}}  {text}" for name, text in rows.items()]
