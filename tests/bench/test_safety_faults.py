"""Fault injection at the core: every row that the work so far can answer (F1 to F28, F49 to F57, F76, F83)."""

import math

import pytest

from hardware.interfaces import PilotMode
from schemas.faults import FAULTS
from schemas.safety import PilotState
from services.safety import core, faults
from services.safety.memory import cleared
from services.safety.state import SAFE
from tests.safety_rig import NO_MIRROR, Rig, replay

pytestmark = pytest.mark.bench


def charging() -> Rig:
    rig = Rig()
    rig.charge()
    rig.run(10.0)
    return rig


def offering() -> Rig:
    rig = Rig()
    rig.allow()
    rig.run(6.0)
    rig.plug()
    rig.until(lambda: rig.name is PilotState.B2, 2.0)
    rig.run(1.0)
    return rig


def opens_within(rig: Rig, seconds: float, code: str = "") -> None:
    rig.until(lambda: not rig.coil, seconds)
    if code:
        rig.until(lambda: code in rig.shown.faults, 0.2)
        assert rig.count("fault_raised", code) == 1


def test_a_wire_break_of_the_pilot_opens_and_keeps_the_plug_locked_until_open_is_proven() -> None:
    rig = charging()
    rig.world.open_s = 0.09
    rig.allow(hold=False)
    rig.vehicle("A")
    opens_within(rig, 0.05)
    rig.allow(False)
    rig.until(lambda: rig.outputs.lock.value == "unlock", 1.0)
    assert rig.shown.contactor.value == "open"


def test_a_shorted_pilot_is_state_e_and_clears_after_1_s_in_b() -> None:
    rig = charging()
    rig.vehicle("E")
    opens_within(rig, 0.05, "pilot_shorted")
    assert rig.name is PilotState.E
    assert rig.outputs.mode is PilotMode.X1
    assert rig.shown.vehicle_connected, "a short says nothing about the plug"
    rig.vehicle("B")
    rig.until(lambda: not rig.shown.faults, 2.0)
    assert rig.name is PilotState.B1
    assert rig.shown.retry_after_s > rig.now_s


def test_after_a_fault_30_s_pass_before_current_is_offered_and_charging_resumes_by_itself() -> None:
    rig = charging()
    rig.vehicle("E")
    opens_within(rig, 0.05)
    rig.vehicle("B")
    gone_s = rig.now_s
    rig.until(lambda: rig.name is PilotState.B2, 35.0)
    assert rig.now_s - gone_s == pytest.approx(30.0, abs=0.1)
    rig.vehicle("C")
    rig.until(lambda: rig.coil, 1.0)
    assert rig.count("plugged") == 1


def test_the_fourth_fault_of_a_plug_in_waits_for_an_unplug() -> None:
    rig = charging()
    for _ in range(3):
        rig.vehicle("E")
        rig.run(0.5)
        rig.vehicle("B")
        rig.run(1.1)
        rig.vehicle("C")
        rig.run(40.0)
        assert rig.coil
    assert not rig.shown.only_latched
    rig.vehicle("E")
    rig.run(0.5)
    assert not rig.shown.only_latched, "the fault is still there"
    rig.vehicle("B")
    rig.run(60.0)
    assert rig.name is PilotState.LATCHED
    assert rig.shown.only_latched
    assert rig.shown.reason == "Vehicle signals error: unplug the vehicle to go on"
    rig.vehicle("D")
    rig.run(1.0)
    assert rig.shown.faults == ("pilot_shorted", "ventilation_required")
    assert not rig.shown.only_latched, "something else blocks"
    rig.unplug()
    rig.run(3.0)
    assert not rig.shown.only_latched
    assert rig.name is PilotState.A
    assert rig.state.memory.recoveries == 0


def test_a_pause_may_come_as_often_as_it_likes_and_never_waits_for_an_unplug() -> None:
    rig = charging()
    for _ in range(5):
        rig.vehicle("D")
        rig.run(8.0)
        assert rig.shown.faults == ("ventilation_required",)
        rig.vehicle("B")
        rig.run(40.0)
        assert rig.name is PilotState.B2


def test_a_level_stuck_at_9_v_reads_as_b_and_opens() -> None:
    rig = charging()
    rig.vehicle("B")
    opens_within(rig, 0.05)


def test_a_level_between_the_windows_for_100_ms_is_a_fault() -> None:
    rig = charging()
    rig.vehicle("-")
    opens_within(rig, 0.06, "pilot_level_invalid")
    rig.run(0.35)
    assert rig.outputs.mode is PilotMode.X1, "F has lasted its 300 ms"
    rig.vehicle("B")
    rig.run(2.9)
    assert "pilot_level_invalid" in rig.shown.faults
    rig.run(0.2)
    assert not rig.shown.faults


