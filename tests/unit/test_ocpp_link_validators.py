"""The compiled validators against the official schemas, read by a second, independent validator."""

import copy
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ocpp_link.codec import Code
from services.ocpp_link.validators import Invalid, Strictness, known_actions, validator
from tests.backend.judge import complaints, schema

pytestmark = pytest.mark.unit
NAMES = sorted((action, response) for action in known_actions() for response in (False, True))
SENT, ASKED, ANSWERED = Strictness.SENT, Strictness.ASKED, Strictness.ANSWERED


def resolved(node: Any, root: Any) -> Any:
    return root["definitions"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node


def sample(node: Any, root: Any, *, full: bool) -> Any:
    """A valid value; `full` = with everything optional."""
    node = resolved(node, root)
    if "enum" in node:
        return node["enum"][-1]
    match node["type"]:
        case "object":
            wanted = node.get("properties", {}) if full else node.get("required", [])
            return {key: sample(node["properties"][key], root, full=full) for key in wanted}
        case "array":
            return [sample(node["items"], root, full=full)] * max(1, node.get("minItems", 1))
        case "integer":
            return 7
        case "number":
            return 16.1
        case "boolean":
            return True
    return "2026-11-20T10:00:00.000Z" if node.get("format") == "date-time" else "x" * min(20, node.get("maxLength", 9))


def says(name: str, strictness: Strictness, payload: Any) -> str:
    """The code; empty = valid."""
    action, response = name.removesuffix("Response"), name.endswith("Response")
    try:
        validator(action, strictness, response).check(json.dumps(payload))
    except Invalid as error:
        return error.code
    return ""


def full_name(action: str, response: bool) -> str:
    return f"{action}Response" if response else action


@pytest.mark.parametrize(("action", "response"), NAMES)
def test_every_schema_compiles_and_takes_its_smallest_and_fullest_message(action: str, response: bool) -> None:
    name = full_name(action, response)
    for full in (False, True):
        payload = sample(schema(name), schema(name), full=full)
        assert complaints(name, payload) == []
        for strictness in Strictness:
            assert says(name, strictness, payload) == ""
        again = json.loads(validator(action, ANSWERED, response).text(json.dumps(payload)))
        assert again == payload, "the plainest spelling says the same"
        assert validator(action, ASKED, response).fields(json.dumps(payload)) == payload


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inner for place in places(one, (*path, key)))]


def changed(payload: Any, path: tuple[Any, ...], new: Any) -> Any:
    if not path:
        return new
    result = copy.deepcopy(payload)
    node = result
    for key in path[:-1]:
        node = node[key]
    if new is DELETE:
        del node[path[-1]]
    else:
        node[path[-1]] = new
    return result


DELETE = object()
STRANGE = (None, True, 7, -1, 16.15, 10.5, "", "x" * 600, "Accepted", [], {}, [{}], {"a": 1}, DELETE)


@settings(max_examples=400)
@given(st.data())
def test_strict_and_official_agree_on_damaged_messages(data: st.DataObject) -> None:
    action, response = data.draw(st.sampled_from(NAMES))
    name = full_name(action, response)
    payload = sample(schema(name), schema(name), full=True)
    path = data.draw(st.sampled_from(places(payload)))
    new = data.draw(st.sampled_from(STRANGE))
    if not path and new is DELETE:
        return
    damaged = changed(payload, path, new)
    official = complaints(name, damaged)
    ours = says(name, SENT, damaged)
    if not path and new is None:
        return  # null stands for no payload, which only OCPP-J knows
    if "date-time" in json.dumps(schema(name)) and ours and not official:
        return  # the official one does not look at formats; ours does
    if (name, path[-1:]) == ("GetConfigurationResponse", ("value",)) and isinstance(new, str) and not ours:
        return  # AllowLongOcppGetConfKeys: `settings` bounds the length, where it is off
    assert bool(ours) == bool(official), (name, path, new, ours, official)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ({}, Code.PROTOCOL_ERROR),
        ([], Code.FORMATION_VIOLATION),
        ({"connectorId": 1, "type": "Sometimes"}, Code.PROPERTY_CONSTRAINT),
        ({"connectorId": "1", "type": "Operative"}, Code.TYPE_CONSTRAINT),
        ({"connectorId": 1.0, "type": "Operative"}, Code.TYPE_CONSTRAINT),
        ({"connectorId": True, "type": "Operative"}, Code.TYPE_CONSTRAINT),
        ({"connectorId": None, "type": "Operative"}, Code.OCCURENCE_CONSTRAINT),
        ({"connectorId": 1, "type": "Operative", "extra": 1}, ""),
    ],
)
def test_each_kind_of_mistake_of_a_backend_has_its_code(payload: Any, code: str) -> None:
    assert says("ChangeAvailability", ASKED, payload) == code


