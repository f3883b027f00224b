"""The whole board is away for a while (its process, or its link): power stops, but nobody has to unplug for that."""

import pytest

from schemas.safety import PilotState
from tests.safety_rig import Rig

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("away_s", [0.2, 0.7, 3.0, 60.0])
def test_a_board_that_was_away_while_charging_is_no_fault_of_the_cable(away_s: float) -> None:
    rig = Rig()
    rig.charge()
    rig.world.pilot_alive = False
    rig.run(away_s)
    assert not rig.coil
    assert "proximity_invalid" not in rig.shown.faults
    rig.world.pilot_alive = True
    rig.until(lambda: rig.name is PilotState.C2 and rig.coil, 45.0)


def test_a_cable_that_cannot_be_read_when_the_board_is_back_is_a_fault_of_the_cable() -> None:
    rig = Rig()
    rig.charge()
    rig.world.pilot_alive = False
    rig.run(2.0)
    rig.world.ohm = 5000.0
    rig.world.pilot_alive = True
    rig.until(lambda: "proximity_invalid" in rig.shown.faults, 1.0)
    assert rig.name is PilotState.LATCHED
