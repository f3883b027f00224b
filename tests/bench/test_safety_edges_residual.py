"""The residual current module: samples, trips, faults and values, at every bound."""

import math
from typing import Any

import pytest

from hardware.interfaces import PilotMode, ResidualCurrent
from schemas.safety import Contactor
from services.safety.residual import self_test, sensor
from services.safety.residual.state import Test as Part
from services.safety.state import ConnectorState, Event, Moment
from tests.safety_rig import SOCKET
from tests.safety_states import at, at_rest, charging, connected, lasts, says, suffer

pytestmark = pytest.mark.bench

MODULE = SOCKET._replace(residual_sensor=True)
GOOD = ResidualCurrent(0.0, 0.0, False, False, False, 1000.0)
TRIPS = ("residual_current_dc", "residual_current_rms")


def idle(**keys: Any) -> ConnectorState:
    return at_rest(MODULE, **keys)


def hears(state: ConnectorState, *samples: ResidualCurrent) -> list[Event]:
    """Each in a step of its own, at its stamp."""
    events: list[Event] = []
    for sample in samples:
        moment = at(max(sample.sampled_s, 1000.0), residual=sample)
        sensor.observe(state, moment)
        events += moment.events
    return events


def trip(state: ConnectorState, code: str, since_s: float | None) -> None:
    if code == "residual_current_dc":
        state.residual.dc_tripped_s = since_s
    else:
        state.residual.rms_tripped_s = since_s


# samples


@pytest.mark.parametrize(
    ("changes", "possible"),
    [
        ({}, True),
        ({"dc_ma": -99_999.0}, True),
        ({"dc_ma": 100_001.0}, False),
        ({"dc_ma": -math.inf}, False),
        ({"dc_ma": math.nan}, True),
        ({"rms_ma": math.nan}, True),
        ({"rms_ma": 0.5}, True),
        ({"rms_ma": 99_999.0}, True),
        ({"rms_ma": 100_001.0}, False),
        ({"rms_ma": -0.1}, False),
        ({"sampled_s": 0.5}, True),
        ({"sampled_s": -0.1}, False),
        ({"sampled_s": 1000.05}, True),
        ({"sampled_s": 1000.051}, False),
        ({"sampled_s": math.nan}, False),
    ],
)
def test_what_a_module_can_measure_and_when(changes: dict[str, float], possible: bool) -> None:
    """Up to 100 A, no root mean square below zero, no stamp more than 50 ms ahead; it need not measure at all."""
    state = idle()
    moment = at(residual=GOOD._replace(**changes))
    sensor.observe(state, moment)
    assert sensor.is_possible(GOOD._replace(**changes), 1000.0) is possible
    assert says(state, "residual_sensor_failed") is not possible


def test_one_possible_sample_ends_an_impossible_one() -> None:
    state = idle()
    hears(state, GOOD._replace(rms_ma=-1.0))
    assert not sensor.usable(state, 1000.0)
    hears(state, GOOD)
    assert sensor.usable(state, 1000.0)


def test_of_an_impossible_sample_nothing_is_believed() -> None:
    """Its stamp neither: it would hide the samples until then."""
    state = idle()
    sensor.observe(state, at(residual=GOOD._replace(sampled_s=1005.0, dc_tripped=True)))
    assert (state.residual.stamp_s, state.residual.dc_tripped_s) == (1000.0, None)


def test_a_sample_tells_for_half_a_second() -> None:
    state = idle()
    assert sensor.usable(state, 1000.5)
    assert not sensor.usable(state, 1000.501)


def test_a_module_that_never_spoke_is_not_usable_at_any_time_of_the_boot_clock() -> None:
    state = ConnectorState(MODULE, 0.0)
    assert not sensor.usable(state, 0.0)


@pytest.mark.parametrize("code", [*TRIPS, "residual_sensor_failed", "residual_self_test_failed"])
def test_a_module_that_says_nothing_of_a_trip_is_no_fault_while_charging(code: str) -> None:
    assert not says(charging(MODULE), code)


def test_samples_are_taken_in_the_order_of_their_stamps() -> None:
    state = idle()
    hears(state, GOOD._replace(dc_tripped=True))
    assert state.residual.dc_tripped_s == 1000.0
    hears(state, GOOD._replace(sampled_s=999.9))
    assert state.residual.dc_tripped_s == 1000.0, "an older sample says nothing new"
    hears(state, GOOD)
    assert state.residual.dc_tripped_s is None, "the same instant, but another word"


