"""A chip of the kernel's gpio-sim: made and taken away through configfs, its pins moved through sysfs."""

import os
from collections.abc import Sequence
from pathlib import Path

CONFIGFS = Path("/sys/kernel/config")
GPIO_SIM = CONFIGFS / "gpio-sim"
VALUE_BYTES = 16


class SimulatedChip:
    """Levels are those of the pins, whatever a driver calls active. Everything may raise OSError."""

    def __init__(self, name: str, lines: Sequence[str]) -> None:
        self._device = GPIO_SIM / name
        self._bank = self._device / "bank0"
        self._bank.mkdir(parents=True)
        (self._bank / "num_lines").write_text(str(len(lines)))
        for number, line in enumerate(lines):
            if line:
                (self._bank / f"line{number}").mkdir()
                (self._bank / f"line{number}" / "name").write_text(line)
        self._count = len(lines)
        self._pins = Path()
        self._values: list[int] = []
        self.path = ""
        self.appear()

    def appear(self) -> None:
        (self._device / "live").write_text("1")
        chip = (self._bank / "chip_name").read_text().strip()
        platform = (self._device / "dev_name").read_text().strip()
        self._pins = Path("/sys/devices/platform") / platform / chip
        self.path = f"/dev/{chip}"
        self._values = [os.open(self._pins / f"sim_gpio{each}" / "value", os.O_RDONLY) for each in range(self._count)]

    def vanish(self) -> None:
        """Whoever holds its lines has them taken away."""
        for each in self._values:
            os.close(each)
        self._values = []
        (self._device / "live").write_text("0")

    @property
    def is_there(self) -> bool:
        return bool(self._values)

    def high(self, line: int) -> bool:
        return os.pread(self._values[line], VALUE_BYTES, 0).strip() == b"1"

    def pull(self, line: int, up: bool) -> None:
        """From outside; without effect on a line that is driven."""
        with (self._pins / f"sim_gpio{line}" / "pull").open("wb", buffering=0) as file:
            file.write(b"pull-up" if up else b"pull-down")
