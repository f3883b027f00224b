"""What a key accepts, in which spelling, and which keys must fit together. Pure."""

import math
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from services.settings.table import KEYS, Key
from services.settings.table.key import KeyType

MOST_SUGGESTIONS = 3
_TRUE, _FALSE = ("true", "1", "on", "yes"), ("false", "0", "off", "no")


class Unacceptable(ValueError):
    """A value that a key does not take; the text says what it takes."""


class Board(NamedTuple):
    """What is mounted, as far as keys must fit it."""

    highest_current_a: int
    """Of the connector with the highest rating."""
    links: tuple[str, ...]
    """Values of `ConnectionType` that this board has."""
    dictated: Mapping[str, tuple[str, str]]
    """Keys that nobody may change here: value, and why."""


class Problem(NamedTuple):
    """A rule between keys, or between a key and the board, that a set of values breaks."""

    key: str
    """The one that gives way."""
    words: str


# one value


def parse(key: Key, text: str) -> str:
    """The canonical spelling of a value. Raises Unacceptable.

    Accepted: booleans as true/false, 1/0, on/off, yes/no; enum values by name, index, or "(1) Name"; all in any case.
    """
    wanted = text.strip()
    if len(wanted) > key.longest:
        raise Unacceptable(f"{key.name} takes at most {key.longest} characters; this has {len(wanted)}")
    if not all(character.isprintable() for character in wanted):
        raise Unacceptable(f"{key.name} takes printable characters only")
    return _PARSERS[key.value_type or key.type](key, wanted)


def takes(key: Key) -> str:
    """What a key accepts, for people: "a whole number from 6 to 80 A"."""
    kind = key.value_type or key.type
    if kind is KeyType.BOOL:
        return "true or false"
    if kind is KeyType.ENUM:
        return "one of " + ", ".join(f"({index}) {name}" for index, name in enumerate(key.values))
    if kind is KeyType.INT:
        return "a whole number" + _range(key)
    if kind is KeyType.FLOAT:
        return "a number" + _range(key)
    if kind is KeyType.LIST:
        return f"a comma separated list of {key.item_words or 'texts'}"
    return key.item_words or f"a text of at most {key.longest} characters"


def _range(key: Key) -> str:
    unit = f" {key.unit}" if key.unit else ""
    if key.min is not None and key.max is not None:
        return f" from {key.min:g} to {key.max:g}{unit}"
    if key.min is not None:
        return f" of at least {key.min:g}{unit}"
    return f" of at most {key.max:g}{unit}" if key.max is not None else f" ({key.unit})" if key.unit else ""


def _refused(key: Key, text: str) -> Unacceptable:
    shown = "this value" if key.secret else repr(text if len(text) <= 60 else text[:57] + "...")
    return Unacceptable(f"{key.name} takes {takes(key)}, not {shown}")


def _bool(key: Key, text: str) -> str:
    if text.lower() in _TRUE:
        return "true"
    if text.lower() in _FALSE:
        return "false"
    raise _refused(key, text)


def _int(key: Key, text: str) -> str:
    if not re.fullmatch(r"[+-]?\d{1,15}", text, re.ASCII):
        raise _refused(key, text)
    return _bounded(key, text, int(text), str(int(text)))


def _float(key: Key, text: str) -> str:
    if not re.fullmatch(r"[+-]?(\d{1,15}(\.\d{0,15})?|\.\d{1,15})", text, re.ASCII):
        raise _refused(key, text)
    return _bounded(key, text, float(text), repr(float(text)).removesuffix(".0"))


def _bounded(key: Key, text: str, value: float, canonical: str) -> str:
    if not (-math.inf if key.min is None else key.min) <= value <= (math.inf if key.max is None else key.max):
        raise _refused(key, text)
    return canonical


def _enum(key: Key, text: str) -> str:
    by_lower = {name.lower(): name for name in key.values}
    if text.lower() in by_lower:
        return by_lower[text.lower()]
    numbered = re.fullmatch(r"(?:(\d{1,3})|\((\d{1,3})\)\s*(.*))", text, re.ASCII)
    if numbered:
        index, name = int(numbered.group(1) or numbered.group(2)), (numbered.group(3) or "").lower()
        if index < len(key.values) and name in ("", key.values[index].lower()):
            return key.values[index]
    raise _refused(key, text)


