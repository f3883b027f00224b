"""`chargectl safety clear-lockout`: what service does when a connector has been put right."""

import argparse

from chargectl.output import Failure, print_json
from chargectl.station import existing_home, place, process_of_up
from services.exit_codes import ExitCode
from services.home import Home
from services.safety.clear_lockout import NotCleared, clear, words_of


def run(arguments: argparse.Namespace) -> int:
    """Raises Failure: safety runs, or a reason that says what to do."""
    home = existing_home(arguments)
    try:
        found = clear(home, arguments.connector)
    except NotCleared as error:
        words = _stop_first(home, arguments.connector) if error.code is ExitCode.ALREADY_RUNNING else str(error)
        raise Failure(words, error.code) from error
    if arguments.json:
        connectors = {each.connector: list(each.what) for each in found}
        print_json({"ok": True, "cleared": {str(number): what for number, what in connectors.items()}})
        return int(ExitCode.OK)
    for each in found:
        print(words_of(each))
    start = "service start safety" if process_of_up(home) else "up"
    print(f"Cleared. The contacts are checked again when safety starts: chargectl {start} {place(home)}")
    return int(ExitCode.OK)


def _stop_first(home: Home, connector: int) -> str:
    where, only = place(home), f" --connector {connector}" if connector else ""
    return (
        "safety runs, and a lockout is cleared only while it does not (nothing was cleared). "
        "Every contactor of this station opens when it is stopped. One after the other:\n"
        f"  chargectl service stop safety {where}\n"
        f"  chargectl safety clear-lockout{only} {where}\n"
        f"  chargectl service start safety {where}"
    )
