"""Cards, remote starts and stops with a backend that answers, refuses, is slow, or is away."""

from pathlib import Path

import pytest

from schemas.base import Answer
from schemas.message_queue import AuthorizationStatus, IdTagInfo
from schemas.session import StopReason, TransactionStarted
from tests.virtual.session_cell import SessionCell, make_cell

pytestmark = pytest.mark.virtual

INVALID = IdTagInfo(status=AuthorizationStatus.INVALID)


@pytest.fixture
def cell(tmp_path: Path) -> SessionCell:
    return with_backend(tmp_path)


def with_backend(path: Path, **keys: str) -> SessionCell:
    cell = make_cell(path, backend=True, **keys)
    cell.backend.accept("FRIEND", parent="FAMILY")
    cell.backend.accept("MOTHER", parent="family")
    cell.backend.accept("OTHER")
    cell.backend.accept("APP")
    cell.advance(1.0)
    return cell


def charging(cell: SessionCell, id_tag: str = "FRIEND", for_s: float = 10.0) -> SessionCell:
    if not cell.world.connected:
        cell.plug()
    cell.swipe(id_tag)
    cell.until(lambda: cell.status == "Charging", 5.0)
    cell.advance(for_s)
    return cell


def ended(cell: SessionCell, within_s: float = 5.0) -> None:
    cell.until(lambda: len(cell.stopped()) == len(cell.started()), within_s)
    cell.check_stream()


# cards


def test_a_card_of_the_station_file_charges_without_asking_anybody(cell: SessionCell) -> None:
    charging(cell, "CARD-A")
    assert cell.backend.asked == []


def test_another_card_charges_once_the_backend_has_accepted_it(cell: SessionCell) -> None:
    charging(cell)
    assert cell.backend.asked == ["FRIEND"]
    assert cell.started()[0].id_tag == "FRIEND"


def test_while_the_backend_is_asked_the_status_stays(cell: SessionCell) -> None:
    cell.backend.silent = True
    cell.swipe("FRIEND")
    cell.advance(3.0)
    assert (cell.status, cell.connector.card_rejected_until_s) == ("Available", 0.0)


def test_a_card_that_the_backend_refuses_is_refused_visibly_and_starts_nothing(cell: SessionCell) -> None:
    cell.plug()
    cell.swipe("STRANGER")
    cell.advance(1.0)
    assert cell.backend.asked == ["STRANGER"]
    assert cell.connector.card_rejected_until_s > cell.clock.boot_s
    cell.advance(60.0)
    assert (cell.status, cell.started()) == ("Preparing", [])


def test_the_same_presentation_counts_once_and_another_card_in_it_counts(cell: SessionCell) -> None:
    cell.backend.silent = True
    cell.swipe("FRIEND")
    cell.swipes -= 1
    cell.swipe("FRIEND")
    cell.swipes -= 1
    cell.swipe("OTHER")
    assert cell.backend.asked == ["FRIEND", "OTHER"]


def test_without_a_connection_a_known_card_charges_and_an_unknown_one_does_not(cell: SessionCell) -> None:
    charging(cell)
    cell.swipe("FRIEND")
    ended(cell)
    cell.set_online(False)
    cell.swipe("UNKNOWN")
    cell.advance(2.0)
    assert (cell.status, cell.backend.asked) == ("Finishing", ["FRIEND"])
    cell.swipe("friend")
    cell.until(lambda: cell.status == "Charging", 5.0)
    assert len(cell.started()) == 2


def test_an_answer_that_never_comes_is_as_no_connection(cell: SessionCell) -> None:
    cell.set_key("AllowOfflineTxForUnknownId", "true")
    cell.backend.silent = True
    cell.plug()
    cell.swipe("FRIEND")
    cell.advance(29.0)
    assert cell.started() == []
    cell.until(lambda: cell.status == "Charging", 8.0)


@pytest.mark.parametrize(
    ("keys", "charges"),
    [
        ({}, True),
        ({"LocalAuthorizeOffline": "false"}, False),
        ({"AuthorizationCacheEnabled": "false"}, False),
        ({"AuthorizationCacheEnabled": "false", "AllowOfflineTxForUnknownId": "true"}, True),
    ],
)
def test_the_keys_say_who_charges_without_a_connection(tmp_path: Path, keys: dict[str, str], charges: bool) -> None:
    cell = with_backend(tmp_path, **keys)
    charging(cell)
    cell.swipe("FRIEND")
    ended(cell)
    cell.set_online(False)
    cell.swipe("FRIEND")
    cell.advance(5.0)
    assert (cell.status == "Charging") is charges


