"""Temperatures at the core: which readings count, derating, stopping, fan, heater and reports (F60 to F64)."""

import math
from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.interfaces import PilotMode, Temperature
from schemas.faults import FAULTS
from schemas.safety import PilotState
from services.safety.settings import SafetySettings
from services.safety.state import Equipment, Moment, Readings
from services.safety.thermal import climate, derating, temperatures
from tests.safety_rig import RATED_32_A, SOCKET, Rig, replay

pytestmark = pytest.mark.bench

HOUSING = SOCKET._replace(temperatures=frozenset({"housing", "cpu", "rfid"}))
BOARD_ONLY = SOCKET._replace(temperatures=frozenset({"cpu", "rfid"}))
PINS = SOCKET._replace(temperatures=frozenset({"housing", "plug_1", "plug_2"}))
COOL = {"housing": 30.0, "cpu": 45.0, "rfid": 28.0}
GUIDE = RATED_32_A._replace(reduce_above_c=65.0, stop_above_c=75.0, reduced_current_a=10.0)


def bench(equipment: Equipment = HOUSING, celsius: Mapping[str, float] = COOL, keys: SafetySettings = GUIDE) -> Rig:
    rig = Rig(equipment=equipment, settings=keys)
    rig.world.celsius = celsius
    return rig


def charging(equipment: Equipment = HOUSING, celsius: Mapping[str, float] = COOL, keys: SafetySettings = GUIDE) -> Rig:
    rig = bench(equipment, celsius, keys)
    rig.charge()
    rig.run(5.0)
    assert rig.coil
    return rig


def warm(rig: Rig, **celsius: float) -> None:
    """Sensors show this from now on, and are read at once."""
    rig.world.celsius = {**rig.world.celsius, **celsius}
    rig.sample()
    rig.step()


def told(rig: Rig) -> list[tuple[str, ...]]:
    return [(wish.code, *(word for _, word in wish.words)) for _, wish in rig.notices]


def once(rig: Rig, code: str, *, cleared: bool = True) -> None:
    assert rig.count("fault_raised", code) == 1
    assert rig.count("fault_cleared", code) == int(cleared)


# derating


def test_f60_at_66_degrees_the_current_is_reduced_and_restored_at_62() -> None:
    rig = charging()
    warm(rig, housing=64.9)
    assert rig.shown.offered_a == pytest.approx(31.98)
    warm(rig, housing=66.0)
    assert (rig.shown.offered_a, rig.shown.limit_a, rig.coil) == (pytest.approx(9.96), 10.0, True)
    assert rig.shown.limit_words == "the housing is hot"
    assert rig.shown.faults == ("temperature_derated",)
    rig.run(20.0)
    warm(rig, housing=62.1)
    rig.run(20.0)
    assert rig.shown.offered_a < 10.0
    warm(rig, housing=62.0)
    rig.until(lambda: rig.shown.offered_a > 31.0, 2.0)
    once(rig, "temperature_derated")
    assert FAULTS["temperature_derated"].error_code == "HighTemperature"
    replay(rig)


@pytest.mark.parametrize(
    ("percent", "permitted_a", "offered_a"),
    [
        (50.0, 32.0, 16.0),
        (50.0, 20.0, 10.0),
        (50.0, 8.0, 6.0),
        (1.0, 32.0, 6.0),
        (100.0, 32.0, 32.0),
        (0.0, 32.0, 10.0),
    ],
)
def test_percent_is_of_the_current_that_would_be_signalled_and_never_less_than_6_a(
    percent: float, permitted_a: float, offered_a: float
) -> None:
    rig = charging(keys=GUIDE._replace(reduced_percent=percent))
    rig.allow(limit_a=permitted_a)
    warm(rig, housing=70.0)
    rig.run(12.0)
    assert rig.shown.offered_a == pytest.approx(offered_a, abs=0.07)


