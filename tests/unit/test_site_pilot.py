"""Pilot levels against the worst-case windows of IEC 61851-1, and what a vehicle reads from a duty cycle."""

import math

import pytest

from hardware.interfaces import PilotMode
from hardware.sim.site.pilot import (
    STATE_B_OHM,
    STATE_C_OHM,
    STATE_D_OHM,
    levels_v,
    offered_current_a,
    output,
)

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("load_ohm", "high_v"),
    [(math.inf, 12.0), (STATE_B_OHM, 8.98), (STATE_C_OHM, 5.99), (STATE_D_OHM, 2.93), (0.0, 0.7)],
)
def test_each_vehicle_state_shows_its_nominal_positive_level(load_ohm: float, high_v: float) -> None:
    high, low = levels_v(output(PilotMode.PWM, 0.5), load_ohm, diode_shorted=False)
    assert high == pytest.approx(high_v, abs=0.01)
    assert low == -12.0


@pytest.mark.parametrize(("load_ohm", "low_v"), [(STATE_B_OHM, -8.79), (STATE_C_OHM, -5.62), (STATE_D_OHM, -2.37)])
def test_a_shorted_diode_loads_the_negative_level_as_much_as_the_positive_one(load_ohm: float, low_v: float) -> None:
    high, low = levels_v(output(PilotMode.PWM, 0.5), load_ohm, diode_shorted=True)
    assert low == pytest.approx(low_v, abs=0.01)
    assert high == pytest.approx(-low)


def test_without_pwm_both_levels_are_the_same() -> None:
    assert levels_v(output(PilotMode.X1, 0.3), STATE_B_OHM, False) == pytest.approx((8.98, 8.98), abs=0.01)
    assert levels_v(output(PilotMode.F, 0.3), STATE_B_OHM, False) == (-12.0, -12.0)
    assert output(PilotMode.X1, 0.3).duty == 1.0
    assert output(PilotMode.F, 0.3).duty == 0.0


@pytest.mark.parametrize(
    ("percent", "amperes"),
    [
        (0.0, 0.0), (5.0, 0.0), (7.9, 0.0), (8.0, 6.0), (9.9, 6.0), (10.0, 6.0), (26.7, 16.02), (53.3, 31.98),
        (85.0, 51.0), (85.1, 52.75), (89.2, 63.0), (96.0, 80.0), (97.0, 80.0), (97.1, 0.0), (100.0, 0.0),
    ],
)  # fmt: skip
def test_a_vehicle_reads_the_current_of_the_table(percent: float, amperes: float) -> None:
    assert offered_current_a(percent / 100.0) == pytest.approx(amperes)
