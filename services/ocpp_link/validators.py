"""Validators compiled from the JSON schemas of the `ocpp` package, each when it is first needed.

A schema becomes a msgspec Struct: decoding and validating is one pass in C. Two kinds:
strict  what we send: nothing unknown, date-times well formed;
        what the backend asks of us: the same, but fields that we do not know are left out.
lenient what the backend answers: unknown fields are left out, 10.0 counts as 10, null counts as absent, times are not
        looked at. Its meaning is clear, and a refused answer to a StartTransaction would cost money.
"""

import importlib.util
import json
import re
from collections.abc import Callable
from datetime import datetime
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from services.ocpp_link.codec import Code

Payload = dict[str, Any]


class Strictness(Enum):
    SENT = "sent"
    ASKED = "asked"
    ANSWERED = "answered"


class Invalid(ValueError):
    """A payload breaks its schema. `code` is the CALLERROR that says so."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code = code
        self.why = why


@lru_cache(maxsize=1)
def _schemas() -> Path:
    """Found without importing `ocpp.v16`, which costs 0.2 s and 20 MB."""
    found = importlib.util.find_spec("ocpp.v16")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "schemas"


@lru_cache(maxsize=1)
def known_actions() -> frozenset[str]:
    """Every action of OCPP 1.6 and of the security whitepaper."""
    return frozenset(path.stem for path in _schemas().glob("*.json") if not path.stem.endswith("Response"))


@lru_cache(maxsize=256)
def validator(action: str, strictness: Strictness, response: bool = False) -> "Validator":
    """Raises KeyError for an unknown action."""
    if action not in known_actions():
        raise KeyError(action)
    path = _schemas() / f"{action}{'Response' if response else ''}.json"
    schema = json.loads(path.read_text(encoding="utf-8-sig"))
    if (action, strictness, response) == ("GetConfiguration", Strictness.SENT, True):
        _allow_long_values(schema)
    return Validator(_Compiler(schema, strictness).compile())


def _allow_long_values(schema: Payload) -> None:
    """Key AllowLongOcppGetConfKeys: `settings` gives longer values than CiString500 only where it is on."""
    del schema["properties"]["configurationKey"]["items"]["properties"]["value"]["maxLength"]


class Validator:
    def __init__(self, struct: type[msgspec.Struct]) -> None:
        self._decoder = msgspec.json.Decoder(struct)

    def text(self, payload: str | bytes | msgspec.Raw) -> str:
        """The payload in its plainest spelling (nothing unknown, no nulls). Raises Invalid."""
        return _encoder.encode(self._decode(payload)).decode()

    def fields(self, payload: str | bytes | msgspec.Raw) -> Payload:
        """The payload with plain values. Raises Invalid."""
        fields: Payload = msgspec.to_builtins(self._decode(payload))
        return fields

    def check(self, payload: str | bytes | msgspec.Raw) -> None:
        """Raises Invalid."""
        self._decode(payload)

    def _decode(self, payload: str | bytes | msgspec.Raw) -> msgspec.Struct:
        if payload == b"null" or payload == "null":
            payload = "{}"  # OCPP-J 4.2.1: no payload may be written as null
        try:
            decoded: msgspec.Struct = self._decoder.decode(payload)
        except msgspec.ValidationError as error:
            raise Invalid(_code(str(error)), str(error)) from None
        except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
            raise Invalid(Code.FORMATION_VIOLATION, str(error)) from None
        return decoded


_encoder = msgspec.json.Encoder()
_CODES: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"Object missing required field"), Code.PROTOCOL_ERROR),
    (re.compile(r"Object contains unknown field|^Expected `object`, got `\w+`$"), Code.FORMATION_VIOLATION),
    (re.compile(r"Invalid enum value|not a multiple"), Code.PROPERTY_CONSTRAINT),
    (re.compile(r"Expected `array` of length|got `null`"), Code.OCCURENCE_CONSTRAINT),
)


def _code(why: str) -> str:
    return next((code for pattern, code in _CODES if pattern.search(why)), Code.TYPE_CONSTRAINT)


class _Compiler:
    """Turns the part of JSON Schema draft 4 that OCPP uses into types; a keyword it does not know is an error."""

    _KNOWN = frozenset(
        {"$schema", "$id", "id", "title", "description", "comment", "javaType", "definitions", "$ref", "type"}
        | {"properties", "required", "additionalProperties", "items", "additionalItems", "minItems", "maxItems"}
        | {"enum", "maxLength", "minLength", "format", "multipleOf"}
    )

    def __init__(self, schema: Payload, strictness: Strictness) -> None:
        self._root = schema
        self._strictness = strictness
        self._lenient = strictness is Strictness.ANSWERED

    def compile(self) -> type[msgspec.Struct]:
        return self._object(self._root, "Payload")

    def _type(self, schema: Payload, name: str) -> Any:
        reference = schema.get("$ref")
        if reference is not None:
            return self._type(self._root["definitions"][reference.rpartition("/")[2]], name)
        unknown = schema.keys() - self._KNOWN
        if unknown:
            raise ValueError(f"the compiler does not know {sorted(unknown)}")
        if "enum" in schema:
            return Literal[tuple(schema["enum"])]
        kind: str = schema["type"]
        makers: dict[str, Callable[[], Any]] = {
            "object": lambda: self._object(schema, name),
            "array": lambda: self._array(schema, name),
            "string": lambda: self._string(schema),
            "integer": lambda: int | float if self._lenient else int,
            "number": lambda: float,
            "boolean": lambda: bool,
        }
        return makers[kind]()

    def _string(self, schema: Payload) -> Any:
        if schema.get("format") == "date-time" and not self._lenient:
            return _Timestamp
        return Annotated[str, Meta(max_length=schema.get("maxLength"), min_length=schema.get("minLength"))]

    def _array(self, schema: Payload, name: str) -> Any:
        item = self._type(schema["items"], f"{name}Item")
        items = list.__class_getitem__(item)
        return Annotated[items, Meta(min_length=schema.get("minItems"), max_length=schema.get("maxItems"))]

    def _object(self, schema: Payload, name: str) -> type[msgspec.Struct]:
        required = set(schema.get("required", ()))
        fields: list[Any] = []
        checks: list[Callable[[Any], None]] = []
        for key, one in schema.get("properties", {}).items():
            kind = self._type(one, f"{name}_{key}")
            checks.extend(self._checks(key, one))
            if key in required:
                fields.append((key, kind))
            elif self._lenient:
                fields.append((key, kind | None, None))
            else:
                fields.append((key, kind | UnsetType, UNSET))
        return msgspec.defstruct(
            name,
            fields,
            namespace={"__post_init__": _all_of(checks)} if checks else None,
            forbid_unknown_fields=self._strictness is Strictness.SENT,
            omit_defaults=True,
            kw_only=True,
        )

    def _checks(self, key: str, schema: Payload) -> list[Callable[[Any], None]]:
        checks: list[Callable[[Any], None]] = []
        if "multipleOf" in schema:
            checks.append(_multiple_of(key, schema["multipleOf"]))
        if self._lenient and schema.get("type") == "integer":
            checks.append(_whole(key))
        if not self._lenient and schema.get("format") == "date-time":
            checks.append(_moment(key))
        return checks


_Timestamp = Annotated[str, Meta(max_length=64)]


def _all_of(checks: list[Callable[[Any], None]]) -> Callable[[Any], None]:
    def after(self: Any) -> None:
        for check in checks:
            check(self)

    return after


def _moment(key: str) -> Callable[[Any], None]:
    def check(self: Any) -> None:
        value = getattr(self, key)
        if value is UNSET:
            return
        try:
            msgspec.convert(value, datetime)
        except msgspec.ValidationError:
            raise ValueError(f"Expected `date-time` (RFC 3339) in {key}") from None

    return check


def _multiple_of(key: str, unit: float) -> Callable[[Any], None]:
    def check(self: Any) -> None:
        value = getattr(self, key)
        if isinstance(value, int | float) and abs(value / unit - round(value / unit)) > 1e-6:
            raise ValueError(f"{key} is not a multiple of {unit}")

    return check


def _whole(key: str) -> Callable[[Any], None]:
    def check(self: Any) -> None:
        value = getattr(self, key)
        if isinstance(value, float):
            if not value.is_integer():
                raise ValueError(f"Expected `int`, got `float` in {key}")
            setattr(self, key, int(value))

    return check
