"""Boot, restart, and what survives (F74)."""

import math

import pytest

from hardware.interfaces import LockDrive, PilotMode
from schemas.safety import PilotState
from services.safety.memory import Memory, unreadable
from tests.safety_rig import FIXED, NO_MIRROR, RATED_32_A, SOCKET, Rig

pytestmark = pytest.mark.bench


def test_a_restart_while_charging_resumes_by_itself_through_x1_b_pwm_and_c() -> None:
    rig = Rig()
    rig.charge()
    rig.run(30.0)
    rig.restart()
    started_s = rig.now_s
    rig.step()
    assert not rig.coil
    assert rig.outputs.mode is PilotMode.X1
    rig.run(2.0)
    rig.vehicle("B")
    rig.until(lambda: rig.name is PilotState.B2, 10.0)
    assert rig.now_s - started_s >= 5.0 - 1e-6
    rig.run(0.5)
    rig.vehicle("C")
    rig.until(lambda: rig.coil, 1.0)
    assert not rig.shown.faults, "a restart is no fault"
    assert rig.outputs.permille == 533


def test_a_vehicle_that_never_leaves_c_after_a_restart_gets_at_most_10_amperes() -> None:
    rig = Rig()
    rig.charge()
    rig.restart()
    rig.until(lambda: rig.coil, 10.0)
    assert rig.outputs.permille == 166


@pytest.mark.parametrize("phase", ["A", "B1", "B2", "closing", "C2", "C1", "E", "locking"])
def test_a_restart_in_any_phase_starts_safe_and_keeps_the_plug_as_it_is(phase: str) -> None:
    rig = Rig()
    rig.allow(phase not in ("A", "B1"))
    rig.run(6.0)
    if phase not in ("A",):
        rig.plug()
    if phase == "locking":
        rig.run(0.2)
    elif phase not in ("A", "B1"):
        rig.until(lambda: rig.name is PilotState.B2, 3.0)
        rig.run(1.0)
    if phase in ("closing", "C2", "C1"):
        rig.vehicle("C")
        rig.until(lambda: rig.coil, 1.0)
    if phase in ("C2", "C1"):
        rig.run(2.0)
    if phase == "C1":
        rig.allow(False)
    if phase == "E":
        rig.vehicle("E")
    locked = rig.world.locked(rig.now_s)
    rig.session_alive = False
    rig.lease = None
    rig.restart()
    rig.run(20.0)
    assert rig.count("coil_on") == (1 if phase in ("closing", "C2", "C1") else 0)
    if phase not in ("A", "locking"):
        assert rig.world.locked(rig.now_s) is locked
    rig.checker.see(rig.history[-1])


def test_a_latched_fault_survives_a_restart_and_ends_with_the_unplug() -> None:
    rig = Rig()
    rig.world.diode = False
    rig.allow()
    rig.run(6.0)
    rig.plug()
    rig.until(lambda: rig.name is PilotState.LATCHED, 3.0)
    rig.restart()
    rig.run(5.0)
    assert rig.name is PilotState.LATCHED
    rig.unplug()
    rig.run(3.0)
    assert rig.name is PilotState.A
    assert rig.state.memory.latched == ()
    assert rig.state.memory.trips == {"pilot_diode": 1}


def test_an_unreadable_journal_locks_out_until_the_contacts_are_proven_open() -> None:
    rig = Rig()
    rig.start(unreadable())
    rig.step()
    assert rig.name is PilotState.LOCKOUT
    assert rig.outputs.mode is PilotMode.F
    rig.run(0.9)
    assert rig.name is PilotState.LOCKOUT
    rig.run(2.0)
    assert rig.name is PilotState.A
    assert rig.state.memory.lockout == ""


def test_an_unreadable_journal_and_closed_contacts_are_a_weld() -> None:
    rig = Rig()
    rig.world.welded = True
    rig.start(unreadable())
    rig.run(3.0)
    assert rig.state.memory.lockout == "contactor_welded"


def test_an_unreadable_journal_without_a_mirror_contact_stays_locked_out() -> None:
    rig = Rig(equipment=NO_MIRROR)
    rig.start(unreadable())
    rig.run(60.0)
    assert rig.name is PilotState.LOCKOUT
    assert "service" in rig.shown.reason


def test_counters_go_on_from_what_was_remembered() -> None:
    rig = Rig(equipment=FIXED)
    rig.start(Memory(contactor_cycles=41))
    rig.charge()
    assert rig.shown.contactor_cycles == 42


@pytest.mark.parametrize(("silent_s", "told"), [(9.0, False), (10.1, True)])
def test_a_board_that_answers_late_after_the_start_is_awaited_for_10_s(silent_s: float, told: bool) -> None:
    rig = Rig()
    rig.world.pilot_alive = False
    rig.allow()
    rig.run(silent_s)
    assert rig.shown.reason == (
        "Control pilot unreadable" if told else "starting: checking the contactor and the vehicle"
    )
    rig.world.pilot_alive = True
    rig.plug()
    rig.run(4.0)
    assert (rig.name is PilotState.B2) is not told


