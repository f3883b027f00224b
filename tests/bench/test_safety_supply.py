"""Currents and voltages at the core: overload, mains, energy management input, restart (F44 to F48, F65 to F67)."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hardware.interfaces import Feedback, PilotMode
from schemas.faults import FAULTS
from schemas.safety import PilotState
from services.safety.memory import Memory
from services.safety.settings import SafetySettings, parsed
from services.safety.state import BootSight, Equipment, MeterSight, Moment
from services.safety.supply import overload, restart
from tests.safety_rig import RATED_32_A, SOCKET, Rig, replay

pytestmark = pytest.mark.bench

CHECKED = RATED_32_A._replace(check_overcurrent=True, overcurrent_stop_percent=25.0)
MAINS = (230.0, 230.0, 230.0)
REST = (0.0, 0.0, 0.0)


def shows(
    current_a: tuple[float, float, float] | None = REST, voltage_v: tuple[float, float, float] | None = MAINS
) -> MeterSight:
    return MeterSight(current_a, voltage_v, 0.0, answers=True)


def bench(equipment: Equipment = SOCKET, keys: SafetySettings = RATED_32_A, limit_a: float = 16.0) -> Rig:
    rig = Rig(equipment=equipment, settings=keys, limit_a=limit_a)
    rig.world.meter = shows()
    return rig


def charging(equipment: Equipment = SOCKET, keys: SafetySettings = RATED_32_A, limit_a: float = 16.0) -> Rig:
    rig = bench(equipment, keys, limit_a)
    rig.charge()
    rig.run(5.0)
    assert rig.coil
    return rig


def draw(rig: Rig, *current_a: float) -> None:
    """The vehicle draws this on L1, L2, L3 (one number: on all three), and the meter says so at once."""
    one, two, three = current_a if len(current_a) == 3 else current_a * 3
    measure(rig, shows((one, two, three), rig.world.meter.voltage_v if rig.world.meter else MAINS))


def mains(rig: Rig, *voltage_v: float) -> None:
    one, two, three = voltage_v if len(voltage_v) == 3 else voltage_v * 3
    measure(rig, shows(rig.world.meter.current_a if rig.world.meter else REST, (one, two, three)))


def measure(rig: Rig, sight: MeterSight) -> None:
    if rig.readings.meter is not None and rig.readings.meter.sampled_s == rig.now_s:
        rig.run(0.005)
    rig.world.meter = sight
    rig.sample()
    rig.step()


def contact(rig: Rig, name: str, active: bool) -> None:
    rig.world.contacts = {**rig.world.contacts, name: active}
    rig.sample()
    rig.step()


def once(rig: Rig, code: str, *, cleared: bool = True) -> None:
    assert rig.count("fault_raised", code) == 1
    assert rig.count("fault_cleared", code) == int(cleared)


# overload


@pytest.mark.parametrize("keys", [RATED_32_A, CHECKED])
def test_f44_an_overload_of_8_percent_is_nothing(keys: SafetySettings) -> None:
    rig = charging(keys=keys)
    draw(rig, 16.0 * 1.08)
    rig.run(30.0)
    assert (rig.coil, rig.shown.faults, rig.shown.offered_a) == (True, (), pytest.approx(15.96))


def test_f45_an_overload_of_15_percent_lowers_the_offer_by_10_percent_within_5_s() -> None:
    rig = charging(keys=CHECKED)
    draw(rig, 16.0 * 1.15)
    waited_s = rig.until(lambda: rig.shown.offered_a < 15.0, 5.0)
    assert waited_s == pytest.approx(3.0, abs=0.03)
    assert rig.shown.offered_a == pytest.approx(16.0 * 0.9, abs=0.07)
    assert rig.shown.limit_words == "the vehicle draws more than it is offered"
    draw(rig, 16.0 * 0.9)
    rig.run(20.0)
    assert (rig.coil, rig.shown.faults) == (True, ())


def test_a_vehicle_that_keeps_15_percent_above_every_offer_is_lowered_step_by_step_and_never_stopped() -> None:
    rig = charging(keys=CHECKED)
    offers = []
    for _ in range(80):
        draw(rig, rig.shown.offered_a * 1.15)
        rig.run(1.0)
        offers.append(round(rig.shown.offered_a, 2))
    assert rig.coil
    steps = sorted(set(offers), reverse=True)
    assert steps[1:3] == pytest.approx([14.34, 12.9], abs=0.07)
    assert steps[-1] >= 6.0
    assert offers == sorted(offers, reverse=True)


def test_a_lowered_offer_comes_back_in_steps_of_5_minutes_while_the_vehicle_behaves() -> None:
    rig = charging(keys=CHECKED)
    draw(rig, 16.0 * 1.15)
    rig.until(lambda: rig.shown.offered_a < 15.0, 5.0)
    draw(rig, 12.0)
    for second in range(1, 300):
        behave(rig, 12.0, rig.now_s + second)
    assert overload.limit(rig.state)[0] == pytest.approx(14.36, abs=0.07)
    behave(rig, 12.0, rig.now_s + 300.0)
    assert overload.limit(rig.state)[0] == pytest.approx(15.96, abs=0.07)


def behave(rig: Rig, current_a: float, at_s: float) -> None:
    """A sample at another time than the bench's."""
    overload.take_in(rig.state, (current_a, current_a, current_a), at_s)
    overload.judge(rig.state, Moment(at_s, rig.readings))


