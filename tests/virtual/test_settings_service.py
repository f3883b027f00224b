"""The service `settings` on the bus: values, changes, restarts, power cuts, a disk that does not take anything."""

import logging
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from bus.clock import Now
from bus.envelope import Received
from bus.topics import (
    FAULTS,
    SAFETY_CONNECTOR,
    SETTINGS_CHANGE,
    SETTINGS_GET_CONFIGURATION,
    SETTINGS_LIVE,
    SETTINGS_SECRETS,
    SETTINGS_VALUES,
    SYSTEM_EVENTS,
)
from schemas.base import Answer, Answered
from schemas.safety import Contactor, Lock, PilotState, SafetyConnector
from schemas.settings import ChangeSettingRequest, GetConfigurationRequest, SettingsSnapshot
from schemas.system import Event, EventHistory
from services.home import BadStationFile, parse_station
from services.settings import table
from services.settings.__main__ import build
from services.settings.station import ASKS, HEARS
from services.settings.store import Changed, Entry, SettingsStore
from services.settings.table import KEYS
from services.settings.table.key import Access, Key, KeyType, Scope
from services.store import StoreError
from tests.puppets import ask, cell, id_and_end, puppet, say
from tests.virtual_cell import Cell, Wiring

pytestmark = pytest.mark.virtual


def station(root: Path, text: str = "") -> Cell:
    wirings = {
        "settings": Wiring(HEARS, ASKS, build),
        "session": puppet(
            (SETTINGS_VALUES, SETTINGS_LIVE, SETTINGS_SECRETS), (SETTINGS_CHANGE, SETTINGS_GET_CONFIGURATION)
        ),
        "safety": puppet(),
        "system": puppet(),
    }
    return cell(root, wirings, text)


def snapshot(cell: Cell) -> SettingsSnapshot:
    body: SettingsSnapshot = cell.processes["session"].endpoint.latest(SETTINGS_VALUES).body
    return body


def wish(cell: Cell, key: str, value: str, **fields: Any) -> ChangeSettingRequest:
    return ChangeSettingRequest(**{**id_and_end(cell, "session"), "key": key, "value": value, **fields})


def change(cell: Cell, key: str, value: str, **fields: Any) -> Answered:
    return ask(cell, "session", SETTINGS_CHANGE, wish(cell, key, value, **fields))


def faults(cell: Cell) -> dict[str, str]:
    return {fault.code: fault.detail for fault in cell.last(FAULTS["settings"]).faults}


def trail(cell: Cell) -> list[Entry]:
    return SettingsStore(cell.home.data / "settings.db").audit()


def stored_answers(cell: Cell) -> int:
    with sqlite3.connect(cell.home.data / "settings.db") as connection:
        return int(connection.execute("SELECT COUNT(*) FROM answer").fetchone()[0])


def test_every_key_but_the_live_ones_has_a_value(tmp_path: Path) -> None:
    values = snapshot(station(tmp_path)).values
    assert values["HardwareCurrentLimit"] == "32"
    assert values["NumberOfConnectors"] == "1"
    assert values["PhasesConnected"] == "3"
    assert "ErrorsList" not in values


def test_a_change_takes_effect_is_kept_and_leaves_a_trail(tmp_path: Path) -> None:
    here = station(tmp_path)
    before = snapshot(here).revision
    answered = change(here, "operatorcurrentlimit", "16", actor="anna", source="cli")
    assert answered.outcome is Answer.ACCEPTED
    assert snapshot(here).values["OperatorCurrentLimit"] == "16"
    assert snapshot(here).revision == before + 1
    here.kill("settings")
    here.start("settings")
    here.settle()
    assert snapshot(here).values["OperatorCurrentLimit"] == "16"
    assert snapshot(here).revision > before + 1
    (entry,) = trail(here)
    assert entry[1:7] == ("OperatorCurrentLimit", "32", "16", "anna", "cli", "manufacturer")
    assert entry.wall_s == pytest.approx(here.clock.now().wall_s, abs=5.0)


