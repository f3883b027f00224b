"""Faults of voltage and current."""

from services.safety.rule import Rule
from services.safety.state import ConnectorState, Moment
from services.safety.supply import overload, voltages

HOLD_OFF_S = 60.0
"""After an overcurrent, and after a voltage that was out of range (error list)."""


def _hard(state: ConnectorState, moment: Moment) -> bool:
    return state.supply.hard or overload.struck(state, moment)


def _overload(state: ConnectorState, _moment: Moment) -> bool:
    return state.supply.overloaded


RULES: dict[str, Rule] = {
    "overcurrent": Rule(_overload, HOLD_OFF_S),
    "overcurrent_hard": Rule(_hard, HOLD_OFF_S),
    "undervoltage": Rule(voltages.is_low, HOLD_OFF_S),
    "overvoltage": Rule(voltages.is_high, HOLD_OFF_S),
    "phase_missing": Rule(voltages.is_missing, 2.0),
    "phase_sequence": Rule(voltages.is_out_of_order, 2.0),
}
