"""Warnings of wear: the guide's keys give numbers after which a part is to be replaced; charging goes on."""

from collections.abc import Callable

from services.safety.memory import Memory
from services.safety.rule import Rule
from services.safety.settings import SafetySettings
from services.safety.state import ConnectorState, Moment

NEARLY = 0.9
"""Of a lifetime: its replacement is to be planned."""


def _reached(count: int, limit: int, share: float = 1.0) -> bool:
    """0 = not watched."""
    return limit > 0 and count >= share * limit


def _cause(reached: Callable[[Memory, SafetySettings], bool]) -> Rule:
    def cause(state: ConnectorState, _moment: Moment) -> bool:
        return reached(state.memory, state.settings)

    return Rule(cause, 0.25)


RULES: dict[str, Rule] = {
    "contactor_worn_out": _cause(lambda m, s: _reached(m.contactor_cycles, s.contactor_lifetime)),
    "contactor_wear": _cause(
        lambda m, s: (
            _reached(m.contactor_cycles, s.contactor_lifetime, NEARLY)
            and not _reached(m.contactor_cycles, s.contactor_lifetime)
        )
    ),
    "contactor_load_wear": _cause(lambda m, s: _reached(m.contactor_load_cycles, s.load_cycles_limit)),
    "plug_wear": _cause(lambda m, s: _reached(m.plug_cycles, s.plug_lifetime)),
}
