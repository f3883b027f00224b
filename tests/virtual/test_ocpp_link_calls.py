"""CALLs in both directions: what the backend asks, and what the queue offers, over one connection."""

import json
from pathlib import Path
from typing import Any

import pytest

from bus.topics import (
    QUEUE_TRIGGER_STATUS,
    SESSION_CHANGE_AVAILABILITY,
    SESSION_CLEAR_CACHE,
    SESSION_REMOTE_START,
    SESSION_REMOTE_STOP,
    SESSION_TRIGGER_METER_VALUES,
    SETTINGS_CHANGE,
    SETTINGS_GET_CONFIGURATION,
    SYSTEM_EVENT,
    SYSTEM_REBOOT,
    Topic,
)
from schemas.base import Answer
from schemas.ocpp_link import LinkState, Outcome
from schemas.system import BootReason
from tests.virtual.link_cell import STATUS, LinkCell

pytestmark = pytest.mark.virtual
PROFILE = {
    "chargingProfileId": 1, "stackLevel": 0, "chargingProfilePurpose": "TxProfile", "chargingProfileKind": "Relative",
    "chargingSchedule": {"chargingRateUnit": "A", "chargingSchedulePeriod": [{"startPeriod": 0, "limit": 16.1}]},
}  # fmt: skip


@pytest.fixture
def cell(tmp_path: Path) -> Any:
    result = LinkCell(tmp_path).online()
    yield result
    result.backend.check()


def asked(cell: LinkCell, action: str, payload: dict[str, Any] | None = None, within_s: float = 0.0) -> Any:
    reply = cell.backend.call(action, payload)
    cell.settle()
    cell.advance(within_s)
    return reply


# the backend asks


@pytest.mark.parametrize(
    ("action", "payload", "topic", "fields"),
    [
        ("RemoteStartTransaction", {"idTag": "A", "connectorId": 2}, SESSION_REMOTE_START,
         {"id_tag": "A", "connector": 2, "charging_profile": ""}),
        ("RemoteStartTransaction", {"idTag": "A"}, SESSION_REMOTE_START, {"connector": None}),
        ("RemoteStopTransaction", {"transactionId": -3}, SESSION_REMOTE_STOP, {"backend_transaction_id": -3}),
        ("ChangeAvailability", {"connectorId": 0, "type": "Inoperative"}, SESSION_CHANGE_AVAILABILITY,
         {"connector": 0, "operative": False}),
        ("ChangeAvailability", {"connectorId": 1, "type": "Operative"}, SESSION_CHANGE_AVAILABILITY,
         {"connector": 1, "operative": True}),
        ("ChangeConfiguration", {"key": "K", "value": "V"}, SETTINGS_CHANGE,
         {"key": "K", "value": "V", "actor": "backend"}),
        ("ClearCache", {}, SESSION_CLEAR_CACHE, {}),
        ("ClearCache", None, SESSION_CLEAR_CACHE, {}),
        ("Reset", {"type": "Hard"}, SYSTEM_REBOOT, {"reason": BootReason.HARD_RESET}),
        ("Reset", {"type": "Soft"}, SYSTEM_REBOOT, {"reason": BootReason.SOFT_RESET}),
        ("TriggerMessage", {"requestedMessage": "StatusNotification"}, QUEUE_TRIGGER_STATUS, {"connector": None}),
        ("TriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": 0}, QUEUE_TRIGGER_STATUS,
         {"connector": 0}),
        ("TriggerMessage", {"requestedMessage": "MeterValues", "connectorId": 1}, SESSION_TRIGGER_METER_VALUES,
         {"connector": 1}),
    ],
)  # fmt: skip
def test_each_action_becomes_a_request_to_its_owner(
    cell: LinkCell, action: str, payload: dict[str, Any] | None, topic: Topic[Any], fields: dict[str, Any]
) -> None:
    reply = asked(cell, action, payload)
    (request,) = cell.requests(topic)
    assert {name: getattr(request, name) for name in fields} == fields
    assert request.expires_s == pytest.approx(cell.clock.boot_s + 20.0, abs=0.1)
    assert reply.payload == {"status": "Accepted"}


def test_a_charging_profile_travels_as_it_came(cell: LinkCell) -> None:
    asked(cell, "RemoteStartTransaction", {"idTag": "A", "chargingProfile": PROFILE})
    (request,) = cell.requests(SESSION_REMOTE_START)
    assert json.loads(request.charging_profile) == PROFILE


