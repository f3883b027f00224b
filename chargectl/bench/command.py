"""The command line of `chargectl bench`."""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

from chargectl.bench import machine
from chargectl.bench.children import compile_packages
from chargectl.bench.effort import BenchError, Effort
from chargectl.bench.report import Figure, Report, table

ABOUT = {
    "bus": "one message between two services, against a raw datagram, bare ZeroMQ and MQTT",
    "stop": "how fast `safety` opens a contactor, everything fitted, both cores loaded",
    "footprint": "memory and idle CPU of the services",
    "ocpp": "one validated MeterValues to the backend and back, against bare websockets and the ocpp package",
    "queue": "queueing a billing message durably, against append + fdatasync",
    "settings": "answering for all keys, changing one, starting with all of them",
    "start": "from `chargectl up` to all services healthy, and back after a kill",
}


Bench = Callable[[Effort], list[Figure]]


def run(argv: Sequence[str]) -> int:
    asked = _parser().parse_args(argv)
    if asked.repeats < 1:
        _parser().error("--repeats is at least 1")
    measure: Bench = import_module(f"chargectl.bench.{asked.name}").measure
    compile_packages()
    before = machine.describe()
    try:
        figures = measure(Effort(asked.repeats, asked.quick, asked.keep))
    except BenchError as error:
        print(f"bench {asked.name} could not run: {error}", file=sys.stderr)
        return 1
    report = Report(
        name=asked.name,
        figures=tuple(figures),
        machine={**machine.with_load_after(before), "quick": asked.quick},
        repeats=asked.repeats,
    )
    print(json.dumps(report.as_json(), indent=2) if asked.json else table(report))
    return report.exit_code


def _parser() -> argparse.ArgumentParser:
    listed = "\n".join(f"  {name:<10} {about}" for name, about in ABOUT.items())
    parser = argparse.ArgumentParser(
        prog="chargectl bench",
        description="Measures a performance promise as a ratio against a physical limit or a peer in the same run.",
        epilog=f"{listed}\n\nExit code 0: every measured figure keeps its limit; 1: one does not.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", choices=sorted(ABOUT))
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--repeats", type=int, default=3, help="how often everything is repeated (default 3)")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="stop: write the histogram of all stops there")
    parser.add_argument("--quick", action="store_true", help="shorter slices: a first impression, not a proof")
    return parser
