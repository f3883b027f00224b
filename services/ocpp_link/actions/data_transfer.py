"""DataTransfer: the messages of this station's own vendor id (OCPP 1.6, section 5.6; docs/safety.md)."""

import json
from typing import Any

from bus.topics import SAFETY_READ_INPUTS, SAFETY_SET_OUTPUT
from schemas.base import Answer, Answered
from schemas.safety import ReadInputsRequest, SetOutputRequest
from services.ocpp_link.actions.rule import Payload, Rule, When

VENDOR = "org.opencharge"
LONGEST_DATA = 1000


def _data(payload: Payload) -> dict[str, Any] | None:
    """None = not a small JSON object."""
    text = payload.get("data") or "{}"
    if len(text) > LONGEST_DATA:
        return None
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _set_output(payload: Payload, when: When) -> SetOutputRequest:
    data = _data(payload) or {}
    return SetOutputRequest(**when._asdict(), output=data["output"], on=data["on"])


def _outcome(answered: Answered) -> Payload:
    if answered.outcome is not Answer.ACCEPTED:
        return {"status": "Rejected", "data": answered.reason or str(answered.outcome)}
    return {"status": "Accepted"}


def _contacts(answered: Answered) -> Payload:
    if answered.outcome is not Answer.ACCEPTED:
        return _outcome(answered)
    read = {"on": True, "off": False}
    states = {name: read.get(text) for name, text in answered.values.items()}
    return {"status": "Accepted", "data": json.dumps(states, separators=(",", ":"))}


MESSAGES: dict[str, Rule] = {
    "SetOutput": Rule(topic=SAFETY_SET_OUTPUT, compose=_set_output, answer=_outcome, impossible={"status": "Rejected"}),
    "GetInputs": Rule(
        topic=SAFETY_READ_INPUTS, compose=lambda _payload, when: ReadInputsRequest(**when._asdict()), answer=_contacts
    ),
}
"""By messageId."""


def refusal(payload: Payload) -> Payload | None:
    """What is answered at once; None = its owner is asked (`MESSAGES`)."""
    if payload.get("vendorId") != VENDOR:
        return {"status": "UnknownVendorId"}
    message = payload.get("messageId", "")
    if message not in MESSAGES:
        return {"status": "UnknownMessageId"}
    data = _data(payload)
    if data is None:
        return {"status": "Rejected", "data": "data is a JSON object of at most 1000 characters"}
    if message == "SetOutput" and not (isinstance(data.get("output"), str) and isinstance(data.get("on"), bool)):
        return {"status": "Rejected", "data": 'data is {"output": NAME, "on": true or false}'}
    return None
