"""Residual current, RCD, circuit breaker and protective earth on the whole station (F29 to F41, F43), and their keys.

Times are virtual: the module's own delay, then what software adds.
"""

from pathlib import Path
from typing import Any

import pytest

from bus.topics import SETTINGS_LIVE
from hardware.interfaces import PilotMode
from schemas.base import Answer
from schemas.safety import PilotState
from services.safety.residual.self_test import UNTESTED
from tests.backend.scripted import ScriptedBackend
from tests.virtual.charging_station import CARD, Status
from tests.virtual.fault_bench import FaultBench

pytestmark = pytest.mark.virtual

RCD = 'inputs = { rcd = "normally open" }'
RECLOSING = {
    "RCDENABLE": "On",
    "RCDAUTORECLOSURE": "On",
    "RCDAUTORECLOSUREDELAY": "10",
    "RCDAUTORECLOSUREATTEMPTS": "3",
}


def charging(path: Path, **options: Any) -> FaultBench:
    """32 A flow, and the blanking after the closing is over."""
    bench = FaultBench(path, **options)
    bench.charge_fully()
    bench.advance(2.0)
    return bench


def goes_on_after_unplug_and_self_test(bench: FaultBench, code: str) -> None:
    bench.unplug()
    bench.expect_cleared(code, within_s=6.0)
    assert bench.safety(1).residual_state.startswith("protects")
    bench.until_ended()
    bench.advance(40.0)
    bench.plug_in()
    bench.advance(0.5)
    bench.swipe_until(lambda: bench.flows(1), CARD)


# residual current


def test_f29_a_minute_of_5_9_ma_does_not_trip_and_is_recorded(tmp_path: Path) -> None:
    bench = charging(tmp_path)
    bench.inject("residual_dc", 5.9)
    bench.advance(60.0)
    bench.expect_no_fault()
    assert bench.flows(1)
    assert bench.safety(1).residual_max_dc_ma == pytest.approx(5.9)


@pytest.mark.parametrize(
    ("fault", "milliamperes", "code", "within_s"),
    [
        pytest.param("residual_dc", 6.0, "residual_current_dc", 10.0, id="f30"),
        pytest.param("residual_dc", 60.0, "residual_current_dc", 0.3, id="f31"),
        pytest.param("residual_dc", 200.0, "residual_current_dc", 0.1, id="f32"),
        pytest.param("residual_rms", 30.0, "residual_current_rms", 0.3, id="f33"),
    ],
)
def test_f30_to_f33_residual_current_trips_within_the_standard_s_time(
    tmp_path: Path, fault: str, milliamperes: float, code: str, within_s: float
) -> None:
    bench = charging(tmp_path, backend=ScriptedBackend())
    bench.inject(fault, milliamperes)
    output = "dc_tripped" if fault == "residual_dc" else "rms_tripped"
    bench.until(lambda: getattr(bench.last_step().readings.residual, output), within_s)
    assert not bench.last_step().outputs.coil, "software takes no step more"
    bench.expect_fault(code, within_s=0.01)
    bench.expect_open(within_s=0.1)
    bench.clear(fault)
    bench.advance(40.0)
    assert code in bench.safety(1).faults, "it waits for the unplug"
    goes_on_after_unplug_and_self_test(bench, code)
    bench.backend.check()


def test_f34_a_glitch_at_every_switching_is_ignored(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path)
    bench.inject("residual_glitch", 1.0)
    bench.charge_fully()
    for _ in range(3):
        bench.site.ev_pause(1)
        bench.advance(6.0)
        bench.site.ev_resume(1)
        bench.until_current_flows(within_s=10.0)
    bench.expect_no_fault()
    glitches = [event for step in bench.steps[1] for event in step.events if event.name == "residual_glitch"]
    assert len(glitches) >= 4, "they are logged"


def test_f35_a_dead_module_fails_its_self_test_and_nothing_is_offered(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, power=False)
    bench.inject("residual_dead")
    bench.power_up()
    bench.expect_fault("residual_self_test_failed", within_s=5.0)
    bench.plug_in()
    bench.swipe(CARD)
    bench.advance(30.0)
    assert bench.last_step().outputs.mode is not PilotMode.PWM
    bench.unplug()
    bench.clear("residual_dead")
    bench.expect_cleared("residual_self_test_failed", within_s=65.0)


