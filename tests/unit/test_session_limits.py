"""The smallest bound, and whose it is."""

import pytest

from schemas.session import LimitSource
from services.session.limits.effective import bounds, effective, is_pause, last_in_force

pytestmark = pytest.mark.unit

HARDWARE, OPERATOR, CABLE, LAST = (
    LimitSource.HARDWARE,
    LimitSource.OPERATOR,
    LimitSource.CABLE,
    LimitSource.LAST_IN_FORCE,
)


@pytest.mark.parametrize(
    ("hardware_a", "operator_a", "cable_a", "last_a", "expected"),
    [
        (32.0, 16.0, 20.0, None, (OPERATOR, 16.0)),
        (32.0, 32.0, 20.0, None, (CABLE, 20.0)),
        (10.0, 16.0, 20.0, None, (HARDWARE, 10.0)),
        (16.0, 16.0, 16.0, None, (HARDWARE, 16.0)),
        (32.0, 16.0, 16.0, None, (OPERATOR, 16.0)),
        (32.0, None, 32.0, 13.0, (LAST, 13.0)),
        (13.0, None, None, 13.0, (HARDWARE, 13.0)),
        (32.0, 0.0, 32.0, None, (OPERATOR, 0.0)),
        (None, None, None, None, (LimitSource.UNKNOWN, 0.0)),
    ],
)
def test_the_smallest_bound_binds_and_ties_go_by_order(
    hardware_a: float | None,
    operator_a: float | None,
    cable_a: float | None,
    last_a: float | None,
    expected: tuple[LimitSource, float],
) -> None:
    limits = bounds(hardware_a=hardware_a, operator_a=operator_a, cable_a=cable_a, last_in_force_a=last_a)
    binding = effective(limits)
    assert (binding.source, binding.limit_a) == expected
    assert [limit.limit_a for limit in limits] == sorted(limit.limit_a for limit in limits)


@pytest.mark.parametrize(("limit_a", "paused"), [(0.0, True), (5.99, True), (6.0, False), (32.0, False)])
def test_below_6_a_is_a_pause(limit_a: float, paused: bool) -> None:
    limits = bounds(hardware_a=limit_a, operator_a=None, cable_a=None, last_in_force_a=None)
    assert is_pause(effective(limits)) is paused


@pytest.mark.parametrize(
    ("offered_a", "stored_a", "expected_a"),
    [(16.0, 10.0, 16.0), (6.0, None, 6.0), (0.0, 13.0, 13.0), (0.0, 0.0, 0.0), (0.0, None, None)],
)
def test_a_restart_begins_where_the_vehicle_was_told(
    offered_a: float, stored_a: float | None, expected_a: float | None
) -> None:
    assert last_in_force(offered_a, stored_a) == expected_a


@pytest.mark.parametrize(
    ("hardware_a", "installation_a", "operator_a", "expected"),
    [
        (32.0, 25.0, 32.0, (LimitSource.INSTALLATION, 25.0)),
        (32.0, 25.0, 20.0, (LimitSource.OPERATOR, 20.0)),
        (16.0, 25.0, 20.0, (LimitSource.HARDWARE, 16.0)),
        (32.0, 32.0, 32.0, (LimitSource.HARDWARE, 32.0)),
        (None, 20.0, None, (LimitSource.INSTALLATION, 20.0)),
    ],
)
def test_the_supply_line_bounds_the_connector_whatever_the_operator_says(
    hardware_a: float | None, installation_a: float, operator_a: float | None, expected: tuple[LimitSource, float]
) -> None:
    limits = bounds(
        hardware_a=hardware_a,
        installation_a=installation_a,
        operator_a=operator_a,
        cable_a=None,
        last_in_force_a=None,
    )
    assert (effective(limits).source, effective(limits).limit_a) == expected
