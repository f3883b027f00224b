"""Which StatusNotifications are due, and what becomes of volatile messages."""

import pytest

from services.message_queue.books.status_book import Due, StatusBook
from services.message_queue.books.volatile import Volatile, VolatileBook
from services.message_queue.rules.composing import QUEUE_FULL_INFO, Status

pytestmark = pytest.mark.unit

FREE, BUSY, PLUGGED = Status("Available"), Status("Charging"), Status("Preparing")
FULL = Status("SuspendedEVSE", "OtherError", QUEUE_FULL_INFO, "01-05-006")


@pytest.fixture
def book() -> StatusBook:
    return StatusBook([1, 2])


def due(book: StatusBook, held_back: bool = False) -> list[Due]:
    book.queue(held_back, 5.0, 1005.0)
    return book.waiting()


def test_a_status_is_due_until_the_backend_knows_it(book: StatusBook) -> None:
    book.heard(1, FREE, 1000.0)
    (one,) = due(book)
    assert one == Due(1, FREE, 1000.0, False, True, 5.0, 1005.0)
    book.answered(one)
    assert due(book) == []
    book.heard(1, FREE, 1010.0)
    assert due(book) == []


def test_only_the_latest_waits_and_it_keeps_its_place(book: StatusBook) -> None:
    book.heard(1, FREE, 1000.0)
    first = due(book)[0].queued_s
    book.heard(1, BUSY, 1002.0)
    book.queue(False, 9.0, 1009.0)
    (one,) = book.waiting()
    assert (one.status, one.since_wall_s, one.queued_s) == (BUSY, 1002.0, first)


def test_a_change_and_back_is_no_news(book: StatusBook) -> None:
    book.known({1: FREE})
    for status in (FREE, BUSY, FREE):
        book.heard(1, status, 1000.0)
    assert due(book) == []


def test_what_was_refused_is_due_again_after_a_change_and_back(book: StatusBook) -> None:
    book.heard(1, FREE, 1000.0)
    book.failed(due(book)[0])
    assert due(book) == []
    book.heard(1, BUSY, 1001.0)
    book.heard(1, FREE, 1002.0)
    assert [one.status for one in due(book)] == [FREE]


def test_what_was_not_answered_waits_for_the_next_turn(book: StatusBook) -> None:
    book.heard(1, FREE, 1000.0)
    book.unanswered(due(book)[0])
    assert book.waiting() == []
    assert [one.status for one in due(book)] == [FREE]


def test_an_answer_that_comes_after_a_change_leaves_the_change_due(book: StatusBook) -> None:
    book.heard(1, FREE, 1000.0)
    on_its_way = due(book)[0]
    book.heard(1, BUSY, 1001.0)
    book.answered(on_its_way)
    assert [one.status for one in due(book)] == [BUSY]


def test_held_back_nothing_new_waits_and_nothing_is_forgotten(book: StatusBook) -> None:
    book.heard(1, FREE, 1000.0)
    assert due(book, held_back=True) == []
    assert [one.status for one in due(book)] == [FREE]


def test_a_full_queue_that_is_over_is_told_before_the_present(book: StatusBook) -> None:
    book.known({1: BUSY})
    for status in (BUSY, FULL, BUSY):
        book.heard(1, status, 1000.0)
        assert due(book, held_back=True) == []
    (first,) = due(book)
    assert first.status == FULL
    book.answered(first)
    (second,) = due(book)
    assert second.status == BUSY
    book.answered(second)
    assert due(book) == []


def test_an_earlier_answer_does_not_count_for_the_full_queue(book: StatusBook) -> None:
    book.heard(1, PLUGGED, 1000.0)
    on_its_way = due(book)[0]
    book.heard(1, FULL, 1001.0)
    book.heard(1, BUSY, 1002.0)
    book.answered(on_its_way)
    assert [one.status for one in due(book)] == [FULL]


def test_a_full_queue_that_was_told_is_not_owed(book: StatusBook) -> None:
    book.heard(1, FULL, 1000.0)
    book.answered(due(book)[0])
    book.heard(1, BUSY, 1001.0)
    assert [one.status for one in due(book)] == [BUSY]


def test_a_triggered_status_is_due_once_though_it_is_known(book: StatusBook) -> None:
    book.known({1: FREE})
    book.heard(1, FREE, 1000.0)
    assert book.triggered([0, 1, 2], 3.0, 1003.0)
    (one,) = due(book)
    assert (one.connector, one.triggered, one.is_news) == (1, True, False)
    book.answered(one)
    assert due(book) == []


def test_a_registration_makes_everything_due(book: StatusBook) -> None:
    book.known({0: FREE, 1: FREE})
    book.heard(0, FREE, 1000.0)
    book.heard(1, FREE, 1000.0)
    book.registered()
    assert [one.connector for one in due(book)] == [0, 1]


def test_a_connector_that_this_station_has_not_is_left_out(book: StatusBook) -> None:
    book.heard(7, FREE, 1000.0)
    book.known({7: FREE})
    assert due(book) == []
    assert not book.triggered([7], 3.0, 1003.0)


# volatile messages


def volatile(name: str, action: str, request: str = "", transaction: str = "", expires_s: float = 9.0) -> Volatile:
    return Volatile(
        message_id=name,
        action=action,
        payload="{}",
        queued_wall_s=0.0,
        expires_s=expires_s,
        request_id=request,
        transaction_id=transaction,
    )


def test_a_person_waits_shortest() -> None:
    messages = VolatileBook()
    for one in (volatile("a", "DataTransfer"), volatile("b", "Authorize"), volatile("c", "Authorize")):
        messages.add(one)
    order = []
    while (first := messages.first(lambda _each: True)) is not None:
        order.append(first.message_id)
        messages.remove(first.message_id)
    assert order == ["b", "c", "a"]


def test_what_may_not_go_yet_does_not_hold_up_the_rest() -> None:
    messages = VolatileBook()
    messages.add(volatile("a", "MeterValues", transaction="t"))
    messages.add(volatile("b", "DataTransfer"))
    first = messages.first(lambda each: not each.transaction_id)
    assert first is not None
    assert first.message_id == "b"


def test_volatile_messages_expire_and_requests_end_with_the_connection() -> None:
    messages = VolatileBook()
    messages.add(volatile("a", "MeterValues", transaction="t", expires_s=5.0))
    messages.add(volatile("b", "DataTransfer", request="r", expires_s=7.0))
    assert messages.next_s() == 5.0
    assert [one.message_id for one in messages.take_expired(5.0)] == ["a"]
    assert [one.message_id for one in messages.take_requests()] == ["b"]
    assert messages.all() == []
