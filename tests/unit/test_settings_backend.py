"""Keys of the backend: what they take, what the backend is told of them, and what nobody is told."""

import json
from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base import Answer
from services.home import parse_station
from services.runner import VERSION
from services.settings import table
from services.settings.access import OVER_OCPP
from services.settings.changes import change
from services.settings.configuration import Configuration, TooManyKeys, answer
from services.settings.factory import board_of, check_station, factory_values
from services.settings.rules import Unacceptable, parse
from services.settings.table import KEYS
from services.settings.table.key import Access
from services.settings.values import Values, begin

pytestmark = pytest.mark.unit

STATION = '[station]\nvendor = "Acme"\nmodel = "Wall 11"\nserial = "A-7"\n[connector.1]\n'


def values(text: str = STATION, stored: Mapping[str, str] | None = None) -> Values:
    station = parse_station(text)
    return begin(factory_values(station), board_of(station), stored or {}, {}).started()


def configuration(*names: str, live: Mapping[str, str] | None = None) -> tuple[list[dict[str, object]], list[str]]:
    state = values()
    lists = answer(names, state.in_force, live or {}, state.board.dictated)
    return json.loads(lists["configurationKey"]), json.loads(lists["unknownKey"])


@pytest.mark.parametrize(
    "url", ["ws://backend:8080/OCPP/v16/", "wss://example.org", "WSS://[::1]:443/a/b/", "ws://10.0.0.1/x?"]
)
def test_a_backend_url_is_ws_or_wss_with_a_host(url: str) -> None:
    if "?" in url:
        with pytest.raises(Unacceptable, match="ws://HOST"):
            parse(KEYS["OCPPBackendJSONURL"], url)
    else:
        assert parse(KEYS["OCPPBackendJSONURL"], url) == url


@pytest.mark.parametrize("url", ["http://b/", "ws://", "ws://user:pass@b/", "b:80", "ws://b/#x", "ws://b /"])
def test_a_url_with_another_scheme_credentials_or_no_host_is_refused_with_words(url: str) -> None:
    with pytest.raises(Unacceptable, match="without user, password"):
        parse(KEYS["OCPPBackendJSONURL"], url)


def test_an_empty_url_means_no_backend() -> None:
    assert parse(KEYS["OCPPBackendJSONURL"], "") == ""
    assert values().in_force["OCPPBackendJSONURL"] == ""


def test_the_station_file_gives_vendor_model_serial_and_identity() -> None:
    in_force = values().in_force
    assert in_force["ChargePointVendor"] == "Acme"
    assert in_force["ChargePointModel"] == "Wall 11"
    assert in_force["ChargePointSerialNumber"] == "A-7"
    assert in_force["ChargeBoxIdentity"] == "A-7"
    assert in_force["FirmwareVersion"] == VERSION


@pytest.mark.parametrize(("interval", "local", "taken"), [(0, False, True), (9, False, False), (10, False, True)])
def test_the_sample_interval_is_zero_or_at_least_ten_seconds(interval: int, local: bool, taken: bool) -> None:
    outcome = change(values(), "MeterValueSampleInterval", str(interval), 0, OVER_OCPP).outcome
    assert outcome is (Answer.ACCEPTED if taken else Answer.REJECTED)
    assert not local


def test_a_backend_in_the_local_network_may_sample_every_second_and_cannot_leave_it_while_it_does() -> None:
    local = change(values(), "OCPPViaLocalNetwork", "true", 0, "cli").after
    assert local is not None
    fast = change(local, "MeterValueSampleInterval", "1", 0, OVER_OCPP)
    assert fast.outcome is Answer.ACCEPTED
    assert fast.after is not None
    back = change(fast.after, "OCPPViaLocalNetwork", "false", 0, "cli")
    assert back.outcome is Answer.REJECTED
    assert "MeterValueSampleInterval" in back.reason


