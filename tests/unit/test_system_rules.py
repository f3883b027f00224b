"""Boots, faults, events, missed services, clock: the rules of `system`."""

import pytest

from schemas.base import ActiveFault
from schemas.faults import FAULTS
from schemas.system import BootReason
from services.endings import Ending
from services.system.boots import Start, judge
from services.system.clock import Offset, WrongTime, offset_for
from services.system.events import MOST_EVENTS, MOST_SHOWN, History, event
from services.system.faults import MOST_PER_SOURCE, FaultBook, own_faults
from services.system.watch import Watch

pytestmark = pytest.mark.unit

BEFORE = Start(start_id="one", started_wall_s=1.0, reason=BootReason.FIRST_START, ending_id="used")


def ending(reason: BootReason, name: str = "new", *, again: bool = False) -> Ending:
    return Ending(ending_id=name, reason=reason, detail="why", again=again)


# boots


@pytest.mark.parametrize(
    ("before", "announced", "lost", "reason"),
    [
        (None, None, "", BootReason.FIRST_START),
        (BEFORE, None, "", BootReason.POWER_LOSS),
        (BEFORE, ending(BootReason.SHUTDOWN), "", BootReason.SHUTDOWN),
        (BEFORE, ending(BootReason.SOFT_RESET, again=True), "", BootReason.SOFT_RESET),
        (BEFORE, ending(BootReason.SHUTDOWN, "used"), "", BootReason.POWER_LOSS),
        (None, None, "system.db was unreadable", BootReason.UNKNOWN),
        (None, ending(BootReason.SHUTDOWN), "system.db was unreadable", BootReason.SHUTDOWN),
    ],
)
def test_the_reason_of_a_start_follows_from_what_announced_the_end(
    before: Start | None, announced: Ending | None, lost: str, reason: BootReason
) -> None:
    start = judge("two", before, announced, lost, 9.0)
    assert (start.reason, start.start_id, start.started_wall_s) == (reason, "two", 9.0)


def test_one_announcement_explains_one_start() -> None:
    announced = ending(BootReason.SHUTDOWN)
    second = judge("two", BEFORE, announced, "", 2.0)
    assert second.reason is BootReason.SHUTDOWN
    assert judge("three", second, announced, "", 3.0).reason is BootReason.POWER_LOSS


def test_the_same_start_id_is_the_same_start_whatever_is_announced() -> None:
    assert judge("one", BEFORE, ending(BootReason.SOFT_RESET), "", 9.0) is BEFORE


def test_without_a_start_id_every_start_is_one_of_the_station() -> None:
    nameless = Start(start_id="", started_wall_s=1.0, reason=BootReason.FIRST_START)
    assert judge("", nameless, None, "", 9.0).reason is BootReason.POWER_LOSS


# faults


def fault(code: str, connector: int = 0, detail: str = "") -> ActiveFault:
    return ActiveFault(code=code, connector=connector, detail=detail)


def test_a_fault_is_told_once_when_raised_and_once_when_cleared() -> None:
    book = FaultBook()
    welded = [("safety", fault("contactor_welded", 1))]
    assert [each.text for each in book.report("safety", welded, 10.0)] == ["Contactor welded"]
    assert book.report("safety", welded, 11.0) == []
    assert [each.text for each in book.report("safety", [], 12.0)] == ["Contactor welded resolved"]
    assert book.report("safety", [], 13.0) == []
    assert book.shown() == ()


def test_the_same_fault_of_another_connector_or_owner_is_another_fault() -> None:
    book = FaultBook()
    assert (
        len(book.report("safety", [("safety", fault("lock_failed", 1)), ("safety", fault("lock_failed", 2))], 1)) == 2
    )
    assert len(book.report("metering", [("metering", fault("disk_full"))], 1)) == 1
    assert len(book.report("session", [("session", fault("disk_full"))], 1)) == 1
    assert len(book.shown()) == 4


def test_a_new_detail_is_shown_and_is_no_event_and_keeps_the_time() -> None:
    book = FaultBook()
    book.report("metering", [("metering", fault("meter_silent", 1, "since 5 s"))], 10.0)
    assert book.report("metering", [("metering", fault("meter_silent", 1, "since 6 s"))], 11.0) == []
    (shown,) = book.shown()
    assert (shown.fault.detail, shown.fault.since_wall_s) == ("since 6 s", 10.0)


def test_faults_are_shown_worst_first_with_everything_a_person_needs() -> None:
    book = FaultBook()
    book.report("metering", [("metering", fault("meter_silent"))], 1.0)
    book.report("safety", [("safety", fault("pilot_diode", 1)), ("safety", fault("contactor_welded", 2))], 1.0)
    assert [each.fault.code for each in book.shown()] == ["contactor_welded", "pilot_diode", "meter_silent"]
    welded = book.shown()[0]
    expected = FAULTS["contactor_welded"]
    assert (welded.text, welded.instruction) == (expected.text, expected.instruction)
    assert (welded.error_code, welded.internal_code) == (expected.error_code, expected.internal_code)


def test_a_code_of_a_newer_service_is_shown_last_and_not_lost() -> None:
    book = FaultBook()
    book.report("dlm", [("dlm", fault("lost_master"))], 1.0)
    book.report("metering", [("metering", fault("meter_silent"))], 1.0)
    assert [each.text for each in book.shown()] == [FAULTS["meter_silent"].text, "lost master"]


