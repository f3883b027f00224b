"""Numbered streams: facts that must not be lost, from one sender to one receiver. Pure.

The sender writes a fact and its number (1, 2, 3, no gap) in the commit of the state change it reports, publishes it,
and repeats everything unacknowledged at its start, when the receiver appears, and every 2 s. The receiver takes only
the number after its high-water mark, writes fact and mark in one commit, then acknowledges the mark. Marks are never
deleted.
"""

from dataclasses import dataclass
from enum import Enum

REPEAT_S = 2.0
MOST_AT_ONCE = 50
"""Facts in one repeat: after a long outage the rest follow as the marks come in."""


class Verdict(Enum):
    TAKE = "take"
    """The next number: write fact and mark in one commit, then acknowledge."""
    AGAIN = "acknowledge again"
    """Taken before; its acknowledgement was lost."""
    IGNORE = "ignore"
    """A gap before it: the sender repeats from the mark."""


@dataclass(frozen=True)
class Mark:
    """The receiver's high-water mark for one stream."""

    stream_id: str
    number: int


def judge(mark: Mark | None, stream_id: str, number: int, lowest_unacknowledged: int) -> Verdict:
    """What the receiver does with a fact; `mark` is its mark for this stream, None for a stream it never heard of.

    A receiver without a mark (replaced store, or a new stream) starts at the sender's lowest unacknowledged number,
    and raises an event for it (`is_new`).
    """
    last = mark.number if mark is not None and mark.stream_id == stream_id else lowest_unacknowledged - 1
    if number == last + 1:
        return Verdict.TAKE
    return Verdict.AGAIN if number <= last else Verdict.IGNORE


def is_new(mark: Mark | None, stream_id: str) -> bool:
    """One of the two stores was replaced: worth an event."""
    return mark is None or mark.stream_id != stream_id


@dataclass
class Repeater:
    """The sender's clockwork: says when to publish everything unacknowledged again."""

    next_s: float = 0.0

    def appeared(self) -> None:
        """The receiver has (re)appeared, or a mark moved while more is waiting."""
        self.next_s = 0.0

    def due(self, now_s: float) -> bool:
        if now_s < self.next_s:
            return False
        self.next_s = now_s + REPEAT_S
        return True