def _string(key: Key, text: str) -> str:
    if key.item_pattern and not re.fullmatch(key.item_pattern, text):
        raise _refused(key, text)
    return text


def _list(key: Key, text: str) -> str:
    items = [item.strip() for item in text.split(",") if item.strip()]
    if key.item_pattern:
        for item in items:
            if not re.fullmatch(key.item_pattern, item, re.IGNORECASE):
                raise _refused(key, item)
    return ",".join(items)


_PARSERS: dict[KeyType, Callable[[Key, str], str]] = {
    KeyType.BOOL: _bool,
    KeyType.INT: _int,
    KeyType.FLOAT: _float,
    KeyType.ENUM: _enum,
    KeyType.STRING: _string,
    KeyType.LIST: _list,
    KeyType.READONLY: _string,
}


# names


def nearest(name: str) -> tuple[str, ...]:
    """The known names that look most like `name`, best first."""
    import difflib  # only a mistake needs it

    names = {known.lower(): known for known in KEYS}
    wanted = name.strip().lower()[:100]
    close = difflib.get_close_matches(wanted, names, n=MOST_SUGGESTIONS, cutoff=0.5)
    close += [lower for lower in names if len(wanted) > 3 and wanted in lower and lower not in close]
    return tuple(names[lower] for lower in close[:MOST_SUGGESTIONS])


def unknown(name: str) -> str:
    """Words for a key that the table does not have."""
    close = nearest(name)
    hint = "did you mean " + " or ".join(close) + "?" if close else "list all keys with: chargectl config search"
    return f"there is no configuration key {name[:100]!r}; {hint}"


# the whole set


def complete(explicit: Mapping[str, str]) -> dict[str, str]:
    """Every key that has a value: what was set, else the table's default. Live keys have none here."""
    values = {name: explicit.get(name, key.default) for name, key in KEYS.items() if not key.live}
    for name, key in KEYS.items():
        if key.default_from and name not in explicit:
            values[name] = values[key.default_from]
    return values


def check(values: Mapping[str, str], board: Board) -> list[Problem]:
    """Everything that does not fit together in a complete set of canonical values."""
    problems = (rule(values, board) for rule in _RULES)
    dictated = (
        Problem(name, f"{name} is {value} here and cannot be {values[name]!r}: {why}")
        for name, (value, why) in board.dictated.items()
        if values[name] != value
    )
    return [problem for problem in (*problems, *dictated) if problem is not None]


def _hardware_within_rating(values: Mapping[str, str], board: Board) -> Problem | None:
    if int(values["HardwareCurrentLimit"]) <= board.highest_current_a:
        return None
    return Problem(
        "HardwareCurrentLimit",
        f"HardwareCurrentLimit ({values['HardwareCurrentLimit']} A) is above what is mounted: the station file rates "
        f"it at {board.highest_current_a} A (max_current_a)",
    )


def _operator_within_hardware(values: Mapping[str, str], _board: Board) -> Problem | None:
    operator, hardware = values["OperatorCurrentLimit"], values["HardwareCurrentLimit"]
    if int(operator) <= int(hardware):
        return None
    return Problem(
        "OperatorCurrentLimit",
        f"OperatorCurrentLimit ({operator} A) is above HardwareCurrentLimit ({hardware} A): set OperatorCurrentLimit "
        f"to {hardware} or less first, or raise HardwareCurrentLimit and reboot",
    )


def _link_exists(values: Mapping[str, str], board: Board) -> Problem | None:
    if values["ConnectionType"] in board.links:
        return None
    return Problem(
        "ConnectionType",
        f"ConnectionType {values['ConnectionType']} needs hardware that this board does not have; it has: "
        + ", ".join(board.links),
    )


def _sample_interval_long_enough(values: Mapping[str, str], _board: Board) -> Problem | None:
    interval_s, local = int(values["MeterValueSampleInterval"]), values["OCPPViaLocalNetwork"] == "true"
    if interval_s == 0 or interval_s >= 10 or local:
        return None
    return Problem(
        "MeterValueSampleInterval",
        f"MeterValueSampleInterval is 0 or at least 10 s, not {interval_s}; shorter ones need OCPPViaLocalNetwork",
    )


_RULES: tuple[Callable[[Mapping[str, str], Board], Problem | None], ...] = (
    _hardware_within_rating,
    _operator_within_hardware,
    _link_exists,
    _sample_interval_long_enough,
)
