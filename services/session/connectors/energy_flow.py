"""Does energy flow to the vehicle? The rule behind the three informative messages of the guide, section 9.2. Pure.

With the contactor open none flows, whatever a meter says. With it closed energy flows from 0.5 A in any phase on (or
120 W, where the meter has no currents) and rests below 0.3 A (70 W); between the two it stays what it was. A meter that
is wired the other way round counts alike: the sign says nothing. Without a good reading it is unknown. A change counts
when it has lasted for 2 s.
"""

import math
from enum import Enum

from schemas.metering import Reading

FLOWS_A, RESTS_A = 0.5, 0.3
FLOWS_W, RESTS_W = 120.0, 70.0
LASTS_S = 2.0


class Flow(Enum):
    """By the name of its message in `schemas/notices.py`."""

    FLOWS = "energy_flows"
    RESTS = "energy_rests"
    UNKNOWN = "energy_unknown"


def judge(is_open: bool, reading: Reading | None, before: Flow) -> Flow:
    """`is_open`: the contactor is known to be. `reading`: good and young; None = there is none."""
    if is_open:
        return Flow.RESTS
    if reading is None or (reading.current_a is None and reading.power_w is None):
        return Flow.UNKNOWN
    if reading.current_a is not None:
        measured, flows, rests = max(map(abs, reading.current_a)), FLOWS_A, RESTS_A
    else:
        measured, flows, rests = abs(reading.power_w or 0.0), FLOWS_W, RESTS_W
    if measured >= flows:
        return Flow.FLOWS
    return before if measured >= rests and before is not Flow.UNKNOWN else Flow.RESTS


class EnergyFlow:
    """One connector. What is the case at the start of the process is no change, unless energy flows."""

    def __init__(self) -> None:
        self.due_s = math.inf
        """When a change will have lasted (boot clock)."""
        self._flow: Flow | None = None
        self._coming: Flow | None = None

    def look(self, is_open: bool, reading: Reading | None, now_s: float) -> Flow | None:
        """The new state, once, when it counts; else None."""
        found = judge(is_open, reading, self._flow or Flow.RESTS)
        if found is self._flow:
            self._coming, self.due_s = None, math.inf
            return None
        if found is not self._coming:
            self._coming, self.due_s = found, now_s + LASTS_S
        if now_s < self.due_s:
            return None
        first = self._flow is None
        self._flow, self._coming, self.due_s = found, None, math.inf
        return None if first and found is not Flow.FLOWS else found
