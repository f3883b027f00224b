"""Edges of the lock's rules: who holds a plug, what forbids its release, every try, and the exercise at the start."""

from collections.abc import Mapping
from typing import Any

import pytest

from hardware.interfaces import LockDrive
from schemas.safety import Contactor, Lock
from services.safety import lock
from services.safety.permission import Grant, grant
from services.safety.region import SwitchSight
from services.safety.state import ActiveFault, ConnectorState, Event, Moment
from tests.proven_connector import NOW_S, moment_of, proven, put
from tests.safety_rig import SOCKET

pytestmark = pytest.mark.bench

SILENT = grant(None, 1, NOW_S)
FREE = Grant(True, False, 0.0, False, NOW_S + 10.0)
HELD = FREE._replace(hold_cable=True)
MAY = FREE._replace(may_charge=True)
RELEASED = FREE._replace(release_cable=True)
BLIND = {"equipment.actuator": "without feedback"}
GONE = {"vehicle_connected": False, "pilot_sight.letter": "A", "pilot_sight.confirmed": "A"}
EMPTY = {**GONE, "proximity.ampacity_a": 0.0}
OPEN = {"lock_sight.closed": False}
LOCKED = {"lock_sight.closed": True}
LONG = {"pilot_sight.run_start_s": NOW_S - 60.0}
AT_ONCE = {"settings.lock_if_authorized": False}
FOR_EVER = {"settings.lock_permanently": True}
UNLOCK_WANTED = {"lock.direction": LockDrive.UNLOCK}
LOCK_WANTED = {"lock.direction": LockDrive.LOCK}


def evaluated(
    changes: Mapping[str, Any], lease: Grant, events: tuple[str, ...] = (), letter: str = "B"
) -> tuple[Any, Moment]:
    state, moment = put(proven(letter), changes), moment_of()
    moment.events += [Event(name) for name in events]
    lock.evaluate(state, lease, moment)
    return state, moment


def drives(
    state: ConnectorState, lease: Grant, seconds: float, unreadable: tuple[float, float] = (0.0, 0.0)
) -> list[tuple[float, LockDrive]]:
    """What the motor does, every 10 ms, with a bolt that does not move: (time, drive) at every change.
    `unreadable`: from and to these times nothing is read of the pilot."""
    told: list[tuple[float, LockDrive]] = [(0.0, state.lock.drive)]
    letter = state.pilot_sight.letter
    for number in range(round(seconds * 100.0) + 1):
        at_s = number / 100.0
        state.lock_sight.stamp_s = NOW_S + at_s
        state.pilot_sight.letter = "" if unreadable[0] <= at_s < unreadable[1] else letter
        lock.evaluate(state, lease, moment_of(NOW_S + at_s))
        if state.lock.drive is not told[-1][1]:
            told.append((at_s, state.lock.drive))
    return told[1:]


# who holds the plug


