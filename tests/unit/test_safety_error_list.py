"""The error list and the bounds of the transitions, once more: what `services/safety` and the catalogue say must agree.

Where ours differs from the list, `docs/safety.md` (Error list) says why.
"""

from typing import NamedTuple

import pytest

from schemas.faults import FAULTS, FaultClass
from services.safety import timings
from services.safety.causes import RULES
from services.safety.faults import BLOCKING, STOPPING
from services.safety.wiring import inputs, series

pytestmark = pytest.mark.unit


class Row(NamedTuple):
    letter: str
    clear_s: float
    """The cause has been gone this long; class L also waits for the unplug."""
    error_code: str


ERROR_LIST = {
    "pilot_level_invalid": Row("S", 3.0, "EVCommunicationError"),
    "pilot_shorted": Row("S", 1.0, "EVCommunicationError"),
    "pilot_diode": Row("L", 1.0, "EVCommunicationError"),
    "pilot_output": Row("S", 5.0, "InternalError"),
    "pilot_unreadable": Row("S", 3.0, "InternalError"),
    "proximity_invalid": Row("L", 1.0, "OtherError"),
    "proximity_lost": Row("L", 1.0, "OtherError"),
    "ventilation_required": Row("P", 1.0, "OtherError"),
    "residual_current_dc": Row("L", 1.0, "GroundFailure"),
    "residual_current_rms": Row("L", 1.0, "GroundFailure"),
    "residual_sensor_failed": Row("L", 1.0, "GroundFailure"),
    "residual_self_test_failed": Row("L", 0.25, "GroundFailure"),
    "rcd_tripped": Row("S", 1.0, "GroundFailure"),
    "rcd_maybe_tripped": Row("S", 1.0, "GroundFailure"),
    "mcb_tripped": Row("S", 1.0, "OverCurrentFailure"),
    "schuko_mcb_tripped": Row("S", 1.0, "OverCurrentFailure"),
    "monitoring_relay_tripped": Row("S", 10.0, "GroundFailure"),
    "surge_protection_spent": Row("W", 1.0, "OtherError"),
    "protective_earth_lost": Row("L", 10.0, "GroundFailure"),
    "overcurrent": Row("S", 60.0, "OverCurrentFailure"),
    "overcurrent_hard": Row("S", 60.0, "OverCurrentFailure"),
    "contactor_no_close": Row("L", 1.0, "PowerSwitchFailure"),
    "contactor_welded": Row("X", 1.0, "PowerSwitchFailure"),
    "contactor_no_open": Row("W", 1.0, "PowerSwitchFailure"),
    "contactor_unexpected_open": Row("S", 1.0, "PowerSwitchFailure"),
    "contactor_unreadable": Row("S", 3.0, "PowerSwitchFailure"),
    "phase_relay_stuck": Row("S", 3.0, "PowerSwitchFailure"),
    "contactor_wear": Row("W", 0.25, "OtherError"),
    "contactor_worn_out": Row("W", 0.25, "OtherError"),
    "contactor_load_wear": Row("W", 0.25, "OtherError"),
    "plug_wear": Row("W", 0.25, "OtherError"),
    "lock_failed": Row("L", 0.25, "ConnectorLockFailure"),
    "lock_unexpected_open": Row("S", 1.0, "ConnectorLockFailure"),
    "unlock_failed": Row("W", 0.25, "ConnectorLockFailure"),
    "release_energy_low": Row("W", 1.0, "ConnectorLockFailure"),
    "temperature_derated": Row("D", 1.0, "HighTemperature"),
    "temperature_high": Row("P", 1.0, "HighTemperature"),
    "temperature_limit": Row("S", 1.0, "HighTemperature"),
    "plug_overheated": Row("S", 1.0, "HighTemperature"),
    "temperature_sensor_lost": Row("D", 10.0, "OtherError"),
    "fan_stuck": Row("W", 1.0, "OtherError"),
    "undervoltage": Row("P", 60.0, "UnderVoltage"),
    "overvoltage": Row("P", 60.0, "OverVoltage"),
    "phase_missing": Row("W", 2.0, "OtherError"),
    "phase_sequence": Row("W", 2.0, "OtherError"),
    "tampered": Row("W", 1.0, "OtherError"),
    "emergency_stop": Row("L", 1.0, "OtherError"),
    "tilted": Row("L", 1.0, "OtherError"),
    "flooded": Row("L", 1.0, "OtherError"),
    "board_trouble": Row("S", 3.0, "InternalError"),
    "output_mismatch": Row("S", 3.0, "InternalError"),
    "internal_error": Row("S", 5.0, "InternalError"),
    "loop_overrun": Row("W", 10.0, "InternalError"),
    "journal_unreadable": Row("X", 0.25, "InternalError"),
}

