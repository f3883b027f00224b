"""A PWM channel of the kernel's sysfs. Its order is part of the interface: period before duty, polarity only while off.

Duty and period are read back from the kernel: they say what the PWM unit was set to, not what its pin does.
"""

import contextlib
import errno
from typing import NamedTuple

from hardware.linux.sysfs import Sysfs

PERIOD_NS = 1_000_000
"""1 kHz (IEC 61851-1 annex A)."""
CHIPS = "sys/class/pwm"


class PwmState(NamedTuple):
    duty: float
    """0..1; 1 = constantly on."""
    frequency_hz: float
    """0 = constant."""


class PwmChannel:
    """`name`: `pwmchip0/1`. Raises OSError; after an error the next `set` begins with `open` again."""

    def __init__(self, sysfs: Sysfs, name: str, inverted: bool) -> None:
        self._sysfs = sysfs
        self.name = name
        chip, _, channel = name.partition("/")
        self._chip, self._number = f"{CHIPS}/{chip}", channel
        self._path = f"{self._chip}/pwm{channel}"
        self._polarity = "inversed" if inverted else "normal"
        self.is_open = False

    def open(self) -> None:
        """Constantly on (X1) afterwards."""
        self.is_open = False
        if not self._sysfs.exists(self._path):
            self._sysfs.write(f"{self._chip}/export", self._number)
        if not self._is_right():
            self._begin()
        self._write("duty_cycle", PERIOD_NS)
        self._write("enable", 1)
        self.is_open = True

    def _is_right(self) -> bool:
        """It runs already as we leave it: a restart of the process does not interrupt the pilot."""
        with contextlib.suppress(ValueError):
            return self._read("period") == PERIOD_NS and self._read("enable") == 1 and self._has_polarity()
        return False

    def _begin(self) -> None:
        """Off first, where that is possible: until a valid period is set, the kernel refuses everything else."""
        for attribute in ("enable", "duty_cycle"):
            try:
                self._write(attribute, 0)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
        self._write("period", PERIOD_NS)
        if not self._has_polarity():
            self._write("enable", 0)
            self._sysfs.write(f"{self._path}/polarity", self._polarity)

    def _has_polarity(self) -> bool:
        """A chip without the attribute has the normal polarity only."""
        if not self._sysfs.exists(f"{self._path}/polarity"):
            return self._polarity == "normal"
        return self._sysfs.read(f"{self._path}/polarity") == self._polarity

    def set(self, duty: float) -> None:
        """0..1; rounded down to whole nanoseconds, so that no current is ever offered that was not meant."""
        try:
            if not self.is_open:
                self.open()
            self._write("duty_cycle", int(min(1.0, max(0.0, duty)) * PERIOD_NS + 1e-6))
        except OSError:
            self.is_open = False
            raise

    def state(self) -> PwmState:
        """Raises OSError and ValueError."""
        period, duty = self._read("period"), self._read("duty_cycle")
        if not 0 <= duty <= period or period <= 0:
            raise ValueError(f"{self.name} has a period of {period} ns and a duty cycle of {duty} ns")
        if self._read("enable") != 1:
            return PwmState(0.0, 0.0)
        return PwmState(duty / period, 1e9 / period if 0 < duty < period else 0.0)

    def _read(self, attribute: str) -> int:
        return int(self._sysfs.read(f"{self._path}/{attribute}"))

    def _write(self, attribute: str, value: int) -> None:
        self._sysfs.write(f"{self._path}/{attribute}", str(value))
