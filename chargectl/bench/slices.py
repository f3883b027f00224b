"""What the two ends of a measured hop tell the bench. One JSON line per slice on standard output."""

import json
import sys
import time
from dataclasses import asdict, dataclass
from typing import Any

from chargectl.bench.figures import quantile

PERIOD_S = 0.001
"""Messages are paced at 1 kHz: every one finds its receiver asleep, as in a station."""


def boot_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True)
class Slice:
    """One short run of messages as the receiver saw it."""

    p50_s: float
    p99_s: float
    cpu_s: float
    """Of the whole receiving process per message, its I/O threads included."""
    received: int


class SliceCounter:
    """The receiver's book: latency of each message, CPU between the first and the last one."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._latencies_s: list[float] = []
        self._number = -1
        self._cpu_s = 0.0

    def take(self, number: int, index: int, sent_s: float, now_s: float) -> None:
        """Message `index` (0-based) of slice `number` arrived; after the last one the slice is told."""
        if number != self._number:
            self._number, self._latencies_s, self._cpu_s = number, [], time.process_time()
        self._latencies_s.append(now_s - sent_s)
        if index == self._count - 1:
            self._tell(time.process_time() - self._cpu_s)

    def _tell(self, cpu_s: float) -> None:
        latencies = self._latencies_s
        told = Slice(
            p50_s=quantile(latencies, 0.5),
            p99_s=quantile(latencies, 0.99),
            cpu_s=cpu_s / max(1, len(latencies) - 1),
            received=len(latencies),
        )
        say(**asdict(told))


def say(**fields: Any) -> None:
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


def paced(count: int) -> "Pace":
    return Pace(count)


class Pace:
    """Iterates over `count` indices, one per period, on absolute times; a late one is sent at once."""

    def __init__(self, count: int) -> None:
        self._indices = iter(range(count))
        self._next_s = time.monotonic() + PERIOD_S

    def __iter__(self) -> "Pace":
        return self

    def __next__(self) -> int:
        index = next(self._indices)
        wait_s = self._next_s - time.monotonic()
        if wait_s > 0:
            time.sleep(wait_s)
        self._next_s = max(self._next_s, time.monotonic() - PERIOD_S) + PERIOD_S
        return index