BOUNDS = {
    "T2 self-test": (timings.BOOT_S, 10.0),
    "T3 A to B": (timings.CONFIRM_B_FROM_A_S, 0.025),
    "T5 B to C": (timings.CONFIRM_C_S, 0.100),
    "T6 closed": (timings.CLOSED_WITHIN_S, 0.200),
    "T7 C to B, filter": (timings.CONFIRM_B_S, 0.020),
    "T7 opening, filter": (timings.OPEN_FILTER_S, 0.020),
    "T7 open": (timings.STOPS_WITHIN_S, 0.100),
    "T8 C to A": (timings.CONFIRM_A_S, 0.025),
    "T9 pause": (timings.GRACE_S, 6.0),
    "T10 between two closings": (timings.CLOSE_APART_S, 5.0),
    "T11 state E": (timings.CONFIRM_E_S, 0.020),
    "T12 open": (timings.OPEN_WITHIN_S, 0.100),
    "T14 after a fault": (timings.AFTER_FAULT_S, 30.0),
    "T15 weld": (timings.WELDED_S, 1.0),
    "T17 asleep": (timings.ASLEEP_S, 30.0),
    "T17 wake-up": (timings.WAKE_UP_S, 4.0),
    "T18 phase pause": (timings.PHASE_PAUSE_S, 10.0),
    "T19 rise": (timings.DUTY_RISE_S, 5.0),
    "recoveries (R3)": (timings.RECOVERIES, 3),
    "state F": (timings.F_LEAST_S, 0.300),
    "stale pilot (invariant 1)": (timings.PILOT_VALID_CONNECTED_S, 0.050),
    "unlock (invariant 16)": (timings.UNLOCK_OPEN_S, 0.100),
    "closings in an hour (invariant 20)": (timings.CLOSES_PER_HOUR, 12),
    "edges of one fault (invariant 24)": (timings.SAME_EDGE_APART_S, 0.250),
    "level invalid": (timings.LEVEL_INVALID_S, 0.100),
    "diode": (timings.DIODE_S, 0.100),
    "duty, in points": (timings.DUTY_TOLERANCE, 0.010),
    "frequency, 2 % of 1 kHz": (timings.FREQUENCY_TOLERANCE_HZ, 20.0),
    "lock tries": (timings.LOCK_TRIES, 3),
    "lock tries apart": (timings.LOCK_TRIES_APART_S, 5.0),
    "tamper and surge protection (F42, F80)": (inputs.REPORTED_AFTER_S, 1.0),
    "output in the path of power": (series.MISMATCH_S, 0.100),
}


def test_the_list_has_every_fault_of_the_safety_service() -> None:
    assert set(ERROR_LIST) == set(RULES)


@pytest.mark.parametrize("code", ERROR_LIST)
def test_a_fault_has_the_class_the_clear_rule_and_the_error_code_of_the_list(code: str) -> None:
    row, fault, rule = ERROR_LIST[code], FAULTS[code], RULES[code]
    assert (fault.fault_class.value, rule.clear_s, fault.error_code) == row


@pytest.mark.parametrize("name", BOUNDS)
def test_a_bound_is_the_one_of_the_table_of_transitions(name: str) -> None:
    ours, listed = BOUNDS[name]
    assert ours == listed


def test_what_each_class_does_to_power() -> None:
    assert {each.value for each in STOPPING} == {"S", "L", "X"}
    assert {each.value for each in BLOCKING} == {"P", "S", "L", "X"}
    assert {each.value for each in FaultClass} == {"W", "D", "P", "S", "L", "X"}