def test_a_trip_counts_from_its_first_sample() -> None:
    state = idle()
    for stamp_s in (1000.0, 1000.1, 1000.2):
        hears(state, GOOD._replace(dc_tripped=True, rms_tripped=stamp_s > 1000.0, sampled_s=stamp_s))
    assert (state.residual.dc_tripped_s, state.residual.rms_tripped_s) == (1000.0, 1000.1)


def test_a_module_that_is_not_fitted_is_not_heard() -> None:
    state = at_rest()
    sensor.observe(state, at(residual=GOOD._replace(dc_tripped=True, device_error=True)))
    assert state.residual.dc_tripped_s is None
    state.residual.device_error = state.residual.impossible = True
    assert not says(state, "residual_sensor_failed")


# the blanking


@pytest.mark.parametrize("code", TRIPS)
@pytest.mark.parametrize("edge", ["on_s", "off_s"])
def test_the_blanking_is_1_s_from_either_edge_of_the_coil(code: str, edge: str) -> None:
    state = charging(MODULE)
    trip(state, code, 1000.0)
    setattr(state.contactor, edge, 999.0)
    assert says(state, code)
    setattr(state.contactor, edge, 999.001)
    assert not says(state, code)


@pytest.mark.parametrize("code", TRIPS)
def test_within_the_blanking_a_trip_has_to_last_50_ms(code: str) -> None:
    state = charging(MODULE)
    state.contactor.on_s = 999.5
    trip(state, code, 999.95)
    assert says(state, code)
    trip(state, code, 999.951)
    assert not says(state, code)


@pytest.mark.parametrize(("lasted_s", "edge_s", "told"), [(0.03, 0.5, 1), (0.03, 0.999, 1), (0.03, 1.0, 0)])
def test_a_glitch_is_told_when_it_began_within_the_blanking(lasted_s: float, edge_s: float, told: int) -> None:
    state = charging(MODULE)
    state.contactor.on_s = 1000.0 - edge_s
    events = hears(state, GOOD._replace(dc_tripped=True), GOOD._replace(sampled_s=1000.0 + lasted_s))
    assert [event.name for event in events] == ["residual_glitch"] * told
    assert all(event.detail == "DC output, 30 ms" for event in events)


def test_a_trip_that_lasts_is_no_glitch() -> None:
    state = charging(MODULE)
    state.contactor.on_s = 999.9
    assert not hears(state, GOOD._replace(dc_tripped=True), GOOD._replace(dc_tripped=True, sampled_s=1000.1))


def test_what_the_self_test_makes_is_neither_trip_nor_glitch() -> None:
    state = charging(MODULE)
    state.contactor.on_s = 999.9
    state.residual.test = Part.ON
    assert not hears(state, GOOD._replace(dc_tripped=True), GOOD._replace(sampled_s=1000.1))
    trip(state, "residual_current_dc", 950.0)
    assert not says(state, "residual_current_dc")
    state = idle()
    state.residual.test = Part.OFF
    trip(state, "residual_current_dc", 999.9)
    assert not says(state, "residual_sensor_failed")


# where a current can flow


@pytest.mark.parametrize("code", TRIPS)
@pytest.mark.parametrize("edge", ["off_s", "open_since_s"])
def test_a_trip_that_began_within_1_s_of_open_contacts_is_the_vehicle_s_whenever_it_is_judged(
    code: str, edge: str
) -> None:
    state = connected(MODULE)
    state.contactor.off_s = 949.0
    setattr(state.contactor, edge, 950.0)
    for since_s, real in ((940.0, True), (950.999, True), (951.0, False)):
        trip(state, code, since_s)
        assert says(state, code) is real
        assert says(state, "residual_sensor_failed") is not real


@pytest.mark.parametrize("phase", [Contactor.OPENING, Contactor.UNKNOWN])
def test_a_trip_with_contacts_that_are_not_proven_open_is_the_vehicle_s(phase: Contactor) -> None:
    state = connected(MODULE)
    trip(state, "residual_current_dc", 950.0)
    state.contactor.phase = phase
    assert says(state, "residual_current_dc")
    assert not says(state, "residual_sensor_failed")


@pytest.mark.parametrize("code", TRIPS)
@pytest.mark.parametrize(("confirmed", "real"), [("A", False), ("B", True), ("C", True), ("E", True), ("", True)])
def test_a_trip_in_the_first_second_of_a_process_is_the_vehicle_s_unless_none_is_there(
    code: str, confirmed: str, real: bool
) -> None:
    """The process before may have charged it."""
    state = idle()
    state.pilot_sight.confirmed = confirmed
    for since_s in (900.5, 900.999):
        trip(state, code, since_s)
        assert says(state, code) is real
        assert says(state, "residual_sensor_failed") is not real
    trip(state, code, 901.0)
    assert not says(state, code)
    assert says(state, "residual_sensor_failed")


