"""RCD, circuit breaker, monitoring relay, protective earth, and the reclosure of the RCD (F38 to F41, F43)."""

from typing import Any

import pytest

from hardware.interfaces import PilotMode
from schemas.faults import FAULTS
from schemas.safety import PilotState
from schemas.settings import ActionOrder
from services.safety import orders
from services.safety.memory import Memory
from services.safety.residual.self_test import UNTESTED
from services.safety.state import MeterSight
from tests.safety_rig import RATED_32_A, SOCKET, Rig, replay

pytestmark = pytest.mark.bench

RECLOSING = {"rcd": "On", "reclosure": True, "reclosure_delay_s": 20.0, "reclosure_attempts": 3}


def wired(*inputs: str, module: bool = False, **settings: Any) -> Rig:
    equipment = SOCKET._replace(inputs=frozenset(inputs), residual_sensor=module)
    rig = Rig(equipment=equipment, settings=RATED_32_A._replace(**settings))
    rig.world.contacts = {name: name == "protective_earth" for name in inputs}
    return rig


def charging(*inputs: str, **settings: Any) -> Rig:
    rig = wired(*inputs, **settings)
    rig.charge()
    rig.run(10.0)
    return rig


def contact(rig: Rig, name: str, active: bool) -> None:
    """It changes now, and the driver reports it at once."""
    rig.world.contacts = {**rig.world.contacts, name: active}
    rig.sample()
    rig.step()


def closes_at_pulse(rig: Rig, within_s: float, name: str = "rcd") -> float:
    """Waits for the end of the reclosing pulse; the RCD is closed then."""
    took_s = rig.until(lambda: rig.outputs.reclose, within_s)
    assert rig.until(lambda: not rig.outputs.reclose, 1.0) == pytest.approx(0.5, abs=1e-3)
    contact(rig, name, False)
    return took_s


def order_reset(rig: Rig) -> None:
    order = ActionOrder(order_id=f"order-{rig.now_s}", name="RCDRESET", value="true", connector=1, ordered_s=rig.now_s)
    orders.ORDERS["RCDRESET"](rig.state, order)
    rig.step()


# contacts


@pytest.mark.parametrize(
    ("name", "settings", "code", "error_code"),
    [
        ("rcd", {"rcd": "On"}, "rcd_tripped", "GroundFailure"),
        ("opto_1", {"rcd": "Opto input"}, "rcd_tripped", "GroundFailure"),
        ("mcb", {}, "mcb_tripped", "OverCurrentFailure"),
        ("monitoring_relay", {"monitoring_relay": True}, "monitoring_relay_tripped", "GroundFailure"),
    ],
)
def test_f41_a_device_that_trips_opens_in_the_same_step_and_power_returns_when_it_is_back(
    name, settings, code, error_code
) -> None:
    rig = charging(name, **settings)
    contact(rig, name, True)
    assert not rig.coil
    assert rig.shown.faults == (code,)
    assert FAULTS[code].error_code == error_code
    rig.run(60.0)
    assert rig.shown.faults == (code,)
    contact(rig, name, False)
    rig.until(lambda: rig.coil, 60.0)
    assert rig.count("fault_raised") == rig.count("fault_cleared") == 1
    replay(rig)


@pytest.mark.parametrize("name", ["rcd", "monitoring_relay", "opto_1"])
def test_a_contact_that_no_key_switches_on_does_nothing(name) -> None:
    rig = charging(name)
    contact(rig, name, True)
    rig.run(5.0)
    assert rig.coil


def test_the_monitoring_relay_has_to_be_back_for_10_s() -> None:
    rig = charging("monitoring_relay", monitoring_relay=True)
    contact(rig, "monitoring_relay", True)
    rig.run(1.0)
    contact(rig, "monitoring_relay", False)
    rig.run(9.9)
    assert rig.shown.faults
    rig.run(0.2)
    assert not rig.shown.faults