def test_one_sample_above_starts_the_5_minutes_anew() -> None:
    rig = charging(keys=CHECKED)
    draw(rig, 16.0 * 1.15)
    rig.until(lambda: rig.shown.offered_a < 15.0, 5.0)
    draw(rig, 12.0)
    behave(rig, 18.5, rig.now_s + 200.0)
    behave(rig, 12.0, rig.now_s + 201.0)
    behave(rig, 12.0, rig.now_s + 500.9)
    assert overload.limit(rig.state)[0] < 15.0
    behave(rig, 12.0, rig.now_s + 501.0)
    assert overload.limit(rig.state)[0] > 15.0


def test_the_next_vehicle_gets_the_full_offer() -> None:
    rig = charging(keys=CHECKED)
    draw(rig, 16.0 * 1.15)
    rig.until(lambda: rig.shown.offered_a < 15.0, 5.0)
    draw(rig, 0.0)
    rig.unplug()
    rig.run(3.0)
    rig.plug()
    rig.until(lambda: rig.name is PilotState.B2, 12.0)
    assert rig.shown.offered_a == pytest.approx(15.96)


def test_f46_an_overload_of_15_percent_on_one_phase_for_7_s_stops_and_charging_is_tried_again_after_60_s() -> None:
    rig = charging()
    draw(rig, 0.0, 16.0 * 1.15, 0.0)
    waited_s = rig.until(lambda: not rig.coil, 7.2)
    assert waited_s == pytest.approx(7.0, abs=0.03)
    assert rig.shown.faults == ("overcurrent",)
    assert FAULTS["overcurrent"].error_code == "OverCurrentFailure"
    draw(rig, 0.0)
    held_s = rig.until(lambda: rig.outputs.mode is PilotMode.PWM, 70.0)
    assert held_s == pytest.approx(60.0, abs=0.05)
    rig.until(lambda: rig.coil, 3.0)
    once(rig, "overcurrent")
    replay(rig)


def test_the_fourth_overload_of_a_plug_in_waits_for_an_unplug() -> None:
    rig = charging()
    for recoveries in (1, 2):
        draw(rig, 20.0)
        rig.until(lambda: not rig.coil, 7.2)
        draw(rig, 0.0)
        rig.until(lambda: rig.coil, 65.0)
        assert rig.state.memory.recoveries == recoveries
    rig.state.memory.recoveries = 3
    draw(rig, 20.0)
    rig.until(lambda: not rig.coil, 7.2)
    draw(rig, 0.0)
    rig.run(70.0)
    assert (rig.name, rig.coil) == (PilotState.LATCHED, False)
    rig.unplug()
    rig.until(lambda: not rig.shown.faults, 62.0)


