"""The residual current module: trips, blanking, self-test, largest values, notifications (F29 to F37)."""

import math
from typing import Any

import pytest

from hardware.interfaces import PilotMode, ResidualCurrent
from schemas.faults import FAULTS
from schemas.safety import PilotState
from services.safety.memory import Memory
from services.safety.residual.self_test import DAY_S, UNTESTED
from tests.safety_rig import NO_MIRROR, RATED_32_A, SOCKET, Rig, replay

pytestmark = pytest.mark.bench

WITH_MODULE = SOCKET._replace(residual_sensor=True)


def fitted(**settings: Any) -> Rig:
    return Rig(equipment=WITH_MODULE, settings=RATED_32_A._replace(**settings))


def idle(**settings: Any) -> Rig:
    rig = fitted(**settings)
    rig.allow(False)
    rig.run(10.0)
    return rig


def charging(**settings: Any) -> Rig:
    rig = fitted(**settings)
    rig.charge()
    rig.run(10.0)
    return rig


def module(rig: Rig, **changes: Any) -> None:
    """The module changes now, and the driver reports it at once."""
    assert rig.world.module is not None
    rig.world.module = rig.world.module._replace(**changes)
    rig.sample()
    rig.step()


def pass_time(rig: Rig, seconds: float) -> None:
    """Nothing happens meanwhile, and the coil is off."""
    rig.now_s += seconds
    rig.sample()
    rig.allow(rig.may)


def leave_and_come(rig: Rig) -> None:
    rig.unplug()
    rig.run(40.0)
    rig.plug()
    rig.until(lambda: rig.name is PilotState.B2, 40.0)
    rig.run(1.0)
    rig.vehicle("C")
    rig.until(lambda: rig.coil, 3.0)


# trips


@pytest.mark.parametrize(
    ("output", "code"), [("dc_trips", "residual_current_dc"), ("rms_trips", "residual_current_rms")]
)
def test_f30_to_f33_a_trip_opens_in_the_step_that_sees_it_and_waits_for_unplug_and_self_test(output, code) -> None:
    rig = charging()
    module(rig, **{output: True})
    assert not rig.coil
    assert rig.shown.faults == (code,)
    assert FAULTS[code].error_code == "GroundFailure"
    assert rig.name is PilotState.LATCHED
    rig.vehicle("B")
    module(rig, **{output: False})
    rig.run(120.0)
    assert rig.shown.faults == (code,), "gone by itself"
    assert rig.state.memory.trips[code] == 1
    leave_and_come(rig)
    assert rig.count("fault_raised") == rig.count("fault_cleared") == 1
    replay(rig)


def test_an_output_that_stays_high_after_a_trip_keeps_the_fault_and_is_a_failure_once_the_vehicle_is_gone() -> None:
    rig = charging()
    module(rig, dc_trips=True)
    rig.vehicle("B")
    rig.run(60.0)
    assert rig.shown.faults == ("residual_current_dc",)
    rig.unplug()
    rig.run(60.0)
    assert rig.shown.faults == ("residual_current_dc", "residual_sensor_failed")
    module(rig, dc_trips=False)
    rig.run(10.0)
    assert not rig.shown.faults
    leave_and_come(rig)


@pytest.mark.parametrize("mode", ["IEC62955", "IEC62955 (locked)"])
def test_iec_62955_leaves_the_rms_output_to_the_rcd_and_tells_the_backend(mode) -> None:
    rig = charging(residual_mode=mode)
    module(rig, rms_trips=True)
    rig.run(30.0)
    assert rig.coil
    assert [wish.words for _, wish in rig.notices] == [(("current", "RMS output tripped"),)]
    rig.vehicle("B")
    rig.run(30.0)
    assert not rig.shown.faults, "it began while current flowed"
    module(rig, dc_trips=True)
    assert rig.shown.faults == ("residual_sensor_failed",), "nothing can flow"


def test_iec_62955_still_stops_at_direct_current_and_at_a_device_error() -> None:
    for changes, code in (({"dc_trips": True}, "residual_current_dc"), ({"error": True}, "residual_sensor_failed")):
        rig = charging(residual_mode="IEC62955")
        module(rig, **changes)
        assert not rig.coil
        assert rig.shown.faults == (code,)


