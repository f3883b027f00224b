"""Fifth region: the plug's lock. Locking is always allowed; unlocking only when the contacts are proven open."""

from hardware.interfaces import LockDrive
from schemas.safety import Contactor, Lock
from services.safety import faults
from services.safety.equipment import WITHOUT_FEEDBACK
from services.safety.permission import Grant
from services.safety.proofs import shows_line
from services.safety.rule import after
from services.safety.state import ConnectorState, Moment, due
from services.safety.timings import (
    BOOT_S,
    EXERCISE_AGAIN_S,
    FEEDBACK_VALID_S,
    HELD_AFTER_STOP_S,
    LOCK_DRIVE_S,
    LOCK_SETTLED_S,
    LOCK_TRIES,
    LOCK_TRIES_APART_S,
    RELEASE_WITHOUT_LEASE_S,
    UNLOCK_OPEN_S,
)


def evaluate(state: ConnectorState, grant: Grant, moment: Moment) -> None:
    lock, now_s = state.lock, moment.now_s
    if not state.equipment.has_lock:
        lock.phase = Lock.NONE
        return
    present = is_present(state)
    _note_release(state, grant, present)
    if state.contactor.phase is not Contactor.OPEN:
        # the exercise was decided before the contacts were asked in this step
        lock.exercise = LockDrive.STOP
    direction = lock.exercise if lock.exercise is not LockDrive.STOP else _wanted(state, grant, present, moment)
    tried_for_another = not present or any(event.name == "unplugged" for event in moment.events)
    if direction is not lock.direction or (lock.failed and tried_for_another):
        lock.direction, lock.tries, lock.next_try_s, lock.drive = direction, 0, now_s, LockDrive.STOP
    lock.failed = lock.failed and not tried_for_another
    settled = _is_settled(state, moment)
    there = settled and state.lock_sight.closed is (direction is LockDrive.LOCK)
    if state.equipment.actuator == WITHOUT_FEEDBACK:
        there = lock.assumed is direction
    if direction is LockDrive.STOP or there:
        lock.drive, lock.tries = LockDrive.STOP, 0
    else:
        _try(state, moment)
    lock.phase = _phase(state, settled)


def is_present(state: ConnectorState) -> bool:
    """There is something to hold."""
    return state.vehicle_connected or (state.equipment.socket and state.proximity.ampacity_a > 0.0)


def _is_settled(state: ConnectorState, moment: Moment) -> bool:
    """The feedback is fresh, and says the same for 50 ms."""
    if _is_unread(state, moment):
        return False
    return after(state.lock_sight.run_start_s, LOCK_SETTLED_S, moment)


def _is_unread(state: ConnectorState, moment: Moment) -> bool:
    return not state.lock_sight.fresh(moment.now_s, FEEDBACK_VALID_S)


def _note_release(state: ConnectorState, grant: Grant, present: bool) -> None:
    """A plug that the session has held and let go is not locked again by itself until the next one is put in."""
    if not present and not state.memory.cable_in:
        state.memory.cable_released = False
    elif _held_by_session(grant) or grant.release_cable:
        state.memory.cable_released = True


def _wanted(state: ConnectorState, grant: Grant, present: bool, moment: Moment) -> LockDrive:
    """STOP = leave the lock as it is. `present`: there is something to hold."""
    contactor = state.contactor
    if present and (_held_by_session(grant) or _held_by_settings(state)):
        return LockDrive.LOCK
    if state.memory.lockout or contactor.coil or contactor.phase is not Contactor.OPEN:
        return LockDrive.STOP
    if not after(contactor.off_s, UNLOCK_OPEN_S, moment) or shows_line(state, moment.now_s):
        return LockDrive.STOP
    stop_s = faults.newest_stop_s(state)
    # A short of the pilot is the exception of the table of states: it is often the plug itself.
    held = present and stop_s is not None and state.pilot_sight.confirmed != "E"
    if held and not after(stop_s, HELD_AFTER_STOP_S, moment):
        return LockDrive.STOP
    if (grant.valid or not present) and not (state.settings.lock_permanently and state.lock_sight.closed):
        return LockDrive.UNLOCK
    return LockDrive.UNLOCK if _empty_for_long(state, moment) else LockDrive.STOP


def _held_by_session(grant: Grant) -> bool:
    return grant.hold_cable or grant.may_charge


def _held_by_settings(state: ConnectorState) -> bool:
    """LockPermanently: for ever. LockIfAuthorized off: as soon as a vehicle is connected, until it has been let go."""
    if state.settings.lock_permanently:
        return True
    return not state.settings.lock_if_authorized and state.vehicle_connected and not state.memory.cable_released


def _empty_for_long(state: ConnectorState, moment: Moment) -> bool:
    """No vehicle for a minute, and no word from the session: nobody is kept waiting for a cable."""
    sight = state.pilot_sight
    if sight.confirmed != "A" or sight.letter != "A":
        return False
    return after(sight.run_start_s, RELEASE_WITHOUT_LEASE_S, moment)


