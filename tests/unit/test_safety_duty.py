"""Current and duty (IEC 61851-1 table A.7), cable coding (annex B)."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.safety.duty import ampacity, current_for, permille_for

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("current_a", "percent"),
    [
        (6, 10.00),
        (10, 16.67),
        (13, 21.67),
        (16, 26.67),
        (20, 33.33),
        (25, 41.67),
        (32, 53.33),
        (48, 80.00),
        (63, 89.20),
        (70, 92.00),
        (80, 96.00),
    ],
)
def test_the_duty_is_that_of_the_table_rounded_down_to_a_tenth_of_a_percent(current_a: float, percent: float) -> None:
    permille = permille_for(current_a)
    assert permille == math.floor(percent * 10 + 1e-9)


@pytest.mark.parametrize("current_a", [0.0, 5.9, 5.9999, -1.0, math.nan])
def test_less_than_six_amperes_cannot_be_encoded(current_a: float) -> None:
    assert permille_for(current_a) is None


@pytest.mark.parametrize("current_a", [51.0, 51.5, 52.0, 52.49, 52.499, 52.5, 52.74])
def test_between_51_and_52_5_amperes_the_vehicle_is_told_51(current_a: float) -> None:
    assert permille_for(current_a) == 850
    assert current_for(850) == 51.0


@given(st.floats(min_value=6.0, max_value=1000.0))
def test_rounding_never_offers_more_than_asked_and_never_much_less(current_a: float) -> None:
    permille = permille_for(current_a)
    assert permille is not None
    assert 100 <= permille <= 960
    assert current_for(permille) <= current_a + 1e-6
    assert current_for(permille) >= min(current_a, 80.0) - 1.75


@pytest.mark.parametrize("permille", [0, 50, 99, 961, 1000])
def test_other_duties_offer_nothing(permille: int) -> None:
    assert current_for(permille) == 0.0


@pytest.mark.parametrize(
    ("ohm", "current_a"),
    [
        (59.9, 0.0), (60.0, 63.0), (79.0, 63.0), (80.0, 63.0), (100.0, 63.0), (140.0, 63.0),
        (140.1, 32.0), (164.0, 32.0), (220.0, 32.0), (308.0, 32.0),
        (308.1, 20.0), (350.0, 20.0), (400.0, 20.0), (680.0, 20.0), (936.0, 20.0),
        (937.0, 13.0), (1100.0, 13.0), (1500.0, 13.0), (2460.0, 13.0), (2461.0, 13.0), (4500.0, 13.0),
        (4500.1, 0.0), (5000.0, 0.0), (50.0, 0.0), (0.0, 0.0), (-220.0, 0.0), (math.inf, 0.0), (math.nan, 0.0),
    ],
)  # fmt: skip
def test_a_cable_carries_what_its_resistor_says_and_a_gap_counts_as_the_lower_ampacity(
    ohm: float, current_a: float
) -> None:
    assert ampacity(ohm) == current_a
