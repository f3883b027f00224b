"""Counters are set by hand when contactor or socket was replaced; otherwise they never fall."""

from collections.abc import Callable
from functools import partial

from schemas.settings import ActionOrder
from services.safety.state import ConnectorState

MOST = 10_000_000


def _count(order: ActionOrder) -> int | None:
    """None = not a count: nothing is set."""
    text = order.value.strip()
    if not text.isascii() or not text.isdigit() or len(text) > len(str(MOST)):
        return None
    return min(int(text), MOST)


def _set(field: str, state: ConnectorState, order: ActionOrder) -> None:
    count = _count(order)
    if count is not None:
        setattr(state.memory, field, count)


ORDERS: dict[str, Callable[[ConnectorState, ActionOrder], None]] = {
    "SetTypeContactorCycles": partial(_set, "contactor_cycles"),
    "SetCountContactorCyclesType2UnderLoad": partial(_set, "contactor_load_cycles"),
    "SetType2PlugCycles": partial(_set, "plug_cycles"),
}
"""By action key."""
