"""The search of `tests/safety_search.py` at full resolution."""

import pytest

from schemas.safety import PilotState
from tests.safety_configurations import CONFIGURATIONS, Configuration
from tests.safety_search import search

pytestmark = [pytest.mark.bench, pytest.mark.long]


def test_no_combination_of_four_events_breaks_an_invariant(capsys: pytest.CaptureFixture[str]) -> None:
    states, edges, ends, names = search(most_states=8_000, depth=4)
    with capsys.disabled():
        print(f"\nsafety search: {states} states, {edges} edges, {ends} ends, {len(names)} states of the machine")
    assert states > 5_000
    assert set(PilotState) - {PilotState.UNKNOWN, PilotState.D2, PilotState.F} <= names


@pytest.mark.parametrize("configuration", CONFIGURATIONS[1:], ids=[each.name for each in CONFIGURATIONS[1:]])
def test_no_combination_of_two_events_breaks_an_invariant_in_any_configuration(
    configuration: Configuration, capsys: pytest.CaptureFixture[str]
) -> None:
    states, edges, ends, _ = search(most_states=3_000, depth=2, configuration=configuration, ends_every=10)
    with capsys.disabled():
        print(f"\nsafety search, {configuration.name}: {states} states, {edges} edges, {ends} ends")
    assert states > 1_000
    assert ends > 100
