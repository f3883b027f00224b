"""A part of a connector's state: one per concern, no rules."""

from dataclasses import replace
from typing import Self


class Region:
    """A copy is enough for a search to go back to it."""

    __slots__ = ()

    def copy(self) -> Self:
        return replace(self)  # type: ignore[type-var]

    def begin(self, now_s: float) -> None:
        """As at the start of a process: nothing that was read counts any more."""
