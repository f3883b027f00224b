"""The hand-over of one CALL from the queue to the link."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.handover import (
    Call,
    Complete,
    LinkMemory,
    Outcome,
    Report,
    Retry,
    Send,
    Settle,
    ended,
    heard,
    offered,
    sent,
    settled,
)

pytestmark = pytest.mark.unit

FIRST, SECOND, OTHER = Call("m1", 1), Call("m1", 2), Call("m2", 1)
ANSWERED, ERROR, TIMED_OUT, LOST = Outcome.ANSWERED, Outcome.ERROR, Outcome.TIMED_OUT, Outcome.CONNECTION_LOST


def test_an_idle_link_sends_what_it_is_offered() -> None:
    assert offered(LinkMemory(), FIRST) == Send(FIRST)


@pytest.mark.parametrize("call", [FIRST, SECOND, OTHER])
def test_nothing_is_sent_while_something_is_in_flight(call: Call) -> None:
    assert offered(sent(LinkMemory(), FIRST), call) is None


@pytest.mark.parametrize("outcome", list(Outcome))
def test_an_outcome_is_reported_again_at_every_offer_until_it_is_settled(outcome: Outcome) -> None:
    memory, report = ended(sent(LinkMemory(), FIRST), outcome)
    assert report == Report(FIRST, outcome)
    assert offered(memory, FIRST) == report
    assert offered(memory, FIRST) == report
    assert offered(settled(memory, FIRST), FIRST) == Send(FIRST)


@pytest.mark.parametrize(("outcome", "does"), [(ANSWERED, Report(FIRST, ANSWERED)), (LOST, Send(SECOND))])
def test_a_further_attempt_is_sent_unless_the_message_has_been_answered(outcome: Outcome, does: object) -> None:
    memory, _ = ended(sent(LinkMemory(), FIRST), outcome)
    assert offered(memory, SECOND) == does


def test_an_outcome_of_a_later_attempt_is_the_answer_to_an_earlier_offer() -> None:
    """The queue's store was put back to an older state."""
    memory, report = ended(sent(LinkMemory(), SECOND), LOST)
    assert offered(memory, FIRST) == report
    assert heard(1, Report(SECOND, LOST)) == Retry(SECOND, 3)


def test_an_outcome_does_not_hold_up_another_message() -> None:
    memory, _ = ended(sent(LinkMemory(), FIRST), ANSWERED)
    assert offered(memory, OTHER) == Send(OTHER)
    memory, _ = ended(sent(memory, OTHER), LOST)
    assert [report.call for report in memory.unsettled] == [FIRST, OTHER]


def test_settling_forgets_this_message_up_to_this_attempt_and_nothing_else() -> None:
    memory = LinkMemory(None, (Report(FIRST, LOST), Report(SECOND, ANSWERED), Report(OTHER, LOST)))
    assert settled(memory, FIRST).unsettled == (Report(SECOND, ANSWERED), Report(OTHER, LOST))
    assert settled(memory, SECOND).unsettled == (Report(OTHER, LOST),)


def test_nothing_ends_when_nothing_is_in_flight() -> None:
    assert ended(LinkMemory(), LOST) == (LinkMemory(), None)


@pytest.mark.parametrize(
    ("stored", "report", "attempts_left", "does"),
    [
        (1, Report(FIRST, ANSWERED), False, Complete(FIRST)),
        (2, Report(FIRST, ANSWERED), False, Complete(FIRST)),
        (None, Report(FIRST, ANSWERED), False, Settle(FIRST)),
        (None, Report(FIRST, LOST), True, Settle(FIRST)),
        (1, Report(FIRST, LOST), False, Retry(FIRST, 2)),
        (2, Report(FIRST, LOST), False, Settle(FIRST)),
        (2, Report(SECOND, LOST), False, Retry(SECOND, 3)),
        (1, Report(FIRST, ERROR), False, Complete(FIRST)),
        (1, Report(FIRST, ERROR), True, Retry(FIRST, 2)),
        (1, Report(FIRST, TIMED_OUT), False, Complete(FIRST)),
        (1, Report(FIRST, TIMED_OUT), True, Retry(FIRST, 2)),
        (2, Report(FIRST, ERROR), True, Settle(FIRST)),
    ],
)
def test_the_queue_completes_retries_or_only_settles(
    stored: int | None, report: Report, attempts_left: bool, does: object
) -> None:
    assert heard(stored, report, attempts_left) == does


@given(st.lists(st.sampled_from(["offer", "answer", "lose", "settle"]), max_size=40))
def test_no_attempt_is_sent_twice_while_its_outcome_is_not_settled(steps: list[str]) -> None:
    memory = LinkMemory()
    attempt = 1
    on_the_wire: list[Call] = []
    for step in steps:
        match step:
            case "offer":
                does = offered(memory, Call("m1", attempt))
                if isinstance(does, Send):
                    on_the_wire.append(does.call)
                    memory = sent(memory, does.call)
            case "answer":
                memory, _ = ended(memory, ANSWERED)
            case "lose":
                memory, _ = ended(memory, LOST)
            case "settle":
                for report in memory.unsettled:
                    does_queue = heard(attempt, report)
                    if isinstance(does_queue, Complete):
                        assert on_the_wire.count(report.call) == 1
                        return
                    if isinstance(does_queue, Retry):
                        attempt = does_queue.next_attempt
                    memory = settled(memory, report.call)
    assert len(on_the_wire) == len(set(on_the_wire))