def test_f36_a_module_that_is_stuck_high_blocks_in_the_step_that_sees_it(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path)
    bench.advance(5.0)
    bench.inject("residual_stuck")
    bench.expect_fault("residual_sensor_failed", within_s=0.25)
    bench.clear("residual_stuck")
    bench.expect_cleared("residual_sensor_failed", within_s=5.0)


def test_f36_stuck_high_while_charging_is_a_trip_and_a_device_error_is_a_failure(tmp_path: Path) -> None:
    bench = charging(tmp_path)
    bench.inject("residual_device_error")
    bench.expect_fault("residual_sensor_failed", within_s=0.01)
    bench.clear("residual_device_error")
    goes_on_after_unplug_and_self_test(bench, "residual_sensor_failed")


def test_f37_the_daily_self_test_waits_for_state_a(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path)
    bench.advance(5.0)
    bench.plug_in()
    bench.advance(1.0)
    steps = len(bench.steps[1])
    bench._seats[1].state.residual.test_wanted = True  # as after 24 h
    bench.advance(30.0)
    assert not any(step.outputs.residual_test for step in list(bench.steps[1])[steps:])
    assert bench.safety(1).residual_state.startswith("protects")
    bench.unplug()
    bench.until(lambda: bench.last_step().outputs.residual_test, within_s=2.0)
    bench.expect_no_fault()


def test_the_station_stays_available_while_the_module_is_tested(tmp_path: Path) -> None:
    bench = charging(tmp_path)
    bench.unplug()
    bench.until(lambda: bench.last_step().outputs.residual_test, within_s=3.0)
    took_s = bench.until(lambda: bench.safety(1).residual_state.startswith("protects"), within_s=1.0)
    assert took_s < 5.0
    assert bench.status() in (Status.AVAILABLE, Status.FINISHING)


def test_a_power_cut_with_a_vehicle_connected_keeps_the_proof(tmp_path: Path) -> None:
    bench = charging(tmp_path, RestartTransAfterPowerLoss="true")
    bench.power_cut()
    bench.advance(30.0)
    bench.power_up()
    bench.until_current_flows(within_s=60.0)


# keys of the module


def test_iec_62955_leaves_alternating_residual_current_to_the_rcd(tmp_path: Path) -> None:
    """RCMBIEC62955Mode."""
    bench = charging(tmp_path, backend=ScriptedBackend(), RCMBIEC62955Mode="IEC62955", InfoStatusNotifications="true")
    bench.inject("residual_rms", 30.0, for_s=0.27)  # the RCD upstream needs 0.29 s
    bench.advance(5.0)
    bench.expect_no_fault()
    assert bench.flows(1)
    assert "Residual current: RMS output tripped" in infos(bench)
    bench.inject("residual_dc", 200.0)
    bench.expect_fault("residual_current_dc", within_s=0.15)


def infos(bench: FaultBench) -> list[str]:
    return [told.get("info", "") for told in bench.backend.payloads("StatusNotification")]


def test_a_change_of_residual_current_is_told_to_the_backend(tmp_path: Path) -> None:
    """RCMBDelta."""
    bench = charging(tmp_path, backend=ScriptedBackend(), RCMBDelta="20", InfoStatusNotifications="true")
    bench.inject("residual_dc", 1.9)
    bench.advance(15.0)
    assert not [info for info in infos(bench) if "Residual" in info]
    bench.inject("residual_dc", 3.0)
    bench.advance(15.0)
    assert [info for info in infos(bench) if "Residual" in info] == ["Residual current: DC 3.0 mA, RMS 0.0 mA"]
    bench.backend.check()


