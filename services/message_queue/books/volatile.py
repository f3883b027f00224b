"""Messages that live in memory only: they overtake, they expire, and nobody repeats them. Pure."""

from collections.abc import Callable
from dataclasses import dataclass, field

from services.message_queue.rules.message import AUTHORIZE


@dataclass(frozen=True, kw_only=True, slots=True)
class Volatile:
    message_id: str
    action: str
    payload: str
    queued_wall_s: float
    expires_s: float
    """Boot clock: not sent after this."""
    request_id: str = ""
    """Who asked for it; empty: MeterValues of a transaction, nobody waits for its answer."""
    connector: int = 0
    transaction_id: str = ""


@dataclass
class VolatileBook:
    _waiting: dict[str, Volatile] = field(default_factory=dict)

    def add(self, message: Volatile) -> None:
        self._waiting[message.message_id] = message

    def all(self) -> list[Volatile]:
        return list(self._waiting.values())

    def get(self, message_id: str) -> Volatile | None:
        return self._waiting.get(message_id)

    def remove(self, message_id: str) -> None:
        self._waiting.pop(message_id, None)

    def requests(self) -> int:
        return sum(bool(each.request_id) for each in self._waiting.values())

    def first(self, may_go: Callable[[Volatile], bool]) -> Volatile | None:
        """An Authorize before all others: a person waits for it."""
        ready = [each for each in self._waiting.values() if may_go(each)]
        ready.sort(key=lambda each: each.action != AUTHORIZE)
        return ready[0] if ready else None

    def take_expired(self, now_s: float) -> list[Volatile]:
        return self._take(lambda each: now_s >= each.expires_s)

    def take_requests(self) -> list[Volatile]:
        """Everything that somebody waits for: without a connection it is answered at once."""
        return self._take(lambda each: bool(each.request_id))

    def drop(self, is_needless: Callable[[Volatile], bool]) -> None:
        self._take(is_needless)

    def next_s(self) -> float:
        return min((each.expires_s for each in self._waiting.values()), default=float("inf"))

    def _take(self, ends: Callable[[Volatile], bool]) -> list[Volatile]:
        ended = [each for each in self._waiting.values() if ends(each)]
        for each in ended:
            del self._waiting[each.message_id]
        return ended
