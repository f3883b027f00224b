"""Faults of contactor, lock, plug and phases, and the keys about them, on the whole station. Every step of `safety` is
held against the invariants. Numbers F.. are rows of the fault-injection table; times are virtual.
"""

from pathlib import Path

import pytest

from bus.topics import SAFETY_CONNECTOR, SESSION_SWITCH_PHASES, SETTINGS_CHANGE, SETTINGS_LIVE
from schemas.base import Answer
from schemas.faults import FAULTS
from schemas.hmi import LightPattern
from schemas.safety import Contactor, Lock, PilotState
from schemas.session import StopReason, SwitchPhasesRequest
from schemas.settings import ChangeSettingRequest
from tests.backend.scripted import ScriptedBackend
from tests.parts import sample
from tests.virtual.charging_station import CARD, Status
from tests.virtual.fault_bench import FaultBench

pytestmark = pytest.mark.virtual

SENSED = "output_sense = true"


def wait_for_lock(bench: FaultBench, lock: Lock, within_s: float = 10.0) -> None:
    bench.until(lambda: bench.safety(1).lock is lock, within_s)


# welding


def test_f23_a_weld_asserts_the_shunt_trip_which_drops_the_supply_until_service_comes(tmp_path: Path) -> None:
    backend = ScriptedBackend()
    bench = FaultBench(tmp_path, backend=backend, WeldCheckAuxRelay="true")
    bench.charge_fully()
    bench.inject("weld")
    bench.swipe(CARD)
    bench.until(lambda: not bench.last_step().outputs.coil, within_s=10.0)
    off_s = bench.clock.boot_s
    bench.expect_fault("contactor_welded", within_s=1.1)
    confirmed_s = bench.clock.boot_s
    assert confirmed_s - off_s <= 1.1
    bench.until(lambda: bench.site.outputs.pins["auxiliary"], within_s=0.1)
    bench.advance(30.0)
    assert bench.safety(1).lock is Lock.LOCKED
    bench.power_cut()
    bench.power_up()
    bench.until(lambda: bench.safety(1).state is PilotState.LOCKOUT, within_s=5.0)
    assert bench.site.outputs.pins["auxiliary"], "the trip is asserted again"


def test_a_shunt_trip_that_is_switched_on_while_welded_acts_at_once_and_off_again(tmp_path: Path) -> None:
    """WeldCheckAuxRelay needs no restart, and welded contacts never open."""
    bench = FaultBench(tmp_path)
    bench.charge_fully()
    bench.inject("weld")
    bench.swipe(CARD)
    bench.expect_fault("contactor_welded", within_s=20.0)
    assert not bench.site.outputs.pins["auxiliary"]
    assert bench.set_key("WeldCheckAuxRelay", "true") is Answer.ACCEPTED
    bench.until(lambda: bench.site.outputs.pins["auxiliary"], within_s=0.5)
    bench.kill("safety")
    bench.start("safety")
    bench.advance(0.02)
    assert bench.site.outputs.pins["auxiliary"], "the journal keeps the key: nobody has said it again yet"
    bench.advance(5.0)
    assert bench.set_key("WeldCheckAuxRelay", "false") is Answer.ACCEPTED
    bench.until(lambda: not bench.site.outputs.pins["auxiliary"], within_s=0.5)
    assert bench.safety(1).state is PilotState.LOCKOUT


@pytest.mark.parametrize("pole", ["weld_l1", "weld_l2", "weld_l3"])
def test_f24_one_pole_that_welds_is_found_within_1_s_by_its_voltage(tmp_path: Path, pole: str) -> None:
    bench = FaultBench(tmp_path, connector=SENSED)
    bench.charge_fully()
    bench.inject(pole)
    bench.swipe(CARD)
    bench.until(lambda: not bench.last_step().outputs.coil, within_s=10.0)
    bench.expect_fault("contactor_welded", within_s=2.1)
    assert bench.safety(1).state is PilotState.LOCKOUT
    assert bench.safety(1).lock is Lock.LOCKED


