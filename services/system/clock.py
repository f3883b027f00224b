"""The offset of the station's wall time. Pure.

The simulated board never sets the host's clock: the offset alone moves, and it is kept.
"""

from msgspec import Struct

EARLIEST_WALL_S = 1_577_836_800.0
"""2020-01-01: before this software existed."""
LATEST_WALL_S = 4_102_444_800.0
"""2100-01-01."""


class Offset(Struct, frozen=True, kw_only=True):
    offset_s: float = 0.0
    synchronized: bool = False
    """Somebody has set it."""


class WrongTime(ValueError):
    """The text says what is taken."""


def offset_for(wanted_wall_s: float, wall_now_s: float, present: Offset) -> Offset:
    """The offset with which station wall time is `wanted_wall_s` now. `wall_now_s` is station wall time with the
    present offset. Raises WrongTime."""
    if not EARLIEST_WALL_S <= wanted_wall_s <= LATEST_WALL_S:
        raise WrongTime("the station's time lies between the years 2020 and 2100 (seconds since 1970 UTC)")
    host_wall_s = wall_now_s - present.offset_s
    return Offset(offset_s=wanted_wall_s - host_wall_s, synchronized=True)
