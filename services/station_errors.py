"""What is wrong with a value of the station file: its section, what it may be, the nearest right one. Pure."""

import difflib
import re
from collections.abc import Iterator
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec

from services.problem import Problem

EXAMPLES = {
    "port": '"/dev/ttyS1"',
    "feed": '"COIL_FEED"',
    "pilot_pwm": '"pwmchip0/1"',
    "pilot_negative": '"CP_NEGATIVE"',
    "pilot_high": '{ channel = "ads1015/in_voltage0", factor = 8.0, offset_v = -13.0 }',
    "pilot_low": '{ channel = "ads1015/in_voltage1", factor = 8.0, offset_v = -13.0 }',
    "contactor": '"COIL"',
    "channel": '"iio:device0/in_voltage1"',
}
"""Of the names that a section cannot do without."""


def value_problem(tree: dict[str, Any], struct: type[Any], said: str) -> Problem:
    """The first value that its type does not take. `said`: what msgspec says of the whole `tree`."""
    return _descend((), tree, struct, said)


def _refusal(value: object, hint: Any) -> str | None:
    try:
        msgspec.convert(value, hint)
    except msgspec.ValidationError as error:
        return str(error)
    return None


def _descend(path: tuple[str, ...], value: object, hint: Any, said: str) -> Problem:
    for key, inner, its_hint in _inside(value, hint):
        refused = _refusal(inner, its_hint)
        if refused is not None:
            return _descend((*path, key), inner, its_hint, refused)
    return Problem(path, _words(path, value, hint, said))


def _inside(value: object, hint: Any) -> Iterator[tuple[str, Any, Any]]:
    """Names, values and types of a section or a table."""
    if not isinstance(value, dict):
        return
    if get_origin(hint) is dict:
        yield from ((key, inner, get_args(hint)[1]) for key, inner in value.items())
        return
    for each in (hint, *get_args(hint)):
        if isinstance(each, type) and issubclass(each, msgspec.Struct):
            hints = get_type_hints(each, include_extras=True)
            yield from ((key, inner, hints[key]) for key, inner in value.items() if key in hints)


def _words(path: tuple[str, ...], value: object, hint: Any, said: str) -> str:
    missing = re.match(r"Object missing required field `(\w+)`(?! - at `\$\[)", said)
    if missing:
        name = missing[1]
        return f"[{'.'.join(path)}] needs {name}, for example {name} = {EXAMPLES[name]}"
    where = f"[{'.'.join(path[:-1])}] " if len(path) > 1 else ""
    shown = f"{where}{path[-1]}" + ("" if isinstance(value, dict | list) else f" = {value!r}")
    choices = _choices(hint)
    if choices:
        return f"{shown} is none of {', '.join(map(repr, choices))}{_nearest(value, choices)}"
    entry = re.search(r" - at `\$\[(\d+)\]", said)
    place = f" (entry {int(entry[1]) + 1})" if entry else ""
    return f"{shown}: {said.partition(' - at ')[0].replace('`object`', 'a section').replace('`', '')}{place}"


def _choices(hint: Any) -> tuple[object, ...]:
    if get_origin(hint) in (dict, tuple):
        return ()
    return next((get_args(each) for each in (hint, *get_args(hint)) if get_origin(each) is Literal), ())


def _nearest(value: object, choices: tuple[object, ...]) -> str:
    if not isinstance(value, str):
        return ""
    near = difflib.get_close_matches(value, [str(each) for each in choices], n=1, cutoff=0.5)
    return f"; did you mean {next(each for each in choices if str(each) == near[0])!r}?" if near else ""
