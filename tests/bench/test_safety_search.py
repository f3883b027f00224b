"""The search of `tests/safety_search.py`, as far as it goes in a few seconds: one event of each kind, everywhere."""

import pytest

from schemas.safety import PilotState
from tests.safety_configurations import CONFIGURATIONS, Configuration
from tests.safety_search import SHORT_WAITS_S, happenings, search

pytestmark = pytest.mark.bench


def test_no_short_combination_of_events_breaks_an_invariant(capsys: pytest.CaptureFixture[str]) -> None:
    states, edges, _, names = search(most_states=80, depth=3)
    with capsys.disabled():
        print(f"\nsafety search: {states} states, {edges} edges")
    assert states >= 80
    assert {PilotState.C2, PilotState.C1, PilotState.B1, PilotState.E, PilotState.LOCKOUT, PilotState.LATCHED} <= names


@pytest.mark.parametrize("configuration", CONFIGURATIONS, ids=[each.name for each in CONFIGURATIONS])
def test_no_event_breaks_an_invariant_in_any_configuration(
    configuration: Configuration, capsys: pytest.CaptureFixture[str]
) -> None:
    found = search(10_000, 1, configuration, few=True, waits_s=SHORT_WAITS_S)
    with capsys.disabled():
        print(f"\nsafety search, {configuration.name}: {found.states} states, {found.edges} edges, {found.ends} ends")
    assert found.edges == 3 * len(happenings(configuration, few=True)) * len(SHORT_WAITS_S)
    assert found.states > 50
    assert found.ends > 0
    assert {PilotState.A, PilotState.C2, PilotState.B1, PilotState.BOOT} <= found.names
