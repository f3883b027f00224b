"""Keys of ocpp, security, system, load management and energy managers: what they take, and their defaults."""

import re
import string

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.settings import SettingsSnapshot
from services.session.keys import read_keys
from services.settings import patterns
from services.settings.one_value import Unacceptable, parse
from services.settings.table import KEYS, SUBJECTS, Key
from services.settings.table.key import Access, KeyType, Role, Scope

pytestmark = pytest.mark.unit

MINE = [
    key
    for name, key in KEYS.items()
    if SUBJECTS[name] in ("ocpp", "security", "system", "load-management", "energy-manager")
]
TEXTS = [key for key in MINE if (key.value_type or key.type) is KeyType.STRING and key.type is not KeyType.READONLY]
COUNTS = {"ocpp": 39, "security": 24, "system": 74, "load-management": 52, "energy-manager": 42}
SUPPLY = [
    f"{name}{phase}{rest}"
    for phase in "123"
    for name, rest in (
        ("DlmPhase", "Limit"),
        ("DlmOperatorPhase", "Limit"),
        ("DlmExtMeterMainDistributionLimitPhase", ""),
        ("DlmExtLoadHeadroomPhase", ""),
        ("DlmExtMeterLoadFallbackPhase", ""),
        ("DlmInput1CurrOffsetPhase", ""),
        ("DlmInput3CurrOffsetPhase", ""),
        ("DlmcMaximumFallbackCurrent", ""),
    )
]


def takes(key: Key, text: str) -> bool:
    try:
        parse(key, text)
    except Unacceptable:
        return False
    return True


@pytest.mark.parametrize("subject", COUNTS)
def test_no_key_of_a_subject_is_lost(subject: str) -> None:
    assert sum(found == subject for found in SUBJECTS.values()) == COUNTS[subject]


@pytest.mark.parametrize("name", SUPPLY)
def test_each_phase_has_its_own_keys_that_differ_in_nothing_else(name: str) -> None:
    first = KEYS[re.sub("[23](?=Limit$|$)", "1", name)]
    mine = KEYS[name]
    assert (mine.min, mine.max, mine.unit, mine.default) == (first.min, first.max, first.unit, first.default)
    assert (mine.needs_reboot, mine.role, mine.scope, mine.group) == (
        first.needs_reboot,
        first.role,
        first.scope,
        first.group,
    )


@pytest.mark.parametrize("phase", "123")
def test_the_operator_limit_of_a_phase_is_by_default_its_installed_limit(phase: str) -> None:
    assert KEYS[f"DlmOperatorPhase{phase}Limit"].default_from == f"DlmPhase{phase}Limit"


# defaults


@pytest.mark.parametrize(
    "field",
    [
        "cache",
        "free_id_tag",
        "local_authorize_offline",
        "local_pre_authorize",
        "stop_on_invalid_id",
        "stop_sampled_data",
        "unknown_offline",
    ],
)
def test_the_defaults_are_what_session_does_when_it_knows_no_settings(field: str) -> None:
    of_table = {name: key.default for name, key in KEYS.items() if not key.live}
    told = read_keys(SettingsSnapshot(revision=1, values=of_table))
    assert getattr(told, field) == getattr(read_keys(SettingsSnapshot(revision=1, values={})), field)


@pytest.mark.parametrize("key", MINE, ids=lambda key: key.name)
def test_every_default_is_what_the_key_takes_in_the_spelling_it_keeps(key: Key) -> None:
    if key.type is KeyType.ACTION or (key.type is KeyType.READONLY and not key.default):
        assert key.default == ""
    else:
        assert parse(key, key.default) == key.default


def test_nothing_reaches_the_station_from_outside_until_somebody_says_so() -> None:
    switches = (
        "ASKIoverOCPP",
        "EEBUSConfigOnOff",
        "ModbusSlaveAllowStartStop",
        "ModbusSlaveAllowUIDDisclose",
        "ModbusSlaveTCPConfigOnOff",
        "SMAInterfaceOnOff",
        "SSHAccessEth",
        "SSHAccessGsm",
        "SSHAccessWlanNetwork",
        "WANRouter",
        "WLANEnabled",
    )
    assert [name for name in switches if KEYS[name].default != "false"] == []
    assert KEYS["ASKIoverOCPPAllowedIP"].default == ""
    assert KEYS["SignedUpdates"].default == "true"