def test_f43_protective_earth_that_is_missing_for_1_s_stops_and_waits_for_an_unplug() -> None:
    rig = charging("protective_earth")
    contact(rig, "protective_earth", False)
    assert rig.until(lambda: not rig.coil, 2.0) == pytest.approx(1.0, abs=1e-6)
    assert rig.shown.faults == ("protective_earth_lost",)
    contact(rig, "protective_earth", True)
    rig.vehicle("B")
    rig.run(120.0)
    assert rig.shown.faults == ("protective_earth_lost",)
    rig.unplug()
    rig.run(12.0)
    assert not rig.shown.faults


def test_earth_that_flickers_for_less_than_a_second_stops_nothing() -> None:
    rig = charging("protective_earth")
    for _ in range(5):
        contact(rig, "protective_earth", False)
        rig.run(0.9)
        contact(rig, "protective_earth", True)
        rig.run(0.1)
    assert rig.coil


@pytest.mark.parametrize(
    ("name", "settings", "code"),
    [
        ("rcd", {"rcd": "On"}, "rcd_tripped"),
        ("mcb", {}, "mcb_tripped"),
        ("protective_earth", {}, "protective_earth_lost"),
    ],
)
def test_a_contact_that_is_read_no_more_stops_as_if_it_had_struck(name, settings, code) -> None:
    rig = charging(name, **settings)
    rig.world.contacts = {}
    assert rig.until(lambda: not rig.coil, 2.0) <= 0.5 + 1e-3
    assert rig.shown.faults == (code,)


def test_a_contact_that_was_never_read_offers_nothing_and_is_a_fault_after_10_s() -> None:
    rig = wired("rcd", rcd="On")
    rig.world.contacts = {}
    rig.allow()
    rig.run(6.0)
    rig.plug()
    rig.run(2.0)
    assert rig.outputs.mode is PilotMode.X1
    assert "contacts of RCD" in rig.shown.reason
    rig.run(10.0)
    assert rig.shown.faults == ("rcd_tripped",)


def test_a_key_that_names_an_input_which_is_not_wired_lets_nobody_charge() -> None:
    rig = wired(rcd="On")
    rig.allow()
    rig.run(12.0)
    assert rig.shown.faults == ("rcd_tripped",)


def test_a_board_that_is_away_says_nothing_about_the_devices() -> None:
    rig = charging("rcd", "mcb", "protective_earth", rcd="On")
    rig.world.pilot_alive = False
    rig.run(5.0)
    assert not {"rcd_tripped", "mcb_tripped", "protective_earth_lost"} & set(rig.shown.faults)
    rig.world.pilot_alive = True
    rig.until(lambda: rig.coil, 60.0)


# the meter falls silent

METER = MeterSight((0.0, 0.0, 0.0), (230.0, 230.0, 230.0), 1000.0, True)


def metered(**settings: Any) -> Rig:
    rig = wired(rcd="Meter communication loss", **settings)
    rig.world.meter = METER
    rig.charge()
    rig.run(10.0)
    return rig


def answers(rig: Rig, well: bool) -> None:
    rig.world.meter = METER._replace(answers=well)
    rig.readings = rig.readings._replace(meter=rig.world.meter._replace(sampled_s=rig.now_s))
    rig.step()


def test_a_meter_that_falls_silent_while_charging_may_be_a_tripped_rcd() -> None:
    rig = metered()
    answers(rig, False)
    assert not rig.coil
    assert rig.shown.faults == ("rcd_maybe_tripped",)
    rig.run(30.0)
    assert rig.shown.faults == ("rcd_maybe_tripped",)
    answers(rig, True)
    rig.until(lambda: rig.coil, 60.0)


def test_a_meter_that_falls_silent_10_s_after_the_coil_is_only_waited_for() -> None:
    rig = metered()
    rig.vehicle("B")
    rig.run(9.0)
    answers(rig, False)
    assert rig.shown.faults == ("rcd_maybe_tripped",)
    late = metered()
    late.vehicle("B")
    late.run(10.1)
    answers(late, False)
    assert not late.shown.faults
    assert "waiting for the meter" in late.shown.reason
    assert late.outputs.mode is PilotMode.X1


def test_a_silent_meter_means_nothing_to_another_detection() -> None:
    rig = charging("rcd", rcd="On")
    rig.world.meter = METER
    answers(rig, False)
    rig.run(5.0)
    assert rig.coil


# reclosure