def test_the_keys_of_the_module_tell_state_largest_values_and_version(tmp_path: Path) -> None:
    """RCMB_STATE, RCMBTransactionMaxRMS, RCMBTransactionMaxDC, RCMBVersion."""
    bench = charging(tmp_path)
    bench.inject("residual_dc", 4.0)
    bench.inject("residual_rms", 12.0)
    bench.advance(2.0)
    bench.clear("residual_dc")
    bench.clear("residual_rms")
    bench.advance(2.0)
    values = bench.last(SETTINGS_LIVE).values
    assert values["RCMBVersion"] == "SIM-RDC 1.2"
    assert (values["RCMBTransactionMaxDC"], values["RCMBTransactionMaxRMS"]) == ("4.0", "12.0")
    assert values["RCMB_STATE"] == (
        "protects (DC and RMS); last transaction at most DC 4.0 mA, RMS 12.0 mA; now DC 0.0 mA, RMS 0.0 mA"
    )


# protective devices


def rcd_closings(bench: FaultBench) -> int:
    """Reclosing pulses of connector 1 so far."""
    pulses = [step.outputs.reclose for step in bench.steps[1]]
    return sum(now and not before for before, now in zip([False, *pulses], pulses, strict=False))


def test_f38_a_transient_trip_is_closed_again_after_the_delay(tmp_path: Path) -> None:
    """RCDENABLE, RCDAUTORECLOSURE, RCDAUTORECLOSUREDELAY. Without a module there is nothing to test in between."""
    bench = charging(tmp_path, connector='residual_current = "none"', equipment=RCD, **RECLOSING)
    bench.inject("rcd_trip", 0.0)
    bench.expect_fault("rcd_tripped", within_s=0.01)
    bench.expect_open(within_s=0.1)
    took_s = bench.until(lambda: bench.parts().upstream.rcd_closed, within_s=25.0)
    assert took_s == pytest.approx(10.0, abs=1.0)
    bench.expect_cleared("rcd_tripped", within_s=2.0)
    bench.until_current_flows(within_s=60.0)
    bench.advance(61.0)
    assert bench._seats[1].state.memory.reclosures == 0, "success starts the count again"


def test_f38_with_a_module_nothing_is_offered_before_its_self_test(tmp_path: Path) -> None:
    bench = charging(tmp_path, equipment=RCD, **RECLOSING)
    bench.inject("rcd_trip", 0.0)
    bench.expect_fault("rcd_tripped", within_s=0.01)
    bench.expect_cleared("rcd_tripped", within_s=25.0)
    bench.advance(35.0)
    assert bench.safety(1).reason == UNTESTED
    bench.unplug()
    bench.until_ended()
    bench.advance(10.0)
    bench.plug_in()
    bench.advance(0.5)
    bench.swipe_until(lambda: bench.flows(1), CARD)


@pytest.mark.parametrize("attempts", [1, 3])
def test_f39_a_permanent_trip_ends_after_the_attempts(tmp_path: Path, attempts: int) -> None:
    """RCDAUTORECLOSUREATTEMPTS."""
    keys = {**RECLOSING, "RCDAUTORECLOSUREATTEMPTS": str(attempts)}
    bench = charging(tmp_path, connector='residual_current = "none"', equipment=RCD, **keys)
    bench.inject("rcd_trip", 1.0)
    bench.expect_fault("rcd_tripped", within_s=0.01)
    bench.until(lambda: bench.safety(1).state is PilotState.LATCHED, within_s=attempts * 10.0 + 10.0)
    assert rcd_closings(bench) == attempts
    bench.advance(45.0)
    assert rcd_closings(bench) == attempts
    assert not bench.flows(1)


def test_f40_after_direct_current_the_rcd_is_never_closed_by_itself(tmp_path: Path) -> None:
    bench = charging(tmp_path, equipment=RCD, **RECLOSING)
    bench.inject("residual_dc", 60.0)
    bench.expect_fault("residual_current_dc", within_s=0.4)
    bench.inject("rcd_trip", 0.0)
    bench.clear("residual_dc")
    bench.unplug()
    bench.advance(45.0)
    assert "rcd_tripped" in bench.safety(1).faults
    assert bench.set_key("RCDRESET", "true") is Answer.ACCEPTED
    bench.advance(5.0)
    assert rcd_closings(bench) == 0


