"""Capacity: what is held back, what gives way, what is refused; and StatusNotifications on their way."""

from pathlib import Path

import pytest

from bus.topics import QUEUE_AUTHORIZE, QUEUE_SEND, QUEUE_STATUS, QUEUE_TRIGGER_STATUS
from schemas.base import Answer
from schemas.message_queue import AuthorizeRequest, QueueStatus, SendCallRequest, TriggerStatusRequest
from schemas.ocpp_link import LinkState
from schemas.session import ConnectorStatus
from services.message_queue.rules import policy
from tests.virtual.queue_cell import (
    ACCEPTED,
    INTERNAL_ERROR,
    SILENT,
    Call_,
    QueueCell,
    Reply,
    accept,
    make_cell,
    metered,
    started,
    stopped,
)

pytestmark = pytest.mark.virtual

FULL_TEXT = "Message queue is full"


@pytest.fixture
def cell(tmp_path: Path) -> QueueCell:
    return make_cell(tmp_path, RetransmitMeterValues="true")


def fill(cell: QueueCell, waiting: int) -> None:
    """Offline, one transaction running, so many messages waiting (its StartTransaction is one of them)."""
    cell.offline()
    values = [metered(1, wh=1000 + each, at_s=1_800_000_000.0 + each) for each in range(waiting - 1)]
    cell.say(started(1), *values)
    cell.advance(2.0)


def statuses(cell: QueueCell) -> list[tuple[int, str, str]]:
    return [
        (call.payload["connectorId"], call.payload["status"], call.payload.get("info", ""))
        for call in cell.sent("StatusNotification")
    ]


# statuses


def test_a_status_is_told_with_its_time_error_and_codes(cell: QueueCell) -> None:
    cell.status(1, ConnectorStatus.FAULTED, "ConnectorLockFailure", "Plug locking failed")
    assert cell.calls[-1].payload == {
        "connectorId": 1,
        "errorCode": "ConnectorLockFailure",
        "info": "Plug locking failed",
        "status": "Faulted",
        "timestamp": "2027-01-15T08:00:00.000Z",
        "vendorErrorCode": "02-04-001",
    }


def test_after_a_reconnect_only_changes_are_told_and_only_the_latest(cell: QueueCell) -> None:
    cell.status(0, ConnectorStatus.AVAILABLE)
    cell.status(1, ConnectorStatus.AVAILABLE)
    cell.status(2, ConnectorStatus.AVAILABLE)
    cell.offline()
    for status in (ConnectorStatus.PREPARING, ConnectorStatus.CHARGING):
        cell.status(1, status)
    cell.status(2, ConnectorStatus.PREPARING)
    cell.status(2, ConnectorStatus.AVAILABLE)
    cell.online()
    assert statuses(cell)[3:] == [(1, "Charging", "")]


def test_what_the_backend_knows_survives_a_restart(cell: QueueCell) -> None:
    cell.status(1, ConnectorStatus.AVAILABLE)
    cell.kill("message_queue")
    cell.start("message_queue")
    cell.advance(5.0)
    assert len(cell.calls) == 1


def test_after_an_accepted_boot_every_connector_is_told_once(cell: QueueCell) -> None:
    for connector in (0, 1, 2):
        cell.status(connector, ConnectorStatus.AVAILABLE)
    cell.online(LinkState.REGISTERING)
    cell.registered_wall_s = 1_800_000_100.0
    cell.online()
    cell.advance(20.0)
    assert [connector for connector, _, _ in statuses(cell)] == [0, 1, 2, 0, 1, 2]
    cell.kill("message_queue")
    cell.start("message_queue")
    cell.advance(20.0)
    assert len(cell.calls) == 6, "the same registration is not a new one after a restart"


def test_a_status_that_is_refused_is_not_repeated_until_it_changes(cell: QueueCell) -> None:
    cell.backend = lambda _call: INTERNAL_ERROR
    cell.status(1, ConnectorStatus.PREPARING)
    cell.advance(60.0)
    assert len(cell.calls) == 1
    cell.backend = accept
    cell.status(1, ConnectorStatus.CHARGING)
    assert statuses(cell)[1:] == [(1, "Charging", "")]


