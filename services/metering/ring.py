"""The last 15 minutes of good samples of one meter. Pure; bounded; gaps are marked, never filled."""

from collections import deque
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from schemas.metering import Reading

KEPT_S = 900.0
KEPT_SAMPLES = 900
PER_PAGE = 120
GAP_S = 2.5
"""Good samples further apart than this have a gap between them."""


class Page(NamedTuple):
    readings: tuple[Reading, ...]
    gaps: tuple[tuple[float, float], ...]


@dataclass
class Ring:
    _readings: deque[Reading] = field(default_factory=lambda: deque(maxlen=KEPT_SAMPLES))

    def __len__(self) -> int:
        return len(self._readings)

    def add(self, reading: Reading) -> None:
        """A good sample; one that is not younger than the last is dropped."""
        if self._readings and reading.sampled_s <= self._readings[-1].sampled_s:
            return
        self._readings.append(reading)
        while self._readings[0].sampled_s < reading.sampled_s - KEPT_S:
            self._readings.popleft()

    def clear(self) -> None:
        """Another meter stands here now: its register does not continue this one."""
        self._readings.clear()

    def pages(self, from_s: float, to_s: float) -> list[Page]:
        """What was sampled from `from_s` to `to_s` (boot clock, both included), oldest first; at least one page.

        Every gap stands in the page of the sample that ends it; the one after the last sample in the last page.
        """
        wanted = [reading for reading in self._readings if from_s <= reading.sampled_s <= to_s]
        slices = [tuple(wanted[start : start + PER_PAGE]) for start in range(0, len(wanted), PER_PAGE)] or [()]
        pages: list[Page] = []
        before_s = from_s
        for number, readings in enumerate(slices, 1):
            times = [before_s, *(reading.sampled_s for reading in readings)]
            before_s = times[-1]
            if number == len(slices):
                times.append(to_s)
            pages.append(Page(readings, _gaps(times)))
        return pages


def _gaps(times: list[float]) -> tuple[tuple[float, float], ...]:
    return tuple((start, end) for start, end in pairwise(times) if end - start > GAP_S)
