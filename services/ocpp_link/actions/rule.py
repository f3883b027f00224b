"""How one action of the backend becomes a request to its owner, and the owner's answer a CALLRESULT. Pure."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from bus.topics import Topic
from schemas.base import Answer, Answered, Request
from services.ocpp_link.codec import Code

OWNER_TIMEOUT_S = 20.0
"""How long an owner has; afterwards the backend hears InternalError."""

Payload = dict[str, Any]


class Refusal(Exception):
    """Answered with CALLERROR."""

    def __init__(self, code: str, why: str) -> None:
        super().__init__(why)
        self.code, self.why = code, why


class When(NamedTuple):
    """What every request carries."""

    request_id: str
    expires_s: float


@dataclass(frozen=True, kw_only=True)
class Rule:
    topic: Topic[Any]
    compose: Callable[[Payload, When], Request]
    answer: Callable[[Answered], Payload]
    """Raises Refusal. An answer that never came does not get here."""
    impossible: Payload | None = None
    """CALLRESULT for a value that no owner could take (connector 4711); None = PropertyConstraintViolation."""
    timeout_s: float = OWNER_TIMEOUT_S


def status(words: Mapping[Answer, str]) -> Callable[[Answered], Payload]:
    """The usual answer: a status and nothing else. Raises Refusal for an outcome that has no word."""

    def compose(answered: Answered) -> Payload:
        if answered.outcome not in words:
            raise Refusal(Code.INTERNAL_ERROR, f"unexpected outcome {answered.outcome}")
        return {"status": words[answered.outcome]}

    return compose


def list_of(answered: Answered, name: str) -> list[Any]:
    """A JSON list among the answer's values; absent = empty. Raises Refusal."""
    try:
        found = json.loads(answered.values.get(name) or "[]")
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise Refusal(Code.INTERNAL_ERROR, f"the answer's {name} is no list")
    return found