def test_percent_follows_a_permission_that_changes_meanwhile() -> None:
    rig = charging(keys=GUIDE._replace(reduced_percent=50.0))
    warm(rig, housing=70.0)
    rig.allow(limit_a=16.0)
    assert rig.shown.offered_a == pytest.approx(7.98)
    rig.allow(limit_a=32.0)
    rig.run(6.0)
    assert rig.shown.offered_a == pytest.approx(15.96)


def test_a_current_below_the_reduced_one_is_left_alone() -> None:
    rig = charging(keys=GUIDE._replace(reduced_current_a=16.0))
    rig.allow(limit_a=8.0)
    warm(rig, housing=70.0)
    assert rig.shown.offered_a == pytest.approx(7.98)
    assert rig.shown.limit_words == ""


def test_the_board_and_its_delta_stand_for_a_housing_sensor_that_is_not_mounted() -> None:
    keys = GUIDE._replace(ambient_delta_c=-10.0)
    rig = charging(BOARD_ONLY, {"cpu": 74.9, "rfid": 90.0}, keys)
    assert rig.shown.offered_a > 31.0
    warm(rig, cpu=75.0)
    assert rig.shown.offered_a < 10.0
    assert charging(HOUSING, {"housing": 30.0, "cpu": 84.0, "rfid": 90.0}, keys).shown.faults == ()


@settings(max_examples=60)
@given(warmer=st.floats(-60.0, 150.0), cooler=st.floats(-60.0, 150.0), percent=st.sampled_from([0.0, 1.0, 40.0, 100.0]))
def test_a_higher_temperature_never_gives_more_current(warmer: float, cooler: float, percent: float) -> None:
    rig = bench(keys=GUIDE._replace(reduced_percent=percent))
    rig.state.pilot.permitted_a = 32.0

    def allowed_a(celsius: float) -> float:
        state = rig.state.copy()
        now_s = rig.now_s
        read = Readings(temperatures={name: Temperature(celsius, now_s) for name in HOUSING.temperatures})
        temperatures.observe(state, Moment(now_s, read))
        return 0.0 if state.thermal.hot or state.thermal.over else min(32.0, derating.limit(state)[0])

    assert allowed_a(max(warmer, cooler)) <= allowed_a(min(warmer, cooler))


@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(60.0, 66.5), min_size=3, max_size=12))
def test_a_temperature_that_trembles_within_3_k_changes_the_current_once(trembling: list[float]) -> None:
    rig = charging()
    warm(rig, housing=66.0)
    offers = set()
    for celsius in trembling:
        warm(rig, housing=max(62.01, celsius))
        rig.run(0.6)
        offers.add(rig.shown.offered_a)
    assert len(offers) == 1
    once(rig, "temperature_derated", cleared=False)


# stopping


def test_threshold_2_pauses_gracefully_and_the_contactor_waits_for_the_vehicle() -> None:
    rig = charging()
    warm(rig, housing=75.0)
    assert (rig.outputs.mode, rig.coil) == (PilotMode.X1, True)
    assert rig.shown.reason == "Housing temperature too high - charging paused"
    assert FAULTS["temperature_high"].error_code == "HighTemperature"
    waited_s = rig.until(lambda: not rig.coil, 6.1)
    assert waited_s == pytest.approx(6.0, abs=0.02)
    warm(rig, housing=68.1)
    rig.run(60.0)
    assert rig.outputs.mode is PilotMode.X1
    warm(rig, housing=68.0)
    rig.until(lambda: rig.coil, 40.0)
    assert rig.shown.offered_a == pytest.approx(9.96), "still above threshold 1"
    once(rig, "temperature_high")
    assert rig.count("fault_raised", "temperature_limit") == 0


def test_f61_a_step_to_the_safety_limit_opens_in_the_same_step() -> None:
    rig = charging(keys=GUIDE._replace(reduce_above_c=60.0, stop_above_c=65.0))
    warm(rig, housing=71.0)
    assert not rig.coil
    assert "temperature_limit" in rig.shown.faults
    assert rig.shown.reason == "Temperature reaches safety limit - emergency stop"
    assert (FAULTS["temperature_limit"].error_code, rig.name) == ("HighTemperature", PilotState.FAULT)
    warm(rig, housing=50.0)
    rig.until(lambda: rig.coil, 45.0)
    for code in ("temperature_limit", "temperature_high", "temperature_derated"):
        once(rig, code)
    replay(rig)