def test_one_unsupported_measurand_refuses_the_whole_list() -> None:
    state = values()
    good = change(state, "MeterValuesSampledData", "Voltage.L1, Power.Active.Import,Current.Import.L3", 0, OVER_OCPP)
    assert good.outcome is Answer.ACCEPTED
    assert good.steps[0].new == "Voltage.L1,Power.Active.Import,Current.Import.L3"
    for bad in ("Voltage,SoC", "Voltage.L4", "Energy.Active.Import.Register.L1", "Nonsense"):
        assert change(state, "MeterValuesSampledData", bad, 0, OVER_OCPP).outcome is Answer.REJECTED


@pytest.mark.parametrize(
    ("key", "value", "outcome"),
    [
        ("BackendConnectionTimeout", "2", Answer.REJECTED),
        ("BackendConnectionTimeout", "3", Answer.REBOOT_REQUIRED),
        ("BackendConnectionTimeout", "301", Answer.REJECTED),
        ("TransactionMessageAttempts", "6", Answer.REJECTED),
        ("TransactionMessageAttempts", "0", Answer.REBOOT_REQUIRED),
        ("EichrechtTransactionMessageAttempts", "-2", Answer.REJECTED),
        ("EichrechtTransactionMessageAttempts", "-1", Answer.REBOOT_REQUIRED),
        ("TransactionMessageRetryInterval", "1001", Answer.REJECTED),
        ("WebSocketPingInterval", "10000", Answer.ACCEPTED),
        ("WebSocketPingInterval", "10001", Answer.REJECTED),
        ("HeartbeatInterval", "0", Answer.REJECTED),
        ("OCPPMode", "ocpp-j 1.6", Answer.REJECTED),
        ("OCPPMode", "OCPP-S 1.6", Answer.REJECTED),
        ("GetConfigurationMaxKeys", "5", Answer.REJECTED),
        ("ChargePointVendor", "Other", Answer.REJECTED),
        ("NoSuchKey", "1", Answer.NOT_SUPPORTED),
    ],
)
def test_what_the_backend_may_set(key: str, value: str, outcome: Answer) -> None:
    assert change(values(), key, value, 0, OVER_OCPP).outcome is outcome


def test_the_controller_serial_number_is_set_once() -> None:
    first = change(values(), "ChargeBoxSerialNumber", "CC-1", 0, "cli")
    assert first.outcome is Answer.REBOOT_REQUIRED
    assert first.after is not None
    second = change(first.after, "ChargeBoxSerialNumber", "CC-2", 0, "cli")
    assert second.outcome is Answer.REJECTED
    assert "once" in second.reason


def test_get_configuration_keeps_the_order_asked_in_any_case_and_names_what_it_does_not_know() -> None:
    known, unknown = configuration("heartbeatINTERVAL", "Nope", "NumberOfConnectors", "heartbeatINTERVAL")
    assert known == [
        {"key": "HeartbeatInterval", "readonly": False, "value": "300"},
        {"key": "NumberOfConnectors", "readonly": True, "value": "1"},
    ]
    assert unknown == ["Nope"]


def test_get_configuration_without_names_returns_every_key_but_those_that_only_take() -> None:
    known, unknown = configuration(live={"ErrorsList": "x" * 600})
    names = [entry["key"] for entry in known]
    assert "HTTPBasicAuthPassword" not in names
    assert names == [name for name, key in KEYS.items() if key.access is not Access.WRITE]
    assert not unknown
    assert all(len(str(entry.get("value", ""))) <= 500 for entry in known)


def test_a_password_is_never_told() -> None:
    state = values(stored={"HTTPBasicAuthPassword": "sesame"})
    lists = answer(("HTTPBasicAuthPassword",), state.in_force, {}, state.board.dictated)
    assert json.loads(lists["configurationKey"]) == [{"key": "HTTPBasicAuthPassword", "readonly": False}]


def test_more_names_than_the_station_takes_are_refused_with_the_number() -> None:
    with pytest.raises(TooManyKeys, match="at most 100"):
        configuration(*[f"Key{number}" for number in range(101)])


