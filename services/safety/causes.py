"""The causes of faults: plain questions about the state.

A new source of faults adds a function and a row here or in the `causes.py` of its room, and a row in
`schemas/faults.py`.
"""

from hardware.interfaces import PilotMode
from schemas.faults import worst_first
from schemas.safety import Contactor
from services.safety.phases import causes as of_phases
from services.safety.residual import causes as of_residual_current
from services.safety.rule import Rule, after
from services.safety.state import ConnectorState, Moment, due
from services.safety.supply import causes as of_supply
from services.safety.thermal import causes as of_temperatures
from services.safety.timings import (
    BOOT_S,
    CLOSED_WITHIN_S,
    CONTACT_SETTLED_S,
    DIODE_S,
    FEEDBACK_VALID_S,
    LEVEL_INVALID_S,
    LOCK_SETTLED_S,
    LOCK_TRIES,
    OPEN_WITHIN_S,
    OUTPUT_WRONG_S,
    UNREADABLE_S,
    WELDED_S,
)
from services.safety.wear import causes as of_wear


def _welded(state: ConnectorState, moment: Moment) -> bool:
    """The mirror contact says closed, without a gap, 1 s after the coil was switched off."""
    if state.memory.lockout == "contactor_welded":
        return True
    return _closed_without_coil(state, WELDED_S, moment)


def _no_open(state: ConnectorState, moment: Moment) -> bool:
    return state.memory.lockout != "contactor_welded" and _closed_without_coil(state, OPEN_WITHIN_S, moment)


def _closed_without_coil(state: ConnectorState, wait_s: float, moment: Moment) -> bool:
    mirror, contactor = state.mirror, state.contactor
    if contactor.coil or not mirror.closed or not mirror.fresh(moment.now_s, FEEDBACK_VALID_S):
        return False
    return after(max(contactor.off_s, mirror.run_start_s), wait_s, moment)


def _journal_unreadable(state: ConnectorState, moment: Moment) -> bool:
    """Ends when the mirror contact has shown open contacts for as long as a weld takes to confirm."""
    if state.memory.lockout != "journal_unreadable":
        return False
    mirror = state.mirror
    if mirror.closed or state.contactor.coil or not mirror.fresh(moment.now_s, FEEDBACK_VALID_S):
        return True
    return not after(max(mirror.run_start_s, state.contactor.off_s), WELDED_S, moment)


def _no_close(state: ConnectorState, moment: Moment) -> bool:
    contactor, mirror = state.contactor, state.mirror
    if not state.equipment.mirror_contact or not contactor.coil or contactor.phase is not Contactor.CLOSING:
        return False
    closed = mirror.closed and mirror.fresh(moment.now_s, FEEDBACK_VALID_S) and mirror.stamp_s >= contactor.on_s
    return after(contactor.on_s, CLOSED_WITHIN_S, moment) and not closed


def _unexpected_open(state: ConnectorState, moment: Moment) -> bool:
    contactor, mirror = state.contactor, state.mirror
    if not state.equipment.mirror_contact or not contactor.coil or contactor.phase is not Contactor.CLOSED:
        return False
    if not mirror.fresh(moment.now_s, FEEDBACK_VALID_S):
        return True
    return not mirror.closed and after(mirror.run_start_s, CONTACT_SETTLED_S, moment)


def _contactor_unreadable(state: ConnectorState, moment: Moment) -> bool:
    if not state.equipment.mirror_contact or state.mirror.fresh(moment.now_s, FEEDBACK_VALID_S):
        return False
    if state.mirror.stamp_s < 0.0:
        return after(state.begun_s, BOOT_S, moment)
    return after(state.mirror.stamp_s, WELDED_S, moment)


def _diode(state: ConnectorState, moment: Moment) -> bool:
    sight = state.pilot_sight
    return sight.letter in ("B", "C", "D") and after(sight.diode_bad_s, DIODE_S, moment)


def _proximity_lost(state: ConnectorState, _moment: Moment) -> bool:
    """While the coil is on. The filter of a bad reading is in `readings.py`."""
    return state.equipment.socket and state.contactor.coil and state.proximity.ampacity_a <= 0.0


