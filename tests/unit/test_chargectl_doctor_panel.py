"""`chargectl doctor` on contacts that nobody watches, and on the fan."""

import pytest

from chargectl.doctor_deep import fan_finding
from chargectl.doctor_inputs import WATCHED, unwatched
from chargectl.finding import OK, WARNING, WRONG
from schemas.safety import SafetyStation
from schemas.station import INPUTS
from services.settings.table import KEYS

pytestmark = pytest.mark.unit

ON = {
    "RCDENABLE": "On",
    "MonitoringRelayInput": "On",
    "SPDCFG": "On",
    "TamperDetectionInputEnable": "true",
    "EnergyManInputPowerLimitCfg": "Enable",
    "OCPPSchuko": "true",
}


def off() -> dict[str, str]:
    return {key: "Meter communication loss" if key == "RCDENABLE" else KEYS[key].default for key in ON}


@pytest.mark.parametrize("name", list(WATCHED))
def test_a_contact_that_is_wired_and_active_while_its_key_is_off_is_warned_of(name: str) -> None:
    key = WATCHED[name][0]
    assert name in INPUTS
    found = list(unwatched({name: True}, off()))
    assert [(each.what, each.level) for each in found] == [(f"input {name}", WARNING)]
    assert f"but {key} is {off()[key]}" in found[0].words
    for active in (False, None):
        assert list(unwatched({name: active}, off())) == []
    assert list(unwatched({name: True}, ON)) == []
    assert "not known" in next(unwatched({name: True}, {})).words


def test_contacts_that_always_count_and_free_ones_are_not_warned_of() -> None:
    others = dict.fromkeys(INPUTS.keys() - WATCHED.keys(), True)
    assert list(unwatched(others, off())) == []


def test_a_contact_of_another_connector_is_judged_by_the_value_of_that_connector() -> None:
    values = {**off(), "RCDENABLE[2]": "On"}
    assert [each.what for each in unwatched({"rcd": True, "rcd.2": True, "rcd.3": True}, values)] == [
        "input rcd",
        "input rcd.3",
    ]


@pytest.mark.parametrize(
    ("rpm", "on", "level", "words"),
    [
        (None, False, WRONG, "its speed is not read"),
        (2400.0, False, OK, "2400 rpm"),
        (0.0, False, OK, "0 rpm; the output climate is off"),
        (0.0, True, WARNING, "0 rpm, although the output climate is on"),
    ],
)
def test_a_fan_at_rest_is_no_finding_and_one_that_is_not_read_is(
    rpm: float | None, on: bool, level: str, words: str
) -> None:
    finding = fan_finding(SafetyStation(fan_rpm=rpm, outputs={"climate": on}))
    assert (finding.level, finding.words) == (level, words)
