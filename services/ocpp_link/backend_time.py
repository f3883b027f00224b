"""The backend's time in BootNotification.conf and Heartbeat.conf. Pure."""

from datetime import UTC, datetime

import msgspec

TOLERATED_S = 1.0
EARLIEST_WALL_S = 1_577_836_800.0
"""2020: a backend that says less has lost its own clock."""
LATEST_WALL_S = 4_102_444_800.0
"""2100."""


def correction(current_time: str, wall_s: float, round_trip_s: float) -> float | None:
    """The wall time it should be now, where ours differs by more than a second; None = ours is good, or theirs is not.

    A time without zone is taken as UTC.
    """
    try:
        told = msgspec.convert(current_time, datetime)
    except msgspec.ValidationError:
        return None
    if told.tzinfo is None:
        told = told.replace(tzinfo=UTC)
    try:
        told_s = told.timestamp() + max(0.0, round_trip_s) / 2
    except (OverflowError, ValueError):
        return None
    if not EARLIEST_WALL_S <= told_s <= LATEST_WALL_S or abs(told_s - wall_s) <= TOLERATED_S:
        return None
    return told_s