def _proximity_invalid(state: ConnectorState, moment: Moment) -> bool:
    """Where the pilot cannot be read either, the whole board is away: that says nothing about the cable."""
    if not state.equipment.socket or not state.vehicle_connected or state.proximity.ampacity_a > 0.0:
        return False
    since_s, sight = state.proximity.bad_s, state.pilot_sight
    if since_s is None or sight.confirmed not in ("B", "C", "D") or sight.letter == "":
        return False
    return after(max(since_s, sight.confirmed_s, sight.run_start_s), UNREADABLE_S, moment)


def locked(state: ConnectorState, now_s: float) -> bool:
    """The feedback proves that the plug is locked."""
    sight = state.lock_sight
    return sight.closed and sight.fresh(now_s, FEEDBACK_VALID_S) and due(sight.run_start_s, LOCK_SETTLED_S, now_s)


def _lock_open(state: ConnectorState, moment: Moment) -> bool:
    return state.equipment.has_lock and state.contactor.coil and not locked(state, moment.now_s)


def _lock_failed(state: ConnectorState, _moment: Moment) -> bool:
    return state.lock.failed


def _unlock_failed(state: ConnectorState, _moment: Moment) -> bool:
    lock = state.lock
    return lock.direction.value == "unlock" and lock.tries > LOCK_TRIES


def _shorted(state: ConnectorState, _moment: Moment) -> bool:
    return state.pilot_sight.confirmed == "E" and state.pilot_sight.letter != ""


def _level_invalid(state: ConnectorState, moment: Moment) -> bool:
    """Between the windows, or -12 V although X1 or PWM is driven; while F is driven nothing can be told."""
    sight = state.pilot_sight
    if state.pilot.mode is PilotMode.F:
        return "pilot_level_invalid" in state.faults.active
    if sight.letter not in ("-", "F"):
        return False
    since_s = sight.run_start_s
    if sight.letter == "F":
        since_s = max(since_s, state.pilot.commanded_s)
    return after(since_s, LEVEL_INVALID_S, moment)


def _output(state: ConnectorState, moment: Moment) -> bool:
    return state.pilot_sight.letter != "" and after(state.pilot_sight.output_wrong_s, OUTPUT_WRONG_S, moment)


def _unreadable(state: ConnectorState, moment: Moment) -> bool:
    """A board that has not answered since the start is given the time of the self-test (T2)."""
    never = state.pilot_sight.stamp_s < 0.0
    return after(state.pilot_sight.bad_since_s, BOOT_S if never else UNREADABLE_S, moment)


def _error(state: ConnectorState, moment: Moment) -> bool:
    return state.faults.error_s is not None and not due(state.faults.error_s, 1.0, moment.now_s)


def _overrun(state: ConnectorState, moment: Moment) -> bool:
    return state.faults.overrun_s is not None and not due(state.faults.overrun_s, 1.0, moment.now_s)


def _ventilation(state: ConnectorState, _moment: Moment) -> bool:
    return state.pilot_sight.confirmed == "D"


_OWN: dict[str, Rule] = {
    "contactor_welded": Rule(_welded, 1.0),
    "journal_unreadable": Rule(_journal_unreadable, 0.25),
    "contactor_no_close": Rule(_no_close, 1.0),
    "pilot_diode": Rule(_diode, 1.0),
    "proximity_lost": Rule(_proximity_lost, 1.0),
    "proximity_invalid": Rule(_proximity_invalid, 1.0),
    "lock_failed": Rule(_lock_failed, 0.25),
    "lock_unexpected_open": Rule(_lock_open, 1.0),
    "contactor_unexpected_open": Rule(_unexpected_open, 1.0),
    "contactor_unreadable": Rule(_contactor_unreadable, 3.0),
    "pilot_shorted": Rule(_shorted, 1.0),
    "pilot_level_invalid": Rule(_level_invalid, 3.0),
    "pilot_output": Rule(_output, 5.0),
    "pilot_unreadable": Rule(_unreadable, 3.0),
    "internal_error": Rule(_error, 5.0),
    "ventilation_required": Rule(_ventilation, 1.0),
    "contactor_no_open": Rule(_no_open, 1.0),
    "unlock_failed": Rule(_unlock_failed, 0.25),
    "loop_overrun": Rule(_overrun, 10.0),
}

_ALL = {
    **_OWN,
    **of_residual_current.RULES,
    **of_temperatures.RULES,
    **of_supply.RULES,
    **of_phases.RULES,
    **of_wear.RULES,
}
RULES: dict[str, Rule] = {code: _ALL[code] for code in worst_first(list(_ALL))}
"""By code, worst first."""
