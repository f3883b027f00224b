"""The rows of the table of settings: none lost or altered, each complete and in agreement with the others."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.settings.one_value import Unacceptable, parse
from services.settings.table import KEYS, SUBJECTS, Key
from services.settings.table.backend import MEASURED, PER_PHASE
from services.settings.table.key import Access, KeyType, Role, Scope
from services.settings.table.metering import PRIMARY_METERS, SECOND_METERS, SIGNING_METERS

pytestmark = pytest.mark.unit

HERE = Path(__file__).parent
SHORTEST_HELP = 30
LONGEST_TEXT = 20_000
"""`schemas.units.LongText`."""
SOUNDS_SECRET = re.compile(r"(?i)password|passwd|privatekey|secret|pin$")
SHARED_LABELS = {
    "Operator EVSE Sub-Distribution Limit (L1/L2/L3) [A]",
    "Main Distribution Limit (L1/L2/L3) [A]",
    "External Load Headroom (L1/L2/L3) [A]",
    "External Load Fallback (L1/L2/L3) [A]",
    "Ext. Input 1 Current Offset (L1/L2/L3) [A]",
    "Meter Digital Input Current Offset (L1/L2/L3) [A]",
    "DLM master fallback current",
}
"""The guide gives them to three keys each."""
OCPP_WORDS = """
    StatusNotification GetConfiguration NotSupported RemoteTrigger RemoteStartTransaction StartTransaction
    StopTransaction MeterValues ClearCache SendLocalList DataTransfer UpdateFirmware ChangeAvailability
    CertificateSigned NotApplicable NoError errorCode priceText priceTextOffline priceTextExtra chargingPrice
    kWhPrice hourPrice flatFee
"""
OTHER_WORDS = """
    ImmediatelyWhenPlugged PlugNCharge WebSocket UPnP mA dBm 230V 2G 3G 4G 28T01 00Z OMCCI IEC62955 IEC62752
    CONNECT TRACE LEVEL FIELD_ENGINEER BEGIN CERTIFICATE CONNECTOR ORDER HTTPS SAFETY
    USER_INFO USER_WARN USER_ERR
"""
NO_KEYS = frozenset(OCPP_WORDS.split()) | frozenset(OTHER_WORDS.split())
"""Words of the texts that only look like keys."""
LOOKS_LIKE_A_KEY = re.compile(r"\b(?:[A-Za-z0-9]*[a-z0-9][A-Z][A-Za-z0-9]*|[A-Z][A-Z0-9_]{4,})\b")


def rows(name: str) -> Iterator[list[str]]:
    for line in (HERE / name).read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            yield line.split("\t")


LISTED = {name: (scope, standard, reboot) for name, scope, standard, reboot in rows("guide_keys.txt")}
NOTES = {row[0]: row[1] for row in rows("guide_notes.txt")}
"""Fingerprint of the guide's note by key."""


def words_of(key: Key) -> str:
    return " ".join((key.help, key.warning, key.advice, key.absent, key.item_words))


def has_default(key: Key) -> bool:
    """An action has none, and what is read may be empty until its owner says something."""
    return key.type is not KeyType.ACTION and not (key.type is KeyType.READONLY and not key.default)


def test_the_list_of_the_guide_is_whole() -> None:
    text = (HERE / "guide_keys.txt").read_text(encoding="utf-8")
    guide = [line.split("\t") for line in text.split("# Keys that are not in the guide")[0].splitlines()[1:]]
    assert len(guide) == len({name for name, *_ in guide}) == 369
    assert sum(standard == "yes" for _, _, standard, _ in guide) == 40
    assert sum(reboot == "yes" for _, _, _, reboot in guide) == 185
    scopes = [scope for _, scope, _, _ in guide]
    assert [scopes.count(scope.value) for scope in Scope] == [170, 87, 87, 25]


def test_the_table_has_every_key_of_the_list_and_no_other() -> None:
    assert sorted(set(LISTED) - set(KEYS)) == []
    assert sorted(set(KEYS) - set(LISTED)) == [], "add a line for it to guide_keys.txt, under the keys of our own"


def test_scope_standard_and_reboot_are_those_of_the_list() -> None:
    said = {
        name: (key.scope.value, "yes" if key.standard else "no", "yes" if key.needs_reboot else "no")
        for name, key in KEYS.items()
    }
    assert said == LISTED


def test_every_default_is_a_value_that_the_key_takes_in_canonical_spelling() -> None:
    assert [key.name for key in KEYS.values() if has_default(key) and parse(key, key.default) != key.default] == []


