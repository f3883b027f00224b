"""Warnings of wear: the guide's keys give numbers after which a part is to be replaced; charging goes on."""

from services.safety.rule import Rule
from services.safety.state import ConnectorState, Moment

NEARLY = 0.9
"""Of a lifetime: its replacement is to be planned."""


def _reached(count: int, limit: int, share: float = 1.0) -> bool:
    """0 = not watched."""
    return limit > 0 and count >= share * limit


def _worn_out(state: ConnectorState, _moment: Moment) -> bool:
    return _reached(state.memory.contactor_cycles, state.settings.contactor_lifetime)


def _nearly_worn_out(state: ConnectorState, moment: Moment) -> bool:
    cycles, lifetime = state.memory.contactor_cycles, state.settings.contactor_lifetime
    return _reached(cycles, lifetime, NEARLY) and not _worn_out(state, moment)


def _loaded(state: ConnectorState, _moment: Moment) -> bool:
    return _reached(state.memory.contactor_load_cycles, state.settings.load_cycles_limit)


def _plug(state: ConnectorState, _moment: Moment) -> bool:
    return _reached(state.memory.plug_cycles, state.settings.plug_lifetime)


RULES: dict[str, Rule] = {
    "contactor_worn_out": Rule(_worn_out, 0.25),
    "contactor_wear": Rule(_nearly_worn_out, 0.25),
    "contactor_load_wear": Rule(_loaded, 0.25),
    "plug_wear": Rule(_plug, 0.25),
}
