"""A residual current module on the bench of `tests/safety_rig.py`: outputs, a test winding, and ways to be broken."""

import math
from typing import NamedTuple

from hardware.interfaces import ResidualCurrent


class Module(NamedTuple):
    """A value: it is replaced, never changed."""

    dc_ma: float = 0.0
    rms_ma: float = 0.0
    dc_trips: bool = False
    """Its output, beside what the test winding does."""
    rms_trips: bool = False
    error: bool = False
    dead: bool = False
    """The outputs stay low."""
    rms_dead: bool = False
    """One of them does."""
    stuck: bool = False
    """The outputs stay high."""
    alive: bool = True
    """False = nothing new is read."""
    test: bool = False
    test_s: float = -math.inf
    answer_s: float = 0.2
    """From the edge of the test winding to that of the outputs."""

    def take(self, test: bool, now_s: float) -> "Module":
        return self if test is self.test else self._replace(test=test, test_s=now_s)

    def status(self, now_s: float) -> ResidualCurrent:
        by_test = self.test is (now_s - self.test_s >= self.answer_s - 1e-9) and self.test_s > -math.inf
        dc, rms = (not self.dead and (by_test or self.stuck or one) for one in (self.dc_trips, self.rms_trips))
        return ResidualCurrent(self.dc_ma, self.rms_ma, dc, rms and not self.rms_dead, self.error, now_s)

    def next_change_s(self) -> float:
        return self.test_s + self.answer_s
