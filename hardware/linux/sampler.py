"""Reads that may block, in a thread of their own: the safety loop only takes finished, stamped values.

A thread is started by the first turn of the loop and so inherits its priority: one that holds the interpreter while the
loop waits is not held up by ordinary processes. A read that hangs makes its values old, and old values are never good.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Protocol

LONGEST_WAIT_S = 1.0
STACK_BYTES = 256 * 1024


class Job(Protocol):
    @property
    def period_s(self) -> float:
        """How often to read; may change at any time."""

    def sample(self) -> None:
        """Take one sample and keep it, stamped with the time before the read began. Does not raise OSError."""


class Sampler:
    def __init__(self, name: str, jobs: Sequence[Job], clock: Callable[[], float]) -> None:
        self._jobs = list(jobs)
        self._next_s = [0.0] * len(self._jobs)
        self._clock = clock
        self._changed = threading.Event()
        self._ends = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._started = False

    def start(self) -> None:
        """Once; more calls do nothing."""
        if not self._started and self._jobs:
            self._started = True
            # With locked memory a stack of the usual size would cost 8 MB each.
            usual = threading.stack_size(STACK_BYTES)
            try:
                self._thread.start()
            finally:
                threading.stack_size(usual)

    def hurry(self) -> None:
        """A period has become shorter, or something was driven: take the next samples now."""
        self._next_s = [0.0] * len(self._jobs)
        self._changed.set()

    def _run(self) -> None:
        while not self._ends:
            self._changed.clear()
            for place, job in enumerate(self._jobs):
                now_s = self._clock()
                if now_s >= self._next_s[place]:
                    self._next_s[place] = now_s + job.period_s
                    job.sample()
            wait_s = min(self._next_s) - self._clock()
            self._changed.wait(min(LONGEST_WAIT_S, max(0.0, wait_s)))

    def close(self) -> None:
        self._ends = True
        self._changed.set()
        if self._started:
            self._thread.join(LONGEST_WAIT_S)
