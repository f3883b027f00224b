"""Faults of pilot, contactor, plug and lock on the whole station: reaction and its bound, what everyone is told, and
what becomes of the transaction. Numbers F.. are rows of the fault-injection table; times are virtual.
"""

from itertools import pairwise
from pathlib import Path

import pytest

from bus.topics import SAFETY_CONNECTOR, SESSION_PERMISSION, SYSTEM_FAULTS
from schemas.base import Answer
from schemas.hmi import LightPattern
from schemas.safety import Contactor, Lock, PilotState
from schemas.session import ConnectorStatus, LimitSource, StopReason
from tests.backend.scripted import ScriptedBackend
from tests.virtual.charging_station import CARD, Status
from tests.virtual.fault_bench import FaultBench
from tests.virtual.pausing import expect_pause

pytestmark = pytest.mark.virtual


@pytest.fixture
def charging(tmp_path: Path) -> FaultBench:
    """32 A flow, for a while, and a backend listens."""
    station = FaultBench(tmp_path, backend=ScriptedBackend())
    station.charge()
    station.until(lambda: station.current_a() > 31.5, within_s=15.0)
    return station


def rises_once(station: FaultBench, code: str, *, cleared: bool, connector: int = 1) -> None:
    edges = [edge.raised for edge in station.edges(code, connector=connector)]
    assert edges == ([True, False] if cleared else [True]), f"{code}: {edges}"


def only_fault(station: FaultBench, code: str) -> None:
    assert station.fault_codes() == [code]


def is_faulted(station: FaultBench, code: str, error_code: str) -> None:
    assert (station.status(), station.session(1).error_code) == (Status.FAULTED, error_code)
    assert station.light() is LightPattern.FAULT
    station.expect_told(code)


def nothing_was_told(station: FaultBench) -> None:
    """No fault at all since the power came, and the light is that of the status."""
    told = [each.fault.code for body in station.bodies(SYSTEM_FAULTS) for each in body.faults]
    assert told == []
    station.expect_light_of_status()


def resumes_and_ends_in_one_transaction(station: FaultBench, within_s: float = 40.0) -> None:
    station.until_current_flows(within_s=within_s)
    station.swipe(CARD)
    station.until_ended()
    bill = station.bill()
    assert bill.stopped is not None
    assert (bill.stopped.reason, bill.stopped.meter_stop_wh) == (StopReason.LOCAL, station.register_wh())


# the vehicle


def test_f1_the_vehicle_opens_s2_and_the_offer_stays(charging: FaultBench) -> None:
    charging.site.ev_pause(1)
    charging.until_open(within_s=0.1)
    charging.advance(0.5)
    assert (charging.safety(1).state, charging.safety(1).faults) == (PilotState.B2, ())
    assert charging.safety(1).offered_a == pytest.approx(32.0, abs=0.06)
    charging.site.ev_resume(1)
    resumes_and_ends_in_one_transaction(charging)


def test_f2_pulled_under_32_a_the_contactor_is_open_in_100_ms_and_unlocks_afterwards(charging: FaultBench) -> None:
    charging.unplug(cable_stays=True)
    charging.until_open(within_s=0.1)
    assert charging.locked()
    charging.until_ended()
    assert charging.bill().stopped.reason is StopReason.EV_DISCONNECTED  # type: ignore[union-attr]
    charging.until(lambda: charging.safety(1).lock is Lock.UNLOCKED, within_s=3.0)
    assert charging.fault_codes() == []


def test_f3_a_broken_pilot_wire_is_an_unplugging(charging: FaultBench) -> None:
    charging.fault("pilot_open")
    charging.until_open(within_s=0.1)
    charging.until_ended()
    assert charging.bill().stopped.reason is StopReason.EV_DISCONNECTED  # type: ignore[union-attr]
    assert charging.safety(1).state is PilotState.A
    charging.until(lambda: charging.light() is LightPattern.READY, within_s=5.0)
    nothing_was_told(charging)


def test_f13_a_vehicle_without_s2_gets_10_a_at_most(tmp_path: Path) -> None:
    station = FaultBench(tmp_path)
    station.charge(simplified=True)
    station.advance(8.0)
    assert station.safety(1).offered_a <= 10.0
    assert 0.0 < station.current_a() <= 10.0
    assert station.light() is LightPattern.CHARGING
    nothing_was_told(station)