def test_f25_the_230_v_input_finds_a_weld_after_the_unplugging_and_not_before(tmp_path: Path) -> None:
    bench = FaultBench(
        tmp_path,
        connector="mirror_contact = false",
        equipment='inputs = { line = "normally open" }',
        WeldCheck="230V input",
    )
    bench.charge_fully()
    bench.inject("weld")
    bench.swipe(CARD)
    bench.until_ended()
    bench.advance(10.0)
    bench.expect_no_fault()
    bench.unplug()
    bench.expect_fault("contactor_welded", within_s=2.2)
    bench.clear("weld")
    bench.reset_lockouts()
    bench.until(lambda: not bench.safety(1).faults and bench.safety(1).state is PilotState.A, within_s=10.0)


def test_an_opto_input_serves_as_feedback_with_the_type_of_the_key(tmp_path: Path) -> None:
    bench = FaultBench(
        tmp_path,
        connector="mirror_contact = false",
        equipment='inputs = { opto_1 = "normally open" }',
        WeldCheck="Opto input 1",
        WeldCheckInType="Normally closed",
        power=False,
    )
    bench.press("opto_1", True)
    bench.power_up()
    bench.until_heard()
    bench.plug_in()
    bench.advance(3.0)
    bench.swipe(CARD)
    bench.until(lambda: bench.last_step().outputs.coil, within_s=20.0)
    bench.expect_fault("contactor_no_close", within_s=0.3)


def test_f28_a_contactor_that_opens_slowly_is_warned_of_and_measured(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, backend=ScriptedBackend())
    bench.inject("contactor_slow_open", 80.0)
    bench.charge_fully()
    bench.site.ev_pause(1)
    bench.expect_fault("contactor_no_open", within_s=1.0)
    opening_ms = bench.safety(1).opening_ms
    assert opening_ms is not None
    assert 85.0 <= opening_ms <= 105.0
    bench.clear("contactor_slow_open")
    bench.site.ev_resume(1)
    bench.until_current_flows()
    bench.site.ev_pause(1)
    bench.expect_cleared("contactor_no_open", within_s=2.5)


# the vehicle


def test_f12_the_key_ends_state_d_at_once_and_reports_it(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, PauseChargingStateD="true", equipment='outputs = ["ventilation"]')
    bench.charge_fully()
    bench.inject("ventilation")
    bench.expect_open(within_s=0.25)
    assert bench.safety(1).faults == ("ventilation_required",)
    bench.until(lambda: bench.session(1).error_code == FAULTS["ventilation_required"].error_code, within_s=1.0)
    assert bench.status() is Status.SUSPENDED_EVSE
    bench.clear("ventilation")
    bench.expect_cleared("ventilation_required", within_s=2.0)
    bench.until_current_flows(within_s=60.0)


def test_state_d_charges_where_a_ventilation_is_wired_and_switches_it(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, PauseChargingStateD="false", equipment='outputs = ["ventilation"]')
    bench.charge(needs_ventilation=True)
    assert bench.safety(1).state is PilotState.D2
    assert bench.site.outputs.pins["ventilation"]
    bench.swipe(CARD)
    bench.until_ended()
    assert not bench.site.outputs.pins["ventilation"]
    bench.expect_no_fault()


def test_f17_a_vehicle_that_sleeps_is_woken_once(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path)
    bench.plug_in(ready_after_s=3600.0)
    bench.advance(3.0)
    bench.swipe(CARD)
    bench.until(lambda: bench.safety(1).state is PilotState.B2, within_s=10.0)
    offered_s = bench.clock.boot_s
    bench.until(lambda: bench.safety(1).wakes_vehicle, within_s=31.0)
    woken_s = bench.clock.boot_s
    assert woken_s - offered_s == pytest.approx(30.0, abs=0.5)
    assert bench.status() is Status.SUSPENDED_EV
    bench.until(lambda: not bench.safety(1).wakes_vehicle, within_s=4.5)
    bench.until(lambda: bench.safety(1).state is PilotState.B2, within_s=3.0)
    bench.advance(120.0)
    assert not bench.safety(1).wakes_vehicle
    assert bench.status() is Status.SUSPENDED_EV
    bench.expect_no_fault()


