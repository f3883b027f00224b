"""The authorization cache, and who charges with and without a connection."""

import pytest

from schemas.message_queue import AuthorizationStatus as Status
from schemas.message_queue import IdTagInfo
from schemas.settings import SettingsSnapshot
from services.session.authorization.cache import Entry, entry_of, overflow, status_at
from services.session.authorization.standing import Found, Standing, answered, look_up, offline, read_answer
from services.session.keys import Keys, read_keys

pytestmark = pytest.mark.unit

NOW_S = 1000.0
GOOD = Entry("card", Status.ACCEPTED, None, "family", 1)
EXPIRED = GOOD._replace(expiry_wall_s=NOW_S)
BLOCKED = GOOD._replace(status=Status.BLOCKED)
BUSY = GOOD._replace(status=Status.CONCURRENT_TX)


def keys(**values: str) -> Keys:
    return read_keys(SettingsSnapshot(revision=1, values={"OCPPBackendJSONURL": "ws://b/", **values}))


# the cache


def test_a_valid_entry_expires_at_its_date_and_others_stay_what_they_are() -> None:
    assert status_at(EXPIRED, NOW_S - 0.1) is Status.ACCEPTED
    assert status_at(EXPIRED, NOW_S) is Status.EXPIRED
    assert status_at(BLOCKED._replace(expiry_wall_s=1.0), NOW_S) is Status.BLOCKED


def test_id_tags_are_one_in_every_case() -> None:
    info = IdTagInfo(status=Status.ACCEPTED, expiry_wall_s=5.0, parent_id_tag="P")
    assert entry_of("CaRd", info, 3) == Entry("card", Status.ACCEPTED, 5.0, "P", 3)


def entries(*names: str, status: Status = Status.ACCEPTED) -> list[Entry]:
    return [Entry(name, status, None, "", place) for place, name in enumerate(names)]


def test_there_is_room_up_to_the_bound() -> None:
    assert overflow(entries("a", "b"), "c", NOW_S, most=3) == []
    assert overflow(entries("a", "b", "c"), "c", NOW_S, most=3) == []


def test_a_full_cache_first_loses_all_that_is_not_valid_and_then_the_oldest() -> None:
    known = [*entries("old", "new"), BLOCKED._replace(id_tag="blocked", place=9), EXPIRED._replace(id_tag="late")]
    assert overflow(known, "x", NOW_S, most=4) == ["late", "blocked"]
    assert overflow(entries("old", "mid", "new"), "x", NOW_S, most=2) == ["old", "mid"]


# who charges


@pytest.mark.parametrize("cached", [None, GOOD, BLOCKED])
@pytest.mark.parametrize("online", [True, False])
def test_a_card_of_the_station_file_always_charges(cached: Entry | None, online: bool) -> None:
    assert look_up(True, cached, keys(), online, NOW_S).found is Found.ACCEPTED
    assert look_up(True, cached, keys(ConnectionType="No Backend"), online, NOW_S).found is Found.ACCEPTED


@pytest.mark.parametrize("online", [True, False])
def test_without_a_backend_only_the_list_counts(online: bool) -> None:
    alone = keys(ConnectionType="No Backend", AllowOfflineTxForUnknownId="true", LocalPreAuthorize="true")
    assert look_up(False, GOOD, alone, online, NOW_S).found is Found.REFUSED


@pytest.mark.parametrize(
    ("values", "cached", "expected"),
    [
        ({}, None, Found.ASK),
        ({}, GOOD, Found.ASK),
        ({"LocalPreAuthorize": "true"}, GOOD, Found.ACCEPTED),
        ({"LocalPreAuthorize": "true"}, None, Found.ASK),
        ({"LocalPreAuthorize": "true"}, EXPIRED, Found.ASK),
        ({"LocalPreAuthorize": "true"}, BLOCKED, Found.ASK),
        ({"LocalPreAuthorize": "true"}, BUSY, Found.ASK),
        ({"LocalPreAuthorize": "true", "AuthorizationCacheEnabled": "false"}, GOOD, Found.ASK),
    ],
)
def test_with_a_connection_the_backend_is_asked_unless_the_cache_may_answer(
    values: dict[str, str], cached: Entry | None, expected: Found
) -> None:
    assert look_up(False, cached, keys(**values), True, NOW_S).found is expected


UNKNOWN_TOO = {"AllowOfflineTxForUnknownId": "true"}


@pytest.mark.parametrize(
    ("values", "cached", "expected"),
    [
        ({}, GOOD, Found.ACCEPTED),
        ({}, None, Found.REFUSED),
        ({}, EXPIRED, Found.REFUSED),
        ({}, BLOCKED, Found.REFUSED),
        ({}, BUSY, Found.REFUSED),
        ({"LocalAuthorizeOffline": "false"}, GOOD, Found.REFUSED),
        ({"AuthorizationCacheEnabled": "false"}, GOOD, Found.REFUSED),
        (UNKNOWN_TOO, None, Found.ACCEPTED),
        (UNKNOWN_TOO, EXPIRED, Found.REFUSED),
        (UNKNOWN_TOO, BLOCKED, Found.REFUSED),
        ({**UNKNOWN_TOO, "LocalAuthorizeOffline": "false"}, GOOD, Found.ACCEPTED),
    ],
)
def test_without_a_connection_the_keys_decide(values: dict[str, str], cached: Entry | None, expected: Found) -> None:
    found = offline(cached, keys(**values), NOW_S)
    assert found.found is expected
    assert bool(found.reason) is (expected is Found.REFUSED)
    assert look_up(False, cached, keys(**values), False, NOW_S) == found


@pytest.mark.parametrize(
    ("status", "found"),
    [
        (Status.ACCEPTED, Found.ACCEPTED),
        (Status.CONCURRENT_TX, Found.IN_USE),
        (Status.BLOCKED, Found.REFUSED),
        (Status.INVALID, Found.REFUSED),
        (Status.EXPIRED, Found.REFUSED),
        (Status.UNKNOWN, Found.REFUSED),
    ],
)
def test_only_accepted_begins_a_transaction(status: Status, found: Found) -> None:
    standing = answered(IdTagInfo(status=status, parent_id_tag="p"))
    assert (standing.found, standing.parent_id_tag) == (found, "p")


def test_the_values_of_an_answer_are_read_as_far_as_they_can_be() -> None:
    assert read_answer({}) is None
    assert read_answer({"status": "Accepted"}) == IdTagInfo(status=Status.ACCEPTED)
    whole = read_answer({"status": "Blocked", "expiry_wall_s": "12.5", "parent_id_tag": "p"})
    assert whole == IdTagInfo(status=Status.BLOCKED, expiry_wall_s=12.5, parent_id_tag="p")
    assert read_answer({"status": "?", "expiry_wall_s": "soon"}) == IdTagInfo(status=Status.UNKNOWN)
    assert answered(IdTagInfo(status=Status.ACCEPTED)) == Standing(Found.ACCEPTED)
