"""Payloads in the spelling of the schemas, numbers filled in, answers read."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.faults import FAULTS
from schemas.message_queue import AuthorizationStatus, IdTagInfo
from schemas.session import (
    ConnectorStatus,
    MeterSample,
    SampledValue,
    StopReason,
    TransactionMeterValues,
    TransactionStarted,
    TransactionStopped,
)
from services.message_queue.rules import answers, composing, numbering
from services.message_queue.rules.answers import Unreadable, authorize_answer, start_answer, stop_answer, wall_s_of
from services.message_queue.rules.composing import LONGEST_INFO, LONGEST_PAYLOAD, Status, status_of
from services.message_queue.storage import journal

pytestmark = pytest.mark.unit

AT_S = 1_800_000_000.25
AT = "2027-01-15T08:00:00.250Z"


def validate(action: str, payload: dict[str, Any]) -> None:
    """Against the official schema."""
    found = find_spec("ocpp.v16")
    assert found is not None
    assert found.origin is not None
    schema = json.loads((Path(found.origin).parent / "schemas" / f"{action}.json").read_text("utf-8-sig"))
    jsonschema.validate(payload, schema)


def sample(at_s: float = AT_S, count: int = 1, text: str = "1100") -> MeterSample:
    value = SampledValue(
        value=text,
        context="Sample.Periodic",
        format="Raw",
        measurand="Energy.Active.Import.Register",
        location="Outlet",
        unit="Wh",
    )
    return MeterSample(sampled_wall_s=at_s, values=(value,) * count)


def stop(**changes: Any) -> TransactionStopped:
    values: dict[str, Any] = {
        "transaction_id": "t",
        "connector": 1,
        "id_tag": "CARD",
        "stopped_wall_s": AT_S,
        "meter_stop_wh": 2000,
        "meter_stop_measured": True,
        "reason": StopReason.EV_DISCONNECTED,
    }
    return TransactionStopped(**{**values, **changes})


def test_a_start_has_the_fields_of_the_schema() -> None:
    fact = TransactionStarted(
        transaction_id="t", connector=2, id_tag="CARD", started_wall_s=AT_S, meter_start_wh=7, meter_serial="M"
    )
    payload = composing.start_transaction(fact)
    assert payload == {"connectorId": 2, "idTag": "CARD", "meterStart": 7, "timestamp": AT}
    validate("StartTransaction", payload)


def test_a_stop_has_the_fields_of_the_schema() -> None:
    payload = composing.stop_transaction(stop(samples=(sample(),)))
    validate("StopTransaction", {"transactionId": 1, **payload})
    assert payload["reason"] == "EVDisconnected"
    assert payload["transactionData"][0] == {
        "timestamp": AT,
        "sampledValue": [
            {
                "value": "1100",
                "context": "Sample.Periodic",
                "format": "Raw",
                "measurand": "Energy.Active.Import.Register",
                "location": "Outlet",
                "unit": "Wh",
            }
        ],
    }


def test_what_a_stop_has_not_is_left_out() -> None:
    payload = composing.stop_transaction(stop(id_tag="", reason=StopReason.UNKNOWN))
    assert payload == {"meterStop": 2000, "timestamp": AT, "reason": "Other"}


@pytest.mark.parametrize("reason", [reason for reason in StopReason if reason is not StopReason.UNKNOWN])
def test_every_reason_is_one_of_the_schema(reason: StopReason) -> None:
    validate("StopTransaction", {"transactionId": 1, **composing.stop_transaction(stop(reason=reason))})


def test_meter_values_have_the_fields_of_the_schema() -> None:
    fact = TransactionMeterValues(transaction_id="t", connector=1, samples=(sample(count=3), sample()))
    payload = composing.meter_values(fact)
    assert payload is not None
    validate("MeterValues", {"transactionId": 1, **payload})
    assert [len(each["sampledValue"]) for each in payload["meterValue"]] == [3, 1]


def test_samples_without_values_are_left_out() -> None:
    empty = MeterSample(sampled_wall_s=AT_S, values=())
    assert composing.meter_values(TransactionMeterValues(transaction_id="t", connector=1, samples=(empty,))) is None
    assert "transactionData" not in composing.stop_transaction(stop(samples=(empty,)))


@settings(max_examples=30, deadline=None)
@given(samples=st.integers(1, 400), count=st.integers(1, 60), length=st.integers(1, 500))
def test_transaction_data_always_fits_the_bus_with_its_first_and_last_sample(
    samples: int, count: int, length: int
) -> None:
    given_samples = tuple(sample(AT_S + each, count, "7" * length) for each in range(samples))
    payload = composing.stop_transaction(stop(samples=given_samples))
    assert len(composing.text(payload)) <= LONGEST_PAYLOAD
    data = payload["transactionData"]
    assert data[0]["timestamp"] == AT
    if samples > 1:
        assert data[-1]["timestamp"] == composing.iso_utc(AT_S + samples - 1)
    validate("StopTransaction", {"transactionId": 1, **payload})


# statuses


@pytest.mark.parametrize("status", [status for status in ConnectorStatus if status is not ConnectorStatus.UNKNOWN])
@pytest.mark.parametrize("code", ["NoError", "GroundFailure", "SomethingNew"])
def test_every_status_is_one_of_the_schema(status: ConnectorStatus, code: str) -> None:
    found = status_of(status, code, "x" * 80)
    assert found is not None
    payload = composing.status_notification(1, found, AT_S, False)
    validate("StatusNotification", payload)
    assert len(payload["info"]) == 50


@pytest.mark.parametrize("fault", FAULTS.values(), ids=list(FAULTS))
def test_a_fault_of_the_catalogue_brings_its_internal_code(fault) -> None:
    found = status_of(ConnectorStatus.FAULTED, fault.error_code, fault.text, fault.code)
    assert found == Status("Faulted", fault.error_code, fault.text[:LONGEST_INFO], fault.internal_code)
    validate("StatusNotification", composing.status_notification(1, found, AT_S, False))


def test_an_unknown_status_is_not_told() -> None:
    assert status_of(ConnectorStatus.UNKNOWN, "NoError", "") is None


def test_a_triggered_status_says_so_unless_it_has_more_to_say() -> None:
    quiet, loud = Status("Available"), Status("Faulted", "GroundFailure", "words")
    assert composing.status_notification(1, quiet, AT_S, True)["info"] == "Triggered status report"
    assert composing.status_notification(1, loud, AT_S, True)["info"] == "words"
    assert "info" not in composing.status_notification(1, quiet, AT_S, False)


# numbers


def test_the_number_is_filled_in_and_a_repeat_has_the_same_text() -> None:
    text = composing.text(composing.stop_transaction(stop()))
    filled = numbering.filled_in(text, -7)
    assert json.loads(filled) == {"transactionId": -7, **json.loads(text)}
    assert filled == numbering.filled_in(text, -7)


def test_a_number_is_known_unknown_or_lost() -> None:
    assert numbering.backend_id("a", {"a": 0}, set()) == 0
    assert numbering.backend_id("a", {"a": 5}, {"a"}) is None
    assert numbering.backend_id("b", {"a": 5}, {"a"}) == -1


@pytest.mark.parametrize(
    ("status", "repeated", "found"),
    [
        (AuthorizationStatus.CONCURRENT_TX, True, AuthorizationStatus.ACCEPTED),
        (AuthorizationStatus.CONCURRENT_TX, False, AuthorizationStatus.CONCURRENT_TX),
        (AuthorizationStatus.INVALID, True, AuthorizationStatus.INVALID),
        (AuthorizationStatus.ACCEPTED, True, AuthorizationStatus.ACCEPTED),
    ],
)
def test_concurrent_counts_as_accepted_only_for_a_repeat(
    status: AuthorizationStatus, repeated: bool, found: AuthorizationStatus
) -> None:
    info = IdTagInfo(status=status, expiry_wall_s=9.0, parent_id_tag="P")
    answered = numbering.start_answered("t", 4, info, repeated)
    assert answered.id_tag_info == IdTagInfo(status=found, expiry_wall_s=9.0, parent_id_tag="P")


# answers


def test_an_answer_to_a_start_is_read() -> None:
    text = '{"transactionId":12.0,"idTagInfo":{"status":"Blocked","expiryDate":"2027-01-15T09:00:00+01:00","x":1}}'
    assert start_answer(text) == (12, IdTagInfo(status=AuthorizationStatus.BLOCKED, expiry_wall_s=1_800_000_000.0))


def test_null_counts_as_absent() -> None:
    text = '{"idTagInfo":{"status":"Accepted","expiryDate":null,"parentIdTag":null}}'
    assert authorize_answer(text) == IdTagInfo(status=AuthorizationStatus.ACCEPTED)
    assert stop_answer('{"idTagInfo":null}', "t").id_tag_info is None
    assert stop_answer("{}", "t").id_tag_info is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"transactionId":1}',
        '{"transactionId":1.5,"idTagInfo":{"status":"Accepted"}}',
        '{"transactionId":"1","idTagInfo":{"status":"Accepted"}}',
        '{"transactionId":1,"idTagInfo":{}}',
        '{"transactionId":1e400,"idTagInfo":{"status":"Accepted"}}',
        '{"transactionId":1e300,"idTagInfo":{"status":"Accepted"}}',
        '{"transactionId":99999999999999999999999,"idTagInfo":{"status":"Accepted"}}',
        '{"transactionId":18446744073709551615,"idTagInfo":{"status":"Accepted"}}',
        '{"transactionId":1,"idTagInfo":{"status":"Accepted","parentIdTag":"\\ud800"}}',
        "[" * 50_000,
    ],
)
def test_an_unreadable_answer_is_told(text: str) -> None:
    with pytest.raises(Unreadable):
        start_answer(text)


@pytest.mark.parametrize(
    ("text", "wall_s"),
    [
        ("2027-01-15T08:00:00Z", 1_800_000_000.0),
        ("2027-01-15T08:00:00.5+00:00", 1_800_000_000.5),
        ("2027-01-15T08:00:00", 1_800_000_000.0),
        ("9999-12-31T23:59:59Z", 1e11),
        ("0001-01-01T00:00:00Z", 0.0),
        ("tomorrow", None),
        ("", None),
    ],
)
def test_times_are_read_as_backends_write_them(text: str, wall_s: float | None) -> None:
    assert wall_s_of(text) == wall_s


def test_an_answer_travels_as_the_values_of_a_request() -> None:
    assert answers.as_values(IdTagInfo(status=AuthorizationStatus.INVALID)) == {"status": "Invalid"}


# ids as they are stored


@pytest.mark.parametrize(
    "text",
    [
        "",
        "transaction-1",
        "000001000000-001003-00000001",
        "0192f0c1-5e3a-7c42-9d10-3b1f6a7c8d9e",
        "0192F0C1-5E3A-7C42-9D10-3B1F6A7C8D9E",
        "0192f0c15e3a7c429d103b1f6a7c8d9e-----"[:36],
        "0192f0c1 5e3a 7c42 9d10 3b1f6a7c8d9e",
        "------------------------------------",
        "an id of thirty-six letters, exactly",
    ],
)
def test_every_id_comes_back_as_it_was(text: str) -> None:
    stored = journal.packed_id(text)
    assert journal.unpacked_id(stored) == text
    assert isinstance(stored, bytes) is (text == "0192f0c1-5e3a-7c42-9d10-3b1f6a7c8d9e")