def test_a_mode_that_nobody_knows_is_the_strict_one() -> None:
    rig = charging(residual_mode="something")
    module(rig, rms_trips=True)
    assert not rig.coil


# blanking


def just_closed() -> Rig:
    rig = fitted()
    rig.allow()
    rig.run(6.0)
    rig.plug()
    rig.until(lambda: rig.name is PilotState.B2, 3.0)
    rig.run(1.0)
    rig.vehicle("C")
    rig.until(lambda: rig.coil, 3.0)
    return rig


def test_f34_a_glitch_while_the_contactor_switches_is_ignored_and_logged() -> None:
    rig = just_closed()
    rig.run(0.02)
    module(rig, dc_trips=True, rms_trips=True)
    rig.run(0.001)
    module(rig, dc_trips=False, rms_trips=False)
    rig.run(5.0)
    assert rig.coil
    assert not rig.shown.faults
    assert rig.count("residual_glitch") == 2
    assert rig.outputs.mode is PilotMode.PWM


def test_a_steady_trip_within_the_blanking_counts_after_50_ms() -> None:
    rig = just_closed()
    rig.run(0.1)
    module(rig, dc_trips=True)
    took_s = rig.until(lambda: not rig.coil, 0.2)
    assert took_s == pytest.approx(0.05, abs=1e-6)
    assert rig.shown.faults == ("residual_current_dc",)


def test_a_trip_at_the_end_of_the_blanking_counts_when_it_ends() -> None:
    rig = just_closed()
    rig.run(0.98)
    module(rig, dc_trips=True)
    assert rig.coil
    assert rig.until(lambda: not rig.coil, 0.2) == pytest.approx(0.02, abs=1e-6)


def test_outside_the_blanking_one_millisecond_is_a_trip() -> None:
    rig = just_closed()
    rig.run(1.0)
    module(rig, rms_trips=True)
    assert not rig.coil


def test_a_trip_shortly_after_opening_was_the_vehicle_s() -> None:
    rig = charging()
    rig.vehicle("B")
    rig.run(0.3)
    module(rig, rms_trips=True)
    rig.run(0.1)
    assert rig.shown.faults == ("residual_current_rms",)


# broken modules


def test_f35_a_dead_module_fails_its_self_test_and_nothing_is_offered_until_one_passes() -> None:
    rig = fitted()
    module(rig, dead=True)
    rig.allow()
    rig.run(5.0)
    assert rig.shown.faults == ("residual_self_test_failed",)
    rig.plug()
    rig.run(200.0)
    rig.vehicle("C")
    rig.run(10.0)
    assert not rig.coil
    assert rig.outputs.mode is not PilotMode.PWM
    rig.unplug()
    module(rig, dead=False)
    rig.run(70.0)
    assert not rig.shown.faults
    assert rig.count("fault_raised") == rig.count("fault_cleared") == 1
    leave_and_come(rig)


def test_one_output_that_does_not_trip_or_does_not_clear_fails_the_test() -> None:
    deaf = fitted()
    module(deaf, rms_dead=True)
    deaf.run(3.0)
    assert deaf.shown.faults == ("residual_self_test_failed",)
    held = fitted()
    held.until(lambda: held.outputs.residual_test, 1.0)
    module(held, rms_trips=True)
    held.until(lambda: "residual_self_test_failed" in held.shown.faults, 2.0)
    assert not held.state.memory.residual_proven


def test_a_failed_self_test_is_tried_again_every_minute() -> None:
    rig = fitted()
    module(rig, dead=True)
    rig.run(601.0)
    assert 9 <= rig.count("residual_test_failed") <= 11
    assert rig.count("fault_raised") == 1


def test_a_module_that_answers_after_half_a_second_has_failed() -> None:
    rig = fitted()
    module(rig, answer_s=0.6)
    rig.run(5.0)
    assert rig.shown.faults == ("residual_self_test_failed",)
    slow = fitted()
    module(slow, answer_s=0.45)
    slow.run(5.0)
    assert slow.state.memory.residual_proven


def test_f36_a_module_that_is_stuck_high_has_failed_in_the_step_that_sees_it() -> None:
    rig = idle()
    module(rig, stuck=True)
    assert rig.shown.faults == ("residual_sensor_failed",)
    rig.allow()
    rig.plug()
    rig.run(60.0)
    assert rig.outputs.mode is not PilotMode.PWM


