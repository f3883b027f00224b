"""Heartbeat (OCPP 1.6, 4.6): after so much silence of ours, and once a day in any case for the clock. Pure."""

import math
from dataclasses import dataclass

DAILY_S = 86_400.0
"""OCPP-J 5.3: pings cannot set a clock."""


@dataclass
class Heartbeat:
    """`interval_s` 0 = only the daily one."""

    interval_s: float = 0.0
    forced: bool = False
    """`ForceHeartbeatRequestMessages`: whatever else was said in between."""
    triggered: bool = False
    _spoke_s: float = 0.0
    _beat_s: float = -math.inf
    """Before the first one the daily one is due: a restarted process has forgotten when it was."""

    def registered(self, now_s: float) -> None:
        """BootNotification.conf carried the time too."""
        self._spoke_s = self._beat_s = now_s

    def spoke(self, now_s: float) -> None:
        """A CALL or an answer of ours was sent."""
        self._spoke_s = now_s

    def beat(self, now_s: float) -> None:
        self.triggered = False
        self._spoke_s = self._beat_s = now_s

    def due_s(self) -> float:
        if self.triggered:
            return 0.0
        daily_s = self._beat_s + DAILY_S
        last_s = self._beat_s if self.forced else self._spoke_s
        return min(daily_s, last_s + self.interval_s) if self.interval_s > 0 else daily_s


@dataclass
class Interval:
    """Which heartbeat interval is in force: the backend's own word at registration, until the key is changed after it.

    The interval of BootNotification.conf is written to the key `HeartbeatInterval`; where that is refused (out of the
    key's range), it still holds for this registration.
    """

    key_s: int = 0
    granted_s: int = 0
    """0 = the backend left it to us."""

    def in_force_s(self) -> int:
        return self.granted_s or self.key_s

    def key_changed(self, key_s: int) -> None:
        if key_s != self.key_s:
            self.key_s, self.granted_s = key_s, 0

    def granted(self, interval_s: int) -> bool:
        """BootNotification.conf Accepted; true when the key has to be set."""
        self.granted_s = interval_s if interval_s > 0 else 0
        return self.granted_s not in (0, self.key_s)
