"""Facts and states become OCPP 1.6 payloads, in the spelling and types of the JSON schemas. Pure."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from schemas.faults import FAULTS
from schemas.notices import NOTICES
from schemas.session import (
    ConnectorStatus,
    MeterSample,
    SampledValue,
    StopReason,
    TransactionMeterValues,
    TransactionStarted,
    TransactionStopped,
)
from services.clock import iso_utc

LONGEST_INFO = 50
LONGEST_VENDOR = 255
LONGEST_PAYLOAD = 19_900
"""Characters: the bus carries 20,000, and the transaction id is filled in later."""
TRIGGERED_INFO = NOTICES["triggered"].text
QUEUE_FULL_INFO = FAULTS["message_queue_full"].text

_ERROR_CODES = frozenset({
    "ConnectorLockFailure", "EVCommunicationError", "GroundFailure", "HighTemperature", "InternalError",
    "LocalListConflict", "NoError", "OtherError", "OverCurrentFailure", "OverVoltage", "PowerMeterFailure",
    "PowerSwitchFailure", "ReaderFailure", "ResetFailure", "UnderVoltage", "WeakSignal",
})  # fmt: skip
"""OCPP 1.6 ChargePointErrorCode."""
_INTERNAL_CODES = {fault.text[:LONGEST_INFO]: fault.internal_code for fault in FAULTS.values()}


class Status(NamedTuple):
    """What a StatusNotification says of one connector."""

    status: str
    """OCPP 1.6 ChargePointStatus."""
    error_code: str = "NoError"
    info: str = ""
    vendor_error_code: str = ""
    """The internal code NN-NN-NNN of the fault in `info`."""


def status_of(status: ConnectorStatus, error_code: str, info: str, fault: str = "") -> Status | None:
    """None for a status that OCPP has no word for. `fault`: its name in the catalogue, where it is known."""
    if status is ConnectorStatus.UNKNOWN:
        return None
    info = info[:LONGEST_INFO]
    known = error_code if error_code in _ERROR_CODES else "OtherError"
    internal = FAULTS[fault].internal_code if fault in FAULTS else _INTERNAL_CODES.get(info, "")
    return Status(status.value, known, info, internal)


def without_error(status: Status) -> Status:
    """`ErrorStatusNotifications` is off: an error that does not stop charging is not told."""
    return status if status.status == "Faulted" else Status(status.status)


def error_notification(
    connector: int,
    status: Status,
    *,
    error_code: str,
    info: str,
    vendor_error_code: str,
    at_wall_s: float,
    vendor: str,
) -> dict[str, Any]:
    """StatusNotification.req beside the plain status. `error_code` empty: the one that the connector has now, because
    NoError would say that another error is over."""
    body: dict[str, Any] = {
        "connectorId": connector,
        "errorCode": error_code if error_code in _ERROR_CODES else "OtherError" if error_code else status.error_code,
        "info": info,
        "status": status.status,
        "timestamp": iso_utc(at_wall_s),
    }
    if vendor:
        body["vendorId"] = vendor[:LONGEST_VENDOR]
    if vendor_error_code:
        body["vendorErrorCode"] = vendor_error_code
    return body


def status_notification(connector: int, status: Status, since_wall_s: float, triggered: bool) -> dict[str, Any]:
    body: dict[str, Any] = {"connectorId": connector, "errorCode": status.error_code}
    info = status.info or (TRIGGERED_INFO if triggered else "")
    if info:
        body["info"] = info
    body["status"] = status.status
    body["timestamp"] = iso_utc(since_wall_s)
    if status.vendor_error_code:
        body["vendorErrorCode"] = status.vendor_error_code
    return body


def start_transaction(fact: TransactionStarted) -> dict[str, Any]:
    return {
        "connectorId": fact.connector,
        "idTag": fact.id_tag,
        "meterStart": fact.meter_start_wh,
        "timestamp": iso_utc(fact.started_wall_s),
    }


def stop_transaction(fact: TransactionStopped) -> dict[str, Any]:
    """Without `transactionId`, which is filled in when it is sent."""
    reason = StopReason.OTHER if fact.reason is StopReason.UNKNOWN else fact.reason
    body: dict[str, Any] = {
        "meterStop": fact.meter_stop_wh,
        "timestamp": iso_utc(fact.stopped_wall_s),
        "reason": reason.value,
    }
    if fact.id_tag:
        body["idTag"] = fact.id_tag
    return _fitting(body, "transactionData", [_sample(each) for each in fact.samples if each.values])


def meter_values(fact: TransactionMeterValues) -> dict[str, Any] | None:
    """Without `transactionId`; None when it has no value at all (OCPP 1.6 section 6.31: one or more)."""
    samples = [_sample(each) for each in fact.samples if each.values]
    return _fitting({"connectorId": fact.connector}, "meterValue", samples) if samples else None


def authorize(id_tag: str) -> dict[str, Any]:
    return {"idTag": id_tag}


def text(body: Mapping[str, Any]) -> str:
    """Always the same for the same payload."""
    return msgspec.json.encode(body).decode()


def _sample(sample: MeterSample) -> dict[str, Any]:
    return {"timestamp": iso_utc(sample.sampled_wall_s), "sampledValue": [_value(each) for each in sample.values]}


def _value(value: SampledValue) -> dict[str, str]:
    return {name: text for name, text in msgspec.structs.asdict(value).items() if text or name == "value"}


def _fitting(body: dict[str, Any], name: str, samples: list[dict[str, Any]]) -> dict[str, Any]:
    """Thinned, the first and the last sample kept, until one frame carries it; then without its last values."""
    while samples:
        whole = {**body, name: samples}
        if len(text(whole)) <= LONGEST_PAYLOAD:
            return whole
        if len(samples) > 2:
            samples = thinned(samples)
        else:
            shorter = [{**each, "sampledValue": _first_half(each["sampledValue"])} for each in samples]
            samples = [each for each in shorter if each["sampledValue"]]
    return body


def _first_half(values: list[Any]) -> list[Any]:
    return values[: len(values) // 2]


def thinned(samples: list[Any]) -> list[Any]:
    """Without every second one; the first and the last stay."""
    last = len(samples) - 1
    return [each for place, each in enumerate(samples) if place % 2 == 0 or place == last]