def test_state_f_lasts_300_ms_after_a_fault() -> None:
    rig = charging()
    rig.vehicle("-")
    rig.until(lambda: rig.outputs.mode is PilotMode.F, 0.2)
    assert rig.until(lambda: rig.outputs.mode is PilotMode.X1, 1.0) == pytest.approx(0.3, abs=1e-3)


def test_a_shorted_diode_in_b2_never_closes_and_waits_for_an_unplug() -> None:
    rig = Rig()
    rig.world.diode = False
    rig.allow()
    rig.run(6.0)
    rig.plug()
    rig.until(lambda: "pilot_diode" in rig.shown.faults, 2.0)
    rig.vehicle("C")
    rig.run(60.0)
    assert rig.count("coil_on") == 0
    assert rig.name is PilotState.LATCHED
    rig.unplug()
    rig.run(3.0)
    assert rig.name is PilotState.A


def test_a_diode_shorted_while_charging_opens_after_its_debounce() -> None:
    rig = charging()
    rig.world.diode = False
    rig.sample()
    begin_s = rig.now_s
    opens_within(rig, 0.2, "pilot_diode")
    assert rig.now_s - begin_s <= 0.13


def test_a_diode_fault_of_60_ms_while_charging_is_tolerated() -> None:
    rig = charging()
    rig.world.diode = False
    rig.run(0.06)
    rig.world.diode = True
    rig.run(5.0)
    assert rig.coil


def test_c_without_a_proven_diode_does_not_close() -> None:
    rig = offering()
    rig.state.pilot_sight.diode_proven = False
    rig.state.pilot_sight.diode_good_s = None
    rig.world.diode = False
    rig.vehicle("C")
    rig.run(3.0)
    assert rig.count("coil_on") == 0


def test_a_generator_stuck_at_its_old_duty_opens_within_200_ms() -> None:
    rig = charging()
    rig.world.stuck_duty = True
    rig.allow(limit_a=10.0)
    opens_within(rig, 0.2, "pilot_output")
    rig.run(20.0)
    assert "pilot_output" in rig.shown.faults, "PWM is still read although X1 is driven"


def test_a_generator_that_ignores_x1_opens_the_contactor() -> None:
    rig = charging()
    rig.world.stuck_duty = True
    rig.allow(False)
    opens_within(rig, 0.2, "pilot_output")


@pytest.mark.parametrize(("frequency_hz", "stays"), [(900.0, False), (979.0, False), (985.0, True), (1020.0, True)])
def test_the_frequency_may_be_2_percent_off(frequency_hz: float, stays: bool) -> None:
    rig = charging()
    rig.world.frequency_hz = frequency_hz
    rig.run(1.0)
    assert rig.coil is stays
    assert ("pilot_output" in rig.shown.faults) is not stays


def test_a_frozen_stamp_is_stale_after_50_ms() -> None:
    rig = charging()
    rig.world.pilot_alive = False
    begin_s = rig.readings.pilot.sampled_s
    opens_within(rig, 0.06)
    assert rig.now_s - begin_s == pytest.approx(0.05, abs=1e-3)
    rig.until(lambda: "pilot_unreadable" in rig.shown.faults, 0.6)


def test_a_short_hole_in_the_samples_pauses_5_s_and_is_no_fault() -> None:
    rig = charging()
    rig.world.pilot_alive = False
    opens_within(rig, 0.06)
    rig.world.pilot_alive = True
    rig.run(0.05)
    assert rig.outputs.mode is PilotMode.X1
    rig.run(1.0)
    rig.vehicle("B")
    rig.until(lambda: rig.name is PilotState.B2, 6.0)
    rig.vehicle("C")
    rig.until(lambda: rig.coil, 1.0)
    assert not any(event.name == "fault_raised" for _, event in rig.events)
    assert rig.count("plugged") == 1


def test_nan_opens_in_the_same_step() -> None:
    rig = charging()
    rig.world.pilot_nan = True
    rig.sample()
    rig.step()
    assert not rig.coil


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1e9, -32768.0])
@pytest.mark.parametrize("field", ["high_v", "low_v", "duty", "frequency_hz", "sampled_s"])
def test_no_impossible_value_is_ever_read_as_good(field: str, value: float) -> None:
    rig = charging()
    rig.readings = rig.readings._replace(pilot=rig.readings.pilot._replace(**{field: value}))
    rig.step()
    assert not rig.coil


def test_a_contactor_that_does_not_close_is_given_up_after_200_ms() -> None:
    rig = offering()
    rig.world.never_closes = True
    rig.vehicle("C")
    rig.until(lambda: rig.coil, 1.0)
    assert rig.until(lambda: not rig.coil, 0.3) == pytest.approx(0.2, abs=0.001)
    assert rig.name is PilotState.LATCHED
    rig.run(120.0)
    assert rig.count("coil_on") == 1
    assert rig.count("power_on") == 0