def test_a_module_that_is_stuck_high_from_the_start_is_not_even_tested() -> None:
    rig = fitted()
    module(rig, stuck=True)
    rig.run(5.0)
    assert rig.shown.faults == ("residual_sensor_failed",)
    assert not any(record.outputs.residual_test for record in rig.history)


@pytest.mark.parametrize("vehicle", ["B", "C"])
def test_a_device_error_blocks_whatever_the_vehicle_does(vehicle) -> None:
    rig = charging()
    rig.vehicle(vehicle)
    module(rig, error=True)
    assert not rig.coil
    assert rig.shown.faults == ("residual_sensor_failed",)
    module(rig, error=False)
    rig.run(120.0)
    assert rig.shown.faults, "it waits for unplug and self-test"
    leave_and_come(rig)


def test_a_module_that_falls_silent_opens_when_its_last_word_is_half_a_second_old() -> None:
    rig = charging()
    module(rig, alive=False)
    took_s = rig.until(lambda: not rig.coil, 1.0)
    assert took_s <= 0.5 + 1e-3
    assert rig.shown.faults == ("residual_sensor_failed",)


def test_a_module_that_never_spoke_offers_nothing_and_is_a_fault_after_10_s() -> None:
    rig = fitted()
    module(rig, alive=False)
    rig.readings = rig.readings._replace(residual=None)
    rig.allow()
    rig.run(6.0)
    rig.plug()
    rig.run(2.0)
    assert rig.outputs.mode is PilotMode.X1
    assert rig.shown.reason == "waiting for the residual current sensor to answer"
    rig.run(10.0)
    assert rig.shown.faults == ("residual_sensor_failed",)


def test_a_board_that_is_away_says_nothing_about_the_module() -> None:
    rig = charging()
    rig.world.pilot_alive = False
    rig.run(3.0)
    assert not [code for code in rig.shown.faults if code.startswith("residual")]
    rig.world.pilot_alive = True
    rig.run(60.0)
    assert rig.coil, "it goes on by itself, the journal knows of the self-test"


@pytest.mark.parametrize(
    "broken",
    [
        {"dc_ma": math.inf},
        {"rms_ma": -1.0},
        {"rms_ma": math.inf},
        {"dc_ma": 1e9},
    ],
)
def test_an_impossible_value_is_never_good(broken) -> None:
    rig = charging()
    module(rig, **broken)
    assert not rig.coil
    assert rig.shown.faults == ("residual_sensor_failed",)


def test_a_stamp_from_the_future_is_never_good() -> None:
    rig = charging()
    rig.readings = rig.readings._replace(residual=ResidualCurrent(0.0, 0.0, False, False, False, rig.now_s + 1.0))
    rig.step()
    assert not rig.coil


def test_a_module_that_does_not_measure_protects_by_its_outputs() -> None:
    rig = charging()
    module(rig, dc_ma=math.nan, rms_ma=math.nan)
    rig.run(5.0)
    assert rig.coil
    assert (rig.shown.residual_dc_ma, rig.shown.residual_rms_ma) == (None, None)
    module(rig, dc_trips=True)
    assert not rig.coil


# the self-test


def test_at_the_start_in_state_a_the_module_is_tested_within_5_s() -> None:
    rig = fitted()
    assert rig.until(lambda: rig.count("residual_test_passed") == 1, 5.0) <= 1.5
    assert rig.state.memory.residual_proven
    assert rig.shown.residual_state == "protects (DC and RMS)"


def test_after_every_unplug_it_is_tested_before_anything_is_offered_again() -> None:
    rig = charging()
    before = rig.count("residual_test_passed")
    rig.unplug()
    rig.until(lambda: rig.count("residual_test_passed") == before + 1, 1.0)
    rig.plug()
    rig.until(lambda: rig.name is PilotState.B2, 10.0)


