"""Lights by the kernel's LED class: one LED with several colours, or one per colour. Blinking is the kernel's timer."""

from collections.abc import Callable

from hardware.interfaces import Light
from hardware.linux.sysfs import Sysfs
from schemas.board import LedSection

LEDS = "sys/class/leds"
RETRY_S = 1.0


class Lamp:
    """The light of one connector. Raises OSError and ValueError."""

    def __init__(self, sysfs: Sysfs, wired: LedSection) -> None:
        self._sysfs = sysfs
        self._multi = wired.multi
        colours = ((wired.red, 0), (wired.green, 1), (wired.blue, 2))
        self._single = [(name, place) for name, place in colours if name is not None]

    def show(self, light: Light) -> None:
        shares = (light.red, light.green, light.blue)
        if self._multi is not None:
            self._show_multi(self._multi, shares, light.blink_hz)
        for name, place in self._single:
            self._blink(name, shares[place], light.blink_hz)

    def _show_multi(self, name: str, shares: tuple[float, float, float], blink_hz: float) -> None:
        """`multi_index` names the order of the colours in `multi_intensity`."""
        colour = dict(zip(("red", "green", "blue"), shares, strict=True))
        order = self._sysfs.read(f"{LEDS}/{name}/multi_index").split()
        highest = self._highest(name)
        levels = [str(round(min(1.0, max(0.0, colour.get(each, 0.0))) * highest)) for each in order]
        self._sysfs.write(f"{LEDS}/{name}/multi_intensity", " ".join(levels))
        self._blink(name, 1.0 if any(shares) else 0.0, blink_hz)

    def _blink(self, name: str, share: float, blink_hz: float) -> None:
        level = round(min(1.0, max(0.0, share)) * self._highest(name))
        path = f"{LEDS}/{name}"
        blinks = level > 0 and blink_hz > 0.0
        self._sysfs.write(f"{path}/trigger", "timer" if blinks else "none")
        self._sysfs.write(f"{path}/brightness", str(level))
        if blinks:
            half_ms = str(max(1, round(500.0 / blink_hz)))
            self._sysfs.write(f"{path}/delay_on", half_ms)
            self._sysfs.write(f"{path}/delay_off", half_ms)

    def _highest(self, name: str) -> int:
        return max(1, int(self._sysfs.read(f"{LEDS}/{name}/max_brightness")))


class LedIndicator:
    """Never raises: what could not be shown is tried again once a second by `again`."""

    def __init__(self, sysfs: Sysfs, wired: dict[int, LedSection], clock: Callable[[], float]) -> None:
        self._lamps = {number: Lamp(sysfs, each) for number, each in wired.items()}
        self._clock = clock
        self._missing: dict[int, Light] = {}
        self._next_try_s = float("-inf")
        self.trouble = ""

    def show(self, connector: int, light: Light) -> None:
        if connector in self._lamps:
            self._missing[connector] = light
            self._next_try_s = float("-inf")
            self.again()

    def again(self) -> None:
        if not self._missing or self._clock() < self._next_try_s:
            return
        self._next_try_s = self._clock() + RETRY_S
        for number, light in list(self._missing.items()):
            try:
                self._lamps[number].show(light)
            except (OSError, ValueError) as error:
                self.trouble = f"light of connector {number}: {error}"
            else:
                del self._missing[number]
                self.trouble = ""