def test_a_contactor_that_takes_180_ms_is_accepted() -> None:
    rig = offering()
    rig.world.close_s = 0.18
    rig.vehicle("C")
    rig.until(lambda: rig.shown.contactor.value == "closed", 1.0)
    rig.run(5.0)
    assert rig.coil


def test_a_weld_locks_out_after_1_s_for_ever() -> None:
    rig = charging()
    rig.world.welded = True
    rig.vehicle("B")
    rig.until(lambda: not rig.coil, 0.1)
    off_s = rig.now_s
    rig.until(lambda: rig.name is PilotState.LOCKOUT, 2.0)
    assert rig.now_s - off_s == pytest.approx(1.0, abs=0.01)
    assert rig.outputs.mode is PilotMode.F
    assert rig.state.memory.lockout == "contactor_welded"
    rig.allow(False, hold=False)
    rig.run(20.0)
    assert rig.shown.lock.value == "locked"
    assert rig.outputs.mode is PilotMode.F
    rig.world.welded = False
    rig.restart()
    rig.run(20.0)
    assert rig.name is PilotState.LOCKOUT
    assert rig.shown.lock.value == "locked"


def test_a_contactor_that_opens_after_150_ms_is_told_as_slow_and_used_on() -> None:
    rig = charging()
    rig.world.open_s = 0.15
    rig.vehicle("B")
    rig.run(0.2)
    assert rig.shown.faults == ("contactor_no_open",)
    assert rig.shown.opening_ms == pytest.approx(150.0)
    rig.vehicle("C")
    rig.until(lambda: rig.shown.contactor.value == "closed", 6.0)
    rig.world.open_s = 0.015
    rig.run(10.0)
    assert rig.shown.faults == ("contactor_no_open",), "it stays until an opening was fast enough"
    rig.vehicle("B")
    rig.run(2.0)
    assert not rig.shown.faults
    assert rig.count("fault_raised", "contactor_no_open") == rig.count("fault_cleared", "contactor_no_open") == 1


def test_the_contactor_does_not_close_again_before_it_is_proven_open() -> None:
    rig = charging()
    rig.world.open_s = 0.4
    rig.vehicle("B")
    rig.run(0.05)
    rig.vehicle("C")
    rig.run(0.3)
    assert not rig.coil
    rig.until(lambda: rig.coil, 6.0)
    assert rig.count("power_off") == 1


def test_a_lockout_ends_only_by_service() -> None:
    rig = charging()
    rig.world.welded = True
    rig.vehicle("B")
    rig.until(lambda: rig.name is PilotState.LOCKOUT, 2.0)
    rig.world.welded = False
    rig.unplug()
    rig.run(60.0)
    assert rig.name is PilotState.LOCKOUT
    trips = dict(rig.state.memory.trips)
    rig.start(cleared(rig.state.memory))
    rig.checker.welded = False
    rig.run(8.0)
    assert rig.name is PilotState.A
    assert rig.state.memory.trips == trips
    assert trips["contactor_welded"] == 1


def test_a_contactor_found_closed_at_the_start_is_a_weld() -> None:
    rig = Rig()
    rig.world.welded = True
    rig.until(lambda: rig.name is PilotState.LOCKOUT, 2.0)
    assert rig.count("coil_on") == 0


def test_a_contactor_that_drops_by_itself_is_a_fault_and_is_tried_again_after_30_s() -> None:
    rig = charging()
    rig.world.drops = True
    rig.sample()
    opens_within(rig, 0.1, "contactor_unexpected_open")
    rig.world.drops = False
    rig.run(5.0)
    rig.vehicle("B")
    rig.run(30.0)
    rig.vehicle("C")
    rig.until(lambda: rig.coil, 6.0)


def test_a_bouncing_contact_gives_exactly_one_power_on() -> None:
    rig = offering()
    rig.vehicle("C")
    rig.until(lambda: rig.world.contact(rig.now_s), 1.0)
    for _ in range(3):
        rig.world.never_closes = True
        rig.sample()
        rig.step()
        rig.run(0.008)
        rig.world.never_closes = False
        rig.sample()
        rig.step()
        rig.run(0.008)
    rig.run(1.0)
    assert rig.coil
    assert rig.count("power_on") == 1


def test_an_unreadable_mirror_contact_forbids_closing() -> None:
    rig = Rig()
    rig.world.mirror_alive = False
    rig.allow()
    rig.run(9.9)
    assert not rig.shown.faults
    rig.run(0.2)
    assert rig.shown.faults == ("contactor_unreadable",)
    rig.plug()
    rig.run(2.0)
    rig.vehicle("C")
    rig.run(60.0)
    assert rig.count("coil_on") == 0


