"""The cable lock: a motor, a bolt that travels, a feedback switch at its end, a store of energy to release it."""

from random import Random

from hardware.interfaces import LockDrive
from hardware.sim.site.faults import ActiveFaults

TRAVEL_S = (0.300, 0.600)
RECHARGES_S = 5.0
"""The store of the emergency release, once there is supply again."""


class Lock:
    """`position` 0 = drawn back, 1 = locked."""

    def __init__(self, faults: ActiveFaults, random: Random, release: bool = False) -> None:
        self._faults = faults
        self._release = release
        self._travel_s = random.uniform(*TRAVEL_S)
        self._since_s = 0.0
        self._powered = True
        self._releasing = False
        """Without supply, on what the store holds."""
        self._recharged_at = float("inf")
        self.charged = release
        self.direction = LockDrive.STOP
        self.position = 0.0

    @property
    def release_charged(self) -> bool:
        """The emergency release would work now."""
        return self.charged and not self._faults.active("release_empty")

    def drive(self, direction: LockDrive, now_s: float) -> None:
        self._move_to(now_s)
        self.direction = direction

    def reconsider(self, now_s: float) -> None:
        """A fault came or went: what was travelled until now stays."""
        self._move_to(now_s)
        powered = not self._faults.active("mains_loss")
        if powered == self._powered:
            return
        self._powered = powered
        self._releasing = not powered and self.release_charged
        if not powered:
            self.charged, self._recharged_at = False, float("inf")
        elif self._release:
            self._recharged_at = now_s + RECHARGES_S

    def _target(self) -> float | None:
        if not self._powered:
            return 0.0 if self._releasing and not self._faults.active("lock") else None
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
        return min(self._arrives_s(), self._recharged_at)

    def _arrives_s(self) -> float:
        target = self._target()
        if target is None or target == self.position:
            return float("inf")
        return self._since_s + abs(target - self.position) * self._travel_s

    def happen(self, now_s: float) -> None:
        if now_s >= self._recharged_at:
            self.charged, self._recharged_at = True, float("inf")
        target = self._target()
        if target is not None and now_s >= self._arrives_s():
            self._since_s = now_s
            self.position = target

    @property
    def locked(self) -> bool:
        """The bolt holds the plug."""
        return self.position >= 1.0

    @property
    def feedback_locked(self) -> bool:
        if self._faults.active("lock_lies"):
            return True
        return self.locked and not self._faults.active("lock_opens")

    def restore(self, position: float, charged: bool) -> None:
        self.position = position
        self._powered = not self._faults.active("mains_loss")
        self.charged = charged and self._release
        if self._release and self._powered and not charged:
            self._recharged_at = 0.0
