"""The catalogue of informative messages."""

import re

import pytest

from schemas.faults import FAULTS
from schemas.notices import LONGEST_INFO, NOTICES, NoticeKind, notice, temperature

pytestmark = pytest.mark.unit

GUIDE = {
    "energy_flows": "Energy is flowing to vehicle",
    "energy_rests": "No energy flowing to vehicle",
    "energy_unknown": "Energy flow to vehicle is unknown",
    "temperatures": "Temperatures: CPU: +41.5 C RFID: -3.0 C",
    "paused_by_temperature": "Charging paused. Temperature: +81.0 C",
    "reduced_by_temperature": "Signaled current reduced. Temperature: +70.2 C",
    "nominal_after_temperature": "Signaled current back to nominal. Temp: +55.0 C",
}
"""Section 9.2, to the letter."""
WORDS = {
    "temperatures": {"cpu": temperature(41.5), "rfid": temperature(-3.0)},
    "paused_by_temperature": {"temperature": temperature(81.0)},
    "reduced_by_temperature": {"temperature": temperature(70.2)},
    "nominal_after_temperature": {"temperature": temperature(55.0)},
}


@pytest.mark.parametrize("code", GUIDE)
def test_the_guides_words_are_said_to_the_letter(code: str) -> None:
    said = notice(code, 1, **WORDS.get(code, {}))
    assert (said.connector, said.code, said.text) == (1, code, GUIDE[code])


@pytest.mark.parametrize("kind", NOTICES.values(), ids=list(NOTICES))
def test_what_is_told_fits_into_info_and_has_a_code_of_its_own(kind: NoticeKind) -> None:
    names = re.findall(r"{(\w+)}", kind.text)
    said = notice(kind.code, 0, **dict.fromkeys(names, "x" * 60))
    assert len(said.text) <= LONGEST_INFO
    assert re.fullmatch(r"\d\d-\d\d-\d\d\d", kind.internal_code)
    others = [other.internal_code for other in NOTICES.values() if other.code != kind.code]
    assert kind.internal_code not in [*others, *(fault.internal_code for fault in FAULTS.values())]


def test_a_temperature_has_its_sign_and_one_decimal() -> None:
    assert [temperature(each) for each in (0.0, 9.96, -0.5, 100.0)] == ["+0.0 C", "+10.0 C", "-0.5 C", "+100.0 C"]
    assert temperature(None) == "?"


def test_a_word_that_is_missing_is_a_mistake_of_the_owner() -> None:
    with pytest.raises(KeyError):
        notice("temperatures", 0, cpu="1")
    with pytest.raises(KeyError):
        notice("no such thing", 0)
