"""`chargectl config` at a running station: looking, sets, files, and what it says when something is refused."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from services.exit_codes import ExitCode
from services.settings.table import KEYS
from tests.running_station import ROOT, RunningStation, chargectl, environment, wait_until

pytestmark = pytest.mark.process


def said(station: RunningStation, *words: str) -> str:
    done = chargectl("config", *words, home=station.home.root)
    assert done.returncode == ExitCode.OK, done.stderr
    return done.stdout


def answer(station: RunningStation, *words: str) -> Any:
    return json.loads(said(station, "--json", *words))


def refused(station: RunningStation, *words: str) -> str:
    done = chargectl("config", *words, home=station.home.root)
    assert done.returncode in (ExitCode.REFUSED, ExitCode.USAGE), done.stdout
    return done.stderr


def test_a_file_is_exported_changed_checked_imported_and_reset(shared_station: RunningStation, tmp_path: Path) -> None:
    station, file = shared_station, tmp_path / "settings.json"
    said(station, "export", str(file))
    document = json.loads(file.read_text())
    assert document["settings"]["loglevel"] == "INFO"
    document["settings"] = {"loglevel": "DBG", "backend": "x", "ConnectionTimeOut": 77}
    file.write_text(json.dumps(document))
    told = refused(station, "import", str(file))
    assert "nothing was changed; 1 refused" in told
    assert "backend: there is no configuration key 'backend'" in told
    checked = answer(station, "import", str(file), "--skip-unknown", "--check")
    assert (checked["outcome"], checked["skipped"]) == ("reboot_required", ["backend"])
    assert answer(station, "get", "loglevel")["values"] == {"loglevel": "INFO"}
    assert "loglevel" not in said(station, "diff")
    assert "takes effect at the next start of the station: ConnectionTimeOut" in said(
        station, "import", str(file), "--skip-unknown"
    )
    assert {"key": "loglevel", "other": "INFO", "here": "DBG"} in answer(station, "diff")
    assert answer(station, "diff", "--against", str(file)) == []
    here = answer(station, "explain", "ConnectionTimeOut")["here"]["ConnectionTimeOut"]
    assert (here["default"], here["in_force"], here["stored"], here["pending"]) == ("45", "45", "77", True)
    assert "add --yes" in refused(station, "reset", "--all")
    assert set(answer(station, "reset", "loglevel", "ConnectionTimeOut")["changed"]) == {
        "loglevel",
        "ConnectionTimeOut",
    }
    assert "loglevel" not in said(station, "diff")


def test_several_fields_of_the_backend_are_set_together_and_the_history_names_them(
    shared_station: RunningStation,
) -> None:
    station = shared_station
    before = answer(station, "get", "OCPPBackendJSONURL")["values"]["OCPPBackendJSONURL"]
    checked = answer(station, "set", "backend-host", "csms.example", "ocpp-protocol", "wss://", "--check")
    assert checked["changed"] == ["OCPPBackendJSONURL"]
    assert said(station, "get", "queue-size") == "350\n"
    assert said(station, "get", "ocpp-keep-alive-interval") == "60\n"
    assert "give pairs" in refused(station, "set", "backend-host")
    assert "set backend-host first" in refused(station, "set", "backend-port", "80") or before
    said(station, "set", "OperatorCurrentLimit", "12")
    said(station, "reset", "OperatorCurrentLimit")
    (newest, older) = answer(station, "history", "OperatorCurrentLimit", "--most", "2")
    assert (newest["new"], older["new"], older["source"], older["role"]) == ("32", "12", "chargectl", "manufacturer")
    assert "may be changed by installer" in refused(station, "set", "HardwareCurrentLimit", "16", "--role", "operator")


def test_what_needs_no_station_works_without_one(tmp_path: Path) -> None:
    schema = chargectl("config", "schema", home=tmp_path)
    assert json.loads(schema.stdout)["properties"]["settings"]["properties"]["FreeCharging"]
    explained = chargectl("config", "explain", "freecharging", home=tmp_path)
    assert "FreeCharging" in explained.stdout
    searched = chargectl("config", "search", "queue size", home=tmp_path)
    assert "queue-size" in searched.stdout
    missing = chargectl("config", "import", str(tmp_path / "none.json"), home=tmp_path)
    assert missing.returncode != ExitCode.OK


def test_a_safety_relevant_key_asks_to_be_confirmed_and_says_what(shared_station: RunningStation) -> None:
    station = shared_station
    told = refused(station, "set", "CPDiodeDetection", "false")
    assert KEYS["CPDiodeDetection"].confirm in told
    assert "--confirm" in told
    assert refused(station, "set", "CPDiodeDetection", "false", "FreeCharging", "maybe").count("\n") >= 4
    assert answer(station, "get", "CPDiodeDetection")["values"] == {"CPDiodeDetection": "true"}
    told = chargectl("config", "--json", "set", "CPDiodeDetection", "false", home=station.home.root).stdout
    (entry,) = json.loads(told)["refused"]
    assert (entry["key"], entry["confirm"]) == ("CPDiodeDetection", KEYS["CPDiodeDetection"].confirm)
    said(station, "set", "CPDiodeDetection", "false", "--confirm")
    said(station, "reset", "CPDiodeDetection")
    assert answer(station, "get", "CPDiodeDetection")["values"] == {"CPDiodeDetection": "true"}


def test_another_name_of_a_key_stands_in_no_difference_and_no_export_twice(
    shared_station: RunningStation, tmp_path: Path
) -> None:
    station, file = shared_station, tmp_path / "settings.json"
    said(station, "set", "MessageTimeout", "50")
    assert answer(station, "diff") == [{"key": "BackendConnectionTimeout", "other": "60", "here": "50"}]
    here = answer(station, "explain", "MessageTimeout")["here"]["MessageTimeout"]
    assert (here["face_of"], here["stored"], here["pending"]) == ("BackendConnectionTimeout", "50", True)
    said(station, "export", str(file))
    assert "MessageTimeout" not in json.loads(file.read_text())["settings"]
    said(station, "reset", "--all", "--yes")
    assert answer(station, "diff") == []


def test_names_of_a_file_cannot_move_the_cursor(shared_station: RunningStation, tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    file.write_text(json.dumps({"settings": {"\x1b[2Jx": "1", "\x9b2Jy": "1"}}))
    told = refused(shared_station, "import", str(file))
    assert "\\x1b[2Jx" in told
    assert not {"\x1b", "\x9b"} & set(told)
    done = chargectl("config", "import", str(file), "--skip-unknown", home=shared_station.home.root)
    assert not {"\x1b", "\x9b"} & set(done.stderr + done.stdout)


WORDS = {"Type2ContactorLifetime": 200_000, "Type2PlugLifetime": 20_000, "ContactorCyclesUnderloadLimit": 30_000}


def test_an_import_during_which_settings_is_killed_is_done_whole_or_not_at_all(
    shared_station: RunningStation, tmp_path: Path
) -> None:
    station = shared_station
    for turn in range(4):
        new = {name: number + turn for name, number in WORDS.items()}
        file = tmp_path / f"{turn}.json"
        file.write_text(json.dumps({"settings": new}))
        killed = station.process("settings")
        before = answer(station, "diff")
        log = station.home.data / "settings.db-wal"
        written_ns = log.stat().st_mtime_ns if log.exists() else 0
        importer = subprocess.Popen(
            [sys.executable, "-m", "chargectl", "config", "import", str(file), "--home", str(station.home.root)],
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        if turn % 2:
            wait_until(
                lambda: not log.exists() or log.stat().st_mtime_ns != written_ns or importer.poll() is not None,  # noqa: B023
                "the import is committed",
                every_s=0.0005,
            )
        station.kill("settings")
        _out, error = importer.communicate(timeout=30)
        station.wait_replaced("settings", killed)
        station.wait_healthy()
        after = {row["key"]: row["here"] for row in answer(station, "diff")}
        kept = {name: after.get(name) for name in new}
        whole = {name: str(number) for name, number in new.items()}
        if importer.returncode == ExitCode.OK:
            assert kept == whole, error
        else:
            assert kept in (whole, {name: {r["key"]: r["here"] for r in before}.get(name) for name in new}), error
    said(station, "reset", "--all", "--yes")
