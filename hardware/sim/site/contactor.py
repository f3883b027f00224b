"""The contactor: travel, bounce, a mirror contact that lags, and welding."""

from collections import deque
from random import Random

from hardware.sim.site.faults import ActiveFaults

PULL_IN_S = (0.015, 0.030)
DROP_OUT_S = (0.008, 0.020)
BOUNCE_S = (0.001, 0.008)
MIRROR_LAG_S = (0.001, 0.003)


class Contactor:
    def __init__(self, faults: ActiveFaults, random: Random) -> None:
        self._faults = faults
        self._random = random
        self._main: deque[tuple[float, bool]] = deque()
        self._mirror: deque[tuple[float, bool]] = deque()
        self._wanted = False
        self.coil = False
        self.closed = False
        self.mirror_closed = False
        self.welded = False
        self.closings = 0
        self.coil_on_s = self.coil_off_s = self.closed_s = self.opened_s = 0.0

    def energise(self, coil: bool, now_s: float) -> None:
        if coil != self.coil:
            self.coil = coil
            if coil:
                self.coil_on_s = now_s
            else:
                self.coil_off_s = now_s
        self.reconsider(now_s)

    def reconsider(self, now_s: float) -> None:
        """Start the travel that coil and faults ask for."""
        if self._faults.active("weld"):
            self.welded = self.welded or self.closed
        else:
            self.welded = False
        pulls = self.coil and not self._faults.active("contactor_drops")
        if pulls and not self.closed and self._faults.active("contactor_no_close"):
            pulls = False
        pulls = pulls or self.welded
        if pulls != self._wanted:
            self._wanted = pulls
            self._travel(pulls, now_s)

    def _travel(self, close: bool, now_s: float) -> None:
        self._main.clear()
        self._mirror.clear()
        if close == self.closed:
            if self.mirror_closed != close:
                self._mirror.append((now_s + MIRROR_LAG_S[0], close))
            return
        slower_s = (self._faults.value("contactor_slow") or 0.0) / 1000.0
        at = now_s + slower_s + self._random.uniform(*(PULL_IN_S if close else DROP_OUT_S))
        lag = self._random.uniform(*MIRROR_LAG_S)
        self._main.append((at, close))
        if close:
            at = self._bounce(at, lag)
        self._mirror.append((at + lag, close))

    def _bounce(self, at: float, lag: float) -> float:
        """Plan the bounces after the first touch; returns the time of the last closing."""
        visible = self._faults.active("contactor_bounce")
        for _ in range(3 if visible else self._random.randint(0, 3)):
            pulse = BOUNCE_S[1] if visible else self._random.uniform(*BOUNCE_S)
            if visible:
                self._mirror.append((at + lag, True))
                self._mirror.append((at + lag + pulse / 2, False))
            self._main.append((at + pulse / 2, False))
            at += pulse
            self._main.append((at, True))
        return at

    def next_event_s(self) -> float:
        main = self._main[0][0] if self._main else float("inf")
        mirror = self._mirror[0][0] if self._mirror else float("inf")
        return min(main, mirror)

    def happen(self, now_s: float) -> None:
        while self._main and self._main[0][0] <= now_s:
            self.closed = self._main.popleft()[1]
            if self.closed:
                self.closed_s = now_s
                if not self._main:
                    self.closings += 1
            else:
                self.opened_s = now_s
        while self._mirror and self._mirror[0][0] <= now_s:
            self.mirror_closed = self._mirror.popleft()[1]
        if self.closed:
            self.reconsider(now_s)

    def restore(self, welded: bool, closings: int) -> None:
        """After a power cut: the coil is off, so only welded contacts are closed."""
        self.welded = self.closed = self.mirror_closed = self._wanted = welded
        self.closings = closings