def test_f38_a_transient_trip_is_closed_again_after_the_delay_and_success_resets_the_count() -> None:
    rig = charging("rcd", **RECLOSING)
    contact(rig, "rcd", True)
    assert closes_at_pulse(rig, 25.0) == pytest.approx(20.0, abs=0.05)
    assert rig.state.memory.reclosures == 1
    rig.until(lambda: rig.coil, 60.0)
    rig.run(70.0)
    assert rig.state.memory.reclosures == 0, "a vehicle has charged for a minute"
    assert rig.count("fault_raised") == rig.count("fault_cleared") == 1
    replay(rig)


def test_an_rcd_that_stays_closed_for_10_minutes_starts_the_count_again() -> None:
    rig = wired("rcd", **RECLOSING)
    rig.allow(False)
    rig.run(5.0)
    contact(rig, "rcd", True)
    closes_at_pulse(rig, 25.0)
    rig.run(598.0)
    assert rig.state.memory.reclosures == 1
    rig.run(4.0)
    assert rig.state.memory.reclosures == 0


def test_f39_a_permanent_trip_ends_after_the_attempts_and_stays() -> None:
    rig = charging("rcd", **RECLOSING)
    rig.vehicle("B")
    contact(rig, "rcd", True)
    rig.run(3 * 20.0 + 10.0)
    assert rig.count("rcd_closing") == 3
    assert rig.name is PilotState.LATCHED
    rig.run(100.0)
    assert rig.count("rcd_closing") == 3
    assert rig.state.memory.reclosures == 3
    contact(rig, "rcd", False)
    rig.run(60.0)
    assert rig.shown.faults == ("rcd_tripped",), "it waits for the unplug as well"
    rig.unplug()
    rig.run(5.0)
    assert not rig.shown.faults
    assert rig.count("fault_raised", "rcd_tripped") == rig.count("fault_cleared", "rcd_tripped") == 1


def test_a_count_that_is_used_up_survives_a_restart() -> None:
    rig = wired("rcd", **RECLOSING)
    rig.world.contacts = {"rcd": True}
    rig.start(Memory(reclosures=3))
    rig.run(90.0)
    assert rig.count("rcd_closing") == 0
    assert rig.shown.faults == ("rcd_tripped",)


def test_the_journal_counts_an_attempt_before_its_pulse_is_over() -> None:
    rig = wired("rcd", **RECLOSING)
    rig.run(5.0)
    contact(rig, "rcd", True)
    rig.until(lambda: rig.outputs.reclose, 25.0)
    rig.restart()
    assert rig.state.memory.reclosures == 1
    rig.run(0.0)
    rig.step()
    assert not rig.outputs.reclose


def test_f40_after_a_direct_current_fault_the_rcd_is_never_closed_by_itself() -> None:
    rig = charging("rcd", module=True, **RECLOSING)
    assert rig.world.module is not None
    rig.world.module = rig.world.module._replace(dc_trips=True)
    rig.sample()
    rig.step()
    contact(rig, "rcd", True)
    rig.world.module = rig.world.module._replace(dc_trips=False)
    rig.vehicle("B")
    rig.unplug()
    rig.run(90.0)
    assert rig.shown.faults == ("rcd_tripped",), "the module has passed its test"
    assert rig.count("rcd_closing") == 0
    order_reset(rig)
    rig.run(60.0)
    assert rig.count("rcd_closing") == 0
    assert rig.count("rcd_reset_refused") == 1
    rig.restart()
    rig.run(100.0)
    assert rig.count("rcd_closing") == 0, "the journal knows"
    contact(rig, "rcd", False)
    rig.run(11.0)
    contact(rig, "rcd", True)
    rig.until(lambda: rig.outputs.reclose, 25.0)


def direct_current(rig: Rig, trips: bool) -> None:
    assert rig.world.module is not None
    rig.world.module = rig.world.module._replace(dc_trips=trips)
    rig.sample()
    rig.step()


