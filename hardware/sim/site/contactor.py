"""The contactor: travel, bounce, a mirror contact that lags, and welding."""

from collections import deque
from random import Random

from hardware.sim.site.faults import ActiveFaults

PULL_IN_S = (0.015, 0.030)
DROP_OUT_S = (0.008, 0.020)
BOUNCE_S = (0.001, 0.008)
MIRROR_LAG_S = (0.001, 0.003)
HOLDS_FROM_SHARE = 0.60
"""Of the coil's nominal voltage: below, it falls off."""
PULLS_FROM_SHARE = 0.75
Poles = tuple[bool, bool, bool]
NO_POLE: Poles = (False, False, False)
WELDS = ("weld_l1", "weld_l2", "weld_l3")


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
        self.pole_welds = NO_POLE
        """Single poles that stay closed when the others open."""
        self.coil_supply = 1.0
        """Share of its nominal voltage that an energised coil gets."""
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
        self._weld(now_s)
        enough = self.coil_supply >= (HOLDS_FROM_SHARE if self._wanted and self.coil else PULLS_FROM_SHARE)
        pulls = self.coil and enough and not self._faults.active("contactor_drops")
        if pulls and not self.closed and self._faults.active("contactor_no_close"):
            pulls = False
        pulls = pulls or self.welded
        if pulls != self._wanted:
            self._wanted = pulls
            self._travel(pulls, now_s)

    def _weld(self, now_s: float) -> None:
        self.welded = self._faults.active("weld") and (self.welded or self.closed)
        before = self.pole_welds
        first, second, third = (
            self._faults.active(name) and (before[pole] or self.closed) for pole, name in enumerate(WELDS)
        )
        self.pole_welds = (first, second, third)
        if any(before) and not any(self.pole_welds) and not self._wanted and self.mirror_closed and not self._mirror:
            self._mirror.append((now_s + MIRROR_LAG_S[0], False))

    @property
    def poles(self) -> Poles:
        """Which main contacts are closed."""
        first, second, third = self.pole_welds
        return self.closed or first, self.closed or second, self.closed or third

    def _travel(self, close: bool, now_s: float) -> None:
        self._main.clear()
        self._mirror.clear()
        if close == self.closed:
            if self.mirror_closed != close and (close or not any(self.pole_welds)):
                self._mirror.append((now_s + MIRROR_LAG_S[0], close))
            return
        slower_s = (self._faults.value("contactor_slow") or 0.0) / 1000.0
        if not close:
            slower_s += (self._faults.value("contactor_slow_open") or 0.0) / 1000.0
        at = now_s + slower_s + self._random.uniform(*(PULL_IN_S if close else DROP_OUT_S))
        lag = self._random.uniform(*MIRROR_LAG_S)
        self._main.append((at, close))
        if close:
            at = self._bounce(at, lag)
        # A mirror contact cannot move back while one pole is welded (IEC 60947-4-1 annex F).
        if close or not any(self.pole_welds):
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

    def restore(self, welded: bool, pole_welds: Poles, closings: int) -> None:
        """After a power cut: the coil is off, so only welded contacts are closed."""
        self.welded = self.closed = self._wanted = welded
        self.pole_welds = pole_welds
        self.mirror_closed = welded or any(pole_welds)
        self.closings = closings
