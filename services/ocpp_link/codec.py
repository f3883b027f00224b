"""OCPP-J frames (section 4): text in, one of five kinds out; and back. Pure, never raises for what came in.

Size and depth are checked before anything is parsed. Whatever has a usable message id and is meant as a CALL can be
answered with CALLERROR; the rest is refused without an answer.
"""

import re
from dataclasses import dataclass

import msgspec
from msgspec import Raw

LONGEST_FRAME = 256 * 1024
"""Bytes of UTF-8."""
DEEPEST = 20
LONGEST_ID = 36
LONGEST_ANSWERED_ID = 255
"""A longer message id breaks the rule, but its sender still gets it back with the error, up to this length."""
LONGEST_DESCRIPTION = 255

CALL, CALL_RESULT, CALL_ERROR = 2, 3, 4


class Code:
    """Error codes in the spelling of OCPP-J 1.6, table 7 and errata 5.1 and 5.2, which keeps two misspelt ones."""

    NOT_IMPLEMENTED = "NotImplemented"
    NOT_SUPPORTED = "NotSupported"
    INTERNAL_ERROR = "InternalError"
    PROTOCOL_ERROR = "ProtocolError"
    SECURITY_ERROR = "SecurityError"
    FORMATION_VIOLATION = "FormationViolation"
    PROPERTY_CONSTRAINT = "PropertyConstraintViolation"
    OCCURENCE_CONSTRAINT = "OccurenceConstraintViolation"
    TYPE_CONSTRAINT = "TypeConstraintViolation"
    GENERIC_ERROR = "GenericError"


class CallFrame(msgspec.Struct, array_like=True, tag=CALL, forbid_unknown_fields=True, frozen=True, gc=False):
    message_id: str
    action: str
    payload: Raw


class ResultFrame(msgspec.Struct, array_like=True, tag=CALL_RESULT, forbid_unknown_fields=True, frozen=True, gc=False):
    message_id: str
    payload: Raw


class ErrorFrame(msgspec.Struct, array_like=True, tag=CALL_ERROR, frozen=True, gc=False):
    """Backends leave description and details out: only the code is needed."""

    message_id: str
    code: str
    description: str | None = ""


@dataclass(frozen=True)
class Unanswerable:
    """Ignored and counted: nobody could match an answer to it."""

    why: str


@dataclass(frozen=True)
class Answerable:
    """A CALL that breaks the rules of the frame: answered with this CALLERROR."""

    message_id: str
    code: str
    why: str


@dataclass(frozen=True)
class BrokenAnswer:
    """Meant as the answer to the CALL of this id, but not well formed."""

    message_id: str
    why: str


Frame = CallFrame | ResultFrame | ErrorFrame | Unanswerable | Answerable | BrokenAnswer

_decoder = msgspec.json.Decoder(CallFrame | ResultFrame | ErrorFrame)
_raw_items = msgspec.json.Decoder(list[Raw])
_encode = msgspec.json.encode
_STRINGS = re.compile(r'"(?:[^"\\]+|\\.)*+"?', re.DOTALL)
"""A string that never ends is taken to the end: looked for from every quote again, it would cost quadratic time."""
_BRACKETS = re.compile(r"[\[\]{}]")


def parse(text: str) -> Frame:
    """One received text message."""
    if len(text) > LONGEST_FRAME or (not text.isascii() and _utf8_size(text) > LONGEST_FRAME):
        return Unanswerable(f"longer than {LONGEST_FRAME} bytes")
    if deeper_than(text, DEEPEST):
        return Unanswerable(f"nested deeper than {DEEPEST}")
    try:
        frame: CallFrame | ResultFrame | ErrorFrame = _decoder.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError) as error:
        return _judge(text, str(error))
    if 0 < len(frame.message_id) <= LONGEST_ID:
        return frame
    if isinstance(frame, CallFrame) and 0 < len(frame.message_id) <= LONGEST_ANSWERED_ID:
        return Answerable(frame.message_id, Code.PROTOCOL_ERROR, f"message id longer than {LONGEST_ID} characters")
    return Unanswerable("message id empty or too long")


def deeper_than(text: str, most: int) -> bool:
    """Whether brackets outside of strings nest deeper than `most`. Linear, without recursion."""
    if text.count("[") + text.count("{") <= most:
        return False
    depth = 0
    for bracket in _BRACKETS.finditer(_STRINGS.sub("", text)):
        depth += 1 if bracket.group() in "[{" else -1
        if depth > most:
            return True
    return False


def _judge(text: str, why: str) -> Frame:
    """What can still be done with a frame that does not fit."""
    try:
        items = _raw_items.decode(text)
        kind = msgspec.json.decode(items[0]) if items else None
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return Unanswerable(f"no JSON array: {why}")
    if not isinstance(kind, int) or isinstance(kind, bool) or kind not in (CALL, CALL_RESULT, CALL_ERROR):
        return Unanswerable("unknown message type")
    message_id = _message_id(items)
    if not message_id:
        return Unanswerable("no message id of 1 to 36 characters")
    if kind == CALL:
        return Answerable(message_id, Code.FORMATION_VIOLATION, f"a CALL is [2, id, action, payload]: {why}")
    return BrokenAnswer(message_id, why)


def _message_id(items: list[Raw]) -> str:
    try:
        found = msgspec.json.decode(items[1], type=str) if len(items) > 1 else ""
    except msgspec.DecodeError:
        return ""
    return found if len(found) <= LONGEST_ANSWERED_ID else ""


def _utf8_size(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


def call(message_id: str, action: str, payload: str) -> str:
    """`payload`: a JSON object as text, put in unchanged."""
    return f"[2,{_text(message_id)},{_text(action)},{payload}]"


def call_result(message_id: str, payload: str) -> str:
    return f"[3,{_text(message_id)},{payload}]"


def call_error(message_id: str, code: str, description: str) -> str:
    """Details stay empty: they would only send the caller's own words back."""
    return f"[4,{_text(message_id)},{_text(code)},{_text(description[:LONGEST_DESCRIPTION])},{{}}]"


def _text(value: str) -> str:
    return _encode(value).decode()
