"""Which errors, ends of errors and informative messages are due, and when not."""

import pytest

from schemas.base import ActiveFault, Notice
from schemas.notices import notice
from schemas.system import ShownFault
from services.message_queue.books.notice_book import GAP_S, INFORMATIVE_S, MOST, NoticeBook, Telling
from services.message_queue.books.status_book import StatusBook
from services.message_queue.rules.composing import Status

pytestmark = pytest.mark.unit

FREE, BUSY = Status("Available"), Status("Charging")


def fault(code: str = "meter_silent", connector: int = 1, text: str = "Meter does not answer") -> ShownFault:
    return ShownFault(
        fault=ActiveFault(code=code, connector=connector, since_wall_s=900.0),
        owner="metering",
        text=text,
        instruction="",
        error_code="PowerMeterFailure",
        internal_code="03-01-001",
    )


class Desk:
    """A book, and a backend that has been told the plain statuses."""

    def __init__(self, *, told: bool = True) -> None:
        self.statuses = StatusBook([1, 2])
        self.book = NoticeBook(self.statuses)
        self.book.informative = True
        for connector in (0, 1, 2):
            self.statuses.heard(connector, FREE, 800.0)
        if told:
            self.tell_statuses()

    def tell_statuses(self) -> None:
        self.statuses.queue(False, 1.0, 801.0)
        for due in self.statuses.waiting():
            self.statuses.answered(due)

    def faults(self, at_s: float, *shown: ShownFault) -> None:
        self.book.heard_faults(shown, at_s, 1000.0 + at_s)

    def note(self, at_s: float, said: Notice) -> None:
        self.book.heard(said, at_s, 1000.0 + at_s)

    def due(self, at_s: float) -> list[str]:
        return [telling.info for telling in self.book.waiting(at_s)]

    def tell(self, at_s: float) -> list[Telling]:
        """Everything that is due, answered by the backend."""
        told = self.book.waiting(at_s)
        for telling in told:
            self.book.answered(telling, at_s)
        return told


def test_an_error_is_told_once_and_once_more_when_it_is_over() -> None:
    desk = Desk()
    desk.faults(10.0, fault())
    (begin,) = desk.tell(10.0)
    assert (begin.connector, begin.error_code, begin.info) == (1, "PowerMeterFailure", "Meter does not answer")
    assert (begin.vendor_error_code, begin.at_wall_s) == ("03-01-001", 900.0)
    desk.faults(20.0, fault())
    assert desk.due(100.0) == []
    desk.faults(200.0)
    (end,) = desk.tell(200.0)
    assert (end.error_code, end.info, end.at_wall_s) == ("", "Meter does not answer resolved", 1200.0)
    assert desk.due(300.0) == []


def test_an_error_that_came_and_went_unseen_is_told_with_its_end() -> None:
    desk = Desk(told=False)
    desk.faults(10.0, fault())
    desk.faults(11.0)
    assert desk.due(12.0) == [], "the plain statuses come first"
    desk.tell_statuses()
    assert [telling.info for telling in desk.tell(20.0)] == ["Meter does not answer"]
    assert desk.due(20.0 + GAP_S) == ["Meter does not answer resolved"]


def test_an_error_that_flaps_is_told_at_most_every_ten_seconds() -> None:
    desk = Desk()
    told = 0
    for second in range(600):
        desk.faults(float(second), *([fault()] if second % 2 else []))
        told += len(desk.tell(float(second)))
    assert 20 <= told <= 600 / GAP_S + 1


def test_an_error_that_the_plain_status_told_is_not_told_again_but_its_end_is() -> None:
    desk = Desk()
    faulted = Status("Faulted", "PowerMeterFailure", "Meter does not answer", "03-01-001")
    desk.faults(10.0, fault())
    desk.statuses.heard(1, faulted, 1010.0)
    assert desk.due(10.0) == [], "the plain status is about to tell it"
    desk.tell_statuses()
    assert desk.due(11.0) == []
    desk.faults(60.0)
    desk.statuses.heard(1, FREE, 1060.0)
    desk.tell_statuses()
    assert desk.due(60.0) == ["Meter does not answer resolved"]