def test_a_vehicle_that_arrives_in_the_middle_waits_for_the_end_of_the_test() -> None:
    rig = idle()
    rig.allow()
    module(rig, answer_s=0.45)
    rig.state.residual.test_wanted = True
    rig.until(lambda: rig.outputs.residual_test, 1.0)
    rig.plug()
    assert rig.outputs.residual_test
    rig.vehicle("C")
    rig.run(0.7)
    assert rig.count("residual_test_passed") == 1, "the second is not over"
    assert rig.outputs.mode is PilotMode.X1
    assert rig.shown.reason == "waiting: the residual current sensor is being tested"
    rig.until(lambda: rig.coil, 6.0)


def test_f37_with_a_vehicle_connected_no_test_begins() -> None:
    rig = fitted()
    rig.world.vehicle = "B"
    rig.world.ohm = 220.0
    rig.allow()
    rig.run(30.0)
    pass_time(rig, DAY_S)
    rig.run(30.0)
    assert not any(record.outputs.residual_test for record in rig.history)
    assert rig.shown.reason == UNTESTED
    rig.unplug()
    rig.run(5.0)
    rig.plug()
    rig.until(lambda: rig.name is PilotState.B2, 10.0)


def test_while_idle_it_is_tested_every_24_h() -> None:
    rig = idle()
    for day in (1, 2, 3):
        before_s = rig.state.memory.residual_tested_s + DAY_S - rig.now_s - 30.0
        pass_time(rig, before_s)
        rig.run(29.0)
        assert rig.count("residual_test_passed") == day
        rig.until(lambda: rig.outputs.residual_test, 1.01)
        rig.run(5.0)
        assert rig.count("residual_test_passed") == day + 1
    assert not rig.shown.faults


def test_a_charge_ends_before_the_proof_is_24_h_old() -> None:
    rig = charging()
    rig.now_s += DAY_S - 60.0
    rig.state.last_step_s = rig.now_s - 0.01
    rig.readings = rig.readings._replace(residual=None)
    rig.lease_s = rig.now_s - 2.0
    rig.sample()
    rig.allow()
    rig.run(120.0)
    assert rig.now_s > rig.state.memory.residual_tested_s + DAY_S
    assert not rig.coil
    assert "for 24 h" in rig.shown.reason
    assert not rig.shown.faults


def test_an_unplug_after_which_no_test_can_begin_ends_the_proof_all_the_same() -> None:
    rig = charging()
    rig.world.welded = True
    rig.unplug()
    rig.run(0.9)
    assert rig.state.memory.residual_proven
    rig.run(0.5)
    assert not rig.state.memory.residual_proven
    assert not any(record.outputs.residual_test for record in rig.history[-50:])


def test_a_flicker_of_the_wire_does_not_cost_the_proof() -> None:
    rig = charging()
    rig.vehicle("B")
    rig.run(0.03)
    rig.vehicle("A")
    rig.run(0.04)
    rig.vehicle("B")
    rig.until(lambda: rig.name is PilotState.B2, 40.0)


# restarts


def test_a_restart_with_the_vehicle_connected_goes_on_with_the_journal_s_proof() -> None:
    rig = charging()
    rig.restart()
    rig.run(20.0)
    assert rig.coil
    assert rig.count("residual_test_passed") == 1


def test_a_restart_in_the_middle_of_a_test_releases_the_winding_and_tests_again() -> None:
    rig = idle()
    rig.state.residual.test_wanted = True
    rig.until(lambda: rig.outputs.residual_test, 1.0)
    rig.run(0.1)
    rig.restart()
    rig.run(0.0)
    rig.step()
    assert not rig.outputs.residual_test
    rig.run(5.0)
    assert rig.count("residual_test_passed") == 2
    assert not rig.shown.faults


def test_a_restart_with_a_vehicle_and_no_proof_asks_for_an_unplug() -> None:
    rig = fitted()
    rig.world.vehicle, rig.world.ohm = "B", 220.0
    rig.start(Memory(residual_proven=False))
    rig.allow()
    rig.run(20.0)
    assert rig.shown.reason == UNTESTED


@pytest.mark.parametrize("tested_s", [500.0, 1_000_000.0])
def test_a_proof_of_another_boot_counts_until_state_a_and_24_h_of_this_one_at_most(tested_s) -> None:
    rig = fitted()
    rig.world.vehicle, rig.world.ohm = "B", 220.0
    rig.start(Memory(residual_proven=True, residual_tested_s=tested_s))
    rig.allow()
    rig.until(lambda: rig.name is PilotState.B2, 20.0)
    pass_time(rig, DAY_S - 30.0)
    rig.run(50.0)
    assert rig.outputs.mode is PilotMode.X1
    assert "for 24 h" in rig.shown.reason