def test_ssh_and_signatures_are_not_switched_over_ocpp() -> None:
    names = ("SSHAccessUsb", "SSHAccessEth", "SSHAccessWlanNetwork", "SSHAccessGsm", "SignedUpdates")
    assert {(KEYS[name].access, KEYS[name].role) for name in names} == {(Access.READ, Role.MANUFACTURER)}


def test_passwords_and_pins_are_never_given_out() -> None:
    secrets = [key.name for key in MINE if key.secret]
    assert sorted(secrets) == ["APNPassword", "LASTWRONGSIMPIN", "SIMPIN", "WLANPassword"]
    assert all(KEYS[name].access is Access.WRITE for name in secrets)


def test_what_this_product_will_not_have_says_why() -> None:
    assert {key.name for key in MINE if key.absent} == {
        "MasterSlaveMode",
        "OPKGInstallExtraOption",
        "PDL_Power",
        "UsbErrorStatusNotifications",
    }


def test_only_keys_that_belong_to_one_outlet_have_a_value_for_each() -> None:
    several = [key for key in MINE if key.per_connector]
    assert all(key.scope is Scope.INDIVIDUAL for key in several)
    assert {key.name for key in several} == {
        "DepartureTime",
        "EAmount",
        "EVMACAddr",
        "EVSEMaxCur",
        "LaMa_ConnectionRate",
        "SmartChargingDisconnectedLimit",
        "SmartChargingUseDisconnectedLimit",
    }


# values


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("AllowOfflineTxForUnknownId", "ImmediatelyWhenPlugged"),
        ("AllowOfflineTxForUnknownId", "(1) On"),
        ("ClockAlignedDataInterval", "0"),
        ("ConnectorEvseIds", "DE*ABC*E123*1,DE*ABC*E123*2"),
        ("DlmClearPersistentSlaves", "clear"),
        ("DlmInput1CurrOffsetPhase1", "-10"),
        ("DlmMasterIp", "10.0.0.2:1900"),
        ("DlmMasterIp", ""),
        ("DlmTimeTable", "00:00=32/32/32,18:30=0/16/16"),
        ("DlmcAddress", "site/garage-1/row_2"),
        ("DlmcMqttBrokerAddress", "broker.local"),
        ("FreeChargingMode", "(0) No OCPP"),
        ("LaMa_ConnectionRate", "-1"),
        ("ManufacturerURL", "https://example.org/a?b=1"),
        ("MeterValuesAlignedData", "Voltage.L3,Energy.Active.Import.Register"),
        ("ModbusSlaveRegAddrSet", "2"),
        ("NetworkConfigHostname", "station-7"),
        ("RegenerateOcppCertAndKey", "true"),
        ("SIMPIN", "0042"),
        ("SMAChargeCompleteTime", "23:59"),
        ("StaticNetworkConfigAddress", "192.168.1.250"),
        ("StaticNetworkConfigNetmask", "255.255.254.0"),
        ("StopTxnSampledData", ""),
        ("UPnPUUID", "123e4567-e89b-12d3-a456-426614174000"),
        ("WLANPassword", "correct horse"),
        ("WLANSSID", "Caf\u00e9"),
    ],
)
def test_a_right_value_is_taken(name: str, text: str) -> None:
    assert takes(KEYS[name], text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("APN", "internet;reboot"),
        ("AllowOfflineTxForUnknownId", "perhaps"),
        ("ClockAlignedDataInterval", "-1"),
        ("ConnectorEvseIds", "DE*ABC*E123*1;DE"),
        ("DlmClearPersistentSlaves", "true"),
        ("DlmInput1CurrOffsetPhase1", "1"),
        ("DlmMasterIp", "10.0.0.2:0"),
        ("DlmMasterIp", "10.0.0.2:65536"),
        ("DlmMasterIp", "10.0.0.256"),
        ("DlmMinCurrentRating", "5"),
        ("DlmTimeTable", "24:00=32/32/32"),
        ("DlmTimeTable", "06:00=32/32"),
        ("DlmcAddress", "site//garage"),
        ("DlmcMqttBrokerAddress", "broker local"),
        ("DlmcMqttBrokerPort", "0"),
        ("EEBUSCommunicationTimeout", "3"),
        ("GSMPPPMTU", "67"),
        ("ManufacturerURL", "javascript:alert(1)"),
        ("ManufacturerURL", 'https://example.org/"><script>'),
        ("MeterValuesAlignedData", "Voltage,SoC"),
        ("ModbusSlaveTCPPort", "65435"),
        ("NetworkConfigHostname", "-station"),
        ("NetworkConfigHostname", "station.local"),
        ("RfidTagFreeCharging", ""),
        ("RfidTagFreeCharging", "x" * 21),
        ("RfidTagFreeCharging", "two words"),
        ("SIMPIN", "123"),
        ("SIMPIN", "\u0661\u0662\u0663\u0664"),
        ("SMAChargeCompleteTime", "7:00"),
        ("SeccLeafSubjectCountry", "de"),
        ("SeccLeafSubjectOrganization", "Acme, CN=other"),
        ("SmartChargingDisconnectedLimit", "81"),
        ("StaticNetworkConfigAddress", "192.168.1"),
        ("StaticNetworkConfigAddress", "192.168.01.1"),
        ("StaticNetworkConfigNetmask", "255.0.255.0"),
        ("StopTxnSampledData", "Voltage,Nonsense"),
        ("UPnPUUID", "123e4567"),
        ("WLANPassword", "short"),
        ("WLANSSID", "x" * 33),
    ],
)
def test_a_wrong_value_is_refused(name: str, text: str) -> None:
    assert not takes(KEYS[name], text)