def test_with_local_pre_authorize_the_second_time_nobody_is_asked(tmp_path: Path) -> None:
    cell = with_backend(tmp_path, LocalPreAuthorize="true")
    charging(cell)
    cell.swipe("FRIEND")
    ended(cell)
    charging(cell)
    assert cell.backend.asked == ["FRIEND"]


def test_the_cache_outlives_a_power_cut_and_clear_cache_empties_it(tmp_path: Path) -> None:
    cell = with_backend(tmp_path, LocalPreAuthorize="true")
    charging(cell)
    cell.power_cut()
    ended(cell, 10.0)
    cell.advance(2.0)
    charging(cell)
    assert cell.backend.asked == ["FRIEND"]
    assert cell.outcome(cell.clear_cache()) is Answer.ACCEPTED
    cell.swipe("FRIEND")
    ended(cell)
    charging(cell)
    assert cell.backend.asked == ["FRIEND", "FRIEND"]


def test_without_a_cache_there_is_nothing_to_clear(tmp_path: Path) -> None:
    cell = with_backend(tmp_path, AuthorizationCacheEnabled="false")
    assert cell.outcome(cell.clear_cache()) is Answer.REJECTED


def test_the_answer_to_stop_transaction_changes_the_cache(cell: SessionCell) -> None:
    charging(cell)
    cell.backend.stop_info = IdTagInfo(status=AuthorizationStatus.BLOCKED)
    cell.swipe("FRIEND")
    ended(cell)
    cell.advance(1.0)
    cell.set_online(False)
    cell.swipe("FRIEND")
    cell.advance(5.0)
    assert (cell.status, len(cell.started())) == ("Finishing", 1)


def test_a_card_of_the_station_file_never_enters_the_cache(cell: SessionCell) -> None:
    cell.backend.start_info = IdTagInfo(status=AuthorizationStatus.ACCEPTED)
    charging(cell, "CARD-A")
    assert cell.service.store.cached("CARD-A") is None
    charging_friend = cell.service.store.cached("FRIEND")
    assert charging_friend is None


def test_a_card_of_the_same_group_stops_and_is_named_in_the_stop(cell: SessionCell) -> None:
    charging(cell)
    cell.swipe("OTHER")
    cell.advance(2.0)
    assert cell.status == "Charging"
    cell.swipe("MOTHER")
    ended(cell)
    assert (cell.stopped()[0].reason, cell.stopped()[0].id_tag) == (StopReason.LOCAL, "MOTHER")


def test_the_group_of_a_listed_card_is_learned_from_the_answer_to_start(cell: SessionCell) -> None:
    cell.backend.start_info = IdTagInfo(status=AuthorizationStatus.ACCEPTED, parent_id_tag="FAMILY")
    charging(cell, "CARD-A")
    cell.swipe("MOTHER")
    ended(cell)
    assert cell.stopped()[0].id_tag == "MOTHER"


def test_the_card_that_started_stops_without_asking(cell: SessionCell) -> None:
    charging(cell)
    cell.set_online(False)
    cell.swipe("friend")
    ended(cell)
    assert cell.backend.asked == ["FRIEND"]


def test_without_a_backend_nobody_is_asked_whatever_the_keys_say(tmp_path: Path) -> None:
    keys = {"ConnectionType": "No Backend", "AllowOfflineTxForUnknownId": "true"}
    cell = with_backend(tmp_path, **keys)
    cell.plug()
    cell.swipe("FRIEND")
    cell.advance(5.0)
    assert (cell.status, cell.backend.asked) == ("Preparing", [])
    charging(cell, "CARD-A")


# the answer to StartTransaction


def test_the_backends_id_is_shown_and_survives_a_kill(cell: SessionCell) -> None:
    cell.backend.next_id = -7
    charging(cell)
    assert cell.connector.backend_transaction_id == -7
    cell.kill("session")
    cell.start("session")
    cell.advance(2.0)
    assert cell.connector.backend_transaction_id == -7
    assert cell.backend.acknowledged == 1


