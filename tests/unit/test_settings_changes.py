"""Sets of changes: all or nothing, who may, per connector, faces, actions, and what waits for the next start."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base import Answer
from schemas.settings import Entry, of_connector
from services.home import parse_station
from services.settings.changes import Judgement, change, judge
from services.settings.factory import board_of, check_station, factory_values
from services.settings.rules import check
from services.settings.table import KEYS
from services.settings.table.key import KeyType
from services.settings.values import Values, begin

pytestmark = pytest.mark.unit

TWO = "[connector.1]\nmax_current_a = 32\n[connector.2]\nmax_current_a = 16\n"
URL, PASSWORD = "OCPPBackendJSONURL", "HTTPBasicAuthPassword"


def values(text: str = TWO, stored: Mapping[str, str] | None = None) -> Values:
    station = parse_station(text)
    return begin(factory_values(station), board_of(station), stored or {}, {}).started()


def wanted(before: Values, wishes: Mapping[str, str], **how: Any) -> Judgement:
    return judge(before, [Entry(key=key, value=value) for key, value in wishes.items()], **how)


def done(judgement: Judgement) -> Values:
    assert judgement.after is not None, judgement.reason
    return judgement.after


# all or nothing


def test_one_bad_entry_refuses_the_whole_set_and_every_bad_one_is_named() -> None:
    judgement = wanted(values(), {"FreeCharging": "true", "loglevel": "LOUD", "FreeChargin": "1", "ErrorsList": "x"})
    assert (judgement.outcome, judgement.after) == (Answer.REJECTED, None)
    assert {each.key: each.outcome for each in judgement.refused} == {
        "loglevel": Answer.REJECTED,
        "FreeChargin": Answer.NOT_SUPPORTED,
        "ErrorsList": Answer.REJECTED,
    }
    assert "and 2 more" in judgement.reason


def test_keys_that_fit_only_together_are_taken_in_any_order() -> None:
    wishes = {"SecurityProfile": "2", URL: "wss://b/", PASSWORD: "x" * 20}
    for order in (wishes, dict(reversed(wishes.items()))):
        assert wanted(values(), order).outcome is Answer.REBOOT_REQUIRED
    assert wanted(values(), {"SecurityProfile": "2"}).outcome is Answer.REJECTED


def test_a_set_that_does_not_fit_names_the_entry_that_is_wrong() -> None:
    judgement = wanted(values(), {"FreeCharging": "true", "OperatorCurrentLimit": "40"})
    (refused,) = judgement.refused
    assert refused.key == "OperatorCurrentLimit"
    assert "set OperatorCurrentLimit to 32 or less" in refused.reason


def test_the_entry_that_breaks_a_value_of_before_is_named_and_no_other() -> None:
    before = values(stored={"OperatorCurrentLimit": "20"})
    judgement = wanted(before, {"FreeCharging": "true", "HardwareCurrentLimit": "16", "loglevel": "DBG"})
    assert [each.key for each in judgement.refused] == ["HardwareCurrentLimit"]
    assert "OperatorCurrentLimit (20 A)" in judgement.refused[0].reason


def test_a_default_cannot_be_broken_by_its_partner() -> None:
    judgement = change(values(), "TempStopThreshold2", "60", 0, "cli")
    assert judgement.outcome is Answer.REJECTED
    assert "TempReduceThreshold1" in judgement.reason
    assert wanted(values(), {"TempStopThreshold2": "60", "TempReduceThreshold1": "50"}).after is not None


def test_unknown_keys_are_left_out_only_on_request() -> None:
    judgement = wanted(values(), {"FreeCharging": "true", "FutureKey": "1"}, skip_unknown=True)
    assert done(judgement).in_force["FreeCharging"] == "true"
    assert judgement.skipped == ("FutureKey",)


def test_a_value_that_holds_already_is_not_stored_again() -> None:
    judgement = wanted(values(), {"FreeCharging": "false", "loglevel": "DBG"})
    assert [step.place for step in judgement.steps] == ["loglevel"]
    assert wanted(values(), {"FreeCharging": "0"}).reason == "nothing to change"
    assert "FreeCharging" in done(change(values(), "FreeCharging", "false", 0, "cli")).stored


def test_one_key_twice_is_refused_unless_it_says_the_same() -> None:
    twice = [Entry(key="OperatorCurrentLimit", value="10"), Entry(key="operatorcurrentlimit", value="12")]
    assert "more than once" in judge(values(), twice).reason
    assert judge(values(), [twice[0], twice[0]]).after is not None


def test_a_set_is_bounded() -> None:
    many = [Entry(key=f"Key{number}", value="x" * 19_000) for number in range(4)]
    assert "64 KiB" in judge(values(), many).reason


# who


@pytest.mark.parametrize(
    ("key", "role", "source", "outcome"),
    [
        ("HardwareCurrentLimit", "operator", "ui", Answer.REJECTED),
        ("HardwareCurrentLimit", "installer", "ui", Answer.REBOOT_REQUIRED),
        ("HardwareCurrentLimit", "manufacturer", "ui", Answer.REBOOT_REQUIRED),
        ("HardwareCurrentLimit", "", "ocpp", Answer.REJECTED),
        ("HardwareCurrentLimit", "", "chargectl", Answer.REBOOT_REQUIRED),
        ("OperatorCurrentLimit", "user", "ui", Answer.REJECTED),
        ("OperatorCurrentLimit", "", "ocpp", Answer.ACCEPTED),
        ("OperatorCurrentLimit", "god", "ui", Answer.REJECTED),
    ],
)
def test_a_lower_role_than_the_keys_is_refused(key: str, role: str, source: str, outcome: Answer) -> None:
    judgement = change(values(), key, "16", 0, source, role)
    assert judgement.outcome is outcome
    assert (outcome is not Answer.REJECTED) or "log in with a higher role" in judgement.reason


def test_a_key_of_an_absent_feature_is_read_only_for_everyone_and_says_why() -> None:
    absent = [key for key in KEYS.values() if key.absent]
    assert absent
    for key in absent:
        judgement = change(values(), key.name, key.default, 0, "chargectl", "manufacturer")
        assert judgement.outcome is Answer.REJECTED
        assert key.absent in judgement.reason


# connectors


def test_a_connector_has_its_own_value_and_the_others_the_common_one() -> None:
    after = done(wanted(values(), {"Type2PlugLifetime[2]": "5000"}))
    assert after.stored == {"Type2PlugLifetime[2]": "5000"}
    assert of_connector(after.at_next_start, "Type2PlugLifetime", 1) == KEYS["Type2PlugLifetime"].default
    assert of_connector(after.at_next_start, "Type2PlugLifetime", 2) == "5000"
    first = done(change(after, "type2pluglifetime [1]", "7000", 0, "ocpp"))
    assert of_connector(first.at_next_start, "Type2PlugLifetime", 1) == "7000"
    assert of_connector(first.at_next_start, "Type2PlugLifetime", 2) == "5000"


@pytest.mark.parametrize(
    ("key", "connector", "words"),
    [
        ("Type2PlugLifetime[3]", 0, "there is no connector 3"),
        ("Type2PlugLifetime", 3, "there is no connector 3"),
        ("Type2PlugLifetime[2]", 1, "contradict"),
        ("Type2PlugLifetime[0]", -1, "contradict"),
        ("FreeCharging[2]", 0, "whole station"),
        ("FreeCharging", 1, "whole station"),
        ("Type2PlugLifetime[x]", 0, "there is no configuration key"),
    ],
)
def test_a_connector_that_is_not_there_is_refused(key: str, connector: int, words: str) -> None:
    judgement = change(values(), key, "1", connector, "ocpp")
    assert judgement.after is None
    assert words in judgement.reason


def test_a_value_of_a_connector_that_is_gone_is_kept_and_not_used() -> None:
    result = values("[connector.1]\n", {"Type2PlugLifetime[2]": "5000"})
    assert "Type2PlugLifetime[2]" not in result.in_force
    assert result.stored == {"Type2PlugLifetime[2]": "5000"}
    assert "no connector 2" in result.rejected["Type2PlugLifetime[2]"]


def test_a_connectors_value_that_needs_a_reboot_waits_for_it() -> None:
    after = done(wanted(values(), {"RCMBIEC62955Mode[2]": "IEC62955"}, confirmed=True))
    assert "RCMBIEC62955Mode[2]" not in after.in_force
    assert after.pending == ("RCMBIEC62955Mode[2]",)
    assert after.started().in_force["RCMBIEC62955Mode[2]"] == "IEC62955"


# waiting


def test_what_fits_only_after_the_next_start_waits_together() -> None:
    before = values("[connector.1]\nmax_current_a = 32\n", {"HardwareCurrentLimit": "16"})
    judgement = wanted(before, {"HardwareCurrentLimit": "32", "OperatorCurrentLimit": "20", "FreeCharging": "true"})
    after = done(judgement)
    assert judgement.outcome is Answer.REBOOT_REQUIRED
    assert set(judgement.waiting) == {"HardwareCurrentLimit", "OperatorCurrentLimit"}
    assert after.in_force["OperatorCurrentLimit"] == "16"
    assert after.in_force["FreeCharging"] == "true"
    assert after.started().in_force["OperatorCurrentLimit"] == "20"
    again = done(change(after, "OperatorCurrentLimit", "10", 0, "cli"))
    assert again.in_force["OperatorCurrentLimit"] == "10"
    assert check(after.in_force, after.board) == check(again.in_force, again.board) == []


# one way, once, reset


def test_a_reset_gives_the_factory_value_back() -> None:
    before = values(TWO + "[settings]\nloglevel = 'WARN'\n", {"loglevel": "DBG", "FreeCharging": "true"})
    resets = [Entry(key="loglevel", reset=True), Entry(key="FreeCharging", reset=True)]
    after = done(judge(before, resets))
    assert (after.in_force["loglevel"], after.in_force["FreeCharging"]) == ("WARN", "false")
    assert after.stored == {}
    assert judge(after, resets).reason == "nothing to change"


def test_a_reset_cannot_undo_what_is_one_way() -> None:
    locked = values(stored={"RCMBIEC62955Mode": "IEC62955 (locked)", "ChargeBoxSerialNumber": "C-1"})
    assert "locked on purpose" in judge(locked, [Entry(key="RCMBIEC62955Mode", reset=True)]).reason
    assert "once" in judge(locked, [Entry(key="ChargeBoxSerialNumber", reset=True)]).reason
    assert "locked on purpose" in change(locked, "RCMBIEC62955Mode", "IEC62752", 0, "cli").reason


def test_a_security_profile_in_force_is_not_lowered() -> None:
    before = values(stored={URL: "wss://b/", PASSWORD: "x" * 20, "SecurityProfile": "2"})
    judgement = change(before, "SecurityProfile", "1", 0, "ocpp")
    assert judgement.outcome is Answer.REJECTED
    assert "only be raised" in judgement.reason
    assert judge(before, [Entry(key="SecurityProfile", reset=True)]).outcome is Answer.REJECTED


# actions


def test_an_action_is_ordered_and_keeps_nothing() -> None:
    judgement = change(values(), "SetType2PlugCycles[2]", "7", 0, "ocpp", "installer")
    assert judgement.outcome in (Answer.ACCEPTED, Answer.REJECTED)
    judgement = change(values(), "SetType2PlugCycles[2]", "7", 0, "chargectl")
    (step,) = judgement.actions
    assert (judgement.outcome, step.place, step.connector, step.new, step.text) == (
        Answer.ACCEPTED, "SetType2PlugCycles[2]", 2, "7", None,
    )  # fmt: skip
    assert done(judgement).stored == {}
    assert "SetType2PlugCycles" not in done(judgement).in_force
    (first,) = change(values(), "SetType2PlugCycles", "7", 0, "chargectl").actions
    assert first.connector == 1
    assert "nothing to reset" in judge(values(), [Entry(key="SetType2PlugCycles", reset=True)]).reason


@pytest.mark.parametrize("key", [key for key in KEYS.values() if key.type is KeyType.ACTION], ids=lambda key: key.name)
def test_no_action_takes_nonsense(key: Any) -> None:
    if (key.value_type or key.type) in (KeyType.INT, KeyType.BOOL, KeyType.ENUM):
        assert change(values(), key.name, "nonsense", 0, "chargectl").outcome is Answer.REJECTED
    assert change(values(), key.name, "line\nbreak", 0, "chargectl").outcome is Answer.REJECTED


# faces


def test_fields_of_the_parameter_reference_make_one_url_together() -> None:
    wishes = {
        "backend-host": "csms.example",
        "Backend Port": "8443",
        "ocpp-protocol": "wss",
        "backend_host_path": "v16",
    }
    judgement = wanted(values(), wishes)
    assert done(judgement).stored == {URL: "wss://csms.example:8443/v16"}
    assert [step.place for step in judgement.steps] == [URL]
    moved = done(wanted(done(judgement), {"backend-host": "[::1]"}))
    assert moved.stored == {URL: "wss://[::1]:8443/v16"}
    assert done(wanted(moved, {"backend-port": ""})).stored == {URL: "wss://[::1]/v16"}


@pytest.mark.parametrize(
    ("face", "text", "words"),
    [
        ("backend-host", "http://x", "without scheme"),
        ("backend-host", "a b", "without scheme"),
        ("backend-host", "user:pw@h", "without scheme"),
        ("backend-port", "99999", "1 to 65535"),
        ("ocpp-protocol", "http", "ws:// or wss://"),
        ("backend-host-path", "/a?b", "without ? and #"),
        ("queue-size", "10", "constant"),
        ("tcp-watchdog-timeout", "-1", "TcpWatchdogTimeout takes"),
    ],
)
def test_a_face_is_validated_like_its_key(face: str, text: str, words: str) -> None:
    before = values(stored={URL: "ws://b/"})
    judgement = wanted(before, {face: text})
    assert judgement.after is None
    assert words in judgement.reason
    assert judgement.refused[0].key == face


def test_a_part_of_an_address_that_there_is_not_asks_for_the_host() -> None:
    assert "set backend-host first" in wanted(values(), {"backend-port": "80"}).reason


def test_two_names_of_one_key_that_disagree_are_refused_and_the_station_file_takes_one_name_only() -> None:
    both = {"BackendConnectionTimeout": "30", "MessageTimeout": "40"}
    for order in (both, dict(reversed(both.items()))):
        assert "more than once" in wanted(values(), order).reason
    assert done(wanted(values(), {**both, "MessageTimeout": "30"})).stored == {"BackendConnectionTimeout": "30"}
    for name, right in (("MessageTimeout", "BackendConnectionTimeout"), ("AuthorizationKey", PASSWORD)):
        text = f'{TWO}[settings]\n{name} = "30"\n'
        assert f"another name of {right}" in check_station(parse_station(text), text)[0]
    reset = judge(values(), [Entry(key="MessageTimeout", reset=True)])
    assert "face of BackendConnectionTimeout" in reset.reason


def test_the_authorization_key_is_the_password_and_never_told() -> None:
    plain = done(wanted(values(), {"AuthorizationKey": "a-long-plain-password"}))
    assert plain.stored == {PASSWORD: "a-long-plain-password"}
    digits = done(wanted(values(), {"authorizationkey": b"0123456789abcdefWXYZ".hex()}))
    assert digits.stored == {PASSWORD: "0123456789abcdefWXYZ"}
    binary = "00ff" * 10
    assert done(wanted(values(), {"AuthorizationKey": binary})).stored == {PASSWORD: binary}
    assert "AuthorizationKey" not in plain.in_force


# whatever


WISHES = st.lists(
    st.tuples(
        st.sampled_from([*sorted(KEYS), "Type2PlugLifetime[2]", "WeldCheck[2]", "backend-host", "backend-port"]),
        st.sampled_from(["0", "1", "6", "10", "16", "32", "80", "true", "false", "", "On", "Static", "wss://b/"]),
        st.booleans(),
    ),
    max_size=8,
)


@settings(max_examples=80, deadline=None)
@given(st.lists(WISHES, max_size=4))
def test_no_order_of_sets_leaves_values_that_do_not_fit_together(sets: list[list[tuple[str, str, bool]]]) -> None:
    present = values()
    for number, wishes in enumerate(sets):
        judgement = judge(present, [Entry(key=key, value=value, reset=reset) for key, value, reset in wishes])
        assert (judgement.after is None) == bool(judgement.refused or not judgement.steps)
        if judgement.after is not None:
            present = judgement.after
        assert not present.rejected
        assert check(present.in_force, present.board) == []
        assert check(present.at_next_start, present.board) == []
        if number == 2:
            present = present.started()
            assert not present.pending
