"""The two times of a station, read together."""

from typing import NamedTuple, Protocol


class Now(NamedTuple):
    boot_s: float
    """CLOCK_BOOTTIME: for every deadline, age and lease."""
    wall_s: float
    """Station wall time, seconds since 1970 UTC: for people and billing records. It may jump."""


class Clock(Protocol):
    def now(self) -> Now: ...
