"""Every row of the fault-injection table has a test of its own on the virtual station, with its number in its name, and
such a test does not pass without the invariant checker.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.contract

ROOT = Path(__file__).resolve().parents[2]
ROWS = range(1, 89)
NOT_BUILT: dict[int, str] = {}
"""Rows of the table without a test, and why. A row that can be tested does not belong here."""
NAME = re.compile(r"^def test_f(\d+)((?:_(?:and_|to_)?f\d+)*)_", re.MULTILINE)


def rows_with_tests() -> dict[int, list[str]]:
    """By number of the row: where it is tested. A name may have several numbers: test_f65_f66_..."""
    found: dict[int, list[str]] = {}
    for file in sorted((ROOT / "tests" / "virtual").glob("test_*.py")):
        for first, more in NAME.findall(file.read_text(encoding="utf-8")):
            for number in (first, *re.findall(r"f(\d+)", more)):
                found.setdefault(int(number), []).append(file.name)
    return found


@pytest.mark.parametrize("row", [row for row in ROWS if row not in NOT_BUILT])
def test_the_row_has_a_test_on_the_virtual_station(row: int) -> None:
    assert row in rows_with_tests(), f"no test_f{row}_... in tests/virtual"


def test_no_file_does_without_the_fixture_that_demands_the_checker() -> None:
    files = sorted((ROOT / "tests" / "virtual").glob("*.py"))
    assert [file.name for file in files if "_row_watch" in file.read_text(encoding="utf-8")] == ["conftest.py"]


def test_no_test_has_the_number_of_a_row_that_does_not_exist() -> None:
    assert set(rows_with_tests()) <= set(ROWS)


def test_a_row_that_is_tested_is_not_excused() -> None:
    assert not set(rows_with_tests()) & set(NOT_BUILT)


STATIONS = """
import pytest

from tests.virtual.charging_station import ChargingStation
from tests.virtual.fault_bench import FaultBench


def test_f1_with_the_checker(tmp_path):
    FaultBench(tmp_path).advance(0.1)


def test_f2_without_the_checker(tmp_path):
    ChargingStation(tmp_path).advance(0.1)


def test_f3_with_another_watch(tmp_path):
    station = FaultBench(tmp_path)
    station.processes["safety"].service.watch = lambda seat, result, now_s: None


@pytest.mark.parametrize("value", [1])
def test_f4_one_with_and_one_without(tmp_path, value):
    FaultBench(tmp_path / "a").advance(0.1)
    ChargingStation(tmp_path / "b").advance(0.1)


def test_f5_a_second_safety_process_without(tmp_path):
    station = FaultBench(tmp_path)
    station.wirings["safety"].build = lambda context: ChargingStation._build_safety(station, context)
    station.restart("safety")


def test_f6_without_a_station():
    pass


def test_a_test_of_no_row_may_do_without(tmp_path):
    ChargingStation(tmp_path).advance(0.1)
"""


def test_a_test_of_a_row_fails_when_a_station_of_it_runs_without_the_invariant_checker(tmp_path: Path) -> None:
    """The fixture that stands in `tests/virtual/conftest.py` for all tests there, on stations made for this."""
    (tmp_path / "test_stations.py").write_text(STATIONS, encoding="utf-8")
    settings = ["-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT), "-p", "tests.virtual.conftest"]
    command = [sys.executable, "-m", "pytest", "-q", "-rpE", "-p", "no:cacheprovider", *settings, str(tmp_path)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    passed = set(re.findall(r"^PASSED \S+::(\w+)", ran.stdout, re.MULTILINE))
    refused = set(re.findall(r"^ERROR \S+::(test_f\d)_", ran.stdout, re.MULTILINE))
    assert refused == {"test_f2", "test_f3", "test_f4", "test_f5", "test_f6"}, ran.stdout
    assert {"test_f1_with_the_checker", "test_a_test_of_no_row_may_do_without"} <= passed, ran.stdout
    assert "5 errors" in ran.stdout
