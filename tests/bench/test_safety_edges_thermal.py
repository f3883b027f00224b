"""Bounds of the rules of temperature: what holds just before a bound, and just after it."""

import math
from collections.abc import Mapping

import pytest

from hardware.interfaces import PilotMode, Speed, Temperature
from services.safety.settings import SafetySettings
from services.safety.state import ActiveFault, ConnectorState, Equipment, Moment, Readings
from services.safety.thermal import climate, derating, reports, temperatures
from tests.safety_rig import RATED_32_A, SOCKET

pytestmark = pytest.mark.bench


def connector(equipment: Equipment = SOCKET, keys: SafetySettings = RATED_32_A, at_s: float = 1000.0) -> ConnectorState:
    """In state A for long, nothing plugged in."""
    state = ConnectorState(equipment, at_s, settings=keys)
    state.pilot_sight.confirmed = state.pilot_sight.letter = "A"
    state.pilot_sight.stamp_s = at_s
    return state


def fan_bench(equipment: Equipment = SOCKET, mode: str = climate.FAN_BY_TEMPERATURE) -> ConnectorState:
    """The fan or heater was switched on at 1000 s."""
    mounted = equipment._replace(temperatures=frozenset({"housing"}), fan=True)
    state = connector(mounted, RATED_32_A._replace(climate_mode=mode))
    state.thermal.climate, state.thermal.climate_since_s = True, 1000.0
    return state


@pytest.mark.parametrize("speed", [None, Speed(0.0, 1004.0), Speed(0.9, 1004.0), Speed(900.0, 1010.0)])
def test_a_driven_fan_that_is_not_seen_turning_is_stuck_after_5_s(speed: Speed | None) -> None:
    state = fan_bench()
    for now_s, stuck in ((1004.9, False), (1005.1, True)):
        climate.observe_fan(state, Moment(now_s, Readings(fan=speed)))
        assert state.thermal.fan_stuck is stuck


def test_a_fan_at_1_5_turns_a_minute_turns_and_asks_to_be_looked_at_when_its_sample_is_stale() -> None:
    state, moment = fan_bench(), Moment(1006.0, Readings(fan=Speed(1.5, 1006.0)))
    climate.observe_fan(state, moment)
    assert (state.thermal.fan_stuck, state.thermal.fan_turned_s) == (False, 1006.0)
    assert moment.deadline_s == pytest.approx(1011.0, abs=1e-3)


@pytest.mark.parametrize("mode", [climate.HEATER_BY_TEMPERATURE, "Off"])
def test_a_fan_that_nothing_drives_for_good_is_not_stuck(mode: str) -> None:
    state = fan_bench(mode=mode)
    state.thermal.fan_stuck = True
    climate.observe_fan(state, Moment(1100.0, Readings()))
    assert not state.thermal.fan_stuck


def test_where_no_fan_is_mounted_none_is_stuck() -> None:
    state = fan_bench()
    state.equipment = state.equipment._replace(fan=False)
    state.thermal.fan_stuck = True
    climate.observe_fan(state, Moment(1100.0, Readings()))
    assert not state.thermal.fan_stuck


def test_a_fan_that_was_switched_off_may_rest() -> None:
    state = fan_bench()
    state.thermal.climate = False
    climate.observe_fan(state, Moment(1100.0, Readings(fan=Speed(0.0, 1100.0))))
    assert not state.thermal.fan_stuck


def test_a_stuck_fan_stays_so_when_it_is_driven_anew() -> None:
    state = fan_bench()
    state.thermal.fan_stuck, state.thermal.climate_since_s = True, 1099.0
    climate.observe_fan(state, Moment(1100.0, Readings(fan=Speed(0.0, 1100.0))))
    assert state.thermal.fan_stuck


@pytest.mark.parametrize(
    ("flags", "active", "limit_a"),
    [
        ({}, "", math.inf),
        ({"reduced": True}, "", 10.0),
        ({}, "temperature_derated", 10.0),
        ({"sensor_lost": True}, "", 6.0),
        ({}, "temperature_sensor_lost", 6.0),
        ({"sensor_lost": True, "reduced": True}, "", 6.0),
    ],
)
def test_the_current_is_bounded_while_the_cause_or_its_fault_is_there(
    flags: dict[str, bool], active: str, limit_a: float
) -> None:
    state = connector(keys=RATED_32_A._replace(reduced_current_a=10.0))
    for name, value in flags.items():
        setattr(state.thermal, name, value)
    if active:
        state.faults.active[active] = ActiveFault(since_s=1000.0)
    amperes, words = derating.limit(state)
    assert (amperes, bool(words)) == (limit_a, limit_a < math.inf)


PLUG = SOCKET._replace(temperatures=frozenset({"plug_1", "plug_2"}))
ONE_PIN = SOCKET._replace(temperatures=frozenset({"plug_1"}))


