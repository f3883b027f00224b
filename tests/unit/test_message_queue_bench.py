"""What `bench queue` makes of its measurements."""

from pathlib import Path

import pytest

from chargectl.bench import queue
from chargectl.bench.queue import Repeat, figures

pytestmark = pytest.mark.unit


def repeat(ours_s: list[float], theirs_s: list[float], written: int) -> Repeat:
    made = object.__new__(Repeat)
    made.payload, made.ours_s, made.theirs_s, made.written = "x" * 400, ours_s, theirs_s, written
    return made


def test_medians_are_compared_and_the_median_of_the_repeats_counts() -> None:
    runs = [repeat([factor * 1e-3] * 3, [1e-3, 1e-3, 9.0], 6600) for factor in (1.1, 1.2, 1.9)]
    time, size, *reported = figures(runs)
    assert time.value == pytest.approx(1.2)
    assert time.limit == 1.25
    assert time.passed
    assert size.value == pytest.approx(5.5)
    assert size.limit == 6.0
    assert size.passed
    assert all(figure.limit is None for figure in reported)


def test_a_miss_is_a_miss() -> None:
    time, size, *_ = figures([repeat([1.3e-3], [1e-3], 2500)])
    assert time.passed is False
    assert size.passed is False


def test_without_a_disk_or_a_counter_nothing_is_claimed() -> None:
    time, size, *_ = figures([repeat([2e-5], [1e-5], 0)])
    assert (time.value, size.value) == (None, None)
    assert "no disk" in time.reason
    assert "cannot be read" in size.reason


def test_the_measured_message_is_a_typical_one() -> None:
    assert 400 < len(queue.typical_payload()) < 450


def test_a_repeat_measures_every_message_with_its_bytes(tmp_path: Path) -> None:
    measured = Repeat(tmp_path, 6)
    assert len(measured.ours_s) == len(measured.theirs_s) == 6
    assert 1.0 < measured.bytes_ratio < 12.0
