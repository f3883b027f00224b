"""Keys that must fit together: every rule, what breaks it, and what it says to do."""

import re
from pathlib import Path

import pytest

from services.settings import rules
from services.settings.rules import RULES, check, complete, one_way
from services.settings.rules.problem import Board, Mounted
from services.settings.table import KEYS

pytestmark = pytest.mark.unit

SECTIONS = (
    Mounted(1, True, "Without feedback", "", frozenset({"rcd", "opto_1"})),
    Mounted(2, True, "Without feedback", "Normally closed", frozenset()),
)
BOARD = Board(
    32,
    ("No Backend", "Ethernet"),
    {"NumberOfConnectors": ("2", "two are mounted")},
    (32, 16),
    sections=SECTIONS,
    inputs=frozenset({"rcd"}),
    outputs=frozenset({"auxiliary", "climate", "output_1"}),
    temperatures=frozenset({"rfid"}),
)
FITS = {"NumberOfConnectors": "2", "CableAttached": "true", "EOActuatorType": "Without feedback"}
STATIC = {"NetworkConfigMode": "Static", "StaticNetworkConfigAddress": "10.0.0.5"}
WLAN = {"WLANNetworkConfigMode": "Static", "WLANStaticNetworkConfigAddress": "10.0.0.5"}
MASK = {"StaticNetworkConfigNetmask": "255.255.255.0"}
PROFILE = {"OCPPBackendJSONURL": "wss://b/", "HTTPBasicAuthPassword": "x" * 20}

CUT_OFF = f"-----BEGIN CERTIFICATE-----\nMIIB{'A' * 100}\n-----END CERTIFICATE-----"

