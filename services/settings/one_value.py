"""One value: what a key accepts, in which spelling. Pure."""

import math
import re
from collections.abc import Callable

from services.settings.table.key import Key, KeyType

_TRUE, _FALSE = ("true", "1", "on", "yes"), ("false", "0", "off", "no")


class Unacceptable(ValueError):
    """A value that a key does not take; the text says what it takes."""


def parse(key: Key, text: str) -> str:
    """The canonical spelling of a value. Raises Unacceptable.

    Accepted: booleans as true/false, 1/0, on/off, yes/no; enum values by name, index, or "(1) Name"; all in any case.
    """
    wanted = text.strip()
    if len(wanted) > key.longest:
        raise Unacceptable(f"{key.name} takes at most {key.longest} characters; this has {len(wanted)}")
    breaks = "\r\n" if key.multiline else ""
    if not all(character.isprintable() or character in breaks for character in wanted):
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
        return f" from {key.min:.15g} to {key.max:.15g}{unit}"
    if key.min is not None:
        return f" of at least {key.min:.15g}{unit}"
    return f" of at most {key.max:.15g}{unit}" if key.max is not None else f" ({key.unit})" if key.unit else ""


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
    if {"on", "off"} <= by_lower.keys() and text.lower() in ("true", "yes", "false", "no"):
        # Keys that are booleans in OCPP 1.6 and have a third value here.
        return by_lower["on" if text.lower() in _TRUE else "off"]
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
    spelled = {name.lower(): name for name in key.values}
    return ",".join(spelled.get(item.lower(), item) for item in items)


_PARSERS: dict[KeyType, Callable[[Key, str], str]] = {
    KeyType.BOOL: _bool,
    KeyType.INT: _int,
    KeyType.FLOAT: _float,
    KeyType.ENUM: _enum,
    KeyType.STRING: _string,
    KeyType.LIST: _list,
    KeyType.READONLY: _string,
    KeyType.ACTION: _string,
}
