"""Currents, mains and meter on the whole station: rows F44 to F48 and F65 to F70 of the fault-injection table."""

from pathlib import Path

import pytest

from hardware.interfaces import PilotMode
from schemas.base import Answer
from services.safety.supply import restart
from tests.backend.scripted import ScriptedBackend
from tests.virtual.fault_bench import FaultBench
from tests.virtual.pausing import expect_pause

pytestmark = pytest.mark.virtual

SAMPLED_S = 1.1
"""The meter is read once a second."""


def offers_pwm(bench: FaultBench) -> bool:
    return bench.last_step().outputs.mode is PilotMode.PWM


# overload


def test_f44_an_overload_of_8_percent_is_nothing(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, CheckCarOverCurrent="true")
    bench.charge_fully()
    bench.inject("overdraw", 8.0)
    bench.until(lambda: bench.current_a() > 34.0, within_s=5.0)
    bench.advance(20.0)
    bench.expect_no_fault()
    assert bench.safety(1).offered_a == pytest.approx(32.0, abs=0.06)


def test_f45_an_overload_of_15_percent_is_answered_by_10_percent_less(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, CheckCarOverCurrent="true")
    bench.charge_fully()
    bench.inject("overdraw", 15.0)
    bench.until(lambda: bench.current_a() > 36.0, within_s=5.0)
    bench.until(lambda: bench.safety(1).offered_a < 29.0, within_s=5.0)
    assert bench.safety(1).limit_words == "the vehicle draws more than it is offered"
    bench.advance(40.0)
    bench.expect_no_fault()
    assert bench.flows()


def test_f46_an_overload_of_15_percent_for_7_s_stops_and_is_tried_again_after_60_s(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, backend=ScriptedBackend())
    bench.charge_fully()
    bench.inject("overdraw", 15.0)
    bench.until(lambda: max(bench.last_step().readings.meter.current_a) > 35.75, within_s=6.0)
    took_s = bench.expect_fault("overcurrent", within_s=7.2)
    assert took_s >= 6.9
    bench.expect_open(within_s=0.1)
    bench.clear("overdraw")
    cleared_s = bench.expect_cleared("overcurrent", within_s=61.0)
    assert cleared_s >= 58.0
    bench.until_current_flows(within_s=45.0)
    bench.backend.check()


def test_f47_a_vehicle_that_takes_its_time_to_follow_a_decrease_is_tolerated(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path)
    bench.charge_fully()
    assert bench.set_key("OperatorCurrentLimit", "10") is Answer.ACCEPTED
    bench.until(lambda: bench.safety(1).offered_a < 10.1, within_s=3.0)
    bench.advance(20.0)
    bench.expect_no_fault()
    assert 9.0 < bench.current_a() <= 10.0


def test_the_stop_limit_of_the_guide_stops_within_3_s(tmp_path: Path) -> None:
    keys = {"CheckCarOverCurrent": "true", "CheckCarOverCurrentStopLimit": "20", "OperatorCurrentLimit": "16"}
    bench = FaultBench(tmp_path, **keys)
    bench.charge_fully(least_a=15.5)
    bench.inject("overdraw", 30.0)
    bench.until(lambda: max(bench.last_step().readings.meter.current_a) > 20.0, within_s=6.0)
    bench.expect_fault("overcurrent", within_s=3.0)
    bench.expect_open(within_s=0.1)


def test_f48_200_a_on_one_phase_stops_at_the_first_sample(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, backend=ScriptedBackend())
    bench.charge_fully()
    bench.inject("short_circuit", 200.0)
    bench.expect_fault("overcurrent_hard", within_s=2.5)
    bench.expect_open(within_s=0.1)
    seen = [step for step in bench.steps[1] if step.readings.meter and step.readings.meter.current_a[0] > 100.0]
    assert not any(step.outputs.coil for step in seen), "the step that sees it opens"
    bench.clear("short_circuit")
    bench.expect_cleared("overcurrent_hard", within_s=63.0)
    bench.backend.check()


def test_f48_the_boards_own_detection_stops_in_the_same_step(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, equipment='inputs = { overcurrent = "normally open" }')
    bench.charge_fully()
    bench.press("overcurrent")
    bench.expect_fault("overcurrent_hard", within_s=0.05)
    bench.expect_open(within_s=0.1)
    bench.press("overcurrent", on=False)
    bench.expect_cleared("overcurrent_hard", within_s=61.0)


# mains


def test_f65_a_sag_of_100_ms_is_ridden_through_and_one_of_5_s_pauses(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, backend=ScriptedBackend())
    bench.charge_fully()
    bench.inject("undervoltage", 150.0, for_s=0.1)
    bench.advance(5.0)
    bench.expect_no_fault()
    assert offers_pwm(bench)
    bench.inject("undervoltage", 150.0, for_s=5.0)
    expect_pause(bench, "undervoltage", within_s=2.0 + SAMPLED_S)
    assert not offers_pwm(bench)
    bench.coil_off_within(6.1)
    assert bench.expect_cleared("undervoltage", within_s=66.0) >= 55.0
    bench.until_current_flows(within_s=45.0)
    bench.backend.check()