def test_two_connectors_two_owners_and_two_codes_are_different_errors() -> None:
    desk = Desk()
    desk.faults(10.0, fault(), fault(connector=2), fault("meter_frozen", text="Meter register does not move"))
    assert len(desk.tell(10.0)) == 3
    desk.faults(20.0, fault())
    assert sorted(telling.connector for telling in desk.tell(20.0)) == [1, 2]


def test_after_a_boot_notification_what_is_there_is_told_again_and_what_is_over_is_not() -> None:
    desk = Desk()
    desk.faults(10.0, fault(), fault(connector=2))
    desk.tell(10.0)
    desk.faults(30.0, fault())
    desk.statuses.registered()
    desk.book.registered()
    assert desk.due(40.0) == [], "the plain statuses come first"
    desk.tell_statuses()
    assert [telling.connector for telling in desk.book.waiting(40.0)] == [1]


def test_an_error_that_comes_back_while_its_end_is_on_its_way_is_told_again() -> None:
    desk = Desk()
    desk.faults(10.0, fault())
    desk.tell(10.0)
    desk.faults(30.0)
    (end,) = desk.book.waiting(30.0)
    desk.faults(31.0, fault())
    desk.book.answered(end, 32.0)
    assert desk.due(33.0) == []
    assert desk.due(32.0 + GAP_S) == ["Meter does not answer"]


def test_with_the_switch_off_no_error_is_told_and_none_is_kept() -> None:
    desk = Desk()
    desk.book.errors = False
    desk.faults(10.0, fault())
    assert desk.due(10.0) == []
    desk.faults(11.0)
    assert desk.due(11.0) == []
    desk.book.errors = True
    assert desk.due(12.0) == []


def test_a_text_that_leaves_no_room_for_the_word_has_an_end_of_its_own() -> None:
    desk = Desk()
    desk.faults(10.0, fault("temperature_high", text="Housing temperature too high - charging paused"))
    assert desk.tell(10.0)[0].info == "Housing temperature too high - charging paused"
    desk.faults(30.0)
    assert desk.due(30.0) == ["Housing temperature too high resolved"]


def test_a_long_text_that_no_catalogue_has_keeps_the_word_that_says_it_is_over() -> None:
    desk = Desk()
    desk.faults(10.0, fault("of_another_version", text="T" * 80))
    assert desk.tell(10.0)[0].info == "T" * 50
    desk.faults(30.0)
    assert desk.due(30.0) == ["T" * 41 + " resolved"]


def test_more_errors_than_anybody_reads_are_bounded() -> None:
    desk = Desk()
    desk.faults(10.0, *(fault(f"code_{number}") for number in range(1000)))
    assert len(desk.due(10.0)) == MOST
    for number in range(1000):
        desk.note(10.0, Notice(connector=1, code=f"code_{number}", text="x"))
    assert len(desk.due(10.0)) == 2 * MOST


def test_of_one_group_only_the_latest_waits() -> None:
    desk = Desk()
    desk.note(10.0, notice("energy_flows", 1))
    desk.note(11.0, notice("energy_rests", 1))
    desk.note(11.0, notice("energy_flows", 2))
    assert desk.due(12.0) == ["No energy flowing to vehicle", "Energy is flowing to vehicle"]


def changed(name: str, state: str = "on") -> Notice:
    return notice("input_changed", 0, subject=name, name=name, state=state)


def test_things_of_the_same_kind_do_not_replace_each_other_and_are_told_ten_seconds_apart() -> None:
    """Waiting for the connection they may have come together: the pace is that of all inputs."""
    desk = Desk()
    desk.note(10.0, changed("Door"))
    desk.note(11.0, changed("Button"))
    assert [telling.info for telling in desk.tell(50.0)] == ["Input Door switched on"]
    assert desk.due(50.0) == []
    assert desk.book.next_s(50.0) == 50.0 + GAP_S
    assert desk.due(50.0 + GAP_S - 0.1) == []
    assert [telling.info for telling in desk.tell(50.0 + GAP_S)] == ["Input Button switched on"]
    assert desk.due(51.0 + GAP_S) == []


def test_of_a_kind_the_one_that_has_waited_longest_is_told_first() -> None:
    desk = Desk()
    desk.note(10.0, changed("Door"))
    desk.tell(10.0)
    desk.note(11.0, changed("Button"))
    desk.note(12.0, changed("Gate"))
    desk.note(13.0, changed("Button", "off"))
    assert [telling.info for second in (20.0, 30.0) for telling in desk.tell(second)] == [
        "Input Gate switched on",
        "Input Button switched off",
    ]


