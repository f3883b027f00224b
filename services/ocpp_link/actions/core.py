"""Feature profile Core: what the backend may ask, and who is asked (OCPP 1.6, section 5)."""

import json

from bus.topics import (
    SESSION_CHANGE_AVAILABILITY,
    SESSION_CLEAR_CACHE,
    SESSION_REMOTE_START,
    SESSION_REMOTE_STOP,
    SESSION_UNLOCK_CONNECTOR,
    SETTINGS_CHANGE,
    SETTINGS_GET_CONFIGURATION,
    SYSTEM_REBOOT,
)
from schemas.base import Answer, Answered
from schemas.session import (
    ChangeAvailabilityRequest,
    ClearCacheRequest,
    RemoteStartRequest,
    RemoteStopRequest,
    UnlockConnectorRequest,
)
from schemas.settings import ChangeSettingRequest, GetConfigurationRequest
from schemas.system import BootReason, RebootRequest
from services.ocpp_link.actions.rule import Payload, Refusal, Rule, When, list_of, status
from services.ocpp_link.codec import Code

_ACCEPTED_OR_NOT = {Answer.ACCEPTED: "Accepted", Answer.REJECTED: "Rejected", Answer.NOT_SUPPORTED: "Rejected"}
_REJECTED = {"status": "Rejected"}
UNLOCK_TIMEOUT_S = 25.0
"""A lock may take its time."""


def _remote_start(payload: Payload, when: When) -> RemoteStartRequest:
    profile = payload.get("chargingProfile")
    return RemoteStartRequest(
        **when._asdict(),
        connector=payload.get("connectorId"),
        id_tag=payload["idTag"],
        charging_profile=json.dumps(profile, separators=(",", ":")) if profile is not None else "",
    )


def _remote_stop(payload: Payload, when: When) -> RemoteStopRequest:
    return RemoteStopRequest(**when._asdict(), backend_transaction_id=payload["transactionId"])


def _change_availability(payload: Payload, when: When) -> ChangeAvailabilityRequest:
    operative = payload["type"] == "Operative"
    return ChangeAvailabilityRequest(**when._asdict(), connector=payload["connectorId"], operative=operative)


def _change_configuration(payload: Payload, when: When) -> ChangeSettingRequest:
    fields = when._asdict()
    return ChangeSettingRequest(**fields, key=payload["key"], value=payload["value"], actor="backend", source="ocpp")


def _get_configuration(payload: Payload, when: When) -> GetConfigurationRequest:
    return GetConfigurationRequest(**when._asdict(), keys=tuple(payload.get("key", ())))


def _configuration(answered: Answered) -> Payload:
    if answered.outcome is not Answer.ACCEPTED:
        raise Refusal(Code.OCCURENCE_CONSTRAINT, answered.reason or "too many keys at once")
    answer: Payload = {"configurationKey": list_of(answered, "configurationKey")}
    unknown = list_of(answered, "unknownKey")
    return {**answer, "unknownKey": unknown} if unknown else answer


def _reset(payload: Payload, when: When) -> RebootRequest:
    reason = BootReason.HARD_RESET if payload["type"] == "Hard" else BootReason.SOFT_RESET
    return RebootRequest(**when._asdict(), reason=reason, detail="Reset by the backend")


def _unlock(payload: Payload, when: When) -> UnlockConnectorRequest:
    return UnlockConnectorRequest(**when._asdict(), connector=payload["connectorId"])


RULES: dict[str, Rule] = {
    "RemoteStartTransaction": Rule(
        topic=SESSION_REMOTE_START, compose=_remote_start, answer=status(_ACCEPTED_OR_NOT), impossible=_REJECTED
    ),
    "RemoteStopTransaction": Rule(
        topic=SESSION_REMOTE_STOP, compose=_remote_stop, answer=status(_ACCEPTED_OR_NOT), impossible=_REJECTED
    ),
    "ChangeAvailability": Rule(
        topic=SESSION_CHANGE_AVAILABILITY,
        compose=_change_availability,
        answer=status({**_ACCEPTED_OR_NOT, Answer.SCHEDULED: "Scheduled"}),
        impossible=_REJECTED,
    ),
    "ChangeConfiguration": Rule(
        topic=SETTINGS_CHANGE,
        compose=_change_configuration,
        answer=status(
            {
                Answer.ACCEPTED: "Accepted",
                Answer.REJECTED: "Rejected",
                Answer.REBOOT_REQUIRED: "RebootRequired",
                Answer.NOT_SUPPORTED: "NotSupported",
            }
        ),
        impossible=_REJECTED,
    ),
    "GetConfiguration": Rule(topic=SETTINGS_GET_CONFIGURATION, compose=_get_configuration, answer=_configuration),
    "ClearCache": Rule(
        topic=SESSION_CLEAR_CACHE,
        compose=lambda _payload, when: ClearCacheRequest(**when._asdict()),
        answer=status(_ACCEPTED_OR_NOT),
    ),
    "Reset": Rule(topic=SYSTEM_REBOOT, compose=_reset, answer=status(_ACCEPTED_OR_NOT)),
    "UnlockConnector": Rule(
        topic=SESSION_UNLOCK_CONNECTOR,
        compose=_unlock,
        answer=status(
            {Answer.ACCEPTED: "Unlocked", Answer.REJECTED: "UnlockFailed", Answer.NOT_SUPPORTED: "NotSupported"}
        ),
        impossible={"status": "NotSupported"},
        timeout_s=UNLOCK_TIMEOUT_S,
    ),
}
