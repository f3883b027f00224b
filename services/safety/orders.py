"""Orders of action keys that the safety service carries out: each one once, also one of a moment when it was down.

The effect and the id of the order are in the same record of the journal. A room with an order of its own adds a row to
ORDERS.
"""

from collections.abc import Callable, Mapping

from schemas.settings import ActionOrder
from services.actions import Orders
from services.safety.memory import Memory
from services.safety.residual import reclosure
from services.safety.state import ConnectorState
from services.safety.wear import presets

CarryOut = Callable[[ConnectorState, ActionOrder], None]

ORDERS: dict[str, CarryOut] = {**presets.ORDERS, **reclosure.ORDERS}
"""By action key."""
FLEETING: frozenset[str] = frozenset({"RCDRESET"})
"""Nobody wants these done late."""


class OrderBook:
    """Of one connector."""

    def __init__(self, connector: int, memory: Memory, begun_s: float) -> None:
        self._connector = connector
        done = memory.orders if memory.orders_heard else None
        self._orders = Orders(ORDERS, done, begun_s, FLEETING)

    def obey(self, state: ConnectorState, actions: Mapping[str, ActionOrder], now_s: float) -> list[ActionOrder]:
        """Carries out what is new for this connector and writes it down; returns it."""
        own = {place: order for place, order in actions.items() if order.connector in (0, self._connector)}
        new = self._orders.new(own, now_s)
        for order in new:
            ORDERS[order.name](state, order)
        state.memory.orders, state.memory.orders_heard = self._orders.done, True
        return new
