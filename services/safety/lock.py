"""Fifth region: the plug's lock. Locking is always allowed; unlocking only when the contacts are proven open."""

from hardware.interfaces import LockDrive
from schemas.safety import Contactor, Lock
from services.safety.permission import Grant
from services.safety.state import ConnectorState, Moment, due
from services.safety.timings import (
    FEEDBACK_VALID_S,
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
    present = state.vehicle_connected or (state.equipment.socket and state.proximity.ampacity_a > 0.0)
    direction = _wanted(state, grant, present, moment)
    tried_for_another = not present or any(event.name == "unplugged" for event in moment.events)
    if direction is not lock.direction or (lock.failed and tried_for_another):
        lock.direction, lock.tries, lock.next_try_s, lock.drive = direction, 0, now_s, LockDrive.STOP
    lock.failed = lock.failed and not tried_for_another
    known = state.lock_sight.fresh(now_s, FEEDBACK_VALID_S)
    settled = known and due(state.lock_sight.run_start_s, LOCK_SETTLED_S, now_s)
    if known and not settled:
        moment.wake(state.lock_sight.run_start_s + LOCK_SETTLED_S)
    there = settled and state.lock_sight.closed is (direction is LockDrive.LOCK)
    if direction is LockDrive.STOP or there:
        lock.drive, lock.tries = LockDrive.STOP, 0
    else:
        _try(state, moment)
    lock.phase = _phase(state, settled)


def _wanted(state: ConnectorState, grant: Grant, present: bool, moment: Moment) -> LockDrive:
    """STOP = leave the lock as it is. `present`: there is something to hold."""
    contactor, now_s = state.contactor, moment.now_s
    if grant.valid and (grant.hold_cable or grant.may_charge) and present:
        return LockDrive.LOCK
    if state.memory.lockout or contactor.coil or contactor.phase is not Contactor.OPEN:
        return LockDrive.STOP
    if not due(contactor.off_s, UNLOCK_OPEN_S, now_s):
        moment.wake(contactor.off_s + UNLOCK_OPEN_S)
        return LockDrive.STOP
    if grant.valid or not present:
        return LockDrive.UNLOCK
    return LockDrive.UNLOCK if _empty_for_long(state, moment) else LockDrive.STOP


def _empty_for_long(state: ConnectorState, moment: Moment) -> bool:
    """No vehicle for a minute, and no word from the session: nobody is kept waiting for a cable."""
    sight = state.pilot_sight
    if sight.confirmed != "A" or sight.letter != "A":
        return False
    moment.wake(sight.run_start_s + RELEASE_WITHOUT_LEASE_S)
    return due(sight.run_start_s, RELEASE_WITHOUT_LEASE_S, moment.now_s)


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
        if lock.direction is LockDrive.LOCK and lock.tries >= LOCK_TRIES:
            lock.failed = True
            moment.wake(now_s + 1e-4)
    if lock.failed and lock.direction is LockDrive.LOCK:
        return
    if due(lock.next_try_s, 0.0, now_s):
        lock.drive, lock.tries = lock.direction, lock.tries + 1
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
    if not settled:
        return Lock.UNKNOWN
    return Lock.LOCKED if state.lock_sight.closed else Lock.UNLOCKED