@pytest.mark.parametrize(
    ("threshold_c", "limit_c"), [(35.0, 41.0), (65.0, 71.0), (79.0, 85.0), (80.0, 85.0), (90.0, 85.0)]
)
def test_the_safety_limit_is_6_k_above_threshold_2_and_never_above_what_the_parts_stand(
    threshold_c: float, limit_c: float
) -> None:
    assert derating.safety_limit_c(threshold_c) == limit_c
    keys = GUIDE._replace(reduce_above_c=20.0, stop_above_c=threshold_c)
    rig = charging(celsius={**COOL, "housing": 19.0}, keys=keys)
    warm(rig, housing=limit_c - 0.1)
    assert rig.coil
    warm(rig, housing=limit_c)
    assert not rig.coil


def test_a_relay_that_is_too_hot_stops_at_once() -> None:
    rig = charging(SOCKET._replace(temperatures=frozenset({"housing", "relay"})), {"housing": 30.0, "relay": 94.9})
    warm(rig, relay=95.0)
    assert not rig.coil
    warm(rig, relay=85.1)
    rig.run(60.0)
    assert rig.shown.faults == ("temperature_limit",)
    warm(rig, relay=85.0)
    rig.until(lambda: rig.coil, 40.0)
    once(rig, "temperature_limit")


def test_what_the_housing_has_stopped_the_board_does_not_release() -> None:
    """The sensor that has seen the heat breaks; the one of the board stands in for it, and is cool."""
    rig = charging(SOCKET._replace(temperatures=frozenset({"housing", "cpu"})), {"housing": 30.0, "cpu": 30.0})
    warm(rig, housing=84.0)
    rig.run(8.0)
    warm(rig, housing=-2560.0, cpu=40.0)
    rig.run(200.0)
    assert not rig.coil
    assert {"temperature_limit", "temperature_high", "temperature_sensor_lost"} <= set(rig.shown.faults)
    warm(rig, housing=45.0)
    rig.until(lambda: rig.coil, 45.0)


@pytest.mark.parametrize(
    ("one_c", "other_c", "stops"),
    [
        (90.0, 40.0, True),
        (40.0, 90.0, True),
        (65.1, 40.0, True),
        (65.0, 40.0, False),
        (85.1, 84.0, True),
        (85.0, 84.0, False),
    ],
)
def test_f63_a_plug_pin_that_is_hot_or_much_hotter_than_the_other_stops(
    one_c: float, other_c: float, stops: bool
) -> None:
    rig = charging(PINS, {"housing": 30.0, "plug_1": 35.0, "plug_2": 36.0})
    warm(rig, plug_1=one_c, plug_2=other_c)
    assert rig.coil is not stops
    assert ("plug_overheated" in rig.shown.faults) is stops
    assert FAULTS["plug_overheated"].error_code == "HighTemperature"


def test_a_hot_plug_stays_stopped_until_both_pins_have_cooled_down_alike() -> None:
    rig = charging(PINS, {"housing": 30.0, "plug_1": 90.0, "plug_2": 40.0} | {"plug_1": 40.0})
    warm(rig, plug_1=90.0)
    warm(rig, plug_1=60.0)
    rig.run(60.0)
    assert "plug_overheated" in rig.shown.faults, "20 K apart"
    warm(rig, plug_1=math.nan)
    rig.run(60.0)
    assert "plug_overheated" in rig.shown.faults, "one pin alone proves nothing"
    warm(rig, plug_1=55.0)
    rig.until(lambda: rig.coil, 45.0)
    once(rig, "plug_overheated")


# sensors that fail


