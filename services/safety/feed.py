"""When the monoflop between process and coils is fed."""

import math

from services.safety.timings import FEED_S, LOOP_CLOSED_S


class Feeder:
    """Feeds only while a coil is on, with the time of the step that decided so: a late write keeps nothing alive."""

    def __init__(self) -> None:
        self._last_s = -FEED_S

    def due(self, any_coil_on: bool, now_s: float) -> bool:
        """True when the step at `now_s` is to feed with its own time."""
        if not any_coil_on or now_s - self._last_s < LOOP_CLOSED_S / 2.0:
            return False
        self._last_s = now_s
        return True

    def next_s(self, any_coil_on: bool) -> float:
        """Boot-clock time at which the loop is to turn for the next feed; inf = not at all."""
        return self._last_s + LOOP_CLOSED_S if any_coil_on else math.inf
