"""The relay of its own that switches L2 and L3, and its feedback contact."""

from hardware.sim.site.faults import ActiveFaults
from hardware.sim.site.trip import NEVER

TRAVEL_S = 0.012


class PhaseRelay:
    """Bistable: it stays where it is without supply."""

    def __init__(self, faults: ActiveFaults) -> None:
        self._faults = faults
        self.closed = True
        self.switched_live = 0
        """How often it has moved while the contactor was closed, which it is not made for."""
        self._wanted = True
        self._at = NEVER

    def select(self, phases: int, now_s: float) -> None:
        self._wanted = phases > 1
        self.reconsider(now_s)

    def reconsider(self, now_s: float) -> None:
        if self._wanted == self.closed or self._faults.active("phase_relay_stuck"):
            self._at = NEVER
        elif self._at == NEVER:
            self._at = now_s + TRAVEL_S

    def next_event_s(self) -> float:
        return self._at

    def happen(self, contactor_closed: bool, now_s: float) -> None:
        if now_s >= self._at:
            self._at = NEVER
            self.closed = self._wanted
            self.switched_live += contactor_closed

    def restore(self, closed: bool) -> None:
        self.closed = self._wanted = closed
