"""The command line of `chargectl bench`."""

import json
import sys
from types import SimpleNamespace

import pytest

from chargectl.bench import command, main
from chargectl.bench.effort import BenchError, Effort
from chargectl.bench.report import Figure

pytestmark = pytest.mark.unit


@pytest.fixture
def efforts(monkeypatch: pytest.MonkeyPatch) -> list[Effort]:
    """A `bench bus` that keeps every limit, and notes what it was asked for."""
    asked: list[Effort] = []

    def measure(effort: Effort) -> list[Figure]:
        asked.append(effort)
        return [Figure(name="ratio", value=1.0, unit="x", limit=2.0)]

    monkeypatch.setitem(sys.modules, "chargectl.bench.bus", SimpleNamespace(measure=measure))  # type: ignore[arg-type]
    monkeypatch.setattr(command, "compile_packages", lambda: None)
    return asked


def bench_bus_says(monkeypatch: pytest.MonkeyPatch, figures: list[Figure]) -> None:
    stand_in = SimpleNamespace(measure=lambda _effort: figures)
    monkeypatch.setitem(sys.modules, "chargectl.bench.bus", stand_in)  # type: ignore[arg-type]


def test_three_full_repeats_unless_asked_otherwise(efforts: list[Effort]) -> None:
    assert main(["bus"]) == 0
    assert main(["bus", "--quick", "--repeats", "1"]) == 0
    assert efforts == [Effort(repeats=3, quick=False), Effort(repeats=1, quick=True)]


def test_json_states_figures_machine_and_load(efforts: list[Effort], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["bus", "--json", "--repeats", "2"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["name"], said["repeats"], said["figures"][0]["passed"]) == ("bus", 2, True)
    assert {"loadavg_before", "loadavg_after", "nproc", "python", "kernel", "date", "quick"} <= said["machine"].keys()


def test_a_missed_figure_makes_the_exit_code_one(
    efforts: list[Effort], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bench_bus_says(monkeypatch, [Figure(name="ratio", value=2.1, unit="x", limit=2.0)])
    assert main(["bus"]) == 1
    assert "MISSED" in capsys.readouterr().out


def test_a_bench_that_cannot_run_says_why(
    efforts: list[Effort], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(_effort: Effort) -> list[Figure]:
        raise BenchError("safety does not speak")

    monkeypatch.setitem(sys.modules, "chargectl.bench.bus", SimpleNamespace(measure=refuse))  # type: ignore[arg-type]
    assert main(["bus"]) == 1
    assert "bench bus could not run: safety does not speak" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["moon"], [], ["bus", "--repeats", "0"], ["bus", "--repeats", "many"]])
def test_wrong_use_ends_with_exit_code_two(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage: chargectl bench" in capsys.readouterr().err
