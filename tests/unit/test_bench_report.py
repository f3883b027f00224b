"""What a bench says: verdicts, JSON, table, exit code."""

import json
import math

import pytest

from chargectl.bench.report import Figure, Report, not_measured, table

pytestmark = pytest.mark.unit


def figure(value: float | None, limit: float | None = 2.0, **more: object) -> Figure:
    return Figure(name="ratio", value=value, unit="x", limit=limit, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "limit", "passed"),
    [
        (2.0, 2.0, True),
        (2.0001, 2.0, False),
        (math.nan, 2.0, False),
        (math.inf, 2.0, False),
        (99.0, None, None),
        (None, 2.0, None),
    ],
)
def test_a_figure_passes_up_to_its_limit_and_has_no_verdict_without_limit_or_value(
    value: float | None, limit: float | None, passed: bool | None
) -> None:
    assert figure(value, limit).passed is passed


def test_one_missed_figure_makes_the_exit_code_one() -> None:
    assert Report(name="bus", figures=(figure(1.0), figure(3.0))).exit_code == 1


def test_figures_that_could_not_be_measured_or_have_no_limit_do_not_fail_the_bench() -> None:
    report = Report(name="bus", figures=(figure(1.0), figure(9.0, None), not_measured("mqtt", "x", 0.6, "no broker")))
    assert report.exit_code == 0


def test_the_json_has_the_agreed_shape() -> None:
    report = Report(
        name="bus", figures=(figure(1.5, baseline=10.0, subject=15.0, runs=(1.4, 1.5)),), machine={"nproc": 2}
    )
    said = json.loads(json.dumps(report.as_json(), allow_nan=False))
    assert said == {
        "name": "bus",
        "figures": [
            {
                "name": "ratio",
                "value": 1.5,
                "unit": "x",
                "limit": 2.0,
                "passed": True,
                "baseline": 10.0,
                "subject": 15.0,
                "reason": "",
                "runs": [1.4, 1.5],
            }
        ],
        "machine": {"nproc": 2},
        "repeats": 3,
    }


def test_what_was_not_measured_is_null_and_says_why() -> None:
    report = Report(name="bus", figures=(not_measured("mqtt", "x", 0.6, "mosquitto is not installed"),))
    said = report.as_json()["figures"][0]
    assert (said["value"], said["passed"], said["limit"], said["reason"]) == (
        None,
        None,
        0.6,
        "mosquitto is not installed",
    )


def test_a_value_that_is_no_number_misses_its_limit_and_is_null_in_json() -> None:
    said = Report(name="stop", figures=(figure(math.inf, runs=(math.inf,)),)).as_json()["figures"][0]
    assert (said["value"], said["passed"], said["runs"]) == (None, False, [None])


def test_the_table_shows_verdicts_reasons_and_the_machine() -> None:
    report = Report(
        name="bus",
        figures=(figure(1.0), figure(3.0), not_measured("mqtt", "x", 0.6, "mosquitto is not installed")),
        machine={"nproc": 2, "loadavg_before": 0.5},
    )
    lines = table(report).splitlines()
    assert lines[0] == "bench bus, 3 repeats"
    assert "kept" in lines[2]
    assert "MISSED" in lines[3]
    assert "not measured" in lines[4]
    assert "mqtt: mosquitto is not installed" in lines[5]
    assert lines[6] == "nproc 2, loadavg_before 0.5"
