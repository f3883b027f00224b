"""Runs the service: `python -m services.hmi`."""

import sys

from hardware.board import open_people_board
from services.hmi.station import ASKS, HEARS, Hmi
from services.runner import Context, Plan, run


def build(context: Context) -> Hmi:
    board = open_people_board(context.station, context.home.socket_directory() / "board.sock")
    return Hmi(context.bus, connectors=context.station.connectors, board=board)


PLAN = Plan(owner="hmi", hears=HEARS, asks=ASKS, build=build)

if __name__ == "__main__":
    sys.exit(run(PLAN))