@pytest.mark.parametrize(
    ("action", "payload", "topic", "words"),
    [
        ("RemoteStartTransaction", {"idTag": "A"}, "session.remote_start",
         {Answer.ACCEPTED: "Accepted", Answer.REJECTED: "Rejected"}),
        ("RemoteStopTransaction", {"transactionId": 1}, "session.remote_stop",
         {Answer.ACCEPTED: "Accepted", Answer.REJECTED: "Rejected"}),
        ("ChangeAvailability", {"connectorId": 1, "type": "Operative"}, "session.change_availability",
         {Answer.ACCEPTED: "Accepted", Answer.REJECTED: "Rejected", Answer.SCHEDULED: "Scheduled"}),
        ("ChangeConfiguration", {"key": "K", "value": "V"}, "settings.change",
         {Answer.ACCEPTED: "Accepted", Answer.REJECTED: "Rejected", Answer.REBOOT_REQUIRED: "RebootRequired",
          Answer.NOT_SUPPORTED: "NotSupported"}),
        ("ClearCache", {}, "session.clear_cache", {Answer.ACCEPTED: "Accepted", Answer.REJECTED: "Rejected"}),
        ("Reset", {"type": "Hard"}, "system.reboot", {Answer.ACCEPTED: "Accepted", Answer.REJECTED: "Rejected"}),
        ("UnlockConnector", {"connectorId": 1}, "session.unlock_connector",
         {Answer.ACCEPTED: "Unlocked", Answer.REJECTED: "UnlockFailed", Answer.NOT_SUPPORTED: "NotSupported"}),
        ("TriggerMessage", {"requestedMessage": "MeterValues"}, "session.trigger_meter_values",
         {Answer.ACCEPTED: "Accepted", Answer.REJECTED: "Rejected", Answer.NOT_SUPPORTED: "NotImplemented"}),
    ],
)  # fmt: skip
def test_each_outcome_has_its_word(
    cell: LinkCell, action: str, payload: dict[str, Any], topic: str, words: dict[Answer, str]
) -> None:
    for outcome, word in words.items():
        cell.script[topic] = (outcome, "", {})
        assert asked(cell, action, payload).payload == {"status": word}
    cell.script[topic] = (Answer.UNKNOWN, "", {})
    assert asked(cell, action, payload).error_code == "InternalError"


def test_configuration_is_told_as_settings_composed_it(cell: LinkCell) -> None:
    known = [{"key": "HeartbeatInterval", "readonly": False, "value": "300"}, {"key": "Empty", "readonly": True}]
    values = {"configurationKey": json.dumps(known), "unknownKey": '["Nonsense"]'}
    cell.script["settings.get_configuration"] = (Answer.ACCEPTED, "", values)
    reply = asked(cell, "GetConfiguration", {"key": ["HeartbeatInterval", "Empty", "Nonsense"]})
    assert reply.payload == {"configurationKey": known, "unknownKey": ["Nonsense"]}
    assert cell.requests(SETTINGS_GET_CONFIGURATION)[0].keys == ("HeartbeatInterval", "Empty", "Nonsense")
    cell.script["settings.get_configuration"] = (Answer.REJECTED, "at most 100 keys", {})
    reply = asked(cell, "GetConfiguration", {})
    assert (reply.error_code, reply.error_description) == ("OccurenceConstraintViolation", "at most 100 keys")


@pytest.mark.parametrize("values", [{"configurationKey": "{"}, {"configurationKey": "{}"}, {"configurationKey": "[7]"}])
def test_a_wrong_answer_of_an_owner_is_an_internal_error(cell: LinkCell, values: dict[str, str]) -> None:
    cell.script["settings.get_configuration"] = (Answer.ACCEPTED, "", values)
    assert asked(cell, "GetConfiguration", {}).error_code == "InternalError"


@pytest.mark.parametrize(
    ("action", "payload", "expected"),
    [
        ("RemoteStartTransaction", {"idTag": "A", "connectorId": 4711}, "Rejected"),
        ("RemoteStartTransaction", {"idTag": "A", "connectorId": -1}, "Rejected"),
        ("RemoteStopTransaction", {"transactionId": 2**80}, "Rejected"),
        ("ChangeAvailability", {"connectorId": 4711, "type": "Operative"}, "Rejected"),
        ("UnlockConnector", {"connectorId": -1}, "NotSupported"),
        ("TriggerMessage", {"requestedMessage": "StatusNotification", "connectorId": 4711}, "Rejected"),
        ("TriggerMessage", {"requestedMessage": "FirmwareStatusNotification"}, "NotImplemented"),
        ("TriggerMessage", {"requestedMessage": "DiagnosticsStatusNotification"}, "NotImplemented"),
        ("DataTransfer", {"vendorId": "nobody", "messageId": "x", "data": "[[[["}, "UnknownVendorId"),
    ],
)
def test_what_no_owner_could_do_is_answered_here(
    cell: LinkCell, action: str, payload: dict[str, Any], expected: str
) -> None:
    assert asked(cell, action, payload).payload == {"status": expected}


