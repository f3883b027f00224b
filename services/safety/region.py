"""A part of a connector's state: one per concern, no rules."""

from dataclasses import dataclass, replace
from typing import Self


class Region:
    """A copy is enough for a search to go back to it."""

    __slots__ = ()

    def copy(self) -> Self:
        return replace(self)  # type: ignore[type-var]

    def begin(self, now_s: float) -> None:
        """As at the start of a process: nothing that was read counts any more."""


@dataclass(slots=True)
class SwitchSight(Region):
    """What a contact has shown: mirror contact, lock feedback, phase relay, an input."""

    stamp_s: float = -1.0
    """Of the newest sample, boot clock."""
    closed: bool = False
    run_start_s: float = 0.0
    """Stamp of the first sample that said the same without a gap."""

    def fresh(self, now_s: float, valid_s: float) -> bool:
        return self.stamp_s >= 0.0 and now_s - self.stamp_s <= valid_s
