"""Keys that change or relax a rule, and what still holds with each of them (F8 to F13, F17, F55 to F59, F84)."""

import math
from itertools import pairwise

import pytest

from hardware.interfaces import LockDrive, PilotMode
from schemas.safety import Contactor, Lock, PilotState
from services.safety.equipment import in_force
from services.safety.memory import Memory
from services.safety.settings import SafetySettings
from services.safety.state import Equipment
from tests.safety_rig import FIXED, NO_MIRROR, SOCKET, Rig, replay

pytestmark = pytest.mark.bench

RATED = SafetySettings(hardware_limit_a=32.0)
AIR = SOCKET._replace(ventilation=True)
WITHOUT_FEEDBACK = SOCKET._replace(actuator="without feedback")
RELEASE = SOCKET._replace(actuator="with emergency release")


def rig_of(equipment: Equipment = SOCKET, **settings: object) -> Rig:
    return Rig(equipment=equipment, settings=RATED._replace(**settings))  # type: ignore[arg-type]


def offering(rig: Rig) -> Rig:
    rig.allow()
    rig.run(6.0)
    rig.plug()
    rig.until(lambda: rig.name is PilotState.B2, 3.0)
    rig.run(1.0)
    return rig


def charging(rig: Rig) -> Rig:
    rig.charge()
    rig.run(10.0)
    assert rig.coil
    return rig


# CPDiodeDetection


def test_f8_with_the_check_on_a_shorted_diode_never_closes_the_contactor() -> None:
    rig = offering(rig_of())
    rig.world.diode = False
    rig.vehicle("C")
    rig.run(20.0)
    assert rig.count("coil_on") == 0
    assert rig.shown.faults == ("pilot_diode",)


def test_with_the_check_off_a_shorted_diode_is_found_as_soon_as_it_charges() -> None:
    rig = offering(rig_of(diode_before_closing=False))
    rig.world.diode = False
    rig.run(5.0)
    assert not rig.shown.faults
    rig.vehicle("C")
    rig.until(lambda: rig.coil, 1.0)
    assert rig.until(lambda: not rig.coil, 0.2) <= 0.12
    rig.run(60.0)
    assert rig.shown.faults == ("pilot_diode",)
    assert rig.count("coil_on") == 1, "it waits for the unplugging"


def test_f9_with_the_check_off_a_diode_that_fails_while_charging_stops_within_200_ms() -> None:
    rig = charging(rig_of(diode_before_closing=False))
    rig.world.diode = False
    rig.sample()
    rig.until(lambda: not rig.coil, 0.2)


# PauseChargingStateD


def demanding_air(rig: Rig) -> Rig:
    offering(rig)
    rig.vehicle("D")
    rig.run(3.0)
    return rig


def test_where_the_room_is_ventilated_state_d_charges_and_the_ventilation_runs() -> None:
    rig = demanding_air(rig_of(AIR, pause_in_state_d=False))
    assert (rig.name, rig.shown.contactor) == (PilotState.D2, Contactor.CLOSED)
    assert rig.outputs.ventilation
    assert not rig.shown.faults
    rig.vehicle("C")
    rig.run(1.0)
    assert rig.coil
    assert not rig.outputs.ventilation
    rig.vehicle("D")
    rig.run(1.0)
    assert rig.coil
    assert rig.outputs.ventilation
    rig.vehicle("A", math.inf)
    rig.run(1.0)
    assert not rig.coil
    assert not rig.outputs.ventilation
    replay(rig)


@pytest.mark.parametrize(
    ("equipment", "pause"), [(SOCKET, False), (SOCKET, True), (AIR, True)], ids=["no output", "neither", "key on"]
)
def test_f11_otherwise_state_d_gets_no_power_and_one_message(equipment: Equipment, pause: bool) -> None:
    rig = demanding_air(rig_of(equipment, pause_in_state_d=pause))
    rig.run(20.0)
    assert rig.count("coil_on") == 0
    assert rig.count("fault_raised", "ventilation_required") == 1
    rig.vehicle("B")
    rig.until(lambda: not rig.shown.faults, 2.0)


def test_f12_the_key_opens_at_once_and_without_it_the_vehicle_has_6_s() -> None:
    for pause, bound_s in ((True, 0.2), (False, 6.2)):
        rig = charging(rig_of(pause_in_state_d=pause))
        rig.vehicle("D")
        waited_s = rig.until(lambda rig=rig: not rig.coil, 7.0)
        assert bound_s - 0.2 <= waited_s <= bound_s
        assert rig.outputs.mode is not PilotMode.PWM
        assert rig.shown.faults == ("ventilation_required",)


def test_f13_a_vehicle_that_goes_straight_to_d_gets_10_a_at_most() -> None:
    rig = rig_of(AIR, pause_in_state_d=False)
    rig.allow()
    rig.run(6.0)
    rig.vehicle("D", 220.0)
    rig.run(10.0)
    assert rig.coil
    assert rig.shown.offered_a == pytest.approx(10.0, abs=0.06)


