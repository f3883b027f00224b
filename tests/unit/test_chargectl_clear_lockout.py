"""`chargectl safety clear-lockout`: what it ends, which connectors, and when it refuses."""

import json
from pathlib import Path

import pytest

from chargectl.main import main
from schemas.faults import FAULTS, FaultClass
from services.exit_codes import ExitCode
from services.home import Home
from services.lock import OwnerLock
from services.safety.clear_lockout import clear_lockout
from services.safety.journal import JournalFile
from services.safety.memory import Memory

pytestmark = pytest.mark.unit

WELDED = Memory(lockout="contactor_welded", latched=("contactor_welded", "lock_failed"), contactor_cycles=41)
TILTED = Memory(tilted=True, reclosures=2, recoveries=3)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path / "a home")
    home.make_directories()
    home.station_file.write_text("[connector.1]\n[connector.2]\n")
    journal(home).save({1: WELDED, 2: TILTED})
    return home


def journal(home: Home) -> JournalFile:
    return JournalFile(home.data / "safety.json")


def command(home: Home, *words: str) -> int:
    return main(["safety", "clear-lockout", *words, "--home", str(home.root)])


def test_it_ends_what_waits_for_service_at_every_connector_and_says_what_that_was(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(home) == ExitCode.OK
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "connector 1: contactor_welded, lock_failed; contactor cycles 41"
    assert said[1] == "connector 2: tilted, 3 recoveries, 2 attempts to switch on the RCD; contactor cycles 0"
    assert said[2].endswith(f"chargectl up --home '{home.root}'")
    kept = journal(home).load([1, 2])
    assert kept == {1: Memory(contactor_cycles=41), 2: Memory()}
    command(home)
    assert "connector 1: nothing to clear; contactor cycles 41" in capsys.readouterr().out


def test_with_a_number_only_that_connector_is_cleared(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(home, "--connector", "2", "--json") == ExitCode.OK
    assert json.loads(capsys.readouterr().out) == {
        "ok": True,
        "cleared": {"2": ["tilted", "3 recoveries", "2 attempts to switch on the RCD"]},
    }
    assert journal(home).load([1, 2]) == {1: WELDED, 2: Memory()}


def test_a_connector_that_is_not_there_clears_nothing(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(home, "--connector", "3") == ExitCode.USAGE
    assert "there is no connector 3; connectors: 1, 2" in capsys.readouterr().err
    assert journal(home).load([1, 2]) == {1: WELDED, 2: TILTED}


def test_while_safety_runs_nothing_is_cleared_and_the_way_to_do_it_is_told(
    home: Home, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = OwnerLock(home.bus / "safety.lock")
    try:
        assert command(home, "--connector", "1") == ExitCode.ALREADY_RUNNING
    finally:
        lock.close()
    said = capsys.readouterr().err
    place = f"--home '{home.root}'"
    steps = (
        f"chargectl service stop safety {place}",
        f"chargectl safety clear-lockout --connector 1 {place}",
        f"chargectl service start safety {place}",
    )
    assert [line.strip() for line in said.splitlines()[1:]] == list(steps)
    assert "nothing was cleared" in said
    assert journal(home).load([1, 2]) == {1: WELDED, 2: TILTED}


def test_the_module_does_the_same_for_one_connector(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CHARGE_HOME", str(home.root))
    assert clear_lockout(["--clear-lockout", "--connector", "1"]) == ExitCode.OK
    assert "contactor_welded" in capsys.readouterr().out
    assert journal(home).load([1, 2])[2] == TILTED
    assert clear_lockout(["--clear-lockout", "--connector", "9"]) == ExitCode.USAGE


def test_a_damaged_journal_stays_a_lockout_of_the_connectors_that_were_not_named(home: Home) -> None:
    (home.data / "safety.json").write_text("{")
    assert command(home, "--connector", "1") == ExitCode.OK
    kept = journal(home).load([1, 2])
    assert (kept[1].lockout, kept[2].lockout) == ("", "journal_unreadable")


def test_the_faults_that_wait_for_service_name_the_command() -> None:
    lockouts = {code for code, fault in FAULTS.items() if fault.fault_class is FaultClass.LOCKOUT}
    naming = {code for code, fault in FAULTS.items() if "chargectl safety clear-lockout" in fault.instruction}
    assert naming == lockouts | {"tilted", "flooded"}
