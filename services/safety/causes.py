"""The causes of faults: plain questions about the state.

A new source of faults adds a function and a row here or in the `causes.py` of its room, and a row in
`schemas/faults.py`.
"""

from hardware.interfaces import PilotMode
from schemas.faults import worst_first
from services.safety import contact_causes
from services.safety.equipment import EMERGENCY_RELEASE, ventilated
from services.safety.phases import causes as of_phases
from services.safety.proofs import locked
from services.safety.residual import causes as of_residual_current
from services.safety.rule import Rule, after
from services.safety.state import ConnectorState, Moment, due
from services.safety.supply import causes as of_supply
from services.safety.thermal import causes as of_temperatures
from services.safety.timings import (
    BOOT_S,
    DIODE_S,
    INPUT_VALID_S,
    LEVEL_INVALID_S,
    LOCK_TRIES,
    OUTPUT_WRONG_S,
    RELEASE_CHARGED_S,
    UNREADABLE_S,
)
from services.safety.wear import causes as of_wear
from services.safety.wiring import causes as of_wiring


def _diode(state: ConnectorState, moment: Moment) -> bool:
    """CPDiodeDetection off: only while charging."""
    sight = state.pilot_sight
    if not state.settings.diode_before_closing and not state.contactor.coil:
        return False
    return sight.letter in ("B", "C", "D") and after(sight.diode_bad_s, DIODE_S, moment)


def _proximity_lost(state: ConnectorState, _moment: Moment) -> bool:
    """While the coil is on. The filter of a bad reading is in `readings.py`."""
    return state.equipment.socket and state.contactor.coil and not state.proximity.ampacity_a


def _proximity_invalid(state: ConnectorState, moment: Moment) -> bool:
    """Where the pilot cannot be read either, the whole board is away: that says nothing about the cable."""
    since_s, sight = state.proximity.bad_s, state.pilot_sight
    if not state.proximity_is_read and sight.letter != "":
        return after(state.begun_s, BOOT_S, moment)
    if not state.equipment.socket or not state.vehicle_connected or state.proximity.ampacity_a:
        return False
    if since_s is None or sight.confirmed not in ("B", "C", "D") or sight.letter == "":
        return False
    return after(max(since_s, sight.confirmed_s, sight.run_start_s), UNREADABLE_S, moment)


def _lock_open(state: ConnectorState, moment: Moment) -> bool:
    return state.equipment.has_lock and state.contactor.coil and not locked(state, moment.now_s)


def _lock_failed(state: ConnectorState, _moment: Moment) -> bool:
    return state.equipment.has_lock and (state.lock.failed or state.memory.lock_stuck)


def _release_energy_low(state: ConnectorState, moment: Moment) -> bool:
    """The emergency release is not charged, or does not say so."""
    equipment, charged = state.equipment, moment.readings.release_energy
    if not equipment.has_lock or equipment.actuator != EMERGENCY_RELEASE:
        return False
    if charged is not None and charged.closed and moment.now_s - charged.sampled_s <= INPUT_VALID_S:
        return False
    return after(state.begun_s, RELEASE_CHARGED_S, moment)


def _unlock_failed(state: ConnectorState, _moment: Moment) -> bool:
    lock = state.lock
    return lock.direction.value == "unlock" and lock.tries > LOCK_TRIES


def _shorted(state: ConnectorState, _moment: Moment) -> bool:
    """Until the vehicle has shown A or B: one that asks for power straight away is not believed."""
    sight = state.pilot_sight
    goes_on = "pilot_shorted" in state.faults.active and sight.confirmed in ("C", "D")
    return sight.letter != "" and (sight.confirmed == "E" or goes_on)


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
    return state.pilot_sight.confirmed == "D" and not ventilated(state.equipment, state.settings)


_OWN: dict[str, Rule] = {
    "pilot_diode": Rule(_diode, 1.0),
    "proximity_lost": Rule(_proximity_lost, 1.0),
    "proximity_invalid": Rule(_proximity_invalid, 1.0),
    "lock_failed": Rule(_lock_failed, 0.25),
    "lock_unexpected_open": Rule(_lock_open, 1.0),
    "pilot_shorted": Rule(_shorted, 1.0),
    "pilot_level_invalid": Rule(_level_invalid, 3.0),
    "pilot_output": Rule(_output, 5.0),
    "pilot_unreadable": Rule(_unreadable, 3.0),
    "internal_error": Rule(_error, 5.0),
    "ventilation_required": Rule(_ventilation, 1.0),
    "unlock_failed": Rule(_unlock_failed, 0.25),
    "release_energy_low": Rule(_release_energy_low, 1.0),
    "loop_overrun": Rule(_overrun, 10.0),
}

_ALL = {
    **_OWN,
    **contact_causes.RULES,
    **of_residual_current.RULES,
    **of_temperatures.RULES,
    **of_supply.RULES,
    **of_phases.RULES,
    **of_wear.RULES,
    **of_wiring.RULES,
}
RULES: dict[str, Rule] = {code: _ALL[code] for code in worst_first(list(_ALL))}
"""By code, worst first."""