def test_a_service_in_a_frenzy_cannot_fill_the_list() -> None:
    book = FaultBook()
    book.report("dlm", [("dlm", fault(f"code{n}" + "x" * 999, 2**63, "y" * 99_999)) for n in range(1000)], 1.0)
    assert len(book.shown()) == MOST_PER_SOURCE
    assert all(len(each.fault.detail) <= 200 and each.fault.connector == 0 for each in book.shown())


def test_a_book_that_was_kept_knows_what_it_has_told() -> None:
    book = FaultBook()
    book.report("safety", [("safety", fault("pilot_diode", 1))], 1.0)
    again = FaultBook(book.sources())
    assert again.shown() == book.shown()
    assert again.report("safety", [("safety", fault("pilot_diode", 1))], 2.0) == []
    assert [each.code for each in again.report("safety", [], 3.0)] == ["pilot_diode"]


def test_missed_services_are_faults_with_their_own_names() -> None:
    book = FaultBook()
    raised = book.report("system", own_faults("", "", {"safety": "silent", "metering": "out of memory"}), 1.0)
    assert sorted(each.text for each in raised) == [
        "A service does not run: metering",
        "A service does not run: safety",
    ]
    cleared = book.report("system", own_faults("", "", {"metering": "out of memory"}), 2.0)
    assert [each.text for each in cleared] == ["A service does not run: safety resolved"]


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        ("system.db: database or disk is full", "disk_full"),
        ("system.db: attempt to write a readonly database", "disk_read_only"),
        ("system.db: disk I/O error", "disk_full"),
    ],
)
def test_trouble_with_the_own_store_is_a_fault(trouble: str, code: str) -> None:
    assert [each.code for _, each in own_faults(trouble, "", {})] == [code]


def test_a_replaced_store_is_a_fault() -> None:
    assert [each.code for _, each in own_faults("", "set aside", {})] == ["store_replaced"]
    assert own_faults("", "", {}) == []


# missed services


def test_a_service_is_missed_after_three_seconds_and_not_before() -> None:
    watch = Watch({}, 0.0)
    watch.beat("safety", "run", "running", 10.0)
    assert watch.silent(13.0) == {}
    assert list(watch.silent(13.01)) == ["safety"]
    assert 13.0 < watch.next_s(12.0) < 13.01
    watch.beat("safety", "run", "running", 14.0)
    assert watch.silent(14.0) == {}


def test_a_service_never_heard_in_this_start_is_not_missed() -> None:
    watch = Watch({}, 0.0)
    assert watch.silent(1000.0) == {}
    assert watch.next_s(1000.0) == float("inf")


def test_another_run_of_a_service_is_a_restart() -> None:
    watch = Watch({}, 0.0)
    assert not watch.beat("safety", "one", "running", 1.0)
    assert not watch.beat("safety", "one", "running", 2.0)
    assert watch.beat("safety", "two", "running", 3.0)
    assert not watch.beat("safety", "two", "running", 4.0)


def test_after_its_own_restart_system_misses_those_it_knew() -> None:
    watch = Watch({"safety": "one", "session": "one"}, 100.0)
    assert watch.silent(102.9) == {}
    assert watch.beat("safety", "two", "running", 102.0)
    assert list(watch.silent(104.0)) == ["session"]


def test_last_words_say_why_a_service_is_missed() -> None:
    watch = Watch({}, 0.0)
    watch.beat("session", "one", "stopped: cannot open session.db", 1.0)
    assert watch.silent(5.0) == {"session": "cannot open session.db"}


# events and clock


def test_the_history_is_bounded_and_shown_newest_first() -> None:
    history = History()
    history.add([event(float(number), "x", str(number)) for number in range(MOST_EVENTS + 10)])
    shown = history.latest().events
    assert len(shown) == MOST_SHOWN
    assert shown[0].text == str(MOST_EVENTS + 9)
    assert len(history.unkept()) == MOST_EVENTS


def test_events_wait_for_the_store_until_it_has_them() -> None:
    history = History([event(1.0, "x", "kept long ago")])
    history.add([event(2.0, "x", "kept already")], kept=True)
    history.add([event(3.0, "x", "waits")])
    assert [each.text for each in history.unkept()] == ["waits"]
    history.kept()
    assert history.unkept() == ()
    assert [each.text for each in history.latest().events] == ["waits", "kept already", "kept long ago"]


def test_news_are_told_once() -> None:
    history = History()
    assert history.has_news()
    history.latest()
    assert not history.has_news()
    history.add([event(1.0, "x", "y")])
    assert history.has_news()


def test_an_event_is_bounded_whatever_is_said() -> None:
    each = event(1.0, "c" * 999, "t" * 9999, 2**63)
    assert (len(each.code), len(each.text), each.connector) == (64, 500, 0)


def test_setting_the_clock_moves_the_offset_alone() -> None:
    offset = offset_for(1_700_000_100.0, 1_700_000_000.0, Offset())
    assert offset == Offset(offset_s=100.0, synchronized=True)
    assert offset_for(1_700_000_000.0, 1_700_000_150.0, offset).offset_s == -50.0


@pytest.mark.parametrize("wanted", [0.0, 1_577_836_799.0, 4_102_444_801.0, 1e11, float("nan")])
def test_an_impossible_time_is_refused(wanted: float) -> None:
    with pytest.raises(WrongTime):
        offset_for(wanted, 1_700_000_000.0, Offset())
