"""Third region: what the pilot offers. X1 unless everything speaks for PWM; F while a fault wants it."""

import math
from collections.abc import Callable

from hardware.interfaces import PilotMode
from schemas.faults import FAULTS
from schemas.safety import Contactor, PilotState
from services.safety import duty, faults, wake_up
from services.safety.equipment import ventilated
from services.safety.permission import Grant
from services.safety.phases import switching
from services.safety.proofs import locked
from services.safety.readings import expected_duty
from services.safety.residual import protection, self_test
from services.safety.state import NEVER_S, ConnectorState, Moment, due
from services.safety.supply import energy_input, overload, restart
from services.safety.thermal import derating
from services.safety.timings import (
    CLOSE_APART_S,
    CLOSES_PER_HOUR,
    DUTY_RISE_S,
    GRACE_S,
    HOUR_S,
    LEAST_CURRENT_A,
    OFFER_AGAIN_S,
    SIMPLIFIED_CURRENT_A,
)
from services.safety.wiring import inputs, series

LIMITS: tuple[Callable[[ConnectorState], tuple[float, str]], ...] = (
    derating.limit,
    overload.limit,
    energy_input.limit,
)
"""What else bounds the current: (amperes, inf = no bound; words for a person). Not a number counts as 0."""
REFUSALS: tuple[Callable[[ConnectorState, float], tuple[str, float]], ...] = (
    derating.refusal,
    overload.refusal,
    restart.refusal,
    switching.refusal,
    self_test.refusal,
    protection.refusal,
    inputs.refusal,
    series.refusal,
)
"""What else forbids an offer, and ends one: (words, "" = nothing does; boot-clock time to ask again, 0 = not known)."""


def offered_a(state: ConnectorState) -> float:
    """What the vehicle is told now, in amperes; 0 without PWM."""
    return duty.current_for(state.pilot.permille) if state.pilot.mode is PilotMode.PWM else 0.0


def permitted_a(state: ConnectorState, grant: Grant) -> float:
    """The smallest of permission, rating and cable; 10 A for a vehicle that never showed state B (clause A.2.3)."""
    smallest = min(grant.limit_a, state.rated_a, state.cable_a)
    sight = state.pilot_sight
    if sight.confirmed in ("C", "D") and not sight.seen_b:
        return min(smallest, SIMPLIFIED_CURRENT_A)
    return smallest


def limit_a(state: ConnectorState) -> float:
    """What may be offered, in amperes: what is permitted, within LIMITS."""
    return min(state.pilot.permitted_a, state.pilot.bound_a)


def bound(state: ConnectorState) -> tuple[float, str]:
    """The smallest of LIMITS and its words; (inf, "") = none."""
    bounds = [rule(state) for rule in LIMITS]
    return min(((0.0 if math.isnan(a) else a, words) for a, words in bounds), default=(math.inf, ""))


def evaluate(state: ConnectorState, grant: Grant, moment: Moment) -> None:
    output, now_s = state.pilot, moment.now_s
    if grant.valid:
        moment.wake(grant.until_s)
    if state.pilot_sight.confirmed == "A":
        output.withdrawn_s = NEVER_S
    output.permitted_a = permitted_a(state, grant)
    output.bound_a, output.bound_words = bound(state)
    output.waiting, output.retry_s = _refusal(state, grant, now_s)
    moment.wake(output.retry_s)
    permille = None if output.waiting else duty.permille_for(limit_a(state))
    wakes = wake_up.evaluate(state, moment)
    if state.memory.lockout or now_s < state.faults.f_until_s:
        moment.wake(state.faults.f_until_s)
        _command(state, PilotMode.F, 0, now_s)
    elif switching.wants_state_f(state, moment) or wakes:
        output.waiting = wake_up.WORDS if wakes else switching.CHANGING
        _command(state, PilotMode.F, 0, now_s)
    elif permille is None:
        _command(state, PilotMode.X1, 1000, now_s)
    else:
        _offer(state, permille, moment)


def _refusal(state: ConnectorState, grant: Grant, now_s: float) -> tuple[str, float]:
    """(why no current is offered, boot-clock time from which it may be); ("", 0) when it may."""
    always = _standing_refusal(state, grant, now_s)
    for rule in () if always else REFUSALS:
        words, retry_s = rule(state, now_s)
        if words:
            return words, retry_s
    if always or state.pilot.mode is PilotMode.PWM:
        return always, 0.0
    return _hold_off(state, now_s)


def connected_letters(state: ConnectorState) -> tuple[str, ...]:
    """States of the vehicle in which current may be offered: D where the room is ventilated."""
    return ("B", "C", "D") if ventilated(state.equipment, state.settings) else ("B", "C")


