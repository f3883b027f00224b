"""The rules that every real board shares: what was lost stays off, and no old feed arrives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.coil import CoilCommand, FreshFeed

pytestmark = pytest.mark.unit


def test_a_coil_that_was_lost_needs_an_off_and_an_on() -> None:
    coil = CoilCommand()
    coil.command(True)
    assert coil.energised
    coil.lost()
    assert not coil.energised
    coil.command(True)
    assert not coil.energised
    coil.lost()
    coil.command(True)
    assert not coil.energised, "however often it is lost"
    coil.command(False)
    coil.command(True)
    assert coil.energised


def test_a_coil_that_was_off_when_it_was_lost_may_be_switched_on() -> None:
    coil = CoilCommand()
    coil.lost()
    coil.command(True)
    assert coil.energised


@given(st.lists(st.sampled_from(["on", "off", "lost"]), max_size=30))
def test_between_a_loss_and_an_on_there_is_always_an_off(steps: list[str]) -> None:
    coil, must_fall, was_on = CoilCommand(), False, False
    for step in steps:
        if step == "lost":
            coil.lost()
            must_fall, was_on = must_fall or was_on, False
        else:
            coil.command(step == "on")
            must_fall = must_fall and step == "on"
            was_on = step == "on" and not must_fall
        assert coil.energised is was_on


def test_a_feed_is_passed_on_once() -> None:
    feed = FreshFeed()
    feed.feed(10.0)
    assert feed.take(10.001)
    assert not feed.take(10.002)


def test_the_same_stamp_feeds_once_and_an_older_one_never() -> None:
    feed = FreshFeed()
    feed.feed(10.0)
    assert feed.take(10.001)
    for stamp_s in (10.0, 9.999, 10.0):
        feed.feed(stamp_s)
        assert not feed.take(10.002)
    feed.feed(10.003)
    assert feed.take(10.004)


def test_a_feed_that_comes_later_than_50_ms_after_its_step_is_none_and_stays_none() -> None:
    feed = FreshFeed()
    feed.feed(10.0)
    assert not feed.take(10.0 + FreshFeed.LATE_S + 0.001)
    assert not feed.take(10.0)
    feed.feed(11.0)
    assert feed.take(11.0 + FreshFeed.LATE_S - 0.001)


def test_a_stamp_of_the_future_counts_as_now() -> None:
    feed = FreshFeed()
    feed.feed(99.0)
    assert feed.take(10.0)
    feed.feed(10.01)
    assert feed.take(10.01)
