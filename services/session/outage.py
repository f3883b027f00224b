"""How long there has been no connection to the backend. Pure."""

import math

OUTAGE_S = 30.0
"""So long without one: a reconnection, or a start of the station with a modem, takes less."""


class Outage:
    """`begin_s`: boot clock; before it nothing was heard."""

    def __init__(self, begin_s: float) -> None:
        self._since_s: float | None = begin_s

    def look(self, online: bool, now_s: float) -> None:
        """`online`: registered at the backend, as far as anybody says so."""
        if online:
            self._since_s = None
        elif self._since_s is None:
            self._since_s = now_s

    def lasts(self, now_s: float) -> bool:
        return self._since_s is not None and now_s - self._since_s >= OUTAGE_S

    def due_s(self, now_s: float) -> float:
        """When it begins to count (boot clock)."""
        return math.inf if self._since_s is None or self.lasts(now_s) else self._since_s + OUTAGE_S