def test_an_overload_that_pauses_within_7_s_counts_anew() -> None:
    rig = charging()
    for _ in range(3):
        draw(rig, 20.0)
        rig.run(6.5)
        draw(rig, 10.0)
        rig.run(1.0)
    assert (rig.coil, rig.shown.faults) == (True, ())


def test_f47_an_overload_in_the_5_s_after_a_decrease_is_tolerated() -> None:
    rig = charging(limit_a=32.0)
    draw(rig, 32.0)
    rig.allow(limit_a=10.0)
    rig.run(4.9)
    draw(rig, 10.0)
    rig.run(20.0)
    assert (rig.coil, rig.shown.faults) == (True, ())


def test_a_vehicle_that_ignores_a_decrease_is_stopped_7_s_after_its_5_s_were_over() -> None:
    rig = charging(limit_a=32.0)
    draw(rig, 32.0)
    rig.allow(limit_a=10.0)
    waited_s = rig.until(lambda: not rig.coil, 13.2)
    assert 12.0 <= waited_s <= 13.1, "the meter is read once a second"


def test_a_new_decrease_does_not_renew_the_tolerance_of_an_old_offer() -> None:
    rig = charging(limit_a=32.0)
    draw(rig, 32.0)
    for limit_a in (16.0, 15.0, 14.0, 13.0, 12.0, 11.0, 10.0, 9.0, 8.0, 7.0, 6.0, 6.0, 6.0):
        rig.allow(limit_a=limit_a)
        rig.run(1.0)
    assert not rig.coil


def test_the_guides_stop_limit_stops_without_waiting_7_s_and_only_where_it_is_switched_on() -> None:
    checked, unchecked = charging(keys=CHECKED), charging()
    for rig in (checked, unchecked):
        draw(rig, 16.0 * 1.25 + 1.0)
        rig.run(2.1)
    assert (checked.coil, checked.shown.faults) == (False, ("overcurrent",))
    assert (unchecked.coil, unchecked.shown.faults) == (True, ())


@pytest.mark.parametrize("current_a", [(200.0, 0.0, 0.0), (0.0, 0.0, 40.1)])
def test_f48_200_a_on_one_phase_stops_in_the_same_step(current_a: tuple[float, float, float]) -> None:
    rig = charging()
    draw(rig, *current_a)
    assert (rig.coil, rig.shown.faults) == (False, ("overcurrent_hard",))
    assert FAULTS["overcurrent_hard"].error_code == "OverCurrentFailure"
    draw(rig, 0.0)
    held_s = rig.until(lambda: rig.outputs.mode is PilotMode.PWM, 70.0)
    assert held_s == pytest.approx(60.0, abs=0.05)
    once(rig, "overcurrent_hard")


def test_40_a_of_a_rating_of_32_a_is_not_hard() -> None:
    rig = charging(limit_a=32.0)
    draw(rig, 40.0)
    rig.run(6.0)
    assert rig.coil


WITH_DETECTION = SOCKET._replace(inputs=frozenset({"overcurrent"}))


def test_f48_the_boards_own_detection_stops_in_the_same_step_and_without_a_meter() -> None:
    rig = Rig(equipment=WITH_DETECTION, settings=RATED_32_A)
    rig.world.contacts = {"overcurrent": False}
    rig.charge()
    rig.run(5.0)
    contact(rig, "overcurrent", active=True)
    assert (rig.coil, rig.shown.faults) == (False, ("overcurrent_hard",))
    rig.run(100.0)
    assert rig.shown.faults == ("overcurrent_hard",), "it stays while the contact does"
    contact(rig, "overcurrent", active=False)
    rig.until(lambda: rig.coil, 65.0)


