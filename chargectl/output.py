"""How commands talk to people and to programs."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import TextIO

from services.exit_codes import ExitCode

CLEAR_TO_END = "\x1b[J"
HOME = "\x1b[H"


class Failure(Exception):
    """A command cannot do what it was asked. The text says what is wrong and what to do next; `details` say the same
    to programs (--json)."""

    def __init__(
        self, text: str, code: ExitCode = ExitCode.FAILED, details: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(text)
        self.code = code
        self.details = dict(details or {})


def print_json(value: object) -> None:
    """One JSON value, on one line, at once (readers of a pipe wait for it)."""
    print(json.dumps(value, ensure_ascii=False, default=str), flush=True)


def visible(text: str) -> str:
    """Of somebody else: what would move the cursor or hide in a line is shown as an escape."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def table(rows: Sequence[Sequence[object]], headings: Sequence[str]) -> str:
    """Columns as wide as their content; numbers to the right."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(line[column]) for line in [list(headings), *texts]) for column in range(len(headings))]
    right = [bool(rows) and all(isinstance(row[column], int | float) for row in rows) for column in range(len(widths))]

    def line(cells: Sequence[str]) -> str:
        padded = (
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(cells, widths, right, strict=True)
        )
        return "  ".join(padded).rstrip()

    return "\n".join(line(cells) for cells in [headings, *texts])


def has_colour(stream: TextIO) -> bool:
    """Colour only on a terminal, and not where a person has asked for none (the NO_COLOR convention)."""
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def coloured(text: str, code: str) -> str:
    """`code`: an SGR number ("31" red, "32" green, "33" yellow, "1" bold)."""
    return f"\x1b[{code}m{text}\x1b[0m" if has_colour(sys.stdout) else text


def ago(seconds: float) -> str:
    """A duration for people: 42 s, 3 min, 5 h, 2 d."""
    for limit, unit, divisor in ((90, "s", 1), (90 * 60, "min", 60), (36 * 3600, "h", 3600)):
        if seconds < limit:
            return f"{seconds / divisor:.0f} {unit}"
    return f"{seconds / 86400:.0f} d"
