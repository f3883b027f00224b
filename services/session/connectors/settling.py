"""A start has moments in which the station or the vehicle is not ready yet: they are not told as a suspension. Pure.

OCPP 1.6 section 4.9 leaves a minimal duration of certain statuses to the manufacturer, beside `MinimumStatusDuration`,
which `message_queue` obeys.
"""

import math

from schemas.session import ConnectorStatus

SETTLE_S = 2.0
"""SuspendedEVSE and SuspendedEV right after a start are shown when they have lasted so long."""
LONGEST_S = 10.0
"""After the start; then what is true is shown, however often it changes."""
_BEFORE = frozenset({
    ConnectorStatus.AVAILABLE, ConnectorStatus.PREPARING, ConnectorStatus.RESERVED, ConnectorStatus.FINISHING,
})  # fmt: skip
"""From these a start is told. After anything else, a fault for instance, a suspension is shown at once."""
_SUSPENDED = frozenset({ConnectorStatus.SUSPENDED_EVSE, ConnectorStatus.SUSPENDED_EV})


class Settling:
    def __init__(self) -> None:
        self.due_s = math.inf
        """When what is shown may change by itself (boot clock)."""
        self._shown: ConnectorStatus | None = None
        self._true: ConnectorStatus | None = None
        self._true_since_s = 0.0
        self._start_s: float | None = None
        """While the start settles: when it began."""

    def shown(self, true: ConnectorStatus, now_s: float) -> ConnectorStatus:
        """What is said while `true` is the case."""
        if true is not self._true:
            self._true, self._true_since_s = true, now_s
        if true not in _SUSPENDED:
            self._start_s = None
        elif self._start_s is None and self._shown in _BEFORE:
            self._start_s = now_s
        self.due_s = math.inf
        if self._start_s is not None:
            self.due_s = min(self._true_since_s + SETTLE_S, self._start_s + LONGEST_S)
        if self._start_s is not None and now_s >= self.due_s:
            self._start_s, self.due_s = None, math.inf
        self._shown = true if self._start_s is None else ConnectorStatus.PREPARING
        return self._shown
