"""Temperatures and a fan's speed: hwmon, thermal zones, IIO, 1-Wire. Every one may block: read in a thread."""

import math
import re
from collections.abc import Callable

from hardware.interfaces import Speed, Temperature
from hardware.linux.adc import DEVICES
from hardware.linux.sysfs import Sysfs

PERIOD_S = 1.0


def celsius_of(sysfs: Sysfs, sensor: str) -> float:
    """`sensor` as in the station file. Raises OSError and ValueError."""
    kind, _, name = sensor.partition(":")
    if kind == "hwmon":
        return _hwmon(sysfs, name) / 1000.0
    if kind == "thermal":
        return sysfs.number(f"{sysfs.named('sys/class/thermal', 'thermal_zone', 'type', name)}/temp") / 1000.0
    if kind == "iio":
        return _iio(sysfs, *name.rsplit("/", 1)) / 1000.0
    return _one_wire(sysfs, name)


def _hwmon(sysfs: Sysfs, name: str) -> float:
    chip, _, channel = name.rpartition("/")
    return sysfs.number(f"{sysfs.named('sys/class/hwmon', 'hwmon', 'name', chip)}/{channel}_input")


def _iio(sysfs: Sysfs, device_name: str, channel: str = "in_temp") -> float:
    device = sysfs.named(DEVICES, "iio:device", "name", device_name)
    if sysfs.exists(f"{device}/{channel}_input"):
        return sysfs.number(f"{device}/{channel}_input")
    offset = sysfs.number(f"{device}/{channel}_offset") if sysfs.exists(f"{device}/{channel}_offset") else 0.0
    return (sysfs.number(f"{device}/{channel}_raw") + offset) * sysfs.number(f"{device}/{channel}_scale")


def _one_wire(sysfs: Sysfs, name: str) -> float:
    text = sysfs.read(f"sys/bus/w1/devices/{name}/w1_slave")
    found = re.search(r"crc=[0-9a-f]{2} YES\b.*\bt=(-?\d{1,6})", text, re.DOTALL)
    if found is None:
        raise ValueError(f"1-Wire sensor {name}: checksum wrong or no value")
    return int(found[1]) / 1000.0


class LinuxTemperature:
    """A sensor that cannot be read says NaN: it never keeps an old value alive."""

    period_s = PERIOD_S

    def __init__(self, sysfs: Sysfs, sensor: str, clock: Callable[[], float]) -> None:
        self._sysfs, self._sensor, self._clock = sysfs, sensor, clock
        self._latest: Temperature | None = None

    def read(self) -> Temperature | None:
        return self._latest

    def sample(self) -> None:
        begun_s = self._clock()
        try:
            celsius = celsius_of(self._sysfs, self._sensor)
        except (OSError, ValueError):
            celsius = math.nan
        self._latest = Temperature(celsius, begun_s)


class LinuxTachometer:
    """`sensor`: `hwmon:NAME/fan1`. Keeps nothing alive: an unreadable fan grows old."""

    period_s = PERIOD_S

    def __init__(self, sysfs: Sysfs, sensor: str, clock: Callable[[], float]) -> None:
        self._sysfs, self._name, self._clock = sysfs, sensor.partition(":")[2], clock
        self._latest: Speed | None = None

    def read(self) -> Speed | None:
        return self._latest

    def sample(self) -> None:
        begun_s = self._clock()
        try:
            self._latest = Speed(_hwmon(self._sysfs, self._name), begun_s)
        except (OSError, ValueError):
            return