def test_f51_a_limit_of_5_9_a_ends_the_offer(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path)
    bench.charge_fully()
    bench.set_key("OperatorCurrentLimit", "5")
    bench.until(lambda: bench.safety(1).offered_a == 0.0, within_s=0.1)
    assert bench.safety(1).state is PilotState.C1
    bench.until(lambda: bench.light() is LightPattern.SUSPENDED, within_s=6.5)
    assert not any(body.faults for body in bench.bodies(SAFETY_CONNECTOR, "1"))


@pytest.mark.parametrize("check", ["true", "false"])
def test_cp_diode_detection_decides_whether_a_shorted_diode_ever_closes_the_contactor(
    tmp_path: Path, check: str
) -> None:
    bench = FaultBench(tmp_path, CPDiodeDetection=check)
    bench.inject("diode")
    bench.plug_in()
    bench.advance(3.0)
    bench.swipe(CARD)
    bench.expect_fault("pilot_diode", within_s=20.0)
    bench.advance(40.0)
    assert bench.parts().contactor.closings <= (0 if check == "true" else 1)
    assert any(step.outputs.coil for step in bench.steps[1]) is (check == "false")


# plug and lock


def test_lock_if_authorized_off_locks_when_the_vehicle_is_plugged_in(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, backend=ScriptedBackend(), LockIfAuthorized="false")
    bench.until(lambda: bench.backend.connected, within_s=30.0)
    bench.plug_in()
    wait_for_lock(bench, Lock.LOCKED)
    unlocked = bench.backend.call("UnlockConnector", {"connectorId": 1})
    wait_for_lock(bench, Lock.UNLOCKED)
    bench.until(lambda: unlocked.done, within_s=5.0)
    assert unlocked.payload == {"status": "Unlocked"}
    bench.advance(30.0)
    assert bench.safety(1).lock is Lock.UNLOCKED, "let go is let go"


def test_lock_if_authorized_on_waits_for_the_card(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, LockIfAuthorized="true")
    bench.plug_in()
    bench.advance(5.0)
    assert bench.safety(1).lock is Lock.UNLOCKED
    bench.swipe(CARD)
    wait_for_lock(bench, Lock.LOCKED)


def test_lock_permanently_keeps_the_cable_after_the_charge(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, LockPermanently="true")
    bench.charge_fully()
    bench.swipe(CARD)
    bench.until_ended()
    bench.unplug(cable_stays=True)
    bench.advance(120.0)
    assert bench.safety(1).lock is Lock.LOCKED
    bench.plug_in()
    bench.advance(1.0)
    bench.swipe(CARD)
    bench.until_current_flows()


def test_an_actuator_without_feedback_charges_after_a_full_drive(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, connector='lock_actuator = "without feedback"')
    bench.charge_fully()
    assert bench.safety(1).lock is Lock.LOCKED
    assert bench.parts().lock is not None
    assert bench.parts().lock.locked
    bench.swipe(CARD)
    bench.until_ended()
    wait_for_lock(bench, Lock.UNLOCKED)
    assert not bench.parts().lock.locked


def test_f58_a_lock_whose_feedback_always_says_locked_is_found_at_the_start(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, backend=ScriptedBackend(), power=False)
    bench.inject("lock_lies")
    bench.power_up()
    bench.expect_fault("lock_failed", within_s=10.0)
    bench.clear("lock_lies")
    bench.expect_cleared("lock_failed", within_s=65.0)
    bench.advance(31.0)
    bench.charge_fully()


