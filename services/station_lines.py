"""Where the names of a station file stand. Pure."""

import re

_KEY = r"(?:[A-Za-z0-9_-]+|\"[^\"\n]*\"|'[^'\n]*')"
_DOTTED = rf"{_KEY}(?:[ \t]*\.[ \t]*{_KEY})*"
_HEADER = re.compile(rf"\s*\[\[?\s*({_DOTTED})\s*\]")
_ENTRY = re.compile(rf"\s*({_DOTTED})\s*=")


def line_of(text: str, path: tuple[str, ...]) -> str:
    """Of exactly this name: ", line N"; empty when it does not stand at the beginning of a line."""
    return _words(_lines(text).get(path))


def nearest_line(text: str, path: tuple[str, ...]) -> str:
    """Of this name, or of the section or the table in which it would stand."""
    lines = _lines(text)
    ends = range(len(path), 0, -1)
    return _words(next((lines[path[:end]] for end in ends if path[:end] in lines), None))


def _words(line: int | None) -> str:
    return "" if line is None else f", line {line}"


def _lines(text: str) -> dict[tuple[str, ...], int]:
    """By path: the first line that names it, or something in it."""
    lines: dict[tuple[str, ...], int] = {}
    section: tuple[str, ...] = ()
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        if header := _HEADER.match(line):
            section = _parts(header[1])
            path = section
        elif entry := _ENTRY.match(line):
            path = (*section, *_parts(entry[1]))
        else:
            continue
        for end in range(1, len(path) + 1):
            lines.setdefault(path[:end], number)
    return lines


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(each.strip("\"'") for each in re.findall(_KEY, dotted))
