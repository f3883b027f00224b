"""Boot-clock time, and the kernel's other clock in it."""

import time

LOOKS = 5
"""At the start; one of them is not interrupted."""


def boot_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class KernelTime:
    """Moments of CLOCK_MONOTONIC (the kernel's stamps of GPIO events) on the boot clock.

    Both differ by the time the computer was suspended, which only grows. Read in this order the difference is never too
    large, however long the reader was held up in between: the largest one seen is the nearest, no moment seems younger
    than it is, and of two moments the later one never seems the earlier.
    """

    def __init__(self) -> None:
        self._ahead_s = float("-inf")
        for _ in range(LOOKS):
            self._look()

    def _look(self) -> None:
        boot = time.clock_gettime(time.CLOCK_BOOTTIME)
        monotonic = time.clock_gettime(time.CLOCK_MONOTONIC)
        self._ahead_s = max(self._ahead_s, boot - monotonic)

    def boot_s(self, monotonic_s: float) -> float:
        self._look()
        return monotonic_s + self._ahead_s