@pytest.mark.parametrize("code", TRIPS)
def test_a_vehicle_that_is_unplugged_while_it_charges_can_still_have_tripped_it(code: str) -> None:
    state = idle()
    state.contactor.off_s = 950.0
    for since_s, real in ((950.999, True), (951.0, False)):
        trip(state, code, since_s)
        assert says(state, code) is real
        assert says(state, "residual_sensor_failed"), "in state A it should have ended"


def test_in_the_first_second_of_a_process_contacts_are_not_yet_proven_and_a_trip_in_state_a_waits() -> None:
    state = idle()
    trip(state, "residual_current_dc", 999.5)
    state.contactor.phase = Contactor.UNKNOWN
    state.begun_s = state.contactor.off_s = state.contactor.on_s = 999.001
    assert not says(state, "residual_current_dc")
    state.contactor.coil = True
    assert says(state, "residual_current_dc")
    state.contactor.coil = False
    state.begun_s = state.contactor.off_s = state.contactor.on_s = 999.0
    assert says(state, "residual_current_dc")


@pytest.mark.parametrize("code", TRIPS)
def test_a_trip_of_contacts_that_have_been_open_for_1_s_is_the_module_s(code: str) -> None:
    state = idle()
    assert not says(state, "residual_sensor_failed")
    trip(state, code, 1000.0)
    for place, name in ((state.contactor, "open_since_s"), (state, "begun_s"), (state.residual, "test_ended_s")):
        setattr(place, name, 999.001)
        assert not says(state, "residual_sensor_failed"), name
        setattr(place, name, 999.0)
        assert says(state, "residual_sensor_failed"), name
        setattr(place, name, 900.0)


@pytest.mark.parametrize(("coil", "phase"), [(True, Contactor.OPEN), (False, Contactor.UNKNOWN)])
def test_whatever_the_sensors_say_a_trip_is_not_the_module_s_unless_nothing_can_flow(
    coil: bool, phase: Contactor
) -> None:
    state = idle()
    trip(state, "residual_current_dc", 1000.0)
    state.contactor.coil, state.contactor.phase = coil, phase
    assert not says(state, "residual_sensor_failed")


@pytest.mark.parametrize("code", TRIPS)
def test_a_trip_that_began_within_1_s_of_the_coil_stays_the_vehicle_s_until_it_leaves(code: str) -> None:
    """Some modules hold their output."""
    state = connected(MODULE)
    state.contactor.off_s = 950.0
    trip(state, code, 950.999)
    assert not says(state, "residual_sensor_failed")
    trip(state, code, 951.0)
    assert says(state, "residual_sensor_failed")
    trip(state, code, 950.999)
    state.pilot_sight.confirmed = "A"
    assert says(state, "residual_sensor_failed")


@pytest.mark.parametrize("code", TRIPS)
def test_a_module_that_holds_its_output_is_not_accused_while_its_fault_waits_for_the_unplug(code: str) -> None:
    state = connected(MODULE)
    trip(state, code, 1000.0)
    suffer(state, code)
    assert not says(state, "residual_sensor_failed")
    state.pilot_sight.confirmed = "A"
    assert says(state, "residual_sensor_failed")


def test_iec_62955_leaves_the_rms_output_alone() -> None:
    for mode, stops in (("IEC62955", False), ("IEC62955 (locked)", False), ("IEC62752", True), ("", True)):
        state = charging(MODULE, residual_mode=mode)
        trip(state, "residual_current_rms", 999.0)
        assert says(state, "residual_current_rms") is stops
        trip(state, "residual_current_dc", 999.0)
        assert says(state, "residual_current_dc")


@pytest.mark.parametrize(
    ("name", "value", "mode", "reports"),
    [
        ("dc_tripped_s", 999.99, "IEC62955", True),
        ("rms_tripped_s", 999.99, "IEC62752", True),
        ("rms_tripped_s", 999.99, "IEC62955", False),
        ("device_error", True, "IEC62955", True),
        ("dc_ma", 5.9, "IEC62752", False),
    ],
)
def test_nothing_is_closed_upon_what_the_module_reports(name: str, value: object, mode: str, reports: bool) -> None:
    """Nor offered, however short it has been there."""
    state = connected(MODULE, "C", residual_mode=mode)
    setattr(state.residual, name, value)
    assert sensor.reports(state) is reports
    assert bool(self_test.refusal(state, 1000.0)[0]) is reports


