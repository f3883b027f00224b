"""Temperatures on the whole station: rows F60 to F64 of the fault-injection table, reports, and what a fan is told."""

from pathlib import Path

import pytest

from hardware.interfaces import PilotMode
from tests.backend.scripted import ScriptedBackend
from tests.virtual.fault_bench import FaultBench
from tests.virtual.pausing import expect_pause

pytestmark = pytest.mark.virtual

SAMPLED_S = 1.1
"""Sensors are read once a second."""


def infos(bench: FaultBench) -> list[str]:
    """What the backend was told beside the plain status."""
    return [each["info"] for each in bench.backend.payloads("StatusNotification") if each.get("info")]


def until_told(bench: FaultBench, info: str, within_s: float = 15.0) -> None:
    bench.until(lambda: info in infos(bench), within_s)


def test_f60_at_66_degrees_less_current_is_offered_until_it_is_62(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, backend=ScriptedBackend(), InfoStatusNotifications="true")
    bench.charge_fully()
    bench.inject("temperature_housing", 66.0)
    bench.expect_fault("temperature_derated", within_s=SAMPLED_S)
    assert bench.safety(1).offered_a == pytest.approx(10.0, abs=0.06)
    bench.until(lambda: bench.current_a() <= 10.0, within_s=5.0)
    until_told(bench, "Signaled current reduced. Temperature: +66.0 C")
    until_told(bench, "Housing temperature high - current reduced")
    bench.inject("temperature_housing", 62.1)
    bench.advance(10.0)
    assert bench.safety(1).offered_a < 10.1
    bench.inject("temperature_housing", 62.0)
    bench.expect_cleared("temperature_derated", within_s=SAMPLED_S + 1.0)
    bench.until(lambda: bench.current_a() > 31.5, within_s=20.0)
    until_told(bench, "Signaled current back to nominal. Temp: +62.0 C")
    assert bench.flows()
    bench.backend.check()


def test_f61_a_step_to_71_degrees_stops_at_once_where_threshold_2_is_65(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, backend=ScriptedBackend(), TempReduceThreshold1="60", TempStopThreshold2="65")
    bench.charge_fully()
    bench.inject("temperature_housing", 71.0)
    bench.coil_off_within(SAMPLED_S)
    bench.expect_fault("temperature_limit", within_s=0.0)
    bench.expect_open(within_s=0.1)
    until_told(bench, "Temperature reaches safety limit - emergency stop")
    bench.inject("temperature_housing", 40.0)
    bench.expect_cleared("temperature_limit", within_s=SAMPLED_S + 1.0)
    bench.until_current_flows(within_s=45.0)
    bench.backend.check()


def test_threshold_2_pauses_and_charging_resumes_by_itself(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, backend=ScriptedBackend(), InfoStatusNotifications="true")
    bench.charge_fully()
    bench.inject("temperature_housing", 75.0)
    expect_pause(bench, "temperature_high", within_s=SAMPLED_S)
    assert bench.last_step().outputs.mode is PilotMode.X1
    bench.coil_off_within(6.1)
    until_told(bench, "Charging paused. Temperature: +75.0 C")
    until_told(bench, "Housing temperature too high - charging paused")
    bench.inject("temperature_housing", 50.0)
    bench.expect_cleared("temperature_high", within_s=SAMPLED_S + 1.0)
    bench.until_current_flows(within_s=45.0)
    bench.backend.check()


@pytest.mark.parametrize(("fault", "value"), [("sensor_open_housing", None), ("temperature_housing", 200.0)])
def test_f62_a_sensor_that_is_open_or_shorted_leaves_the_smallest_current(
    tmp_path: Path, fault: str, value: float | None
) -> None:
    bench = FaultBench(tmp_path, backend=ScriptedBackend())
    bench.charge_fully()
    bench.inject(fault, value)
    bench.expect_fault("temperature_sensor_lost", within_s=SAMPLED_S)
    assert bench.safety(1).offered_a == 6.0
    bench.advance(10.0)
    assert 0.0 < bench.current_a() <= 6.0
    bench.clear(fault)
    assert bench.expect_cleared("temperature_sensor_lost", within_s=SAMPLED_S + 10.0) >= 10.0 - 1e-5
    bench.until(lambda: bench.current_a() > 31.5, within_s=20.0)


def test_f63_a_plug_pin_of_90_degrees_beside_one_of_40_stops(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, equipment='temperatures = ["housing", "cpu", "plug_1", "plug_2"]')
    bench.charge_fully()
    bench.inject("temperature_plug_2", 40.0)
    bench.inject("temperature_plug_1", 90.0)
    bench.expect_fault("plug_overheated", within_s=SAMPLED_S)
    bench.expect_open(within_s=0.1)
    bench.inject("temperature_plug_1", 45.0)
    bench.expect_cleared("plug_overheated", within_s=SAMPLED_S + 1.0)
    bench.until_current_flows(within_s=45.0)