@pytest.mark.parametrize("restarts", [False, True])
def test_f40_a_meter_that_is_found_silent_when_the_direct_current_fault_is_over_is_behind_a_blind_rcd(restarts) -> None:
    """`metering` takes 5 s to say so; unplug and self-test take 3 s."""
    rig = metered(module=True, reclosure=True, reclosure_delay_s=10.0, reclosure_attempts=3)
    direct_current(rig, True)
    rig.run(0.5)
    direct_current(rig, False)
    rig.unplug()
    rig.until(lambda: not rig.shown.faults, 4.0)
    if restarts:
        rig.restart()
    rig.run(3.0)
    answers(rig, False)
    rig.run(60.0)
    assert rig.count("rcd_closing") == 0
    order_reset(rig)
    assert rig.count("rcd_reset_refused") == 1


@pytest.mark.parametrize("holds_s", [0.06, 0.5, 40.0])
def test_f40_a_direct_current_at_the_moment_of_a_restart_keeps_the_rcd_open(holds_s) -> None:
    rig = charging("rcd", module=True, **RECLOSING)
    assert rig.world.module is not None
    rig.world.module = rig.world.module._replace(dc_trips=True)
    rig.world.contacts = {"rcd": True}
    rig.restart()
    rig.run(holds_s)
    direct_current(rig, False)
    rig.run(60.0)
    assert rig.shown.faults == ("residual_current_dc", "rcd_tripped")
    assert rig.count("rcd_closing") == 0
    assert rig.state.memory.rcd_by_dc


def test_in_state_a_the_module_is_tested_before_every_attempt() -> None:
    rig = wired("rcd", module=True, **RECLOSING)
    rig.run(5.0)
    contact(rig, "rcd", True)
    rig.run(63.0)
    assert rig.count("rcd_closing") == 3
    kinds = [event.name for _, event in rig.events if event.name in ("residual_test_passed", "rcd_closing")]
    assert kinds == ["residual_test_passed"] + 3 * ["residual_test_passed", "rcd_closing"]


def test_a_module_that_fails_its_test_keeps_the_rcd_open() -> None:
    rig = wired("rcd", module=True, **RECLOSING)
    rig.run(5.0)
    assert rig.world.module is not None
    rig.world.module = rig.world.module._replace(dead=True)
    contact(rig, "rcd", True)
    rig.run(120.0)
    assert rig.count("rcd_closing") == 0
    assert "residual_self_test_failed" in rig.shown.faults


def test_with_a_vehicle_connected_the_rcd_is_closed_and_nothing_is_offered_before_a_test() -> None:
    rig = charging("rcd", module=True, **RECLOSING)
    contact(rig, "rcd", True)
    closes_at_pulse(rig, 25.0)
    rig.run(120.0)
    assert not rig.shown.faults
    assert rig.shown.reason == UNTESTED
    assert rig.outputs.mode is PilotMode.X1
    rig.unplug()
    rig.run(5.0)
    rig.plug()
    rig.until(lambda: rig.name is PilotState.B2, 40.0)


def test_reclosure_is_off_unless_the_operator_switches_it_on() -> None:
    rig = charging("rcd", rcd="On")
    contact(rig, "rcd", True)
    rig.run(100.0)
    assert rig.count("rcd_closing") == 0


def test_no_attempts_at_all_means_none() -> None:
    rig = charging("rcd", **{**RECLOSING, "reclosure_attempts": 0})
    contact(rig, "rcd", True)
    rig.run(100.0)
    assert rig.count("rcd_closing") == 0


def test_an_rcd_that_feeds_the_meter_is_closed_again_as_well() -> None:
    settings = {name: value for name, value in RECLOSING.items() if name != "rcd"}
    rig = metered(**settings)
    answers(rig, False)
    rig.until(lambda: rig.outputs.reclose, 25.0)
    rig.run(3.0)
    answers(rig, True)
    rig.until(lambda: rig.coil, 60.0)


@pytest.mark.parametrize("finds_s", [0.0, 8.0])
def test_a_restart_during_the_delay_goes_on_with_an_rcd_that_feeds_the_meter(finds_s) -> None:
    """`metering` was restarted as well where it takes its time."""
    settings = {name: value for name, value in RECLOSING.items() if name != "rcd"}
    rig = metered(**settings)
    answers(rig, False)
    rig.run(10.0)
    rig.restart()
    rig.world.meter, rig.readings = None, rig.readings._replace(meter=None)
    rig.run(finds_s)
    answers(rig, False)
    assert rig.until(lambda: rig.outputs.reclose, 25.0) == pytest.approx(20.0, abs=0.05)
    rig.run(3.0)
    answers(rig, True)
    assert not rig.state.memory.rcd_open
    rig.until(lambda: rig.coil, 60.0)


