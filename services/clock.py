"""The station's clock: the only place that reads the host's clocks."""

import time
from time import CLOCK_BOOTTIME, CLOCK_REALTIME, clock_gettime

from bus.clock import Now


class StationClock:
    """Boot-clock time, and wall time = CLOCK_REALTIME + the offset that `system` publishes."""

    def __init__(self) -> None:
        self.offset_s = 0.0

    def now(self) -> Now:
        return Now(clock_gettime(CLOCK_BOOTTIME), clock_gettime(CLOCK_REALTIME) + self.offset_s)

    def boot_s(self) -> float:
        return clock_gettime(CLOCK_BOOTTIME)


def iso_utc(wall_s: float) -> str:
    """What people see: UTC, ISO 8601, milliseconds."""
    milliseconds = round(wall_s * 1000)
    seconds, rest = divmod(milliseconds, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:03d}Z"