# CableAttached


def test_cable_attached_on_a_socket_is_a_fixed_cable_without_lock_and_coding() -> None:
    rig = charging(rig_of(SOCKET, cable_attached=True))
    assert (rig.shown.lock, rig.shown.cable_plugged, rig.shown.cable_limit_a) == (Lock.NONE, True, 32.0)
    assert all(record.outputs.lock is LockDrive.STOP for record in rig.history)


def test_cable_attached_off_makes_no_socket_of_a_fixed_cable() -> None:
    assert in_force(FIXED, RATED._replace(cable_attached=False)) == FIXED


def test_what_is_mounted_another_way_is_proven_anew() -> None:
    rig = rig_of()
    rig.run(6.0)
    assert rig.state.qualified
    settings = RATED._replace(cable_attached=True)
    rig.state.obey(settings, in_force(SOCKET, settings))
    assert not rig.state.qualified
    rig.state.obey(settings, in_force(SOCKET, settings))
    assert rig.state.begun_s == rig.state.last_step_s


# LockIfAuthorized, LockPermanently


def plugged(rig: Rig, hold: bool = False) -> Rig:
    rig.allow(False, hold=hold)
    rig.run(6.0)
    rig.plug()
    rig.run(2.0)
    return rig


def test_lock_if_authorized_waits_for_the_session_and_off_locks_when_a_vehicle_is_plugged_in() -> None:
    assert plugged(rig_of(lock_if_authorized=True)).shown.lock is Lock.UNLOCKED
    rig = plugged(rig_of(lock_if_authorized=False))
    assert rig.shown.lock is Lock.LOCKED
    rig.vehicle("A")
    rig.run(2.0)
    assert rig.shown.lock is Lock.UNLOCKED, "the vehicle has let go: nobody keeps the cable"


def test_a_plug_that_the_session_lets_go_is_not_locked_again_also_after_a_restart() -> None:
    rig = plugged(rig_of(lock_if_authorized=False), hold=True)
    rig.allow(False, hold=False)
    rig.run(2.0)
    assert rig.shown.lock is Lock.UNLOCKED
    rig.restart()
    rig.run(5.0)
    assert rig.shown.lock is Lock.UNLOCKED
    rig.unplug()
    rig.run(2.0)
    rig.plug()
    rig.run(2.0)
    assert rig.shown.lock is Lock.LOCKED, "another plug"


def test_unlock_connector_frees_a_plug_that_nobody_has_authorized() -> None:
    rig = plugged(rig_of(lock_if_authorized=False))
    rig.release = True
    rig.allow(False, hold=False)
    rig.release = False
    rig.run(2.0)
    assert rig.shown.lock is Lock.UNLOCKED


def test_a_permanent_lock_keeps_the_cable_for_ever() -> None:
    rig = charging(rig_of(lock_permanently=True))
    rig.allow(False, hold=False)
    rig.vehicle("B")
    rig.run(5.0)
    rig.vehicle("A")
    rig.run(120.0)
    assert rig.shown.lock is Lock.LOCKED
    rig.restart()
    rig.run(10.0)
    assert rig.shown.lock is Lock.LOCKED


def test_a_permanent_lock_over_an_empty_socket_is_opened_after_a_minute() -> None:
    rig = rig_of(lock_permanently=True)
    rig.world.bolt = 1.0
    rig.state.lock.exercised = True
    rig.allow(False, hold=False)
    rig.run(50.0)
    assert rig.shown.lock is Lock.LOCKED
    rig.until(lambda: rig.shown.lock is Lock.UNLOCKED, 20.0)


# EOActuatorType


def test_without_feedback_a_full_drive_counts_as_locked_and_nothing_less() -> None:
    rig = rig_of(WITHOUT_FEEDBACK)
    rig.allow()
    rig.run(6.0)
    rig.plug()
    begin_s = rig.now_s
    rig.until(lambda: rig.shown.lock is Lock.LOCKED, 2.0)
    assert rig.now_s - begin_s >= 1.0
    assert not any(record.outputs.mode is PilotMode.PWM for record in rig.history[:-1]), "no offer before"
    rig.until(lambda: rig.name is PilotState.B2, 3.0)
    rig.vehicle("C")
    rig.until(lambda: rig.coil, 3.0)
    rig.allow(False, hold=False)
    rig.vehicle("B")
    rig.until(lambda: rig.shown.lock is Lock.UNLOCKED, 3.0)
    rig.run(30.0)
    drives = [record.outputs.lock for record in rig.history]
    starts = [b for a, b in pairwise(drives) if a is not b and b is not LockDrive.STOP]
    assert starts[-2:] == [LockDrive.LOCK, LockDrive.UNLOCK], "driven once each, and left alone"


