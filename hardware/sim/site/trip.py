"""How long residual current devices take to trip: a curve by the current, and a clock that follows it exactly.

The curves stay inside the limits of IEC 62955 (DC), IEC 62752 (RMS) and IEC 61008 by what a contactor takes to open.
"""

import math
from itertools import pairwise
from typing import NamedTuple

NEVER = float("inf")


class TripCurve(NamedTuple):
    """Points (mA, s) with rising current; between them straight lines on logarithmic axes."""

    points: tuple[tuple[float, float], ...]

    def delay_s(self, current_ma: float) -> float:
        """inf below the first point; beyond the last one it gets no faster."""
        first, last = self.points[0], self.points[-1]
        if current_ma < first[0]:
            return NEVER
        if current_ma >= last[0]:
            return last[1]
        for (low_ma, slow_s), (high_ma, fast_s) in pairwise(self.points):
            if current_ma <= high_ma:
                share = math.log(current_ma / low_ma) / math.log(high_ma / low_ma)
                return slow_s * math.pow(fast_s / slow_s, share)
        return last[1]


MODULE_DC = TripCurve(((6.0, 9.9), (60.0, 0.25), (200.0, 0.06)))
"""IEC 62955: 6 mA within 10 s, 60 mA within 0.3 s, 200 mA within 0.1 s."""
MODULE_RMS = TripCurve(((30.0, 0.25), (60.0, 0.12), (150.0, 0.02)))
"""IEC 62752: 30 mA within 0.3 s, 60 mA within 0.15 s, 150 mA within 0.04 s."""
RCD = TripCurve(((30.0, 0.29), (60.0, 0.14), (150.0, 0.035)))
"""IEC 61008, general type, 30 mA."""


class TripClock:
    """Trips when the sum of (time / delay at that time's current) reaches 1; a current below the curve starts anew."""

    def __init__(self, curve: TripCurve) -> None:
        self._curve = curve
        self._current_ma = 0.0
        self._delay_s = NEVER
        self._progress = 0.0
        self._since_s = 0.0

    def see(self, current_ma: float, now_s: float) -> None:
        """From now on this current flows."""
        if current_ma == self._current_ma:
            return
        if self._delay_s < NEVER:
            self._progress += (now_s - self._since_s) / self._delay_s
        self._current_ma, self._since_s = current_ma, now_s
        self._delay_s = self._curve.delay_s(current_ma)
        if self._delay_s == NEVER:
            self._progress = 0.0

    def due_s(self) -> float:
        """When it trips; inf = not with this current."""
        return self._since_s + max(0.0, 1.0 - self._progress) * self._delay_s if self._delay_s < NEVER else NEVER

    @property
    def above(self) -> bool:
        """The present current trips sooner or later."""
        return self._delay_s < NEVER