@pytest.mark.parametrize(
    ("equipment", "celsius", "was", "over"),
    [
        (PLUG, {}, True, True),
        (PLUG, {}, False, False),
        (PLUG, {"plug_1": 75.0, "plug_2": 60.0}, True, False),
        (PLUG, {"plug_1": 75.1, "plug_2": 70.0}, True, True),
        (PLUG, {"plug_1": 75.1, "plug_2": 70.0}, False, False),
        (PLUG, {"plug_1": 60.0, "plug_2": 44.9}, True, True),
        (PLUG, {"plug_1": 60.0, "plug_2": 44.9}, False, False),
        (PLUG, {"plug_1": 40.0}, True, True),
        (PLUG, {"plug_1": 40.0}, False, False),
        (PLUG, {"plug_2": 85.1}, False, True),
        (PLUG, {"plug_1": 60.0, "plug_2": 34.9}, False, True),
        (PLUG, {"plug_1": 60.0, "plug_2": 35.1}, False, False),
        (ONE_PIN, {"plug_1": 40.0}, True, False),
        (ONE_PIN, {"plug_1": 85.1}, False, True),
    ],
)
def test_pins_stop_above_85_degrees_or_25_k_apart_and_are_good_at_75_degrees_and_15_k(
    equipment: Equipment, celsius: Mapping[str, float], was: bool, over: bool
) -> None:
    state = connector(equipment)
    state.thermal.plug_over, state.thermal.celsius = was, celsius
    derating.judge(state)
    assert state.thermal.plug_over is over


@pytest.mark.parametrize(
    ("celsius", "was", "over"),
    [(94.9, False, False), (95.0, False, True), (85.1, True, True), (85.0, True, False), (None, True, True)],
)
def test_the_contactor_stops_at_95_degrees_and_is_good_at_85(celsius: float | None, was: bool, over: bool) -> None:
    state = connector()
    state.thermal.relay_over, state.thermal.celsius = was, {} if celsius is None else {"relay": celsius}
    derating.judge(state)
    assert state.thermal.relay_over is over


@pytest.mark.parametrize(
    ("celsius", "counts"),
    [(-60.1, False), (-59.9, True), (149.9, True), (150.1, False), (math.nan, False), (-math.inf, False)],
)
def test_a_sensor_counts_from_minus_60_to_150_degrees(celsius: float, counts: bool) -> None:
    assert temperatures.usable(Temperature(celsius, 1000.0), Moment(1000.0, Readings())) == (
        celsius if counts else None
    )


def test_no_sample_is_none() -> None:
    assert temperatures.usable(None, Moment(1000.0, Readings())) is None


@pytest.mark.parametrize(("age_s", "counts"), [(0.0, True), (4.9, True), (5.1, False), (-0.04, True), (-0.06, False)])
def test_a_sample_of_a_temperature_counts_for_5_s(age_s: float, counts: bool) -> None:
    sample = Temperature(30.0, 1000.0 - age_s)
    assert temperatures.usable(sample, Moment(1000.0, Readings())) == (30.0 if counts else None)


def observed(state: ConnectorState, now_s: float, age_s: float = 0.0, **celsius: float) -> ConnectorState:
    shown = {name: Temperature(value, now_s - age_s) for name, value in celsius.items()}
    temperatures.observe(state, Moment(now_s, Readings(temperatures=shown)))
    return state


@pytest.mark.parametrize(
    ("mounted", "shown", "blind"),
    [
        ({"rfid"}, {}, False),
        ({"relay"}, {"relay": 30.0}, False),
        ({"relay"}, {}, True),
        ({"relay", "plug_1"}, {"relay": 30.0}, False),
        ({"housing", "relay"}, {"relay": 30.0}, True),
        ({"housing", "relay"}, {"housing": 30.0}, False),
        ({"cpu"}, {"cpu": 30.0}, False),
        ({"cpu", "rfid"}, {"rfid": 30.0}, True),
    ],
)
def test_what_guards_the_housing_must_be_read_before_anything_is_offered(
    mounted: set[str], shown: Mapping[str, float], blind: bool
) -> None:
    state = observed(connector(SOCKET._replace(temperatures=frozenset(mounted))), 1001.0, **shown)
    assert state.thermal.blind is blind


def test_a_housing_that_was_unknown_stays_so_while_the_fault_of_its_sensor_lasts() -> None:
    state = connector(SOCKET._replace(temperatures=frozenset({"housing"})))
    observed(state, 1001.0)
    state.faults.active["temperature_sensor_lost"] = ActiveFault(since_s=1001.0)
    assert observed(state, 1002.0, housing=30.0).thermal.blind
    state.faults.active.clear()
    assert not observed(state, 1003.0, housing=30.0).thermal.blind
    state.faults.active["temperature_sensor_lost"] = ActiveFault(since_s=1004.0)
    assert not observed(state, 1004.0, housing=30.0).thermal.blind, "it is known all the time"


