"""`TcpWatchdogTimeout`, and the patience of a reboot (the guide, sections 9.6 and 9.7). Pure.

A connection that is up counts as activity, whatever is said over it: TCP keep-alive ends one that is dead. So does an
HTTP answer of a backend that refuses the station: no reboot helps against a wrong password.
"""

import math
from dataclasses import dataclass

LINE = "No tcp connection for long time. Rebooting"
"""The guide's words, to the letter."""
ASK_AGAIN_S = 60.0
PATIENCE_S = 86_400.0
"""A reboot waits so long for the transactions' end; a vehicle that stays longer may stay for weeks."""


def due_s(active_s: float, timeout_s: float) -> float:
    """When the silence is too long; `active_s`: when there last was a connection. `timeout_s` 0 = never."""
    return active_s + timeout_s if timeout_s > 0 else math.inf


@dataclass
class Reboot:
    """A wish for a reboot, said again until it happens or there is no reason any more.

    While a transaction runs `system` refuses it: charging needs no backend and nothing is lost by waiting, but the
    reboot would end the transaction. After a day waiting is pointless.
    """

    why: str = ""
    """For people; empty = no wish."""
    since_s: float = 0.0
    _ask_s: float = 0.0

    def want(self, why: str, now_s: float) -> bool:
        """Whether to ask now. `why` empty: the reason is gone."""
        if not why:
            self.why = ""
            return False
        if not self.why:
            self.since_s = self._ask_s = now_s
        self.why = why
        if now_s < self._ask_s:
            return False
        self._ask_s = now_s + ASK_AGAIN_S
        return True

    def unless_charging(self, now_s: float) -> bool:
        return now_s < self.since_s + PATIENCE_S

    def due_s(self) -> float:
        return self._ask_s if self.why else math.inf