def test_f14_a_chattering_s2_closes_the_contactor_at_most_every_5_s(charging: FaultBench) -> None:
    begun = charging.connector().contactor.closings
    charging.fault("s2_chatter", value=5.0)
    charging.advance(22.0)
    assert charging.connector().contactor.closings - begun <= 4
    charging.fault("s2_chatter", on=False)
    resumes_and_ends_in_one_transaction(charging)


def test_f15_a_bouncing_plug_neither_unlocks_nor_ends_the_transaction(charging: FaultBench) -> None:
    before = len(charging.said)
    charging.fault("pilot_gap", value=9.0)
    charging.advance(0.04)
    charging.fault("pilot_gap", value=12.0)
    charging.advance(0.015)
    charging.fault("pilot_gap", on=False)
    charging.advance(1.0)
    assert charging.locked()
    assert Lock.UNLOCKING not in [m.body.lock for m in charging.said[before:] if m.topic.name == "safety.connector"]
    resumes_and_ends_in_one_transaction(charging)


def test_f16_a_vehicle_that_ignores_the_end_of_the_offer_is_cut_off_at_6_s(tmp_path: Path) -> None:
    station = FaultBench(tmp_path)
    station.charge(obeys_pwm=False)
    station.advance(3.0)
    station.swipe(CARD)
    station.until(lambda: station.safety(1).offered_a == 0.0, within_s=1.0)
    opened_s = station.until_open(within_s=7.0)
    assert 6.0 <= opened_s <= 6.1
    station.until_ended()
    assert station.bill().stopped.meter_stop_wh == station.register_wh()  # type: ignore[union-attr]


def test_f17_a_vehicle_that_never_asks_is_offered_current_and_left_alone(tmp_path: Path) -> None:
    station = FaultBench(tmp_path)
    station.plug_in(ready_after_s=3600.0)
    station.advance(0.5)
    station.swipe(CARD)
    station.until_status(Status.SUSPENDED_EV)
    station.advance(60.0)
    assert (station.status(), station.safety(1).state) == (Status.SUSPENDED_EV, PilotState.B2)
    assert (station.connector().contactor.closings, station.fault_codes()) == (0, [])


# the pilot


@pytest.mark.parametrize(
    ("fault", "value", "bound_s", "code", "error_code"),
    [
        ("pilot_short", None, 0.100, "pilot_shorted", "EVCommunicationError"),  # F4
        ("pilot_gap", 7.5, 0.200, "pilot_level_invalid", "EVCommunicationError"),  # F7
        ("pilot_nan", None, 0.040, "pilot_unreadable", "InternalError"),  # F21
        ("pilot_frozen", None, 0.090, "pilot_unreadable", "InternalError"),  # F20: 50 ms, a step, the contactor
        ("pwm_frequency", 900.0, 1.0, "pilot_output", "InternalError"),  # F19
        ("lock_opens", None, 0.100, "lock_unexpected_open", "ConnectorLockFailure"),  # F56
        ("contactor_drops", None, 0.100, "contactor_unexpected_open", "PowerSwitchFailure"),  # F26
    ],
)
def test_f4_f7_f19_f20_f21_f26_f56_power_stops_in_time_is_told_once_and_resumes_after_30_s(
    charging: FaultBench, fault: str, value: float | None, bound_s: float, code: str, error_code: str
) -> None:
    charging.fault(fault, value=value)
    if fault == "pwm_frequency":
        charging.set_key("OperatorCurrentLimit", "16")
    charging.until(lambda: not charging.connector().contactor.coil, within_s=bound_s)
    charging.until_open(within_s=0.021)
    charging.until(lambda: charging.fault_codes() == [code], within_s=0.6)
    is_faulted(charging, code, error_code)
    opened_s = charging.connector().contactor.coil_off_s
    charging.fault(fault, on=False)
    charging.until(lambda: charging.connector().contactor.coil, within_s=60.0)
    assert charging.connector().contactor.coil_on_s - opened_s >= 30.0
    rises_once(charging, code, cleared=True)
    resumes_and_ends_in_one_transaction(charging)


def test_f5_a_pilot_stuck_at_9_v_opens_the_contactor(charging: FaultBench) -> None:
    charging.fault("pilot_gap", value=9.0)
    charging.until_open(within_s=0.1)
    charging.until(lambda: charging.light() is LightPattern.SUSPENDED, within_s=1.0)
    nothing_was_told(charging)
    charging.fault("pilot_gap", on=False)
    resumes_and_ends_in_one_transaction(charging)


