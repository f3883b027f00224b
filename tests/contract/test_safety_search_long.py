"""The search of `tests/safety_search.py` at full depth."""

import pytest

from schemas.safety import PilotState
from tests.safety_search import search

pytestmark = pytest.mark.long


def test_no_combination_of_four_events_breaks_an_invariant(capsys: pytest.CaptureFixture[str]) -> None:
    states, edges, names = search(most_states=8_000, depth=4)
    with capsys.disabled():
        print(f"\nsafety search: {states} states, {edges} edges, {len(names)} states of the machine")
    assert states > 5_000
    assert set(PilotState) - {PilotState.UNKNOWN, PilotState.D2, PilotState.F} <= names