BROKEN: list[tuple[str, dict[str, str], str, str]] = [
    ("hardware_within_rating", {"HardwareCurrentLimit": "33"}, "HardwareCurrentLimit", "rates it at 32 A"),
    ("installation_within_hardware", {"InstallationCurrentLimit": "20", "HardwareCurrentLimit": "16",
      "OperatorCurrentLimit": "6"}, "InstallationCurrentLimit", "above HardwareCurrentLimit (16 A)"),
    ("phases_can_be_switched", {"ConnectorSwitch3to1PhaseSupported": "true"}, "ConnectorSwitch3to1PhaseSupported",
     "no connector has a phase relay"),
    ("phase_switcher_exists", {"PhaseSwitchingFunction": "SEMP"}, "PhaseSwitchingFunction", "choose By command"),
    ("operator_within_its_limits", {"OperatorCurrentLimit": "17", "HardwareCurrentLimit": "16"},
     "OperatorCurrentLimit", "set OperatorCurrentLimit to 16 or less"),
    ("operator_within_its_limits", {"OperatorCurrentLimit": "17", "InstallationCurrentLimit": "16"},
     "OperatorCurrentLimit", "above InstallationCurrentLimit (16 A)"),
    ("pause_or_six_amperes", {"DlmDisconnectedLimit": "5"}, "DlmDisconnectedLimit", "0 (charging pauses) or at least"),
    ("interval_long_enough", {"MeterValueSampleInterval": "9"}, "MeterValueSampleInterval", "OCPPViaLocalNetwork"),
    ("interval_long_enough", {"ClockAlignedDataInterval": "1"}, "ClockAlignedDataInterval", "at least 10 s"),
    ("interval_long_enough", {"ClockAlignedDataInterval": "9", "OCPPViaLocalNetwork": "true"},
     "ClockAlignedDataInterval", "at least 10 s"),
    ("random_delay_within_interval", {"ClockAlignedDataInterval": "60", "ClockAlignedMeterRandomSendDelay": "60"},
     "ClockAlignedMeterRandomSendDelay", "below ClockAlignedDataInterval"),
    ("lists_within_their_length", {"MeterValuesSampledData": "Voltage,Frequency",
      "MeterValuesSampledDataMaxLength": "1"}, "MeterValuesSampledData", "at most 1 items"),
    ("no_measurand_twice", {"StopTxnSampledData": "Voltage,voltage"}, "StopTxnSampledData", "more than once"),
    ("rotation_of_every_connector_once", {"ConnectorPhaseRotation": "1.RST,1.RTS"}, "ConnectorPhaseRotation", "twice"),
    ("rotation_of_every_connector_once", {"ConnectorPhaseRotation": "3.RST"}, "ConnectorPhaseRotation",
     "no connector 3"),
    ("rotation_of_every_connector_once", {"ConnectorPhaseRotation": "1.RSS"}, "ConnectorPhaseRotation", "twice"),
    ("rotation_of_every_connector_once", {"ConnectorPhaseRotation": "1.ABC"}, "ConnectorPhaseRotation", "1.RST"),
    ("no_restart_with_signed_values", {"RestartTransAfterPowerLoss": "true", "OCPPMeterType": "Bauer BSM-WS36A"},
     "RestartTransAfterPowerLoss", "signed meter values"),
    ("fixed_tag_for_free_charging", {"RfidTagFreeCharging": ""}, "RfidTagFreeCharging", "needs the card number"),
    ("fixed_id_for_autocharge", {"Autocharge": "On (Fixed ID)", "autochargeid": ""}, "Autocharge", "autochargeid"),
    ("reduce_before_stop", {"TempReduceThreshold1": "70", "TempStopThreshold2": "70"}, "TempReduceThreshold1",
     "below TempStopThreshold2"),
    ("each_input_once", {"WeldCheck": "Opto input 1", "AuthorizationInput": "Input 1"}, "AuthorizationInput",
     "both use input 1"),
    ("each_input_once", {"WeldCheck[2]": "Opto input 2", "AuthorizationInput": "Input 2"}, "AuthorizationInput",
     "both use input 2"),
    ("each_input_once", {"WeldCheck": "Opto input 1"}, "WeldCheck", "makes several connectors use input 1"),
    ("each_input_once", {"WeldCheck": "Opto input 1", "WeldCheck[2]": "Disable", "RCDENABLE": "Opto input"},
     "RCDENABLE", "both use input 1"),
    ("inputs_are_wired", {"WeldCheck": "Opto input 2", "WeldCheck[2]": "Disable"}, "WeldCheck",
     "needs the input opto_2 of connector 1"),
    ("inputs_are_wired", {"WeldCheck[2]": "230V input with PE check"}, "WeldCheck[2]", "needs the input line"),
    ("inputs_are_wired", {"SPDCFG": "true"}, "SPDCFG", "needs the input spd"),
    ("domestic_socket_is_mounted", {"OCPPSchuko": "true"}, "OCPPSchuko", 'cable = "schuko"'),
    ("outputs_are_wired", {"PatternOnRelayK2": "On while charging"}, "PatternOnRelayK2", "needs the output relay_2"),
    ("backend_has_something_free", {"InputChangeNotifyBackend": "true", "InputOutputBackendControlledMode": "true"},
     "InputChangeNotifyBackend", "needs one of opto_1, opto_2"),
    ("sensors_are_mounted", {"TempReduceThreshold1": "40"}, "TempReduceThreshold1", "sensor housing or cpu"),
    ("sensors_are_mounted", {"VentHeatingCtrlMode": "Heater (temperature)"}, "VentHeatingCtrlMode", "housing or cpu"),
    ("mirror_contact_is_mounted", {"WeldCheck": "Mirror contact"}, "WeldCheck", "connector 1 has none"),
    ("mirror_contact_is_of_its_type", {"WeldCheck[2]": "Mirror contact"}, "WeldCheckInType", "normally closed"),
    ("cable_is_attached", {"CableAttached": "false"}, "CableAttached", "there is no socket"),
    ("actuator_can_do_it", {"EOActuatorType": "With feedback"}, "EOActuatorType", "without feedback"),
    ("actuator_can_do_it", {"EOActuatorType": "With emergency release"}, "EOActuatorType", "lock_actuator"),
    ("one_use_of_the_auxiliary_output", {"WeldCheckAuxRelay": "true", "OCPPSchuko": "true"}, "OCPPSchuko",
     "same auxiliary output"),
    ("input_reports_need_backend_mode", {"InputChangeNotifyBackend": "true"}, "InputChangeNotifyBackend",
     "needs InputOutputBackendControlledMode"),
    ("reclosure_needs_detection", {"RCDAUTORECLOSURE": "On"}, "RCDAUTORECLOSURE", "RCDENABLE"),
    ("reclosure_needs_detection", {"RCDAUTORECLOSURE": "On", "MonitoringRelayInput": "On"}, "RCDAUTORECLOSURE",
     "RCDENABLE"),
    ("inputs_are_wired", {"RCDENABLE": "On"}, "RCDENABLE", "needs the input rcd of connector 2"),
    ("link_exists", {"ConnectionType": "GSM"}, "ConnectionType", "it has: No Backend, Ethernet"),
    ("profile_fits_the_url", {**PROFILE, "SecurityProfile": "2", "OCPPBackendJSONURL": "ws://b/"}, "SecurityProfile",
     "wss://"),
    ("profile_has_its_password", {"SecurityProfile": "1"}, "SecurityProfile", "needs a password"),
    ("profile_has_its_certificate", {**PROFILE, "SecurityProfile": "3"}, "SecurityProfile", "needs a certificate"),
    ("verification_with_profile", {**PROFILE, "SecurityProfile": "2", "SSLModeClient": "Skip host check"},
     "SSLModeClient", "promise a verified backend"),
    ("watchdog_slower_than_the_connection", {"TcpWatchdogTimeout": "60"}, "TcpWatchdogTimeout", "reboot a healthy"),
    ("proxy_password_has_a_user", {"WebsocketsProxyPassword": "x", "WebsocketsProxyURL": "proxy:3128"},
     "WebsocketsProxyPassword", "USER@HOST"),
    ("authority_is_whole", {"OcppUserCaCertificate": CUT_OFF}, "OcppUserCaCertificate", "certificate 1 is cut off"),
    ("static_network_complete", {**STATIC}, "NetworkConfigMode", "StaticNetworkConfigNetmask"),
    ("static_network_complete", {**STATIC, **MASK, "StaticNetworkConfigGateway": "10.0.1.1"},
     "StaticNetworkConfigGateway", "is not in the network"),
    ("static_network_complete", {**STATIC, "StaticNetworkConfigNetmask": "255.0.255.0"}, "NetworkConfigMode",
     "make no network"),
    ("static_wlan_complete", {**WLAN}, "WLANNetworkConfigMode", "WLANStaticNetworkConfigNetmask"),
    ("wlan_has_a_name", {"WLANEnabled": "true"}, "WLANEnabled", "the name of a network"),
    ("wlan_for_the_backend_is_on", {"ConnectionType": "WLAN"}, "ConnectionType", "needs WLANEnabled"),
    ("manual_selection_names_a_network", {"ModemNetworkSelMode": "Manual"}, "ModemNetworkSelMode",
     "Req3GNetworkOperator"),
    ("access_point_of_its_user", {"APNUsername": "u"}, "APNUsername", "set APN"),
    ("each_port_once", {"ModbusSlaveTCPConfigOnOff": "true", "DlmHierarchicalMode": "Enabled (with local MQTT broker)",
      "DlmcMqttBrokerPort": "502"}, "DlmcMqttBrokerPort", "another port"),
    ("modbus_has_room_for_its_ports", {"ModbusSlaveTCPConfigOnOff": "true", "ModbusSlaveTCPPort": "65435"},
     "ModbusSlaveTCPPort", "at most 65434"),
    ("operator_group_limit_within_installed", {"DlmOperatorPhase2Limit": "17"}, "DlmOperatorPhase2Limit",
     "above DlmPhase2Limit (16 A)"),
    ("headroom_within_main_limit", {"DlmExtMeterEnabled": "true", "SecondMeterType": "Eastron SDM630 V2",
      "DlmExtLoadHeadroomPhase1": "999", "DlmExtMeterMainDistributionLimitPhase1": "63"}, "DlmExtLoadHeadroomPhase1",
     "above"),
    ("group_fallback_within_installed", {"DlmHierarchicalMode": "Enabled (with local MQTT broker)",
      "DlmcMaximumFallbackCurrent1": "17"}, "DlmcMaximumFallbackCurrent1", "above DlmPhase1Limit"),
    ("least_current_within_hardware", {"DlmMinCurrentRating": "17", "HardwareCurrentLimit": "16"},
     "DlmMinCurrentRating", "above HardwareCurrentLimit"),
    ("member_knows_its_master", {"DlmMode": "DLM Slave (Master-Fixed-IP)"}, "DlmMode", "the address of the master"),
    ("coordinator_knows_its_broker", {"DlmHierarchicalMode": "Enabled"}, "DlmHierarchicalMode", "the broker"),
    ("external_meter_is_there", {"DlmExtMeterEnabled": "true"}, "DlmExtMeterEnabled", "SecondMeterType"),
    ("demands_in_order", {"SMAMinEnergyDemand": "60", "SMAMaxEnergyDemand": "50"}, "SMAMinEnergyDemand", "above"),
    ("sensors_sent_slower_than_read", {"BannerPollInterval": "60", "BannerSendInterval": "40"}, "BannerPollInterval",
     "not shorter"),
    ("raw_sensors_read_slowly", {"BannerReadAnalog": "true", "BannerPollInterval": "30"}, "BannerReadAnalog",
     "at least 40 s"),
    ("dictated_by_the_board", {"NumberOfConnectors": "3"}, "NumberOfConnectors", "two are mounted"),
    ("connector_exists", {"Type2PlugLifetime[3]": "1"}, "Type2PlugLifetime[3]", "no connector 3"),
    ("connector_exists", {"FreeCharging[2]": "true"}, "FreeCharging[2]", "whole station"),
    ("all_fit_together", {"OcppUserCaCertificate": "x" * 100_000}, "OcppUserCaCertificate", "at most 98304"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "explicit", "key", "words"), BROKEN, ids=[each[0] for each in BROKEN])
