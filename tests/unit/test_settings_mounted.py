"""What is mounted, as factory values of keys; and safety relevant keys, which have to be confirmed."""

from collections.abc import Mapping

import pytest

from schemas.base import Answer
from schemas.settings import Entry
from services.home import parse_station
from services.settings.changes import Judgement, change, judge
from services.settings.factory import board_of, check_station, factory_values
from services.settings.rules import check
from services.settings.rules.mounted import FOR_THE_BACKEND, OUTPUTS, SENSORS
from services.settings.table import KEYS
from services.settings.table.key import Access
from services.settings.values import Values, begin

pytestmark = pytest.mark.unit

FIXED = '[connector.1]\ncable = "fixed"\n'
SCHUKO = '[connector.1]\n[connector.2]\ncable = "schuko"\n[equipment]\noutputs = ["auxiliary"]\n'
BARE = '[connector.1]\n[equipment]\noutputs = []\ntemperatures = []\ninputs = { rcd = "normally open" }\n'
WITHOUT_SENSORS = '[connector.1]\n[equipment]\noutputs = ["climate"]\ntemperatures = ["rfid"]\n'
FREE_INPUT = '[connector.1]\n[equipment]\noutputs = []\ninputs = { opto_2 = "normally open" }\n'
SIMULATED = "[connector.1]\n"
"""Mounted as the simulated station has it by default."""


def values(text: str, stored: Mapping[str, str] | None = None) -> Values:
    station = parse_station(text)
    return begin(factory_values(station), board_of(station), stored or {}, {}).started()


def wanted(before: Values, key: str, value: str, **how: bool) -> Judgement:
    return judge(before, [Entry(key=key, value=value)], **how)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[connector.1]\n", {"CableAttached": "false", "EOActuatorType": "With feedback",
         "WeldCheck": "Mirror contact"}),
        (FIXED, {"CableAttached": "true"}),
        ('[connector.1]\nlock_actuator = "without feedback"\n', {"EOActuatorType": "Without feedback"}),
        ("[connector.1]\nmirror_contact = false\n", {"WeldCheck": "Disable", "WeldCheckInType": "Normally open"}),
        (
            '[connector.1]\nmirror_contact_type = "normally closed"\n',
            {"WeldCheck": "Mirror contact", "WeldCheckInType": "Normally closed"},
        ),
        (
            "[connector.1]\n[connector.2]\nmirror_contact = false\n",
            {"WeldCheck": "Mirror contact", "WeldCheck[2]": "Disable"},
        ),
        ('[connector.1]\nmeter = "none"\n[connector.2]\n', {"OCPPMeterType": "No meter",
         "OCPPMeterType[2]": "Eastron SDM630 V2"}),
        ("[connector.1]\nphase_switching = true\n", {"ConnectorSwitch3to1PhaseSupported": "true",
         "PhaseSwitchingFunction": "Disabled"}),
        ("[connector.1]\nphase_switching = true\nphases = 1\n", {"ConnectorSwitch3to1PhaseSupported": "false"}),
        (SCHUKO, {"OCPPSchuko": "true", "CableAttached": "false", "WeldCheck": "Mirror contact"}),
        ('[connector.1]\ncable = "fixed"\n[connector.2]\ncable = "schuko"\n', {"CableAttached": "true"}),
    ],
)  # fmt: skip
def test_the_station_file_gives_the_factory_values_of_what_is_mounted(text: str, found: dict[str, str]) -> None:
    state = values(text)
    assert {name: state.in_force[name] for name in found} == found
    assert check(state.in_force, state.board) == [], "a station does not contradict itself"
    assert check_station(parse_station(text), text) == []
    assert not state.rejected