@pytest.mark.parametrize("shown", [math.nan, math.inf, -2560.0, -60.1, 150.1, 1e9])
def test_f62_a_sensor_that_shows_nonsense_is_lost_and_the_smallest_current_remains(shown: float) -> None:
    rig = charging()
    warm(rig, housing=shown)
    rig.until(lambda: "temperature_sensor_lost" in rig.shown.faults, 1.0)
    assert (rig.shown.offered_a, rig.coil) == (6.0, True)
    assert rig.shown.limit_words == "a temperature sensor has failed"
    warm(rig, housing=30.0)
    back_s = rig.until(lambda: not rig.shown.faults, 11.0)
    assert back_s == pytest.approx(10.0, abs=0.03)
    rig.until(lambda: rig.shown.offered_a > 31.0, 6.0)
    once(rig, "temperature_sensor_lost")
    assert FAULTS["temperature_sensor_lost"].error_code == "OtherError"


def test_the_board_guards_a_housing_whose_own_sensor_is_lost() -> None:
    rig = charging()
    warm(rig, housing=math.nan, cpu=81.0)
    assert not rig.coil


@pytest.mark.parametrize("celsius", [{"cpu": math.nan}, {}], ids=["nonsense", "gone"])
def test_without_its_only_sensor_a_connector_pauses(celsius: Mapping[str, float]) -> None:
    rig = charging(BOARD_ONLY, {"cpu": 40.0, "rfid": 30.0})
    rig.world.celsius = {"rfid": 30.0, **celsius}
    rig.until(lambda: rig.outputs.mode is PilotMode.X1, 5.1)
    assert rig.shown.reason == "paused: no sensor tells the housing's temperature"
    rig.until(lambda: not rig.coil, 6.1)
    assert rig.shown.faults == ("temperature_sensor_lost",)
    warm(rig, cpu=40.0)
    waited_s = rig.until(lambda: rig.outputs.mode is PilotMode.PWM, 11.0)
    assert waited_s == pytest.approx(10.0, abs=0.03)


def test_samples_that_stop_coming_are_lost_after_5_s() -> None:
    rig = charging()
    rig.sample()
    rig.world.sensors_alive = False
    waited_s = rig.until(lambda: "temperature_sensor_lost" in rig.shown.faults, 6.0)
    assert waited_s == pytest.approx(5.0, abs=0.03)
    assert rig.outputs.mode is PilotMode.X1


def test_a_board_that_was_away_has_no_lost_sensors() -> None:
    rig = charging()
    rig.world.pilot_alive = rig.world.sensors_alive = False
    rig.run(20.0)
    assert "pilot_unreadable" in rig.shown.faults
    rig.world.pilot_alive = True
    rig.run(1.0)
    rig.world.sensors_alive = True
    rig.until(lambda: rig.coil, 45.0)
    assert rig.count("fault_raised", "temperature_sensor_lost") == 0


def test_after_the_start_nothing_is_offered_before_the_sensor_has_answered_and_10_s_later_it_is_lost() -> None:
    rig = bench(celsius={})
    rig.allow()
    rig.plug()
    rig.run(9.9)
    assert rig.shown.reason == "waiting for the temperature sensor"
    assert rig.shown.faults == ()
    rig.run(0.2)
    assert rig.shown.faults == ("temperature_sensor_lost",)
    rig.run(100.0)
    assert rig.outputs.mode is PilotMode.X1


def test_the_card_readers_sensor_stops_nobody() -> None:
    rig = charging()
    warm(rig, rfid=math.nan)
    rig.run(10.0)
    warm(rig, rfid=120.0)
    rig.run(10.0)
    assert rig.shown.faults == ()
    assert rig.shown.offered_a > 31.0


def test_a_sample_from_the_future_counts_for_nothing() -> None:
    rig = bench()
    rig.run(1.0)
    rig.readings = rig.readings._replace(
        temperatures={name: Temperature(30.0, rig.now_s + 1.0) for name in HOUSING.temperatures}
    )
    rig.step()
    assert rig.state.thermal.housing_c is None


