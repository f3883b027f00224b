"""R3: power comes back by itself three times per plug-in, whatever else pauses it on the way; the fourth stop stays."""

import pytest

from schemas.safety import Lock, PilotState
from services.safety.memory import Memory
from tests.safety_rig import RATED_32_A, SOCKET, Rig

pytestmark = pytest.mark.bench

HOUSING = SOCKET._replace(temperatures=frozenset({"housing"}))


def test_stops_count_although_a_pause_outlasts_each_of_them() -> None:
    """The safety limit ends before threshold 2 (TempStopThreshold2) does: the stop ends, the pause goes on."""
    rig = Rig(equipment=HOUSING, settings=RATED_32_A)
    rig.world.celsius = {"housing": 25.0}
    rig.charge()
    for stop in range(1, 5):
        rig.run(1.0)
        assert rig.coil
        for celsius in (90.0, 67.0, 40.0):
            rig.world.celsius = {"housing": celsius}
            rig.run(4.0)
        assert not rig.coil
        if stop < 4:
            rig.until(lambda: rig.coil, 60.0)
            assert rig.state.memory.recoveries == stop
    rig.run(90.0)
    assert not rig.coil
    assert "temperature_limit" in rig.state.memory.latched
    rig.unplug()
    rig.run(2.0)
    assert rig.shown.faults == ()
    assert rig.state.memory.recoveries == 0


def test_a_stop_that_ends_with_the_unplug_is_no_recovery() -> None:
    rig = Rig(equipment=HOUSING, settings=RATED_32_A)
    rig.world.celsius = {"housing": 25.0}
    rig.charge()
    rig.world.celsius = {"housing": 90.0}
    rig.run(2.0)
    rig.unplug()
    rig.world.celsius = {"housing": 25.0}
    rig.run(35.0)
    rig.charge()
    rig.run(1.0)
    assert rig.coil
    assert rig.state.memory.recoveries == 0


def test_a_weld_that_is_remembered_is_not_counted_again_at_the_next_start() -> None:
    rig = Rig()
    rig.start(Memory(lockout="contactor_welded", trips={"contactor_welded": 1}))
    rig.run(3.0)
    assert "contactor_welded" in rig.shown.faults
    assert rig.state.memory.trips == {"contactor_welded": 1}


@pytest.mark.parametrize("shows_b", [False, True])
def test_after_a_short_of_the_pilot_the_vehicle_must_show_a_or_b_for_a_second(shows_b: bool) -> None:
    """Clear rule of the error list."""
    rig = Rig()
    rig.charge()
    rig.run(1.0)
    rig.vehicle("E")
    rig.run(2.0)
    assert rig.shown.faults == ("pilot_shorted",)
    rig.vehicle("B" if shows_b else "C")
    rig.run(1.2)
    assert (rig.shown.faults == ()) is shows_b
    rig.vehicle("C")
    rig.run(40.0)
    assert rig.coil is shows_b
    rig.unplug()
    rig.run(2.0)
    assert rig.shown.faults == ()
    assert rig.shown.state is PilotState.A


@pytest.mark.parametrize(
    ("letter", "fault", "held_s"), [("-", "pilot_level_invalid", 5.0), ("E", "pilot_shorted", 0.1)]
)
def test_a_stop_keeps_the_plug_locked_for_5_s_and_a_shorted_pilot_does_not(
    letter: str, fault: str, held_s: float
) -> None:
    """Table of states: FaultRecoverable, and state E."""
    rig = Rig()
    rig.charge()
    rig.run(1.0)
    rig.vehicle(letter)
    rig.until(lambda: fault in rig.shown.faults, 1.0)
    rig.allow(False, hold=False)
    rig.run(held_s - 0.05)
    assert rig.shown.lock is Lock.LOCKED
    rig.run(1.5)
    assert rig.shown.lock is Lock.UNLOCKED