def test_a_key_that_needs_a_reboot_waits_for_the_next_start_not_for_a_restart(tmp_path: Path) -> None:
    here = station(tmp_path)
    assert change(here, "ConnectionTimeOut", "90").outcome is Answer.REBOOT_REQUIRED
    here.kill("settings")
    here.start("settings")
    here.settle()
    assert snapshot(here).values["ConnectionTimeOut"] == "45"
    assert snapshot(here).pending_reboot == ("ConnectionTimeOut",)
    for owner in list(here.processes):
        here.kill(owner)
    here.power_up()
    here.settle()
    assert snapshot(here).values["ConnectionTimeOut"] == "90"
    assert snapshot(here).pending_reboot == ()


@pytest.mark.parametrize(
    ("key", "value", "outcome"),
    [
        ("FreeCharging", "perhaps", Answer.REJECTED),
        ("OperatorCurrentLimit", "33", Answer.REJECTED),
        ("NoSuchKey", "1", Answer.NOT_SUPPORTED),
    ],
)
def test_a_refused_change_changes_nothing(tmp_path: Path, key: str, value: str, outcome: Answer) -> None:
    here = station(tmp_path)
    before = snapshot(here)
    answered = change(here, key, value)
    assert answered.outcome is outcome
    assert answered.reason
    assert snapshot(here) == before
    assert trail(here) == []


def test_over_ocpp_a_read_only_key_is_refused(tmp_path: Path) -> None:
    assert change(station(tmp_path), "NumberOfConnectors", "1", source="ocpp").outcome is Answer.REJECTED


def test_a_repeated_request_is_answered_again_and_not_done_again(tmp_path: Path) -> None:
    here = station(tmp_path)
    first = wish(here, "FreeCharging", "true")
    ask(here, "session", SETTINGS_CHANGE, first)
    change(here, "FreeCharging", "false")
    here.kill("settings")
    here.start("settings")
    here.settle()
    here.processes["session"].service.answers.clear()  # type: ignore[attr-defined]
    assert ask(here, "session", SETTINGS_CHANGE, first).outcome is Answer.ACCEPTED
    assert snapshot(here).values["FreeCharging"] == "false"
    assert stored_answers(here) == 2


def test_a_request_that_has_expired_does_nothing(tmp_path: Path) -> None:
    here = station(tmp_path)
    here.kill("settings")
    late = wish(here, "FreeCharging", "true", expires_s=here.clock.boot_s + 1.0)
    here.processes["session"].endpoint.request(SETTINGS_CHANGE, late)
    here.advance(1.5)
    here.start("settings")
    here.advance(5.0)
    assert snapshot(here).values["FreeCharging"] == "false"


def test_a_request_that_expired_while_it_waited_in_the_inbox_does_nothing(tmp_path: Path) -> None:
    here = station(tmp_path)
    late, now = wish(here, "FreeCharging", "true"), here.clock.now()
    received = Received(
        SETTINGS_CHANGE, "", late, "session", "run", 1, now.boot_s, now.wall_s, trace_id="", resent=False
    )
    here.processes["settings"].service.on_message(received, Now(late.expires_s, now.wall_s))
    here.settle()
    assert snapshot(here).values["FreeCharging"] == "false"
    assert trail(here) == []


@pytest.fixture
def more_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """A secret, and a key that OCPP may only read: this table has none yet that can be changed otherwise."""
    fields: dict[str, Any] = {"type": KeyType.STRING, "scope": Scope.BOTH, "help": "", "group": ""}
    for key in (
        Key(name="Password", secret=True, access=Access.WRITE, default="factory-secret", **fields),
        Key(name="SerialText", access=Access.READ, **fields),
    ):
        monkeypatch.setitem(KEYS, key.name, key)
        monkeypatch.setitem(table._BY_LOWER_NAME, key.name.lower(), key)


