"""Invariant 29 on a running station: every step of `safety` is taken a second time, from a copy of the state before it.

What comes from outside of a step (settings, orders, an exercise) changes the state that the copy is made of: the copy
is made anew then.
"""

from collections.abc import Hashable

from services.safety import core
from services.safety.seat import Seat
from services.safety.state import ConnectorState
from tests.outlet_invariants import step_of


class SecondTaking:
    """Of all connectors of a station."""

    def __init__(self) -> None:
        self.compared = 0
        """Steps that were taken twice."""
        self._twins: dict[int, tuple[Seat, Hashable, ConnectorState]] = {}

    def see(self, seat: Seat, result: core.Result, now_s: float) -> None:
        """After each step. Raises AssertionError when the same inputs gave something else."""
        state = seat.state
        number, outside = state.equipment.connector, _outside(state)
        of_seat, before, twin = self._twins.get(number, (None, None, state))
        if of_seat is seat and before == outside and state.faults.error_s != now_s:
            again = step_of(state.equipment)(twin, seat.readings, seat.permission, now_s)
            if twin.begun_s == state.begun_s:
                self.compared += 1
                assert again == result, f"invariant 29 at {now_s:.3f} s: {result}, and from the same inputs {again}"
                return
        self._twins[number] = (seat, outside, state.copy())


def _outside(state: ConnectorState) -> Hashable:
    """What is not the core's to change."""
    return state.settings, state.equipment, tuple(sorted(state.memory.orders.items())), state.faults.error_s
