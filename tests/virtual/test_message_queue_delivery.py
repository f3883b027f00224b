"""Billing messages on their way to the backend: order, numbers, attempts, and what is given up."""

from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from bus.topics import QUEUE_AUTHORIZE, QUEUE_LIST, SESSION_ACKNOWLEDGED
from schemas.base import Acknowledged
from schemas.message_queue import (
    AuthorizationStatus,
    AuthorizeRequest,
    CallClass,
    QueueListRequest,
    StartAnswered,
    StopAnswered,
)
from schemas.ocpp_link import LinkState, Outcome
from schemas.session import ConnectorStatus, TransactionStarted
from tests.virtual.queue_cell import (
    ACCEPTED,
    INTERNAL_ERROR,
    INVALID,
    LOST,
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

DURABLE = {"RetransmitMeterValues": "true"}


@pytest.fixture
def cell(tmp_path: Path) -> QueueCell:
    return make_cell(tmp_path, **DURABLE)


def refusing(action: str, times: int, problem: Reply = INTERNAL_ERROR):
    """A backend that fails so often at this action, and accepts everything else."""
    left = [times]

    def answer(call: Call_) -> Reply:
        if call.action == action and left[0] > 0:
            left[0] -= 1
            return problem
        return accept(call)

    return answer


def test_a_charge_arrives_in_order_with_the_backends_number(cell: QueueCell) -> None:
    cell.say(started(1), metered(1), stopped(1))
    assert cell.actions() == ["StartTransaction", "MeterValues", "StopTransaction"]
    assert [call.payload.get("transactionId") for call in cell.calls] == [None, 101, 101]
    assert cell.sent("StopTransaction")[0].payload == {
        "transactionId": 101,
        "meterStop": 2000,
        "timestamp": "2027-01-15T09:00:00.000Z",
        "reason": "Local",
        "idTag": "CARD-1",
    }
    start, stop = cell.taken
    assert start == StartAnswered(
        transaction_id="transaction-1",
        backend_transaction_id=101,
        id_tag_info=start.id_tag_info,
    )
    assert start.id_tag_info.status is AuthorizationStatus.ACCEPTED
    assert stop.transaction_id == "transaction-1"
    assert cell.is_empty()
    assert cell.queue.waiting == 0


def test_a_whole_transaction_offline_is_sent_when_the_backend_is_back(cell: QueueCell) -> None:
    cell.offline()
    cell.say(started(1), metered(1), stopped(1))
    cell.advance(3600.0)
    assert cell.calls == []
    assert cell.acknowledged == 3, "the queue has it, session may forget it"
    assert (cell.queue.transaction, cell.queue.waits_because) == (3, "not registered at the backend: connecting")
    cell.online()
    assert cell.actions() == ["StartTransaction", "MeterValues", "StopTransaction"]
    assert [call.payload.get("transactionId") for call in cell.calls] == [None, 101, 101]


def test_two_transactions_may_get_the_same_number(cell: QueueCell) -> None:
    cell.backend = lambda call: {**ACCEPTED, "transactionId": 7} if call.action == "StartTransaction" else accept(call)
    cell.offline()
    cell.say(started(1), started(2, connector=2), metered(1), stopped(2, connector=2), stopped(1))
    cell.online()
    assert [call.payload.get("transactionId") for call in cell.calls] == [None, None, 7, 7, 7]
    assert [fact.transaction_id for fact in cell.taken] == [f"transaction-{card}" for card in (1, 2, 2, 1)]


@pytest.mark.parametrize("number", [0, -5])
def test_a_number_may_be_zero_or_negative(cell: QueueCell, number: int) -> None:
    cell.backend = lambda call: {**ACCEPTED, "transactionId": number} if "idTag" in call.payload else accept(call)
    cell.say(started(1), metered(1))
    assert cell.calls[-1].payload["transactionId"] == number
    assert cell.taken[0].backend_transaction_id == number


@pytest.mark.parametrize("state", [LinkState.REGISTERING, LinkState.PENDING, LinkState.REJECTED, LinkState.WAITING])
def test_before_registration_nothing_is_offered(tmp_path: Path, state: LinkState) -> None:
    cell = make_cell(tmp_path, power=False)
    cell.link_state = state
    cell.power_up()
    cell.say(started(1))
    cell.advance(60.0)
    assert cell.calls == []
    assert cell.queue.in_flight == ""


def test_attempts_are_spaced_by_the_interval_times_the_number_of_sends(cell: QueueCell) -> None:
    cell.set_key("TransactionMessageAttempts", "3")
    cell.set_key("TransactionMessageRetryInterval", "60")
    cell.backend = refusing("StopTransaction", 2)
    cell.say(started(1), stopped(1))
    cell.advance(300.0)
    times = [call.at_s for call in cell.sent("StopTransaction")]
    assert [round(later - earlier, 3) for earlier, later in pairwise(times)] == [60.0, 120.0]
    assert len({call.message_id for call in cell.sent("StopTransaction")}) == 1
    assert cell.taken[-1].given_up is False


def test_a_restart_does_not_shorten_the_interval(cell: QueueCell) -> None:
    cell.set_key("TransactionMessageRetryInterval", "60")
    cell.backend = refusing("StartTransaction", 1)
    cell.say(started(1))
    cell.advance(10.0)
    cell.kill("message_queue")
    cell.start("message_queue")
    cell.advance(59.0)
    assert len(cell.calls) == 1
    cell.advance(2.0)
    assert len(cell.calls) == 2


def test_a_waiting_interval_holds_up_billing_but_not_the_others(cell: QueueCell) -> None:
    cell.set_key("TransactionMessageRetryInterval", "60")
    cell.backend = refusing("StartTransaction", 1)
    cell.say(started(1), metered(1))
    cell.advance(1.0)
    assert cell.queue.waits_because == "waits for its next attempt"
    cell.status(1, ConnectorStatus.CHARGING)
    request_id = cell.ask(QUEUE_AUTHORIZE, AuthorizeRequest, id_tag="CARD-9")
    answered = cell.answered(request_id)
    assert answered is not None
    assert answered.values == {"status": "Accepted"}
    assert cell.actions() == ["StartTransaction", "StatusNotification", "Authorize"]
    cell.advance(60.0)
    assert cell.actions()[3:] == ["StartTransaction", "MeterValues"]


def test_a_message_given_up_leaves_the_queue_but_not_the_store(cell: QueueCell) -> None:
    cell.backend = refusing("MeterValues", 5)
    cell.say(started(1), metered(1), stopped(1))
    assert len(cell.sent("MeterValues")) == 5
    assert cell.actions()[-1] == "StopTransaction"
    assert cell.is_empty()
    (row,) = cell.rows(given_up=True, whole=True)
    assert (row.action, row.call_class, row.attempts, row.waits_because) == (
        "MeterValues",
        CallClass.TRANSACTION,
        5,
        "given up",
    )
    assert [(each.number, each.outcome, each.detail) for each in row.history] == [
        (number, "error", "InternalError") for number in range(1, 6)
    ]
    assert '"transactionId":101' in row.payload
    cell.advance(1.0)
    assert cell.queue.given_up == 1
    assert [(event.code, event.text) for event in cell.events] == [
        ("message_given_up", "MeterValues given up after 5 attempts: InternalError")
    ]


def test_what_was_given_up_is_told_when_system_is_back(cell: QueueCell) -> None:
    cell.kill("system")
    cell.backend = refusing("MeterValues", 5)
    cell.say(started(1), metered(1))
    cell.advance(60.0)
    cell.start("system")
    cell.advance(40.0)
    assert [event.code for event in cell.events] == ["message_given_up"]


def test_after_a_start_given_up_the_rest_of_the_transaction_carries_minus_one(cell: QueueCell) -> None:
    cell.backend = refusing("StartTransaction", 5)
    cell.say(started(1), metered(1), stopped(1), started(2))
    assert len([call for call in cell.sent("StartTransaction") if call.payload["idTag"] == "CARD-1"]) == 5
    assert cell.sent("MeterValues")[0].payload["transactionId"] == -1
    assert cell.sent("StopTransaction")[0].payload["transactionId"] == -1
    assert cell.taken[0] == StartAnswered(transaction_id="transaction-1", backend_transaction_id=-1)
    assert cell.taken[-1].backend_transaction_id == 102


def test_volatile_meter_values_are_not_sent_after_the_end_of_their_transaction(tmp_path: Path) -> None:
    cell = make_cell(tmp_path)
    cell.say(started(1))
    cell.offline()
    cell.say(metered(1), metered(1), stopped(1))
    cell.backend = refusing("MeterValues", 1, SILENT)
    cell.online()
    cell.advance(5.0)
    assert cell.actions() == ["StartTransaction", "MeterValues", "StopTransaction"]


def test_volatile_meter_values_after_a_start_given_up_carry_minus_one_too(tmp_path: Path) -> None:
    cell = make_cell(tmp_path, TransactionMessageAttempts="1")
    cell.backend = refusing("StartTransaction", 1)
    cell.say(started(1), metered(1))
    assert cell.sent("MeterValues")[0].payload["transactionId"] == -1


def test_a_stop_given_up_is_told_to_session(cell: QueueCell) -> None:
    cell.backend = refusing("StopTransaction", 5)
    cell.say(started(1), stopped(1))
    assert cell.taken[-1] == StopAnswered(transaction_id="transaction-1", given_up=True)


def test_with_zero_attempts_nothing_is_ever_given_up(cell: QueueCell) -> None:
    cell.set_key("TransactionMessageAttempts", "0")
    cell.backend = refusing("StartTransaction", 40)
    cell.say(started(1))
    assert len(cell.sent("StartTransaction")) == 41
    assert cell.rows(given_up=True) == []


def test_the_messages_of_a_signing_meter_have_attempts_of_their_own(cell: QueueCell) -> None:
    cell.set_key("TransactionMessageAttempts", "1")
    cell.set_key("EichrechtTransactionMessageAttempts", "3")
    cell.backend = refusing("StartTransaction", 99)
    cell.say(started(1, signed=True), started(2))
    assert [len([c for c in cell.calls if c.payload["idTag"] == f"CARD-{card}"]) for card in (1, 2)] == [3, 1]


def test_a_broken_connection_consumes_no_attempt(cell: QueueCell) -> None:
    cell.set_key("TransactionMessageAttempts", "1")
    cell.backend = refusing("StartTransaction", 3, LOST)
    cell.say(started(1))
    cell.advance(30.0)
    calls = cell.sent("StartTransaction")
    assert [call.attempt for call in calls] == [1, 2, 3, 4]
    assert len({(call.message_id, call.text) for call in calls}) == 1
    assert cell.taken[0].backend_transaction_id == 101


def test_a_broken_connection_between_two_refusals_is_not_counted(cell: QueueCell) -> None:
    cell.set_key("TransactionMessageAttempts", "3")
    troubles = iter([INTERNAL_ERROR, LOST, LOST, INTERNAL_ERROR])
    cell.backend = lambda call: next(troubles, None) or accept(call)
    cell.say(started(1))
    cell.advance(30.0)
    assert len(cell.calls) == 5
    assert cell.taken[0].backend_transaction_id == 101


def test_after_a_broken_connection_no_interval_is_waited(cell: QueueCell) -> None:
    cell.set_key("TransactionMessageRetryInterval", "600")
    cell.backend = refusing("StartTransaction", 1, LOST)
    cell.say(started(1))
    cell.advance(5.0)
    assert len(cell.sent("StartTransaction")) == 2


def test_a_time_out_on_a_living_connection_consumes_one(cell: QueueCell) -> None:
    cell.set_key("TransactionMessageAttempts", "2")
    cell.backend = refusing("StartTransaction", 9, SILENT)
    cell.say(started(1))
    cell.advance(30.0)
    assert len(cell.sent("StartTransaction")) == 2
    assert cell.taken == [StartAnswered(transaction_id="transaction-1", backend_transaction_id=-1)]


def test_what_breaks_the_schema_is_given_up_at_once(cell: QueueCell) -> None:
    cell.set_key("TransactionMessageAttempts", "0")
    cell.backend = refusing("MeterValues", 1, INVALID)
    cell.say(started(1), metered(1), stopped(1))
    assert cell.actions() == ["StartTransaction", "MeterValues", "StopTransaction"]
    (row,) = cell.rows(given_up=True, whole=True)
    assert row.history[-1].outcome == Outcome.INVALID.value


def test_an_answer_that_cannot_be_read_is_a_failed_attempt(cell: QueueCell) -> None:
    cell.backend = refusing("StartTransaction", 1, {"idTagInfo": {"status": "Accepted"}})
    cell.say(started(1))
    cell.advance(3.0)
    assert len(cell.sent("StartTransaction")) == 2
    assert cell.taken[0].backend_transaction_id == 101


CONCURRENT = {"idTagInfo": {"status": "ConcurrentTx", "parentIdTag": "FLEET"}, "transactionId": 5}


def test_concurrent_to_a_repeated_start_means_the_one_begun_before(cell: QueueCell) -> None:
    cell.backend = lambda call: LOST if call.attempt == 1 else CONCURRENT
    cell.say(started(1))
    cell.advance(5.0)
    info = cell.taken[0].id_tag_info
    assert (info.status, info.parent_id_tag) == (AuthorizationStatus.ACCEPTED, "FLEET")


def test_concurrent_to_a_start_sent_once_stays_concurrent(cell: QueueCell) -> None:
    cell.backend = lambda _call: CONCURRENT
    cell.say(started(1))
    assert cell.taken[0].id_tag_info.status is AuthorizationStatus.CONCURRENT_TX


@pytest.mark.parametrize("also_the_queue", [False, True])
def test_concurrent_after_a_kill_of_the_link_means_the_one_begun_before(cell: QueueCell, also_the_queue: bool) -> None:
    cell.backend = lambda _call: None
    cell.say(started(1))
    cell.kill_link()
    if also_the_queue:
        cell.kill("message_queue")
        cell.start("message_queue")
    cell.backend = lambda _call: CONCURRENT
    cell.start("ocpp_link")
    cell.advance(5.0)
    assert [call.attempt for call in cell.calls] == [1, 1]
    assert cell.taken[0].id_tag_info.status is AuthorizationStatus.ACCEPTED


def test_without_retransmission_meter_values_are_volatile(tmp_path: Path) -> None:
    cell = make_cell(tmp_path)
    cell.say(started(1), metered(1))
    assert cell.actions() == ["StartTransaction", "MeterValues"]
    cell.offline()
    cell.say(metered(1))
    cell.advance(61.0)
    cell.say(metered(1, wh=1300), stopped(1))
    assert cell.acknowledged == 5
    cell.online()
    assert [call.payload["meterValue"][0]["sampledValue"][0]["value"] for call in cell.sent("MeterValues")] == [
        "1100",
        "1300",
    ]
    assert cell.actions()[-1] == "StopTransaction", "the values go before the end of their transaction"


def test_volatile_meter_values_are_not_repeated(tmp_path: Path) -> None:
    cell = make_cell(tmp_path)
    cell.backend = refusing("MeterValues", 1)
    cell.say(started(1), metered(1), stopped(1))
    assert cell.actions() == ["StartTransaction", "MeterValues", "StopTransaction"]


def test_meter_values_wait_for_the_number_of_their_transaction(tmp_path: Path) -> None:
    cell = make_cell(tmp_path)
    cell.backend = lambda _call: None
    cell.say(started(1), metered(1))
    assert cell.actions() == ["StartTransaction"]
    cell.backend = accept
    cell.answer({**ACCEPTED, "transactionId": 55})
    assert cell.sent("MeterValues")[0].payload["transactionId"] == 55


def test_a_restart_loses_and_repeats_nothing(cell: QueueCell) -> None:
    cell.offline()
    cell.say(started(1), metered(1))
    cell.kill("message_queue")
    cell.say(stopped(1))
    cell.start("message_queue")
    cell.advance(3.0)
    cell.online()
    assert cell.actions() == ["StartTransaction", "MeterValues", "StopTransaction"]
    assert cell.is_empty()


def test_a_fact_for_which_nothing_was_stored_is_not_asked_for_again_after_a_restart(tmp_path: Path) -> None:
    cell = make_cell(tmp_path)
    cell.say(started(1))
    cell.say(metered(1))
    cell.kill("message_queue")
    cell.start("message_queue")
    cell.say(stopped(1))
    cell.advance(3.0)
    assert cell.actions() == ["StartTransaction", "MeterValues", "StopTransaction"]
    assert cell.acknowledged == 3


def test_a_transaction_that_is_over_leaves_nothing_behind(cell: QueueCell) -> None:
    cell.say(started(1), metered(1), stopped(1))
    cell.kill("message_queue")
    cell.start("message_queue")
    store = cell.service.store
    assert (store.begun, store.waiting, store.waiting_facts(9)) == ({}, {}, [])


def test_a_restart_while_the_answer_is_on_its_way_sends_nothing_again(cell: QueueCell) -> None:
    cell.backend = lambda _call: None
    cell.say(started(1))
    cell.kill("message_queue")
    cell.backend = accept
    cell.answer({**ACCEPTED, "transactionId": 8})
    cell.start("message_queue")
    cell.advance(3.0)
    assert len(cell.calls) == 1
    assert cell.taken[0].backend_transaction_id == 8


def test_session_hears_its_answers_again_until_it_acknowledges(cell: QueueCell) -> None:
    cell.acknowledges = False
    cell.say(started(1), stopped(1))
    cell.kill("session")
    cell.advance(5.0)
    cell.acknowledges = True
    cell.start("session")
    cell.advance(3.0)
    assert [type(fact) for fact in cell.taken] == [StartAnswered, StopAnswered]
    assert cell.service.store.stream.lowest_waiting == 3


def test_a_session_that_appears_hears_what_waits_for_it_at_once(cell: QueueCell) -> None:
    cell.status(1, ConnectorStatus.AVAILABLE)
    cell.acknowledges = False
    cell.say(started(1))
    cell.kill("session")
    cell.taken.clear()
    cell.mark = None
    cell.advance(1.0)
    cell.start("session")
    cell.advance(0.1)
    assert [type(fact) for fact in cell.taken] == [StartAnswered]


def test_an_acknowledgement_takes_nothing_with_it_that_it_does_not_cover(cell: QueueCell) -> None:
    cell.acknowledges = False
    cell.say(started(1), stopped(1))
    stream = cell.service.store.stream
    acknowledged = Acknowledged(stream_id=stream.stream_id, mark=1)
    cell.processes["session"].endpoint.publish(SESSION_ACKNOWLEDGED, acknowledged)
    cell.settle()
    cell.kill("message_queue")
    cell.start("message_queue")
    assert [fact.number for fact in cell.service.store.waiting_facts(9)] == [2]


def test_a_replaced_store_of_session_begins_a_new_stream_and_is_told(cell: QueueCell) -> None:
    cell.say(started(1))
    cell.stream_id, cell.facts, cell.acknowledged = "stream-2", [], 0
    cell.say(started(2))
    assert [call.payload["idTag"] for call in cell.calls] == ["CARD-1", "CARD-2"]
    assert [event.code for event in cell.events] == ["stream_replaced"]


def test_a_replaced_store_of_the_queue_goes_on_where_session_is_and_is_told(cell: QueueCell) -> None:
    cell.offline()
    cell.say(started(1), metered(1))
    cell.kill("message_queue")
    (cell.home.data / "message_queue.db").write_bytes(b"this was a database")
    cell.start("message_queue")
    cell.say(stopped(1))
    cell.online()
    cell.advance(3.0)
    assert [(call.action, call.payload["transactionId"]) for call in cell.calls] == [("StopTransaction", -1)]
    assert sorted(event.code for event in cell.events) == ["store_replaced", "stream_replaced"]
    assert cell.fault_codes() == ["store_replaced"]


def test_a_full_disk_acknowledges_nothing_and_loses_nothing(cell: QueueCell) -> None:
    cell.disk_full = True
    cell.say(started(1), stopped(1))
    cell.advance(10.0)
    assert (cell.acknowledged, cell.calls) == (0, [])
    assert cell.fault_codes() == ["disk_full"]
    cell.disk_full = False
    cell.advance(10.0)
    assert cell.actions() == ["StartTransaction", "StopTransaction"]
    assert cell.is_empty()
    assert cell.fault_codes() == []


def test_that_the_disk_takes_commits_again_is_found_out(cell: QueueCell) -> None:
    cell.disk_full = True
    cell.say(started(1))
    cell.kill("session")
    cell.disk_full = False
    cell.advance(6.0)
    assert cell.fault_codes() == []


def test_an_answer_that_finds_the_disk_full_is_kept_by_the_link(cell: QueueCell) -> None:
    cell.backend = lambda _call: None
    cell.say(started(1), stopped(1))
    cell.disk_full = True
    cell.backend = accept
    cell.answer({**ACCEPTED, "transactionId": 8})
    cell.advance(10.0)
    assert cell.actions() == ["StartTransaction"]
    assert cell.taken == []
    cell.disk_full = False
    cell.advance(10.0)
    assert cell.actions() == ["StartTransaction", "StopTransaction"]
    assert [type(fact) for fact in cell.taken] == [StartAnswered, StopAnswered]


def test_people_see_what_waits_and_why(cell: QueueCell) -> None:
    cell.offline()
    cell.say(started(1), metered(1))
    first, second = cell.rows()
    assert (first.action, first.transaction_id, first.payload) == ("StartTransaction", "transaction-1", "")
    assert first.waits_because == second.waits_because == "not registered at the backend: connecting"
    cell.backend = lambda _call: None
    cell.online()
    assert [row.waits_because for row in cell.rows()] == ["on its way", "waits for the messages before it"]
    (whole,) = cell.rows(message_id=first.message_id)
    assert '"idTag":"CARD-1"' in whole.payload


def test_long_messages_are_listed_whole_in_pages_that_fit_the_bus(cell: QueueCell) -> None:
    cell.offline()
    long = stopped(1)
    samples = tuple(metered(1, wh=each).samples[0] for each in range(120))
    cell.say(started(1), *[msgspec.structs.replace(long, samples=samples)] * 60)
    rows = cell.rows(whole=True)
    assert len(rows) == 61
    assert min(len(row.payload) for row in rows[1:]) > 10_000
    assert len({row.message_id for row in rows}) == 61


def test_a_disk_that_is_full_is_not_tried_at_every_turn(cell: QueueCell) -> None:
    cell.offline()
    cell.say(started(1))
    cell.disk_full = True
    cell.online()
    before = cell.crash_points
    for _ in range(20):
        cell.set_key("AnyKey", "changed")
    assert cell.crash_points == before


def test_an_unknown_message_is_refused_with_words(cell: QueueCell) -> None:
    answered = cell.answered(cell.ask(QUEUE_LIST, QueueListRequest, message_id="nonsense"))
    assert answered is not None
    assert "chargectl queue ls" in answered.reason


def test_a_fact_without_any_value_is_taken_and_not_sent(cell: QueueCell) -> None:
    empty = metered(1).__class__(transaction_id="transaction-1", connector=1, samples=())
    cell.say(started(1), empty, stopped(1))
    assert cell.actions() == ["StartTransaction", "StopTransaction"]
    assert isinstance(cell.facts[0], TransactionStarted)
    assert cell.acknowledged == 3