def test_detection_that_cannot_be_read_is_not_taken_for_rest() -> None:
    rig = Rig(equipment=WITH_DETECTION, settings=RATED_32_A)
    rig.world.contacts = {"overcurrent": False}
    rig.charge()
    rig.run(5.0)
    rig.world.contacts = {}
    rig.until(lambda: rig.outputs.mode is PilotMode.X1, 0.1)
    assert rig.shown.reason == "waiting for the overcurrent input"
    assert rig.shown.faults == ()


def test_a_current_measured_with_the_contactor_open_is_nobodys_overload() -> None:
    rig = bench()
    rig.allow()
    rig.plug()
    draw(rig, 100.0)
    rig.run(30.0)
    assert rig.shown.faults == ()


def test_a_sample_from_before_the_contactor_closed_says_nothing() -> None:
    rig = charging()
    overload.take_in(rig.state, (200.0, 0.0, 0.0), rig.state.contactor.on_s - 0.1)
    assert not rig.state.supply.hard
    overload.take_in(rig.state, (200.0, 0.0, 0.0), rig.state.contactor.on_s)
    assert rig.state.supply.hard


@settings(max_examples=8, deadline=None)
@given(factor=st.one_of(st.floats(0.0, 1.13), st.floats(1.14, 2.0)), offer_a=st.sampled_from([6.0, 10.2, 16.2, 31.8]))
def test_7_s_above_the_bound_stop_and_any_time_below_does_not(factor: float, offer_a: float) -> None:
    rig = charging(limit_a=offer_a)
    bound_a = (rig.shown.offered_a + 0.5) * 1.10
    current_a = min(factor / 1.135 * bound_a, 39.0)
    draw(rig, current_a)
    rig.run(7.3)
    assert rig.coil is not (current_a > bound_a)


# the meter


@pytest.mark.parametrize(
    ("sight", "words"),
    [
        (None, "currents and voltages are not watched: no meter has been heard"),
        (shows(None), "currents are not watched: the meter does not tell them"),
        (shows(REST, None), "voltages are not watched: the meter does not tell them"),
        (shows((math.nan, 0.0, 0.0)), "currents are not watched: the meter does not tell them"),
        (shows((1e9, 0.0, 0.0)), "currents are not watched: the meter does not tell them"),
        (shows()._replace(answers=False), "currents and voltages are not watched: the meter does not answer"),
        (shows(), ""),
    ],
)
def test_without_a_meter_charging_goes_on_and_what_is_not_watched_is_said(sight: MeterSight | None, words: str) -> None:
    rig = Rig(settings=CHECKED)
    rig.world.meter = sight
    rig.charge()
    rig.run(10.0)
    assert (rig.coil, rig.shown.faults, rig.shown.unwatched) == (True, (), words)


def test_a_meter_that_falls_silent_is_unwatched_after_5_s_and_stops_nobody() -> None:
    rig = charging()
    draw(rig, 10.0)
    rig.world.meter_alive = False
    rig.run(4.9)
    assert rig.shown.unwatched == ""
    rig.run(0.3)
    assert rig.shown.unwatched == "currents and voltages are not watched: the meter does not answer"
    rig.run(60.0)
    assert (rig.coil, rig.shown.faults) == (True, ())


def test_an_overload_whose_meter_falls_silent_is_not_stopped_on_old_news() -> None:
    rig = charging()
    draw(rig, 20.0)
    rig.world.meter_alive = False
    rig.run(20.0)
    assert (rig.coil, rig.shown.faults) == (True, ())


# voltages


@pytest.mark.parametrize(
    ("voltage_v", "code", "error_code"),
    [
        ((150.0, 150.0, 150.0), "undervoltage", "UnderVoltage"),
        ((230.0, 195.4, 230.0), "undervoltage", "UnderVoltage"),
        ((0.0, 0.0, 0.0), "undervoltage", "UnderVoltage"),
        ((260.0, 260.0, 260.0), "overvoltage", "OverVoltage"),
        ((230.0, 230.0, 257.7), "overvoltage", "OverVoltage"),
    ],
)
def test_f65_f66_a_voltage_out_of_range_for_2_s_pauses_and_ends_60_s_after_it_is_good(
    voltage_v: tuple[float, float, float], code: str, error_code: str
) -> None:
    rig = charging()
    mains(rig, *voltage_v)
    waited_s = rig.until(lambda: rig.outputs.mode is PilotMode.X1, 2.1)
    assert waited_s == pytest.approx(2.0, abs=0.03)
    assert (rig.coil, rig.shown.faults, FAULTS[code].error_code) == (True, (code,), error_code)
    rig.until(lambda: not rig.coil, 6.1)
    mains(rig, *MAINS)
    ended_s = rig.until(lambda: not rig.shown.faults, 61.0)
    assert ended_s == pytest.approx(60.0, abs=0.03)
    rig.until(lambda: rig.coil, 10.0)
    once(rig, code)