def test_f59_without_supply_the_emergency_release_unlocks_or_is_warned_of_when_it_cannot(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, backend=ScriptedBackend(), connector='lock_actuator = "with emergency release"')
    bench.charge_fully()
    bench.inject("release_empty")
    bench.expect_fault("release_energy_low", within_s=3.0)
    assert bench.flows()
    bench.clear("release_empty")
    bench.expect_cleared("release_energy_low", within_s=30.0)
    bench.inject("mains_loss", for_s=5.0)
    bench.until(lambda: not bench.parts().lock.locked, within_s=3.0)  # type: ignore[union-attr]


def test_f84_a_socket_becomes_a_fixed_cable_only_with_the_next_start(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path)
    bench.charge_fully()
    assert bench.set_key("CableAttached", "true") is Answer.REJECTED, "it asks for a confirmation"
    expires_s = bench.clock.boot_s + 5.0
    confirmed = ChangeSettingRequest(
        request_id=bench.new_id(), expires_s=expires_s, key="CableAttached", value="true", confirmed=True
    )
    assert bench.ask(SETTINGS_CHANGE, confirmed).outcome is Answer.REBOOT_REQUIRED
    bench.advance(5.0)
    assert bench.safety(1).lock is Lock.LOCKED
    bench.swipe(CARD)
    bench.until_ended()
    bench.unplug()
    bench.shut_down()
    bench.power_up()
    bench.until(lambda: bench.safety(1).lock is Lock.NONE and bench.safety(1).state is PilotState.A, within_s=10.0)


# phases


def switching(path: Path, fields: str = "") -> FaultBench:
    """A connector with a phase relay that people may switch."""
    connector = f"{fields}\nphase_switching = true"
    return FaultBench(path, connector=connector, PhaseSwitchingFunction="By command")


def want_one_phase(bench: FaultBench) -> None:
    expires_s = bench.clock.boot_s + 5.0
    wish = SwitchPhasesRequest(request_id=bench.new_id(), expires_s=expires_s, connector=1, phases=1)
    assert bench.ask(SESSION_SWITCH_PHASES, wish).outcome is Answer.ACCEPTED


@pytest.mark.parametrize("obeys", [True, False], ids=["vehicle stops", "vehicle ignores the end of the offer"])
def test_f85_phases_change_only_with_open_poles_and_10_s_before_the_next_closing(tmp_path: Path, obeys: bool) -> None:
    bench = switching(tmp_path, SENSED)
    bench.charge_fully(obeys_pwm=obeys)
    assert (bench.safety(1).phases, bench.flows()) == (3, True)
    want_one_phase(bench)
    bench.until(lambda: bench.safety(1).phases == 1, within_s=10.0)
    switched_s = bench.clock.boot_s
    assert not bench.parts().contactor.closed
    bench.until(lambda: bench.last_step().outputs.coil, within_s=60.0)
    assert bench.clock.boot_s - switched_s >= 9.9
    bench.until_current_flows()
    bench.expect_no_fault()


def test_a_phase_relay_that_does_not_follow_is_a_fault(tmp_path: Path) -> None:
    bench = switching(tmp_path)
    bench.charge_fully()
    bench.inject("phase_relay_stuck")
    want_one_phase(bench)
    bench.expect_fault("phase_relay_stuck", within_s=12.0)
    bench.clear("phase_relay_stuck")
    bench.expect_cleared("phase_relay_stuck", within_s=10.0)
    bench.until_current_flows(within_s=60.0)
    assert bench.safety(1).phases == 1


# two connectors, restarts, wear


