"""Temperatures and a fan's speed: hwmon, thermal zones, IIO, 1-Wire. Every one may block: read in a thread."""

import math
import re
from collections.abc import Callable

from hardware.interfaces import Speed, Temperature
from hardware.linux.adc import DEVICES
from hardware.linux.places import Found, alone
from hardware.linux.sysfs import Sysfs

PERIOD_S = 1.0


def celsius_of(sysfs: Sysfs, sensor: str) -> float:
    """`sensor` as in the station file. Raises OSError and ValueError."""
    return _celsius_at(sysfs, sensor, _path_of(sysfs, sensor))


def _path_of(sysfs: Sysfs, sensor: str) -> str:
    """Where the sensor is read now; of `iio` without the last word (`_raw`, `_input`). Raises OSError."""
    kind, _, name = sensor.partition(":")
    if kind == "hwmon":
        return _hwmon(sysfs, name)
    if kind == "thermal":
        return f"{sysfs.named('sys/class/thermal', 'thermal_zone', 'type', name)}/temp"
    if kind == "iio":
        device, _, channel = name.rpartition("/")
        return f"{sysfs.named(DEVICES, 'iio:device', 'name', device)}/{channel}"
    return f"sys/bus/w1/devices/{name}/w1_slave"


def _celsius_at(sysfs: Sysfs, sensor: str, path: str) -> float:
    if sensor.startswith("iio:"):
        return _iio(sysfs, path) / 1000.0
    if sensor.startswith("w1:"):
        return _one_wire(sysfs, path)
    return sysfs.number(path) / 1000.0


def _hwmon(sysfs: Sysfs, name: str) -> str:
    chip, _, channel = name.rpartition("/")
    return f"{sysfs.named('sys/class/hwmon', 'hwmon', 'name', chip)}/{channel}_input"


def _iio(sysfs: Sysfs, path: str) -> float:
    if sysfs.exists(f"{path}_input"):
        return sysfs.number(f"{path}_input")
    offset = sysfs.number(f"{path}_offset") if sysfs.exists(f"{path}_offset") else 0.0
    return (sysfs.number(f"{path}_raw") + offset) * sysfs.number(f"{path}_scale")


def _one_wire(sysfs: Sysfs, path: str) -> float:
    found = re.search(r"crc=[0-9a-f]{2} YES\b.*\bt=(-?\d{1,6})", sysfs.read(path), re.DOTALL)
    if found is None:
        raise ValueError(f"/{path}: checksum wrong or no value")
    return int(found[1]) / 1000.0


class LinuxTemperature:
    """A sensor that cannot be read, or that is another one's too, says NaN: it never keeps an old value alive."""

    period_s = PERIOD_S

    def __init__(self, sysfs: Sysfs, sensor: str, clock: Callable[[], float], found: Found = alone) -> None:
        self._sysfs, self._sensor, self._clock, self._found = sysfs, sensor, clock, found
        self._latest: Temperature | None = None

    def read(self) -> Temperature | None:
        return self._latest

    def sample(self) -> None:
        begun_s = self._clock()
        try:
            path = _path_of(self._sysfs, self._sensor)
            celsius = _celsius_at(self._sysfs, self._sensor, path) if self._found(path) else math.nan
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
            self._latest = Speed(self._sysfs.number(_hwmon(self._sysfs, self._name)), begun_s)
        except (OSError, ValueError):
            return
