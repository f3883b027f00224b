"""The last 15 minutes of good samples."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.metering import Reading
from services.metering.ring import GAP_S, Ring

pytestmark = pytest.mark.unit


def a_ring(*times: float) -> Ring:
    ring = Ring()
    for time_s in times:
        ring.add(Reading(sampled_s=time_s, sampled_wall_s=time_s, energy_import_wh=int(time_s)))
    return ring


def test_it_keeps_fifteen_minutes_and_no_more() -> None:
    ring = a_ring(*(float(second) for second in range(5000)))
    assert len(ring) == 900
    pages = ring.pages(0.0, 5000.0)
    assert pages[0].readings[0].sampled_s == 4100.0


def test_samples_older_than_fifteen_minutes_are_dropped_after_a_silence() -> None:
    ring = a_ring(0.0, 1.0, 2.0, 950.0)
    assert [reading.sampled_s for reading in ring.pages(0.0, 1000.0)[0].readings] == [950.0]


def test_a_sample_that_is_not_younger_than_the_last_is_dropped() -> None:
    ring = a_ring(1.0, 2.0, 2.0, 1.5, 3.0)
    assert [reading.sampled_s for reading in ring.pages(0.0, 9.0)[0].readings] == [1.0, 2.0, 3.0]


def test_pages_have_at_most_120_samples_oldest_first_and_lose_none() -> None:
    ring = a_ring(*(float(second) for second in range(300)))
    pages = ring.pages(0.0, 299.0)
    assert [len(page.readings) for page in pages] == [120, 120, 60]
    assert [reading.sampled_s for page in pages for reading in page.readings] == [float(s) for s in range(300)]
    assert all(page.gaps == () for page in pages)


@pytest.mark.parametrize(
    ("times", "from_s", "to_s", "gaps"),
    [
        ([10.0, 11.0, 12.0], 10.0, 12.0, ()),
        ([10.0, 12.5], 10.0, 12.5, ()),
        ([10.0, 12.6], 10.0, 12.6, ((10.0, 12.6),)),
        ([10.0, 11.0], 5.0, 11.0, ((5.0, 10.0),)),
        ([10.0, 11.0], 10.0, 20.0, ((11.0, 20.0),)),
        ([], 5.0, 20.0, ((5.0, 20.0),)),
        ([], 5.0, 5.0, ()),
        ([10.0, 20.0], 12.0, 15.0, ((12.0, 15.0),)),
    ],
)
def test_gaps_are_marked_inside_before_and_after(
    times: list[float], from_s: float, to_s: float, gaps: tuple[tuple[float, float], ...]
) -> None:
    assert a_ring(*times).pages(from_s, to_s)[-1].gaps == gaps


def test_a_gap_at_the_border_of_two_pages_is_marked_once() -> None:
    ring = a_ring(*(float(second) for second in range(120)), *(float(second) for second in range(130, 140)))
    pages = ring.pages(0.0, 139.0)
    assert [page.gaps for page in pages] == [(), ((119.0, 130.0),)]


@given(
    st.lists(st.floats(0.0, 2000.0, allow_nan=False), max_size=400).map(sorted),
    st.floats(0.0, 2000.0),
    st.floats(0.0, 2000.0),
)
def test_every_moment_asked_for_is_near_a_sample_or_in_a_gap(times: list[float], one: float, other: float) -> None:
    from_s, to_s = min(one, other), max(one, other)
    pages = a_ring(*times).pages(from_s, to_s)
    samples = [reading.sampled_s for page in pages for reading in page.readings]
    gaps = [gap for page in pages for gap in page.gaps]
    assert samples == sorted(set(samples))
    assert all(len(page.readings) <= 120 for page in pages)
    for moment in (from_s, to_s, *((a + b) / 2 for a, b in pairwise(samples))):
        near = any(abs(moment - sample) <= GAP_S for sample in samples)
        assert near or to_s - from_s <= GAP_S or any(start <= moment <= end for start, end in gaps)
