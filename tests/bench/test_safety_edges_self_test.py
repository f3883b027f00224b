"""The self-test of the residual current module: when it begins, its verdict, and what it allows, at every bound."""

from typing import Any

import pytest

from hardware.interfaces import PilotMode
from schemas.safety import Contactor
from services.safety import faults
from services.safety.residual import self_test
from services.safety.residual.self_test import DAY_S, TOO_OLD, UNTESTED
from services.safety.residual.state import Test as Part
from services.safety.state import ConnectorState
from tests.safety_rig import RATED_32_A, SOCKET, Rig
from tests.safety_states import at, at_rest, connected

pytestmark = pytest.mark.bench

MODULE = SOCKET._replace(residual_sensor=True)


def idle() -> ConnectorState:
    return at_rest(MODULE)


# when


def begins(state: ConnectorState, now_s: float = 1000.0) -> bool:
    self_test.follow(state, at(now_s))
    return state.residual.test is Part.ON


def wanting() -> ConnectorState:
    state = idle()
    state.residual.test_wanted = True
    return state


def test_a_test_begins_when_one_is_wanted_and_takes_the_old_proof_away() -> None:
    assert not begins(idle())
    state = wanting()
    assert begins(state)
    assert (state.residual.test_s, state.memory.residual_proven, state.residual.test_wanted) == (1000.0, False, True)


def test_a_test_that_runs_does_not_begin_again() -> None:
    state = wanting()
    assert begins(state)
    begins(state, 1000.3)
    assert state.residual.test_s == 1000.0


def test_a_module_without_a_proof_is_tested() -> None:
    state = idle()
    state.memory.residual_proven = False
    assert begins(state)


def test_a_module_is_tested_again_24_h_after_it_passed() -> None:
    state = idle()
    state.memory.residual_tested_s = 1000.001 - DAY_S
    assert not begins(state)
    state.memory.residual_tested_s = 1000.0 - DAY_S
    assert begins(state)
    assert DAY_S == 24 * 3600.0


@pytest.mark.parametrize(("confirmed", "letter"), [("A", "B"), ("A", ""), ("B", "A"), ("B", "B"), ("", "A")])
def test_a_test_begins_only_when_no_vehicle_is_there_for_sure(confirmed: str, letter: str) -> None:
    state = wanting()
    state.pilot_sight.confirmed, state.pilot_sight.letter = confirmed, letter
    assert not begins(state)
    assert state.memory.residual_proven


BARRIERS: dict[str, Any] = {
    "the coil is on": lambda state: setattr(state.contactor, "coil", True),
    "the contacts are not proven open": lambda state: setattr(state.contactor, "phase", Contactor.UNKNOWN),
    "a lockout": lambda state: setattr(state.memory, "lockout", "contactor_welded"),
    "the module is silent": lambda state: setattr(state.residual, "stamp_s", 999.0),
    "the module says it is broken": lambda state: setattr(state.residual, "device_error", True),
    "the RCD is being closed": lambda state: setattr(state.residual, "pulse_s", 999.9),
    "a DC trip": lambda state: setattr(state.residual, "dc_tripped_s", 999.9),
    "an RMS trip": lambda state: setattr(state.residual, "rms_tripped_s", 999.9),
}


@pytest.mark.parametrize("barrier", BARRIERS)
def test_any_one_thing_keeps_a_test_from_beginning(barrier: str) -> None:
    """No residual current may flow during a test."""
    state = wanting()
    BARRIERS[barrier](state)
    assert not begins(state)


def test_a_proof_outlives_a_state_a_of_less_than_a_second_in_which_no_test_can_begin() -> None:
    state = wanting()
    state.contactor.phase = Contactor.UNKNOWN
    state.pilot_sight.run_start_s = 999.001
    begins(state)
    assert state.memory.residual_proven
    state.pilot_sight.run_start_s = 999.0
    begins(state)
    assert not state.memory.residual_proven


def test_a_test_that_failed_is_repeated_a_minute_later_and_one_that_passed_at_once() -> None:
    state = wanting()
    state.residual.test_next_s = 1060.0
    assert begins(state)
    for now_s, again in ((1059.999, False), (1060.0, True)):
        state = wanting()
        state.residual.test_next_s, state.residual.stamp_s, state.residual.test_failed = 1060.0, now_s, True
        assert begins(state, now_s) is again


def test_the_wanted_test_wakes_the_loop_when_the_minute_is_over() -> None:
    state = wanting()
    state.residual.test_next_s, state.residual.test_failed = 1060.0, True
    moment = at()
    self_test.follow(state, moment)
    assert moment.deadline_s == 1060.0


# its verdict


def judged(state: ConnectorState, now_s: float, dc: bool, rms: bool) -> list[tuple[str, str]]:
    state.residual.stamp_s = now_s
    state.residual.dc_tripped_s = now_s if dc else None
    state.residual.rms_tripped_s = now_s if rms else None
    moment = at(now_s)
    self_test.observe(state, moment)
    return list(moment.events)


def under_test(part: Part = Part.ON) -> ConnectorState:
    """Since 1000 s."""
    state = wanting()
    state.memory.residual_proven = False
    state.residual.test, state.residual.test_s = part, 1000.0
    return state


