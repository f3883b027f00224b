"""The whole board is away for a while (its process, or its link): power stops, but nobody has to unplug for that."""

import pytest

from schemas.safety import Contactor, PilotState
from tests.bench.test_safety_edges_contacts import opened_at, says
from tests.proven_connector import NOW_S
from tests.safety_rig import Rig

pytestmark = pytest.mark.bench


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


@pytest.mark.parametrize("away_s", [0.06, 0.2, 0.45, 3.0])
def test_an_opening_while_the_board_was_away_is_not_measured_as_a_slow_one(away_s: float) -> None:
    rig = Rig()
    rig.charge()
    rig.world.pilot_alive = rig.world.mirror_alive = False
    rig.run(away_s)
    rig.world.pilot_alive = rig.world.mirror_alive = True
    rig.run(2.0)
    assert rig.state.contactor.opening_s is None
    assert "contactor_no_open" not in rig.shown.faults
    assert "contactor_unreadable" not in {event.detail for _, event in rig.events}
    rig.until(lambda: rig.coil, 45.0)
    rig.run(1.0)
    rig.vehicle("B")
    rig.run(0.5)
    assert rig.state.contactor.opening_s == pytest.approx(0.015, abs=0.02), "the next one is"


def test_trouble_with_the_board_opens_in_the_step_that_hears_it() -> None:
    rig = Rig()
    rig.charge()
    rig.world.trouble = "connector 1 contactor reads back off although the opposite is driven"
    rig.sample()
    rig.step()
    assert not rig.coil
    assert rig.shown.faults == ("board_trouble",)
    rig.world.trouble = ""
    rig.until(lambda: rig.coil, 45.0)
    assert (rig.count("fault_raised", "board_trouble"), rig.count("fault_cleared", "board_trouble")) == (1, 1)


def test_a_cable_that_cannot_be_read_when_the_board_is_back_is_a_fault_of_the_cable() -> None:
    rig = Rig()
    rig.charge()
    rig.world.pilot_alive = False
    rig.run(2.0)
    rig.world.ohm = 5000.0
    rig.world.pilot_alive = True
    rig.until(lambda: "proximity_invalid" in rig.shown.faults, 1.0)
    assert rig.name is PilotState.LATCHED


@pytest.mark.parametrize("away_s", [0.06, 0.12, 0.2, 0.45, 0.7, 3.0])
@pytest.mark.parametrize("trouble", ["", "the link is lost"])
def test_a_gap_of_readings_is_told_as_no_slow_contactor(away_s: float, trouble: str) -> None:
    """The last readings stay: they show closed contacts for half a second."""
    rig = Rig()
    rig.charge()
    rig.world.pilot_alive, rig.world.trouble = False, trouble
    rig.run(away_s)
    rig.world.pilot_alive, rig.world.trouble = True, ""
    rig.until(lambda: rig.coil, 45.0)
    assert rig.count("fault_raised", "contactor_no_open") == 0
    assert rig.state.contactor.opening_s is None
    assert rig.count("fault_raised", "contactor_welded") == 0


@pytest.mark.parametrize("gap_s", [0.02, 0.045])
def test_an_opening_between_samples_that_are_far_apart_is_not_measured(gap_s: float) -> None:
    """A contactor of 30 ms looks like one of more than 80 ms when nobody looks; the board is not away."""
    rig = Rig()
    rig.charge()
    rig.world.open_s = 0.03
    rig.vehicle("B")
    rig.until(lambda: not rig.coil, 0.1)
    rig.world.pilot_alive = False
    rig.run(gap_s)
    rig.world.pilot_alive = True
    rig.run(0.5)
    assert (rig.state.contactor.opening_s is None) is (gap_s > 0.04)
    assert rig.shown.faults == ()


def test_a_board_that_opened_only_when_it_was_back_has_no_slow_contactor() -> None:
    """What was driven while it was away did not arrive."""
    rig = Rig()
    rig.charge()
    rig.world.open_s = 0.14
    rig.world.pilot_alive, rig.world.trouble = False, "the link is lost"
    rig.run(0.11)
    rig.world.pilot_alive, rig.world.trouble = True, ""
    rig.run(1.0)
    assert rig.count("fault_raised", "contactor_no_open") == 0
    assert rig.shown.contactor is Contactor.OPEN


def test_contacts_that_stay_closed_are_told_100_ms_after_the_board_answers_again() -> None:
    rig = Rig()
    rig.charge()
    rig.world.welded = True
    rig.world.pilot_alive = False
    rig.run(0.2)
    assert "contactor_no_open" not in rig.shown.faults
    rig.world.pilot_alive = True
    rig.until(lambda: "contactor_no_open" in rig.shown.faults, 0.15)
    rig.until(lambda: "contactor_welded" in rig.shown.faults, 1.1)


def test_without_a_vehicle_samples_come_fast_until_the_contacts_are_proven_open() -> None:
    rig = Rig()
    rig.charge()
    rig.world.open_s = 0.5
    rig.unplug()
    rig.until(lambda: not rig.coil, 0.1)
    rig.until(lambda: rig.shown.faults != (), 0.13)
    assert rig.shown.faults == ("contactor_no_open",)


@pytest.mark.parametrize(("gap_s", "told"), [(0.02, True), (0.04, True), (0.041, False), (0.3, False)])
def test_the_first_answer_after_a_gap_says_nothing_of_the_time_before(gap_s: float, told: bool) -> None:
    state = opened_at(NOW_S - 0.3)
    state.contactor.answered_s = state.pilot_sight.stamp_s - gap_s
    assert says(state, "contactor_no_open") is told
