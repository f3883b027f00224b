"""`data/safety.json`: what survives, what is refused, and the command that ends a lockout."""

import json
import os
from pathlib import Path

import pytest

from services.exit_codes import ExitCode
from services.home import Home
from services.lock import OwnerLock
from services.safety.clear_lockout import clear_lockout
from services.safety.journal import JournalFile
from services.safety.memory import Memory
from services.store_errors import NewerStore

pytestmark = pytest.mark.contract

FULL = Memory(
    lockout="contactor_welded",
    latched=("pilot_diode",),
    recoveries=2,
    hold_until_s=1234.5,
    closings=(1200.25, 1230.5),
    trips={"pilot_shorted": 3},
    contactor_cycles=41,
    residual_proven=True,
    residual_tested_s=1201.5,
    reclosures=2,
    rcd_open=True,
    rcd_by_dc=True,
    last_close_wall_s=1.8e9,
    settings={"HardwareCurrentLimit": "16"},
)


def test_everything_comes_back_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "safety.json"
    JournalFile(path).save({1: FULL, 2: Memory()})
    assert JournalFile(path).load([1, 2, 3]) == {1: FULL, 2: Memory(), 3: Memory()}


def test_the_writer_thread_writes_the_newest_copy_and_ends(tmp_path: Path) -> None:
    journal = JournalFile(tmp_path / "safety.json")
    memory = Memory()
    for cycles in range(50):
        memory.contactor_cycles = cycles
        journal.write({1: memory})
    memory.contactor_cycles = 999
    journal.close()
    assert JournalFile(journal.path).load([1])[1].contactor_cycles == 49


def test_a_new_station_starts_blank(tmp_path: Path) -> None:
    assert JournalFile(tmp_path / "safety.json").load([1]) == {1: Memory()}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"\xff\xfe",
        b'{"version": 1}',
        b'{"version": 1, "connectors": {"1": {"lockout": "gone"}}}',
        b'{"version": 1, "connectors": {"1": {"latched": ["nonsense"]}}}',
        b'{"version": 1, "connectors": {"1": {"recoveries": -1}}}',
        b'{"version": 1, "connectors": {"1": {"closings": [-1.0]}}}',
        b'{"version": 1, "connectors": {"1": {"closings": [1,2,3,4,5,6,7,8,9,10,11,12,13]}}}',
        b'{"version": 1, "connectors": {"1": {"settings": {"HardwareCurrentLimit": 7}}}}',
        b'{"version": "one", "connectors": {}}',
        b"[" * 60_000,
        b'{"version": 1, "connectors": {' + b" " * 70_000 + b"}}",
    ],
)
def test_an_unreadable_journal_locks_every_connector_out_and_is_kept(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "safety.json"
    path.write_bytes(content)
    found = JournalFile(path).load([1, 2])
    assert {memory.lockout for memory in found.values()} == {"journal_unreadable"}
    assert (tmp_path / "safety.json.unreadable-1").read_bytes() == content
    assert not path.exists()


def test_a_second_unreadable_journal_does_not_overwrite_the_first(tmp_path: Path) -> None:
    path = tmp_path / "safety.json"
    for content in (b"one", b"two"):
        path.write_bytes(content)
        JournalFile(path).load([1])
    assert (tmp_path / "safety.json.unreadable-1").read_bytes() == b"one"
    assert (tmp_path / "safety.json.unreadable-2").read_bytes() == b"two"


def test_a_journal_of_a_newer_version_is_refused_with_words(tmp_path: Path) -> None:
    path = tmp_path / "safety.json"
    path.write_text('{"version": 2, "connectors": {"1": {"new": true}}}')
    with pytest.raises(NewerStore, match="run the newer version again"):
        JournalFile(path).load([1])
    assert path.exists()


def test_a_disk_that_cannot_be_written_is_told_and_the_old_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "safety.json"
    JournalFile(path).save({1: Memory(contactor_cycles=1)})
    path.with_suffix(".new").mkdir()
    journal = JournalFile(path)
    journal.write({1: Memory(contactor_cycles=2)})
    journal.close()
    assert journal.problem == "disk_full"
    assert JournalFile(path).load([1])[1].contactor_cycles == 1


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    home = Home(tmp_path / "home")
    home.make_directories()
    home.station_file.write_text("[connector.1]\n")
    monkeypatch.setenv("CHARGE_HOME", str(home.root))
    return home


def test_service_ends_a_lockout_and_the_counters_stay(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    path = home.data / "safety.json"
    JournalFile(path).save({1: FULL})
    assert clear_lockout(["--clear-lockout"]) == ExitCode.OK
    memory = JournalFile(path).load([1])[1]
    assert (memory.lockout, memory.latched, memory.recoveries) == ("", (), 0)
    assert (memory.trips, memory.contactor_cycles, memory.settings) == (
        {"pilot_shorted": 3},
        41,
        {"HardwareCurrentLimit": "16"},
    )
    assert "contactor_welded, pilot_diode" in capsys.readouterr().out
    assert json.loads(path.read_text())["version"] == 1


def test_a_lockout_is_not_cleared_while_the_service_runs(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    path = home.data / "safety.json"
    JournalFile(path).save({1: FULL})
    lock = OwnerLock(home.bus / "safety.lock")
    try:
        assert clear_lockout(["--clear-lockout"]) == ExitCode.ALREADY_RUNNING
    finally:
        lock.close()
    assert str(os.getpid()) in capsys.readouterr().err
    assert JournalFile(path).load([1])[1] == FULL