@pytest.mark.usefixtures("more_keys")
def test_a_secret_stands_neither_in_the_snapshot_nor_in_the_trail_nor_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    here = station(tmp_path)
    with caplog.at_level(logging.DEBUG):
        assert change(here, "Password", "hunter2").outcome is Answer.ACCEPTED
    assert "Password" not in snapshot(here).values
    (entry,) = trail(here)
    assert (entry.key, entry.old, entry.new) == ("Password", "***", "***")
    assert "hunter2" not in caplog.text
    assert "factory-secret" not in caplog.text
    assert SettingsStore(here.home.data / "settings.db").load().values == {"Password": "hunter2"}


@pytest.mark.usefixtures("more_keys")
def test_a_key_that_ocpp_may_only_read_can_be_changed_on_site(tmp_path: Path) -> None:
    here = station(tmp_path)
    refused = change(here, "SerialText", "A", source="ocpp")
    assert refused.outcome is Answer.REJECTED
    assert "only be read over OCPP" in refused.reason
    assert change(here, "SerialText", "A", source="cli").outcome is Answer.ACCEPTED


def test_a_stored_value_that_no_longer_fits_raises_a_fault_until_it_is_corrected(tmp_path: Path) -> None:
    here = station(tmp_path)
    change(here, "HardwareCurrentLimit", "20")
    for owner in list(here.processes):
        here.kill(owner)
    here.station = parse_station("[connector.1]\nmax_current_a = 16\n")
    here.home.station_file.write_text("[connector.1]\nmax_current_a = 16\n", encoding="utf-8")
    here.power_up()
    here.settle()
    assert snapshot(here).values["HardwareCurrentLimit"] == "16"
    assert "rates it at 16 A" in faults(here)["settings_rejected"]
    change(here, "HardwareCurrentLimit", "10")
    here.settle()
    assert "settings_rejected" not in faults(here)


def test_live_keys_show_what_other_services_say_and_forget_the_silent(tmp_path: Path) -> None:
    here = station(tmp_path)
    body = SafetyConnector(
        connector=1,
        state=PilotState.C2,
        contactor=Contactor.CLOSED,
        lock=Lock.LOCKED,
        vehicle_connected=True,
        cable_plugged=True,
        offered_a=16.0,
    )
    say(here, SAFETY_CONNECTOR, body, "1")
    say(here, SYSTEM_EVENTS, EventHistory(events=(Event(wall_s=1e9, code="boot", text="Station started"),)))
    live = here.last(SETTINGS_LIVE).values
    assert live["SignaledCurrentLimit"] == "16"
    assert live["SocketType2State"] == "vehicle connected, power on, locked"
    assert live["EventsList"].endswith("Station started")
    here.advance(4.0)
    live = here.last(SETTINGS_LIVE).values
    assert live["SocketType2State"] == "unknown"
    assert "SignaledCurrentLimit" not in live


def test_a_disk_that_takes_nothing_is_told_and_tried_again(tmp_path: Path) -> None:
    here = station(tmp_path)
    lock = sqlite3.connect(here.home.data / "settings.db", isolation_level=None)
    service: Any = here.processes["settings"].service
    service._store._store._connection.execute("PRAGMA busy_timeout = 0")
    lock.execute("BEGIN IMMEDIATE")
    answered = change(here, "FreeCharging", "true")
    assert answered.outcome is Answer.REJECTED
    assert "nothing was changed" in answered.reason
    assert snapshot(here).values["FreeCharging"] == "false"
    here.settle()
    assert "disk_full" in faults(here)
    lock.execute("ROLLBACK")
    here.until(lambda: faults(here) == {}, within_s=6.0)
    assert change(here, "FreeCharging", "true").outcome is Answer.ACCEPTED


def test_stored_values_hold_even_when_the_file_can_only_be_read(tmp_path: Path) -> None:
    here = station(tmp_path)
    change(here, "OperatorCurrentLimit", "10")
    here.stop("settings")
    obstacle = here.home.data / "settings.db-wal"
    assert not obstacle.exists()
    obstacle.mkdir()
    here.start("settings")
    here.settle()
    assert snapshot(here).values["OperatorCurrentLimit"] == "10"
    assert set(faults(here)) == {"disk_full"}
    assert change(here, "FreeCharging", "true").outcome is Answer.REJECTED
    obstacle.rmdir()
    here.until(lambda: faults(here) == {}, within_s=6.0)
    assert change(here, "FreeCharging", "true").outcome is Answer.ACCEPTED
    assert snapshot(here).values["OperatorCurrentLimit"] == "10"