def test_without_a_mirror_contact_open_is_inferred_and_no_weld_is_checked() -> None:
    rig = Rig(equipment=NO_MIRROR)
    rig.charge()
    rig.world.welded = True
    rig.vehicle("B")
    rig.run(0.05)
    assert rig.shown.contactor.value == "opening"
    rig.run(0.1)
    assert rig.shown.contactor.value == "open"
    rig.run(5.0)
    assert rig.name is PilotState.B2


def test_the_plug_contact_lost_while_charging_stops_and_waits_for_an_unplug() -> None:
    rig = charging()
    rig.world.ohm = math.inf
    opens_within(rig, 0.2, "proximity_lost")
    rig.world.ohm = 220.0
    rig.run(90.0)
    assert rig.name is PilotState.LATCHED
    rig.unplug()
    rig.run(3.0)
    assert rig.name is PilotState.A


@pytest.mark.parametrize("ohm", [50.0, 5000.0, math.nan])
def test_a_cable_that_is_not_recognised_never_charges(ohm: float) -> None:
    rig = Rig()
    rig.allow()
    rig.run(6.0)
    rig.plug(ohm)
    rig.run(1.0)
    assert "proximity_invalid" in rig.shown.faults
    rig.vehicle("C")
    rig.run(60.0)
    assert rig.count("coil_on") == 0


def test_a_cable_read_as_weaker_while_charging_lowers_the_offer_and_does_not_grow_again() -> None:
    rig = charging()
    rig.world.ohm = 680.0
    rig.run(0.2)
    assert rig.outputs.permille == 333
    rig.world.ohm = 220.0
    rig.run(10.0)
    assert rig.outputs.permille == 333


def test_an_exception_gives_the_safe_vector_and_charging_resumes_after_its_hold_off(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rig = charging()
    with monkeypatch.context() as patch:
        patch.setattr(faults, "evaluate", lambda *_: 1 / 0)
        rig.step(failed=True)
    assert rig.outputs == SAFE
    assert rig.shown.plug_count == 1
    rig.run(0.2)
    assert "internal_error" in rig.shown.faults
    rig.vehicle("B")
    rig.run(40.0)
    rig.vehicle("C")
    rig.until(lambda: rig.coil, 2.0)


def test_a_loop_held_up_for_longer_than_the_feed_is_treated_as_restarted() -> None:
    rig = charging()
    rig.now_s += 0.2
    rig.world.take(rig.outputs._replace(coil=False), rig.now_s - 0.05)
    rig.sample()
    rig.step()
    assert not rig.coil
    assert rig.outputs.mode is PilotMode.X1
    assert rig.shown.faults == ("loop_overrun",)
    rig.run(2.0)
    rig.vehicle("B")
    rig.run(6.0)
    rig.vehicle("C")
    rig.until(lambda: rig.coil, 2.0)
    assert rig.count("plugged") == 1
    assert rig.shown.plug_count == 1


def test_a_clock_that_runs_backwards_opens() -> None:
    rig = charging()
    rig.now_s -= 0.001
    rig.step()
    assert not rig.coil


def test_a_lease_that_claims_an_impossible_end_gives_nothing() -> None:
    rig = charging()
    result = core.step(
        rig.state, rig.readings, rig.lease.__class__(connector=1, may_charge=True, limit_a=32.0, hold_cable=True,
                                                     until_s=rig.now_s + 1e6), rig.now_s
    )  # fmt: skip
    assert result.outputs.mode is PilotMode.X1


def test_a_fault_back_within_250_ms_blocks_at_once_and_is_told_once_more_later() -> None:
    rig = charging()
    rig.vehicle("E")
    rig.run(0.5)
    rig.vehicle("B")
    rig.until(lambda: not rig.shown.faults, 2.0)
    rig.vehicle("E")
    rig.run(0.1)
    assert faults.stopped(rig.state)
    assert not rig.shown.faults
    rig.run(0.3)
    assert rig.shown.faults == ("pilot_shorted",)


@pytest.mark.parametrize("injection", ["E", "-", "D", "nan", "dead", "weld", "drop", "proximity", "lock"])
def test_every_fault_is_told_with_a_valid_code_and_replays_the_same(injection: str) -> None:
    rig = charging()
    rig.world.pilot_nan = injection == "nan"
    rig.world.pilot_alive = injection != "dead"
    rig.world.welded = injection == "weld"
    rig.world.drops = injection == "drop"
    rig.world.lock_opens = injection == "lock"
    if injection == "proximity":
        rig.world.ohm = math.inf
    rig.vehicle(injection if len(injection) == 1 else "C")
    rig.run(2.0)
    if injection == "weld":
        rig.vehicle("B")
        rig.run(2.0)
    raised = [event.detail for _, event in rig.events if event.name == "fault_raised"]
    assert raised
    assert all(code in FAULTS for code in raised)
    assert rig.shown.reason
    replay(rig)