def test_f86_a_weld_on_one_connector_leaves_the_other_charging(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, connectors=2)
    bench.charge_fully(1)
    bench.plug_in(2)
    bench.advance(1.0)
    bench.swipe("CARD-2")
    bench.until_current_flows(2)
    outputs = [step.outputs for step in bench.steps[2]][-1]
    bench.inject("weld", connector=1)
    bench.site.ev_pause(1)
    bench.expect_fault("contactor_welded", within_s=2.0)
    bench.advance(10.0)
    after = bench.last_step(2).outputs
    assert (after.coil, after.mode, after.permille) == (outputs.coil, outputs.mode, outputs.permille)
    bench.expect_no_fault(2)


@pytest.mark.parametrize("part", sample(range(8), 8))
def test_f74_killed_at_any_moment_of_a_session_the_first_outputs_are_safe_and_it_goes_on(
    tmp_path: Path, part: int
) -> None:
    """26 moments each: 208 in all; the invariants see every first step."""
    bench = FaultBench(tmp_path)
    bench.plug_in()
    bench.advance(0.5)
    bench.swipe(CARD)
    for turn in range(26):
        bench.advance(0.037 + 0.061 * ((part * 26 + turn) % 17))
        bench.kill("safety")
        bench.start("safety")
    bench.until_current_flows(within_s=60.0)
    bench.swipe(CARD)
    bench.until_ended()
    assert len(bench.bills()) == 1
    assert bench.bill().stopped.reason is StopReason.LOCAL  # type: ignore[union-attr]


def test_f88_a_worn_out_contactor_is_warned_of_and_the_session_ends_properly(tmp_path: Path) -> None:
    keys = {"Type2ContactorLifetime": "2", "Type2PlugLifetime": "2", "ContactorCyclesUnderloadLimit": "1"}
    bench = FaultBench(tmp_path, backend=ScriptedBackend(), **keys)
    for _ in range(2):
        bench.charge_fully()
        bench.site.fault("pilot_short", 1, True)
        bench.until_open(within_s=0.2)
        bench.advance(1.0)
        bench.site.fault("pilot_short", 1, False)
        bench.until_current_flows(within_s=60.0)
        bench.swipe(CARD)
        bench.until_ended(len(bench.bills()))
        bench.unplug()
        bench.advance(5.0)
    shown = bench.safety(1)
    assert shown.faults == ("contactor_worn_out", "contactor_load_wear", "plug_wear")
    for code in shown.faults:
        bench.expect_fault(code, within_s=0.0)
    assert (shown.contactor_cycles, shown.plug_cycles) == (4, 2)
    assert shown.contactor_load_cycles >= 2
    assert bench.status() is Status.AVAILABLE
    counters = bench.last(SETTINGS_LIVE).values
    assert [counters[key] for key in ("ContactorCyclesType2", "Type2PlugCounter")] == ["4", "2"]
    assert counters["GetCountContactorCyclesType2UnderLoad"] == str(shown.contactor_load_cycles)
    for key in ("SetTypeContactorCycles", "SetCountContactorCyclesType2UnderLoad", "SetType2PlugCycles"):
        bench.presets.add(1)
        assert bench.set_key(key, "0") is Answer.ACCEPTED
    for code in shown.faults:
        bench.expect_cleared(code, within_s=1.0)
    assert bench.safety(1).faults == ()
    bench.kill("safety")
    bench.start("safety")
    bench.advance(3.0)
    shown = bench.safety(1)
    assert (shown.contactor_cycles, shown.contactor_load_cycles, shown.plug_cycles) == (0, 0, 0)
    assert shown.contactor is Contactor.OPEN


@pytest.mark.parametrize(("threshold", "counted"), [("31", 1), ("40", 0)])
def test_f16_an_opening_counts_as_under_load_above_the_threshold(tmp_path: Path, threshold: str, counted: int) -> None:
    bench = FaultBench(tmp_path, ThresholdContactorCurrentUnderLoad=threshold)
    bench.charge_fully(obeys_pwm=False)
    bench.advance(3.0)
    bench.swipe(CARD)
    bench.until_ended()
    assert bench.safety(1).contactor_load_cycles == counted