def test_supported_feature_profiles_may_come_from_the_station_file_and_no_unknown_one() -> None:
    right = STATION + '[settings]\nSupportedFeatureProfiles = "Core"\n'
    assert check_station(parse_station(right), right) == []
    assert values(right).in_force["SupportedFeatureProfiles"] == "Core"
    wrong = STATION + '[settings]\nSupportedFeatureProfiles = "Core,Magic"\n'
    assert "Magic" in check_station(parse_station(wrong), wrong)[0]


# what the backend is told, by the switches of GetConfiguration


def said(values_now: Values, *names: str, live: Mapping[str, str] | None = None) -> dict[str, dict[str, object]]:
    board = values_now.board
    lists = answer(names, values_now.in_force, live or {}, board.dictated, board.connectors)
    return {entry["key"]: entry for entry in json.loads(lists["configurationKey"])}


def test_booleans_of_standard_keys_are_numbers_on_request_and_others_never() -> None:
    assert said(values(), "LocalPreAuthorize")["LocalPreAuthorize"]["value"] == "false"
    numbers = values(stored={"OcppGetConfBoolIsInt": "true", "FreeCharging": "true", "LocalPreAuthorize": "true"})
    told = said(numbers)
    assert told["LocalPreAuthorize"]["value"] == "1"
    assert told["FreeCharging"]["value"] == "true", "not a standard key"
    named = said(values(stored={"OcppGetConfBoolIsInt": "true", "CpoName": "true"}), "CpoName")
    assert named["CpoName"]["value"] == "true", "not a boolean"
    assert told["OperatorCurrentLimit"]["value"] == "32"
    for name, entry in told.items():
        key = KEYS[name.partition("[")[0]]
        if key.standard and key.type.value == "bool":
            assert entry["value"] in ("0", "1"), name


@pytest.mark.parametrize(("numbers", "words"), [("false", ("false", "true")), ("true", ("0", "1"))])
def test_a_boolean_of_ocpp_that_has_a_third_value_here_is_told_as_a_boolean(
    numbers: str, words: tuple[str, str]
) -> None:
    name = "AllowOfflineTxForUnknownId"
    found = []
    for value in ("Off", "On", "ImmediatelyWhenPlugged"):
        state = values(stored={name: value, "OcppGetConfBoolIsInt": numbers})
        assert said(state)[name] == said(state, name)[name]
        found.append(said(state, name)[name]["value"])
    assert found == [*words, "ImmediatelyWhenPlugged"]


@given(
    st.lists(
        st.sampled_from(
            [
                {"FreeCharging": "true"},
                {"OcppGetConfBoolIsInt": "true"},
                {"OcppGetConfBoolIsInt": "false", "LocalPreAuthorize": "true"},
                {"AllowLongOcppGetConfKeys": "true"},
                {"OcppUserCaCertificate": "x" * 700},
                {"Type2PlugLifetime[2]": "5000"},
                {"MeterValuesSampledData": "Voltage"},
                {"BackendConnectionTimeout": "90"},
            ]
        ),
        max_size=6,
    )
)
@settings(max_examples=60, deadline=None)
def test_an_answer_after_changes_is_that_of_a_fresh_start(changes: list[dict[str, str]]) -> None:
    state = values(STATION + "[connector.2]\n")
    board, live = state.board, {"SocketType2State": "empty", "SocketType2State[2]": "empty"}
    told, held = Configuration(state.in_force, board.dictated, board.connectors), dict(state.in_force)
    for wishes in [{}, *changes]:
        held = {**held, **wishes}
        told = told.after(held)
        fresh = Configuration(held, board.dictated, board.connectors)
        assert told.answer((), live) == fresh.answer((), live)
        assert told.answer((), {}) == fresh.answer((), {})
        every = {entry["key"]: entry for entry in json.loads(fresh.answer((), live)["configurationKey"])}
        named = json.loads(fresh.answer(tuple(every)[:100], live)["configurationKey"])
        assert named == list(every.values())[:100]