def test_an_unreadable_file_is_set_aside_and_told(tmp_path: Path) -> None:
    here = station(tmp_path)
    here.stop("settings")
    (here.home.data / "settings.db").write_bytes(b"not a database at all" * 200)
    here.start("settings")
    here.settle()
    assert "kept as settings.db.unreadable-1" in faults(here)["store_replaced"]
    assert snapshot(here).values["FreeCharging"] == "false"


def test_keys_of_another_version_are_kept(tmp_path: Path) -> None:
    here = station(tmp_path)
    here.stop("settings")
    with sqlite3.connect(here.home.data / "settings.db") as connection:
        connection.execute("INSERT INTO value VALUES ('FutureKey', '7')")
    here.start("settings")
    here.settle()
    change(here, "FreeCharging", "true")
    with sqlite3.connect(here.home.data / "settings.db") as connection:
        assert connection.execute("SELECT text FROM value WHERE key = 'FutureKey'").fetchone() == ("7",)


def test_a_wrong_station_file_stops_the_start_and_names_the_line(tmp_path: Path) -> None:
    with pytest.raises(BadStationFile, match="line 2: there is no configuration key 'FreeChargin'; did you mean Free"):
        station(tmp_path, "[settings]\nFreeChargin = true\n")


def test_the_audit_trail_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.settings.store.MOST_AUDITED", 3)
    here = station(tmp_path)
    for number in range(5):
        change(here, "OperatorCurrentLimit", str(10 + number))
    assert [entry.new for entry in trail(here)] == ["14", "13", "12"]


def test_nothing_of_a_failed_commit_is_kept(tmp_path: Path) -> None:
    store = SettingsStore(tmp_path / "settings.db")
    entry = Entry(1.0, "FreeCharging", "false", None, "", "")  # type: ignore[arg-type]
    answered = Answered(request_id="r", outcome=Answer.ACCEPTED)
    with pytest.raises(StoreError):
        store.change(Changed({"FreeCharging": "true"}, (entry,)), "start", 1, answered, 9.0)
    assert store.load().values == {}
    assert store.load().answers == ()


def test_a_password_reaches_those_who_need_it_and_nothing_else(tmp_path: Path) -> None:
    cell = station(tmp_path)
    assert change(cell, "HTTPBasicAuthPassword", "sesame").outcome is Answer.REBOOT_REQUIRED
    cell.kill("settings")
    cell.start_number += 1
    cell.start("settings")
    cell.settle()
    secrets = cell.processes["session"].endpoint.latest(SETTINGS_SECRETS).body.values
    assert {name: text for name, text in secrets.items() if text} == {"HTTPBasicAuthPassword": "sesame"}
    assert "HTTPBasicAuthPassword" not in snapshot(cell).values
    assert all("sesame" not in f"{entry}" for entry in trail(cell))


def test_the_backend_is_answered_with_the_values_in_force(tmp_path: Path) -> None:
    cell = station(tmp_path)
    request = GetConfigurationRequest(**id_and_end(cell, "session"), keys=("ConnectionTimeOut", "Nope"))
    answered = ask(cell, "session", SETTINGS_GET_CONFIGURATION, request)
    assert answered.outcome is Answer.ACCEPTED
    assert answered.values["unknownKey"] == '["Nope"]'
    assert answered.values["configurationKey"] == '[{"key":"ConnectionTimeOut","readonly":false,"value":"45"}]'
    many = GetConfigurationRequest(**id_and_end(cell, "session"), keys=tuple(f"K{n}" for n in range(101)))
    assert ask(cell, "session", SETTINGS_GET_CONFIGURATION, many).outcome is Answer.REJECTED
