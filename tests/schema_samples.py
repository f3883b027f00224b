"""Sample messages made from the schemas alone: every field filled, every value another one, the same at every run."""

import itertools
from collections.abc import Iterator
from typing import Any

import msgspec
from msgspec import inspect

from bus.envelope import MAJOR_VERSION, Envelope
from bus.topics import Kind, Topic
from schemas.base import Open

LONGEST_TEXT = 12


def samples(topic: Topic[Any]) -> dict[str, Envelope[Any]]:
    """By name: one per alternative where the body has a field that is one of several structs, else one."""
    alternatives = _most_alternatives(inspect.type_info(topic.body))
    found = {}
    for choice in range(alternatives):
        name = topic.name if alternatives == 1 else f"{topic.name} ({choice + 1} of {alternatives})"
        body = msgspec.convert(_value(inspect.type_info(topic.body), itertools.count(1), choice), topic.body)
        found[name] = envelope(topic, body)
    return found


def envelope(topic: Topic[Any], body: Any, **changed: Any) -> Envelope[Any]:
    values: dict[str, Any] = {
        "version": MAJOR_VERSION,
        "sender": "chargectl" if topic.kind is Kind.REQUEST else topic.owner,
        "run_id": "0123456789ab",
        "sequence": 7,
        "sent_s": 1234.5,
        "sent_wall_s": 1_800_000_000.25,
        "trace_id": "a trace",
        "body": body,
    }
    return Envelope(**(values | changed))


def key_of(topic: Topic[Any]) -> str:
    return "1" if topic.key else ""


def types_in(info: inspect.Type, path: str = "") -> Iterator[tuple[str, inspect.Type]]:
    """Every type that a message is made of, with the name of the field it stands in."""
    yield path, info
    if isinstance(info, inspect.StructType):
        for field in info.fields:
            yield from types_in(field.type, f"{info.cls.__name__}.{field.name}")
    elif isinstance(info, inspect.UnionType):
        for one in info.types:
            yield from types_in(one, path)
    elif isinstance(info, inspect.VarTupleType | inspect.ListType):
        yield from types_in(info.item_type, path)
    elif isinstance(info, inspect.TupleType):
        for one in info.item_types:
            yield from types_in(one, path)
    elif isinstance(info, inspect.DictType):
        yield from types_in(info.key_type, path)
        yield from types_in(info.value_type, path)


def _structs(info: inspect.UnionType) -> list[inspect.StructType]:
    return [one for one in info.types if isinstance(one, inspect.StructType)]


def _most_alternatives(info: inspect.Type) -> int:
    return max([1, *(len(_structs(one)) for _, one in types_in(info) if isinstance(one, inspect.UnionType))])


def _value(info: inspect.Type, numbers: Iterator[int], choice: int) -> Any:
    """As builtins; raises TypeError for a type that no schema used so far."""
    match info:
        case inspect.StructType():
            fields = {field.encode_name: _value(field.type, numbers, choice) for field in info.fields}
            return fields if info.tag is None else {str(info.tag_field): info.tag, **fields}
        case inspect.UnionType():
            structs = _structs(info)
            others = [one for one in info.types if not isinstance(one, inspect.NoneType)]
            return _value(structs[choice % len(structs)] if structs else others[0], numbers, choice)
        case inspect.VarTupleType() | inspect.ListType():
            return [_value(info.item_type, numbers, choice) for _ in range(2)]
        case inspect.TupleType():
            return [_value(one, numbers, choice) for one in info.item_types]
        case inspect.DictType():
            return {_value(info.key_type, numbers, choice): _value(info.value_type, numbers, choice) for _ in range(2)}
        case inspect.BoolType():
            return next(numbers) >= 0
        case _:
            return _scalar(info, next(numbers))


def _scalar(info: inspect.Type, number: int) -> Any:
    match info:
        case inspect.EnumType():
            members = [member for member in info.cls if member.name != "UNKNOWN"]
            return members[number % len(members)].value
        case inspect.IntType():
            return _within(number, info.ge, info.le)
        case inspect.FloatType():
            return float(_within(number, info.ge, info.le)) + (0.5 if info.le is None or info.le > 1000 else 0.0)
        case inspect.StrType():
            return f"text {number}"[: min(LONGEST_TEXT, info.max_length or LONGEST_TEXT)]
        case _:
            raise TypeError(f"no sample for {info}: teach tests/schema_samples.py")


def _within(number: int, low: float | None, high: float | None) -> int:
    low_number, high_number = int(low or 0), int(1000 if high is None else min(high, 1000))
    return low_number if low_number >= high_number else max(low_number, 0) + number % (high_number - max(0, low_number))


def open_enumerations() -> set[type[Open]]:
    found: set[type[Open]] = set()
    waiting = [Open]
    while waiting:
        for one in waiting.pop().__subclasses__():
            if one.__module__.startswith("schemas."):
                found.add(one)
            waiting.append(one)
    return found
