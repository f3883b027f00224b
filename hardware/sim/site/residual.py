"""The residual current module: trip outputs for 6 mA DC and 30 mA RMS, a test winding, and its ways to fail."""

from hardware.interfaces import ResidualCurrent
from hardware.sim.site.faults import ActiveFaults
from hardware.sim.site.trip import MODULE_DC, MODULE_RMS, NEVER, TripClock, TripCurve

TEST_TRIPS_S = 0.2
TEST_CLEARS_S = 0.2
"""Also after a real residual current is gone: the outputs do not latch, whoever reads them must."""
VERSION = "SIM-RDC 1.2"


class _TripOutput:
    """One output of the module."""

    def __init__(self, curve: TripCurve) -> None:
        self.high = False
        self._clock = TripClock(curve)
        self._test_s: float | None = None
        self._calm_s = 0.0

    def see(self, current_ma: float, test: bool, now_s: float) -> None:
        was_driven = self._driven
        self._clock.see(current_ma, now_s)
        if test != (self._test_s is not None):
            self._test_s = now_s if test else None
        if was_driven and not self._driven:
            self._calm_s = now_s

    @property
    def _driven(self) -> bool:
        return self._clock.above or self._test_s is not None

    def next_event_s(self) -> float:
        if self.high:
            return NEVER if self._driven else self._calm_s + TEST_CLEARS_S
        tested_s = NEVER if self._test_s is None else self._test_s + TEST_TRIPS_S
        return min(tested_s, self._clock.due_s())

    def happen(self, now_s: float) -> None:
        if now_s >= self.next_event_s():
            self.high = not self.high


class ResidualModule:
    def __init__(self, faults: ActiveFaults) -> None:
        self._faults = faults
        self._dc = _TripOutput(MODULE_DC)
        self._rms = _TripOutput(MODULE_RMS)
        self._dc_ma = self._rms_ma = 0.0
        self._glitch_until_s = 0.0
        self.test = False
        """The test winding is driven."""

    def see(self, dc_ma: float, rms_ma: float, now_s: float) -> None:
        """From now on these residual currents flow through its core."""
        self._dc_ma, self._rms_ma = dc_ma, rms_ma
        self._dc.see(dc_ma, self.test, now_s)
        self._rms.see(rms_ma, self.test, now_s)

    def drive_test(self, on: bool, now_s: float) -> None:
        self.test = on
        self.see(self._dc_ma, self._rms_ma, now_s)

    def contacts_moved(self, now_s: float) -> None:
        """The main contacts have switched."""
        glitch_ms = self._faults.value("residual_glitch")
        if glitch_ms is not None:
            self._glitch_until_s = now_s + glitch_ms / 1000.0

    def next_event_s(self, now_s: float) -> float:
        glitch_s = self._glitch_until_s if self._glitch_until_s > now_s else NEVER
        return min(self._dc.next_event_s(), self._rms.next_event_s(), glitch_s)

    def happen(self, now_s: float) -> None:
        self._dc.happen(now_s)
        self._rms.happen(now_s)

    def status(self, now_s: float) -> ResidualCurrent:
        dead, stuck = self._faults.active("residual_dead"), self._faults.active("residual_stuck")
        glitch = now_s < self._glitch_until_s
        return ResidualCurrent(
            dc_ma=0.0 if dead else self._dc_ma,
            rms_ma=0.0 if dead else self._rms_ma,
            dc_tripped=stuck or (not dead and (self._dc.high or glitch)),
            rms_tripped=stuck or (not dead and (self._rms.high or glitch)),
            device_error=self._faults.active("residual_device_error"),
            sampled_s=now_s,
        )