def test_every_default_of_an_enum_is_one_of_its_values() -> None:
    enums = [key for key in KEYS.values() if key.type is KeyType.ENUM]
    assert [key.name for key in enums if key.default not in key.values] == []
    assert [key.name for key in enums if len({value.lower() for value in key.values}) != len(key.values)] == []


def test_every_default_number_is_within_its_range() -> None:
    for key in KEYS.values():
        if key.type in (KeyType.INT, KeyType.FLOAT):
            assert key.min is not None, key.name
            assert key.max is not None, key.name
            assert key.min <= float(key.default) <= key.max, key.name


def test_every_action_and_read_only_key_says_what_its_value_looks_like() -> None:
    for key in KEYS.values():
        if key.type in (KeyType.ACTION, KeyType.READONLY):
            assert key.value_type not in (None, KeyType.ACTION, KeyType.READONLY), key.name
        if key.type is KeyType.ACTION:
            assert (key.default, key.default_from, key.needs_reboot, key.live) == ("", "", False, False), key.name
            number = key.value_type in (KeyType.INT, KeyType.FLOAT)
            assert number <= (key.min is not None and key.max is not None), key.name


def test_every_text_is_bounded() -> None:
    assert [key.name for key in KEYS.values() if not 0 < key.longest <= LONGEST_TEXT] == []


def test_the_help_is_written_for_people_and_is_not_the_guides() -> None:
    for key in KEYS.values():
        assert len(key.help) >= SHORTEST_HELP, key.name
        for text in (key.help, key.warning, key.advice, key.absent):
            assert not text or text.endswith("."), key.name
            assert text == " ".join(text.split()), key.name
            assert hashlib.sha256(text.lower().encode()).hexdigest()[:16] != NOTES.get(key.name), key.name


def test_the_texts_name_no_key_that_does_not_exist() -> None:
    named = {(key.name, word) for key in KEYS.values() for word in LOOKS_LIKE_A_KEY.findall(words_of(key))}
    assert sorted((name, word) for name, word in named if word not in KEYS and word not in NO_KEYS) == []
    assert sorted(NO_KEYS - {word for _, word in named}) == [], "no text uses these any more"
    assert not NO_KEYS & set(KEYS)


def test_two_keys_of_a_group_have_the_same_label_only_where_the_guide_gives_it_to_both() -> None:
    labels = [(key.group, key.label) for key in KEYS.values() if key.label]
    assert {label for group, label in labels if labels.count((group, label)) > 1} <= SHARED_LABELS


def test_what_is_secret_is_only_ever_written() -> None:
    secrets = [key for key in KEYS.values() if key.secret]
    assert [key.name for key in secrets if key.access is not Access.WRITE or key.default] == []
    named_so = {key.name for key in KEYS.values() if SOUNDS_SECRET.search(key.name) and key.type is KeyType.STRING}
    assert sorted(named_so - {key.name for key in secrets}) == []
    assert "HTTPBasicAuthPassword" in named_so


def test_only_keys_of_one_controller_may_have_a_value_for_each_connector() -> None:
    each = [key for key in KEYS.values() if key.per_connector]
    assert each
    assert [key.name for key in each if key.scope is not Scope.INDIVIDUAL] == []


def test_a_key_that_nobody_may_change_is_read_only() -> None:
    for key in KEYS.values():
        assert (key.role is Role.NOBODY) == (key.type is KeyType.READONLY or bool(key.absent)), key.name
        if key.live or key.type is KeyType.READONLY:
            assert key.access is Access.READ, key.name


def test_a_key_of_a_feature_that_is_not_there_has_no_consumer() -> None:
    assert [key.name for key in KEYS.values() if key.absent and (key.consumers or key.live)] == []


def test_a_default_that_follows_another_key_fits_it() -> None:
    for key in KEYS.values():
        if key.default_from:
            followed = KEYS[key.default_from]
            assert (key.type, key.min, key.unit) == (followed.type, followed.min, followed.unit) or key.min == 0
            assert key.max == followed.max
            assert key.default == followed.default


def test_the_operator_limit_follows_the_installation_and_that_the_hardware() -> None:
    assert KEYS["OperatorCurrentLimit"].default_from == "InstallationCurrentLimit"
    assert KEYS["InstallationCurrentLimit"].default_from == "HardwareCurrentLimit"


@pytest.mark.parametrize("name", [name for name in KEYS if f"{name}MaxLength" in KEYS and "Data" in name])
def test_a_list_of_measurands_can_name_all_that_the_station_has(name: str) -> None:
    assert int(KEYS[f"{name}MaxLength"].default) == len(MEASURED) + 3 * len(PER_PHASE)


