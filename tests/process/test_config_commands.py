"""`chargectl config` at a running station: looking, sets, files, and what it says when something is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.exit_codes import ExitCode
from tests.running_station import RunningStation, chargectl

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