def _try(state: ConnectorState, moment: Moment) -> None:
    """Drives the motor for 1 s at most, every 5 s. Locking gives up after three tries, unlocking never does."""
    lock, now_s = state.lock, moment.now_s
    if lock.direction is LockDrive.LOCK and state.pilot_sight.letter == "":
        # Not even the pilot can be read: the whole board is away, which is no failure of the lock.
        lock.drive, lock.tries = LockDrive.STOP, 0
        return
    if lock.drive is not LockDrive.STOP:
        if not due(lock.drive_until_s, 0.0, now_s):
            moment.wake(lock.drive_until_s)
            return
        lock.drive = LockDrive.STOP
        if state.equipment.actuator == WITHOUT_FEEDBACK:
            lock.assumed = lock.direction
            return
        if lock.direction is LockDrive.LOCK and lock.tries >= LOCK_TRIES:
            lock.failed = True
            moment.wake(now_s + 1e-4)
    if lock.failed and lock.direction is LockDrive.LOCK:
        return
    if due(lock.next_try_s, 0.0, now_s):
        lock.drive, lock.tries, lock.assumed = lock.direction, lock.tries + 1, LockDrive.STOP
        lock.drive_until_s, lock.next_try_s = now_s + LOCK_DRIVE_S, now_s + LOCK_TRIES_APART_S
        moment.wake(lock.drive_until_s)
    else:
        moment.wake(lock.next_try_s)


def _phase(state: ConnectorState, settled: bool) -> Lock:
    lock = state.lock
    if lock.failed:
        return Lock.FAILED
    if lock.drive is not LockDrive.STOP:
        return Lock.LOCKING if lock.drive is LockDrive.LOCK else Lock.UNLOCKING
    if state.equipment.actuator == WITHOUT_FEEDBACK:
        known = {LockDrive.LOCK: Lock.LOCKED, LockDrive.UNLOCK: Lock.UNLOCKED}
        return known.get(lock.assumed, Lock.UNKNOWN)
    if not settled:
        return Lock.UNKNOWN
    return Lock.LOCKED if state.lock_sight.closed else Lock.UNLOCKED


# the self-exercise: a feedback that always says "locked" is found out while nobody needs the lock


def must_exercise(state: ConnectorState) -> bool:
    """At the start, with an empty socket: the lock has not shown yet that it moves."""
    if not state.equipment.has_lock or state.equipment.actuator == WITHOUT_FEEDBACK or state.lock.exercised:
        return False
    return state.pilot_sight.confirmed == "A" and not is_present(state) and not state.memory.lockout


def exercise(state: ConnectorState, moment: Moment) -> None:
    """Locks and unlocks the empty socket, once at the start; a lock that has failed is tried again every minute."""
    lock, sight = state.lock, state.pilot_sight
    idle = sight.confirmed == "A" and sight.letter == "A" and not is_present(state)
    wanted = must_exercise(state) or (state.memory.lock_stuck and due(lock.exercise_again_s, 0.0, moment.now_s))
    opened = state.contactor.phase is Contactor.OPEN and after(state.contactor.off_s, UNLOCK_OPEN_S, moment)
    if not idle or not opened or state.memory.lockout:
        lock.exercise = LockDrive.STOP
    elif lock.exercise is not LockDrive.STOP:
        _go_on(state, moment)
    elif wanted and _is_settled(state, moment) and state.proximity_is_read:
        first = LockDrive.UNLOCK if state.lock_sight.closed else LockDrive.LOCK
        lock.exercise, lock.exercise_s = first, moment.now_s
        moment.wake(moment.now_s + LOCK_DRIVE_S)
    elif must_exercise(state) and _is_unread(state, moment) and after(state.begun_s, BOOT_S, moment):
        _conclude(state, True, moment)


def _go_on(state: ConnectorState, moment: Moment) -> None:
    lock = state.lock
    if _is_settled(state, moment) and state.lock_sight.closed is (lock.exercise is LockDrive.LOCK):
        if lock.exercise is LockDrive.LOCK:
            lock.exercise, lock.exercise_s = LockDrive.UNLOCK, moment.now_s
            moment.wake(moment.now_s + LOCK_DRIVE_S)
        else:
            _conclude(state, False, moment)
    elif after(lock.exercise_s, LOCK_DRIVE_S, moment):
        _conclude(state, True, moment)


def _conclude(state: ConnectorState, stuck: bool, moment: Moment) -> None:
    lock = state.lock
    lock.exercise, lock.exercised, lock.exercise_again_s = LockDrive.STOP, True, moment.now_s + EXERCISE_AGAIN_S
    state.memory.lock_stuck = stuck
    moment.wake(moment.now_s + 1e-4)
