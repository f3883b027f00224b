"""Good readings that have not been looked at for samples yet, the live ones and those of metering's ring. Bounded."""

import bisect
from collections import deque
from typing import NamedTuple

from schemas.metering import Reading
from services.session.transactions import meter_values

MOST = 2000
"""Half an hour on a full disk; then the oldest are dropped."""


class _Heard(NamedTuple):
    sampled_s: float
    serial: str
    reading: Reading


class Readings:
    def __init__(self) -> None:
        self.ring_until_s = 0.0
        """Boot clock: samples wait so long for what the ring has, to be taken in their order."""
        self._heard: deque[_Heard] = deque()

    def hear(self, reading: Reading, serial: str) -> None:
        """In whatever order, also twice."""
        times = [one.sampled_s for one in self._heard] if self._is_late(reading) else []
        place = bisect.bisect_left(times, reading.sampled_s) if times else len(self._heard)
        if place < len(self._heard) and self._heard[place].sampled_s == reading.sampled_s:
            return
        self._heard.insert(place, _Heard(reading.sampled_s, serial, reading))
        if len(self._heard) > MOST:
            self._heard.popleft()

    def _is_late(self, reading: Reading) -> bool:
        return bool(self._heard) and reading.sampled_s <= self._heard[-1].sampled_s

    def next_due(self, serial: str, grid_s: float, interval_s: float, now_s: float) -> Reading | None:
        """The oldest that is due; those before it are forgotten. It stays until the grid has moved on."""
        if interval_s <= 0.0:
            self._heard.clear()
        if self.awaits_ring(now_s):
            return None
        while self._heard:
            oldest = self._heard[0]
            if oldest.serial == serial and meter_values.is_due(grid_s, interval_s, oldest.sampled_s):
                return oldest.reading
            self._heard.popleft()
        return None

    def forget(self) -> None:
        """No transaction is open."""
        self._heard.clear()

    def awaits_ring(self, now_s: float) -> bool:
        """It has been asked and has not answered."""
        return now_s < self.ring_until_s