def test_the_5_s_between_two_closings_count_from_the_start() -> None:
    rig = Rig()
    rig.allow()
    started_s = rig.now_s
    rig.run(0.3)
    rig.vehicle("C", 220.0)
    rig.until(lambda: rig.coil, 6.0)
    assert rig.now_s - started_s >= 5.0 - 1e-6


def test_a_restart_does_not_shorten_the_30_s_after_a_fault() -> None:
    rig = Rig()
    rig.charge()
    rig.run(10.0)
    rig.vehicle("E")
    rig.run(0.1)
    fault_s = rig.now_s
    rig.vehicle("B")
    rig.run(2.0)
    assert not rig.shown.faults
    rig.restart()
    rig.until(lambda: rig.name is PilotState.B2, 40.0)
    assert rig.now_s - fault_s >= 29.5


def test_a_remembered_hold_off_of_another_boot_costs_30_s_at_most() -> None:
    rig = Rig()
    rig.allow()
    rig.start(Memory(hold_until_s=1e9))
    rig.run(6.0)
    rig.plug()
    rig.until(lambda: rig.name is PilotState.B2, 30.0)


def test_remembered_closings_of_another_boot_count_for_an_hour_at_most() -> None:
    rig = Rig()
    rig.allow()
    started_s = rig.now_s
    rig.start(Memory(closings=(1e9,) * 12))
    rig.vehicle("B", 220.0)
    rig.run(6.0)
    assert "12 times within an hour" in rig.shown.reason
    assert rig.shown.retry_after_s == pytest.approx(started_s + 3600.0)


def test_closings_count_until_the_vehicle_is_gone_also_when_it_left_during_a_restart() -> None:
    rig = Rig()
    rig.allow()
    rig.start(Memory(closings=(rig.now_s - 10.0,) * 12))
    rig.charge()


def stopped(rig: Rig) -> None:
    """The level is between two states for as long as it takes to be a fault, then safety dies."""
    rig.vehicle("-")
    rig.run(40.0)
    assert rig.shown.faults == ("pilot_level_invalid",)
    rig.restart()
    rig.world.vehicle = "C"


def test_a_kill_is_no_way_out_of_a_fault() -> None:
    rig = Rig(equipment=FIXED)
    rig.charge()
    rig.run(10.0)
    stopped(rig)
    trips = dict(rig.state.memory.trips)
    killed_s = rig.now_s
    rig.run(4.9)
    assert rig.shown.faults == ("pilot_level_invalid",)
    rig.run(3.2)
    assert rig.shown.faults == ()
    rig.until(lambda: rig.coil, 40.0)
    assert rig.now_s - killed_s == pytest.approx(35.0, abs=1.0)
    assert (rig.state.memory.trips, rig.state.memory.recoveries) == (trips, 1)


def test_three_recoveries_are_three_although_safety_dies_in_each_stop() -> None:
    rig = Rig(equipment=FIXED)
    rig.charge()
    for _ in range(3):
        rig.run(10.0)
        stopped(rig)
        rig.until(lambda: rig.coil, 45.0)
    rig.run(10.0)
    stopped(rig)
    rig.run(60.0)
    assert not rig.coil
    assert rig.state.memory.latched == ("pilot_level_invalid",)
    rig.vehicle("A", math.inf)
    rig.run(6.0)
    assert (rig.shown.faults, rig.state.memory.active_faults) == ((), ())


def test_a_contact_that_is_reported_stays_reported_over_a_restart() -> None:
    rig = Rig(equipment=SOCKET._replace(inputs=frozenset({"tamper"})), settings=RATED_32_A._replace(tamper=True))
    rig.world.contacts = {"tamper": True}
    rig.run(6.0)
    assert rig.shown.faults == ("tampered",)
    rig.restart()
    for _ in range(100):
        rig.run(0.1)
        assert rig.shown.faults == ("tampered",)
    rig.restart()
    rig.world.contacts = {"tamper": False}
    rig.run(4.9)
    assert rig.shown.faults == ("tampered",), "it is awaited for 5 s"
    rig.run(1.2)
    assert rig.shown.faults == ()


class WithoutProximity(Rig):
    def sample(self) -> None:
        super().sample()
        self.readings = self.readings._replace(proximity=None)


class WithoutLockFeedback(Rig):
    def sample(self) -> None:
        super().sample()
        self.readings = self.readings._replace(lock=None)


@pytest.mark.parametrize(
    ("kind", "code"), [(WithoutProximity, "proximity_invalid"), (WithoutLockFeedback, "lock_failed")]
)
def test_a_sensor_that_never_answers_ends_the_start_with_its_fault(kind: type[Rig], code: str) -> None:
    rig = kind()
    rig.allow(may=False, hold=False)
    rig.run(9.9)
    assert rig.name is PilotState.BOOT
    rig.run(1.0)
    assert code in rig.shown.faults


def test_nothing_is_unlocked_before_the_first_proof() -> None:
    rig = Rig()
    rig.world.bolt = 1.0
    rig.allow(False, hold=False)
    assert rig.outputs.lock is LockDrive.STOP
    rig.until(lambda: rig.outputs.lock is LockDrive.UNLOCK, 1.0)
    assert rig.shown.contactor.value == "open"
