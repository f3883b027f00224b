"""ChangeAvailability: what is asked for, and when it comes true; connector 0; what became of an unlocking."""

import pytest

from bus.clock import Now
from schemas.base import Answer
from schemas.safety import Lock, SafetyConnector
from schemas.session import ConnectorStatus, StopReason
from schemas.settings import SettingsSnapshot
from services.session.availability.rules import Closed, changed, is_out_of_service
from services.session.availability.station_status import message
from services.session.connectors import unlocking
from services.session.connectors.situation import Situation, has_timed_out
from services.session.keys import read_keys
from services.session.transactions.record import Stop
from services.session.transactions.rules import Presence
from tests.unit.test_session_rules import TRANSACTION, said

pytestmark = pytest.mark.unit

ALL = (0, 1, 2)


def test_an_idle_connector_is_closed_at_once_and_asking_again_changes_nothing() -> None:
    change = changed({}, (1,), {2: "t2"}, operative=False)
    assert change == ({1: Closed()}, False)
    assert changed(change.closures, (1,), {}, operative=False) == change


def test_a_running_transaction_comes_first_also_when_it_is_asked_again() -> None:
    change = changed({}, (1,), {1: "t1"}, operative=False)
    assert change == ({1: Closed(("t1",))}, True)
    assert changed(change.closures, (1,), {1: "t1"}, operative=False).scheduled
    assert not changed(change.closures, (1,), {1: "t2"}, operative=False).scheduled


def test_0_means_the_station_and_all_connectors() -> None:
    change = changed({}, ALL, {1: "t1"}, operative=False)
    assert change == ({0: Closed(("t1",)), 1: Closed(("t1",)), 2: Closed()}, True)
    assert changed(change.closures, ALL, {1: "t1"}, operative=True) == ({}, False)


def test_one_connector_may_be_opened_alone() -> None:
    closed = {0: Closed(), 1: Closed(), 2: Closed()}
    assert changed(closed, (1,), {}, operative=True) == ({0: Closed(), 2: Closed()}, False)


@pytest.mark.parametrize(
    ("closed", "unfinished", "expected"),
    [
        (None, (), False),
        (Closed(), (), True),
        (Closed(), ("t",), True),
        (Closed(("t",)), ("t",), False),
        (Closed(("t",)), ("u",), True),
        (Closed(("t", "u")), ("u",), False),
        (Closed(("t",)), (), True),
    ],
)
def test_it_comes_true_when_what_it_waits_for_is_over(
    closed: Closed | None, unfinished: tuple[str, ...], expected: bool
) -> None:
    assert is_out_of_service(closed, unfinished) is expected


@pytest.mark.parametrize(
    ("closed", "fault", "refuses", "status", "code"),
    [
        (False, "", False, ConnectorStatus.AVAILABLE, "NoError"),
        (True, "", False, ConnectorStatus.UNAVAILABLE, "NoError"),
        (True, "disk_full", False, ConnectorStatus.FAULTED, "InternalError"),
        (False, "", True, ConnectorStatus.FAULTED, "OtherError"),
    ],
)
def test_the_station_is_available_unavailable_or_faulted(
    closed: bool, fault: str, refuses: bool, status: ConnectorStatus, code: str
) -> None:
    body = message(closed=closed, fault=fault, queue_refuses=refuses)
    assert (body.status, body.error_code) == (status, code)


# unlocking

UNLOCK = unlocking.begin("r", 100.0, 125.0)


def outcome(at_s: float, safety: SafetyConnector | None, ending: bool = False, active: bool = False) -> Answer | None:
    transaction = None
    if ending or active:
        import dataclasses

        stop = None if active else Stop(StopReason.UNLOCK_COMMAND, 1000.0)
        transaction = dataclasses.replace(TRANSACTION, stop=stop)
    s = Situation(
        connector=1,
        has_meter=True,
        start_id="start",
        now=Now(at_s, 0.0),
        safety=safety,
        safety_fresh=safety is not None,
        transaction=transaction,
    )
    found = unlocking.outcome(s, UNLOCK)
    return None if found is None else found.answer


def test_the_answer_comes_in_10_s_and_before_the_request_ends() -> None:
    assert UNLOCK.until_s == 110.0
    assert unlocking.begin("r", 100.0, 105.0).until_s == 104.5


@pytest.mark.parametrize(
    ("lock", "at_s", "expected"),
    [
        (Lock.UNLOCKED, 100.0, Answer.ACCEPTED),
        (Lock.LOCKED, 109.9, None),
        (Lock.LOCKED, 110.0, Answer.REJECTED),
        (Lock.UNLOCKING, 105.0, None),
        (Lock.UNKNOWN, 110.0, Answer.REJECTED),
        (Lock.FAILED, 105.9, None),
        (Lock.FAILED, 106.0, Answer.REJECTED),
        (Lock.NONE, 100.0, Answer.NOT_SUPPORTED),
    ],
)
def test_what_the_lock_shows_is_the_answer(lock: Lock, at_s: float, expected: Answer | None) -> None:
    assert outcome(at_s, said(lock=lock)) is expected


def test_an_unlocking_that_failed_before_is_tried_once_more() -> None:
    stuck = said(lock=Lock.LOCKED, faults=("unlock_failed",))
    assert outcome(105.0, stuck) is None
    assert outcome(106.0, stuck) is Answer.REJECTED


def test_a_silent_safety_unlocks_nothing() -> None:
    assert outcome(109.0, None) is None
    assert outcome(110.0, None) is Answer.REJECTED


def test_a_running_transaction_is_never_told_as_unlocked() -> None:
    assert outcome(105.0, said(lock=Lock.UNLOCKED), active=True) is None
    assert outcome(110.0, said(lock=Lock.UNLOCKED), active=True) is Answer.REJECTED
    assert outcome(105.0, said(lock=Lock.UNLOCKED), ending=True) is Answer.ACCEPTED


# errata 3.20


def waiting(**fields: object) -> Situation:
    values = {"OCPPBackendJSONURL": "ws://b/", "ConnectionTimeOut": "45", **fields.pop("keys", {})}  # type: ignore[dict-item]
    base: dict[str, object] = {
        "connector": 1,
        "has_meter": True,
        "start_id": "s",
        "now": Now(145.0, 0.0),
        "presence": Presence.PRESENT,
        "plugged_s": 100.0,
        "several": True,
        "keys": read_keys(SettingsSnapshot(revision=1, values=values)),
    }
    return Situation(**{**base, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, True),
        ({"plugged_s": 100.1}, False),
        ({"several": False}, False),
        ({"presence": Presence.GONE}, False),
        ({"transaction": TRANSACTION}, False),
        ({"keys": {"ConnectionTimeOut": "0"}}, False),
        ({"keys": {"ConnectionType": "No Backend"}}, False),
        ({"keys": {"FreeCharging": "true"}}, False),
    ],
)
def test_a_vehicle_without_a_card_times_out_where_connectors_share_a_reader(
    fields: dict[str, object], expected: bool
) -> None:
    assert has_timed_out(waiting(**fields)) is expected