def test_a_status_that_was_refused_is_told_again_on_the_next_connection(cell: QueueCell) -> None:
    cell.backend = lambda _call: INTERNAL_ERROR
    cell.status(1, ConnectorStatus.PREPARING)
    cell.offline()
    cell.backend = accept
    cell.online()
    assert statuses(cell) == [(1, "Preparing", "")] * 2


def test_billing_is_not_starved_by_statuses_that_are_never_answered(cell: QueueCell) -> None:
    cell.offline()
    cell.say(started(1), metered(1), stopped(1))
    cell.status(1, ConnectorStatus.FINISHING)
    cell.advance(1.0)
    cell.backend = lambda call: SILENT if call.action == "StatusNotification" else accept(call)
    cell.online()
    cell.advance(3.0)
    assert cell.actions()[:4] == ["StatusNotification", "StartTransaction", "MeterValues", "StopTransaction"]


def test_while_connected_everything_is_told_in_its_order(cell: QueueCell) -> None:
    cell.backend = lambda _call: None
    cell.status(1, ConnectorStatus.PREPARING)
    cell.say(started(1))
    cell.advance(0.5)
    cell.status(1, ConnectorStatus.CHARGING)
    cell.backend = accept
    cell.answer({})
    assert cell.actions() == ["StatusNotification", "StartTransaction", "StatusNotification"]


def test_a_status_overtakes_the_backlog(cell: QueueCell) -> None:
    cell.offline()
    cell.say(started(1), metered(1))
    cell.status(1, ConnectorStatus.CHARGING)
    cell.advance(1.0)
    cell.online()
    assert cell.actions() == ["StatusNotification", "StartTransaction", "MeterValues"]


@pytest.mark.parametrize(("connector", "told"), [(None, [0, 1, 2]), (1, [1]), (0, [0])])
def test_a_triggered_status_is_told_though_it_is_known(cell: QueueCell, connector: int | None, told: list[int]) -> None:
    for number in (0, 1, 2):
        cell.status(number, ConnectorStatus.AVAILABLE)
    answered = cell.answered(cell.ask(QUEUE_TRIGGER_STATUS, TriggerStatusRequest, connector=connector))
    assert answered is not None
    assert answered.outcome is Answer.ACCEPTED
    assert statuses(cell)[3:] == [(number, "Available", "Triggered status report") for number in told]
    assert cell.queue.status == 0


@pytest.mark.parametrize(("connector", "words"), [(3, "0 to 2"), (1, "session")])
def test_a_trigger_that_cannot_be_met_is_refused(cell: QueueCell, connector: int, words: str) -> None:
    answered = cell.answered(cell.ask(QUEUE_TRIGGER_STATUS, TriggerStatusRequest, connector=connector))
    assert answered is not None
    assert answered.outcome is Answer.REJECTED
    assert words in answered.reason


def test_without_a_connection_a_trigger_is_refused(cell: QueueCell) -> None:
    cell.status(1, ConnectorStatus.AVAILABLE)
    cell.offline()
    answered = cell.answered(cell.ask(QUEUE_TRIGGER_STATUS, TriggerStatusRequest, connector=1))
    assert answered is not None
    assert answered.outcome is Answer.REJECTED


def test_another_link_is_another_connection(cell: QueueCell) -> None:
    cell.backend = lambda _call: INTERNAL_ERROR
    cell.status(1, ConnectorStatus.PREPARING)
    cell.kill_link()
    cell.backend = accept
    cell.start("ocpp_link")
    cell.advance(1.0)
    assert statuses(cell) == [(1, "Preparing", "")] * 2


# capacity


def test_from_seventy_on_statuses_are_held_back_and_told_below_it(cell: QueueCell) -> None:
    cell.status(1, ConnectorStatus.AVAILABLE)
    fill(cell, 69)
    assert not cell.queue.status_held_back
    cell.say(metered(1))
    cell.advance(1.0)
    assert cell.queue.status_held_back
    cell.status(1, ConnectorStatus.CHARGING)
    assert cell.queue.status == 0
    cell.online()
    cell.advance(1.0)
    place = cell.actions().index("StatusNotification", 1)
    assert cell.actions()[1:place] == ["StartTransaction"], "one less than seventy wait"
    assert statuses(cell)[-1] == (1, "Charging", "")


