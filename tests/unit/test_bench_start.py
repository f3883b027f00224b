"""`bench start`: from times to figures."""

import pytest

from chargectl.bench.start import _accepted_figure, _back_figure, _each, _executed_figure, _start_figure
from chargectl.bench.stations import SERVICES

pytestmark = pytest.mark.unit


def test_the_start_is_compared_pair_by_pair() -> None:
    figure = _start_figure([[1.0, 2.0, 6.0], [3.0]], [[0.5, 1.0, 2.0], [1.0]])
    assert figure.runs == (2.0, 3.0)
    assert figure.value == 2.5
    assert figure.passed is False


def test_twice_as_long_as_bare_services_is_allowed() -> None:
    assert _start_figure([[1.0]], [[0.5]]).passed is True


def test_what_preloading_saves_is_reported_without_a_limit() -> None:
    figure = _executed_figure([[2.0, 4.0, 12.0]], [[0.5, 1.0, 2.0]])
    assert (figure.value, figure.limit, figure.passed) == (4.0, None, None)


def test_the_slowest_of_all_kills_counts() -> None:
    back = {name: [[0.1, 0.1], [0.1, 0.1]] for name in SERVICES}
    assert _back_figure(back, [[0.05], [0.05]]).value == 0.1
    back["hmi"][1][0] = 0.51
    figure = _back_figure(back, [[0.05], [0.05]])
    assert (figure.value, figure.passed, figure.runs) == (0.51, False, (0.1, 0.51))
    assert "the slowest of hmi" in figure.reason


def test_the_median_of_every_service_is_reported() -> None:
    back = {name: [[0.1, 0.3, 0.2]] for name in SERVICES}
    assert [figure.value for figure in _each(back)] == [0.2] * len(SERVICES)


def test_the_median_start_until_the_backend_accepted_counts() -> None:
    figure = _accepted_figure([[2.0, 9.0, 2.5], [3.0]], [[1.0]])
    assert (figure.value, figure.passed, figure.runs) == (2.75, True, (2.5, 3.0))
    assert _accepted_figure([[3.1]], [[1.0]]).passed is False