@pytest.mark.parametrize(
    ("changes", "lease", "drive"),
    [
        (OPEN, HELD, LockDrive.LOCK),
        (OPEN, MAY, LockDrive.LOCK),
        (OPEN, FREE, LockDrive.STOP),
        (OPEN, SILENT, LockDrive.STOP),
        ({**OPEN, **AT_ONCE}, FREE, LockDrive.LOCK),
        ({**OPEN, **AT_ONCE, "memory.cable_released": True}, FREE, LockDrive.STOP),
        ({**OPEN, **AT_ONCE, **GONE}, FREE, LockDrive.STOP),
        ({**OPEN, **FOR_EVER}, FREE, LockDrive.LOCK),
        ({**OPEN, **FOR_EVER, "memory.cable_released": True}, FREE, LockDrive.LOCK),
        ({**OPEN, **EMPTY}, HELD, LockDrive.STOP),
        ({**OPEN, **EMPTY, **FOR_EVER}, HELD, LockDrive.STOP),
        ({**OPEN, **GONE}, HELD, LockDrive.LOCK),
        ({**OPEN, **GONE, "proximity.ampacity_a": 0.5}, HELD, LockDrive.LOCK),
        ({**OPEN, "proximity.ampacity_a": 0.0}, HELD, LockDrive.LOCK),
        ({**OPEN, **GONE, "equipment.socket": False}, HELD, LockDrive.STOP),
        (LOCKED, FREE, LockDrive.UNLOCK),
        ({**LOCKED, **GONE}, FREE, LockDrive.UNLOCK),
        ({**LOCKED, **EMPTY}, SILENT, LockDrive.UNLOCK),
        (LOCKED, SILENT, LockDrive.STOP),
        ({**LOCKED, **EMPTY, **FOR_EVER}, FREE, LockDrive.STOP),
        ({**OPEN, **EMPTY, **FOR_EVER, "lock_sight.run_start_s": NOW_S - 0.01}, FREE, LockDrive.UNLOCK),
        ({**LOCKED, **AT_ONCE, "memory.cable_released": True}, FREE, LockDrive.UNLOCK),
        ({**LOCKED, **EMPTY, **FOR_EVER, **LONG}, FREE, LockDrive.UNLOCK),
        ({**LOCKED, **GONE, **LONG}, SILENT, LockDrive.UNLOCK),
        ({**LOCKED, **GONE, "pilot_sight.run_start_s": NOW_S - 59.999}, SILENT, LockDrive.STOP),
        ({**LOCKED, **GONE, **LONG, "pilot_sight.letter": "-"}, SILENT, LockDrive.STOP),
        ({**LOCKED, **GONE, **LONG, "pilot_sight.confirmed": "E"}, SILENT, LockDrive.STOP),
    ],
)
def test_who_holds_a_plug_and_who_lets_it_go(changes: Mapping[str, Any], lease: Grant, drive: LockDrive) -> None:
    state, _ = evaluated(changes, lease)
    assert state.lock.drive is drive
    shown = {LockDrive.LOCK: Lock.LOCKING, LockDrive.UNLOCK: Lock.UNLOCKING}
    still = Lock.LOCKED if state.lock_sight.closed else Lock.UNLOCKED
    assert state.lock.phase is shown.get(drive, still)


@pytest.mark.parametrize(
    ("changes", "released"),
    [
        ({}, True),
        ({"contactor.off_s": NOW_S - 0.1}, True),
        ({"contactor.off_s": NOW_S - 0.0999}, False),
        ({"memory.lockout": "contactor_welded"}, False),
        ({"contactor.coil": True}, False),
        ({"contactor.phase": Contactor.OPENING}, False),
        ({"contactor.phase": Contactor.UNKNOWN}, False),
        ({"equipment.weld_input": "line", "weld_input": SwitchSight(NOW_S, True, NOW_S - 1.0)}, False),
        ({"equipment.weld_input": "line", "weld_input": SwitchSight(NOW_S, False, NOW_S - 1.0)}, True),
    ],
)
def test_one_doubt_about_the_contacts_keeps_the_plug(changes: Mapping[str, Any], released: bool) -> None:
    state, moment = evaluated(changes, FREE)
    assert state.lock.drive is (LockDrive.UNLOCK if released else LockDrive.STOP)
    if "contactor.off_s" in changes and not released:
        assert moment.deadline_s == pytest.approx(NOW_S + 0.0001)


def stopped(age_s: float, code: str = "contactor_no_close") -> dict[str, Any]:
    return {"faults.active": {code: ActiveFault(NOW_S - age_s)}}