def test_what_was_hot_stays_hot_over_a_gap_of_the_loop() -> None:
    rig = charging()
    warm(rig, housing=66.0)
    warm(rig, housing=63.0)
    rig.now_s += 1.0
    rig.sample()
    rig.step()
    assert not rig.coil, "a gap is a restart"
    rig.until(lambda: rig.outputs.mode is PilotMode.PWM, 15.0)
    assert rig.shown.offered_a < 10.0


# reports


def test_derating_is_told_in_the_words_of_the_guide() -> None:
    rig = charging()
    warm(rig, housing=66.25)
    warm(rig, housing=76.0)
    rig.run(7.0)
    warm(rig, housing=67.0)
    rig.until(lambda: rig.coil, 40.0)
    warm(rig, housing=-3.0)
    rig.run(7.0)
    assert told(rig) == [
        ("reduced_by_temperature", "+66.2 C"),
        ("paused_by_temperature", "+76.0 C"),
        ("reduced_by_temperature", "+67.0 C"),
        ("nominal_after_temperature", "-3.0 C"),
    ]


def test_a_pause_by_the_contactors_temperature_tells_that_one() -> None:
    rig = charging(SOCKET._replace(temperatures=frozenset({"housing", "relay"})), {"housing": 26.0, "relay": 30.0})
    warm(rig, relay=96.0)
    rig.run(1.0)
    assert told(rig) == [("paused_by_temperature", "+96.0 C")]


def test_nothing_is_told_of_derating_that_touches_nobody() -> None:
    rig = bench()
    rig.allow(limit_a=8.0)
    rig.run(6.0)
    warm(rig, housing=76.0)
    rig.run(5.0)
    warm(rig, housing=66.0)
    rig.run(60.0)
    rig.plug()
    rig.until(lambda: rig.name is PilotState.B2, 40.0)
    rig.run(5.0)
    assert told(rig) == [], "8 A are within the reduced current"


def test_temperatures_are_reported_by_delta_and_at_most_every_10_s() -> None:
    rig = bench(keys=GUIDE._replace(report_delta_c=5.0))
    rig.run(1.0)
    assert told(rig) == [("temperatures", "+45.0 C", "+28.0 C")]
    warm(rig, cpu=49.9, rfid=23.1)
    rig.run(30.0)
    assert len(told(rig)) == 1
    warm(rig, cpu=50.0)
    assert told(rig)[1:] == [("temperatures", "+50.0 C", "+23.1 C")]
    warm(rig, cpu=60.0)
    warm(rig, cpu=math.nan)
    rig.run(9.9)
    assert len(told(rig)) == 2
    rig.run(0.2)
    assert told(rig)[2:] == [("temperatures", "?", "+23.1 C")]


@pytest.mark.parametrize("keys", [GUIDE, GUIDE._replace(report_delta_c=0.0)])
def test_a_delta_of_0_reports_nothing(keys: SafetySettings) -> None:
    rig = bench(keys=keys)
    rig.run(1.0)
    warm(rig, cpu=80.0)
    rig.run(20.0)
    assert told(rig) == []


def test_only_the_first_connector_reports_what_is_the_stations() -> None:
    rig = bench(HOUSING._replace(connector=2), keys=GUIDE._replace(report_delta_c=5.0))
    rig.run(1.0)
    assert told(rig) == []


# fan and heater

FAN = GUIDE._replace(climate_mode=climate.FAN_BY_TEMPERATURE, climate_threshold_c=45.0, climate_hysteresis_c=5.0)
HEATER = GUIDE._replace(climate_mode=climate.HEATER_BY_TEMPERATURE, climate_threshold_c=5.0, climate_hysteresis_c=5.0)


