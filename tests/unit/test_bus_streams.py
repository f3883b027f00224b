"""What the receiver of a numbered stream does with a fact."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.streams import REPEAT_S, Mark, Repeater, Verdict, is_new, judge

pytestmark = pytest.mark.unit

TAKE, AGAIN, IGNORE = Verdict.TAKE, Verdict.AGAIN, Verdict.IGNORE


@pytest.mark.parametrize(
    ("mark", "number", "lowest", "verdict"),
    [
        (None, 1, 1, TAKE),
        (None, 2, 1, IGNORE),
        (None, 5, 5, TAKE),
        (None, 4, 5, AGAIN),
        (None, 6, 5, IGNORE),
        (Mark("ours", 3), 4, 1, TAKE),
        (Mark("ours", 3), 4, 4, TAKE),
        (Mark("ours", 3), 3, 1, AGAIN),
        (Mark("ours", 3), 1, 1, AGAIN),
        (Mark("ours", 3), 5, 1, IGNORE),
        (Mark("ours", 3), 5, 5, IGNORE),
        (Mark("another", 3), 4, 1, IGNORE),
        (Mark("another", 3), 1, 1, TAKE),
        (Mark("another", 99), 7, 7, TAKE),
        (Mark("another", 99), 6, 7, AGAIN),
        (Mark("ours", 0), 1, 1, TAKE),
    ],
)
def test_the_next_number_is_taken_a_lower_one_acknowledged_and_a_higher_one_ignored(
    mark: Mark | None, number: int, lowest: int, verdict: Verdict
) -> None:
    assert judge(mark, "ours", number, lowest) is verdict


@pytest.mark.parametrize(("mark", "new"), [(None, True), (Mark("ours", 1), False), (Mark("another", 1), True)])
def test_a_stream_never_heard_of_is_new(mark: Mark | None, new: bool) -> None:
    assert is_new(mark, "ours") is new


@given(st.lists(st.integers(1, 8), max_size=60))
def test_facts_are_taken_in_order_without_hole_and_once_whatever_comes(numbers: list[int]) -> None:
    taken: list[int] = []
    mark: Mark | None = None
    for number in numbers:
        if judge(mark, "ours", number, 1) is TAKE:
            taken.append(number)
            mark = Mark("ours", number)
    assert taken == list(range(1, len(taken) + 1))


def test_a_repeat_is_due_at_once_then_every_two_seconds_and_when_the_receiver_appears() -> None:
    repeater = Repeater()
    assert repeater.due(100.0)
    assert not repeater.due(100.0 + REPEAT_S - 0.001)
    assert repeater.due(100.0 + REPEAT_S)
    assert not repeater.due(100.0 + REPEAT_S)
    repeater.appeared()
    assert repeater.due(100.0 + REPEAT_S)