def test_a_refused_id_tag_stops_the_charge_and_keeps_the_cable_until_its_card_comes(cell: SessionCell) -> None:
    cell.backend.start_info = INVALID
    cell.plug()
    cell.swipe("FRIEND")
    ended(cell)
    (stopped,) = cell.stopped()
    assert (stopped.reason, stopped.id_tag) == (StopReason.DEAUTHORIZED, "")
    cell.advance(20.0)
    assert cell.lease is not None
    assert (cell.status, cell.lease.hold_cable) == ("Finishing", True)
    cell.swipe("OTHER")
    cell.advance(1.0)
    assert cell.lease.hold_cable
    cell.swipe("FRIEND")
    cell.advance(1.0)
    assert not cell.lease.hold_cable


def test_a_card_of_the_group_releases_the_cable_too(cell: SessionCell) -> None:
    cell.backend.start_info = IdTagInfo(status=AuthorizationStatus.BLOCKED, parent_id_tag="FAMILY")
    cell.plug()
    cell.swipe("FRIEND")
    ended(cell)
    cell.advance(1.0)
    cell.swipe("MOTHER")
    cell.advance(1.0)
    assert cell.lease is not None
    assert not cell.lease.hold_cable


def test_with_the_key_off_a_refused_id_tag_gets_no_energy_and_the_transaction_stays(tmp_path: Path) -> None:
    cell = with_backend(tmp_path, StopTransactionOnInvalidId="false")
    cell.backend.start_info = INVALID
    cell.plug()
    cell.swipe("FRIEND")
    cell.advance(10.0)
    assert (cell.status, cell.world.closed_a, cell.stopped()) == ("SuspendedEVSE", 0.0, [])
    cell.kill("session")
    cell.start("session")
    cell.advance(10.0)
    assert (cell.status, cell.world.closed_a) == ("SuspendedEVSE", 0.0)
    cell.swipe("FRIEND")
    ended(cell)
    assert cell.stopped()[0].reason is StopReason.LOCAL


def test_a_start_that_was_given_up_charges_on(cell: SessionCell) -> None:
    cell.backend.start_info = None
    cell.backend.next_id = -1
    charging(cell)
    assert (cell.status, cell.connector.backend_transaction_id) == ("Charging", -1)


def test_the_last_answer_wins(cell: SessionCell) -> None:
    cell.set_key("StopTransactionOnInvalidId", "false")
    cell.backend.start_info = INVALID
    cell.plug()
    cell.swipe("FRIEND")
    cell.until(lambda: cell.status == "SuspendedEVSE", 5.0)
    cell.backend.start_info = IdTagInfo(status=AuthorizationStatus.ACCEPTED)
    started = cell.started()[0]
    cell.backend.ids[started.transaction_id] = 77
    cell.backend.answer(started)
    cell.until(lambda: cell.status == "Charging", 5.0)
    assert cell.connector.backend_transaction_id == 77


def test_an_offline_charge_is_told_in_order_when_the_backend_is_back(cell: SessionCell) -> None:
    cell.kill("message_queue")
    charging(cell, "CARD-A")
    cell.swipe("CARD-A")
    ended(cell)
    charging(cell, "CARD-A")
    assert cell.connector.waiting_facts == 3
    cell.start("message_queue")
    cell.until(lambda: cell.connector.waiting_facts == 0, 5.0)
    assert [fact.number for fact in cell.backend.taken] == [1, 2, 3]
    assert isinstance(cell.backend.taken[0].body, TransactionStarted)


# facts


def test_facts_are_repeated_until_they_are_acknowledged_and_then_deleted(cell: SessionCell) -> None:
    cell.backend.acknowledges = False
    charging(cell, "CARD-A")
    assert cell.connector.waiting_facts == 1
    cell.backend.acknowledges = True
    cell.advance(2.1)
    assert (cell.connector.waiting_facts, cell.service.store.waiting_facts(10)) == (0, [])
    cell.kill("session")
    cell.start("session")
    cell.advance(0.5)
    cell.swipe("CARD-A")
    ended(cell)
    assert [fact.number for fact in cell.backend.taken] == [1, 2]