@pytest.mark.parametrize(
    ("keys", "celsius", "running", "expected"),
    [
        (FAN, 44.9, False, False),
        (FAN, 45.0, False, True),
        (FAN, 40.1, True, True),
        (FAN, 40.0, True, False),
        (FAN, None, False, True),
        (FAN._replace(climate_hysteresis_c=0.0), 45.0, True, True),
        (FAN._replace(climate_hysteresis_c=0.0), 44.9, True, False),
        (HEATER, 5.1, False, False),
        (HEATER, 5.0, False, True),
        (HEATER, 9.9, True, True),
        (HEATER, 10.0, True, False),
        (HEATER, None, True, False),
        (GUIDE, 90.0, True, False),
        (GUIDE._replace(climate_mode="of a newer version"), 90.0, True, False),
    ],
)
def test_fan_and_heater_run_by_temperature_with_hysteresis(
    keys: SafetySettings, celsius: float | None, running: bool, expected: bool
) -> None:
    for charges in (False, True):
        assert climate.runs(keys, celsius, running, charges) is expected


@pytest.mark.parametrize("charges", [False, True])
def test_a_fan_by_vehicle_state_runs_while_a_vehicle_charges(charges: bool) -> None:
    keys = GUIDE._replace(climate_mode=climate.FAN_BY_VEHICLE)
    assert climate.runs(keys, -20.0, not charges, charges) is charges


def test_the_output_of_the_station_is_on_while_one_of_its_connectors_wants_it() -> None:
    keys = GUIDE._replace(climate_mode=climate.FAN_BY_VEHICLE)
    busy, idle = charging(keys=keys), bench(keys=keys)
    idle.run(1.0)
    assert climate.wanted([idle.state, busy.state])
    assert not climate.wanted([idle.state, idle.state])
    busy.vehicle("B")
    busy.until(lambda: not busy.coil, 0.1)
    assert not climate.wanted([idle.state, busy.state])


@pytest.mark.parametrize(
    ("mode", "on", "expected"),
    [
        (climate.FAN_BY_TEMPERATURE, True, ("ventilation", (("state", "on"),))),
        (climate.FAN_BY_VEHICLE, False, ("ventilation", (("state", "off"),))),
        (climate.HEATER_BY_TEMPERATURE, True, ("heating", (("state", "on"),))),
        ("Off", False, None),
    ],
)
def test_a_change_of_fan_or_heater_is_told_by_its_name(
    mode: str, on: bool, expected: tuple[object, ...] | None
) -> None:
    wish = climate.announced(mode, on)
    assert (wish and (wish.code, wish.words)) == expected


def test_f64_a_fan_that_rests_for_5_s_while_it_is_driven_is_told_and_stops_nobody() -> None:
    rig = charging(HOUSING._replace(fan=True), keys=FAN)
    rig.run(60.0)
    assert rig.shown.faults == (), "nothing drives it"
    rig.world.rpm = 1200.0
    warm(rig, housing=50.0)
    rig.run(30.0)
    assert rig.shown.faults == ()
    rig.world.rpm = 0.0
    waited_s = rig.until(lambda: rig.shown.faults == ("fan_stuck",), 6.0)
    assert 4.9 < waited_s < 5.1
    assert (rig.coil, rig.shown.offered_a > 31.0) == (True, True)
    warm(rig, housing=30.0)
    rig.run(10.0)
    assert rig.shown.faults == ("fan_stuck",), "not seen turning yet"
    warm(rig, housing=50.0)
    rig.run(2.0)
    assert rig.shown.faults == ("fan_stuck",), "switched on again, and still not seen turning"
    rig.world.rpm = 900.0
    rig.until(lambda: not rig.shown.faults, 2.0)
    once(rig, "fan_stuck")


@pytest.mark.parametrize("rpm", [0.0, math.nan])
def test_a_fan_that_never_turns_is_told_5_s_after_it_was_switched_on(rpm: float) -> None:
    rig = charging(HOUSING._replace(fan=True), keys=FAN)
    rig.world.rpm = rpm
    warm(rig, housing=50.0)
    waited_s = rig.until(lambda: rig.shown.faults == ("fan_stuck",), 6.0)
    assert waited_s == pytest.approx(5.0, abs=0.03)
