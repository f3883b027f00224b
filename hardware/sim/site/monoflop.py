"""The monoflop between the process and the coils: 150 ms from the feed's own stamp, edge-triggered."""

from collections.abc import Iterable

HOLD_S = 0.150


class Monoflop:
    """One per board. A coil is energised by an off-to-on edge of its command while fed, and until the feed runs out."""

    def __init__(self, coils: Iterable[int]) -> None:
        self.enabled_until_s = float("-inf")
        self.last_stamp_s: float | None = None
        self.commanded = dict.fromkeys(coils, False)
        self.energised = dict(self.commanded)

    def feed(self, stamp_s: float, now_s: float) -> None:
        """A stamp from the future counts as now; a stamp that is too old does nothing, however often it is repeated."""
        stamp_s = min(stamp_s, now_s)
        if self.last_stamp_s is None or stamp_s > self.last_stamp_s:
            self.last_stamp_s = stamp_s
            self.enabled_until_s = stamp_s + HOLD_S

    def command(self, coil: int, closed: bool, now_s: float) -> None:
        edge = closed and not self.commanded[coil]
        self.commanded[coil] = closed
        if not closed:
            self.energised[coil] = False
        elif edge:
            self.energised[coil] = now_s < self.enabled_until_s

    def next_event_s(self) -> float:
        return self.enabled_until_s if any(self.energised.values()) else float("inf")

    def happen(self, now_s: float) -> None:
        if now_s >= self.enabled_until_s:
            for coil in self.energised:
                self.energised[coil] = False
