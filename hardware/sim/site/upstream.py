"""What stands before one connector in the distribution: its RCD and its circuit breaker."""

from hardware.sim.site.faults import ActiveFaults
from hardware.sim.site.trip import NEVER, RCD, TripClock

MAGNETIC_TIMES_RATED = 10.0
"""A type C circuit breaker strikes at once from here on."""
MAGNETIC_S = 0.010
TRIPS_AGAIN_S = 0.1
"""Re-armed onto a cause that is still there."""
PERMANENT = 1.0
"""Value of the fault `rcd_trip`."""


class Upstream:
    """A tripped device stays tripped until it is switched on again, by the recloser or by hand."""

    def __init__(self, faults: ActiveFaults, rated_a: float) -> None:
        self._faults = faults
        self._rated_a = rated_a
        self.rcd_closed = True
        self.mcb_closed = True
        self._residual = TripClock(RCD)
        self._rcd_at = self._mcb_at = NEVER
        self._rcd_cause = self._mcb_cause = False

    @property
    def closed(self) -> bool:
        return self.rcd_closed and self.mcb_closed

    def reconsider(self) -> None:
        """A fault came or went. When a cause goes by itself, what has tripped stays tripped."""
        rcd, mcb = self._faults.active("rcd_trip"), self._faults.active("mcb_trip")
        if rcd and not self._rcd_cause:
            self.trip()
        if mcb and not self._mcb_cause:
            self.mcb_closed = False
        self._rcd_cause, self._mcb_cause = rcd, mcb

    def repaired(self, fault: str) -> None:
        """An electrician has been here: the cause is gone and the device is switched on."""
        if fault == "rcd_trip":
            self.rcd_closed, self._rcd_at = True, NEVER
        elif fault == "mcb_trip":
            self.mcb_closed = True

    def see(self, residual_rms_ma: float, current_a: float, now_s: float) -> None:
        """From now on this residual current and this largest current of a phase flow."""
        self._residual.see(residual_rms_ma if self.closed else 0.0, now_s)
        if current_a < MAGNETIC_TIMES_RATED * self._rated_a:
            self._mcb_at = NEVER
        elif self._mcb_at == NEVER:
            self._mcb_at = now_s + MAGNETIC_S

    def rearm(self, now_s: float) -> None:
        """The recloser's pulse. A permanent cause trips again; after a transient one the fault is over."""
        if self.rcd_closed:
            return
        self.rcd_closed = True
        if self._faults.value("rcd_trip") == PERMANENT:
            self._rcd_at = now_s + TRIPS_AGAIN_S
        else:
            self._faults.forget("rcd_trip")
            self._rcd_cause = False

    def trip(self) -> None:
        """The shunt trip."""
        self.rcd_closed = False
        self._rcd_at = NEVER

    def next_event_s(self) -> float:
        residual_s = self._residual.due_s() if self.rcd_closed else NEVER
        return min(self._rcd_at, self._mcb_at if self.mcb_closed else NEVER, residual_s)

    def happen(self, now_s: float) -> None:
        if self.rcd_closed and now_s >= min(self._rcd_at, self._residual.due_s()):
            self.trip()
        if now_s >= self._mcb_at:
            self.mcb_closed, self._mcb_at = False, NEVER

    def restore(self, rcd_closed: bool, mcb_closed: bool) -> None:
        self._rcd_cause, self._mcb_cause = self._faults.active("rcd_trip"), self._faults.active("mcb_trip")
        self.rcd_closed, self.mcb_closed = rcd_closed, mcb_closed
