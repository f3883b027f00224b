"""`python -m services.session`: the charging sessions of one station."""

import sys

from services.runner import Context, Plan, path_of_store, run
from services.session.station import ASKS, HEARS, SessionService
from services.session.store import opener


def build(context: Context) -> SessionService:
    return SessionService(context.bus, context.station, context.start_id, opener(path_of_store(context, "session")))


PLAN = Plan(owner="session", hears=HEARS, asks=ASKS, build=build)

if __name__ == "__main__":
    sys.exit(run(PLAN))
