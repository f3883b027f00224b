"""Something wrong in a station file."""

from typing import NamedTuple


class Problem(NamedTuple):
    path: tuple[str, ...]
    """The name in the station file that is wrong."""
    words: str
