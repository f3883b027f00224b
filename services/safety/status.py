"""What is published of a connector, and the words for people."""

from schemas.faults import FAULTS, worst_first
from schemas.safety import Contactor, SafetyConnector
from services.safety import faults, pilot, wake_up
from services.safety.permission import Grant
from services.safety.phases import switching
from services.safety.residual.words import measured_ma, state_words
from services.safety.state import ConnectorState

_AT_VEHICLE = "unplug the vehicle to go on"
_AT_SOCKET = "off until somebody begins anew with a card or by the backend, or FreeCharging is switched off"


def connector_message(
    state: ConnectorState, grant: Grant, run_id: str, coil_off_s: float = 0.0, residual_version: str = ""
) -> SafetyConnector:
    """`coil_off_s`: boot-clock time just after the last opening command was written to the board.
    `residual_version`: firmware of the residual current module; empty = unknown."""
    equipment, contactor = state.equipment, state.contactor
    reason, retry_s = explain(state)
    dc_ma, rms_ma = measured_ma(state)
    bound_a, bound_words = state.pilot.bound_a, state.pilot.bound_words
    bounds = bound_a < min(grant.limit_a, state.rated_a, state.cable_a)
    return SafetyConnector(
        connector=equipment.connector,
        state=pilot.name_of(state),
        contactor=contactor.phase,
        lock=state.lock.phase,
        vehicle_connected=state.vehicle_connected,
        cable_plugged=state.proximity.ampacity_a > 0.0 if equipment.socket else True,
        vehicle_wants_power=state.power_requested,
        plug_count=state.plug_count,
        run_id=run_id,
        offered_a=pilot.offered_a(state),
        cable_limit_a=state.cable_a,
        rated_a=state.rated_a,
        permission_until_s=grant.until_s if grant.valid else 0.0,
        contactor_open_since_s=contactor.open_since_s,
        coil_off_s=coil_off_s,
        contactor_cycles=state.memory.contactor_cycles,
        faults=worst_first(list(state.faults.active)),
        only_latched=state.faults.only_latched,
        retry_after_s=retry_s,
        reason=reason,
        limit_words=bound_words if bounds else "",
        limit_a=bound_a if bounds else None,
        unwatched=state.supply.unwatched,
        phases=switching.position(state, state.last_step_s) if equipment.phase_switching else 0,
        opening_ms=_milliseconds(contactor.opening_s),
        closing_ms=_milliseconds(contactor.closing_s),
        wakes_vehicle=wake_up.is_running(state, state.last_step_s),
        residual_state=state_words(state),
        residual_dc_ma=dc_ma,
        residual_rms_ma=rms_ma,
        residual_max_dc_ma=state.residual.max_dc_ma,
        residual_max_rms_ma=state.residual.max_rms_ma,
        residual_version=residual_version,
        plug_cycles=state.memory.plug_cycles,
        contactor_load_cycles=state.memory.contactor_load_cycles,
    )


def _milliseconds(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000.0, 1)


def explain(state: ConnectorState) -> tuple[str, float]:
    """(why power does not flow, boot-clock time before which it will not); ("", 0) while it does."""
    contactor = state.contactor
    if contactor.coil and contactor.phase is Contactor.CLOSED and not state.pilot.waiting:
        return "", 0.0
    blocking = [code for code in worst_first(list(state.faults.active)) if faults.class_of(code) in faults.BLOCKING]
    if blocking:
        return _fault_words(state, blocking[0])
    if state.pilot.waiting:
        return state.pilot.waiting, state.pilot.retry_s
    if contactor.coil:
        return "the contactor is closing", 0.0
    if not state.power_requested:
        return "waiting for the vehicle", 0.0
    free_s, why = pilot.contactor_free(state)
    if free_s > state.last_step_s:
        return why, free_s
    return "checking the vehicle before closing", 0.0


def _fault_words(state: ConnectorState, code: str) -> tuple[str, float]:
    text = FAULTS[code].text
    if code == state.memory.lockout:
        return f"{text}: out of service until service resets it", 0.0
    if code in state.memory.latched:
        return f"{text}: {_AT_SOCKET if state.equipment.outlet else _AT_VEHICLE}", 0.0
    return text, state.faults.hold_until_s
