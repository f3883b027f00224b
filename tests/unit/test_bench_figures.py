"""Medians, quantiles and paired ratios."""

import pytest

from chargectl.bench.figures import paired_ratio, quantile, rotated

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("count", "share", "rank"),
    [
        (100, 0.99, 99),
        (101, 0.99, 100),
        (1, 0.99, 1),
        (4, 0.5, 2),
        (5, 0.5, 3),
        (200, 0.99, 198),
        (3, 1.0, 3),
        (3, 0.0, 1),
    ],
)
def test_a_quantile_is_the_smallest_value_that_the_share_does_not_exceed(count: int, share: float, rank: int) -> None:
    values = [float(number) for number in range(count, 0, -1)]
    assert quantile(values, share) == rank


def test_a_quantile_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="no values"):
        quantile([], 0.5)


def test_what_slows_both_slices_of_a_pair_cancels_out() -> None:
    assert paired_ratio([2.0, 20.0, 200.0], [1.0, 10.0, 100.0]) == 2.0


def test_one_disturbed_slice_does_not_move_the_ratio() -> None:
    assert paired_ratio([2.0, 90.0, 2.0], [1.0, 1.0, 1.0]) == 2.0


@pytest.mark.parametrize(("subject", "baseline"), [([], []), ([1.0], []), ([1.0, 2.0], [1.0])])
def test_slices_without_their_partner_are_refused(subject: list[float], baseline: list[float]) -> None:
    with pytest.raises(ValueError, match="slices of the subject"):
        paired_ratio(subject, baseline)


def test_every_transport_is_first_once_in_as_many_turns_as_there_are() -> None:
    names = ["a", "b", "c"]
    assert [rotated(names, turn)[0] for turn in range(4)] == ["a", "b", "c", "a"]
    assert sorted(rotated(names, 2)) == names
