"""Feature profile RemoteTrigger: TriggerMessage (OCPP 1.6, 5.17)."""

from bus.topics import QUEUE_TRIGGER_STATUS, SESSION_TRIGGER_METER_VALUES
from schemas.base import Answer
from schemas.message_queue import TriggerStatusRequest
from schemas.session import TriggerMeterValuesRequest
from services.ocpp_link.actions.rule import Payload, Rule, When, status

OWN = frozenset({"BootNotification", "Heartbeat"})
"""Messages that this service sends itself."""
_WORDS = {Answer.ACCEPTED: "Accepted", Answer.REJECTED: "Rejected", Answer.NOT_SUPPORTED: "NotImplemented"}
_REJECTED = {"status": "Rejected"}


def _status(payload: Payload, when: When) -> TriggerStatusRequest:
    return TriggerStatusRequest(**when._asdict(), connector=payload.get("connectorId"))


def _meter_values(payload: Payload, when: When) -> TriggerMeterValuesRequest:
    return TriggerMeterValuesRequest(**when._asdict(), connector=payload.get("connectorId"))


ASKED: dict[str, Rule] = {
    "StatusNotification": Rule(
        topic=QUEUE_TRIGGER_STATUS, compose=_status, answer=status(_WORDS), impossible=_REJECTED
    ),
    "MeterValues": Rule(
        topic=SESSION_TRIGGER_METER_VALUES, compose=_meter_values, answer=status(_WORDS), impossible=_REJECTED
    ),
}
"""Messages that others compose, by `requestedMessage`. Any other one is answered with NotImplemented."""