def test_the_signing_meters_can_be_chosen() -> None:
    assert set(SIGNING_METERS) <= set(PRIMARY_METERS) < set(SECOND_METERS)


def takes(name: str, text: str) -> bool:
    try:
        parse(KEYS[name], text)
    except Unacceptable:
        return False
    return True


PEM = "-----BEGIN CERTIFICATE-----\n" + "MIIBszCCAVmgAwIBAgIU\n" * 8 + "-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("name", "text", "taken"),
    [
        ("OcppUserCaCertificate", "", True),
        ("OcppUserCaCertificate", PEM, True),
        ("OcppUserCaCertificate", PEM.replace("\n", "\r\n"), True),
        ("OcppUserCaCertificate", PEM * 4, True),
        ("OcppUserCaCertificate", PEM * 5, False),
        ("OcppUserCaCertificate", PEM + "-----BEGIN PRIVATE KEY-----", False),
        ("OcppUserCaCertificate", "MIIB", False),
        ("OcppUserCaCertificate", PEM.replace("M", "<"), False),
        ("WebsocketsProxyURL", "proxy.example.org", True),
        ("WebsocketsProxyURL", "proxy:3128", True),
        ("WebsocketsProxyURL", "station@10.0.0.1:3128", True),
        ("WebsocketsProxyURL", "[fd00::1]:8080", True),
        ("WebsocketsProxyURL", "user:password@proxy:3128", False),
        ("WebsocketsProxyURL", "http://proxy:3128", False),
        ("WebsocketsProxyURL", "proxy:0", False),
        ("WebsocketsProxyURL", "proxy:65536", False),
        ("WebsocketsProxyURL", "proxy\r\nHost: other", False),
        ("TcpWatchdogTimeout", "0", True),
        ("TcpWatchdogTimeout", "-1", False),
        ("InstallationCurrentLimit", "5", False),
        ("RCMBDelta", "999", True),
        ("RCMBDelta", "1000", False),
        ("RCMBIEC62955Mode", "(2) IEC62955 (locked)", True),
        ("RCDRESET", "true", True),
        ("RCDRESET", "1", True),
        ("RCDRESET", "0", False),
        ("RCDRESET", "", False),
        ("SetType2PlugCycles", "0", True),
        ("SetType2PlugCycles", "", False),
        ("SetTypeContactorCycles", "-1", False),
        ("EnergyManInputPowerCurrentLim", "81", False),
        ("ConnectorPhaseRotation", "0.RST, 1.STR,2.NotApplicable", True),
        ("ConnectorPhaseRotation", "1.RST,2.RRR", False),
        ("ConnectorPhaseRotation", "RST", False),
        ("ConnectorPhaseRotation", "1.rst", False),
        ("SecondMeterIPAddress", "192.168.1.20", True),
        ("SecondMeterIPAddress", "fd00::20", True),
        ("SecondMeterIPAddress", "a b", False),
        ("MasterRFIDstoReset", "04AABBCCDD:04AABBCCEE", True),
        ("MasterRFIDstoReset", "A:B:C", False),
        ("MasterRFIDstoReset", "A:", False),
        ("MasterRFIDtoReboot", "A:B", False),
        ("MasterRFIDtoReboot", "A" * 21, False),
        ("SecurityProfile", "4", False),
        ("MessageTimeout", "2", False),
        ("TimeOffset", "-08:00", True),
        ("TimeOffset", "8", False),
        ("NextTimeOffsetTransitionDateTime", "2027-03-28T01:00:00Z", True),
        ("NextTimeOffsetTransitionDateTime", "2027-13-28T01:00:00Z", False),
        ("DefaultPrice", '{"priceText": "0.40 / kWh, no fee"}', True),
        ("DefaultPrice", "0.40", False),
        ("DefaultPriceText,de", '{"priceText": "a\nb"}', False),
        ("Language", "de", True),
        ("Language", "xx", False),
    ],
)
def test_what_a_key_takes(name: str, text: str, taken: bool) -> None:
    assert takes(name, text) == taken


def test_every_subject_that_was_planned_has_its_keys() -> None:
    counts = {subject: list(SUBJECTS.values()).count(subject) for subject in set(SUBJECTS.values())}
    mine = ("settings", "safety", "metering", "people", "ocpp-standard")
    assert [counts[subject] for subject in mine] == [17, 52, 16, 23, 35]