def test_lengths_limits_and_empty_lists_have_their_codes() -> None:
    assert says("ChangeConfiguration", ASKED, {"key": "k" * 51, "value": ""}) == Code.TYPE_CONSTRAINT
    profile = sample(schema("RemoteStartTransaction"), schema("RemoteStartTransaction"), full=True)
    profile["chargingProfile"]["chargingSchedule"]["chargingSchedulePeriod"][0]["limit"] = 16.15
    assert says("RemoteStartTransaction", ASKED, profile) == Code.PROPERTY_CONSTRAINT
    empty = {"certificateHashData": []}
    assert says("GetInstalledCertificateIdsResponse", SENT, {"status": "Accepted", **empty}) == (
        Code.OCCURENCE_CONSTRAINT if "minItems" in json.dumps(schema("GetInstalledCertificateIdsResponse")) else ""
    )


def test_every_tenth_of_an_ampere_is_a_multiple_of_a_tenth() -> None:
    check = validator("RemoteStartTransaction", ASKED)
    profile = sample(schema("RemoteStartTransaction"), schema("RemoteStartTransaction"), full=True)
    period = profile["chargingProfile"]["chargingSchedule"]["chargingSchedulePeriod"][0]
    for tenths in range(1000):
        period["limit"] = tenths / 10
        check.check(json.dumps(profile))


def test_nothing_unknown_leaves_this_station() -> None:
    assert says("Heartbeat", SENT, {"extra": 1}) == Code.FORMATION_VIOLATION
    assert says("Heartbeat", ASKED, {"extra": 1}) == ""


def test_no_payload_may_be_written_as_null() -> None:
    assert says("ClearCache", ASKED, None) == ""
    assert says("HeartbeatResponse", ANSWERED, None) == Code.PROTOCOL_ERROR


def test_a_lenient_answer_is_told_in_its_plainest_spelling() -> None:
    text = '{"transactionId": 10.0, "extra": [1], "idTagInfo": {"status": "Accepted", "parentIdTag": null, "x": {}}}'
    plain = validator("StartTransaction", ANSWERED, True).text(text)
    assert json.loads(plain) == {"transactionId": 10, "idTagInfo": {"status": "Accepted"}}
    assert says("StartTransactionResponse", ANSWERED, {"transactionId": 10.5, "idTagInfo": {"status": "Accepted"}})
    assert says("StartTransactionResponse", SENT, {"transactionId": 10.0, "idTagInfo": {"status": "Accepted"}})


@pytest.mark.parametrize("number", [0, -1, -2_000_000_000, 2**31, 2**70])
def test_a_transaction_id_may_be_any_whole_number(number: int) -> None:
    payload = {"transactionId": number, "idTagInfo": {"status": "Accepted"}}
    assert json.loads(validator("StartTransaction", ANSWERED, True).text(json.dumps(payload))) == payload


def test_times_are_checked_where_we_send_them_and_not_where_a_backend_answers() -> None:
    broken = {"connectorId": 1, "errorCode": "NoError", "status": "Available", "timestamp": "yesterday"}
    assert says("StatusNotification", SENT, broken) == Code.TYPE_CONSTRAINT
    assert says("HeartbeatResponse", ANSWERED, {"currentTime": "yesterday"}) == ""


def test_an_action_nobody_knows_has_no_validator() -> None:
    with pytest.raises(KeyError):
        validator("../../secret", SENT)