@pytest.mark.parametrize("edge", ["on_s", "off_s"])
def test_an_offer_does_not_end_for_a_glitch_in_the_blanking(edge: str) -> None:
    state = connected(MODULE, "C")
    state.pilot.mode = PilotMode.PWM
    trip(state, "residual_current_dc", 999.99)
    setattr(state.contactor, edge, 999.001)
    assert self_test.refusal(state, 1000.0) == ("", 0.0)
    setattr(state.contactor, edge, 999.0)
    assert self_test.refusal(state, 1000.0)[0] == "waiting: the residual current sensor reports a current"


# faults of the module


@pytest.mark.parametrize("word", ["device_error", "impossible"])
def test_a_module_that_says_it_is_broken_or_says_nonsense_has_failed(word: str) -> None:
    state = idle()
    setattr(state.residual, word, True)
    assert says(state, "residual_sensor_failed")


@pytest.mark.parametrize("code", sensor.OF_THE_MODULE)
def test_a_fault_of_the_module_ends_with_a_self_test_that_passes_and_not_before(code: str) -> None:
    state = idle()
    state.memory.residual_proven = False
    assert not says(state, code), "nothing has happened"
    suffer(state, code)
    assert says(state, code)
    state.memory.residual_proven = True
    assert not says(state, code)


@pytest.mark.parametrize("code", sensor.OF_THE_MODULE)
def test_a_fault_of_the_module_ends_its_proof_and_asks_for_a_test(code: str) -> None:
    for name, detail, ends in (
        ("fault_raised", code, True),
        ("fault_cleared", code, False),
        ("fault_raised", "", False),
    ):
        state, moment = idle(), at()
        moment.say(name, detail)
        sensor.follow(state, moment)
        assert (state.residual.test_wanted, not state.memory.residual_proven) == (ends, ends)


def test_a_self_test_that_failed_is_a_fault() -> None:
    state = idle()
    assert not says(state, "residual_self_test_failed")
    state.residual.test_failed = True
    assert says(state, "residual_self_test_failed")


def silent(stamp_s: float) -> ConnectorState:
    state = idle()
    state.residual.stamp_s = stamp_s
    return state


def test_a_module_that_falls_silent_has_failed_half_a_second_after_its_last_word() -> None:
    assert not says(silent(999.501), "residual_sensor_failed")
    assert says(silent(999.499), "residual_sensor_failed")


def test_a_module_is_given_half_a_second_after_the_board_is_back_but_not_with_the_coil_on() -> None:
    state = silent(990.0)
    state.pilot_sight.run_start_s = 999.5
    assert says(state, "residual_sensor_failed")
    state.pilot_sight.run_start_s = 999.501
    assert not says(state, "residual_sensor_failed")
    state.contactor.coil = True
    assert says(state, "residual_sensor_failed")


def test_a_board_that_is_away_says_nothing_about_the_module() -> None:
    state = silent(990.0)
    state.pilot_sight.letter = ""
    assert not says(state, "residual_sensor_failed")


def test_a_module_that_never_spoke_is_awaited_for_10_s() -> None:
    state = silent(-1.0)
    state.begun_s = 990.0
    assert says(state, "residual_sensor_failed")
    state.begun_s = 990.001
    assert not says(state, "residual_sensor_failed")


def test_a_module_that_spoke_in_the_first_second_of_the_boot_clock_is_not_awaited() -> None:
    state = silent(0.2)
    state.begun_s = state.pilot_sight.run_start_s = 0.0
    assert not says(state, "residual_sensor_failed", now_s=0.69)
    assert says(state, "residual_sensor_failed", now_s=0.71)


@pytest.mark.parametrize(
    ("code", "clear_s"),
    [
        ("residual_current_dc", 1.0),
        ("residual_current_rms", 1.0),
        ("residual_sensor_failed", 1.0),
        ("residual_self_test_failed", 0.25),
        ("rcd_tripped", 1.0),
        ("rcd_maybe_tripped", 1.0),
        ("mcb_tripped", 1.0),
        ("monitoring_relay_tripped", 10.0),
        ("protective_earth_lost", 10.0),
    ],
)
def test_a_fault_of_residual_current_lasts_as_long_as_the_error_list_says(code: str, clear_s: float) -> None:
    assert lasts(code, clear_s - 0.001)
    assert not lasts(code, clear_s)


# values


