"""Runs the service: `python -m services.system`."""

import sys

from services.runner import Context, Plan, path_of_store, run
from services.system.station import ASKS, HEARS, System
from services.system.store import SystemStore
from services.system.supervisor import Supervisord


def build(context: Context) -> System:
    def set_offset(offset_s: float) -> None:
        context.clock.offset_s = offset_s

    return System(
        context.bus,
        home=context.home,
        store=SystemStore(path_of_store(context, "system")),
        supervisor=Supervisord(context.home.socket_directory() / "supervisor.sock"),
        start_id=context.start_id,
        set_offset=set_offset,
    )


PLAN = Plan(owner="system", hears=HEARS, asks=ASKS, build=build)

if __name__ == "__main__":
    sys.exit(run(PLAN))
