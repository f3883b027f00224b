"""The file of settings: what an export leaves out, what an import takes, and what it refuses."""

import json
import re
from typing import Any

import pytest

from schemas.base import Answer
from services.home import parse_station
from services.settings.changes import judge
from services.settings.explain import NoSuchKey, layers
from services.settings.factory import board_of, factory_values
from services.settings.files import BadFile, entries_of, exported, schema
from services.settings.one_value import Unacceptable, parse
from services.settings.table import KEYS
from services.settings.values import Values, begin

pytestmark = pytest.mark.unit

STORED = {
    "loglevel": "DBG",
    "ConnectionTimeOut": "90",
    "Type2PlugLifetime[2]": "5000",
    "HTTPBasicAuthPassword": "sesame",
    "ChargeBoxSerialNumber": "C-7",
    "FutureKey": "1",
    "OperatorCurrentLimit": "40",
}


def values(stored: dict[str, str] | None = None) -> Values:
    station = parse_station("[connector.1]\n[connector.2]\n[settings]\nloglevel = 'WARN'\n")
    first = begin(factory_values(station), board_of(station), {}, {}).started()
    return begin(first.factory, first.board, STORED if stored is None else stored, first.at_start)


def told(*names: str, state: Values | None = None) -> dict[str, dict[str, Any]]:
    read: dict[str, dict[str, Any]] = json.loads(layers(state or values(), names, {"ErrorsList": "none"}))
    return read


def file(**more: object) -> dict[str, Any]:
    document = exported(told(), software="1.0", written="now")
    return {**document, **more}


def data(document: object) -> bytes:
    return json.dumps(document).encode()


# values told apart


def test_default_factory_stored_in_force_and_pending_are_told_apart() -> None:
    layer = told("loglevel", "ConnectionTimeOut")
    assert layer["loglevel"] == {
        "default": "INFO", "factory": "WARN", "stored": "DBG", "in_force": "DBG", "at_next_start": "DBG",
    }  # fmt: skip
    assert layer["ConnectionTimeOut"] == {
        "default": "45", "stored": "90", "in_force": "45", "at_next_start": "90", "pending": True,
    }  # fmt: skip


def test_a_key_comes_with_the_values_that_connectors_have_for_themselves() -> None:
    assert list(told("type2pluglifetime")) == ["Type2PlugLifetime", "Type2PlugLifetime[2]"]
    assert list(told("Type2PlugLifetime[2]")) == ["Type2PlugLifetime[2]"]


def test_a_secret_says_only_whether_it_is_set_and_a_refused_value_why() -> None:
    layer = told("HTTPBasicAuthPassword", "WebsocketsProxyPassword", "OperatorCurrentLimit", "ErrorsList")
    assert "sesame" not in json.dumps(told())
    assert layer["HTTPBasicAuthPassword"]["stored"] == "(set, secret)"
    assert layer["WebsocketsProxyPassword"]["at_next_start"] == ""
    assert "above HardwareCurrentLimit" in layer["OperatorCurrentLimit"]["rejected"]
    assert layer["ErrorsList"]["in_force"] == "none"
    assert "present state" in layer["ErrorsList"]["readonly"]


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(NoSuchKey, match="did you mean FreeCharging"):
        told("FreeChargin")


def test_the_layers_of_all_keys_fit_into_a_frame_whatever_is_stored() -> None:
    state = values({"OcppUserCaCertificate": "", "RfidTagFreeCharging": "FREE"})
    for name in [key.name for key in KEYS.values() if key.longest > 300 and not key.item_pattern][:100]:
        state.at_next_start[name] = "é" * KEYS[name].longest
    assert len(layers(state, (), {}).encode()) < 230 * 1024


# export and import


def test_an_export_can_be_imported_and_changes_nothing() -> None:
    judgement = judge(values(), entries_of(data(file())))
    assert (judgement.outcome, judgement.reason) == (Answer.ACCEPTED, "")
    assert [step.place for step in judgement.steps] == ["OperatorCurrentLimit"], "its stored value is not used: mended"
    assert judgement.after is not None
    assert judge(judgement.after, entries_of(data(file()))).reason == "nothing to change"


