"""The one place where identifiers are made."""

import os
from collections.abc import Callable

from bus.clock import Clock

IdSource = Callable[[], str]


def time_ordered(wall_s: float, random_bits: int) -> str:
    """A UUID of version 7 (RFC 9562): 36 characters, sorts by the millisecond it was made in.

    `random_bits` are 74 bits.
    """
    milliseconds = int(wall_s * 1000) & ((1 << 48) - 1)
    high = (random_bits >> 62) & 0xFFF
    low = random_bits & ((1 << 62) - 1)
    value = (milliseconds << 80) | (0x7 << 76) | (high << 64) | (0b10 << 62) | low
    digits = f"{value:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def id_source(clock: Clock) -> IdSource:
    """For transactions, facts, requests and OCPP messages."""
    return lambda: time_ordered(clock.now().wall_s, int.from_bytes(os.urandom(10)) >> 6)


def new_run_id() -> str:
    """For one start of one process."""
    return os.urandom(6).hex()
