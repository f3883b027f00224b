"""`chargectl doctor` on a station that does not run."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Literal, cast

import pytest

from chargectl import doctor_checks
from chargectl.finding import OK, WARNING, WRONG
from chargectl.health import Health, ServiceHealth
from chargectl.main import main
from schemas.station import Station, StationSection
from services.exit_codes import ExitCode
from services.hmi.light_test import COLOURS, LightTest
from services.home import Home

pytestmark = pytest.mark.unit


def levels(home: Path) -> dict[str, str]:
    return {finding.what: finding.level for finding in doctor_checks.checks(Home(home))}


def test_a_station_that_does_not_run_is_checked_as_far_as_it_goes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["init", "--home", str(tmp_path / "h")]) == ExitCode.OK
    found = levels(tmp_path / "h")
    assert (found["station file"], found["disk data/"], found["clock"]) == (OK, OK, OK)
    assert found["services"] == WARNING
    capsys.readouterr()
    assert main(["doctor", "--json", "--home", str(tmp_path / "h")]) == ExitCode.OK
    assert json.loads(capsys.readouterr().out)["ok"]


def test_a_wrong_station_file_is_found(tmp_path: Path) -> None:
    main(["init", "--home", str(tmp_path / "h")])
    (tmp_path / "h" / "station.toml").write_text("[station]\nserail = 'x'\n")
    findings = list(doctor_checks.checks(Home(tmp_path / "h")))
    assert [finding.level for finding in findings] == [WRONG]
    assert "serial" in findings[0].words


def test_a_clock_that_was_never_set_and_a_disk_without_room_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["init", "--home", str(tmp_path / "h")])
    monkeypatch.setattr(doctor_checks.time, "time", lambda: 1000.0)
    monkeypatch.setattr(doctor_checks, "LEAST_FREE", 2**60)
    found = levels(tmp_path / "h")
    assert (found["clock"], found["disk data/"], found["disk run/"]) == (WRONG, WRONG, WRONG)


@pytest.mark.parametrize("content", ["{", "[]", "\xff"])
def test_a_damaged_list_of_ports_is_found(tmp_path: Path, content: str) -> None:
    home = Home(tmp_path)
    home.run.mkdir(parents=True)
    (home.run / "ports.json").write_bytes(content.encode("latin-1"))
    assert [finding.level for finding in doctor_checks._ports(home)] == [WRONG]


def test_a_port_at_which_nobody_answers_is_found(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.run.mkdir(parents=True)
    (home.run / "ports.json").write_text('{"a": 1, "b": "x", "c": 700000}')
    assert [finding.level for finding in doctor_checks._ports(home)] == [WRONG, WARNING, WARNING]


def test_the_lights_show_every_colour_for_a_second() -> None:
    test = LightTest(100.0)
    assert [test.light(100.0 + seconds) for seconds in (0.0, 0.99, 1.0, 2.5)] == [
        COLOURS[0], COLOURS[0], COLOURS[1], COLOURS[2],
    ]  # fmt: skip
    assert test.light(103.0) is None
    assert test.next_s(100.5) == 101.0


def service(name: str, state: str) -> ServiceHealth:
    known = {"name": name, "state": state, "healthy": state == "RUNNING", "heartbeat_age_s": None}
    texts = dict.fromkeys(("says", "version", "detail"), "")
    return ServiceHealth(**{**dict.fromkeys(ServiceHealth.__dataclass_fields__, 0), **texts, **known})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("board", "state", "told"),
    [("mcu", "STOPPED", []), ("simulated", "STOPPED", [WARNING]), ("mcu", "FATAL", [WRONG]), ("mcu", "RUNNING", [OK])],
)
def test_a_world_that_does_not_run_is_missed_on_a_simulated_board_only(
    board: Literal["mcu", "simulated"], state: str, told: list[str]
) -> None:
    station = Station(station=StationSection(board=board))
    health = cast(Health, SimpleNamespace(services=[service("world", state), service("dlm", "STOPPED")]))
    found = list(doctor_checks._services(health, station))
    assert [finding.level for finding in found if finding.what == "service world"] == told
    assert [finding.level for finding in found if finding.what == "service dlm"] == [WARNING]
