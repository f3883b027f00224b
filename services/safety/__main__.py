"""Runs the service: `python -m services.safety`; `--clear-lockout` ends a lockout while it does not run."""

import sys

from hardware.board import open_safety_board
from services.runner import Context, Plan, run
from services.safety.journal import JournalFile
from services.safety.station import HEARS, SafetyService


def build(context: Context) -> SafetyService:
    board = open_safety_board(context.station, context.home.socket_directory() / "board.sock")
    return SafetyService(context.bus, context.station, board, JournalFile(context.home.data / "safety.json"))


PLAN = Plan(owner="safety", hears=HEARS, build=build, realtime=True)


def main(arguments: list[str]) -> int:
    if not arguments:
        return run(PLAN)
    # imported here: the service itself reads no command line
    from services.safety.clear_lockout import clear_lockout

    return clear_lockout(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