@pytest.mark.parametrize(
    ("changes", "released"),
    [
        (stopped(4.999), False),
        (stopped(5.0), True),
        ({**stopped(1.0), "pilot_sight.confirmed": "E"}, True),
        ({**stopped(1.0), **GONE}, False),
        ({**stopped(1.0), **EMPTY}, True),
        (stopped(1.0, "ventilation_required"), True),
    ],
)
def test_a_fault_that_stops_power_keeps_the_plug_for_5_s(changes: Mapping[str, Any], released: bool) -> None:
    state, moment = evaluated({**LOCKED, **changes}, FREE)
    assert state.lock.drive is (LockDrive.UNLOCK if released else LockDrive.STOP)
    if changes == stopped(4.999):
        assert moment.deadline_s == pytest.approx(NOW_S + 0.001)


@pytest.mark.parametrize(
    ("changes", "lease", "before", "after"),
    [
        ({}, HELD, False, True),
        ({}, MAY, False, True),
        ({}, RELEASED, False, True),
        ({}, FREE, False, False),
        ({}, FREE, True, True),
        ({}, SILENT, True, True),
        ({**EMPTY, "memory.cable_in": False}, FREE, True, False),
        ({**EMPTY, "memory.cable_in": True}, FREE, True, True),
        ({**GONE, "memory.cable_in": False}, FREE, True, True),
        ({**EMPTY, "memory.cable_in": False}, HELD, False, False),
    ],
)
def test_that_a_plug_was_let_go_is_known_until_it_is_out(
    changes: Mapping[str, Any], lease: Grant, before: bool, after: bool
) -> None:
    state, _ = evaluated({**changes, "memory.cable_released": before}, lease)
    assert state.memory.cable_released is after


def test_without_a_lock_nothing_is_driven() -> None:
    state, _ = evaluated({**OPEN, "equipment.has_lock": False}, HELD)
    assert (state.lock.phase, state.lock.drive) == (Lock.NONE, LockDrive.STOP)


# one drive, and three


@pytest.mark.parametrize(
    ("changes", "phase"),
    [
        ({"lock_sight.run_start_s": NOW_S - 0.05}, Lock.LOCKED),
        ({"lock_sight.run_start_s": NOW_S - 0.0499}, Lock.LOCKING),
        ({"lock_sight.stamp_s": NOW_S - 0.501}, Lock.LOCKING),
        ({"lock_sight.stamp_s": NOW_S - 0.5}, Lock.LOCKED),
        (OPEN, Lock.LOCKING),
    ],
)
def test_a_plug_is_locked_when_its_feedback_is_fresh_and_says_so_for_50_ms(
    changes: Mapping[str, Any], phase: Lock
) -> None:
    state, _ = evaluated(changes, HELD)
    assert state.lock.phase is phase


@pytest.mark.parametrize(
    ("changes", "phase"),
    [
        (OPEN, Lock.UNLOCKED),
        ({"lock_sight.stamp_s": NOW_S - 0.501}, Lock.UNKNOWN),
        ({"lock_sight.run_start_s": NOW_S - 0.0499}, Lock.UNKNOWN),
        (LOCKED, Lock.LOCKED),
        ({**BLIND, "lock.assumed": LockDrive.LOCK}, Lock.LOCKED),
        ({**BLIND, "lock.assumed": LockDrive.UNLOCK}, Lock.UNLOCKED),
        (BLIND, Lock.UNKNOWN),
    ],
)
def test_a_lock_that_nobody_moves_is_what_it_shows(changes: Mapping[str, Any], phase: Lock) -> None:
    state, _ = evaluated(changes, SILENT)
    assert (state.lock.phase, state.lock.drive) == (phase, LockDrive.STOP)


LOCK, UNLOCK, STOP = LockDrive.LOCK, LockDrive.UNLOCK, LockDrive.STOP
THREE_TRIES = [(0.0, LOCK), (1.0, STOP), (5.0, LOCK), (6.0, STOP), (10.0, LOCK), (11.0, STOP)]


def test_locking_is_tried_three_times_1_s_long_5_s_apart_and_then_given_up() -> None:
    state = put(proven("B"), OPEN)
    assert drives(state, HELD, 30.0) == THREE_TRIES
    assert (state.lock.failed, state.lock.phase) == (True, Lock.FAILED)


