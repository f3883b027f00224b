"""The abilities of a board whose contactor, lock and sensors are GPIO lines and ADC channels."""

import math
from collections.abc import Callable

from hardware.coil import CoilCommand
from hardware.interfaces import Feedback, LockDrive, ResidualCurrent, Resistance, Voltages
from hardware.linux.adc import ProximityAdc, ScaledAdc
from hardware.linux.gpio import Gpio

SLOW_PERIOD_S = 0.05


class LineInput:
    def __init__(self, gpio: Gpio, purpose: str) -> None:
        self._gpio, self._purpose = gpio, purpose

    def state(self) -> Feedback | None:
        return self._gpio.read(self._purpose)


class LineOutput:
    def __init__(self, gpio: Gpio, purpose: str) -> None:
        self._gpio, self._purpose = gpio, purpose

    def drive(self, on: bool) -> None:
        self._gpio.drive(self._purpose, on)

    def readback(self) -> Feedback | None:
        return self._gpio.read(self._purpose)


class LineContactor:
    def __init__(self, gpio: Gpio, prefix: str, has_mirror: bool, has_phase_relay: bool) -> None:
        self._gpio, self._prefix = gpio, prefix
        self._has_mirror, self._has_phase_relay = has_mirror, has_phase_relay
        self.coil = CoilCommand()

    def command(self, closed: bool) -> None:
        self.coil.command(closed)
        self._gpio.drive(f"{self._prefix} contactor", self.coil.energised)

    def mirror(self) -> Feedback | None:
        return self._gpio.read(f"{self._prefix} mirror") if self._has_mirror else None

    def select_phases(self, phases: int) -> None:
        if self._has_phase_relay:
            self._gpio.drive(f"{self._prefix} phase_relay", phases == 3)

    def phase_relay(self) -> Feedback | None:
        return self._gpio.read(f"{self._prefix} phase_relay_feedback") if self._has_phase_relay else None


class LineLock:
    """A motor between two lines: never both on."""

    def __init__(self, gpio: Gpio, prefix: str, has_feedback: bool, has_release: bool) -> None:
        self._gpio, self._prefix = gpio, prefix
        self._has_feedback, self._has_release = has_feedback, has_release

    def drive(self, direction: LockDrive) -> None:
        self._gpio.drive(f"{self._prefix} lock", direction is LockDrive.LOCK)
        self._gpio.drive(f"{self._prefix} unlock", direction is LockDrive.UNLOCK)

    def feedback(self) -> Feedback | None:
        return self._gpio.read(f"{self._prefix} lock_feedback") if self._has_feedback else None

    def release_energy(self) -> Feedback | None:
        return self._gpio.read(f"{self._prefix} lock_release") if self._has_release else None


class LineResidualCurrent:
    """A module with outputs for 6 mA DC and 30 mA RMS; its values in milliamperes are not measured."""

    def __init__(self, gpio: Gpio, prefix: str, has_error: bool) -> None:
        self._gpio, self._prefix = gpio, prefix
        self._has_error = has_error

    def status(self) -> ResidualCurrent | None:
        names = ("residual_dc", "residual_rms", *(("residual_error",) if self._has_error else ()))
        read = [self._gpio.read(f"{self._prefix} {name}") for name in names]
        known = [each for each in read if each is not None]
        if len(known) < len(read):
            return None
        stamp_s = min(each.sampled_s for each in known)
        error = known[2].closed if self._has_error else False
        return ResidualCurrent(math.nan, math.nan, known[0].closed, known[1].closed, error, stamp_s)

    def test(self, on: bool) -> None:
        self._gpio.drive(f"{self._prefix} residual_test", on)

    def version(self) -> str:
        return ""


class LinuxProximity:
    """Sampled by a thread. What cannot be read keeps its old value and stamp, and grows old."""

    period_s = SLOW_PERIOD_S

    def __init__(self, adc: ProximityAdc, clock: Callable[[], float]) -> None:
        self._adc, self._clock = adc, clock
        self._latest: Resistance | None = None

    def resistance(self) -> Resistance | None:
        return self._latest

    def sample(self) -> None:
        begun_s = self._clock()
        try:
            self._latest = Resistance(self._adc.read_ohm(), begun_s)
        except (OSError, ValueError):
            return


class LinuxOutputSense:
    """As the proximity contact."""

    period_s = SLOW_PERIOD_S

    def __init__(self, phases: tuple[ScaledAdc, ScaledAdc, ScaledAdc], clock: Callable[[], float]) -> None:
        self._phases, self._clock = phases, clock
        self._latest: Voltages | None = None

    def voltages(self) -> Voltages | None:
        return self._latest

    def sample(self) -> None:
        begun_s = self._clock()
        try:
            l1, l2, l3 = (phase.read_v() for phase in self._phases)
        except (OSError, ValueError):
            return
        self._latest = Voltages(l1, l2, l3, begun_s)
