"""One output of the station is on for a second, and is read back. Pure."""

from hardware.interfaces import Feedback
from services.safety.panel.exercise import Verdict
from services.safety.panel.series import MISMATCH_S
from services.safety.state import due

ON_S, OFF_S = 1.0, 0.3


class OutputTest:
    def __init__(self, name: str, started_s: float) -> None:
        self.name = name
        self._since_s = started_s
        self._on = True
        self._followed: dict[bool, float] = {}
        self._seen = False
        self.verdict: Verdict | None = None

    def turn(self, readback: Feedback | None, now_s: float) -> bool:
        """Whether the output shall be on now."""
        if readback is not None and readback.sampled_s >= self._since_s:
            self._seen = True
            if readback.closed is self._on and self._on not in self._followed:
                self._followed[self._on] = readback.sampled_s - self._since_s
        if due(self._since_s, ON_S if self._on else OFF_S, now_s):
            if self._on:
                self._on, self._since_s = False, now_s
            elif self.verdict is None:
                self.verdict = self._judge()
        return self._on

    def next_s(self) -> float:
        return self._since_s + (ON_S if self._on else OFF_S)

    def _judge(self) -> Verdict:
        measured = {f"{'on' if on else 'off'}_ms": f"{1000.0 * took_s:.0f}" for on, took_s in self._followed.items()}
        if not self._seen:
            return Verdict(True, "was on for 1 s; this board does not read it back", measured)
        followed = len(self._followed) == 2 and max(self._followed.values()) <= ON_S - MISMATCH_S
        words = "was on for 1 s and followed" if followed else "does not follow its command"
        return Verdict(followed, words, measured)
