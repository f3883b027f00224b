"""The plug's lock: three tries, proof before power, never released live (F55 to F57)."""

import itertools
import math

import pytest

from hardware.interfaces import LockDrive
from schemas.safety import Lock, PilotState
from tests.safety_rig import Rig

pytestmark = pytest.mark.bench


def plugged(rig: Rig | None = None, may: bool = False, hold: bool = True) -> Rig:
    rig = rig or Rig()
    rig.allow(may, hold=hold)
    rig.run(6.0)
    rig.plug()
    return rig


def test_a_held_cable_is_locked_and_the_motor_stops() -> None:
    rig = plugged()
    rig.until(lambda: rig.shown.lock is Lock.LOCKED, 1.5)
    assert rig.outputs.lock is LockDrive.STOP


def test_a_cable_that_nobody_holds_stays_unlocked() -> None:
    rig = plugged(hold=False)
    rig.run(3.0)
    assert rig.shown.lock is Lock.UNLOCKED


def test_an_empty_socket_is_not_locked() -> None:
    rig = Rig()
    rig.allow(False, hold=True)
    rig.run(10.0)
    assert rig.shown.lock is Lock.UNLOCKED


def test_permission_locks_even_if_the_session_forgets_to_hold() -> None:
    rig = plugged(may=True, hold=False)
    rig.until(lambda: rig.name is PilotState.B2, 3.0)
    assert rig.shown.lock is Lock.LOCKED


def test_a_blocked_bolt_is_tried_three_times_5_s_apart_and_then_told() -> None:
    rig = Rig()
    rig.run(3.0)
    rig.world.lock_blocked = True
    plugged(rig, may=True)
    begin_s = rig.now_s
    rig.until(lambda: "lock_failed" in rig.shown.faults, 15.0)
    assert 10.0 <= rig.now_s - begin_s <= 15.0
    starts = [
        two.now_s
        for one, two in zip(rig.history, rig.history[1:], strict=False)
        if two.outputs.lock is LockDrive.LOCK is not one.outputs.lock and two.now_s >= begin_s
    ]
    assert len(starts) == 3
    assert all(two - one == pytest.approx(5.0) for one, two in itertools.pairwise(starts))
    rig.vehicle("C")
    rig.run(20.0)
    assert rig.count("coil_on") == 0
    assert rig.name is PilotState.LATCHED
    assert rig.shown.lock is Lock.FAILED
    rig.unplug()
    rig.world.lock_blocked = False
    rig.run(3.0)
    assert rig.name is PilotState.A
    assert rig.shown.lock is not Lock.FAILED


def test_a_lock_that_opens_while_charging_opens_the_contactor_at_once() -> None:
    rig = Rig()
    rig.charge()
    rig.run(10.0)
    rig.world.lock_opens = True
    rig.sample()
    rig.step()
    assert not rig.coil
    assert rig.shown.faults == ("lock_unexpected_open",)


def test_the_plug_is_released_only_when_open_is_proven_and_100_ms_have_passed() -> None:
    rig = Rig()
    rig.charge()
    rig.run(10.0)
    rig.unplug()
    rig.allow(False, hold=False)
    rig.until(lambda: not rig.coil, 0.1)
    off_s = rig.now_s
    rig.until(lambda: rig.outputs.lock is LockDrive.UNLOCK, 1.0)
    assert rig.now_s - off_s >= 0.1 - 1e-6
    rig.until(lambda: rig.shown.lock is Lock.UNLOCKED, 1.5)


def test_a_bolt_that_does_not_release_is_tried_every_5_s_and_told() -> None:
    rig = Rig()
    rig.charge()
    rig.unplug()
    rig.world.lock_blocked = True
    rig.allow(False, hold=False)
    rig.until(lambda: "unlock_failed" in rig.shown.faults, 20.0)
    assert rig.name is PilotState.A, "a warning only"
    rig.world.lock_blocked = False
    rig.until(lambda: rig.shown.lock is Lock.UNLOCKED, 6.0)
    rig.until(lambda: not rig.shown.faults, 1.0)


def test_without_any_word_of_the_session_the_lock_stays_for_a_minute_in_state_a() -> None:
    rig = plugged()
    rig.until(lambda: rig.shown.lock is Lock.LOCKED, 1.5)
    rig.session_alive = False
    rig.run(30.0)
    assert rig.shown.lock is Lock.LOCKED
    rig.vehicle("A", 220.0)
    rig.run(59.0)
    assert rig.shown.lock is Lock.LOCKED
    rig.until(lambda: rig.shown.lock is Lock.UNLOCKED, 3.0)


def test_a_cable_held_after_unplugging_at_the_vehicle_stays_locked() -> None:
    rig = Rig()
    rig.charge()
    rig.allow(False, hold=True)
    rig.vehicle("A", 220.0)
    rig.run(5.0)
    assert rig.name is PilotState.A
    assert rig.shown.lock is Lock.LOCKED
    rig.allow(False, hold=False)
    rig.until(lambda: rig.shown.lock is Lock.UNLOCKED, 2.0)
    rig.vehicle("A", math.inf)
    rig.run(0.5)
    assert not rig.shown.cable_plugged