def _standing_refusal(state: ConnectorState, grant: Grant, now_s: float) -> str:
    """What ends an offer as well as forbidding one."""
    if faults.blocked(state):
        return "paused: a fault is active"
    if not state.qualified:
        return "starting: checking the contactor and the vehicle"
    if state.pilot_sight.confirmed not in connected_letters(state):
        return "no vehicle connected"
    if state.settings.hardware_limit_a <= 0.0:
        return "waiting for the settings service"
    if not grant.may_charge:
        return grant.why_not
    if state.equipment.socket and state.proximity.ampacity_a <= 0.0:
        return "waiting for the cable to be recognised"
    if state.equipment.has_lock and not locked(state, now_s):
        return "waiting for the plug to be locked"
    if not limit_a(state) >= LEAST_CURRENT_A:
        if state.pilot.bound_a < LEAST_CURRENT_A:
            return f"paused: {state.pilot.bound_words}"
        return f"paused: less than {LEAST_CURRENT_A:g} A available"
    if state.pilot.mode is PilotMode.PWM and state.contactor.dropped_s > state.pilot.pwm_s:
        return f"paused: {state.contactor.dropped_because}"
    return ""


def _hold_off(state: ConnectorState, now_s: float) -> tuple[str, float]:
    """What delays a new offer but does not end one."""
    if state.contactor.phase is not Contactor.OPEN:
        return "waiting for the contactor to open", 0.0
    free_s, why = contactor_free(state)
    away_s = GRACE_S if state.pilot_sight.confirmed in ("C", "D") else OFFER_AGAIN_S
    again_s = state.pilot.withdrawn_s + away_s
    if again_s > free_s:
        free_s, why = again_s, "waiting before current is offered again"
    return (why, free_s) if not due(free_s, 0.0, now_s) else ("", 0.0)


def contactor_free(state: ConnectorState) -> tuple[float, str]:
    """(boot-clock time before which the contactor does not close, why)."""
    contactor = state.contactor
    started = contactor.on_s == state.begun_s
    switched_s = max(contactor.on_s, contactor.off_s)
    times = [
        (switched_s + CLOSE_APART_S, "waiting after the start" if started else "waiting: it has just switched"),
        (contactor.dropped_s + CLOSE_APART_S, f"waiting: {contactor.dropped_because}"),
        (state.faults.hold_until_s, _after_fault(state)),
    ]
    closings = state.memory.closings
    if len(closings) >= CLOSES_PER_HOUR:
        first_s = closings[-CLOSES_PER_HOUR] + HOUR_S
        times.append((first_s, f"waiting: the contactor has closed {CLOSES_PER_HOUR} times within an hour"))
    return max(times)


def _after_fault(state: ConnectorState) -> str:
    code = state.faults.hold_code
    return f"waiting after a fault: {FAULTS[code].text}" if code else "waiting after a fault before the start"


def _offer(state: ConnectorState, permille: int, moment: Moment) -> None:
    """T19: a fall at once, a rise 5 s after the last change."""
    output, now_s = state.pilot, moment.now_s
    rises = output.mode is PilotMode.PWM and permille > output.permille
    if rises and not due(output.commanded_s, DUTY_RISE_S, now_s):
        moment.wake(output.commanded_s + DUTY_RISE_S)
        return
    _command(state, PilotMode.PWM, permille, now_s)


def _command(state: ConnectorState, mode: PilotMode, permille: int, now_s: float) -> None:
    output, sight = state.pilot, state.pilot_sight
    if (mode, permille) == (output.mode, output.permille):
        return
    output.previous_duty = expected_duty(output.mode, output.permille)
    if mode is PilotMode.PWM and output.mode is not PilotMode.PWM:
        output.pwm_s = now_s
    if output.mode is PilotMode.PWM and mode is not PilotMode.PWM:
        output.withdrawn_s = now_s if state.vehicle_connected else NEVER_S
        sight.diode_doubtful = sight.diode_bad_s is not None
        sight.diode_proven, sight.diode_good_s, sight.diode_bad_s = False, None, None
    output.mode, output.permille, output.commanded_s = mode, permille, now_s


def name_of(state: ConnectorState) -> PilotState:
    """The state as people and the session know it (IEC 61851-1 letters; 1 = no PWM, 2 = PWM)."""
    if state.memory.lockout:
        return PilotState.LOCKOUT
    if state.wiring.out_of_service:
        return PilotState.F
    if faults.waits_for_unplug(state):
        return PilotState.LATCHED
    if "pilot_shorted" in state.faults.active:
        return PilotState.E
    if faults.stopped(state):
        return PilotState.FAULT
    if not state.qualified:
        return PilotState.BOOT
    number = "2" if state.pilot.mode is PilotMode.PWM else "1"
    letter = state.pilot_sight.confirmed
    if letter in ("B", "C", "D"):
        return PilotState(letter + number)
    return PilotState.A if letter == "A" else PilotState.E