def test_what_bills_is_stored_beyond_the_capacity_and_meter_values_give_way(cell: QueueCell) -> None:
    fill(cell, 349)
    assert (cell.queue.waiting, cell.queue.full) == (349, True), "the place of the StopTransaction is taken"
    cell.say(stopped(1))
    cell.advance(1.0)
    assert cell.queue.waiting == 350
    cell.say(started(2, connector=2))
    cell.advance(1.0)
    assert cell.queue.waiting < 350
    assert cell.queue.waiting + cell.queue.discarded == 351
    cell.online()
    sent = [call.payload["meterValue"][0]["sampledValue"][0]["value"] for call in cell.sent("MeterValues")]
    assert (sent[0], sent[1], sent[-1]) == ("1000", "1002", "1347"), "every second one, the ends stay"
    assert cell.actions()[0] == cell.actions()[-1] == "StartTransaction"
    assert cell.sent("StopTransaction")[0].payload["transactionId"] == 101


def test_statuses_give_way_before_meter_values(cell: QueueCell) -> None:
    cell.offline()
    cell.status(1, ConnectorStatus.CHARGING)
    cell.advance(1.0)
    assert cell.queue.status == 1
    values = [metered(1, wh=1000 + each) for each in range(347)]
    cell.say(started(1), *values)
    cell.advance(1.0)
    assert (cell.queue.waiting, cell.queue.status) == (349, 1)
    cell.say(metered(1, wh=9999))
    cell.advance(1.0)
    assert (cell.queue.transaction, cell.queue.status) == (349, 0)
    cell.online()
    cell.advance(1.0)
    assert len(cell.sent("MeterValues")) == 348
    assert statuses(cell)[-1] == (1, "Charging", ""), "held back, not forgotten"


def test_a_full_queue_does_not_refuse_charging_by_itself(cell: QueueCell) -> None:
    fill(cell, 349)
    assert cell.queue.full
    assert not cell.queue.charging_refused
    assert cell.fault_codes() == []


def test_with_the_key_a_full_queue_refuses_charging_and_recovers_by_itself(cell: QueueCell) -> None:
    cell.set_key("OcppQueueFullAsErrorState", "true")
    fill(cell, 349)
    assert cell.queue.charging_refused
    assert cell.fault_codes() == ["message_queue_full"]
    refused: list[bool] = []
    cell.online()
    cell.advance(2.0)
    refused = [body.charging_refused for body in cell.bodies(QUEUE_STATUS)]
    assert refused[-1] is False
    assert cell.fault_codes() == []


def test_that_charging_is_refused_is_said_at_once(cell: QueueCell) -> None:
    cell.set_key("OcppQueueFullAsErrorState", "true")
    cell.offline()
    cell.say(started(1), *[metered(1, wh=1000 + each) for each in range(348)])
    assert cell.queue.charging_refused


def test_that_the_queue_was_full_and_its_end_both_arrive(cell: QueueCell) -> None:
    cell.set_key("OcppQueueFullAsErrorState", "true")
    cell.status(1, ConnectorStatus.CHARGING)
    fill(cell, 349)
    cell.status(1, ConnectorStatus.SUSPENDED_EVSE, "OtherError", FULL_TEXT)
    resumed = []

    def resumes_below_350(call: Call_) -> Reply:
        if call.action == "MeterValues" and not resumed:
            resumed.append(call)
            session = cell.processes["session"].service
            cell.statuses[1] = (ConnectorStatus.CHARGING, "NoError", "")
            session.say_status(1)  # type: ignore[attr-defined]
        return accept(call)

    cell.backend = resumes_below_350
    cell.online()
    cell.advance(5.0)
    assert statuses(cell) == [(1, "Charging", ""), (1, "SuspendedEVSE", FULL_TEXT), (1, "Charging", "")]
    assert cell.sent("StatusNotification")[1].payload["vendorErrorCode"] == "01-05-006"
    held = len(cell.calls) - cell.calls.index(cell.sent("StatusNotification")[1])
    assert held <= 72, "not before fewer than 70 wait"


