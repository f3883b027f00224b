"""WebSocket pings (`WebSocketPingInterval`): sent at intervals, and anything heard afterwards counts as life. Pure."""

import math
from dataclasses import dataclass
from enum import Enum


class Verdict(Enum):
    FINE = "fine"
    PING = "ping"
    DEAD = "dead"


@dataclass
class KeepAlive:
    interval_s: float = 0.0
    """0 = no pings, and no judgement."""
    timeout_s: float = 60.0
    """How long after a ping the other end may be silent."""
    _last_s: float = 0.0
    _unanswered_s: float = math.inf
    """When the oldest ping left that nothing was heard after."""

    def opened(self, now_s: float) -> None:
        self._last_s, self._unanswered_s = now_s, math.inf

    def heard(self) -> None:
        self._unanswered_s = math.inf

    def judge(self, now_s: float) -> Verdict:
        """PING is to be followed at once by a ping."""
        if self.interval_s <= 0:
            self._unanswered_s = math.inf
            return Verdict.FINE
        if now_s >= self._unanswered_s + self.timeout_s:
            return Verdict.DEAD
        if now_s < self._last_s + self.interval_s:
            return Verdict.FINE
        self._last_s = now_s
        self._unanswered_s = min(self._unanswered_s, now_s)
        return Verdict.PING

    def due_s(self) -> float:
        if self.interval_s <= 0:
            return math.inf
        return min(self._last_s + self.interval_s, self._unanswered_s + self.timeout_s)