def test_a_try_asks_for_a_step_at_its_end_and_for_the_next_one() -> None:
    state, moment = evaluated(OPEN, HELD)
    assert moment.deadline_s == NOW_S + 1.0
    for now_s, wake_s in ((NOW_S + 0.5, NOW_S + 1.0), (NOW_S + 1.0, NOW_S + 5.0)):
        state.lock_sight.stamp_s = now_s
        moment = moment_of(now_s)
        lock.evaluate(state, HELD, moment)
        assert moment.deadline_s == wake_s


def test_a_plug_that_was_locked_is_given_three_tries_when_the_bolt_has_moved() -> None:
    state, _ = evaluated(LOCKED, HELD)
    put(state, OPEN)
    assert [drive for _, drive in drives(state, HELD, 30.0)].count(LOCK) == 3


def test_a_board_that_is_away_costs_no_try() -> None:
    state = put(proven("B"), OPEN)
    told = drives(state, HELD, 40.0, unreadable=(5.5, 12.0))
    assert told == [
        (0.0, LOCK),
        (1.0, STOP),
        (5.0, LOCK),
        (5.5, STOP),
        *((at_s + 12.0, what) for at_s, what in THREE_TRIES),
    ]


def test_unlocking_never_gives_up_whatever_the_pilot_says() -> None:
    state = put(proven("B"), {**LOCKED, "pilot_sight.letter": ""})
    expected = [(5.0 * number + part, what) for number in range(6) for part, what in ((0.0, UNLOCK), (1.0, STOP))]
    assert drives(state, FREE, 29.0) == expected
    assert not state.lock.failed


def test_a_lock_that_could_not_lock_is_still_unlocked_by_tries_of_1_s() -> None:
    state = put(proven("B"), {**LOCKED, "lock.failed": True, "lock.direction": LOCK})
    assert drives(state, FREE, 6.5) == [(0.0, UNLOCK), (1.0, STOP), (5.0, UNLOCK), (6.0, STOP)]
    assert state.lock.phase is Lock.FAILED, "it is told until something else is put in"


def test_the_empty_socket_is_unlocked_by_tries_of_1_s() -> None:
    state = put(proven("A"), {**LOCKED, **EMPTY})
    assert drives(state, FREE, 6.5) == [(0.0, UNLOCK), (1.0, STOP), (5.0, UNLOCK), (6.0, STOP)]


def test_another_wish_is_tried_at_once_and_three_times() -> None:
    state = put(proven("B"), OPEN)
    assert drives(state, HELD, 1.5) == [(0.0, LOCK), (1.0, STOP)]
    put(state, LOCKED)
    assert drives(state, FREE, 0.5) == [(0.0, UNLOCK)]
    put(state, OPEN)
    assert drives(state, HELD, 30.0) == [(0.0, LOCK), *THREE_TRIES[1:]]


@pytest.mark.parametrize(
    ("changes", "lease", "events", "failed"),
    [
        ({}, HELD, (), True),
        ({}, HELD, ("plugged",), True),
        ({}, HELD, ("unplugged",), False),
        ({}, HELD, ("plugged", "unplugged"), False),
        (GONE, HELD, (), True),
        (EMPTY, HELD, (), False),
    ],
)
def test_a_failure_to_lock_ends_with_the_plug_it_was_about(
    changes: Mapping[str, Any], lease: Grant, events: tuple[str, ...], failed: bool
) -> None:
    before = {**OPEN, **LOCK_WANTED, "lock.failed": True, "lock.tries": 3, "lock.next_try_s": NOW_S + 3.0}
    state, _ = evaluated({**before, **changes}, lease, events)
    assert state.lock.failed is failed
    assert (state.lock.phase is Lock.FAILED) is failed
    tries_again = not failed and lock.is_present(state)
    assert state.lock.drive is (LOCK if tries_again else STOP)