@pytest.mark.parametrize(
    ("text", "key", "value", "words"),
    [
        ("[connector.1]\nmirror_contact = false\n", "WeldCheck", "Mirror contact", "has none (mirror_contact)"),
        ("[connector.1]\n", "WeldCheck", "Opto input 1", "needs the input opto_1"),
        ("[connector.1]\n", "WeldCheckInType", "Normally closed", "normally open (mirror_contact_type)"),
        (FIXED, "CableAttached", "false", "there is no socket"),
        ('[connector.1]\nlock_actuator = "without feedback"\n', "EOActuatorType", "With feedback", "without feedback"),
        ("[connector.1]\n", "RCDENABLE", "On", "needs the input rcd"),
        ("[connector.1]\n", "MonitoringRelayInput", "On", "needs the input monitoring_relay"),
        ("[connector.1]\n", "TamperDetectionInputEnable", "true", "needs the input tamper"),
        ("[connector.1]\n", "ConnectorSwitch3to1PhaseSupported", "true", "no connector has a phase relay"),
        ("[connector.1]\n", "PhaseSwitchingFunction", "By command", "no connector has a phase relay"),
        ("[connector.1]\nphase_switching = true\n", "PhaseSwitchingFunction", "EEBus", "no such interface yet"),
        ("[connector.1]\n", "OCPPSchuko", "true", 'as a connector of its own (cable = "schuko")'),
        (BARE, "WeldCheckAuxRelay", "true", "needs the output auxiliary"),
        (BARE + "[settings]\nRCDENABLE = 'On'\n", "RCDAUTORECLOSURE", "On", "needs the output auxiliary"),
        (BARE, "OCPPSchuko", "true", 'as a connector of its own (cable = "schuko")'),
        (BARE, "VentHeatingCtrlMode", "Fan (vehicle state)", "needs the output climate"),
        (BARE, "PatternOnRelayK2", "On while vehicle connected", "needs the output relay_2"),
        (BARE, "InputOutputBackendControlledMode", "true", "needs one of opto_1, opto_2, output_1, output_2"),
        (
            SIMULATED + "[settings]\nInputOutputBackendControlledMode = true\n",
            "InputChangeNotifyBackend",
            "true",
            "needs one of opto_1, opto_2,",
        ),
        (BARE, "TempDelta", "5", "needs the temperature sensor cpu or rfid"),
        (BARE, "TempReduceThreshold1", "40", "needs the temperature sensor housing or cpu"),
        (BARE, "TempStopThreshold2", "80", "needs the temperature sensor housing or cpu"),
        (BARE, "ReducedCurrent", "16", "needs the temperature sensor housing or cpu"),
        (BARE, "ReducedCurrentPct", "50", "needs the temperature sensor housing or cpu"),
        (BARE, "AmbientCpuDelta", "-5", "needs the temperature sensor cpu"),
        (WITHOUT_SENSORS, "VentHeatingCtrlMode", "Heater (temperature)", "needs the temperature sensor housing or cpu"),
    ],
)
def test_a_key_that_contradicts_the_board_is_rejected_stored_or_in_the_station_file(
    text: str, key: str, value: str, words: str
) -> None:
    refused = wanted(values(text), key, value, confirmed=True)
    assert refused.outcome is Answer.REJECTED
    assert words in refused.reason
    old = values(text, {key: value})
    assert words in old.rejected[key], "a stored one of before is kept and not used"
    assert old.in_force[key] != value
    head = "" if "[settings]" in text else "[settings]\n"
    wrong = f'{text}{head}{key} = "{value}"\n'
    told = check_station(parse_station(wrong), wrong)
    assert words in told[0]
    assert f"line {wrong.count(chr(10))}" in told[0]


def test_what_is_listed_as_wired_may_be_chosen() -> None:
    text = (
        '[connector.1]\nmirror_contact = false\n[equipment.inputs]\nopto_1 = "normally open"\nline = "normally open"\n'
    )
    for value in ("Opto input 1", "230V input"):
        assert wanted(values(text), "WeldCheck", value, confirmed=True).outcome is Answer.REBOOT_REQUIRED


@pytest.mark.parametrize("text", [BARE, SIMULATED, SCHUKO])
def test_what_is_delivered_is_never_refused(text: str) -> None:
    before = values(text)
    for name in (*OUTPUTS, *SENSORS, *FOR_THE_BACKEND):
        delivered = before.factory.get(name, KEYS[name].default)
        assert wanted(before, name, delivered, confirmed=True).outcome is Answer.ACCEPTED, name


@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        (SIMULATED, "WeldCheckAuxRelay", "true"),
        (SIMULATED, "VentHeatingCtrlMode", "Heater (temperature)"),
        (SIMULATED, "PatternOnRelayK2", "On while charging"),
        (SIMULATED, "InputOutputBackendControlledMode", "true"),
        (FREE_INPUT, "InputOutputBackendControlledMode", "true"),
        (FREE_INPUT + "[settings]\nInputOutputBackendControlledMode = true\n", "InputChangeNotifyBackend", "true"),
        (SIMULATED, "TempDelta", "5"),
        (SIMULATED, "TempReduceThreshold1", "40"),
        (SIMULATED, "AmbientCpuDelta", "-5"),
        (SIMULATED, "RCDRESET", "true"),
        (WITHOUT_SENSORS, "TempDelta", "5"),
        (WITHOUT_SENSORS, "VentHeatingCtrlMode", "Fan (temperature)"),
        (SCHUKO, "OCPPSchuko", "false"),
        (SCHUKO, "OCPPSchuko", "true"),
        ("[connector.1]\n[equipment]\ntemperatures = ['housing']\n", "TempStopThreshold2", "80"),
        ("[connector.1]\n[equipment]\ntemperatures = ['cpu']\n", "ReducedCurrentPct", "50"),
    ],
)
def test_what_the_mounted_outputs_and_sensors_can_do_is_accepted(text: str, key: str, value: str) -> None:
    done = wanted(values(text), key, value, confirmed=True)
    assert done.outcome in (Answer.ACCEPTED, Answer.REBOOT_REQUIRED), done.reason


