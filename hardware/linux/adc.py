"""Analogue inputs of the kernel's IIO subsystem: volts = (raw + offset) x scale / 1000."""

import math

from hardware.linux.places import Found, alone
from hardware.linux.sysfs import Sysfs
from schemas.board import ProximityChannel, ScaledChannel

DEVICES = "sys/bus/iio/devices"
OPEN_SHARE = 0.98
"""Above this share of the supply nothing is connected to the proximity contact."""


class AdcChannel:
    """`name`: `iio:device0/in_voltage1`, or the device's own name instead of its number."""

    def __init__(self, sysfs: Sysfs, name: str, found: Found = alone) -> None:
        self._sysfs = sysfs
        self._found = found
        self.name = name
        self._device, _, self._channel = name.partition("/")
        self._raw_path = ""
        self._offset = 0.0
        self._scale_mv = 1.0

    def read_v(self) -> float:
        """Raises OSError and ValueError; the next read looks for the device anew."""
        try:
            if not self._raw_path:
                self._find()
            return (self._sysfs.number(self._raw_path) + self._offset) * self._scale_mv / 1000.0
        except (OSError, ValueError):
            self._raw_path = ""
            raise

    def _find(self) -> None:
        device = self._sysfs.named(DEVICES, "iio:device", "name", self._device)
        self._scale_mv = self._shared(device, "scale", None)
        self._offset = self._shared(device, "offset", 0.0)
        self._found(f"{device}/{self._channel}")
        self._raw_path = f"{device}/{self._channel}_raw"

    def _shared(self, device: str, attribute: str, default: float | None) -> float:
        """Of this channel, or of all channels of its type (`in_voltage_scale`)."""
        of_all = self._channel.rstrip("0123456789")
        for name in (self._channel, of_all):
            path = f"{device}/{name}_{attribute}"
            if self._sysfs.exists(path):
                return self._sysfs.number(path)
        if default is None:
            raise FileNotFoundError(2, f"no {attribute} for this channel", f"/{device}/{self._channel}_{attribute}")
        return default


class ScaledAdc:
    """What is behind a divider: volts at the ADC x factor + offset."""

    def __init__(self, sysfs: Sysfs, wired: ScaledChannel, found: Found) -> None:
        self._channel = AdcChannel(sysfs, wired.channel, found)
        self._factor, self._offset_v = wired.factor, wired.offset_v

    def read_v(self) -> float:
        """Raises OSError and ValueError."""
        return self._channel.read_v() * self._factor + self._offset_v


class ProximityAdc:
    """A resistor from a supply to the contact, and the cable's resistor from there to earth."""

    def __init__(self, sysfs: Sysfs, wired: ProximityChannel, found: Found) -> None:
        self._channel = AdcChannel(sysfs, wired.channel, found)
        self._supply_v, self._pull_up_ohm = wired.supply_v, wired.pull_up_ohm

    def read_ohm(self) -> float:
        """inf = open. Raises OSError and ValueError."""
        return resistance_ohm(self._channel.read_v(), self._supply_v, self._pull_up_ohm)


def resistance_ohm(contact_v: float, supply_v: float, pull_up_ohm: float) -> float:
    """NaN = impossible at this divider."""
    if math.isnan(contact_v) or contact_v < -0.05 * supply_v or contact_v > 1.05 * supply_v:
        return math.nan
    if contact_v >= OPEN_SHARE * supply_v:
        return math.inf
    return max(0.0, contact_v) * pull_up_ohm / (supply_v - contact_v)