@pytest.mark.parametrize(
    ("action", "payload", "topic", "seconds"),
    [
        ("Reset", {"type": "Soft"}, "system.reboot", 20),
        ("UnlockConnector", {"connectorId": 1}, "session.unlock_connector", 25),
    ],
)
def test_an_owner_that_is_silent_past_its_time_is_an_internal_error(
    cell: LinkCell, action: str, payload: dict[str, Any], topic: str, seconds: int
) -> None:
    cell.script[topic] = None
    reply = asked(cell, action, payload, within_s=seconds - 1)
    assert not reply.done
    cell.advance(4)
    assert reply.error_code == "InternalError"


def test_a_dead_owner_is_an_internal_error_and_the_others_answer_meanwhile(cell: LinkCell) -> None:
    cell.kill("session")
    slow = cell.backend.call("ClearCache", {})
    assert asked(cell, "GetConfiguration", {}).payload == {"configurationKey": []}
    assert not slow.done
    cell.advance(23)
    assert slow.error_code == "InternalError"


def test_the_answer_is_not_given_to_another_connection(cell: LinkCell) -> None:
    cell.script["session.clear_cache"] = None
    reply = asked(cell, "ClearCache", {})
    cell.advance(5)
    cell.backend.hang_up()
    cell.online()
    cell.advance(30)
    assert reply.lost
    assert not reply.answers


def test_the_answer_goes_out_before_the_triggered_message(cell: LinkCell) -> None:
    cell.script["message_queue.trigger_status"] = None
    reply = cell.backend.call("TriggerMessage", {"requestedMessage": "StatusNotification"})
    cell.settle()
    cell.offer("triggered")
    assert cell.backend.actions() == ["BootNotification"], "held for two seconds at most"
    (request,) = cell.requests(QUEUE_TRIGGER_STATUS)
    cell.processes["message_queue"].endpoint.answer(request.request_id, Answer.ACCEPTED)
    cell.settle()
    assert reply.payload == {"status": "Accepted"}
    station = [text[:2] for who, text in cell.backend.frames if who == "station"]
    assert station == ["[2", "[3", "[2"]


def test_a_silent_owner_of_a_trigger_holds_nothing_up_for_long(cell: LinkCell) -> None:
    cell.script["message_queue.trigger_status"] = None
    cell.backend.call("TriggerMessage", {"requestedMessage": "StatusNotification"})
    cell.settle()
    cell.offer("m-1")
    cell.advance(2.1)
    assert cell.backend.actions() == ["BootNotification", "StatusNotification"]


# the queue offers


def test_an_offer_is_sent_once_however_often_it_is_said(cell: LinkCell) -> None:
    cell.backend.answers("StatusNotification", {}, delay_s=10.0)
    for _ in range(4):
        cell.offer("m-1")
        cell.advance(2)
    assert len(cell.backend.calls("StatusNotification")) == 1
    cell.advance(3)
    cell.offer("m-1")
    assert len(cell.backend.calls("StatusNotification")) == 1
    (outcome,) = cell.outcomes()
    assert (outcome.outcome, outcome.payload, outcome.attempt) == (Outcome.ANSWERED, "{}", 1)
    heard = cell.backend.calls("StatusNotification")[0]
    assert heard.text == f'[2,"m-1","StatusNotification",{STATUS}]', "the payload is sent as it was stored"


def test_an_outcome_is_told_every_two_seconds_until_it_is_settled(cell: LinkCell) -> None:
    cell.offer("m-1")
    cell.advance(9)
    told = len([one for one in cell.said if one.topic.name == "ocpp_link.outcome"])
    assert 5 <= told <= 6
    cell.settled("m-1")
    cell.advance(10)
    assert len([one for one in cell.said if one.topic.name == "ocpp_link.outcome"]) == told


def test_a_settled_offer_that_is_still_the_last_one_said_is_not_sent_again(cell: LinkCell) -> None:
    cell.offer("m-1")
    cell.settled("m-1")
    cell.advance(30)
    assert len(cell.backend.calls("StatusNotification")) == 1


def test_an_attempt_that_was_settled_while_offline_is_not_sent_again(cell: LinkCell) -> None:
    cell.backend.hangs_up_on("StatusNotification")
    cell.offer("m-1")
    cell.offer("m-1")
    cell.settled("m-1")
    cell.online()
    cell.advance(30)
    assert len(cell.backend.calls("StatusNotification")) == 1
    cell.offer("m-1", attempt=2)
    assert len(cell.backend.calls("StatusNotification")) == 2


