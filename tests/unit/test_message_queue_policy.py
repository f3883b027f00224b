"""Classes, capacity, what gives way, whose turn it is, and how often a message is tried."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.message_queue import CallClass
from schemas.ocpp_link import Outcome
from schemas.settings import SettingsSnapshot
from services.message_queue.keys import BEFORE_SETTINGS, Keys, read_keys
from services.message_queue.rules import attempts, policy
from services.message_queue.rules.message import Waiting
from services.message_queue.rules.policy import Item, Room, Turn, Worth, make_room, next_turn

pytestmark = pytest.mark.unit

KEYS = read_keys(SettingsSnapshot(revision=3, values={}))


def message(action: str = "StopTransaction", transaction: str = "t", **fields: object) -> Waiting:
    values = {"position": 1, "message_id": f"{action}-{transaction}", "queued_wall_s": 0.0, "stream": 1}
    return Waiting(**{**values, "action": action, "transaction_id": transaction, **fields})  # type: ignore[arg-type]


# classes


@pytest.mark.parametrize(
    ("action", "in_transaction", "retransmit", "found"),
    [
        ("StartTransaction", True, False, CallClass.TRANSACTION),
        ("StopTransaction", True, False, CallClass.TRANSACTION),
        ("MeterValues", True, True, CallClass.TRANSACTION),
        ("MeterValues", True, False, CallClass.VOLATILE),
        ("MeterValues", False, True, CallClass.VOLATILE),
        ("SecurityEventNotification", False, False, CallClass.SECURITY),
        ("StatusNotification", False, True, CallClass.STATUS),
        ("Authorize", False, True, CallClass.VOLATILE),
        ("DataTransfer", False, True, CallClass.VOLATILE),
    ],
)
def test_each_action_has_its_class(action: str, in_transaction: bool, retransmit: bool, found: CallClass) -> None:
    assert policy.class_of(action, in_transaction, retransmit) is found


# room


def values(count: int, transaction: str = "t") -> list[Item]:
    return [Item(f"{transaction}-{each}", Worth.METER_VALUES, transaction) for each in range(count)]


def billing(count: int) -> list[Item]:
    return [Item(f"billing-{each}", Worth.BILLING) for each in range(count)]


@pytest.mark.parametrize(
    ("waiting", "reserved", "places", "admitted"),
    [(349, 0, 1, True), (350, 0, 1, False), (348, 1, 1, True), (349, 1, 1, False), (350, 0, 0, True)],
)
def test_meter_values_come_in_while_there_is_room(waiting: int, reserved: int, places: int, admitted: bool) -> None:
    assert make_room(billing(waiting), reserved, Worth.METER_VALUES, places) == Room(admitted)


@pytest.mark.parametrize(("waiting", "admitted"), [(9_998, True), (9_999, False)])
def test_what_bills_comes_in_up_to_ten_thousand(waiting: int, admitted: bool) -> None:
    assert make_room(billing(waiting), 0, Worth.BILLING, 2).admitted is admitted


def test_the_least_worth_gives_way_first() -> None:
    crowd = [
        *billing(340),
        *values(5),
        Item("free values", Worth.METER_VALUES_WITHOUT_TRANSACTION),
        Item("status 1", Worth.STATUS),
        Item("status 2", Worth.STATUS),
        Item("triggered", Worth.INFORMATIVE_STATUS),
        Item("status 3", Worth.STATUS),
    ]
    assert make_room(crowd, 0, Worth.METER_VALUES, 1).given_way == ("triggered",)
    assert make_room(crowd, 2, Worth.METER_VALUES, 1).given_way == ("triggered", "status 1", "status 2")
    assert make_room(crowd, 3, Worth.BILLING, 2).given_way[3:] == ("status 3", "free values")
    assert make_room(crowd, 5, Worth.BILLING, 1).given_way[4:] == ("free values", "t-1", "t-3")


def test_nothing_gives_way_to_what_is_worth_less() -> None:
    crowd = [*billing(347), *values(2), Item("free values", Worth.METER_VALUES_WITHOUT_TRANSACTION)]
    assert make_room(crowd, 0, Worth.STATUS, 1) == Room(False)
    assert make_room(crowd, 0, Worth.METER_VALUES_WITHOUT_TRANSACTION, 1) == Room(True, ("free values",))
    assert make_room(crowd, 1, Worth.METER_VALUES_WITHOUT_TRANSACTION, 1) == Room(False)


def test_thinning_takes_every_second_one_of_each_transaction_and_leaves_its_ends() -> None:
    crowd = [*billing(341), *values(5, "a"), *values(4, "b")]
    room = make_room(crowd, 0, Worth.METER_VALUES, 1)
    assert room.given_way == ("a-1", "a-3", "b-1")


def test_thinning_goes_on_until_there_is_room() -> None:
    crowd = [*billing(341), *values(9)]
    assert make_room(crowd, 5, Worth.BILLING, 1).given_way == ("t-1", "t-3", "t-5", "t-7", "t-2", "t-6")


def test_what_is_on_its_way_does_not_give_way() -> None:
    crowd = [*billing(347), *values(3)]
    assert make_room(crowd, 0, Worth.BILLING, 1, on_its_way="t-1") == Room(True)


@given(
    counts=st.tuples(*[st.integers(0, 20)] * 4),
    reserved=st.integers(0, 5),
    worth=st.sampled_from(Worth),
    places=st.integers(0, 2),
)
def test_room_is_made_of_what_is_there_and_never_of_billing(
    counts: tuple[int, ...], reserved: int, worth: Worth, places: int
) -> None:
    crowd = [
        Item(f"{kind}-{each}", kind, f"t{each % 2}")
        for kind, count in zip(list(Worth)[:4], counts, strict=True)
        for each in range(count)
    ]
    crowd += billing(350 - len(crowd))
    room = make_room(crowd, reserved, worth, places)
    kinds = {item.key: item.worth for item in crowd}
    assert len(set(room.given_way)) == len(room.given_way)
    assert all(kinds[key] <= min(worth, Worth.METER_VALUES) for key in room.given_way)
    if room.admitted and worth is not Worth.BILLING and places:
        assert len(crowd) - len(room.given_way) + reserved + places <= 350


@pytest.mark.parametrize(
    ("occupied", "key", "refused"),
    [(349, True, False), (350, True, True), (350, False, False), (9_998, False, False), (9_999, False, True)],
)
def test_charging_is_refused_when_the_key_says_so_or_nothing_more_fits(occupied: int, key: bool, refused: bool) -> None:
    assert policy.refuses_charging(occupied, key) is refused


@pytest.mark.parametrize(("waiting", "held_back"), [(69, False), (70, True)])
def test_statuses_are_held_back_from_seventy_on(waiting: int, held_back: bool) -> None:
    assert policy.holds_back_status(waiting) is held_back


def test_a_stop_has_its_place_from_start_to_stop() -> None:
    start, stop = message("StartTransaction", "a"), message("StopTransaction", "b")
    assert policy.reserved_stops([start, stop], ["b", "c"], 1) == {"a", "c"}
    assert policy.reserved_stops([start], [], 2) == set(), "a stream that ended never says the rest"
    assert [policy.places_needed(action, True) for action in ("StartTransaction", "StopTransaction")] == [2, 0]
    assert policy.places_needed("StopTransaction", False) == 1


# turns


ALL = {
    "authorize": True,
    "volatile": True,
    "status_s": 5.0,
    "durable_s": 1.0,
    "online_since_s": 3.0,
    "durable_first": False,
}


@pytest.mark.parametrize(
    ("changes", "turn"),
    [
        ({}, Turn.AUTHORIZE),
        ({"durable_first": True}, Turn.AUTHORIZE),
        ({"authorize": False}, Turn.VOLATILE),
        ({"authorize": False, "durable_first": True}, Turn.DURABLE),
        ({"authorize": False, "durable_first": True, "durable_s": None}, Turn.VOLATILE),
        ({"authorize": False, "volatile": False}, Turn.STATUS),
        ({"authorize": False, "volatile": False, "durable_s": 4.0}, Turn.DURABLE),
        ({"authorize": False, "volatile": False, "durable_s": 6.0}, Turn.STATUS),
        ({"authorize": False, "volatile": False, "status_s": None}, Turn.DURABLE),
        ({"authorize": False, "volatile": False, "durable_s": None}, Turn.STATUS),
        ({"authorize": False, "volatile": False, "status_s": None, "durable_s": None}, None),
    ],
)
def test_others_overtake_the_backlog_and_what_happens_now_keeps_its_order(
    changes: dict[str, object], turn: Turn | None
) -> None:
    assert next_turn(**{**ALL, **changes}) is turn  # type: ignore[arg-type]


# attempts


def keys(**changes: object) -> Keys:
    return KEYS._replace(**changes)


@pytest.mark.parametrize(("most", "consumed", "left"), [(5, 3, True), (5, 4, False), (1, 0, False), (0, 9_999, True)])
def test_attempts_are_counted_and_zero_is_for_ever(most: int, consumed: int, left: bool) -> None:
    assert attempts.attempts_left(message(consumed=consumed), Outcome.ERROR, keys(attempts=most)) is left


@pytest.mark.parametrize(
    ("eichrecht", "signed", "most"), [(0, True, 0), (3, True, 3), (-1, True, 5), (3, False, 5), (0, False, 5)]
)
def test_eichrecht_attempts_count_for_a_meter_that_signs(eichrecht: int, signed: bool, most: int) -> None:
    found = attempts.most_attempts(message(signed=signed), keys(attempts=5, eichrecht_attempts=eichrecht))
    assert found == most


@pytest.mark.parametrize(
    ("outcome", "consumes"),
    [(Outcome.ERROR, True), (Outcome.TIMED_OUT, True), (Outcome.INVALID, True), (Outcome.CONNECTION_LOST, False)],
)
def test_only_a_failure_to_process_consumes_an_attempt(outcome: Outcome, consumes: bool) -> None:
    assert attempts.consumes(outcome) is consumes


def test_what_breaks_the_schema_is_not_tried_again() -> None:
    assert not attempts.attempts_left(message(), Outcome.INVALID, keys(attempts=0))


@pytest.mark.parametrize(("sends", "wait_s"), [(1, 60.0), (2, 120.0), (5, 300.0), (10_000, 43_200.0)])
def test_the_wait_is_the_interval_times_the_sends(sends: int, wait_s: float) -> None:
    assert attempts.wait_before_s(sends, keys(retry_interval_s=60.0)) == wait_s


# keys


def test_keys_have_the_factory_values_of_the_guide() -> None:
    assert Keys(3, False, 5, 0.0, 0, False, False, 60.0) == KEYS


def test_before_settings_are_heard_nothing_is_given_up_or_volatile() -> None:
    assert attempts.most_attempts(message(), BEFORE_SETTINGS) == attempts.FOR_EVER
    assert BEFORE_SETTINGS.retransmit_meter_values


@pytest.mark.parametrize(
    ("way", "url", "backend"),
    [
        ("Ethernet", "ws://backend/", True),
        ("", "ws://backend/", True),
        ("No Backend", "ws://backend/", False),
        ("Ethernet", " ", False),
    ],
)
def test_there_is_a_backend_when_one_is_named(way: str, url: str, backend: bool) -> None:
    values = {"ConnectionType": way, "OCPPBackendJSONURL": url}
    assert read_keys(SettingsSnapshot(revision=1, values=values)).backend is backend


def test_keys_are_read_in_the_spelling_of_ocpp() -> None:
    values = {
        "TransactionMessageAttempts": "0",
        "TransactionMessageRetryInterval": "60",
        "EichrechtTransactionMessageAttempts": "-1",
        "RetransmitMeterValues": "true",
        "OcppQueueFullAsErrorState": "true",
        "BackendConnectionTimeout": "3",
        "ConnectionType": "Ethernet",
        "OCPPBackendJSONURL": "ws://backend/",
    }
    assert read_keys(SettingsSnapshot(revision=4, values=values)) == Keys(4, True, 0, 60.0, -1, True, True, 3.0)
    assert read_keys(SettingsSnapshot(revision=4, values={"TransactionMessageAttempts": "many"})).attempts == 5