def test_f6_a_pilot_between_two_states_for_40_ms_changes_nothing(charging: FaultBench) -> None:
    charging.watch_current()
    charging.fault("pilot_gap", value=7.5)
    charging.advance(0.04)
    charging.fault("pilot_gap", on=False)
    charging.advance(1.0)
    assert charging.least_a is not None
    assert charging.least_a > 31.0
    assert charging.light() is LightPattern.CHARGING
    nothing_was_told(charging)


def test_f8_a_shorted_diode_before_charging_never_closes_the_contactor(tmp_path: Path) -> None:
    station = FaultBench(tmp_path, backend=ScriptedBackend())
    station.plug_in(ready_after_s=4.0)
    station.advance(0.5)
    station.swipe(CARD)
    station.until(lambda: station.safety(1).state is PilotState.B2, within_s=5.0)
    station.fault("diode")
    station.advance(15.0)
    assert station.connector().contactor.closings == 0
    is_faulted(station, "pilot_diode", "EVCommunicationError")
    only_fault(station, "pilot_diode")
    assert station.bill().energy_wh == 0
    station.fault("diode", on=False)
    station.unplug()
    station.until_status(Status.AVAILABLE)
    rises_once(station, "pilot_diode", cleared=True)


def test_f9_a_diode_that_fails_while_charging_stops_within_200_ms_until_the_unplugging(
    charging: FaultBench,
) -> None:
    charging.fault("diode")
    charging.until(lambda: not charging.connector().contactor.coil, within_s=0.2)
    charging.fault("diode", on=False)
    charging.advance(60.0)
    is_faulted(charging, "pilot_diode", "EVCommunicationError")
    assert charging.bill().stopped.reason is StopReason.OTHER  # type: ignore[union-attr]
    charging.unplug()
    charging.until_status(Status.AVAILABLE)
    rises_once(charging, "pilot_diode", cleared=True)


def test_f11_a_vehicle_that_demands_ventilation_gets_no_power(tmp_path: Path) -> None:
    station = FaultBench(tmp_path, backend=ScriptedBackend())
    station.plug_in(needs_ventilation=True)
    station.advance(0.5)
    station.swipe(CARD)
    expect_pause(station, "ventilation_required", within_s=10.0)
    only_fault(station, "ventilation_required")
    assert (station.status(), station.session(1).error_code) == (Status.SUSPENDED_EVSE, "OtherError")
    assert station.session(1).info == "Vehicle demands ventilation"
    station.advance(10.0)
    station.unplug()
    station.until_ended()
    station.until(lambda: station.fault_codes() == [], within_s=3.0)
    rises_once(station, "ventilation_required", cleared=True)
    assert (station.connector().contactor.closings, station.bill().energy_wh) == (0, 0)


def test_f12_a_vehicle_that_demands_ventilation_while_charging_is_paused(charging: FaultBench) -> None:
    charging.fault("pilot_gap", value=3.0)
    charging.until(lambda: charging.safety(1).offered_a == 0.0, within_s=0.5)
    charging.until_open(within_s=6.1)
    expect_pause(charging, "ventilation_required", within_s=0.0)
    only_fault(charging, "ventilation_required")
    charging.fault("pilot_gap", on=False)
    charging.until_current_flows(within_s=60.0)
    rises_once(charging, "ventilation_required", cleared=True)


def test_f18_a_stuck_pwm_generator_stops_power_within_200_ms_of_the_command_it_ignores(
    charging: FaultBench,
) -> None:
    charging.fault("pwm_stuck")
    charging.advance(3.0)
    assert charging.fault_codes() == []
    charging.set_key("OperatorCurrentLimit", "10")
    charging.until(lambda: not charging.connector().contactor.coil, within_s=0.2)
    charging.advance(1.0)
    is_faulted(charging, "pilot_output", "InternalError")
    charging.fault("pwm_stuck", on=False)
    resumes_and_ends_in_one_transaction(charging, within_s=60.0)
    rises_once(charging, "pilot_output", cleared=True)


# the contactor


def test_f22_a_contactor_that_does_not_close_is_given_up_after_200_ms_until_the_unplugging(tmp_path: Path) -> None:
    station = FaultBench(tmp_path, backend=ScriptedBackend())
    station.fault("contactor_no_close")
    station.plug_in()
    station.advance(0.5)
    station.swipe(CARD)
    station.until(lambda: station.connector().contactor.coil, within_s=20.0)
    station.until(lambda: not station.connector().contactor.coil, within_s=0.211)
    station.advance(60.0)
    is_faulted(station, "contactor_no_close", "PowerSwitchFailure")
    assert (station.bill().energy_wh, station.bill().stopped.reason) == (0, StopReason.OTHER)  # type: ignore[union-attr]
    station.fault("contactor_no_close", on=False)
    station.unplug()
    station.until_status(Status.AVAILABLE)
    rises_once(station, "contactor_no_close", cleared=True)


