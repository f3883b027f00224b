"""The table of settings: complete, consistent, and its generated page up to date."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bus.topics import OWNERS
from services.log import LEVELS
from services.settings.describe import explain, page
from services.settings.rules import parse
from services.settings.table import KEYS, SUBJECTS, Key, find
from services.settings.table.key import LONGEST_VALUE, Access, KeyType, Role

pytestmark = pytest.mark.contract

ROOT = Path(__file__).parents[2]
SPINE = {
    "ErrorsList",
    "ErrorResolution",
    "EventsList",
    "loglevel",
    "loglevelcomponents",
    "SocketType2State",
    "SignaledCurrentLimit",
    "HardwareCurrentLimit",
    "OperatorCurrentLimit",
    "FreeCharging",
    "PhasesConnected",
    "StopTransactionOnEVSideDisconnect",
    "UnlockConnectorOnEVSideDisconnect",
    "ConnectionTimeOut",
    "NumberOfConnectors",
    "ConnectionType",
    "RestartTransAfterPowerLoss",
}


def test_the_subject_spine_has_exactly_its_keys() -> None:
    assert {name for name, subject in SUBJECTS.items() if subject == "spine"} == SPINE


def test_the_generated_page_is_up_to_date() -> None:
    generated = subprocess.run(
        [sys.executable, "-m", "services.settings.describe"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert generated.stdout == page()
    assert (ROOT / "docs" / "settings.md").read_text(encoding="utf-8") == page(), (
        "run: python -m services.settings.describe > docs/settings.md"
    )


@pytest.mark.parametrize("key", KEYS.values(), ids=list(KEYS))
def test_every_key_is_described_completely(key: Key) -> None:
    assert key.help.endswith(".")
    assert key.group
    assert len(key.name) <= 50, "OCPP 1.6: CiString50"
    assert key.longest <= LONGEST_VALUE or key.multiline or key.access is Access.READ
    assert set(key.consumers) <= set(OWNERS)
    assert set(key.ours) <= set(Key.__struct_fields__)
    assert find(key.name.upper()) is key
    assert json.loads(json.dumps(explain(key)))["key"] == key.name


@pytest.mark.parametrize("key", KEYS.values(), ids=list(KEYS))
def test_every_key_agrees_with_itself(key: Key) -> None:
    if key.type is KeyType.READONLY:
        assert key.value_type not in (None, KeyType.READONLY)
        assert (key.access, key.role) == (Access.READ, Role.NOBODY)
    elif key.type is KeyType.ACTION:
        assert key.value_type not in (None, KeyType.READONLY, KeyType.ACTION)
        assert (key.default, key.needs_reboot, key.live) == ("", False, False)
    else:
        assert parse(key, key.default) == key.default
        assert key.value_type is None
        assert not key.live
    if (key.value_type or key.type) is not KeyType.LIST:
        assert bool(key.values) == ((key.value_type or key.type) is KeyType.ENUM)
    if key.type in (KeyType.INT, KeyType.FLOAT):
        assert key.min is not None
        assert key.max is not None
    if key.item_pattern:
        assert key.item_words
    if key.default_from:
        assert KEYS[key.default_from].default == key.default


def test_the_log_levels_are_those_that_the_runner_knows() -> None:
    assert set(KEYS["loglevel"].values) == set(LEVELS)