def test_a_failure_that_begins_is_told_a_moment_later() -> None:
    state, moment = evaluated(
        {**OPEN, **LOCK_WANTED, "lock.drive": LOCK, "lock.tries": 3, "lock.drive_until_s": NOW_S}, HELD
    )
    assert state.lock.failed
    assert moment.deadline_s == pytest.approx(NOW_S + 1e-4)


def test_an_actuator_without_feedback_is_driven_once_for_its_full_time() -> None:
    state = put(proven("B"), {**OPEN, **BLIND})
    assert drives(state, HELD, 0.99) == [(0.0, LOCK)]
    assert state.lock.assumed is STOP
    lock.evaluate(state, HELD, moment_of(NOW_S + 1.0))
    assert (state.lock.assumed, state.lock.drive, state.lock.phase) == (LOCK, STOP, Lock.LOCKED)
    assert drives(state, HELD, 30.0) == []
    assert drives(state, FREE, 30.0) == [(0.0, UNLOCK), (1.0, STOP)]
    assert (state.lock.assumed, state.lock.phase) == (UNLOCK, Lock.UNLOCKED)


def test_an_actuator_without_feedback_whose_drive_was_cut_short_is_nowhere() -> None:
    state = put(proven("B"), {**LOCKED, **BLIND})
    drives(state, FREE, 2.0)
    assert state.lock.assumed is UNLOCK
    assert drives(state, HELD, 0.5) == [(0.0, LOCK)]
    put(state, {"memory.lockout": "contactor_welded"})
    assert drives(state, FREE, 2.0) == [(0.0, STOP)]
    assert (state.lock.assumed, state.lock.phase) == (STOP, Lock.UNKNOWN)


# the exercise


def idle(changes: Mapping[str, Any]) -> ConnectorState:
    """At the start, with an empty socket."""
    return put(proven("A"), {**EMPTY, **OPEN, **changes})


@pytest.mark.parametrize(
    ("changes", "must"),
    [
        ({}, True),
        ({"equipment.has_lock": False}, False),
        (BLIND, False),
        ({"lock.exercised": True}, False),
        ({"pilot_sight.confirmed": "B"}, False),
        ({"pilot_sight.confirmed": ""}, False),
        ({"proximity.ampacity_a": 32.0}, False),
        ({"memory.lockout": "contactor_welded"}, False),
    ],
)
def test_only_a_lock_with_feedback_must_show_that_it_moves_and_only_empty(
    changes: Mapping[str, Any], must: bool
) -> None:
    assert lock.must_exercise(idle(changes)) is must


STUCK = {"lock.exercised": True, "memory.lock_stuck": True}


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({}, LOCK),
        (LOCKED, UNLOCK),
        ({"contactor.off_s": NOW_S - 0.1}, LOCK),
        ({"contactor.off_s": NOW_S - 0.0999}, STOP),
        ({"contactor.phase": Contactor.UNKNOWN}, STOP),
        ({"pilot_sight.letter": "-"}, STOP),
        ({**STUCK, "pilot_sight.letter": "B"}, STOP),
        ({**STUCK, "pilot_sight.confirmed": "B"}, STOP),
        ({"proximity.ampacity_a": 32.0}, STOP),
        ({**STUCK, "proximity.ampacity_a": 32.0}, STOP),
        ({"proximity.stamp_s": -1.0}, STOP),
        ({**STUCK, "memory.lockout": "contactor_welded"}, STOP),
        ({"lock_sight.run_start_s": NOW_S - 0.0499}, STOP),
        ({"lock_sight.stamp_s": NOW_S - 0.501}, STOP),
        ({"lock.exercised": True}, STOP),
        ({**STUCK, "lock.exercise_again_s": NOW_S}, LOCK),
        ({**STUCK, "lock.exercise_again_s": NOW_S + 0.001}, STOP),
        ({**STUCK, "equipment.has_lock": False, "lock_sight": SwitchSight()}, STOP),
    ],
)
def test_an_idle_lock_is_exercised_and_one_doubt_keeps_it_still(changes: Mapping[str, Any], first: LockDrive) -> None:
    state, moment = idle(changes), moment_of()
    lock.exercise(state, moment)
    assert state.lock.exercise is first
    if first is not STOP:
        assert (state.lock.exercise_s, moment.deadline_s) == (NOW_S, NOW_S + 1.0)


