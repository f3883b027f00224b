"""The demo's settings in a person's station.toml, and their way out again."""

import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chargectl.demo.station_file import ASIDE, MARK, with_settings, without_demo
from chargectl.init import DEFAULT_STATION
from chargectl.station_check import check_text

pytestmark = pytest.mark.unit

VALUES: dict[str, str | int] = {"OCPPBackendJSONURL": "ws://127.0.0.1:4711/", "BackendConnectionTimeout": 5}
OWN = '[settings]\nFreeCharging = true\n"OCPPBackendJSONURL" = "wss://mine/"\n\n[cards]\nlocal = []\n'


def test_the_standard_station_gets_the_values_and_stays_right() -> None:
    station = check_text(with_settings(DEFAULT_STATION, VALUES), "t")
    assert station.settings == VALUES


def test_a_station_without_settings_gets_them() -> None:
    assert tomllib.loads(with_settings("[cards]\nlocal = []\n", VALUES)) == {"cards": {"local": []}, "settings": VALUES}


def test_what_the_person_wrote_about_the_same_key_is_set_aside_and_the_rest_stays() -> None:
    taken = tomllib.loads(with_settings(OWN, VALUES))
    assert taken == {"settings": {"FreeCharging": True, **VALUES}, "cards": {"local": []}}


def test_a_key_of_the_same_name_elsewhere_is_left_alone() -> None:
    text = '[cards]\nOCPPBackendJSONURL = "x"\n[settings]\n'
    assert tomllib.loads(with_settings(text, VALUES))["cards"] == {"OCPPBackendJSONURL": "x"}


def test_a_demo_that_was_killed_is_put_right_by_the_next_one() -> None:
    left = with_settings(OWN, {"ConnectionType": "No Backend", "OCPPBackendJSONURL": "ws://old/"})
    assert with_settings(left, VALUES) == with_settings(OWN, VALUES)
    assert without_demo(left) == OWN


LINES = st.lists(
    st.sampled_from(
        ["[settings]", " [ settings ] # mine", "[cards]", "a = 1", "OCPPBackendJSONURL = 'x'", "", "# note", "b = 2\r"]
    ),
    max_size=8,
)


@given(LINES)
def test_after_the_demo_the_file_is_as_it_was_to_the_letter(lines: list[str]) -> None:
    text = "\n".join(lines)
    changed = with_settings(text, VALUES)
    assert MARK in changed
    assert without_demo(changed) == text
    assert without_demo(text) == text
    assert ASIDE not in without_demo(changed)
