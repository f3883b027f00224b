"""The station's clock: the only place that reads the host's clocks."""

import time

from bus.clock import Now


class StationClock:
    """Boot-clock time, and wall time = CLOCK_REALTIME + the offset that `system` publishes."""

    def __init__(self) -> None:
        self.offset_s = 0.0

    def now(self) -> Now:
        return Now(time.clock_gettime(time.CLOCK_BOOTTIME), time.clock_gettime(time.CLOCK_REALTIME) + self.offset_s)


def iso_utc(wall_s: float) -> str:
    """What people see: UTC, ISO 8601, milliseconds."""
    milliseconds = round(wall_s * 1000)
    seconds, rest = divmod(milliseconds, 1000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{rest:03d}Z"