def test_what_expires_on_its_way_still_counts_for_the_pace() -> None:
    desk = Desk()
    desk.note(10.0, changed("Door"))
    (on_its_way,) = desk.book.waiting(10.0)
    late_s = 10.0 + INFORMATIVE_S
    desk.note(late_s, changed("Button"))
    assert desk.due(late_s) == ["Input Button switched on"]
    desk.book.answered(on_its_way, late_s)
    assert desk.due(late_s) == []
    assert desk.due(late_s + GAP_S) == ["Input Button switched on"]


def test_one_thing_is_told_at_most_every_ten_seconds_and_then_as_it_is() -> None:
    desk = Desk()
    desk.note(10.0, notice("energy_flows", 1))
    desk.tell(10.0)
    desk.note(11.0, notice("energy_rests", 1))
    desk.note(12.0, notice("energy_unknown", 1))
    assert desk.due(13.0) == []
    assert desk.book.next_s(13.0) == 10.0 + GAP_S
    assert desk.due(20.0) == ["Energy flow to vehicle is unknown"]


def test_what_changed_while_it_was_on_its_way_is_told_too() -> None:
    desk = Desk()
    desk.note(10.0, notice("energy_flows", 1))
    (first,) = desk.book.waiting(10.0)
    desk.note(11.0, notice("energy_rests", 1))
    desk.book.answered(first, 12.0)
    assert desk.due(12.0 + GAP_S) == ["No energy flowing to vehicle"]


def test_old_news_are_no_news() -> None:
    desk = Desk()
    desk.note(10.0, notice("energy_flows", 1))
    assert desk.due(10.0 + INFORMATIVE_S - 1.0)
    assert desk.due(10.0 + INFORMATIVE_S) == []


def test_with_the_switch_off_no_news_are_told_or_kept() -> None:
    desk = Desk()
    desk.book.informative = False
    desk.note(10.0, notice("energy_flows", 1))
    assert desk.due(10.0) == []
    desk.book.informative = True
    assert desk.due(11.0) == []


# MinimumStatusDuration


def test_a_status_shorter_than_the_minimum_is_never_told() -> None:
    book = StatusBook([1])
    book.heard(1, FREE, 1000.0, 10.0)
    assert book.present(1) == FREE, "the first one is told at once"
    book.heard(1, BUSY, 1001.0, 11.0)
    assert (book.present(1), book.settle(5.0)) == (FREE, 11.0)
    book.heard(1, FREE, 1005.0, 15.0)
    assert book.settle(100.0) == float("inf")
    assert book.present(1) == FREE


def test_a_status_that_lasts_is_told_with_the_time_it_began() -> None:
    book = StatusBook([1])
    book.heard(1, FREE, 1000.0, 10.0)
    book.heard(1, BUSY, 1001.0, 11.0)
    book.heard(1, BUSY._replace(info="x", error_code="OtherError"), 1006.0, 16.0)
    book.settle(11.0)
    book.queue(False, 11.0, 1011.0)
    (due,) = book.waiting()
    assert (due.status.status, due.status.info, due.since_wall_s) == ("Charging", "x", 1001.0)


def test_a_fault_and_another_error_of_the_same_status_wait_for_nothing() -> None:
    book = StatusBook([1])
    book.heard(1, FREE, 1000.0, 10.0)
    book.heard(1, FREE._replace(info="worn", error_code="OtherError"), 1001.0, 11.0)
    assert book.present(1) == FREE._replace(info="worn", error_code="OtherError")
    book.heard(1, Status("Faulted"), 1002.0, 12.0)
    assert book.present(1) == Status("Faulted")
    book.heard(1, FREE, 1003.0, 13.0)
    assert book.present(1) == Status("Faulted")


def test_a_triggered_status_is_the_present_one_at_once() -> None:
    book = StatusBook([1])
    book.heard(1, FREE, 1000.0, 10.0)
    book.heard(1, BUSY, 1001.0, 11.0)
    book.triggered([1], 2.0, 1002.0)
    (due,) = book.waiting()
    assert due.status == BUSY
