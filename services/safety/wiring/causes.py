"""Faults of the station's contacts and outputs."""

from services.safety.rule import Rule, after
from services.safety.state import ConnectorState, Moment
from services.safety.timings import BOOT_S, UNREADABLE_S
from services.safety.wiring import inputs, series


def _board(state: ConnectorState, moment: Moment) -> bool:
    """The driver says that its hardware does not answer, or does not do what is driven. With the coil on that stops
    power in the same step (F78, F79); otherwise it has half a second, after the start the time of the self-test."""
    since_s, never = state.wiring.trouble_s, state.pilot_sight.stamp_s < 0.0
    if since_s is not None and state.contactor.coil:
        return True
    return after(since_s, UNREADABLE_S, moment) and not (never and not after(state.begun_s, BOOT_S, moment))


def _emergency_stop(state: ConnectorState, moment: Moment) -> bool:
    return inputs.stops(state, inputs.EMERGENCY_STOP, moment)


def _tilted(state: ConnectorState, moment: Moment) -> bool:
    """Until service has had a look (`chargectl safety clear-lockout`)."""
    return state.memory.tilted or inputs.stops(state, inputs.TILT, moment)


def _flooded(state: ConnectorState, moment: Moment) -> bool:
    """The same."""
    return state.memory.flooded or inputs.stops(state, inputs.WATER, moment)


def _tampered(state: ConnectorState, moment: Moment) -> bool:
    return state.settings.tamper and inputs.reports(state, inputs.TAMPER, moment)


def _outlet_breaker(state: ConnectorState, moment: Moment) -> bool:
    return state.equipment.outlet and inputs.stops(state, inputs.OUTLET_BREAKER, moment)


def _surge(state: ConnectorState, moment: Moment) -> bool:
    return state.settings.surge_protection and inputs.reports(state, inputs.SURGE, moment)


RULES: dict[str, Rule] = {
    "emergency_stop": Rule(_emergency_stop, 1.0),
    "tilted": Rule(_tilted, 1.0),
    "flooded": Rule(_flooded, 1.0),
    "schuko_mcb_tripped": Rule(_outlet_breaker, 1.0),
    "tampered": Rule(_tampered, 1.0),
    "surge_protection_spent": Rule(_surge, 1.0),
    "board_trouble": Rule(_board, 3.0),
    "output_mismatch": Rule(series.mismatch, 3.0),
}
