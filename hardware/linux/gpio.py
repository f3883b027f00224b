"""The GPIO lines of a board by what they are for."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from hardware.interfaces import Feedback
from hardware.linux.gpio_chip import ChipLines
from hardware.linux.gpio_library import OpenChip


class LineUse(NamedTuple):
    """A line of the station file, and what for."""

    text: str
    output: bool


def place_of(text: str, chip: str) -> tuple[str, str, bool]:
    """(chip, name or number, active low) of a line as the station file writes it."""
    active_low, text = text.startswith("!"), text.removeprefix("!")
    own, colon, name = text.partition(":")
    return (own, name, active_low) if colon else (chip, text, active_low)


class Gpio:
    """All lines of the board by purpose ("connector 1 contactor")."""

    def __init__(
        self,
        uses: Mapping[str, LineUse],
        default_chip: str,
        debounce_s: float,
        clock: Callable[[], float],
        open_chip: OpenChip,
    ) -> None:
        by_chip: dict[str, dict[str, tuple[str, bool, bool]]] = {}
        self._chip_of: dict[str, ChipLines] = {}
        for purpose, use in uses.items():
            chip, name, active_low = place_of(use.text, default_chip)
            by_chip.setdefault(chip, {})[purpose] = (name, active_low, use.output)
        self.chips = [ChipLines(path, each, debounce_s, open_chip, clock) for path, each in by_chip.items()]
        for chip_lines in self.chips:
            self._chip_of.update(dict.fromkeys(by_chip[chip_lines.path], chip_lines))

    def read(self, purpose: str) -> Feedback | None:
        """The last known state; None before the first. It keeps its old stamp when the chip is gone."""
        return self._chip_of[purpose].values.get(purpose)

    def drive(self, purpose: str, on: bool) -> None:
        """With the next flush."""
        self._chip_of[purpose].wanted[purpose] = on

    def driven(self, purpose: str) -> bool:
        return self._chip_of[purpose].wanted.get(purpose, False)

    def chip_of(self, purpose: str) -> ChipLines:
        return self._chip_of[purpose]

    @property
    def troubles(self) -> Iterator[str]:
        return (chip.trouble for chip in self.chips if chip.trouble)

    def troubles_of(self, owner: str) -> Iterator[str]:
        """Of the chips that carry lines of this owner ("connector 1") or of the station."""
        for chip in self.chips:
            owners = (purpose for purpose, carrier in self._chip_of.items() if carrier is chip)
            if chip.trouble and any(_is_shared(purpose) or purpose.startswith(f"{owner} ") for purpose in owners):
                yield chip.trouble


def _is_shared(purpose: str) -> bool:
    return not purpose.startswith("connector ")