def test_without_feedback_a_restart_knows_nothing_and_drives_again() -> None:
    rig = charging(rig_of(WITHOUT_FEEDBACK))
    rig.restart()
    rig.vehicle("B")
    rig.run(0.5)
    assert rig.shown.lock is not Lock.LOCKED
    rig.until(lambda: rig.shown.lock is Lock.LOCKED, 3.0)


def test_f59_an_emergency_release_that_is_not_charged_is_warned_of() -> None:
    rig = rig_of(RELEASE)
    rig.world.charged = False
    rig.run(9.0)
    assert not rig.shown.faults
    rig.run(2.0)
    assert rig.shown.faults == ("release_energy_low",)
    rig.charge()
    assert rig.coil, "a warning only"
    rig.world.charged = True
    rig.run(2.0)
    assert not rig.shown.faults


def test_a_key_chooses_the_actuator() -> None:
    assert in_force(SOCKET, RATED._replace(actuator="Without feedback")).actuator == "without feedback"
    assert in_force(RELEASE, RATED).actuator == "with emergency release"


# the self-exercise


@pytest.mark.parametrize("always", [True, False], ids=["always locked", "always unlocked"])
def test_f58_a_feedback_that_lies_is_found_while_nobody_needs_the_lock(always: bool) -> None:
    rig = rig_of()
    rig.world.bolt = 1.0 if always else 0.0
    rig.world.lock_blocked = True
    rig.until(lambda: "lock_failed" in rig.shown.faults, 10.0)
    rig.allow()
    rig.plug()
    rig.vehicle("C")
    rig.run(20.0)
    assert rig.count("coil_on") == 0
    rig.unplug()
    rig.world.lock_blocked = False
    rig.until(lambda: not rig.shown.faults, 70.0)
    assert rig.count("fault_raised", "lock_failed") == 1
    rig.run(5.0)
    assert rig.shown.lock is Lock.UNLOCKED


def test_a_restart_with_a_vehicle_trusts_what_the_last_exercise_has_found() -> None:
    rig = charging(rig_of())
    rig.restart()
    rig.vehicle("B")
    rig.until(lambda: rig.name is PilotState.B2, 8.0)
    rig.start(Memory(lock_stuck=True))
    rig.run(60.0)
    assert rig.shown.faults == ("lock_failed",)


def test_a_plug_that_comes_during_the_exercise_ends_it() -> None:
    rig = rig_of()
    rig.until(lambda: rig.outputs.lock is LockDrive.LOCK, 3.0)
    rig.allow()
    rig.plug()
    rig.until(lambda: rig.name is PilotState.B2, 8.0)
    assert rig.shown.lock is Lock.LOCKED


# waking a vehicle


def asleep(rig: Rig) -> Rig:
    return offering(rig)


def test_f17_a_sleeping_vehicle_is_woken_once_after_30_s_by_4_s_of_state_f() -> None:
    rig = asleep(rig_of())
    begin_s = rig.state.pilot.pwm_s
    rig.until(lambda: rig.outputs.mode is PilotMode.F, 40.0)
    assert rig.now_s - begin_s == pytest.approx(30.0, abs=0.1)
    assert rig.shown.wakes_vehicle
    assert rig.shown.reason == "waking the vehicle, which has not asked for power"
    woken_s = rig.now_s
    rig.until(lambda: rig.outputs.mode is not PilotMode.F, 10.0)
    assert rig.now_s - woken_s >= 4.0 - 1e-6
    rig.until(lambda: rig.outputs.mode is PilotMode.PWM, 5.0)
    rig.run(200.0)
    assert rig.count("wake_up") == 1
    rig.restart()
    rig.run(100.0)
    assert rig.count("wake_up") == 1, "once per plug-in, whoever restarts"
    rig.unplug()
    rig.run(3.0)
    rig.plug()
    rig.run(45.0)
    assert rig.count("wake_up") == 2


def test_a_vehicle_that_has_charged_is_never_woken() -> None:
    rig = charging(rig_of())
    rig.vehicle("B")
    rig.run(100.0)
    rig.restart()
    rig.run(100.0)
    assert rig.count("wake_up") == 0


def test_a_vehicle_that_asks_just_in_time_is_not_woken() -> None:
    rig = asleep(rig_of())
    rig.run(28.5)
    rig.vehicle("C")
    rig.run(60.0)
    assert rig.count("wake_up") == 0


@pytest.mark.parametrize("equipment", [SOCKET, FIXED, NO_MIRROR])
def test_a_woken_vehicle_charges(equipment: Equipment) -> None:
    rig = asleep(rig_of(equipment))
    rig.run(38.0)
    rig.until(lambda: rig.outputs.mode is PilotMode.PWM, 5.0)
    rig.vehicle("C")
    rig.until(lambda: rig.coil, 3.0)
