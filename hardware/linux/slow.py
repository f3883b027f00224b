"""Temperatures and fan of `[linux]`, read by one thread: any of them may take a second to answer."""

from collections.abc import Callable

from hardware.linux.places import Places
from hardware.linux.sampler import Job, Sampler
from hardware.linux.sysfs import Sysfs
from hardware.linux.temperature import LinuxTachometer, LinuxTemperature
from schemas.board import LinuxSection


class SlowSensors:
    """Two temperatures that turn out to be one sensor are both not read."""

    def __init__(self, linux: LinuxSection, sysfs: Sysfs, clock: Callable[[], float]) -> None:
        places = Places()
        self.temperatures = {
            name: LinuxTemperature(sysfs, sensor, clock, places.of(f"temperature {name}"))
            for name, sensor in linux.temperatures.items()
        }
        self.tachometers = {"fan": LinuxTachometer(sysfs, linux.fan, clock)} if linux.fan is not None else {}
        jobs: list[tuple[str, Job]] = [*self.temperatures.items(), *self.tachometers.items()]
        self._samplers = [Sampler(f"sensor {name}", [each], clock) for name, each in jobs]

    def start(self) -> None:
        for sampler in self._samplers:
            sampler.start()

    def close(self) -> None:
        for sampler in self._samplers:
            sampler.close()