def test_f23_a_welded_contactor_is_out_of_service_stays_locked_and_survives_a_power_cut(
    charging: FaultBench,
) -> None:
    charging.fault("weld")
    charging.swipe(CARD)
    charging.until(lambda: charging.safety(1).state is PilotState.LOCKOUT, within_s=12.0)
    assert charging.clock.boot_s - charging.connector().contactor.coil_off_s <= 1.1
    charging.until_ended()
    stopped = charging.bill().stopped
    assert stopped is not None
    assert (stopped.reason, stopped.meter_stop_measured) == (StopReason.LOCAL, False)
    is_faulted(charging, "contactor_welded", "PowerSwitchFailure")
    assert charging.safety(1).lock is Lock.LOCKED
    charging.power_cut()
    charging.power_up()
    charging.until_status(Status.FAULTED)
    charging.swipe(CARD)
    charging.advance(10.0)
    assert charging.safety(1).state is PilotState.LOCKOUT
    assert not charging.connector().contactor.coil
    assert charging.locked()


def test_f27_a_bouncing_contactor_is_told_as_closed_once(tmp_path: Path) -> None:
    station = FaultBench(tmp_path)
    station.fault("contactor_bounce")
    station.charge()
    phases = [m.body.contactor for m in station.said if m.topic.name == "safety.connector" and not m.resent]
    closed = [b for a, b in pairwise(phases) if a is not b and b is Contactor.CLOSED]
    assert len(closed) == 1
    nothing_was_told(station)


# the lease and the limit


def test_f49_when_the_lease_ends_the_vehicle_is_paused_and_goes_on_when_it_is_back(charging: FaultBench) -> None:
    ends_s = charging.last(SESSION_PERMISSION, "1").until_s
    charging.kill("session")
    charging.until(lambda: charging.safety(1).offered_a == 0.0, within_s=11.0)
    assert 0.0 <= charging.clock.boot_s - ends_s <= 0.05
    charging.until_open(within_s=6.1)
    assert charging.light() is LightPattern.SUSPENDED
    charging.advance(10.0)
    charging.start("session")
    resumes_and_ends_in_one_transaction(charging)
    assert not any(body.faults for body in charging.bodies(SAFETY_CONNECTOR, "1"))


def test_f50_a_limit_that_oscillates_falls_at_once_and_rises_every_5_s_at_most(charging: FaultBench) -> None:
    before = len(charging.said)
    for _ in range(11):
        for limit in ("6", "16"):
            charging.set_key("OperatorCurrentLimit", limit)
            if limit == "6":
                assert charging.safety(1).offered_a == pytest.approx(6.0, abs=0.06)
            charging.advance(0.5)
    said = [m for m in charging.said[before:] if m.topic.name == "safety.connector"]
    pairs = list(pairwise(said))
    rises = [m.sent_s for last, m in pairs if m.body.offered_a > last.body.offered_a]
    changes = [m.sent_s for last, m in pairs if m.body.offered_a != last.body.offered_a]
    assert rises, "5 s after the last change it does rise"
    for at_s in rises:
        earlier = [changed_s for changed_s in changes if changed_s < at_s]
        assert not earlier or at_s - earlier[-1] >= 5.0 - 1e-6
    assert charging.connector().contactor.closed
    assert charging.light() is LightPattern.CHARGING
    nothing_was_told(charging)


# the plug and its lock


def test_f52_a_plug_contact_lost_while_charging_stops_within_1_s_until_the_unplugging(
    charging: FaultBench,
) -> None:
    charging.fault("proximity_open")
    charging.until_open(within_s=1.0)
    charging.until_ended()
    is_faulted(charging, "proximity_lost", "OtherError")
    charging.fault("proximity_open", on=False)
    charging.advance(40.0)
    is_faulted(charging, "proximity_lost", "OtherError")
    charging.unplug()
    charging.until_status(Status.AVAILABLE)
    rises_once(charging, "proximity_lost", cleared=True)


def test_f53_a_resistor_between_two_cables_counts_as_the_thinner_one(tmp_path: Path) -> None:
    station = FaultBench(tmp_path)
    station.fault("proximity", value=350.0)
    station.charge()
    station.advance(6.0)
    assert (station.session(1).limit_a, station.session(1).limit_source) == (20.0, LimitSource.CABLE)
    assert station.current_a() <= 20.0
    assert station.light() is LightPattern.CHARGING
    nothing_was_told(station)


