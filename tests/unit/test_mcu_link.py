"""Order, loss and time on the serial link."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.mcu.frame import FrameReader
from hardware.mcu.link import RESYNC_S, TIMED_S, ClockMap, Incoming, Outgoing, ago_s, microseconds

pytestmark = pytest.mark.unit


def test_numbers_count_up_and_wrap() -> None:
    outgoing, reader = Outgoing(), FrameReader()
    numbers = [frame.sequence for _ in range(70_000) for frame in reader.take(outgoing.frame(1, b""))]
    assert numbers[:3] == [1, 2, 3]
    assert numbers[65534:65538] == [65535, 0, 1, 2]


def test_each_frame_counts_once_and_none_that_is_older() -> None:
    incoming = Incoming()
    taken = [incoming.counts(number, 1.0) for number in (10, 11, 11, 10, 9, 13, 12, 14)]
    assert taken == [True, True, False, False, False, True, False, True]
    assert (incoming.lost, incoming.repeated) == (1, 4)


def test_numbers_go_on_across_the_wrap() -> None:
    incoming = Incoming()
    assert all(incoming.counts(number, 1.0) for number in (65534, 65535, 0, 1))
    assert not incoming.counts(65535, 1.0)
    assert incoming.lost == 0


def test_after_a_silence_any_number_is_taken_but_not_before() -> None:
    incoming = Incoming()
    assert incoming.counts(500, 1.0)
    assert not incoming.counts(1, 1.0 + RESYNC_S)
    assert incoming.counts(1, 1.0 + RESYNC_S + 0.01)
    assert incoming.counts(2, 1.3)


def test_repeated_frames_do_not_keep_a_sequence_alive() -> None:
    incoming = Incoming()
    incoming.counts(500, 1.0)
    for place in range(10):
        incoming.counts(500, 1.0 + place * 0.02)
    assert incoming.counts(1, 1.0 + RESYNC_S + 0.01)


def test_counting_is_no_sign_of_life() -> None:
    incoming = Incoming()
    incoming.counts(500, 1.0)
    assert incoming.taken_s is None


@given(st.floats(0.0, 1e7), st.floats(-2000.0, 2000.0))
def test_a_wrapping_counter_gives_back_the_distance(now_s: float, distance_s: float) -> None:
    assert ago_s(microseconds(now_s + 3000.0 - distance_s), microseconds(now_s + 3000.0)) == pytest.approx(
        distance_s, abs=1e-5
    )


@given(
    rate=st.floats(0.9905, 1.0095),
    start_us=st.integers(0, 2**32 - 1),
    exchanges=st.lists(
        st.tuples(st.floats(0.0, 0.04), st.floats(0.0, 0.1), st.floats(0.0, 0.3), st.floats(0.0, 0.9)),
        min_size=1,
        max_size=30,
    ),
    sample_age_s=st.floats(0.0, 0.4),
)
def test_a_mapped_stamp_is_never_younger_than_the_truth(
    rate: float, start_us: int, exchanges: list[tuple[float, float, float, float]], sample_age_s: float
) -> None:
    """Whatever the delays up and down, the pauses, and a clock that is wrong by up to 1 %."""
    clock_map, now_s = ClockMap(), 5000.0

    def mcu_us(at_s: float) -> int:
        return (start_us + int((at_s - 4000.0) * rate * 1e6)) % 2**32

    for up_s, waits_s, down_s, pause_s in exchanges:
        sent_s = now_s
        taken_s = sent_s + up_s
        speaks_s = taken_s + waits_s
        arrived_s = speaks_s + down_s
        age_s = int((speaks_s - taken_s) * rate * 1e6) / 1e6
        clock_map.hear(mcu_us(speaks_s), sent_s, age_s, arrived_s)
        sampled_s = speaks_s + pause_s - sample_age_s
        mapped_s = clock_map.boot_s(mcu_us(sampled_s), speaks_s + pause_s + down_s)
        assert mapped_s <= sampled_s + 1e-5
        now_s = arrived_s + pause_s
    # Not needlessly old either: the best way up of the last exchange, and the drift since.
    assert sampled_s - mapped_s <= exchanges[-1][0] + 0.025 * (waits_s + pause_s + sample_age_s) + 1e-3


def test_a_stamp_that_is_far_away_is_of_no_use() -> None:
    clock_map = ClockMap()
    clock_map.hear(1_000_000, 100.0, 0.0, 100.01)
    assert clock_map.boot_s(1_500_000, 100.4) == pytest.approx(100.4, abs=0.1)
    assert clock_map.boot_s(3_000_000, 100.4) == 0.0, "from the future: a very old one that wrapped"
    assert clock_map.boot_s((1_000_000 - 70_000_000) % 2**32, 100.4) == 0.0


def test_nothing_is_mapped_before_the_first_exchange_and_half_a_second_after_the_last() -> None:
    clock_map = ClockMap()
    assert not clock_map.knows(1.0)
    with pytest.raises(ValueError, match="nothing was heard"):
        clock_map.boot_s(1, 1.0)
    clock_map.hear(1, 1.0, 0.0, 1.0)
    assert clock_map.knows(1.0 + TIMED_S)
    assert not clock_map.knows(1.01 + TIMED_S)
    clock_map.forget()
    assert not clock_map.knows(1.0)