@pytest.mark.parametrize(
    ("text", "kept"), [("true", "On"), ("YES", "On"), ("on", "On"), ("1", "On"), ("False", "Off"), ("no", "Off")]
)
def test_an_enum_of_off_and_on_takes_the_words_of_a_boolean(text: str, kept: str) -> None:
    assert parse(KEYS["AllowOfflineTxForUnknownId"], text) == kept
    assert parse(KEYS["V2GEvseCertConfig"], text) == kept


@pytest.mark.parametrize(
    "name", ["MeterValuesSampledData", "MeterValuesAlignedData", "StopTxnSampledData", "StopTxnAlignedData"]
)
def test_measurands_in_any_case_are_kept_in_the_spelling_that_session_knows(name: str) -> None:
    assert parse(KEYS[name], "voltage.l1, CURRENT.IMPORT") == "Voltage.L1,Current.Import"
    assert all(parse(KEYS[name], measurand.upper()) == measurand for measurand in KEYS[name].values)


def test_an_enum_without_off_and_on_takes_no_words_of_a_boolean() -> None:
    assert not takes(KEYS["FreeChargingMode"], "true")
    assert not takes(KEYS["MeterValueSampleMode"], "false")


@pytest.mark.parametrize("key", TEXTS, ids=lambda key: key.name)
@pytest.mark.parametrize("wrong", ["a\nb", "a\rb", "a\0b", "a\x1bb", "a\u2028b", "x" * 501])
def test_no_text_takes_a_line_break_a_control_character_or_500_characters(key: Key, wrong: str) -> None:
    assert not takes(key, wrong)


@pytest.mark.parametrize("key", TEXTS, ids=lambda key: key.name)
def test_every_text_says_what_it_takes_and_has_a_bound(key: Key) -> None:
    if not key.absent:
        assert key.item_pattern
        assert key.item_words
        assert key.longest <= 300


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300), st.integers(0, 300))
def test_an_address_is_four_numbers_up_to_255(a: int, b: int, c: int, d: int) -> None:
    right = max(a, b, c, d) <= 255
    assert bool(re.fullmatch(patterns.IPV4, f"{a}.{b}.{c}.{d}")) is right


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 99999))
def test_a_port_is_a_number_from_1_to_65535(port: int) -> None:
    assert bool(re.fullmatch(patterns.PORT, str(port))) is (1 <= port <= 65535)


def test_a_netmask_is_ones_and_then_zeros() -> None:
    masks = [(0xFFFFFFFF << (32 - ones)) & 0xFFFFFFFF for ones in range(33)]
    for mask in masks:
        assert re.fullmatch(patterns.NETMASK_OR_EMPTY, ".".join(str(byte) for byte in mask.to_bytes(4, "big")))
    for wrong in ("255.255.255.1", "0.255.0.0", "255.254.255.0", "254.255.0.0"):
        assert not re.fullmatch(patterns.NETMASK_OR_EMPTY, wrong)


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=string.ascii_letters + string.digits + ".-", max_size=300))
def test_a_hostile_host_name_is_judged_at_once(text: str) -> None:
    label = "[A-Za-z0-9-]+"
    if re.fullmatch(patterns.HOST, text):
        assert all(re.fullmatch(label, part) and part[0] != "-" != part[-1] for part in text.split("."))
