"""The pilot's wire from the generator to the vehicle, and what the board's sampling makes of it."""

import math
from collections import deque

from hardware.interfaces import PilotLevels, PilotMode
from hardware.sim.site.faults import ActiveFaults
from hardware.sim.site.pilot import STATE_B_OHM, PilotOutput, levels_v, output

TOUCHES_AFTER_S = 0.020
"""Proximity leads and pilot follows when a plug goes in (IEC 62196-1)."""
STUCK_B_V = 9.0
NEVER = float("inf")


class PilotWire:
    """Loads are in ohm behind the station's 1 kOhm; inf = nothing connected."""

    def __init__(self, faults: ActiveFaults) -> None:
        self._faults = faults
        self._driven = output(PilotMode.X1, 1.0)
        self.output = self._driven
        """What the generator really puts out."""
        self._touches_at = NEVER
        self._connected = False
        self._frozen: PilotLevels | None = None
        self._bounces: deque[tuple[float, float]] = deque()
        """(until, load) of a plug that bounces."""

    # -- the plug -------------------------------------------------------------

    def plug_in(self, now_s: float) -> None:
        self._touches_at = now_s + TOUCHES_AFTER_S

    def plug_out(self) -> None:
        self._connected = False
        self._touches_at = NEVER

    def restore(self) -> None:
        """It was connected before."""
        self._connected = True

    # -- the board --------------------------------------------------------------

    def drive(self, driven: PilotOutput) -> None:
        self._driven = driven
        if self._faults.active("pwm_stuck"):
            return
        hertz = self._faults.value("pwm_frequency")
        self.output = driven._replace(frequency_hz=hertz) if hertz and driven.mode is PilotMode.PWM else driven

    def levels(self, vehicle_ohm: float, now_s: float) -> PilotLevels:
        return self._frozen or self._sample(vehicle_ohm, now_s)

    def _load_ohm(self, vehicle_ohm: float) -> float:
        if not self._connected or self._faults.active("pilot_open"):
            return math.inf
        return self._bounces[0][1] if self._bounces else vehicle_ohm

    def _sample(self, vehicle_ohm: float, now_s: float) -> PilotLevels:
        faults = self._faults
        high, low = levels_v(self.output, self._load_ohm(vehicle_ohm), faults.active("diode"))
        if faults.active("pilot_short"):
            high = low = 0.0
        given_v = STUCK_B_V if faults.active("pilot_stuck_b") else faults.value("pilot_gap")
        if given_v is not None:
            high, low = given_v, low if self.output.mode is PilotMode.PWM else given_v
        gain = 1.0 + faults.values.get("pilot_adc_gain", 0.0) / 100.0
        offset_v = faults.values.get("pilot_adc_offset", 0.0)
        if gain != 1.0 or offset_v:
            high, low = high * gain + offset_v, low * gain + offset_v
        if faults.active("pilot_nan"):
            high = low = math.nan
        return PilotLevels(high, low, self.output.duty, self.output.frequency_hz, now_s)

    # -- the vehicle ------------------------------------------------------------

    def arrives(self) -> PilotOutput | None:
        """What the vehicle gets; None = nothing."""
        lost = not self._connected or self._faults.active("pilot_open") or self._faults.active("pilot_short")
        return None if lost else self.output

    # -- time -------------------------------------------------------------------

    def reconsider(self, vehicle_ohm: float, now_s: float) -> None:
        """A fault came or went."""
        if self._faults.active("pilot_frozen"):
            self._frozen = self._frozen or self._sample(vehicle_ohm, now_s)
        else:
            self._frozen = None
        within_ms = self._faults.value("pilot_bounce")
        if within_ms is not None:
            # Once, and the fault is over: B, nothing, B again, a third each.
            self._faults.forget("pilot_bounce")
            stages = (STATE_B_OHM, math.inf, STATE_B_OHM)
            third_s = within_ms / 3000.0
            self._bounces = deque((now_s + (place + 1) * third_s, ohm) for place, ohm in enumerate(stages))
        self.drive(self._driven)

    def next_event_s(self) -> float:
        return min(self._touches_at, self._bounces[0][0] if self._bounces else NEVER)

    def happen(self, now_s: float) -> None:
        if now_s >= self._touches_at:
            self._touches_at = NEVER
            self._connected = True
        while self._bounces and now_s >= self._bounces[0][0]:
            self._bounces.popleft()
