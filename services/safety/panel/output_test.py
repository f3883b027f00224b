"""One output of the station is on for a second, and is read back; a fan has to turn meanwhile. Pure."""

from hardware.interfaces import Feedback, Speed
from services.safety.panel.exercise import Verdict
from services.safety.state import due
from services.safety.thermal.climate import FAN_STARTS_S, TURNS_RPM
from services.safety.wiring.series import MISMATCH_S

ON_S, OFF_S = 1.0, 0.3


class OutputTest:
    """`fan`: the output drives a fan whose speed is measured; it is on until that turns, for 5 s at most."""

    def __init__(self, name: str, started_s: float, fan: bool = False) -> None:
        self.name = name
        self._fan = fan
        self._rpm: float | None = None
        self._waits = False
        """For the fan, after the first second."""
        self._since_s = self._started_s = started_s
        self._on = True
        self._followed: dict[bool, float] = {}
        self._seen = False
        self.verdict: Verdict | None = None

    def turn(self, readback: Feedback | None, now_s: float, speed: Speed | None = None) -> bool:
        """Whether the output shall be on now. `speed`: of the fan."""
        if self._on and speed is not None and speed.sampled_s > self._started_s:
            self._rpm = speed.rpm
        if readback is not None and readback.sampled_s >= self._since_s:
            self._seen = True
            if readback.closed is self._on and self._on not in self._followed:
                self._followed[self._on] = readback.sampled_s - self._since_s
        if due(self._since_s, ON_S if self._on else OFF_S, now_s):
            if self._on:
                self._waits = not self._turns() and not due(self._since_s, FAN_STARTS_S, now_s)
                if not self._waits:
                    self._on, self._since_s = False, now_s
            elif self.verdict is None:
                self.verdict = self._judge()
        return self._on

    def next_s(self) -> float:
        if not self._on:
            return self._since_s + OFF_S
        return self._since_s + (FAN_STARTS_S if self._waits else ON_S)

    def _turns(self) -> bool:
        """Not a number turns nothing. Without a fan there is nothing to wait for."""
        return not self._fan or (self._rpm is not None and self._rpm >= TURNS_RPM)

    def _judge(self) -> Verdict:
        measured = {f"{'on' if on else 'off'}_ms": f"{1000.0 * took_s:.0f}" for on, took_s in self._followed.items()}
        if self._fan:
            measured["fan"] = "not read" if self._rpm is None else f"{self._rpm:.0f} rpm"
        followed = len(self._followed) == 2 and max(self._followed.values()) <= ON_S - MISMATCH_S
        if self._seen and not followed:
            return Verdict(False, "does not follow its command", measured)
        if not self._turns():
            return Verdict(False, f"was on for {FAN_STARTS_S:g} s, and the fan did not turn", measured)
        words = "was on and followed, and the fan turned" if self._fan else "was on for 1 s and followed"
        if not self._seen:
            words = f"was on{', the fan turned' if self._fan else ' for 1 s'}; this board does not read it back"
        return Verdict(True, words, measured)