@pytest.mark.parametrize(
    "changes", [{"pilot_sight.letter": "B"}, {"proximity.ampacity_a": 32.0}, {"contactor.phase": Contactor.UNKNOWN}]
)
def test_an_exercise_ends_when_somebody_comes(changes: Mapping[str, Any]) -> None:
    state = idle({"lock.exercise": LOCK, "lock.exercise_s": NOW_S - 0.5, **changes})
    lock.exercise(state, moment_of())
    assert (state.lock.exercise, state.lock.exercised) == (STOP, False)


@pytest.mark.parametrize(
    ("part", "closed", "run_s", "age_s", "then", "stuck"),
    [
        (LOCK, True, 0.05, 0.5, UNLOCK, None),
        (LOCK, True, 0.0499, 0.5, LOCK, None),
        (LOCK, False, 5.0, 0.9999, LOCK, None),
        (LOCK, False, 5.0, 1.0, STOP, True),
        (UNLOCK, False, 0.05, 0.5, STOP, False),
        (UNLOCK, False, 0.0499, 0.5, UNLOCK, None),
        (UNLOCK, True, 5.0, 0.9999, UNLOCK, None),
        (UNLOCK, True, 5.0, 1.0, STOP, True),
    ],
)
@pytest.mark.parametrize("was_stuck", [False, True])
def test_each_part_of_the_exercise_has_1_s_to_show_that_the_bolt_moves(
    was_stuck: bool, part: LockDrive, closed: bool, run_s: float, age_s: float, then: LockDrive, stuck: bool | None
) -> None:
    state = idle({"lock.exercise": part, "lock.exercise_s": NOW_S - age_s, "memory.lock_stuck": was_stuck})
    state.lock_sight = SwitchSight(NOW_S, closed, NOW_S - run_s)
    moment = moment_of()
    lock.exercise(state, moment)
    assert (state.lock.exercise, state.lock.exercised) == (then, stuck is not None)
    assert state.memory.lock_stuck is (was_stuck if stuck is None else stuck)
    if stuck is not None:
        assert state.lock.exercise_again_s == NOW_S + 60.0
        assert moment.deadline_s == pytest.approx(NOW_S + 1e-4), "so that its fault is told"
    elif then is not part:
        assert (state.lock.exercise_s, moment.deadline_s) == (NOW_S, NOW_S + 1.0)


def test_the_exercise_drives_the_lock_whatever_the_session_wants() -> None:
    state = idle({"lock.exercise": LOCK})
    assert lock_drive(state, FREE) is LOCK
    state = put(proven("A", SOCKET), {**EMPTY, **LOCKED, "lock.exercise": UNLOCK})
    assert lock_drive(state, HELD) is UNLOCK


def lock_drive(state: ConnectorState, lease: Grant) -> LockDrive:
    lock.evaluate(state, lease, moment_of())
    return state.lock.drive


@pytest.mark.parametrize("phase", [each for each in Contactor if each is not Contactor.OPEN])
def test_an_exercise_ends_in_the_step_in_which_the_contacts_are_no_longer_proven_open(phase: Contactor) -> None:
    state = put(proven("A", SOCKET), {**EMPTY, **LOCKED, "lock.exercise": UNLOCK, "contactor.phase": phase})
    assert lock_drive(state, HELD) is STOP
    assert state.lock.exercise is STOP
