"""Orders of action keys: the consumer acts on each accepted one once. Pure.

`settings` repeats the last order of every action key in its snapshot for ever; the consumer remembers the last order it
has acted on, in its own store, and acts on another one. It hears of an order also when it was down at that moment.
"""

from collections.abc import Collection, Mapping

from schemas.settings import ActionOrder

YOUNG_S = 60.0
"""An older order is none any more for a consumer that cannot know whether it has acted on it."""


class Orders:
    """`names`: the action keys of this consumer. `done`: what `done` said when it was stored last; None = nothing was
    ever stored, or it cannot be read. `begun_s`: boot-clock time of the consumer's start.
    `fleeting`: those of `names` that nobody wants done late: they act within a minute or not at all.
    """

    def __init__(
        self,
        names: Collection[str],
        done: Mapping[str, str] | None,
        begun_s: float,
        fleeting: Collection[str] = (),
    ) -> None:
        self._names, self._fleeting = frozenset(names), frozenset(fleeting)
        self._begun_s = begun_s
        self._has_memory = done is not None
        self._done = dict(done or {})

    @property
    def done(self) -> dict[str, str]:
        """By place the id of the last order that was given out or passed over: store it in the commit of the effect, or
        before an effect that leaves no trace."""
        return dict(self._done)

    def new(self, actions: Mapping[str, ActionOrder], now_s: float) -> list[ActionOrder]:
        """Orders to act on now, oldest first; each is given once. `actions`: of the settings snapshot."""
        due: list[ActionOrder] = []
        for place, order in actions.items():
            if order.name not in self._names or self._done.get(place) == order.order_id:
                continue
            self._done[place] = order.order_id
            if self._counts(order, now_s):
                due.append(order)
        return sorted(due, key=lambda order: order.ordered_s)

    def _counts(self, order: ActionOrder, now_s: float) -> bool:
        young = order.ordered_s > 0.0 and 0.0 <= now_s - order.ordered_s <= YOUNG_S
        if order.name in self._fleeting and not young:
            return False
        return self._has_memory or (young and order.ordered_s >= self._begun_s)
