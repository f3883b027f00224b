"""Checks a station: its home, disk, ports, services, clock and settings; with --deep also its hardware.

--deep tries out every part with no vehicle present: lock, residual current module, pilot, outputs, lights. Nothing is
offered meanwhile, and a vehicle that is plugged in ends it at once. The contactor is closed only with
--close-contactor: for a second the output is live. Exit code 1 when something is wrong.

Examples:
  chargectl doctor
  chargectl doctor --deep
  chargectl doctor --deep --close-contactor --connector 1
"""

import argparse
from collections.abc import Iterator
from dataclasses import asdict

from chargectl.finding import OK, WARNING, WRONG, Finding
from chargectl.output import Failure, coloured, print_json
from chargectl.station import existing_home
from services.exit_codes import ExitCode

_COLOURS = {OK: "32", WARNING: "33", WRONG: "31"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--deep", action="store_true", help="try out the hardware; no vehicle may be connected")
    parser.add_argument("--connector", type=int, default=0, metavar="N", help="with --deep: only this one")
    parser.add_argument("--close-contactor", action="store_true", help="with --deep: the output is live for a second")
    parser.add_argument("--auxiliary", action="store_true", help="with --deep: switch the auxiliary output too")


def run(arguments: argparse.Namespace) -> int:
    if (arguments.close_contactor or arguments.auxiliary or arguments.connector) and not arguments.deep:
        raise Failure("--close-contactor, --auxiliary and --connector go with --deep", ExitCode.USAGE)
    home = existing_home(arguments)
    from chargectl import doctor_checks, doctor_deep

    found = []
    for finding in _all(doctor_checks.checks(home), doctor_deep.checks(home, arguments) if arguments.deep else None):
        found.append(finding)
        if not arguments.json:
            print(
                f"{coloured(f'{finding.level:<8}', _COLOURS[finding.level])} {finding.what}: {finding.words}",
                flush=True,
            )
    wrong = sum(finding.level == WRONG for finding in found)
    if arguments.json:
        print_json({"ok": wrong == 0, "findings": [asdict(finding) for finding in found]})
    else:
        print(f"{wrong} wrong" if wrong else "nothing is wrong")
    return int(ExitCode.FAILED if wrong else ExitCode.OK)


def _all(first: Iterator[Finding], then: Iterator[Finding] | None) -> Iterator[Finding]:
    yield from first
    if then is not None:
        yield from then