@pytest.mark.long
def test_f65_after_a_sag_the_restart_waits_a_random_time_where_the_key_says_so(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, RandomRestartAfterPowerLoss="true")
    bench.until(lambda: bench.last_step().readings.boot is not None, within_s=10.0)
    boot = bench.last_step().readings.boot
    bench.charge_fully()
    bench.inject("undervoltage", 150.0, for_s=5.0)
    expect_pause(bench, "undervoltage", within_s=2.0 + SAMPLED_S)
    bench.expect_cleared("undervoltage", within_s=66.0)
    wait_s = restart.drawn_s(f"{boot.serial}/{boot.start_id}/1/mains 1")
    assert bench.safety(1).reason.startswith("waiting: charging starts at a random time")
    waited_s = bench.until(lambda: offers_pwm(bench), within_s=301.0)
    assert waited_s == pytest.approx(max(wait_s, 0.0), abs=35.0)
    assert waited_s >= wait_s - 0.1


def test_after_a_power_cut_the_first_offer_waits_a_random_time_where_the_key_says_so(tmp_path: Path) -> None:
    keys = {"RandomRestartAfterPowerLoss": "true", "FreeCharging": "true"}
    bench = FaultBench(tmp_path, **keys)
    bench.plug_in()
    bench.until_current_flows()
    bench.power_cut()
    bench.power_up()
    bench.until(lambda: bench.last_step().readings.boot is not None, within_s=10.0)
    boot = bench.last_step().readings.boot
    assert boot.power_loss
    wait_s = restart.drawn_s(f"{boot.serial}/{boot.start_id}/1/start")
    waited_s = bench.until(lambda: offers_pwm(bench), within_s=330.0)
    assert wait_s - 10.0 <= waited_s
    assert waited_s <= max(wait_s, 10.0) + 30.0


def test_f66_mains_of_260_v_pause_after_2_s(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, backend=ScriptedBackend())
    bench.charge_fully()
    bench.inject("overvoltage", 270.0)
    expect_pause(bench, "overvoltage", within_s=2.0 + SAMPLED_S)
    bench.coil_off_within(6.1)
    bench.inject("overvoltage", 260.0)
    bench.advance(70.0)
    assert bench.safety(1).faults == ("overvoltage",)
    bench.clear("overvoltage")
    bench.expect_cleared("overvoltage", within_s=62.0)
    bench.backend.check()


def test_the_range_of_the_mains_follows_power_line_voltage(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, PowerLineVoltage="280")
    bench.until(lambda: bench.safety(1).faults == ("undervoltage",), within_s=12.0)


def test_f67_a_lost_phase_is_told_and_charging_goes_on_with_the_others(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, backend=ScriptedBackend())
    bench.charge_fully()
    bench.inject("phase_loss", 2.0)
    bench.expect_fault("phase_missing", within_s=2.0 + SAMPLED_S)
    bench.advance(10.0)
    assert bench.flows()
    bench.clear("phase_loss")
    bench.expect_cleared("phase_missing", within_s=2.0 + SAMPLED_S)
    bench.backend.check()


# the meter


def test_f69_a_meter_that_does_not_answer_is_told_after_5_s_and_what_is_not_watched_is_said(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, backend=ScriptedBackend())
    bench.charge_fully()
    bench.site.meter("connector.1", timeout=True)
    bench.expect_fault("meter_silent", within_s=10.0, owner="metering")
    bench.until(lambda: bench.safety(1).unwatched != "", within_s=10.0)
    assert bench.safety(1).unwatched == "currents and voltages are not watched: the meter does not answer"
    bench.advance(10.0)
    bench.expect_no_fault()
    assert bench.flows()
    assert bench.session(1).energy_wh is None, "energy is never invented"
    bench.site.meter("connector.1", timeout=False)
    bench.until(lambda: bench.safety(1).unwatched == "", within_s=5.0)
    bench.expect_cleared("meter_silent", within_s=2.0, owner="metering")
    bench.backend.check()


def test_f70_a_register_that_went_back_is_implausible_at_its_first_sample(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, power=False, backend=ScriptedBackend())
    bench.site.meter("connector.1", energy_wh=5000.0)
    bench.power_up()
    bench.until_heard()
    bench.charge_fully()
    bench.site.meter("connector.1", backwards_wh=2000.0)
    bench.expect_fault("meter_implausible", within_s=SAMPLED_S + 1.0, owner="metering")
    bench.advance(5.0)
    assert bench.session(1).energy_wh is None, "energy is never invented"
    bench.site.meter("connector.1", jump_wh=2000.0)
    bench.expect_cleared("meter_implausible", within_s=5.0, owner="metering")


# energy management input


@pytest.mark.parametrize(("limit", "offered_a"), [("8", 8.0), ("0", 0.0)])
def test_the_energy_management_input_limits_at_once_and_0_pauses(tmp_path: Path, limit: str, offered_a: float) -> None:
    bench = FaultBench(
        tmp_path,
        equipment='inputs = { energy_management = "normally closed" }',
        EnergyManInputPowerLimitCfg="Enable",
        EnergyManInputPowerCurrentLim=limit,
    )
    bench.charge_fully()
    bench.press("energy_management")
    bench.until(lambda: bench.safety(1).offered_a < 10.0, within_s=0.3)
    assert bench.safety(1).offered_a == pytest.approx(offered_a, abs=0.06)
    assert bench.safety(1).limit_words == "the energy management input"
    bench.press("energy_management", on=False)
    bench.until(lambda: bench.current_a() > 31.5, within_s=45.0)
    bench.expect_no_fault()
