"""How `chargectl status` and `session show` tell the number of phases."""

import pytest

from chargectl.phases import phase_words

pytestmark = pytest.mark.unit


@pytest.mark.parametrize(
    ("given", "asked", "wanted", "words"),
    [
        (0, 0, 0, ""),
        (3, 3, 0, "3 phases"),
        (3, 0, 0, "3 phases"),
        (1, 1, 1, "1 phase (by command)"),
        (3, 1, 1, "3 phases, changing to 1 (by command)"),
        (1, 3, 0, "1 phase, changing to 3"),
        (0, 3, 0, "phases not proven, changing to 3"),
    ],
)
def test_what_is_given_and_what_it_changes_to(given: int, asked: int, wanted: int, words: str) -> None:
    assert phase_words(given, asked, wanted) == words
