"""First region: which faults are active, when they clear, and what they forbid."""

from schemas.faults import FAULTS, FaultClass
from services.safety.causes import RULES
from services.safety.rule import after
from services.safety.state import ActiveFault, ConnectorState, Moment, due
from services.safety.timings import AFTER_FAULT_S, F_LEAST_S, RECOVERIES, REMEMBERED_S, SAME_EDGE_APART_S, UNPLUGGED_S

STOPPING = frozenset({FaultClass.STOP, FaultClass.LATCH, FaultClass.LOCKOUT})
BLOCKING = STOPPING | {FaultClass.PAUSE}
_WITHOUT_F = frozenset({"pilot_shorted", "internal_error"})
"""State E answers with X1: the short is measured there."""

_CAUSES = tuple((code, rule.cause) for code, rule in RULES.items())


def class_of(code: str) -> FaultClass:
    return FAULTS[code].fault_class


def blocked(state: ConnectorState) -> bool:
    """No current may be offered."""
    faults = state.faults
    return faults.pending or any(class_of(code) in BLOCKING for code in faults.active)


def stopped(state: ConnectorState) -> bool:
    """The coil is off, in this step."""
    faults = state.faults
    return faults.pending or any(class_of(code) in STOPPING for code in faults.active)


def newest_stop_s(state: ConnectorState) -> float | None:
    """When the youngest active stop was raised (boot clock); None = none is active."""
    return max(
        (fault.since_s for code, fault in state.faults.active.items() if class_of(code) in STOPPING), default=None
    )


def waits_for_unplug(state: ConnectorState) -> bool:
    return any(code in state.faults.active for code in state.memory.latched)


def unplugged(state: ConnectorState, moment: Moment) -> bool:
    sight = state.pilot_sight
    return sight.confirmed == "A" and sight.letter == "A" and after(sight.run_start_s, UNPLUGGED_S, moment)


def evaluate(state: ConnectorState, moment: Moment) -> None:
    gone_vehicle = unplugged(state, moment)
    if gone_vehicle:
        state.memory.latched, state.memory.recoveries, state.memory.closings = (), 0, ()
    state.faults.pending = False
    active, latched, of_before = state.faults.active, state.memory.latched, state.faults.of_before
    for code, cause in _CAUSES:
        if cause(state, moment) or (of_before and _is_remembered(state, code, moment)):
            if code in active:
                active[code].gone_s = None
                _extend_hold(state, code, moment)
            else:
                _raise(state, code, moment)
        elif code in latched and code not in active:
            _raise(state, code, moment)
    _clear(state, gone_vehicle, moment)
    if state.memory.active_faults != tuple(active):
        state.memory.active_faults = tuple(active)


def _is_remembered(state: ConnectorState, code: str, moment: Moment) -> bool:
    """A process that is killed must not be a way out of a fault, and none is over because its cause is not read yet."""
    return code in state.faults.of_before and not after(state.started_s, REMEMBERED_S, moment)


def _raise(state: ConnectorState, code: str, moment: Moment) -> None:
    faults, now_s = state.faults, moment.now_s
    fault_class = class_of(code)
    cleared_s = faults.cleared_s.get(code)
    if cleared_s is not None and not due(cleared_s, SAME_EDGE_APART_S, now_s):
        faults.pending = faults.pending or fault_class in BLOCKING
        moment.wake(cleared_s + SAME_EDGE_APART_S)
        return
    faults.active[code] = ActiveFault(since_s=now_s)
    moment.say("fault_raised", code)
    _extend_hold(state, code, moment)
    state.memory.hold_until_s = faults.hold_until_s
    if fault_class in STOPPING:
        if code not in _WITHOUT_F:
            faults.f_until_s = now_s + F_LEAST_S
        if code not in (*state.memory.latched, state.memory.lockout) and not _is_remembered(state, code, moment):
            state.memory.trips[code] = state.memory.trips.get(code, 0) + 1
    once_too_often = fault_class in STOPPING and state.memory.recoveries >= RECOVERIES
    if (fault_class is FaultClass.LATCH or once_too_often) and code not in state.memory.latched:
        state.memory.latched = (*state.memory.latched, code)
    if code == "contactor_welded":
        state.memory.lockout = code


def _extend_hold(state: ConnectorState, code: str, moment: Moment) -> None:
    faults, until_s = state.faults, moment.now_s + AFTER_FAULT_S
    if class_of(code) in BLOCKING and faults.hold_until_s != until_s:
        # the first one of a step is the worst one
        faults.hold_until_s, faults.hold_code = until_s, code


def _clear(state: ConnectorState, gone_vehicle: bool, moment: Moment) -> None:
    faults, memory, now_s = state.faults, state.memory, moment.now_s
    faults.only_latched = waits_for_unplug(state) and not faults.pending
    for code, fault in list(faults.active.items()):
        rule, fault_class = RULES[code], class_of(code)
        lasts = rule.cause(state, moment) or _is_remembered(state, code, moment)
        latched = code in memory.latched
        if (lasts or not latched) and fault_class in BLOCKING:
            faults.only_latched = False
        if lasts or latched:
            continue
        fault.gone_s = now_s if fault.gone_s is None else fault.gone_s
        if not after(fault.gone_s, rule.clear_s, moment):
            continue
        faults.recovering = faults.recovering or fault_class in STOPPING
        del faults.active[code]
        memory.hold_until_s = faults.hold_until_s
        faults.cleared_s[code] = now_s
        if code == memory.lockout:
            memory.lockout = ""
        moment.say("fault_cleared", code)
    if gone_vehicle or not state.vehicle_connected:
        faults.recovering = False
    elif faults.recovering and not blocked(state):
        faults.recovering, memory.recoveries = False, memory.recoveries + 1
