"""The control pilot from a PWM, a line for -12 V and two filtered peak detectors.

The detectors do not see single pulses: they follow a change within their filter time, which the board's designer keeps
below 5 ms. Duty and frequency are what the kernel's PWM was set to.
"""

from collections.abc import Callable
from typing import NamedTuple

from hardware.interfaces import PilotLevels, PilotMode
from hardware.linux.adc import ScaledAdc
from hardware.linux.pwm import PwmChannel, PwmState
from hardware.linux.sysfs import words_of

UNREADABLE_S = 0.100
"""A read may fail once; after this there is no sample at all."""
SHORTEST_PERIOD_S = 0.005


class Driven(NamedTuple):
    mode: PilotMode
    duty: float


SAFE = Driven(PilotMode.X1, 1.0)


class LinuxPilot:
    """Driven by the safety loop, sampled by a thread."""

    def __init__(
        self,
        pwm: PwmChannel,
        high: ScaledAdc,
        low: ScaledAdc,
        drive_negative: Callable[[bool], None],
        is_negative: Callable[[], bool],
        clock: Callable[[], float],
        hurry: Callable[[], None],
        sampled: Callable[[], None],
    ) -> None:
        self._pwm, self._high, self._low = pwm, high, low
        self._drive_negative, self._is_negative = drive_negative, is_negative
        self._clock, self._hurry, self._sampled = clock, hurry, sampled
        self._wanted = SAFE
        self._told: Driven | None = None
        self._latest: PilotLevels | None = None
        self._next_try_s = float("-inf")
        self._pwm_doubtful = False
        """It was away: whatever it does now, it is set up anew."""
        self.period_s = 0.1
        self.output_trouble = ""
        self.input_trouble = ""

    def levels(self) -> PilotLevels | None:
        return None if self.input_trouble else self._latest

    def drive(self, mode: PilotMode, duty: float) -> None:
        self._wanted = Driven(mode, duty if mode is PilotMode.PWM else 1.0)
        self._drive_negative(mode is PilotMode.F)

    def sample_every(self, period_s: float) -> None:
        """Twice as often: a change is seen half a period late at most."""
        period_s = max(SHORTEST_PERIOD_S, period_s / 2.0)
        if period_s < self.period_s:
            self.period_s = period_s
            self._hurry()
        self.period_s = period_s

    def flush(self) -> bool:
        """True = something was written. In F the PWM rests at constantly on: leaving F goes through X1."""
        wanted = self._wanted
        now_s = self._clock()
        if self._pwm_doubtful:
            self._pwm_doubtful = self._pwm.is_open = False
            self._told = None
        if wanted == self._told or now_s < self._next_try_s:
            return False
        try:
            self._pwm.set(wanted.duty)
        except (OSError, ValueError) as error:
            self._next_try_s = now_s + 1.0
            self._told = None
            self.output_trouble = f"{self._pwm.name}: {words_of(error)}"
            return False
        self._told, self.output_trouble = wanted, ""
        self._hurry()
        return True

    def forget(self) -> None:
        """The lines beside it were lost: only what is driven from now on counts."""
        self._wanted, self._told = SAFE, None

    def sample(self) -> None:
        """Runs in the sampler's thread."""
        begun_s = self._clock()
        try:
            state = self._pwm_state()
            negative = self._is_negative()
            high_v, low_v = self._high.read_v(), self._low.read_v()
        except (OSError, ValueError) as error:
            latest = self._latest
            if latest is None or begun_s - latest.sampled_s > UNREADABLE_S:
                self.input_trouble = words_of(error)
                self._sampled()
            return
        duty, frequency_hz = (0.0, 0.0) if negative else state
        if frequency_hz == 0.0:
            high_v = low_v = low_v if duty < 0.5 else high_v
        self._latest = PilotLevels(high_v, low_v, duty, frequency_hz, begun_s)
        self.input_trouble = ""
        self._sampled()

    def _pwm_state(self) -> PwmState:
        try:
            return self._pwm.state()
        except (OSError, ValueError):
            self._pwm_doubtful = True
            raise