@pytest.mark.parametrize("voltage_v", [(195.6, 230.0, 230.0), (257.5, 230.0, 230.0)])
def test_a_voltage_within_its_range_is_nothing(voltage_v: tuple[float, float, float]) -> None:
    rig = charging()
    mains(rig, *voltage_v)
    rig.run(10.0)
    assert (rig.coil, rig.shown.faults) == (True, ())


def test_f65_a_sag_of_100_ms_is_ridden_through() -> None:
    rig = charging()
    mains(rig, 150.0)
    rig.run(0.1)
    mains(rig, *MAINS)
    rig.run(10.0)
    assert (rig.coil, rig.shown.faults, rig.outputs.mode) == (True, (), PilotMode.PWM)


def test_mains_that_were_bad_when_the_meter_fell_silent_stay_bad_until_it_answers() -> None:
    rig = charging()
    mains(rig, 150.0)
    rig.run(2.5)
    rig.world.meter_alive = False
    rig.run(70.0)
    assert rig.shown.faults == ("undervoltage",)
    rig.world.meter_alive = True
    mains(rig, *MAINS)
    rig.until(lambda: not rig.shown.faults, 60.1)


@pytest.mark.parametrize(("nominal_v", "faults"), [(230.0, ("undervoltage",)), (120.0, ()), (100.0, ("overvoltage",))])
def test_the_range_follows_power_line_voltage(nominal_v: float, faults: tuple[str, ...]) -> None:
    keys = parsed({"PowerLineVoltage": f"{nominal_v:g}"}, RATED_32_A)
    rig = charging(keys=RATED_32_A)
    rig.state.settings = keys
    mains(rig, 120.0)
    rig.run(2.1)
    assert rig.shown.faults == faults


def test_only_phases_that_are_wired_are_watched() -> None:
    rig = charging(SOCKET._replace(phases=1))
    mains(rig, 230.0, 0.0, 300.0)
    rig.run(10.0)
    assert rig.shown.faults == ()


def test_f67_a_lost_phase_is_told_after_2_s_and_charging_goes_on() -> None:
    rig = charging()
    mains(rig, 230.0, 3.0, 230.0)
    waited_s = rig.until(lambda: rig.shown.faults == ("phase_missing",), 2.1)
    assert waited_s == pytest.approx(2.0, abs=0.03)
    rig.run(20.0)
    assert (rig.coil, rig.shown.faults) == (True, ("phase_missing",))
    mains(rig, *MAINS)
    rig.until(lambda: not rig.shown.faults, 2.1)
    once(rig, "phase_missing")


def test_f68_phases_in_the_wrong_order_are_told_and_charging_goes_on() -> None:
    rig = charging()
    measure(rig, shows()._replace(phase_order=-1, current_a=(10.0, 10.0, 10.0)))
    waited_s = rig.until(lambda: rig.shown.faults == ("phase_sequence",), 2.1)
    assert waited_s == pytest.approx(2.0, abs=0.03)
    rig.run(10.0)
    assert (rig.coil, rig.shown.offered_a) == (True, pytest.approx(15.96))
    measure(rig, shows()._replace(phase_order=1))
    rig.until(lambda: not rig.shown.faults, 2.1)
    once(rig, "phase_sequence")