def test_an_order_closes_the_rcd_once(tmp_path: Path) -> None:
    """RCDRESET: the module is tested first."""
    bench = FaultBench(tmp_path, equipment=RCD, RCDENABLE="On")
    bench.advance(5.0)
    bench.inject("rcd_trip", 0.0)
    bench.expect_fault("rcd_tripped", within_s=0.25)
    bench.advance(60.0)
    tests = sum(event.name == "residual_test_passed" for step in bench.steps[1] for event in step.events)
    assert bench.set_key("RCDRESET", "true") is Answer.ACCEPTED
    bench.expect_cleared("rcd_tripped", within_s=5.0)
    assert sum(event.name == "residual_test_passed" for step in bench.steps[1] for event in step.events) == tests + 1
    bench.advance(30.0)
    assert rcd_closings(bench) == 1
    bench.kill("safety")
    bench.start("safety")
    bench.advance(30.0)
    assert rcd_closings(bench) == 1, "an order is done once"


def test_an_order_is_refused_while_the_output_serves_a_shunt_trip(tmp_path: Path) -> None:
    """RCDRESET, WeldCheckAuxRelay."""
    bench = FaultBench(tmp_path, equipment=RCD, RCDENABLE="On", WeldCheckAuxRelay="true")
    bench.advance(5.0)
    bench.inject("rcd_trip", 0.0)
    bench.expect_fault("rcd_tripped", within_s=0.25)
    bench.advance(60.0)
    assert bench.set_key("RCDRESET", "true") is Answer.REJECTED
    assert bench.set_key("WeldCheckAuxRelay", "false") is Answer.ACCEPTED
    assert bench.set_key("RCDRESET", "true") is Answer.ACCEPTED
    bench.expect_cleared("rcd_tripped", within_s=5.0)


def test_a_meter_that_falls_silent_behind_the_rcd_is_a_trip(tmp_path: Path) -> None:
    """RCDENABLE: Meter communication loss."""
    bench = charging(
        tmp_path, connector='residual_current = "none"', **{**RECLOSING, "RCDENABLE": "Meter communication loss"}
    )
    bench.inject("rcd_meter_dark")
    bench.inject("rcd_trip", 0.0)
    bench.expect_fault("rcd_maybe_tripped", within_s=8.0)
    bench.expect_cleared("rcd_maybe_tripped", within_s=40.0)
    bench.until_current_flows(within_s=60.0)


# one RCD, or one recloser, for two connectors

SHARED: dict[str, Any] = {
    "connectors": 2,
    "equipment": 'inputs = { opto_1 = "normally open" }\noutputs = ["auxiliary"]',
    **RECLOSING,
    "RCDENABLE": "Opto input",
}
OWN: dict[str, Any] = {
    "connectors": 2,
    "equipment": 'inputs = { rcd = "normally open", "rcd.2" = "normally open" }\noutputs = ["auxiliary"]',
    **RECLOSING,
}


def attempts(bench: FaultBench) -> list[tuple[int, str]]:
    """(connector, what it said) of every reclosing pulse."""
    return [
        (number, event.detail)
        for number in (1, 2)
        for step in bench.steps[number]
        for event in step.events
        if event.name == "rcd_closing"
    ]


@pytest.mark.parametrize(
    ("struck", "station"),
    [
        pytest.param(1, SHARED, id="1, one RCD"),
        pytest.param(2, OWN, id="2, one recloser"),
        pytest.param(2, SHARED, id="2, one RCD", marks=pytest.mark.long),
        pytest.param(1, OWN, id="1, one recloser", marks=pytest.mark.long),
    ],
)
def test_f40_after_direct_current_at_one_connector_no_other_closes_the_rcd(
    tmp_path: Path, station: dict[str, Any], struck: int
) -> None:
    bench = FaultBench(tmp_path, **station)
    bench.charge_fully(struck)
    bench.advance(2.0)
    bench.inject("residual_dc", 200.0, connector=struck)
    bench.expect_fault("residual_current_dc", within_s=0.2, connector=struck)
    for name in ("opto_1",) if station is SHARED else ("rcd", "rcd.2"):
        bench.press(name)
    bench.advance(2.0)
    bench.clear("residual_dc", connector=struck)
    bench.unplug(struck)
    bench.advance(60.0)
    assert bench.safety(1).faults == bench.safety(2).faults == ("rcd_tripped",)
    assert bench.set_key("RCDRESET", "true") is Answer.ACCEPTED
    bench.advance(5.0)
    assert not attempts(bench)


