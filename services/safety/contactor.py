"""Fourth region: the coil. It closes when everything is proven, and opens for any one reason."""

from hardware.interfaces import PilotMode
from schemas.safety import Contactor
from services.safety import faults
from services.safety.pilot import connected_letters, contactor_free
from services.safety.proofs import board_answers, sensors
from services.safety.residual import sensor
from services.safety.rule import after
from services.safety.state import NEVER_S, ConnectorState, Moment, due
from services.safety.supply import flow
from services.safety.timings import (
    BETWEEN_S,
    CLOSED_WITHIN_S,
    CLOSES_PER_HOUR,
    CONFIRM_C_S,
    CONTACT_SETTLED_S,
    GRACE_S,
    HOUR_S,
    OPEN_FILTER_S,
    OPEN_WITHIN_S,
)
from services.safety.wear import counting
from services.safety.wiring import series

_BY_VEHICLE = "the vehicle stopped asking"
"""The one reason to open that is the vehicle's own wish."""


def evaluate(state: ConnectorState, moment: Moment) -> None:
    contactor = state.contactor
    if contactor.coil:
        if why := _must_open(state, moment):
            _open(state, why, moment)
    elif _may_close(state, moment):
        close(state, moment)
    if state.pilot_sight.confirmed == "A":
        contactor.dropped_s = NEVER_S
    _follow(state, moment)


def _must_open(state: ConnectorState, moment: Moment) -> str:
    """Why; empty while the contactor may stay closed."""
    sight, now_s = state.pilot_sight, moment.now_s
    if faults.stopped(state):
        return "a fault is active"
    if state.wiring.barred:
        return state.wiring.barred
    if sight.letter == "":
        return "the pilot measurement was too old or impossible"
    if sight.left_cd_s is not None:
        between = sight.letter == "-"
        filter_s = BETWEEN_S if between else OPEN_FILTER_S
        if due(sight.left_cd_s, filter_s, now_s):
            return "the pilot level was between two states" if between else _BY_VEHICLE
        moment.wake(sight.left_cd_s + filter_s)
    if sight.confirmed == "D" and state.settings.pause_in_state_d:
        return "the vehicle demands ventilation"
    if state.pilot.mode is not PilotMode.PWM:
        if sight.diode_doubtful:
            return "the vehicle's diode was not proven when the offer ended"
        if due(state.pilot.withdrawn_s, GRACE_S, now_s):
            return "the vehicle did not stop within 6 s"
        moment.wake(state.pilot.withdrawn_s + GRACE_S)
    return ""


def _may_close(state: ConnectorState, moment: Moment) -> bool:
    """T5. Fault-free, permitted, rated, recognised and locked is what PWM stands for (`pilot.py`)."""
    sight, contactor, now_s = state.pilot_sight, state.contactor, moment.now_s
    asks = sight.letter == sight.confirmed and sight.letter in connected_letters(state)[1:]
    if state.pilot.mode is not PilotMode.PWM or not asks or contactor.phase is not Contactor.OPEN:
        return False
    if state.settings.diode_before_closing and (not sight.diode_proven or sight.diode_bad_s is not None):
        return False
    if sight.output_wrong_s is not None or contactor.dropped_s > state.pilot.pwm_s or sensor.reports(state):
        return False
    if state.equipment.socket and state.proximity.bad_s is not None:
        return False
    if not due(sight.run_start_s, CONFIRM_C_S, sight.stamp_s):
        return False
    if not series.ready(state, moment):
        return False
    free_s, _ = contactor_free(state)
    moment.wake(free_s)
    return due(free_s, 0.0, now_s)


def close(state: ConnectorState, moment: Moment) -> None:
    """The coil, or the relay of a domestic socket: one more closing of this plug-in."""
    contactor, memory, now_s = state.contactor, state.memory, moment.now_s
    contactor.coil, contactor.on_s, contactor.phase = True, now_s, Contactor.CLOSING
    recent = (*memory.closings, now_s)[-CLOSES_PER_HOUR:]
    memory.closings = tuple(closed_s for closed_s in recent if closed_s > now_s - HOUR_S)
    memory.contactor_cycles += 1
    moment.say("coil_on")