@pytest.mark.parametrize(("dc", "rms"), [(False, False), (True, False), (False, True)])
def test_both_outputs_have_half_a_second_to_trip(dc: bool, rms: bool) -> None:
    state = under_test()
    assert not judged(state, 1000.499, dc, rms)
    assert state.residual.test is Part.ON
    assert judged(state, 1000.5, dc, rms) == [("residual_test_failed", "an output did not trip")]
    assert (state.residual.test, state.residual.test_failed) == (Part.IDLE, True)
    assert (state.residual.test_ended_s, state.residual.test_next_s) == (1000.5, 1060.5)
    assert not state.memory.residual_proven


@pytest.mark.parametrize(("dc", "rms"), [(True, True), (True, False), (False, True)])
def test_both_outputs_have_half_a_second_to_clear(dc: bool, rms: bool) -> None:
    state = under_test(Part.OFF)
    assert not judged(state, 1000.499, dc, rms)
    assert state.residual.test is Part.OFF
    assert judged(state, 1000.5, dc, rms) == [("residual_test_failed", "an output did not clear")]
    assert not state.memory.residual_proven


def test_both_outputs_trip_then_both_clear_and_the_module_is_proven() -> None:
    state = under_test()
    state.residual.test_failed = True
    assert not judged(state, 1000.4, True, True)
    assert (state.residual.test, state.residual.test_s) == (Part.OFF, 1000.4)
    assert judged(state, 1000.8, False, False) == [("residual_test_passed", "")]
    assert (state.memory.residual_proven, state.memory.residual_tested_s) == (True, 1000.8)
    assert (state.residual.test, state.residual.test_wanted, state.residual.test_failed) == (Part.IDLE, False, False)


def test_a_module_that_falls_silent_in_its_test_gets_no_verdict() -> None:
    state = under_test()
    state.residual.stamp_s = 999.0
    moment = at(1000.1)
    self_test.observe(state, moment)
    assert not moment.events
    assert (state.residual.test, state.residual.test_failed, state.memory.residual_proven) == (Part.IDLE, False, False)


def test_a_module_that_reports_an_error_in_its_test_has_failed_it() -> None:
    state = under_test()
    state.residual.device_error = True
    assert judged(state, 1000.1, True, True) == [("residual_test_failed", "device error")]


def test_without_a_test_there_is_no_verdict() -> None:
    state = wanting()
    assert not judged(state, 1000.0, True, True)
    assert not state.residual.test_failed


@pytest.mark.parametrize(("name", "wanted"), [("unplugged", True), ("plugged", False)])
def test_an_unplug_asks_for_a_test(name: str, wanted: bool) -> None:
    state, moment = idle(), at()
    moment.say(name)
    self_test.observe(state, moment)
    assert state.residual.test_wanted is wanted


# what it allows


def test_a_module_that_is_not_fitted_is_not_tested_and_forbids_nothing() -> None:
    state = at_rest()
    state.residual.test_wanted, state.memory.residual_proven = True, False
    assert not begins(state)
    assert self_test.refusal(state, 2000.0) == ("", 0.0)


def test_a_proof_holds_until_6_s_before_it_is_24_h_old() -> None:
    """An offer that ends then has ended the charge when the proof does."""
    state = idle()
    for age_s, words in ((DAY_S - 6.001, ""), (DAY_S - 6.0, TOO_OLD)):
        state.memory.residual_tested_s = 1000.0 - age_s
        assert self_test.refusal(state, 1000.0) == (words, 0.0)


def test_a_proof_of_another_boot_counts_from_the_start_of_this_one() -> None:
    state = idle()
    state.memory.residual_tested_s = 1000.001
    self_test.observe(state, at())
    assert self_test.proven_until_s(state) == DAY_S - 6.0
    state.memory.residual_tested_s = 999.999
    self_test.observe(state, at())
    assert state.memory.residual_tested_s == 999.999


def test_why_the_module_forbids_an_offer() -> None:
    state = idle()
    assert self_test.refusal(state, 1000.0) == ("", 0.0)
    state.memory.residual_proven = False
    assert self_test.refusal(state, 1000.0) == (UNTESTED, 0.0)
    state.residual.test, state.residual.test_s = Part.OFF, 999.8
    assert self_test.refusal(state, 1000.0) == ("waiting: the residual current sensor is being tested", 1000.3)
    state.residual.stamp_s = 999.0
    assert self_test.refusal(state, 1000.0) == ("waiting for the residual current sensor to answer", 0.0)


@pytest.mark.parametrize("output", ["dc_tripped_s", "rms_tripped_s"])
def test_nothing_is_offered_while_the_module_reports_a_current(output: str) -> None:
    state = connected(MODULE)
    setattr(state.residual, output, 999.9)
    assert self_test.refusal(state, 1000.0) == ("waiting: the residual current sensor reports a current", 0.0)
    state.pilot.mode = PilotMode.PWM
    assert self_test.refusal(state, 1000.0)[0], "an offer that stands ends"
    state.contactor.off_s = 999.001
    assert self_test.refusal(state, 1000.0) == ("", 0.0), "but not for what may be a glitch"


def test_an_rms_output_that_stops_nothing_forbids_nothing() -> None:
    state = connected(MODULE, residual_mode="IEC62955")
    state.residual.rms_tripped_s = 999.9
    assert self_test.refusal(state, 1000.0) == ("", 0.0)


def test_after_an_unplug_while_charging_the_test_makes_no_glitch() -> None:
    rig = Rig(equipment=MODULE, settings=RATED_32_A)
    rig.charge()
    rig.run(2.0)
    rig.unplug()
    rig.run(2.0)
    assert rig.count("residual_test_passed") == 2
    assert rig.count("residual_glitch") == 0
    assert not faults.blocked(rig.state)