def test_a_set_that_does_not_fit_names_the_key_that_gives_way_and_what_to_do(
    name: str, explicit: dict[str, str], key: str, words: str
) -> None:
    values = complete({**FITS, **explicit})
    rule = next(rule for rule in RULES if rule.__name__ == name)
    problems = [problem for problem in rule(values, BOARD) if problem.key == key]
    assert problems, list(rule(values, BOARD))
    assert words in problems[0].words
    assert problems[0] in check(values, BOARD)


def test_every_rule_is_shown_to_be_broken_by_something() -> None:
    assert {rule.__name__ for rule in RULES} == {each[0] for each in BROKEN}


def test_the_table_fits_together_as_it_is_delivered() -> None:
    assert check(complete(FITS), BOARD) == []


@pytest.mark.parametrize(
    "explicit",
    [
        {"MeterValueSampleInterval": "1", "OCPPViaLocalNetwork": "true"},
        {"MeterValueSampleInterval": "0", "ClockAlignedDataInterval": "0", "ClockAlignedMeterRandomSendDelay": "60"},
        {"OperatorCurrentLimit": "0", "EnergyManInputPowerCurrentLim": "0"},
        {"ConnectorPhaseRotation": "0.RST,1.TRS,2.NotApplicable"},
        {**PROFILE, "SecurityProfile": "2"},
        {"TcpWatchdogTimeout": "0"},
        {**STATIC, **MASK, "StaticNetworkConfigGateway": "10.0.0.1"},
        {"SMAMinEnergyDemand": "60", "SMAMaxEnergyDemand": "0"},
        {"WeldCheck": "Opto input 1", "WeldCheck[2]": "Disable", "AuthorizationInput": "Input 2"},
        {"WeldCheck[2]": "Mirror contact", "WeldCheckInType[2]": "Normally closed"},
        {
            "WeldCheckAuxRelay": "true",
            "VentHeatingCtrlMode": "Fan (temperature)",
            "TempDelta": "5",
            "InputOutputBackendControlledMode": "true",
        },
        {"RCDAUTORECLOSURE": "On", "RCDENABLE": "Opto input"},
        {"Type2PlugLifetime[2]": "1"},
    ],
    ids=lambda explicit: ",".join(explicit),
)
def test_what_is_allowed_is_not_refused(explicit: dict[str, str]) -> None:
    assert check(complete({**FITS, **explicit}), BOARD) == []