@pytest.mark.parametrize(("phases", "order"), [(3, 1), (3, None), (1, -1)])
def test_an_order_that_is_right_unknown_or_of_one_phase_is_nothing(phases: int, order: int | None) -> None:
    rig = charging(SOCKET._replace(phases=phases))
    measure(rig, shows()._replace(phase_order=order, current_a=(10.0, 10.0, 10.0)))
    rig.run(5.0)
    assert rig.shown.faults == ()


# energy management input

MANAGED = SOCKET._replace(inputs=frozenset({"energy_management"}))
LIMITING = RATED_32_A._replace(energy_input=True, energy_input_limit_a=8.0)


def test_the_energy_management_input_limits_while_it_is_active() -> None:
    rig = bench(MANAGED, LIMITING)
    rig.world.contacts = {"energy_management": False}
    rig.charge()
    rig.run(5.0)
    assert rig.shown.offered_a == pytest.approx(15.96)
    contact(rig, "energy_management", active=True)
    assert rig.shown.offered_a == pytest.approx(7.98)
    assert (rig.shown.limit_words, rig.shown.limit_a) == ("the energy management input", 8.0)
    contact(rig, "energy_management", active=False)
    rig.until(lambda: rig.shown.offered_a > 15.9, 5.1)


def test_0_a_pauses_and_says_why() -> None:
    rig = bench(MANAGED, LIMITING._replace(energy_input_limit_a=0.0))
    rig.world.contacts = {"energy_management": False}
    rig.charge()
    rig.run(5.0)
    contact(rig, "energy_management", active=True)
    assert (rig.outputs.mode, rig.shown.reason) == (PilotMode.X1, "paused: the energy management input")
    assert rig.shown.faults == ()
    contact(rig, "energy_management", active=False)
    rig.until(lambda: rig.outputs.mode is PilotMode.PWM, 13.0)


@pytest.mark.parametrize(
    ("equipment", "words"),
    [
        (MANAGED, "the energy management input"),
        (SOCKET, "the energy management input is on in the settings and not wired"),
    ],
)
def test_an_input_that_cannot_be_read_limits(equipment: Equipment, words: str) -> None:
    rig = bench(equipment, LIMITING)
    rig.charge()
    rig.run(5.0)
    assert (rig.shown.offered_a, rig.shown.limit_words) == (pytest.approx(7.98), words)


def test_a_contact_that_was_read_long_ago_limits() -> None:
    rig = bench(MANAGED, LIMITING)
    rig.world.contacts = {"energy_management": False}
    rig.charge()
    rig.readings = rig.readings._replace(inputs={"energy_management": Feedback(False, rig.now_s - 0.6)})
    rig.step()
    assert rig.shown.offered_a < 8.0


def test_the_input_means_nothing_while_its_key_is_off() -> None:
    rig = bench(MANAGED)
    rig.world.contacts = {"energy_management": True}
    rig.charge()
    rig.run(5.0)
    assert rig.shown.offered_a == pytest.approx(15.96)


# restart after a power loss

SPREAD = RATED_32_A._replace(random_restart=True)
POWER_LOSS = BootSight("start-1", "SERIAL-1", power_loss=True)


def starting(boot: BootSight | None, keys: SafetySettings = SPREAD, memory: Memory | None = None) -> Rig:
    """A vehicle has been plugged in since before the start."""
    rig = bench(keys=keys)
    rig.start(memory or Memory())
    rig.world.boot = boot
    rig.world.vehicle, rig.world.ohm = "B", 220.0
    rig.allow()
    return rig


def test_after_a_power_loss_the_first_offer_waits_a_time_of_its_own_within_5_minutes() -> None:
    rig = starting(POWER_LOSS)
    wait_s = restart.drawn_s("SERIAL-1/start-1/1/start")
    assert 6.0 < wait_s < 300.0
    rig.run(5.0)
    assert rig.shown.reason == "waiting: charging starts at a random time within 5 minutes after a power failure"
    assert rig.shown.retry_after_s == pytest.approx(1000.0 + wait_s, abs=0.03)
    rig.keep_history = False
    waited_s = rig.until(lambda: rig.outputs.mode is PilotMode.PWM, 300.0)
    assert waited_s == pytest.approx(wait_s - 5.0, abs=0.03)
    rig.restart()
    rig.until(lambda: rig.outputs.mode is PilotMode.PWM, 10.0)


