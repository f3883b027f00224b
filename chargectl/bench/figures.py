"""Medians, quantiles and paired ratios. Pure."""

import math
from collections.abc import Sequence
from statistics import median


def quantile(values: Sequence[float], share: float) -> float:
    """Nearest rank: the smallest value that at least `share` (0..1) of all values do not exceed.

    Raises ValueError without values.
    """
    if not values:
        raise ValueError("no values")
    rank = max(1, math.ceil(share * len(values) - 1e-9))
    return sorted(values)[rank - 1]


def paired_ratio(subject: Sequence[float], baseline: Sequence[float]) -> float:
    """Median of the ratios of slices measured one right after the other: what slows both cancels out.

    Raises ValueError when there are no pairs or their numbers differ.
    """
    if not subject or len(subject) != len(baseline):
        raise ValueError(f"{len(subject)} slices of the subject, {len(baseline)} of the baseline")
    return median(ours / theirs for ours, theirs in zip(subject, baseline, strict=True))


def rotated(names: Sequence[str], turn: int) -> list[str]:
    """Another one goes first in every turn: none has always the same neighbour's heat."""
    shift = turn % len(names)
    return [*names[shift:], *names[:shift]]
