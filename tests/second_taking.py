"""Invariant 29 on a running station: steps of `safety` are taken a second time, from a copy of the state before them.

What comes from outside between the copy and the step (settings, orders, an exercise) makes the copy useless.
"""

from collections import Counter
from collections.abc import Hashable

from services.safety import core
from services.safety.seat import Seat
from services.safety.state import ConnectorState
from tests.outlet_invariants import step_of

EVERY = 5
"""So many steps of a connector, and one of them is taken twice."""


class SecondTaking:
    """Of all connectors of a station."""

    def __init__(self) -> None:
        self._steps: Counter[int] = Counter()
        self.compared = 0
        """Steps that were taken twice."""
        self._twins: dict[int, tuple[Seat, Hashable, ConnectorState]] = {}

    def see(self, seat: Seat, result: core.Result, now_s: float) -> None:
        """After each step. Raises AssertionError when the same inputs gave something else."""
        state = seat.state
        number, outside = state.equipment.connector, _outside(state)
        self._steps[number] += 1
        of_seat, before, twin = self._twins.pop(number, (None, None, state))
        if of_seat is seat and before == outside and state.faults.error_s != now_s:
            again = step_of(state.equipment)(twin, seat.readings, seat.permission, now_s)
            if twin.begun_s == state.begun_s:
                self.compared += 1
                assert again == result, f"invariant 29 at {now_s:.3f} s: {result}, and from the same inputs {again}"
        if self._steps[number] % EVERY == 0:
            self._twins[number] = (seat, outside, state.copy())


def _outside(state: ConnectorState) -> Hashable:
    """What is not the core's to change."""
    return state.settings, state.equipment, tuple(sorted(state.memory.orders.items())), state.faults.error_s