def test_an_export_leaves_out_secrets_and_what_nobody_can_set_and_says_so() -> None:
    document = file()
    assert document["settings"]["ConnectionTimeOut"] == "90"
    assert document["settings"]["Type2PlugLifetime[2]"] == "5000"
    assert document["left_out"]["secret"] == ["HTTPBasicAuthPassword"]
    assert document["left_out"]["once"] == ["ChargeBoxSerialNumber"]
    assert {"ErrorsList", "NumberOfConnectors"} <= set(document["left_out"]["read_only"])
    assert "sesame" not in json.dumps(document)
    assert not {"ErrorsList", "HTTPBasicAuthPassword", "RCDRESET", "FutureKey"} & set(document["settings"])


def test_another_station_takes_what_one_exported() -> None:
    fresh = values({})
    judgement = judge(fresh, entries_of(data(file())))
    assert judgement.after is not None
    assert judgement.after.at_next_start["loglevel"] == "DBG"
    assert set(judgement.after.stored) == {"loglevel", "ConnectionTimeOut", "Type2PlugLifetime[2]"}


def test_plain_json_values_are_taken() -> None:
    document = {"settings": {"FreeCharging": True, "OperatorCurrentLimit": 16, "loglevel": "(2) DBG"}}
    assert [entry.value for entry in entries_of(data(document))] == ["true", "16", "(2) DBG"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "not JSON: line 1"),
        (b"{", "not JSON"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[" * 100_000, "cannot be read"),
        (b"[]", 'no object "settings"'),
        (b'{"FreeCharging": true}', 'no object "settings"'),
        (b'{"settings": [1]}', 'no object "settings"'),
        (b'{"settings": {"a": 1, "a": 2}}', "stands twice"),
        (b'{"settings": {"a": [1]}}', "is a list"),
        (b'{"settings": {"a": null}}', "is a NoneType"),
        (b'{"settings": {"a": 1' + b"0" * 5000 + b"}}", "cannot be read"),
        (b'{"format": "other", "settings": {}}', "format 'other'"),
        (b'{"version": 2, "settings": {}}', "update the software"),
        (b'{"version": 0, "settings": {}}', "not a number from 1"),
        (b'{"version": true, "settings": {}}', "not a number from 1"),
        (b'{"settings": {"' + b"k" * 65 + b'": 1}}', "at most 64"),
        (b'{"settings": {"a": "' + b"v" * 20_001 + b'"}}', "at most 20000"),
        (data({"settings": {f"k{number}": 1 for number in range(1001)}}), "at most 1000"),
        (b" " * 300_000, "larger than 256 KiB"),
    ],
)
def test_a_file_that_is_none_is_refused_with_words(text: bytes, words: str) -> None:
    with pytest.raises(BadFile, match=re.escape(words)) as refusal:
        entries_of(text)
    assert len(str(refusal.value)) < 400


def test_nonsense_in_values_is_refused_by_the_same_rules() -> None:
    document = {"settings": {"OperatorCurrentLimit": float("nan"), "loglevelcomponents": "a=DBG\nb=DBG"}}
    judgement = judge(values(), entries_of(data(document)))
    assert {each.key for each in judgement.refused} == {"OperatorCurrentLimit", "loglevelcomponents"}


# JSON Schema


def test_the_schema_describes_every_key_that_can_be_set_and_no_other() -> None:
    described = schema()["properties"]["settings"]  # type: ignore[index]
    can_be_set = {key.name for key in KEYS.values() if key.type.value != "readonly" and not key.absent}
    assert set(described["properties"]) == can_be_set
    assert described["additionalProperties"] is False
    assert "^WeldCheck\\[([2-9]|1[0-6])\\]$" in described["patternProperties"]
    assert described["properties"]["OperatorCurrentLimit"]["maximum"] == 80
    assert "default" not in described["properties"]["HTTPBasicAuthPassword"]


def test_the_schema_promises_no_value_that_is_refused() -> None:
    described = schema()["properties"]["settings"]["properties"]  # type: ignore[index]
    for name, told_of in described.items():
        for choice in told_of.get("anyOf", [{}])[0].get("enum", ()):
            assert parse(KEYS[name], choice) == choice
        for bound in ("minimum", "maximum"):
            if bound in told_of:
                try:
                    parse(KEYS[name], f"{told_of[bound]:.15g}")
                except Unacceptable as error:
                    raise AssertionError(f"{name}: {error}") from error