@pytest.mark.parametrize("ohm", [50.0, 5000.0])
def test_f54_a_cable_that_cannot_be_recognised_does_not_charge(tmp_path: Path, ohm: float) -> None:
    station = FaultBench(tmp_path, backend=ScriptedBackend())
    station.fault("proximity", value=ohm)
    station.plug_in()
    station.advance(1.0)
    station.swipe(CARD)
    station.advance(20.0)
    is_faulted(station, "proximity_invalid", "OtherError")
    only_fault(station, "proximity_invalid")
    assert (station.bills(), station.connector().contactor.closings) == ([], 0)
    station.fault("proximity", on=False)
    station.unplug()
    station.until_status(Status.AVAILABLE)
    rises_once(station, "proximity_invalid", cleared=True)


def test_f55_a_lock_that_does_not_lock_is_tried_three_times_and_nothing_is_charged(tmp_path: Path) -> None:
    station = FaultBench(tmp_path, backend=ScriptedBackend())
    station.fault("lock")
    station.plug_in()
    station.advance(0.5)
    station.swipe(CARD)
    station.until(lambda: station.fault_codes() == ["lock_failed"], within_s=16.0)
    station.until_status(Status.FAULTED, within_s=1.0)
    is_faulted(station, "lock_failed", "ConnectorLockFailure")
    assert (station.bills(), station.connector().contactor.closings) == ([], 0)
    station.fault("lock", on=False)
    station.unplug()
    station.until_status(Status.AVAILABLE)
    rises_once(station, "lock_failed", cleared=True)


def test_f57_a_lock_that_does_not_unlock_is_warned_of_and_tried_until_it_does(charging: FaultBench) -> None:
    charging.fault("lock")
    charging.swipe(CARD)
    charging.until_ended()
    charging.expect_fault("unlock_failed", within_s=25.0)
    only_fault(charging, "unlock_failed")
    assert (charging.status(), charging.light()) == (Status.FINISHING, LightPattern.FINISHING)
    charging.fault("lock", on=False)
    charging.until(lambda: charging.safety(1).lock is Lock.UNLOCKED, within_s=7.0)
    charging.expect_cleared("unlock_failed", within_s=1.0)


# time


@pytest.mark.parametrize("stall_s", [0.3, 3.0])
def test_f76_a_stalled_safety_process_is_opened_by_the_board_and_charging_resumes(
    charging: FaultBench, stall_s: float
) -> None:
    charging.settle()
    fed_s = charging.site.monoflop.last_stamp_s
    charging.freeze("safety", stall_s)
    contactor = charging.connector().contactor
    assert fed_s is not None
    assert not contactor.coil
    assert contactor.coil_off_s - fed_s <= 0.2
    charging.expect_fault("loop_overrun", within_s=0.1)
    resumes_and_ends_in_one_transaction(charging, within_s=60.0)
    charging.expect_cleared("loop_overrun", within_s=5.0)


@pytest.mark.parametrize("jump_s", [3600.0, -3600.0])
def test_f83_a_jump_of_wall_time_changes_nothing_but_the_dates(charging: FaultBench, jump_s: float) -> None:
    charging.watch_current()
    charging.clock.wall_jump_s(jump_s)
    charging.advance(15.0)
    assert charging.least_a is not None
    assert charging.least_a > 31.0
    charging.swipe(CARD)
    charging.until_ended()
    assert charging.bill().stopped.meter_stop_wh == charging.register_wh()  # type: ignore[union-attr]


def test_f86_a_fault_at_one_connector_does_not_touch_the_other(tmp_path: Path) -> None:
    station = FaultBench(tmp_path, connectors=2)
    station.charge(1)
    station.plug_in(2)
    station.advance(0.5)
    station.swipe("CARD-2")
    station.until_current_flows(2)
    station.advance(5.0)
    station.watch_current()
    station.fault("diode", connector=2)
    station.until_open(2, within_s=0.3)
    station.advance(5.0)
    assert (station.status(2), station.light(2)) == (ConnectorStatus.FAULTED, LightPattern.FAULT)
    rises_once(station, "pilot_diode", cleared=False, connector=2)
    assert (station.status(1), station.session(1).error_code) == (Status.CHARGING, "NoError")
    assert station.least_a is not None
    assert station.least_a > 30.0
    assert station.set_key("OperatorCurrentLimit", "20") is Answer.ACCEPTED
    assert station.light(1) is LightPattern.CHARGING
