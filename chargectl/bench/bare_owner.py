"""The least a service on our runner can be: it joins the bus, says that it lives, and does nothing.

CHARGE_HOME=... python -m chargectl.bench.bare_owner
"""

import math
import sys
from collections.abc import Iterable

from bus.clock import Now
from bus.envelope import Received
from services.runner import Context, Plan, Service, Source, run

OWNER = "hmi"
"""Whose name it takes: nobody else runs in the bench's home."""


class Idle:
    settings_revision = 0

    def on_start(self, _now: Now) -> None:
        """Nothing to begin with."""

    def on_message(self, _message: Received, _now: Now) -> None:
        """Nobody asks it anything."""

    def on_time(self, _now: Now) -> float:
        return math.inf

    def on_stop(self, _now: Now) -> None:
        """Nothing to put down."""

    def sources(self) -> Iterable[Source]:
        return ()


def build(_context: Context) -> Service:
    return Idle()


if __name__ == "__main__":
    sys.exit(run(Plan(owner=OWNER, build=build)))
