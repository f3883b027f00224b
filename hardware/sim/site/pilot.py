"""The control pilot: generator, 1 kOhm, the vehicle's diode and resistors (IEC 61851-1 annex A). Nominal values."""

import math
from typing import NamedTuple

from hardware.interfaces import PilotMode

GENERATOR_V = 12.0
SERIES_OHM = 1000.0
DIODE_V = 0.7
VEHICLE_OHM = 2740.0
S2_OHM = 1300.0
S2_VENTILATION_OHM = 270.0
PWM_HZ = 1000.0


def _parallel(first_ohm: float, second_ohm: float) -> float:
    return first_ohm * second_ohm / (first_ohm + second_ohm)


STATE_B_OHM = VEHICLE_OHM
STATE_C_OHM = _parallel(VEHICLE_OHM, S2_OHM)
STATE_D_OHM = _parallel(VEHICLE_OHM, S2_VENTILATION_OHM)


class PilotOutput(NamedTuple):
    """What the generator really puts out."""

    mode: PilotMode = PilotMode.X1
    duty: float = 1.0
    """0..1; 1 in X1, 0 in F."""
    frequency_hz: float = 0.0


def output(mode: PilotMode, duty: float) -> PilotOutput:
    if mode is PilotMode.PWM:
        return PilotOutput(mode, duty, PWM_HZ)
    return PilotOutput(mode, 1.0 if mode is PilotMode.X1 else 0.0, 0.0)


def positive_level_v(load_ohm: float, diode_shorted: bool = False) -> float:
    """Level behind the 1 kOhm with +12 V at the generator; `load_ohm` inf = nothing connected."""
    if math.isinf(load_ohm):
        return GENERATOR_V
    diode_v = 0.0 if diode_shorted else DIODE_V
    return diode_v + (GENERATOR_V - diode_v) * load_ohm / (load_ohm + SERIES_OHM)


def negative_level_v(load_ohm: float, diode_shorted: bool = False) -> float:
    """Level behind the 1 kOhm with -12 V at the generator: a healthy diode blocks."""
    if math.isinf(load_ohm) or not diode_shorted:
        return -GENERATOR_V
    return -GENERATOR_V * load_ohm / (load_ohm + SERIES_OHM)


def levels_v(driven: PilotOutput, load_ohm: float, diode_shorted: bool) -> tuple[float, float]:
    """(high, low); both the same without PWM."""
    high = positive_level_v(load_ohm, diode_shorted)
    low = negative_level_v(load_ohm, diode_shorted)
    if driven.mode is PilotMode.X1:
        return high, high
    if driven.mode is PilotMode.F:
        return low, low
    return high, low


def offered_current_a(duty: float) -> float:
    """What a vehicle reads from a duty cycle of 0..1 (IEC 61851-1 table A.8); 0 = may not draw."""
    percent = round(duty * 100.0, 6)
    if percent < 8.0 or percent > 97.0:
        return 0.0
    if percent < 10.0:
        return 6.0
    if percent <= 85.0:
        return percent * 0.6
    if percent <= 96.0:
        return (percent - 64.0) * 2.5
    return 80.0
