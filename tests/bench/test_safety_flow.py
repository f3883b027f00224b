"""A current with the coil off is evidence of a live output (facts: invariants 12, 15, 16)."""

import pytest

from schemas.safety import Lock
from services.safety.state import Equipment, MeterSight
from tests.safety_rig import NO_MIRROR, SOCKET, Rig

pytestmark = pytest.mark.bench

MAINS = (230.0, 230.0, 230.0)


def meter(amperes: float, register_wh: float = 1000.0) -> MeterSight:
    return MeterSight((0.0, amperes, 0.0), MAINS, 0.0, answers=True, register_wh=register_wh)


def after_a_charge(equipment: Equipment, amperes: float, counts_wh: float, seconds: int = 8) -> Rig:
    """The meter goes on showing a current for so long, whatever the contacts do; after 3 s the session lets the plug
    go."""
    rig = Rig(equipment=equipment)
    rig.world.meter = meter(0.0)
    rig.charge()
    rig.run(3.0)
    rig.world.vehicle = "B"
    rig.allow(False, hold=True)
    rig.run(0.5)
    assert not rig.coil
    rig.world.current_flows_anyway = True
    for second in range(seconds):
        rig.allow(False, hold=second < 3)
        rig.world.meter = meter(amperes, 1000.0 + counts_wh * second)
        rig.run(1.0)
    return rig


@pytest.mark.parametrize("amperes", [20.0, -20.0, 0.6])
@pytest.mark.parametrize("equipment", [SOCKET, NO_MIRROR], ids=["a mirror contact that says open", "no mirror contact"])
def test_a_current_that_goes_on_after_the_coil_is_off_is_a_weld_and_the_plug_stays_locked(
    equipment: Equipment, amperes: float
) -> None:
    rig = after_a_charge(equipment, amperes, counts_wh=3.0)
    assert "contactor_welded" in rig.shown.faults
    assert rig.state.memory.lockout == "contactor_welded"
    assert rig.shown.lock is Lock.LOCKED
    rig.world.meter = meter(0.0, 2000.0)
    rig.run(5.0)
    assert "contactor_welded" in rig.shown.faults


def test_half_an_ampere_is_no_current() -> None:
    rig = after_a_charge(SOCKET, 0.5, counts_wh=3.0)
    assert rig.shown.faults == ()
    assert rig.shown.lock is Lock.UNLOCKED


def test_a_meter_whose_values_are_frozen_keeps_the_plug_locked_and_is_no_weld() -> None:
    rig = after_a_charge(SOCKET, 20.0, counts_wh=0.0)
    assert rig.shown.faults == ("contactor_no_open",)
    assert rig.shown.lock is Lock.LOCKED
    rig.world.meter_alive = False
    rig.run(6.0)
    assert rig.shown.faults == ()
    assert rig.shown.lock is Lock.UNLOCKED


def test_a_current_on_a_phase_that_is_not_wired_is_none_of_ours() -> None:
    rig = after_a_charge(SOCKET._replace(phases=1), 20.0, counts_wh=3.0)
    assert rig.shown.faults == ()


def test_what_the_meter_shows_in_the_first_2_s_is_what_was_before() -> None:
    rig = after_a_charge(SOCKET, 20.0, counts_wh=3.0, seconds=1)
    assert rig.shown.faults == ()
    rig.allow(False, hold=False)
    rig.world.meter = meter(0.0, 1010.0)
    rig.run(3.0)
    assert rig.shown.faults == ()
    assert rig.shown.lock is Lock.UNLOCKED


def test_two_samples_are_no_weld_and_the_end_of_the_current_is_the_end_of_the_fault() -> None:
    rig = after_a_charge(SOCKET, 20.0, counts_wh=3.0, seconds=3)
    assert rig.shown.faults == ("contactor_no_open",)
    rig.allow(False, hold=False)
    rig.world.meter = meter(0.0, 1010.0)
    rig.run(3.0)
    assert rig.shown.faults == ()
    assert rig.shown.lock is Lock.UNLOCKED