def test_a_sensor_is_lost_10_s_after_the_start_and_2_s_after_the_board_is_back() -> None:
    housing = SOCKET._replace(temperatures=frozenset({"housing"}))
    for now_s, lost in ((1009.9, False), (1010.1, True)):
        assert observed(connector(housing), now_s).thermal.sensor_lost is lost
    for now_s, lost in ((1101.9, False), (1102.1, True)):
        state = connector(housing)
        state.pilot_sight.run_start_s = 1100.0
        assert observed(state, now_s, 60.0, housing=30.0).thermal.sensor_lost is lost


def test_a_sensor_that_was_lost_stays_so_when_the_whole_board_goes_away_until_it_is_read() -> None:
    state = observed(connector(SOCKET._replace(temperatures=frozenset({"housing"}))), 1020.0)
    assert state.thermal.sensor_lost
    state.pilot_sight.letter = ""
    assert observed(state, 1021.0).thermal.sensor_lost
    assert not observed(state, 1022.0, housing=30.0).thermal.sensor_lost
    assert not observed(state, 1050.0).thermal.sensor_lost, "the whole board is away"


def test_a_sensor_that_shows_nonsense_is_lost_at_once_whatever_the_pilot_says() -> None:
    state = connector(SOCKET._replace(temperatures=frozenset({"housing"})))
    state.pilot_sight.letter = ""
    assert observed(state, 1001.0, housing=999.0).thermal.sensor_lost


def reporting(delta_k: float = 5.0, number: int = 1) -> ConnectorState:
    equipment = SOCKET._replace(temperatures=frozenset({"cpu", "rfid"}), connector=number)
    return connector(equipment, RATED_32_A._replace(report_delta_c=delta_k))


def reported(state: ConnectorState, now_s: float, **celsius: float) -> list[tuple[str, ...]]:
    moment = Moment(now_s, Readings())
    state.thermal.celsius = celsius
    reports.follow(state, moment)
    return [tuple(word for _, word in wish.words) for wish in moment.notices]


def test_the_first_connector_reports_a_delta_of_half_a_kelvin_no_sooner_than_after_10_s() -> None:
    state = reporting(0.5)
    assert reported(state, 1000.0) == [], "nothing was read yet"
    assert reported(state, 1001.0, cpu=40.0, rfid=30.0) == [("+40.0 C", "+30.0 C")]
    assert reported(state, 1010.9, cpu=41.0, rfid=30.0) == []
    assert reported(state, 1011.1, cpu=41.0, rfid=30.0) == [("+41.0 C", "+30.0 C")]
    assert reported(state, 1030.0, cpu=41.4, rfid=29.6) == []
    assert reported(state, 1031.0, cpu=41.4, rfid=29.5) == [("+41.4 C", "+29.5 C")]
    assert reported(state, 1050.0) == [("?", "?")], "both are lost"
    assert reported(state, 1070.0) == []
    assert reported(state, 1080.0, rfid=29.5) == [("?", "+29.5 C")]
    assert reported(state, 1100.0, rfid=29.5) == []


@pytest.mark.parametrize(("delta_k", "number"), [(0.0, 1), (5.0, 0), (5.0, 2)])
def test_without_a_delta_or_elsewhere_nothing_is_reported(delta_k: float, number: int) -> None:
    assert reported(reporting(delta_k, number), 1001.0, cpu=40.0) == []


def derated(mode: PilotMode = PilotMode.PWM, permitted_a: float = 32.0) -> ConnectorState:
    equipment = SOCKET._replace(temperatures=frozenset({"housing"}))
    state = connector(equipment, RATED_32_A._replace(reduced_current_a=10.0))
    state.vehicle_connected, state.thermal.reduced, state.pilot_sight.confirmed = True, True, "C"
    state.pilot.mode, state.pilot.permitted_a = mode, permitted_a
    return state


@pytest.mark.parametrize(
    ("mode", "permitted_a", "told"),
    [
        (PilotMode.PWM, 32.0, "reduced"),
        (PilotMode.PWM, 10.1, "reduced"),
        (PilotMode.PWM, 9.9, ""),
        (PilotMode.X1, 32.0, ""),
    ],
)
def test_derating_is_told_where_it_reaches_the_current_that_is_offered(
    mode: PilotMode, permitted_a: float, told: str
) -> None:
    state = derated(mode, permitted_a)
    reports.follow(state, Moment(1100.0, Readings()))
    assert state.thermal.told == told
    state.thermal.told = "paused"
    reports.follow(state, Moment(1101.0, Readings()))
    assert state.thermal.told == (told or "paused"), "out of reach, what was told last stays"


@pytest.mark.parametrize("code", ["temperature_high", "temperature_limit"])
def test_a_pause_by_temperature_is_told_and_forgotten_with_the_vehicle(code: str) -> None:
    state = derated()
    state.faults.active[code] = ActiveFault(since_s=1100.0)
    moment = Moment(1100.0, Readings())
    reports.follow(state, moment)
    reports.follow(state, moment)
    assert [wish.code for wish in moment.notices] == ["paused_by_temperature"]
    state.vehicle_connected = False
    reports.follow(state, moment)
    assert (state.thermal.told, len(moment.notices)) == ("", 1)