def test_a_limit_of_the_second_connector_is_held_against_its_own_rating() -> None:
    values = complete({**FITS, "HardwareCurrentLimit[2]": "17"})
    (problem,) = rules.limits.hardware_within_rating(values, BOARD)
    assert problem.key == "HardwareCurrentLimit[2]"
    assert "rates it at 16 A" in problem.words


def test_a_security_profile_only_rises_and_a_lock_stays() -> None:
    def undone(now: dict[str, str], wanted: dict[str, str]) -> list[str]:
        return [problem.key for rule in one_way.RULES for problem in rule(complete(now), complete(wanted))]

    assert undone({"SecurityProfile": "2"}, {"SecurityProfile": "1"}) == ["SecurityProfile"]
    assert undone({"SecurityProfile": "1"}, {"SecurityProfile": "2"}) == []
    locked = {"RCMBIEC62955Mode[2]": "IEC62955 (locked)"}
    assert undone(locked, {"RCMBIEC62955Mode[2]": "IEC62955"}) == ["RCMBIEC62955Mode[2]"]
    assert undone(locked, {}) == ["RCMBIEC62955Mode[2]"]
    assert undone({"RCMBIEC62955Mode": "IEC62955"}, {"RCMBIEC62955Mode": "IEC62752"}) == []


def test_rules_name_only_keys_that_there_are() -> None:
    folder = Path(rules.__file__).parent
    quoted = {
        word for file in folder.glob("*.py") for word in re.findall(r'"([A-Za-z][A-Za-z0-9]{5,})"', file.read_text())
    }
    likely = {word for word in quoted if re.search(r"[a-z][A-Z]|^[A-Z]{3}.*[a-z]", word)}
    assert likely - set(KEYS) - {"StaticNetworkConfig", "WLANStaticNetworkConfig"} == set()