def test_the_next_attempt_carries_the_same_id_and_payload(cell: LinkCell) -> None:
    cell.backend.fails("StatusNotification", "InternalError", times=1)
    cell.offer("m-1")
    (failed,) = cell.outcomes()
    assert (failed.outcome, failed.error_code) == (Outcome.ERROR, "InternalError")
    cell.settled("m-1")
    cell.offer("m-1", attempt=2)
    assert [one.outcome for one in cell.outcomes()] == [Outcome.ERROR, Outcome.ANSWERED]
    first, second = cell.backend.calls("StatusNotification")
    assert first.text == second.text


def test_a_connection_lost_between_send_and_answer_is_told_at_once(cell: LinkCell) -> None:
    cell.backend.hangs_up_on("StatusNotification")
    cell.offer("m-1")
    (outcome,) = cell.outcomes()
    assert outcome.outcome is Outcome.CONNECTION_LOST


def test_nothing_is_sent_while_offline_and_the_present_offer_when_back(cell: LinkCell) -> None:
    cell.advance(60)
    cell.backend.hang_up()
    cell.settle()
    cell.offer("m-1")
    cell.offer("m-2")
    assert cell.outcomes() == []
    cell.online()
    cell.settle()
    assert [one.message_id for one in cell.backend.calls("StatusNotification")] == ["m-2"]


def test_a_withdrawn_offer_is_not_sent(cell: LinkCell) -> None:
    cell.advance(60)
    cell.backend.hang_up()
    cell.settle()
    cell.offer("m-1")
    cell.offer("")
    cell.online()
    assert cell.backend.calls("StatusNotification") == []


def test_one_call_at_a_time_also_between_heartbeat_and_queue(cell: LinkCell) -> None:
    cell.backend.answers("Heartbeat", {"currentTime": cell.backend.time_words()}, delay_s=20.0)
    cell.backend.call("TriggerMessage", {"requestedMessage": "Heartbeat"})
    cell.settle()
    cell.offer("m-1")
    assert cell.backend.actions() == ["BootNotification", "Heartbeat"]
    cell.advance(21)
    assert cell.backend.actions() == ["BootNotification", "Heartbeat", "StatusNotification"]


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("StatusNotification", '{"connectorId":1}'),
        ("StatusNotification", "{"),
        ("MeterValues", '{"connectorId":1,"meterValue":[],"extra":1}'),
        ("Heartbeat", "{}"),
        ("BootNotification", '{"chargePointVendor":"V","chargePointModel":"M"}'),
        ("NoSuchThing", "{}"),
    ],
)
def test_a_message_of_ours_that_breaks_its_schema_is_told_to_people_and_not_sent(
    cell: LinkCell, action: str, payload: str
) -> None:
    cell.offer("m-1", action, payload)
    (outcome,) = cell.outcomes()
    assert outcome.outcome is Outcome.INVALID
    assert cell.backend.actions() == ["BootNotification"]
    assert "m-1" in cell.requests(SYSTEM_EVENT)[0].text
    cell.settled("m-1")
    cell.offer("m-2")
    assert cell.outcomes()[-1].outcome is Outcome.ANSWERED


def test_an_answer_too_long_for_the_bus_is_an_error(cell: LinkCell) -> None:
    cell.backend.answers("DataTransfer", {"status": "Accepted", "data": "x" * 30_000})
    cell.offer("m-1", "DataTransfer", '{"vendorId":"v"}')
    (outcome,) = cell.outcomes()
    assert outcome.outcome is Outcome.ERROR
    assert cell.state is LinkState.ONLINE


def test_a_killed_queue_hears_the_outcome_when_it_is_back(cell: LinkCell) -> None:
    cell.backend.answers("StatusNotification", {}, delay_s=5.0)
    cell.offer("m-1")
    cell.kill("message_queue")
    cell.advance(10)
    cell.start("message_queue")
    cell.said.clear()
    cell.advance(3)
    assert [one.message_id for one in cell.outcomes()] == ["m-1"]


def test_a_killed_link_sends_again_with_the_same_id(cell: LinkCell) -> None:
    cell.backend.ignores("StatusNotification", times=1)
    cell.offer("m-1")
    cell.kill("ocpp_link")
    cell.start("ocpp_link")
    cell.online()
    cell.advance(1)
    first, second = cell.backend.calls("StatusNotification")
    assert first.text == second.text
