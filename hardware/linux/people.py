"""What people see of a real board: lights. No card reader and no display is driven yet."""

from collections.abc import Callable, Sequence

from hardware.interfaces import CardSeen
from hardware.linux.clock import boot_s
from hardware.linux.led import LedIndicator
from hardware.linux.sysfs import Sysfs
from schemas.station import Station


class NoReader:
    """Not fitted."""

    def cards(self) -> Sequence[CardSeen]:
        return ()


class NoDisplay:
    """Not fitted."""

    def show(self, connector: int, lines: Sequence[str]) -> None:
        """Nowhere to show it."""


class LinuxPeopleBoard:
    def __init__(self, station: Station, sysfs: Sysfs | None = None, clock: Callable[[], float] = boot_s) -> None:
        wired = {int(number): each for number, each in station.linux.leds.items()}
        self.indicator = LedIndicator(sysfs or Sysfs(), wired, clock)
        self.reader = NoReader()
        self.display = NoDisplay()

    def fileno(self) -> int:
        """Nothing to wait for: a light that failed is tried again at the caller's next turn."""
        return -1

    def receive(self) -> None:
        self.indicator.again()
