"""Texts that nobody means: control characters, tricks of Unicode, very long ones, for every key there is."""

import unicodedata
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base import Answer
from schemas.settings import Entry
from services.home import parse_station
from services.settings.changes import judge
from services.settings.factory import board_of, factory_values
from services.settings.one_value import Unacceptable, parse
from services.settings.table import KEYS, Key
from services.settings.table.key import KeyType
from services.settings.values import Values, begin

pytestmark = pytest.mark.unit

SETTABLE = [key for key in KEYS.values() if key.type is not KeyType.READONLY]
HOSTILE = {
    "a NUL": "a\x00b",
    "a line break": "abc\ndef",
    "a carriage return": "abc\rdef",
    "a tab": "a\tb",
    "an escape": "\x1b[2Jx",
    "a C1 control": "a\x9bb",
    "a delete": "a\x7fb",
    "a text that turns direction": "abc\u202edef",
    "a character without width": "ab\u200bc",
    "a line separator": "ab\u2028c",
    "a lone surrogate": "ab\ud800c",
    "a byte order mark": "a\ufeffb",
    "a private character": "a\ue000b",
}
LONG = "9" * 20_000
FOREIGN_DIGITS = ("\u0661\u0662", "\uff11\uff12", "\u00b2", "1e1", "0x10", "1_0", "+-1", "nan", "inf", "--1")


def fresh() -> Values:
    station = parse_station("[connector.1]\n")
    return begin(factory_values(station), board_of(station), {}, {}).started()


def accepted(key: Key, text: str) -> str | None:
    try:
        return parse(key, text)
    except Unacceptable as error:
        words = str(error)
    assert words.isprintable(), "a refusal is printed on a terminal"
    assert len(words) < 3000
    return None


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_no_key_takes_what_hides_in_a_line(text: str) -> None:
    taken = [key.name for key in SETTABLE if accepted(key, text) is not None]
    assert taken == []


def test_no_key_takes_more_than_it_says() -> None:
    assert [key.name for key in SETTABLE if accepted(key, LONG) is not None] == []


@pytest.mark.parametrize("text", FOREIGN_DIGITS)
def test_numbers_are_written_in_plain_digits(text: str) -> None:
    numbers = (KeyType.INT, KeyType.FLOAT, KeyType.BOOL)
    assert [key.name for key in SETTABLE if (key.value_type or key.type) in numbers and accepted(key, text)] == []


@given(st.sampled_from(SETTABLE), st.text(max_size=60))
@settings(max_examples=400, deadline=None)
def test_whatever_is_taken_is_one_printable_line_within_its_length(key: Key, text: str) -> None:
    found = accepted(key, text)
    if found is None:
        return
    assert len(found) <= key.longest
    assert not [each for each in found if unicodedata.category(each)[0] == "C" and each not in "\r\n"]
    assert key.multiline or "\n" not in found


@pytest.mark.parametrize(
    "entries",
    [
        {"\x1b]0;title\x07": "1"},
        {"FreeCharging\n": "maybe"},
        {"FreeCharging[2] ; DROP TABLE value": "true"},
        {"'; DROP TABLE value; --": "x"},
        {"[2]": "1", "": "1", " ": "1", "[]": "", "FreeCharging[": "1", "FreeCharging[-1]": "1"},
        {"FreeCharging[99999999999999999999]": "true"},
        {"\u0130" * 64: "1", "\u202eFreeCharging": "1"},
    ],
)
def test_nonsense_in_names_is_refused_with_words_that_can_be_printed(entries: Mapping[str, str]) -> None:
    refused = judge(fresh(), [Entry(key=key, value=value) for key, value in entries.items()])
    assert refused.after is None
    assert refused.outcome in (Answer.REJECTED, Answer.NOT_SUPPORTED)
    assert {each.key for each in refused.refused} == set(entries)
    assert all(each.reason.isprintable() for each in refused.refused), refused.refused
