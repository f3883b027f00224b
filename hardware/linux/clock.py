"""Boot-clock time, and the kernel's other clock in it."""

import time


def boot_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def boot_of_monotonic_s(monotonic_s: float) -> float:
    """The boot-clock time of a moment of CLOCK_MONOTONIC (kernel time stamps of GPIO events).

    Both clocks differ by the time the computer was suspended. Read in this order, the answer is never too young.
    """
    boot = time.clock_gettime(time.CLOCK_BOOTTIME)
    monotonic = time.clock_gettime(time.CLOCK_MONOTONIC)
    return boot - (monotonic - monotonic_s)