def test_a_long_backlog_leaves_50_at_a_time_without_a_pause(tmp_path: Path) -> None:
    cell = with_backend(tmp_path, MeterValueSampleInterval="1")
    cell.kill("message_queue")
    charging(cell, "CARD-A", 130.0)
    assert cell.connector.waiting_facts > 120
    cell.start("message_queue")
    cell.until(lambda: cell.connector.waiting_facts <= 1, 1.5)
    numbers = [fact.number for fact in cell.backend.taken]
    assert numbers == list(range(1, len(numbers) + 1))


def test_without_a_queue_facts_are_said_once_and_wait(tmp_path: Path) -> None:
    cell = make_cell(tmp_path)
    cell.advance(1.0)
    charging(cell, "CARD-A")
    cell.keep_said = True
    cell.said.clear()
    cell.advance(20.0)
    assert not [m for m in cell.said if m.topic.name == "session.fact"]
    assert cell.connector.waiting_facts == 1


def test_a_full_disk_acknowledges_no_answer_and_takes_it_later(cell: SessionCell) -> None:
    cell.backend.holds_answers = True
    charging(cell)
    cell.disk_full = True
    cell.backend.answer(cell.started()[0])
    cell.advance(5.0)
    assert (cell.backend.acknowledged, cell.connector.backend_transaction_id) == (0, None)
    cell.disk_full = False
    cell.until(lambda: cell.connector.backend_transaction_id == 1, 10.0)
    assert cell.backend.acknowledged == 1


# RemoteStart


def test_remote_start_charges_a_vehicle_that_is_there(cell: SessionCell) -> None:
    cell.plug()
    assert cell.outcome(cell.remote_start()) is Answer.ACCEPTED
    cell.until(lambda: cell.status == "Charging", 5.0)
    assert (cell.started()[0].id_tag, cell.backend.asked) == ("APP", ["APP"])


def test_remote_start_waits_for_a_vehicle_and_gives_up_after_the_time_out(cell: SessionCell) -> None:
    cell.remote_start(connector=None)
    assert cell.status == "Preparing"
    cell.advance(44.0)
    assert cell.status == "Preparing"
    cell.advance(1.5)
    assert cell.status == "Available"
    cell.remote_start()
    cell.advance(20.0)
    cell.plug()
    cell.until(lambda: cell.status == "Charging", 5.0)


def test_remote_start_of_a_refused_id_tag_is_accepted_and_comes_to_nothing(cell: SessionCell) -> None:
    cell.plug()
    assert cell.outcome(cell.remote_start("STRANGER")) is Answer.ACCEPTED
    cell.advance(5.0)
    assert (cell.status, cell.started(), cell.service.store.pending) == ("Preparing", [], ())


def test_remote_start_is_not_asked_about_when_the_key_says_so(tmp_path: Path) -> None:
    cell = with_backend(tmp_path, AuthorizeRemoteTxRequests="false")
    cell.plug()
    cell.remote_start("STRANGER")
    cell.until(lambda: cell.status == "Charging", 5.0)
    assert cell.backend.asked == []


def test_remote_start_of_a_cached_id_tag_asks_nobody_with_local_pre_authorize(tmp_path: Path) -> None:
    cell = with_backend(tmp_path, LocalPreAuthorize="true")
    charging(cell)
    cell.swipe("FRIEND")
    ended(cell)
    cell.remote_start("FRIEND")
    cell.until(lambda: cell.status == "Charging", 5.0)
    assert cell.backend.asked == ["FRIEND"]


@pytest.mark.parametrize("connector", [0, 2])
def test_remote_start_needs_a_connector_that_is_there(cell: SessionCell, connector: int) -> None:
    assert cell.outcome(cell.remote_start(connector=connector)) is Answer.REJECTED


def test_remote_start_is_rejected_where_a_transaction_runs_and_where_a_fault_is(cell: SessionCell) -> None:
    charging(cell)
    assert cell.outcome(cell.remote_start()) is Answer.REJECTED
    assert cell.outcome(cell.remote_start(connector=None)) is Answer.REJECTED
    cell.swipe("FRIEND")
    ended(cell)
    cell.fault("pilot_output")
    assert cell.outcome(cell.remote_start()) is Answer.REJECTED


def test_remote_start_begins_anew_with_a_vehicle_whose_transaction_has_ended(cell: SessionCell) -> None:
    charging(cell)
    cell.swipe("FRIEND")
    ended(cell)
    assert cell.outcome(cell.remote_start()) is Answer.ACCEPTED
    cell.until(lambda: cell.status == "Charging", 5.0)