def test_a_hot_plug_of_connector_1_is_nothing_to_connector_2(tmp_path: Path) -> None:
    bench = FaultBench(
        tmp_path, connectors=2, equipment='temperatures = ["housing", "plug_1", "plug_2", "plug_1.2", "plug_2.2"]'
    )
    bench.charge_fully(2)
    bench.inject("temperature_plug_1", 90.0)
    bench.expect_fault("plug_overheated", within_s=SAMPLED_S)
    bench.advance(5.0)
    assert bench.safety(2).faults == ()
    assert bench.current_a(2) > 31.5


def test_f64_a_fan_that_stands_still_is_told_after_5_s_and_charging_goes_on(tmp_path: Path) -> None:
    keys = {"VentHeatingCtrlMode": "Fan (vehicle state)", "InfoStatusNotifications": "true"}
    bench = FaultBench(tmp_path, equipment="fan = true", backend=ScriptedBackend(), **keys)
    bench.charge_fully()
    until_told(bench, "Ventilation switched on")
    bench.advance(10.0)
    bench.expect_no_fault()
    bench.inject("fan_stuck")
    took_s = bench.expect_fault("fan_stuck", within_s=5.0 + SAMPLED_S)
    assert took_s >= 4.0
    assert bench.current_a() > 31.5
    until_told(bench, "Fan does not turn")
    bench.clear("fan_stuck")
    bench.expect_cleared("fan_stuck", within_s=SAMPLED_S + 1.0)
    bench.unplug()
    until_told(bench, "Ventilation switched off")
    bench.backend.check()


def test_the_backend_is_told_the_temperatures_by_temp_delta(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, backend=ScriptedBackend(), TempDelta="5", InfoStatusNotifications="true")
    bench.inject("temperature_cpu", 41.5)
    bench.inject("temperature_rfid", -3.0)
    until_told(bench, "Temperatures: CPU: +41.5 C RFID: -3.0 C", within_s=30.0)
    bench.inject("temperature_cpu", 46.4)
    bench.advance(15.0)
    before = len(infos(bench))
    bench.inject("temperature_cpu", 46.5)
    until_told(bench, "Temperatures: CPU: +46.5 C RFID: -3.0 C")
    assert len(infos(bench)) == before + 1


def test_the_board_stands_for_the_housing_with_ambient_cpu_delta_and_percent_holds(tmp_path: Path) -> None:
    keys = {"AmbientCpuDelta": "-10", "ReducedCurrentPct": "50"}
    bench = FaultBench(tmp_path, equipment='temperatures = ["cpu"]', **keys)
    bench.charge_fully()
    bench.inject("temperature_cpu", 74.9)
    bench.advance(3.0)
    bench.expect_no_fault()
    bench.inject("temperature_cpu", 75.0)
    bench.expect_fault("temperature_derated", within_s=SAMPLED_S)
    assert bench.safety(1).offered_a == pytest.approx(16.0, abs=0.06)


def test_threshold_1_of_the_key_reduces_and_one_degree_less_does_not(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, TempReduceThreshold1="50")
    bench.charge_fully()
    bench.inject("temperature_housing", 49.0)
    bench.advance(SAMPLED_S + 5.0)
    bench.expect_no_fault()
    bench.inject("temperature_housing", 50.0)
    bench.expect_fault("temperature_derated", within_s=SAMPLED_S)


def test_reduced_current_is_the_key(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, ReducedCurrent="20")
    bench.charge_fully()
    bench.inject("temperature_housing", 70.0)
    bench.expect_fault("temperature_derated", within_s=SAMPLED_S)
    assert bench.safety(1).offered_a == pytest.approx(20.0, abs=0.06)


def test_a_fan_by_temperature_follows_its_threshold_and_hysteresis(tmp_path: Path) -> None:
    keys = {"VentHeatingCtrlMode": "Fan (temperature)", "VentHeatingTempThr": "50", "VentHeatingHyst": "4"}
    bench = FaultBench(tmp_path, **keys)
    for celsius, on in ((49.0, False), (50.0, True), (46.5, True), (46.0, False)):
        bench.inject("temperature_housing", celsius)
        bench.advance(2.0)
        assert bench.site.thermal.climate_on is on, celsius


def test_a_heater_by_temperature_runs_below_its_threshold(tmp_path: Path) -> None:
    keys = {"VentHeatingCtrlMode": "Heater (temperature)", "VentHeatingTempThr": "5", "VentHeatingHyst": "4"}
    bench = FaultBench(tmp_path, **keys)
    for celsius, on in ((10.0, False), (4.0, True), (8.5, True), (9.5, False)):
        bench.inject("temperature_housing", celsius)
        bench.advance(2.0)
        assert bench.site.thermal.climate_on is on, celsius