def test_a_proof_of_another_boot_is_not_accepted_in_state_a() -> None:
    rig = fitted()
    rig.start(Memory(residual_proven=True, residual_tested_s=990.0))
    rig.run(5.0)
    assert rig.count("residual_test_passed") == 1


@pytest.mark.parametrize("holds_s", [0.06, 0.5, 5.0])
@pytest.mark.parametrize(
    ("output", "code"), [("dc_trips", "residual_current_dc"), ("rms_trips", "residual_current_rms")]
)
def test_a_trip_while_the_process_is_killed_is_the_vehicle_s_and_ends_the_proof(output, code, holds_s) -> None:
    rig = charging()
    assert rig.world.module is not None
    rig.world.module = rig.world.module._replace(**{output: True})
    rig.restart()
    rig.run(holds_s)
    module(rig, **{output: False})
    rig.run(60.0)
    assert rig.shown.faults == (code,)
    assert not rig.state.memory.residual_proven
    leave_and_come(rig)


def test_a_trip_survives_a_restart() -> None:
    rig = charging()
    module(rig, dc_trips=True)
    rig.vehicle("B")
    module(rig, dc_trips=False)
    rig.restart()
    rig.run(60.0)
    assert "residual_current_dc" in rig.shown.faults
    leave_and_come(rig)


# values


def test_the_largest_values_are_those_of_the_transaction_and_stay_until_the_next() -> None:
    rig = fitted()
    rig.transaction = "one"
    rig.charge()
    module(rig, dc_ma=-4.2, rms_ma=11.0)
    module(rig, dc_ma=1.0, rms_ma=2.0)
    assert (rig.shown.residual_max_dc_ma, rig.shown.residual_max_rms_ma) == (4.2, 11.0)
    assert (rig.shown.residual_dc_ma, rig.shown.residual_rms_ma) == (1.0, 2.0)
    rig.transaction = ""
    rig.allow(False)
    module(rig, dc_ma=5.0)
    assert rig.shown.residual_max_dc_ma == 4.2
    rig.transaction = "two"
    rig.allow()
    assert (rig.shown.residual_max_dc_ma, rig.shown.residual_max_rms_ma) == (5.0, 2.0)


def test_f29_a_current_below_the_limit_does_not_trip_and_is_recorded() -> None:
    rig = fitted()
    rig.transaction = "one"
    rig.charge()
    module(rig, dc_ma=5.9)
    rig.run(60.0)
    assert rig.coil
    assert rig.shown.residual_max_dc_ma == 5.9


def test_a_change_is_told_by_delta_and_at_most_every_10_s() -> None:
    rig = charging(residual_delta_ma=2.0)
    assert not rig.notices
    module(rig, dc_ma=1.9)
    assert not rig.notices
    module(rig, dc_ma=2.0, rms_ma=0.5)
    assert [wish.words[0][1] for _, wish in rig.notices] == ["DC 2.0 mA, RMS 0.5 mA"]
    first_s = rig.notices[0][0]
    rig.run(1.0)
    module(rig, rms_ma=3.0)
    rig.run(20.0)
    assert [at_s - first_s for at_s, _ in rig.notices] == pytest.approx([0.0, 10.0], abs=0.05)
    assert all(wish.code == "residual_current" for _, wish in rig.notices)


def test_without_a_delta_nothing_is_told_and_a_self_test_is_never_told() -> None:
    rig = charging()
    module(rig, dc_ma=5.0)
    rig.run(30.0)
    assert not rig.notices
    told = idle(residual_delta_ma=1.0)
    assert not told.notices


def test_without_a_mirror_contact_the_module_is_tested_by_inference() -> None:
    rig = Rig(equipment=NO_MIRROR._replace(residual_sensor=True))
    rig.charge()
    rig.run(2.0)
    module(rig, dc_trips=True)
    assert not rig.coil


def test_without_a_module_nothing_is_asked_for() -> None:
    rig = Rig()
    rig.charge()
    assert rig.shown.residual_state == ""
    assert not any(record.outputs.residual_test for record in rig.history)
