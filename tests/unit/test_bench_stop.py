"""`bench stop`: the script of one connector, and from stops to figures."""

import math
import random
from types import SimpleNamespace
from typing import Any

import pytest

from chargectl.bench.effort import BenchError
from chargectl.bench.histogram import histogram
from chargectl.bench.stop import STALLS, Run, figures_of, kept
from chargectl.bench.stop_cycle import FILTER_S, Cast, Stop, Wait, cycle
from chargectl.bench.stop_rig import CONNECTORS, KEYS, station_file
from schemas.safety import Contactor, PilotState
from services.home import parse_station
from services.safety.mounted import equipment_of
from services.safety.settings import FIELDS, NO_SETTINGS, parsed
from services.safety.timings import CONFIRM_C_S, DIODE_S, OPEN_FILTER_S

pytestmark = pytest.mark.unit


class Rig:
    """A world that does what it is asked, and a `safety` that a test speaks for."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        self.said = SimpleNamespace(
            contactor=Contactor.OPEN, state=PilotState.A, vehicle_connected=False, coil_off_s=0.0
        )
        self.world = self
        self.answers: dict[str, dict[str, Any]] = {"state": {"connectors": {"1": {"contactor_opened_s": 100.06}}}}
        self.edge: dict[str, Any] = {"pilot_sent_s": {"1": 100.0}}

    def ask(self, operation: str, **fields: Any) -> dict[str, Any]:
        self.asked.append((operation, fields))
        return self.answers.get(operation, self.edge)

    def connector(self, _number: int) -> Any:
        return self.said

    def turn(self, _wait_s: float) -> None:
        """Nothing arrives."""


def script_of(rig: Rig, kinds: list[str], done: list[Stop | None]) -> Any:
    return cycle(rig, 1, iter(kinds), random.Random(1), done.append)  # type: ignore[arg-type]


def charge(rig: Rig, script: Any) -> None:
    """Plays until the car charges and the stop is due."""
    next(script)
    charging: Wait = next(script)
    assert not charging.happened()
    rig.said.contactor, rig.said.vehicle_connected = Contactor.CLOSED, True
    assert charging.happened()
    next(script)


@pytest.mark.parametrize(
    ("kind", "operation"),
    [("unplug", "plug_out"), ("s2", "ev_pause"), ("diode", "fault"), ("pilot_short", "fault"), ("state_d", "fault")],
)
def test_a_stop_is_measured_from_the_worlds_edge_to_the_coil_command(kind: str, operation: str) -> None:
    rig, done = Rig(), []  # type: ignore[var-annotated]
    script = script_of(rig, [kind], done)
    charge(rig, script)
    opens: Wait = next(script)
    assert rig.asked[-1][0] == operation
    rig.said.contactor = Contactor.OPEN
    assert not opens.happened(), "the coil command of the stop before must not count"
    rig.said.coil_off_s = 100.03
    assert opens.happened()
    next(script)
    assert done == [Stop(kind, 100.0, 100.03, 100.06)]


def test_a_fault_is_cleared_and_the_car_leaves_before_the_next_round() -> None:
    rig, done = Rig(), []  # type: ignore[var-annotated]
    script = script_of(rig, ["diode", "unplug"], done)
    charge(rig, script)
    next(script)
    rig.said.coil_off_s, rig.said.contactor = 100.13, Contactor.OPEN
    leaves: Wait = next(script)
    assert ("fault", {"name": "diode", "connector": 1, "on": False}) in rig.asked
    assert rig.asked[-1][0] == "plug_out"
    assert not leaves.happened()
    rig.said.vehicle_connected = False
    assert leaves.happened()


def test_a_stop_that_nobody_asked_for_is_counted_and_not_measured() -> None:
    rig, done = Rig(), []  # type: ignore[var-annotated]
    script = script_of(rig, ["s2"], done)
    charge(rig, script)
    rig.said.contactor = Contactor.OPEN
    next(script)
    assert done == [None]
    assert "ev_pause" not in [operation for operation, _ in rig.asked]


def test_a_contactor_that_is_taken_for_broken_is_one_that_nobody_asked_for() -> None:
    rig, done = Rig(), []  # type: ignore[var-annotated]
    script = script_of(rig, ["s2"], done)
    next(script)
    charging: Wait = next(script)
    rig.said.state = PilotState.LATCHED
    assert charging.happened()
    next(script)
    next(script)
    assert done == [None]


def test_a_stop_without_an_edge_on_the_pilot_ends_the_bench() -> None:
    rig = Rig()
    rig.edge = {}
    script = script_of(rig, ["s2"], [])
    charge(rig, script)
    with pytest.raises(BenchError, match="changed nothing on the pilot"):
        next(script)


def test_a_connector_that_never_charges_ends_the_bench_with_what_safety_says() -> None:
    rig = Rig()

    def script() -> Any:
        yield Wait(lambda: False, "1 charges", -1.0)

    with pytest.raises(BenchError, match=r"1 charges; safety says .*vehicle_connected=False"):
        Cast(rig, [script()]).turn()  # type: ignore[arg-type]


def test_the_filter_of_the_state_table_is_taken_off() -> None:
    assert Stop("s2", 10.0, 10.0 + OPEN_FILTER_S + 0.004, 10.1).reaction_s == pytest.approx(0.004)
    assert Stop("diode", 10.0, 10.0 + DIODE_S + 0.004, 10.2).reaction_s == pytest.approx(0.004)
    assert Stop("state_d", 10.005, 10.005 + CONFIRM_C_S + 0.015 + 0.004, 10.2).reaction_s == pytest.approx(0.004)


def run_of(reactions_ms: list[float], stalls_s: list[float]) -> Run:
    stops = [Stop("s2", 10.0, 10.0 + FILTER_S["s2"] + each / 1000.0, 10.1) for each in reactions_ms]
    return Run(stops=stops, bare_p99_s=0.0001, stalls_s=dict.fromkeys(STALLS, stalls_s))


def test_two_slow_stops_in_a_hundred_miss_the_promise_and_one_does_not() -> None:
    good = figures_of([run_of([1.0] * 99 + [11.0], [0.16])], [], "")[0]
    assert (good.value, good.passed, good.baseline) == (pytest.approx(1.0), True, pytest.approx(0.1))
    assert figures_of([run_of([1.0] * 98 + [11.0] * 2, [0.16])], [], "")[0].passed is False


def test_without_realtime_the_promise_is_null_and_the_ordinary_run_is_reported() -> None:
    figures = figures_of([], [run_of([20.0] * 10, [0.16])], "SCHED_FIFO is not permitted")
    assert (figures[0].value, figures[0].passed, figures[0].reason) == (None, None, "SCHED_FIFO is not permitted")
    ordinary = next(figure for figure in figures if figure.name.endswith("p99, ordinary priority"))
    assert (ordinary.value, ordinary.limit) == (pytest.approx(20.0), None)


@pytest.mark.parametrize(
    ("stalls_s", "passed"), [([0.15, 0.2], True), ([0.15, 0.201], False), ([0.15, math.inf], False)]
)
def test_after_a_stall_every_contactor_opens_within_200_ms_of_the_last_feed(
    stalls_s: list[float], passed: bool
) -> None:
    figures = figures_of([run_of([1.0], stalls_s)], [run_of([1.0], [0.15])], "")
    stalls = [figure for figure in figures if "last feed to open contacts" in figure.name]
    assert [figure.passed for figure in stalls] == [passed] * 3


def test_a_stall_in_which_no_car_charged_measures_nothing() -> None:
    figures = figures_of([run_of([1.0], [])], [run_of([1.0], [0.15])], "")
    stall = next(figure for figure in figures if figure.name.startswith("SIGKILL"))
    assert (stall.value, stall.runs, stall.passed) == (pytest.approx(150.0), (pytest.approx(150.0),), True)
    nothing = next(f for f in figures_of([run_of([1.0], [])], [], "") if f.name.startswith("SIGKILL"))
    assert (nothing.value, nothing.passed) == (None, None)


def test_stops_that_nobody_asked_for_are_reported() -> None:
    run = run_of([1.0], [0.15])
    run.take(None)
    figures = {figure.name: figure for figure in figures_of([run], [], "")}
    assert figures["SCHED_FIFO: stops that nobody asked for"].value == 1.0


@pytest.mark.parametrize("realtime", [True, False])
def test_the_station_of_the_bench_has_sixteen_connectors_with_and_without_socket(realtime: bool) -> None:
    station = parse_station(station_file(realtime))
    assert list(station.connectors) == list(CONNECTORS)
    assert len(CONNECTORS) == 16
    assert station.station.realtime is realtime
    assert {each.cable for each in station.connectors.values()} == {"socket", "fixed"}
    equipment = [equipment_of(number, each, station.equipment) for number, each in station.connectors.items()]
    assert all(each.residual_sensor and each.output_sense and each.phase_switching and each.fan for each in equipment)
    assert {"rcd", "protective_earth", "overcurrent", "emergency_stop"} <= equipment[-1].inputs
    assert {"housing", "relay", "plug_1"} <= equipment[-1].temperatures


def test_every_key_of_the_bench_is_one_that_safety_obeys_and_switches_something_on() -> None:
    assert KEYS.keys() <= FIELDS.keys()
    told = parsed(KEYS)
    assert all(getattr(told, FIELDS[name][0]) != getattr(NO_SETTINGS, FIELDS[name][0]) for name in KEYS)


def test_a_row_of_the_fault_table_and_its_filter_time_stand_beside_each_figure() -> None:
    names = [figure.name for figure in figures_of([run_of([1.0], [0.15])], [], "")]
    assert "SCHED_FIFO: F1 s2 (filter 20 ms), p99" in names


def test_the_histogram_has_a_line_for_every_bucket_between_the_first_and_the_last() -> None:
    assert histogram([]) == []
    lines = histogram([0.9, 0.9, 0.3, 2.5])
    assert [line[:16].strip() for line in lines] == [
        "0.25 to 0.5 ms", "0.5 to 1 ms", "1 to 1.5 ms", "1.5 to 2 ms", "2 to 3 ms",
    ]  # fmt: skip
    assert [int(line.split("ms")[1].split()[0]) for line in lines] == [1, 2, 0, 0, 1]
    assert lines[1].count("#") == 50
    assert histogram([1000.0])[0].startswith("    above 100 ms      1")


def test_the_histogram_is_kept_by_class_and_kind() -> None:
    text = kept([run_of([1.0, 1.2], [0.15])], [run_of([20.0], [0.15])])
    assert "SCHED_FIFO, F1 s2 (filter 20 ms): 2 stops, p50 1.00 ms, p99 1.20 ms" in text
    assert "ordinary priority, F1 s2 (filter 20 ms): 1 stops" in text