def test_a_full_disk_rejects_a_remote_start(cell: SessionCell) -> None:
    cell.plug()
    cell.disk_full = True
    assert cell.outcome(cell.remote_start()) is Answer.REJECTED


def test_a_remote_start_waits_for_the_settings_after_a_start(cell: SessionCell) -> None:
    cell.kill("session")
    cell.kill("settings")
    cell.plug()
    request_id = cell.remote_start()
    cell.start("session")
    cell.advance(3.0)
    assert cell.outcome(request_id) is None
    cell.start("settings")
    cell.advance(1.0)
    assert cell.outcome(request_id) is Answer.ACCEPTED
    cell.until(lambda: cell.status == "Charging", 5.0)


def test_what_was_accepted_is_asked_about_again_after_a_kill(cell: SessionCell) -> None:
    cell.backend.silent = True
    cell.plug()
    assert cell.outcome(cell.remote_start()) is Answer.ACCEPTED
    cell.kill("session")
    cell.backend.silent = False
    cell.start("session")
    cell.until(lambda: cell.status == "Charging", 5.0)
    assert cell.backend.asked == ["APP", "APP"]


def test_what_was_accepted_is_asked_about_again_when_the_connection_is_back(cell: SessionCell) -> None:
    cell.backend.silent = True
    cell.plug()
    assert cell.outcome(cell.remote_start()) is Answer.ACCEPTED
    cell.set_online(False)
    cell.advance(33.0)
    assert cell.started() == []
    cell.backend.silent = False
    cell.set_online(True)
    cell.until(lambda: cell.status == "Charging", 8.0)


def test_a_backend_that_cannot_judge_is_not_asked_without_pause_and_not_for_ever(cell: SessionCell) -> None:
    cell.backend.errs = True
    cell.plug()
    assert cell.outcome(cell.remote_start()) is Answer.ACCEPTED
    cell.advance(44.0)
    assert 3 <= len(cell.backend.asked) <= 10
    cell.advance(2.0)
    asked = len(cell.backend.asked)
    cell.advance(60.0)
    assert (len(cell.backend.asked), cell.service.store.pending, cell.started()) == (asked, (), [])


def test_free_charging_leaves_a_remote_start_its_id_tag(tmp_path: Path) -> None:
    cell = with_backend(tmp_path, FreeCharging="true")
    cell.remote_start()
    cell.plug()
    cell.until(lambda: cell.status == "Charging", 5.0)
    assert cell.started()[0].id_tag == "APP"


# RemoteStop


def test_remote_stop_ends_the_transaction_that_the_backend_means(cell: SessionCell) -> None:
    cell.backend.next_id = 0
    charging(cell)
    assert cell.outcome(cell.remote_stop(5)) is Answer.REJECTED
    assert cell.outcome(cell.remote_stop(0)) is Answer.ACCEPTED
    ended(cell)
    assert cell.stopped()[0].reason is StopReason.REMOTE
    assert cell.outcome(cell.remote_stop(0)) is Answer.REJECTED


def test_remote_stop_waits_for_the_answer_to_our_start(cell: SessionCell) -> None:
    cell.backend.holds_answers = True
    charging(cell)
    request_id = cell.remote_stop(1)
    cell.advance(5.0)
    assert cell.outcome(request_id) is None
    cell.backend.answer(cell.started()[0])
    cell.advance(2.1)
    assert cell.outcome(request_id) is Answer.ACCEPTED
    ended(cell)


def test_remote_stop_is_rejected_when_the_answer_never_comes(cell: SessionCell) -> None:
    cell.backend.holds_answers = True
    charging(cell)
    request_id = cell.remote_stop(1)
    cell.advance(19.0)
    assert cell.outcome(request_id) is None
    cell.advance(0.9)
    assert cell.outcome(request_id) is Answer.REJECTED
    assert cell.status == "Charging"


def test_two_remote_stops_at_once_are_both_answered(cell: SessionCell) -> None:
    charging(cell)
    first, second = cell.remote_stop(1), cell.remote_stop(1)
    cell.advance(0.5)
    assert (cell.outcome(first), cell.outcome(second)) == (Answer.ACCEPTED, Answer.ACCEPTED)
