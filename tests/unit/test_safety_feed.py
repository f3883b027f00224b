"""When the monoflop is fed."""

import math

import pytest

from services.safety.feed import Feeder

pytestmark = pytest.mark.unit


def test_nothing_is_fed_without_a_coil_on() -> None:
    feeder = Feeder()
    assert not any(feeder.due(False, 10.0 + step / 100) for step in range(100))


def test_a_coil_is_fed_from_its_first_step_and_every_10_ms() -> None:
    feeder = Feeder()
    fed = [step for step in range(100) if feeder.due(True, 10.0 + step / 100)]
    assert fed == list(range(100))


def test_steps_in_quick_succession_feed_once() -> None:
    feeder = Feeder()
    assert feeder.due(True, 10.0)
    assert not feeder.due(True, 10.001)
    assert feeder.due(True, 10.006)


def test_a_step_4_ms_after_the_last_feed_feeds_nothing() -> None:
    feeder = Feeder()
    assert feeder.due(True, 10.0)
    assert not feeder.due(True, 10.004)


def test_the_next_feed_is_10_ms_after_the_last_one_and_never_without_a_coil() -> None:
    feeder = Feeder()
    assert feeder.due(True, 10.0)
    assert feeder.next_s(True) == pytest.approx(10.01)
    assert feeder.next_s(False) == math.inf