def _open(state: ConnectorState, why: str, moment: Moment) -> None:
    contactor, now_s = state.contactor, moment.now_s
    counting.count_opening(state, moment)
    contactor.coil, contactor.off_s, contactor.phase = False, now_s, Contactor.OPENING
    contactor.watched = True
    if why != _BY_VEHICLE:
        contactor.dropped_s, contactor.dropped_because = now_s, why
        moment.wake(now_s + 1e-4)
    moment.say("coil_off", why)


def _follow(state: ConnectorState, moment: Moment) -> None:
    """What the main contacts are known to do, from every sensor that is mounted; by inference where there is none."""
    contactor = state.contactor
    before = contactor.phase
    _watch(state, moment)
    contactor.phase = _phase_by_sensors(state, moment) if sensors(state) else _phase_by_time(state, moment)
    if contactor.phase is Contactor.OPEN and flow.is_seen(state):
        contactor.phase = Contactor.UNKNOWN
    if contactor.phase is not Contactor.OPEN:
        contactor.open_since_s = 0.0
    elif before is not Contactor.OPEN:
        contactor.open_since_s = moment.now_s
    _measure(state, before)
    if contactor.phase is Contactor.CLOSED and not contactor.powered:
        contactor.powered = True
        moment.say("power_on")
    elif contactor.phase is Contactor.OPEN and contactor.powered:
        contactor.powered = False
        moment.say("power_off")


def _watch(state: ConnectorState, moment: Moment) -> None:
    """A gap between two samples is no slow contactor."""
    contactor = state.contactor
    if not board_answers(state, moment):
        contactor.watched, contactor.answers_since_s = False, moment.now_s
    contactor.answered_s = state.pilot_sight.stamp_s


def _measure(state: ConnectorState, before: Contactor) -> None:
    """How long the contacts took, from the coil's edge to the last edge of the slowest sensor."""
    contactor = state.contactor
    edges = [sight.run_start_s for sight, _ in sensors(state)]
    if not edges or contactor.phase is before:
        return
    if contactor.phase is Contactor.CLOSED and max(edges) >= contactor.on_s:
        contactor.closing_s = max(edges) - contactor.on_s
    elif contactor.phase is Contactor.OPEN and contactor.powered and max(edges) >= contactor.off_s:
        if not contactor.watched:
            # Nobody saw when they opened: the board was away meanwhile.
            return
        contactor.opening_s = max(edges) - contactor.off_s


def _phase_by_sensors(state: ConnectorState, moment: Moment) -> Contactor:
    contactor, now_s = state.contactor, moment.now_s
    changed_s = contactor.on_s if contactor.coil else contactor.off_s
    fresh = settled = opened = closed = True
    for sight, valid_s in sensors(state):
        moment.wake(sight.stamp_s + valid_s + 1e-5)
        is_fresh = sight.fresh(now_s, valid_s)
        at_rest = after(sight.run_start_s, CONTACT_SETTLED_S, moment)
        fresh = fresh and is_fresh
        settled = settled and is_fresh and at_rest and sight.stamp_s >= changed_s
        opened, closed = opened and not sight.closed, closed and sight.closed
    if contactor.coil:
        if contactor.phase is Contactor.CLOSED or (settled and closed):
            return Contactor.CLOSED
        moment.wake(contactor.on_s + CLOSED_WITHIN_S)
        return Contactor.CLOSING
    if opened and (settled or (fresh and contactor.phase is Contactor.OPEN)):
        return Contactor.OPEN
    return Contactor.OPENING if fresh and contactor.phase is Contactor.OPENING else Contactor.UNKNOWN


def _phase_by_time(state: ConnectorState, moment: Moment) -> Contactor:
    """Without a sensor nothing is proven: 100 ms after the coil's edge its effect is assumed."""
    contactor = state.contactor
    changed_s = contactor.on_s if contactor.coil else contactor.off_s
    if due(changed_s, OPEN_WITHIN_S, moment.now_s):
        return Contactor.CLOSED if contactor.coil else Contactor.OPEN
    moment.wake(changed_s + OPEN_WITHIN_S)
    return Contactor.CLOSING if contactor.coil else Contactor.OPENING
