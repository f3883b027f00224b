"""What a bench is asked for, and how it says that it cannot run."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    repeats: int
    quick: bool


class BenchError(Exception):
    """The bench could not be set up or came to a halt; the text says what to do."""
