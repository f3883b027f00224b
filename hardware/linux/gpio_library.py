"""What is used of libgpiod v2, and where a chip is found. Imported only when a board with GPIO lines is opened."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol, Self

import gpiod
from gpiod.line import Value


class Request(Protocol):
    """What is used of `gpiod.LineRequest`. Everything may raise OSError."""

    @property
    def fd(self) -> int: ...
    def get_values(self) -> list[Value]: ...
    def set_values(self, values: dict[int | str, Value]) -> None: ...
    def wait_edge_events(self, timeout: float) -> bool: ...
    def read_edge_events(self, max_events: int | None = None) -> "list[gpiod.EdgeEvent]": ...
    def release(self) -> None: ...


class Chip(Protocol):
    """What is used of `gpiod.Chip`."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_error: object) -> None: ...
    def get_info(self) -> gpiod.ChipInfo: ...
    def line_offset_from_id(self, id: str) -> int: ...
    def get_line_info(self, line: int) -> "gpiod.LineInfo": ...
    def request_lines(
        self, config: dict[int, gpiod.LineSettings], consumer: str, event_buffer_size: int
    ) -> Request: ...


OpenChip = Callable[[str], Chip]


def real_chip(path: str) -> Chip:
    """The real one. Raises OSError."""
    return gpiod.Chip(path)  # type: ignore[return-value]


def chip_paths() -> Iterable[str]:
    """Of all chips that there are now."""
    return sorted(str(each) for each in Path("/dev").glob("gpiochip*"))


class ChipPlace:
    """Where a chip is. Once it is known by its label, it is found again under another number, and a chip that has taken
    its number is left alone.

    Linux 6.1 never gives the number of a chip again whose lines were held when it went away.
    """

    def __init__(self, path: str, open_chip: OpenChip, paths: Callable[[], Iterable[str]] = chip_paths) -> None:
        self.path = path
        self._open_chip = open_chip
        self._paths = paths
        self._seen: tuple[str, int] | None = None
        self._known: tuple[str, int] | None = None

    def open(self) -> Chip:
        """Raises OSError."""
        try:
            return self._opened(self.path)
        except OSError:
            found = self._elsewhere()
            if found is None:
                raise
        chip = self._opened(found)
        self.path = found
        return chip

    def remember(self) -> None:
        """The one opened last is ours."""
        self._known = self._seen

    def _opened(self, path: str) -> Chip:
        chip = self._open_chip(path)
        try:
            self._seen = _identity(chip)
            if self._known not in (None, self._seen):
                raise OSError(f"another chip has this number now ({self._seen[0]!r}); see: gpiodetect")
        except OSError:
            chip.__exit__(None, None, None)
            raise
        return chip

    def _elsewhere(self) -> str | None:
        """The only other place where it is."""
        if self._known is None:
            return None
        found = [path for path in self._paths() if path != self.path and self._is_at(path)]
        return found[0] if len(found) == 1 else None

    def _is_at(self, path: str) -> bool:
        try:
            with self._opened(path):
                return True
        except OSError:
            return False


def _identity(chip: Chip) -> tuple[str, int]:
    info = chip.get_info()
    return info.label, info.num_lines
