"""`python -m services.world`: the simulated site of one station."""

import sys

from services.runner import Context, Plan, run
from services.world.station import World


def build(context: Context) -> World:
    clock = context.clock
    return World(context.home, context.station, lambda: clock.now().boot_s)


if __name__ == "__main__":
    sys.exit(run(Plan(owner="world", build=build)))
