"""AdcCpCalibrationCfg: offset and gain of the pilot measurement, from the two levels that need no vehicle. Pure.

With nothing plugged in X1 is +12 V and F is -12 V. Both are measured; what they are off by is corrected from then on.
A correction beyond 8 % is refused: within it every nominal level stays inside its own window.
"""

from hardware.interfaces import PilotLevels, PilotMode
from schemas.session import Permission
from services.safety.memory import Memory
from services.safety.panel.exercise import STEP_S, Turn, Verdict, refusal
from services.safety.state import NEVER_S, SAFE, ConnectorState, Readings, due

NOMINAL_V = 12.0
MOST = 0.08
"""Share by which a level may be off."""
IDLE_S = 2.0
"""State A for so long before a calibration begins by itself."""
SETTLE_S, MEASURE_S = 0.1, 0.5
LEAST_SAMPLES = 5
SPREAD_V = 0.3
"""Samples of one level that differ by more are no measurement."""
RECALIBRATE = "Recalibrate"


def bounded(gain: float, offset_v: float) -> bool:
    """False for what is no number too."""
    return abs(gain - 1.0) <= MOST and abs(offset_v) <= MOST * NOMINAL_V


def corrected(levels: PilotLevels | None, memory: Memory, mode: str) -> PilotLevels | None:
    """`mode`: the key. Off: as measured."""
    if levels is None or mode == "Off" or memory.pilot_calibration is None:
        return levels
    gain, offset_v = memory.pilot_calibration
    return levels._replace(high_v=gain * levels.high_v + offset_v, low_v=gain * levels.low_v + offset_v)


def is_wanted(state: ConnectorState, permission: Permission | None, start_id: str, now_s: float) -> bool:
    """On: where nothing was measured yet. Recalibrate: once in each start of the station. In state A only."""
    mode, memory = state.settings.pilot_calibration, state.memory
    missing = mode != "Off" and memory.pilot_calibration is None
    again = mode == RECALIBRATE and bool(start_id) and memory.calibrated_for != start_id
    if not (missing or again) or not due(state.pilot_sight.confirmed_s, IDLE_S, now_s):
        return False
    return not refusal(state, permission, now_s)


class CalibrationPart:
    """Measures both levels, uncorrected, and writes the correction into `memory` when it is plausible."""

    def __init__(self, memory: Memory, start_id: str) -> None:
        self._memory, self._start_id = memory, start_id
        self._found: dict[PilotMode, list[float]] = {PilotMode.X1: [], PilotMode.F: []}
        self._mode = PilotMode.X1
        self._since_s: float | None = None
        self._stamp_s = NEVER_S

    def step(self, readings: Readings, now_s: float) -> Turn:
        """`readings` as measured."""
        self._since_s = now_s if self._since_s is None else self._since_s
        levels, samples = readings.pilot, self._found[self._mode]
        if levels is not None and levels.sampled_s > max(self._stamp_s, self._since_s + SETTLE_S):
            self._stamp_s = levels.sampled_s
            samples.append(levels.high_v)
        if due(self._since_s, SETTLE_S + MEASURE_S, now_s):
            if len(samples) < LEAST_SAMPLES or max(samples) - min(samples) > SPREAD_V:
                return Turn(SAFE, Verdict(False, f"the level of {self._mode.value} is not steady"))
            if self._mode is PilotMode.F:
                return Turn(SAFE, self._judge())
            self._mode, self._since_s = PilotMode.F, None
        return Turn(SAFE._replace(mode=self._mode, sample_period_s=STEP_S))

    def _judge(self) -> Verdict:
        high_v, low_v = (sum(values) / len(values) for values in self._found.values())
        measured = {"x1": f"{high_v:.3f} V", "f": f"{low_v:.3f} V"}
        self._memory.calibrated_for = self._start_id
        if abs(high_v - NOMINAL_V) > MOST * NOMINAL_V or abs(low_v + NOMINAL_V) > MOST * NOMINAL_V:
            return Verdict(False, "a level is off by more than 8 %: nothing is corrected", measured)
        gain = 2.0 * NOMINAL_V / (high_v - low_v)
        offset_v = NOMINAL_V - gain * high_v
        if not bounded(gain, offset_v):
            return Verdict(False, "the correction would exceed 8 %: nothing is corrected", measured)
        self._memory.pilot_calibration = (gain, offset_v)
        return Verdict(True, f"gain {gain:.4f}, offset {offset_v:+.3f} V", measured)
