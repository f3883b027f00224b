"""The cable lock: a motor, a bolt that travels, a feedback switch at its end."""

from random import Random

from hardware.interfaces import LockDrive
from hardware.sim.site.faults import ActiveFaults

TRAVEL_S = (0.300, 0.600)


class Lock:
    """`position` 0 = drawn back, 1 = locked."""

    def __init__(self, faults: ActiveFaults, random: Random) -> None:
        self._faults = faults
        self._travel_s = random.uniform(*TRAVEL_S)
        self._since_s = 0.0
        self.direction = LockDrive.STOP
        self.position = 0.0

    def drive(self, direction: LockDrive, now_s: float) -> None:
        self._move_to(now_s)
        self.direction = direction

    def reconsider(self, now_s: float) -> None:
        """A fault came or went: what was travelled until now stays."""
        self._move_to(now_s)

    def _target(self) -> float | None:
        if self.direction is LockDrive.STOP or self._faults.active("lock"):
            return None
        return 1.0 if self.direction is LockDrive.LOCK else 0.0

    def _move_to(self, now_s: float) -> None:
        way = (now_s - self._since_s) / self._travel_s
        self._since_s = now_s
        target = self._target()
        if target == 1.0:
            self.position = min(1.0, self.position + way)
        elif target == 0.0:
            self.position = max(0.0, self.position - way)

    def next_event_s(self) -> float:
        target = self._target()
        if target is None or target == self.position:
            return float("inf")
        return self._since_s + abs(target - self.position) * self._travel_s

    def happen(self, now_s: float) -> None:
        if now_s < self.next_event_s():
            return
        target = self._target()
        if target is not None:
            self._since_s = now_s
            self.position = target

    @property
    def locked(self) -> bool:
        """The bolt holds the plug."""
        return self.position >= 1.0

    @property
    def feedback_locked(self) -> bool:
        return self.locked and not self._faults.active("lock_opens")