@pytest.mark.long
def test_f39_one_rcd_of_two_connectors_is_tried_as_often_as_one_of_one(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, **SHARED, connector='residual_current = "none"')
    bench.charge_fully(2)
    bench.press("opto_1")
    bench.until(lambda: bench.safety(2).state is PilotState.LATCHED, within_s=40.0)
    bench.advance(60.0)
    assert attempts(bench) == [(1, f"attempt {number} of 3") for number in (1, 2, 3)]


def test_an_rcd_is_not_closed_onto_the_welded_contacts_of_another_connector(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, **SHARED, connector='residual_current = "none"')
    bench.charge_fully(2)
    bench.inject("weld", connector=2)
    bench.press("opto_1")
    bench.expect_fault("contactor_welded", within_s=3.0, connector=2)
    bench.advance(60.0)
    assert not attempts(bench)


def test_an_order_for_the_whole_station_gives_one_pulse_and_both_modules_are_tested(tmp_path: Path) -> None:
    station = {**SHARED, "RCDAUTORECLOSURE": "Off"}
    bench = FaultBench(tmp_path, **station)
    bench.advance(5.0)
    bench.press("opto_1")
    bench.advance(5.0)
    assert bench.set_key("RCDRESET", "true") is Answer.ACCEPTED
    bench.until(lambda: len(attempts(bench)) == 1, within_s=5.0)
    bench.press("opto_1", False)
    bench.advance(10.0)
    assert len(attempts(bench)) == 1
    for number in (1, 2):
        passed = [event for step in bench.steps[number] for event in step.events if "test_passed" in event.name]
        assert len(passed) == 2
        bench.expect_no_fault(number)


@pytest.mark.parametrize(
    ("equipment", "settings", "fault", "code"),
    [
        pytest.param('inputs = { mcb = "normally closed" }', {}, "mcb_trip", "mcb_tripped", id="f41"),
        pytest.param(
            'inputs = { monitoring_relay = "normally open" }',
            {"MonitoringRelayInput": "On"},
            "rcd_trip",
            "monitoring_relay_tripped",
            id="monitoring_relay",
        ),
        pytest.param(
            'inputs = { opto_1 = "normally open" }', {"RCDENABLE": "Opto input"}, "rcd_trip", "rcd_tripped", id="opto"
        ),
    ],
)
def test_f41_a_device_that_trips_stops_in_one_step_and_charging_resumes(
    tmp_path: Path, equipment: str, settings: dict[str, str], fault: str, code: str
) -> None:
    bench = charging(tmp_path, backend=ScriptedBackend(), equipment=equipment, **settings)
    if "opto_1" in equipment:
        bench.site.wire("opto_1", "rcd")
    bench.inject(fault)
    bench.expect_fault(code, within_s=0.01)
    bench.expect_open(within_s=0.1)
    bench.clear(fault)
    bench.expect_cleared(code, within_s=12.0)
    bench.until_current_flows(within_s=60.0)
    bench.backend.check()


def test_f43_protective_earth_that_breaks_stops_within_a_second(tmp_path: Path) -> None:
    bench = charging(tmp_path, backend=ScriptedBackend(), equipment='inputs = { protective_earth = "normally open" }')
    bench.inject("pe_break")
    took_s = bench.expect_fault("protective_earth_lost", within_s=1.05)
    assert took_s >= 0.95
    bench.expect_open(within_s=0.1)
    bench.clear("pe_break")
    bench.advance(60.0)
    assert "protective_earth_lost" in bench.safety(1).faults
    bench.unplug()
    bench.expect_cleared("protective_earth_lost", within_s=15.0)
    bench.backend.check()
