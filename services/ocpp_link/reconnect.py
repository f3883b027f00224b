"""When to try again (the guide, section 9.6). Pure.

The pause doubles with every failure, from BackendConnectionTimeout to 12 h, with 20 % jitter either way, so that a
thousand stations do not return in the same second. A failure after the longest pause asks for a reboot. An uplink that
returns is tried at once, and the doubling begins anew. A connection that had proven itself and breaks is tried again
after a moment: the first attempt is no failure yet.
"""

import math
from dataclasses import dataclass

LONGEST_S = 43_200.0
JITTER = 0.2
STABLE_S = 30.0
"""A connection that broke earlier counts as a failure: a backend that closes at once is not asked at once."""
SOON_S = (1.0, 3.0)


def pause_s(failures: int, timeout_s: float, chance: float) -> float:
    """After that many failures one after the other; `chance` is random in 0..1."""
    doubled = timeout_s * 2.0 ** min(failures - 1, 20)
    return min(LONGEST_S, min(doubled, LONGEST_S) * (1.0 + JITTER * (2.0 * chance - 1.0)))


@dataclass
class Backoff:
    failures: int = 0
    next_try_s: float = 0.0
    exhausted: bool = False
    """The longest pause brought nothing either."""

    def failed(self, now_s: float, timeout_s: float, chance: float) -> None:
        at_the_end = self.failures > 0 and timeout_s * 2.0 ** min(self.failures - 1, 20) >= LONGEST_S
        self.exhausted = self.exhausted or at_the_end
        self.failures += 1
        self.next_try_s = now_s + pause_s(self.failures, timeout_s, chance)

    def lost(self, now_s: float, timeout_s: float, chance: float, lasted_s: float) -> None:
        """An open connection ended; `lasted_s` since it had proven itself with an answer, 0 = it never had."""
        if lasted_s < STABLE_S:
            self.failed(now_s, timeout_s, chance)
            return
        self.failures, self.exhausted = 0, False
        self.next_try_s = now_s + SOON_S[0] + (SOON_S[1] - SOON_S[0]) * chance

    def stable(self) -> None:
        """The connection answers, and has for a while."""
        self.failures, self.exhausted = 0, False

    def again(self, now_s: float) -> None:
        """The uplink returned, or the address changed: what was tried before says nothing any more."""
        self.failures, self.exhausted, self.next_try_s = 0, False, now_s

    def due_s(self, *, uplink: bool) -> float:
        return self.next_try_s if uplink else math.inf
