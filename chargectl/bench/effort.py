"""What a bench is asked for, and how it says that it cannot run."""

import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Effort:
    repeats: int
    quick: bool
    keep: Path | None = None
    """A file for what the figures were made of (stop: the histogram)."""

    def say(self, words: str) -> None:
        """Where a long bench is, for the person who waits; the report alone goes to standard output."""
        print(words, file=sys.stderr, flush=True)


class BenchError(Exception):
    """The bench could not be set up or came to a halt; the text says what to do."""
