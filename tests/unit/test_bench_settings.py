"""`bench settings`: from times to figures, and what is compared with what."""

import json

import pytest

from chargectl.bench import settings
from services.settings.table import KEYS

pytestmark = pytest.mark.unit


def test_the_slowest_answers_and_changes_count() -> None:
    times = [0.001] * 95 + [0.101] * 5
    assert settings._answer_figure([times]).passed is False
    assert settings._answer_figure([[0.099] * 100]).passed is True
    figure = settings._change_figure([[0.01] * 98 + [0.051] * 2], [[0.001] * 100])
    assert figure.value == pytest.approx(51.0)
    assert figure.baseline == pytest.approx(1.0)
    assert figure.passed is False


def test_composing_and_starting_are_compared_pair_by_pair() -> None:
    figure = settings._encode_figure([([5.0, 6.0], [1.0, 1.0]), ([1.0], [1.0])])
    assert figure.runs == (5.5, 1.0)
    assert figure.passed is True
    assert settings._start_figure([([0.3, 0.32], [0.2, 0.2])]).passed is False
    assert settings._start_figure([([0.3], [0.2])]).passed is True


def test_both_sides_of_the_ratio_encode_the_same_whole_answer() -> None:
    told = settings._configuration().answer((), {})
    names = {each["key"] for each in json.loads(told["configurationKey"])}
    assert {name for name, key in KEYS.items() if key.access.value != "W"} <= names
    composed, encoded = settings._composed_and_encoded(2)
    assert len(composed) == len(encoded) == 2
    assert min(composed + encoded) > 0
