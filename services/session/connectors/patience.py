"""How long a connector has waited for its meter: for the start value, and for the end register. Pure."""

from services.session.connectors import situation, state
from services.session.connectors.situation import Situation
from services.session.transactions import rules
from services.session.transactions.record import Phase
from services.session.transactions.rules import Presence

NO_READING_S = 10.0
"""An authorized vehicle that waits longer than this for its start value is a fault."""


class Patience:
    def __init__(self) -> None:
        self._start_since_s: float | None = None
        self._end_since_s: float | None = None

    def watch_start(self, s: Situation) -> None:
        waits = s.has_meter and s.phase not in (Phase.ACTIVE, Phase.STOPPING) and situation.is_authorized(s)
        waits = waits and s.presence is Presence.PRESENT and situation.start_refusal(s) == rules.WAITING_FOR_METER
        if not waits:
            self._start_since_s = None
        elif self._start_since_s is None:
            self._start_since_s = s.now.boot_s

    def lacks_reading(self, now_s: float) -> bool:
        """An authorized vehicle has waited too long for its start value."""
        return self._start_since_s is not None and now_s - self._start_since_s >= NO_READING_S

    def end_waited_s(self, s: Situation) -> float:
        """Since the contacts are known to be open."""
        if s.phase is not Phase.STOPPING or state.open_since_s(s) is None:
            self._end_since_s = None
            return 0.0
        if self._end_since_s is None:
            self._end_since_s = s.now.boot_s
        return s.now.boot_s - self._end_since_s