def test_a_domestic_socket_that_is_not_mounted_takes_the_output_from_nobody() -> None:
    old = values(SIMULATED, {"OCPPSchuko": "true"})
    assert old.in_force["OCPPSchuko"] == "false"
    assert wanted(old, "WeldCheckAuxRelay", "true").outcome is Answer.ACCEPTED


@pytest.mark.parametrize(
    ("text", "stored", "words"),
    [
        (BARE, {}, "needs the output auxiliary"),
        (SIMULATED, {"WeldCheckAuxRelay": "true"}, "the auxiliary output serves WeldCheckAuxRelay"),
        (SCHUKO, {}, "the auxiliary output serves OCPPSchuko"),
    ],
)
def test_an_order_that_the_output_cannot_carry_out_is_refused(text: str, stored: dict[str, str], words: str) -> None:
    before = values(text, stored)
    for key in ("RCDRESET", "RCDRESET[1]"):
        refused = wanted(before, key, "true")
        assert refused.outcome is Answer.REJECTED
        assert [each.key for each in refused.refused] == [key]
        assert words in refused.reason
        assert refused.actions == ()


def test_an_order_is_judged_by_what_its_own_set_puts_into_force() -> None:
    shunt, order = Entry(key="WeldCheckAuxRelay", value="true"), Entry(key="RCDRESET", value="true")
    together = judge(values(SIMULATED), [shunt, order])
    assert together.outcome is Answer.REJECTED
    assert together.after is None, "nothing of the set is stored"
    free_again = Entry(key="WeldCheckAuxRelay", value="false")
    done = judge(values(SIMULATED, {"WeldCheckAuxRelay": "true"}), [order, free_again])
    assert [step.place for step in done.actions] == ["RCDRESET"]
    reclosing = {"RCDENABLE": "On", "RCDAUTORECLOSURE": "On"}
    wired = '[connector.1]\n[equipment]\ninputs = { rcd = "normally open" }\n'
    assert wanted(values(wired, reclosing), "RCDRESET", "true").outcome is Answer.ACCEPTED


# confirmation

SAFE = [key for key in KEYS.values() if key.confirm]


def test_every_safety_relevant_key_can_only_be_read_over_ocpp() -> None:
    assert {key.name for key in SAFE} >= {"CableAttached", "WeldCheck", "RCMBIEC62955Mode", "CPDiodeDetection"}
    assert [key.name for key in SAFE if key.access is not Access.READ] == []


def test_a_safety_relevant_key_is_refused_with_what_is_to_be_confirmed_and_taken_with_it() -> None:
    before = values("[connector.1]\n")
    refused = wanted(before, "CableAttached", "true")
    assert refused.outcome is Answer.REJECTED
    assert KEYS["CableAttached"].confirm in refused.reason
    assert refused.refused[0].confirm == KEYS["CableAttached"].confirm
    assert change(before, "CableAttached", "true", 0, "cli").outcome is Answer.REJECTED
    done = wanted(before, "CableAttached", "true", confirmed=True)
    assert done.outcome is Answer.REBOOT_REQUIRED
    over_ocpp = judge(before, [Entry(key="CableAttached", value="true")], source="ocpp", confirmed=True)
    assert "can only be read over OCPP" in over_ocpp.reason


def test_going_back_to_what_is_mounted_needs_no_confirmation() -> None:
    changed = values("[connector.1]\n", {"CableAttached": "true", "CPDiodeDetection": "false"})
    assert wanted(changed, "CableAttached", "false").outcome is Answer.REBOOT_REQUIRED
    assert wanted(changed, "CableAttached", "true").outcome is Answer.ACCEPTED, "it is so already"
    assert judge(changed, [Entry(key="CPDiodeDetection", reset=True)]).outcome is Answer.ACCEPTED


def test_a_set_with_one_unconfirmed_key_is_refused_whole() -> None:
    entries = [Entry(key="FreeCharging", value="true"), Entry(key="CPDiodeDetection", value="false")]
    refused = judge(values("[connector.1]\n"), entries)
    assert [each.key for each in refused.refused] == ["CPDiodeDetection"]
    assert refused.after is None
    done = judge(values("[connector.1]\n"), entries, confirmed=True)
    assert done.outcome is Answer.ACCEPTED
