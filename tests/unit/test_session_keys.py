"""Configuration keys as `session` reads them."""

import pytest

from schemas.settings import SettingsSnapshot
from services.session.keys import Keys, read_keys

pytestmark = pytest.mark.unit


def keys(**values: str) -> Keys:
    return read_keys(SettingsSnapshot(revision=7, values=values))


def test_missing_keys_have_their_factory_values() -> None:
    assert keys() == Keys(7, False, "FREE", True, True, 45.0, False, None)


@pytest.mark.parametrize(
    ("word", "expected"), [("true", True), ("On", True), ("1", True), ("FALSE", False), ("0", False)]
)
def test_switches_in_every_spelling(word: str, expected: bool) -> None:
    assert keys(FreeCharging=word).free_charging is expected


@pytest.mark.parametrize("word", ["", "nan", "-1", "inf", "much"])
def test_an_unreadable_number_is_the_factory_value(word: str) -> None:
    read = keys(ConnectionTimeOut=word, OperatorCurrentLimit=word)
    assert (read.connection_time_out_s, read.operator_limit_a) == (45.0, None)


@pytest.mark.parametrize(("tag", "expected"), [("freecharging", "freecharging"), ("x" * 21, "FREE"), ("  ", "FREE")])
def test_the_id_tag_of_free_charging_fits_into_20_characters(tag: str, expected: str) -> None:
    assert keys(RfidTagFreeCharging=tag).free_id_tag == expected