def tells(state: ConnectorState, now_s: float = 1000.0, transaction: str = "") -> list[str]:
    moment = Moment(now_s, at().readings, transaction)
    state.residual.stamp_s = now_s
    sensor.follow(state, moment)
    assert all(wish.code == "residual_current" for wish in moment.notices)
    return [wish.words[0][1] for wish in moment.notices]


def test_the_largest_values_count_from_nothing() -> None:
    state = idle()
    state.residual.max_dc_ma, state.residual.max_rms_ma = 50.0, 60.0
    state.residual.dc_ma, state.residual.rms_ma = -0.5, 0.25
    tells(state, transaction="one")
    assert (state.residual.max_dc_ma, state.residual.max_rms_ma) == (0.5, 0.25)
    state.residual.dc_ma = state.residual.rms_ma = None
    tells(state, transaction="two")
    assert (state.residual.max_dc_ma, state.residual.max_rms_ma) == (0.0, 0.0)


def test_the_largest_values_stay_in_a_transaction_and_after_it() -> None:
    state = idle()
    state.residual.dc_ma, state.residual.rms_ma = 4.0, 5.0
    tells(state, transaction="one")
    state.residual.dc_ma, state.residual.rms_ma = 1.0, 2.0
    tells(state, transaction="one")
    state.residual.dc_ma, state.residual.rms_ma = 8.0, 9.0
    tells(state)
    assert (state.residual.max_dc_ma, state.residual.max_rms_ma) == (4.0, 5.0)


def test_what_the_self_test_makes_is_neither_kept_nor_told() -> None:
    state = idle(residual_delta_ma=1.0)
    state.residual.test, state.residual.dc_ma = Part.ON, 6.0
    assert not tells(state, transaction="one")
    assert state.residual.max_dc_ma == 0.0


@pytest.mark.parametrize(("dc_ma", "rms_ma"), [(0.5, 0.0), (-0.5, 0.0), (0.0, 0.5)])
def test_a_change_by_the_delta_is_told_however_small(dc_ma: float, rms_ma: float) -> None:
    state = idle(residual_delta_ma=0.5)
    state.residual.dc_ma, state.residual.rms_ma = dc_ma * 0.98, rms_ma * 0.98
    assert not tells(state)
    state.residual.dc_ma, state.residual.rms_ma = dc_ma, rms_ma
    assert tells(state) == [f"DC {dc_ma:.1f} mA, RMS {rms_ma:.1f} mA"]
    assert not tells(state, 2000.0), "it has been told"
    state.residual.dc_ma = state.residual.rms_ma = 0.0
    assert tells(state, 2000.0) == ["DC 0.0 mA, RMS 0.0 mA"]


def test_a_module_that_does_not_measure_has_no_change_to_tell() -> None:
    state = idle(residual_delta_ma=1.0)
    state.residual.dc_ma = state.residual.rms_ma = None
    assert not tells(state)
    state.residual.rms_ma = 2.0
    assert tells(state) == ["RMS 2.0 mA"]


def test_without_a_delta_no_change_is_told() -> None:
    state = idle(residual_delta_ma=0.0)
    state.residual.dc_ma = 5.0
    assert not tells(state)


def test_changes_are_told_10_s_apart_and_not_once_the_module_is_silent() -> None:
    state = idle(residual_delta_ma=1.0)
    state.residual.dc_ma = 2.0
    assert tells(state)
    state.residual.dc_ma = 4.0
    assert not tells(state, 1009.999)
    moment = at(1010.0)
    state.residual.stamp_s = 1009.4
    sensor.follow(state, moment)
    assert not moment.notices
    assert tells(state, 1010.0) == ["DC 4.0 mA"]


def test_a_trip_of_an_rms_output_that_stops_nothing_is_told_once_and_the_next_one_again() -> None:
    state = charging(MODULE, residual_mode="IEC62955", residual_delta_ma=1.0)
    trip(state, "residual_current_rms", 999.0)
    state.residual.rms_ma = 40.0
    assert tells(state) == ["RMS output tripped"]
    assert not tells(state, 1020.0)
    state.residual.rms_ma = 45.0
    assert tells(state, 1020.0) == ["RMS 45.0 mA"]
    assert not tells(state, 1040.0)
    trip(state, "residual_current_rms", None)
    assert not tells(state, 1040.0)
    trip(state, "residual_current_rms", 1060.0)
    assert tells(state, 1060.0) == ["RMS output tripped"]


def test_a_trip_of_an_rms_output_that_stops_is_a_fault_and_no_notice() -> None:
    state = charging(MODULE)
    trip(state, "residual_current_rms", 999.0)
    assert not tells(state)