def test_ten_thousand_messages_refuse_charging_whatever_the_key_says(
    cell: QueueCell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policy, "CAPACITY", 15)
    monkeypatch.setattr(policy, "MOST", 20)
    cell.offline()
    for card in range(1, 10):
        cell.say(started(card), stopped(card))
    cell.advance(2.0)
    assert not cell.queue.charging_refused
    cell.say(started(10))
    cell.advance(2.0)
    assert cell.queue.charging_refused
    assert cell.fault_codes() == ["message_queue_full"]
    cell.say(started(11), stopped(10))
    cell.advance(2.0)
    assert cell.acknowledged == 19, "the StartTransaction stays with session until there is room"
    cell.online()
    cell.advance(5.0)
    assert cell.is_empty()
    assert cell.actions().count("StartTransaction") == 11


def test_the_place_of_a_stop_is_kept_until_it_comes(cell: QueueCell, monkeypatch: pytest.MonkeyPatch) -> None:
    cell.say(started(1), started(2, connector=2))
    cell.kill("message_queue")
    cell.start("message_queue")
    monkeypatch.setattr(policy, "CAPACITY", 5)
    cell.offline()
    cell.say(metered(1), metered(1), metered(1))
    cell.advance(2.0)
    assert (cell.queue.waiting, cell.queue.full) == (3, True)
    cell.say(stopped(1), stopped(2))
    cell.advance(2.0)
    assert cell.queue.waiting == 5


# requests


def test_authorize_overtakes_everything_and_carries_the_answer(cell: QueueCell) -> None:
    info = {"status": "Accepted", "expiryDate": "2027-06-01T00:00:00Z", "parentIdTag": "FLEET"}
    cell.backend = lambda call: {"idTagInfo": info} if call.action == "Authorize" else None
    cell.status(1, ConnectorStatus.PREPARING)
    cell.status(2, ConnectorStatus.PREPARING)
    cell.say(started(1))
    request_id = cell.ask(QUEUE_AUTHORIZE, AuthorizeRequest, id_tag="CARD-7")
    cell.answer({})
    assert cell.actions()[:2] == ["StatusNotification", "Authorize"]
    assert cell.calls[1].payload == {"idTag": "CARD-7"}
    answered = cell.answered(request_id)
    assert answered is not None
    assert answered.outcome is Answer.ACCEPTED
    assert answered.values == {
        "status": "Accepted",
        "expiry_wall_s": "1811808000.000",
        "parent_id_tag": "FLEET",
    }


@pytest.mark.parametrize(
    ("reply", "words"), [(INTERNAL_ERROR, "InternalError"), (SILENT, "timed out"), ({"idTagInfo": 5}, "cannot be read")]
)
def test_an_authorize_that_fails_is_refused_and_not_repeated(cell: QueueCell, reply: Reply, words: str) -> None:
    cell.backend = lambda _call: reply
    answered_id = cell.ask(QUEUE_AUTHORIZE, AuthorizeRequest, id_tag="CARD-7")
    cell.advance(10.0)
    answered = cell.answered(answered_id)
    assert answered is not None
    assert answered.outcome is Answer.REJECTED
    assert words in answered.reason
    assert len(cell.calls) == 1


def test_offline_a_request_is_refused_at_once(cell: QueueCell) -> None:
    cell.offline()
    answered = cell.answered(cell.ask(QUEUE_AUTHORIZE, AuthorizeRequest, id_tag="CARD-7"))
    assert answered is not None
    assert answered.outcome is Answer.REJECTED


def test_a_request_in_flight_is_refused_when_the_connection_breaks(cell: QueueCell) -> None:
    cell.backend = lambda _call: None
    waiting = cell.ask(QUEUE_AUTHORIZE, AuthorizeRequest, id_tag="CARD-7")
    behind = cell.ask(QUEUE_AUTHORIZE, AuthorizeRequest, id_tag="CARD-8")
    cell.offline()
    for request_id in (waiting, behind):
        answered = cell.answered(request_id)
        assert answered is not None
        assert answered.outcome is Answer.REJECTED


