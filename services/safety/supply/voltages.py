"""Undervoltage, overvoltage, a phase that is missing, phases in the wrong order: of those that are wired.

Measured against PowerLineVoltage.
"""

from services.safety.rule import after
from services.safety.state import ConnectorState, Moment

LOW = 0.85
HIGH = 1.12
"""Within the 1.10 to 1.15 of the error list: a healthy grid may be 10 % above for some time (EN 50160)."""
ABSENT = 0.50
LASTS_S = 2.0


def take_in(state: ConnectorState, voltage_v: tuple[float, float, float], stamp_s: float) -> None:
    """A new sample. Where another phase is there, one without voltage is missing and not merely low."""
    supply, nominal_v = state.supply, state.settings.line_voltage_v
    wired = voltage_v[: state.equipment.phases]
    present = [volts for volts in wired if volts >= ABSENT * nominal_v]
    low = not present or min(present) < LOW * nominal_v
    supply.low_s = _since(supply.low_s, low, stamp_s)
    supply.high_s = _since(supply.high_s, max(wired) > HIGH * nominal_v, stamp_s)
    supply.missing_s = _since(supply.missing_s, 0 < len(present) < len(wired), stamp_s)


def take_in_order(state: ConnectorState, phase_order: int | None, stamp_s: float) -> None:
    """Where three phases are wired. A meter that does not tell says nothing against them."""
    wrong = phase_order == -1 and state.equipment.phases == 3
    state.supply.wrong_order_s = _since(state.supply.wrong_order_s, wrong, stamp_s)


def _since(before_s: float | None, bad: bool, stamp_s: float) -> float | None:
    if not bad:
        return None
    return stamp_s if before_s is None else before_s


def is_low(state: ConnectorState, moment: Moment) -> bool:
    """A meter that falls silent meanwhile does not end it: only a good sample does."""
    return after(state.supply.low_s, LASTS_S, moment)


def is_high(state: ConnectorState, moment: Moment) -> bool:
    return after(state.supply.high_s, LASTS_S, moment)


def is_out_of_order(state: ConnectorState, moment: Moment) -> bool:
    return after(state.supply.wrong_order_s, LASTS_S, moment)


def is_missing(state: ConnectorState, moment: Moment) -> bool:
    return after(state.supply.missing_s, LASTS_S, moment)