@pytest.mark.parametrize(
    ("boot", "keys"),
    [(POWER_LOSS, RATED_32_A), (POWER_LOSS._replace(power_loss=False), SPREAD)],
    ids=["switched off", "another reason"],
)
def test_nobody_waits_without_the_key_or_after_another_start(boot: BootSight, keys: SafetySettings) -> None:
    rig = starting(boot, keys)
    rig.until(lambda: rig.outputs.mode is PilotMode.PWM, 8.0)


def test_a_process_that_was_killed_meanwhile_goes_on_waiting_and_not_for_a_power_loss_that_is_over() -> None:
    rig = starting(POWER_LOSS)
    ends_s = 1000.0 + restart.drawn_s("SERIAL-1/start-1/1/start")
    rig.run(5.0)
    rig.restart()
    rig.run(6.0)
    assert rig.shown.reason.startswith("waiting: charging starts at a random time")
    assert rig.shown.retry_after_s == pytest.approx(ends_s, abs=0.03)
    done = starting(POWER_LOSS, memory=Memory(restarted_for="start-1"))
    done.until(lambda: done.outputs.mode is PilotMode.PWM, 8.0)


def test_a_power_loss_in_the_wait_after_another_one_begins_a_wait_of_its_own() -> None:
    before = Memory(wait_until_s=1200.0, wait_start="start-0")
    rig = starting(POWER_LOSS, memory=before.copy())
    rig.run(6.0)
    ends_s = 1000.0 + restart.drawn_s("SERIAL-1/start-1/1/start")
    assert rig.shown.retry_after_s == pytest.approx(ends_s, abs=0.03)
    quiet = starting(POWER_LOSS._replace(power_loss=False), memory=before.copy())
    quiet.until(lambda: quiet.outputs.mode is PilotMode.PWM, 8.0)


def test_without_word_of_the_start_10_s_are_waited_and_no_more() -> None:
    rig = starting(None)
    rig.run(8.0)
    assert rig.shown.reason == "waiting to be told why the station has started"
    waited_s = rig.until(lambda: rig.outputs.mode is PilotMode.PWM, 10.0)
    assert waited_s == pytest.approx(2.0, abs=0.05)
    rig.run(1.0)
    rig.world.boot = POWER_LOSS
    rig.run(1.0)
    assert rig.outputs.mode is PilotMode.PWM, "an offer is not taken back for it"


def test_f65_after_a_sag_of_5_s_charging_restarts_60_s_and_a_random_time_later_whoever_dies_meanwhile() -> None:
    """One that dies in the fault awaits it for 5 s, and 60 s of good mains follow; in the wait the next one goes on."""
    rig = bench(keys=SPREAD)
    rig.world.boot = POWER_LOSS._replace(power_loss=False)
    rig.charge()
    mains(rig, 150.0)
    rig.run(5.0)
    mains(rig, *MAINS)
    rig.keep_history = False
    rig.run(5.0)
    rig.restart()
    rig.run(70.0)
    rig.restart()
    waited_s = 75.0 + rig.until(lambda: rig.outputs.mode is PilotMode.PWM, 360.0)
    assert waited_s == pytest.approx(70.0 + restart.drawn_s("SERIAL-1/start-1/1/mains 1"), abs=0.1)


def test_waits_of_many_stations_are_spread_over_the_5_minutes() -> None:
    waits_s = [restart.drawn_s(f"SERIAL-{number}/start/1/start") for number in range(1000)]
    assert 0.0 <= min(waits_s) < 5.0
    assert 295.0 < max(waits_s) < 300.0
    for slice_s in range(0, 300, 30):
        assert 60 < sum(slice_s <= wait_s < slice_s + 30 for wait_s in waits_s) < 140