def test_an_authorize_expires_with_its_request(cell: QueueCell) -> None:
    cell.backend = lambda _call: None
    cell.status(1, ConnectorStatus.PREPARING)
    cell.ask(QUEUE_AUTHORIZE, AuthorizeRequest, id_tag="CARD-7", seconds=5.0)
    cell.advance(6.0)
    cell.backend = accept
    cell.answer({})
    cell.advance(5.0)
    assert cell.actions() == ["StatusNotification"]


def test_any_other_call_is_sent_and_its_answer_handed_on(cell: QueueCell) -> None:
    cell.backend = lambda _call: {"status": "Accepted", "data": "x"}
    request_id = cell.ask(QUEUE_SEND, SendCallRequest, action="DataTransfer", payload='{"vendorId":"me"}')
    answered = cell.answered(request_id)
    assert answered is not None
    assert answered.values == {"answer": '{"status": "Accepted", "data": "x"}'}


@pytest.mark.parametrize(
    ("action", "payload", "words"),
    [
        ("StartTransaction", "{}", "not sent by this way"),
        ("DataTransfer", "[1]", "not a JSON object"),
        ("DataTransfer", "{", "not JSON"),
        ("DataTransfer", "[" * 10_000, "not JSON"),
        ("MeterValues", '{"connectorId":"one"}', "connectorId"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_words(cell: QueueCell, action: str, payload: str, words: str) -> None:
    answered = cell.answered(cell.ask(QUEUE_SEND, SendCallRequest, action=action, payload=payload))
    assert answered is not None
    assert answered.outcome is Answer.REJECTED
    assert words in answered.reason
    assert cell.calls == []


def test_a_security_event_is_durable_and_answered_when_it_is_stored(cell: QueueCell) -> None:
    cell.offline()
    payload = '{"type":"StartupOfTheDevice","timestamp":"2027-01-15T08:00:00Z"}'
    request_id = cell.ask(QUEUE_SEND, SendCallRequest, action="SecurityEventNotification", payload=payload)
    cell.advance(1.0)
    answered = cell.answered(request_id)
    assert answered is not None
    assert answered.outcome is Answer.ACCEPTED
    assert cell.queue.security == 1
    cell.kill("message_queue")
    cell.start("message_queue")
    cell.advance(1.0)
    cell.online()
    assert cell.actions() == ["SecurityEventNotification"]


def test_an_authorize_that_nobody_waits_for_any_more_is_not_sent(cell: QueueCell) -> None:
    cell.backend = lambda _call: None
    cell.say(started(1))
    cell.ask(QUEUE_AUTHORIZE, AuthorizeRequest, id_tag="CARD-7", seconds=1.0)
    cell.advance(10.0)
    cell.answer({**ACCEPTED, "transactionId": 1})
    cell.advance(1.0)
    assert cell.actions() == ["StartTransaction"]


def test_the_state_is_said_at_most_once_a_second(cell: QueueCell) -> None:
    before = len(cell.bodies(QUEUE_STATUS))
    cell.offline()
    for each in range(20):
        cell.say(metered(1) if each else started(1))
        cell.advance(0.1)
    cell.advance(2.0)
    said = cell.bodies(QUEUE_STATUS)[before:]
    assert len(said) <= 4
    assert isinstance(said[-1], QueueStatus)
    assert said[-1].waiting == 20


# no backend


def test_without_a_backend_nothing_is_queued(tmp_path: Path) -> None:
    cell = make_cell(tmp_path, ConnectionType="No Backend")
    cell.offline()
    cell.status(1, ConnectorStatus.AVAILABLE)
    cell.say(started(1), metered(1), stopped(1))
    cell.advance(2.0)
    assert cell.acknowledged == 3
    assert (cell.queue.waiting, cell.queue.full) == (0, False)


def test_what_a_backend_has_begun_to_hear_is_kept_for_it(cell: QueueCell) -> None:
    cell.say(started(1))
    cell.offline()
    cell.set_key("ConnectionType", "No Backend")
    cell.say(stopped(1), started(2), stopped(2))
    cell.advance(2.0)
    cell.set_key("ConnectionType", "Ethernet")
    cell.online()
    assert cell.actions() == ["StartTransaction", "StopTransaction"]
    assert cell.acknowledged == 4