def test_a_long_list_ends_at_an_item_a_long_text_is_left_out_and_both_come_whole_on_request() -> None:
    items = ",".join(f"service{number}=DBG" for number in range(60))
    short = values()
    short.in_force["loglevelcomponents"] = items
    short.in_force["OcppUserCaCertificate"] = "x" * 700
    told = said(short, "loglevelcomponents", "OcppUserCaCertificate")
    listed = str(told["loglevelcomponents"]["value"])
    assert len(listed) <= 500
    assert items.startswith(listed + ",")
    assert len(listed) + len(",service00=DBG") > 500
    assert "value" not in told["OcppUserCaCertificate"]
    short.in_force["AllowLongOcppGetConfKeys"] = "true"
    told = said(short, "loglevelcomponents", "OcppUserCaCertificate")
    assert told["loglevelcomponents"]["value"] == items
    assert told["OcppUserCaCertificate"]["value"] == "x" * 700


def test_an_answer_stays_small_enough_for_the_bus_whatever_is_stored() -> None:
    state = values(stored={"AllowLongOcppGetConfKeys": "true"})
    for name in list(state.in_force)[:100]:
        if KEYS[name].type.value == "string":
            state.in_force[name] = "é" * 9000
    lists = answer((), state.in_force, {}, state.board.dictated)
    assert len(lists["configurationKey"].encode()) < 240 * 1024


def test_an_action_reads_as_empty_and_a_secret_has_no_value() -> None:
    told = said(values(), "RCDRESET", "AuthorizationKey", "HTTPBasicAuthPassword", "UserInstallerPasswordCheck")
    assert told["RCDRESET"]["value"] == ""
    assert not [name for name, entry in told.items() if name != "RCDRESET" and "value" in entry]


def test_a_secret_is_never_told_whatever_its_access(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = msgspec.structs.replace(KEYS["RfidTagFreeCharging"], secret=True)
    monkeypatch.setitem(KEYS, secret.name, secret)
    monkeypatch.setitem(table._BY_LOWER_NAME, secret.name.lower(), secret)
    assert "value" not in said(values(), secret.name)[secret.name]
    assert "value" not in said(values())[secret.name]


def test_connector_two_is_asked_for_by_name_and_listed_when_it_has_its_own() -> None:
    text = STATION + "[connector.2]\n"
    assert "Type2PlugLifetime[2]" not in said(values(text))
    own = values(text, {"Type2PlugLifetime[2]": "5000"})
    assert said(own)["Type2PlugLifetime[2]"]["value"] == "5000"
    told = said(own, "type2pluglifetime[2]", "Type2PlugLifetime", "Type2PlugLifetime[1]")
    assert [entry["value"] for entry in told.values()] == ["5000", "10000", "10000"]
    assert said(values(text), "Type2PlugLifetime[2]")["Type2PlugLifetime[2]"]["value"] == "10000"
    names = ("Type2PlugLifetime[3]", "FreeCharging[2]", "Type2PlugLifetime[02x]")
    lists = answer(names, own.in_force, {}, {}, 2)
    assert json.loads(lists["unknownKey"]) == list(names)


def test_live_keys_are_told_per_connector() -> None:
    live = {"SocketType2State": "empty", "SocketType2State[2]": "vehicle connected"}
    told = said(values(STATION + "[connector.2]\n"), live=live)
    assert told["SocketType2State[2]"]["value"] == "vehicle connected"


def test_what_the_backend_cannot_set_is_told_as_read_only() -> None:
    told = said(values())
    state = values()
    for name, entry in told.items():
        key = KEYS[name]
        refused = change(state, name, key.default or "1", 0, OVER_OCPP)
        if entry["readonly"]:
            assert refused.outcome is Answer.REJECTED, name
        elif key.type.value not in ("action", "string", "list"):
            value = state.at_next_start.get(name, key.default)
            assert change(state, name, value, 0, OVER_OCPP).outcome is not Answer.REJECTED, name
