"""Current and duty cycle (IEC 61851-1 table A.7), and what a cable can carry (annex B)."""

import math

from services.safety.timings import LEAST_CURRENT_A

_LINEAR_MA = 60
"""Per 0.1 % up to 51 A: I = duty * 0.6 A."""
_STEEP_MA = 250
"""Per 0.1 % above: I = (duty - 64 %) * 2.5 A."""


def permille_for(current_a: float) -> int | None:
    """Duty cycle in 0.1 % whose current is the highest not above `current_a`; None below 6 A (not encodable) or NaN.

    51 A and 52.5 A meet at 85 %, which a vehicle reads as 51 A.
    """
    if not current_a >= LEAST_CURRENT_A:
        return None
    milliamperes = math.floor(min(current_a, 80.0) * 1000.0 + 1e-6)
    if milliamperes < 52_500:
        return min(milliamperes, 51_000) // _LINEAR_MA
    return 640 + milliamperes // _STEEP_MA


def current_for(permille: int) -> float:
    """What a vehicle may draw at this duty cycle, in amperes; 0 where no current is offered."""
    if not 100 <= permille <= 960:
        return 0.0
    if permille <= 850:
        return permille * _LINEAR_MA / 1000.0
    return (permille - 640) * _STEEP_MA / 1000.0


_RANGE_ENDS = {63.0: 140.0, 32.0: 308.0, 20.0: 936.0}
"""Ampacity and the highest resistance that codes it; all above codes 13 A, and so does the gap up to an open line."""
_SHORT_OHM, _OPEN_OHM = 60.0, 4500.0


def ampacity(ohm: float) -> float:
    """What a cable with this coding resistor can carry, in amperes; 0 = shorted, open or not a number: no charging.

    60 to 80 ohm is nearest to the 63 A coding, 2460 to 4500 ohm to the 13 A one; gaps count as the lower ampacity.
    """
    if not _SHORT_OHM <= ohm <= _OPEN_OHM:
        return 0.0
    for current_a, end_ohm in _RANGE_ENDS.items():
        if ohm <= end_ohm:
            return current_a
    return 13.0