def test_a_restart_does_not_keep_an_rcd_that_feeds_the_meter_from_being_reset_by_order() -> None:
    rig = metered()
    answers(rig, False)
    rig.run(10.0)
    rig.restart()
    rig.world.meter, rig.readings = None, rig.readings._replace(meter=None)
    rig.run(8.0)
    answers(rig, False)
    order_reset(rig)
    rig.until(lambda: rig.outputs.reclose, 1.0)


def test_a_contactor_that_is_welded_keeps_the_rcd_open() -> None:
    rig = charging("rcd", **RECLOSING)
    rig.world.welded = True
    contact(rig, "rcd", True)
    rig.run(100.0)
    assert rig.count("rcd_closing") == 0


# the order of a person


def test_an_order_closes_the_rcd_once_and_clears_what_was_latched() -> None:
    rig = charging("rcd", **RECLOSING)
    rig.vehicle("B")
    contact(rig, "rcd", True)
    rig.run(100.0)
    assert rig.name is PilotState.LATCHED
    order_reset(rig)
    assert rig.count("rcd_closing") == 4
    rig.until(lambda: not rig.outputs.reclose, 1.0)
    contact(rig, "rcd", False)
    rig.run(5.0)
    assert not rig.shown.faults
    rig.until(lambda: rig.name is PilotState.B2, 60.0)


def test_an_order_in_state_a_tests_the_module_first() -> None:
    rig = wired("rcd", module=True, rcd="On")
    rig.run(5.0)
    contact(rig, "rcd", True)
    rig.run(5.0)
    order_reset(rig)
    rig.until(lambda: rig.outputs.reclose, 5.0)
    kinds = [event.name for _, event in rig.events if event.name in ("residual_test_passed", "rcd_closing")]
    assert kinds == ["residual_test_passed", "residual_test_passed", "rcd_closing"]


def test_an_order_is_refused_while_charging_and_when_nothing_has_tripped() -> None:
    rig = charging("rcd", rcd="On")
    order_reset(rig)
    assert rig.coil
    rig.vehicle("B")
    rig.run(1.0)
    order_reset(rig)
    assert rig.count("rcd_reset_refused") == 2
    assert rig.count("rcd_closing") == 0


def test_an_order_that_cannot_be_carried_out_is_dropped_after_a_minute() -> None:
    rig = wired("rcd", module=True, rcd="On")
    rig.run(5.0)
    assert rig.world.module is not None
    rig.world.module = rig.world.module._replace(dead=True)
    contact(rig, "rcd", True)
    order_reset(rig)
    rig.run(61.0)
    rig.world.module = rig.world.module._replace(dead=False)
    rig.run(100.0)
    assert rig.count("rcd_closing") == 0
    assert rig.count("rcd_reset_refused") == 1


@pytest.mark.parametrize(
    "settings",
    [
        {"rcd": "Off"},
        {"rcd": "On", "weld_auxiliary": True},
        {"rcd": "On", "schuko": True},
    ],
)
def test_an_order_is_refused_where_the_output_closes_no_rcd(settings) -> None:
    rig = wired("rcd", **settings)
    rig.allow(False)
    rig.run(5.0)
    contact(rig, "rcd", True)
    order_reset(rig)
    rig.run(5.0)
    assert rig.count("rcd_reset_refused") == 1
    assert rig.count("rcd_closing") == 0


def test_an_order_that_somebody_forestalls_gives_no_pulse() -> None:
    """An output that is a shunt trip as well would open the RCD again."""
    rig = wired("rcd", module=True, rcd="On")
    rig.run(5.0)
    contact(rig, "rcd", True)
    rig.run(5.0)
    order_reset(rig)
    contact(rig, "rcd", False)
    rig.run(10.0)
    assert rig.count("rcd_reset_ordered") == 1
    assert rig.count("rcd_closing") == 0
    assert not rig.shown.faults
