"""Edges of what is offered: every single refusal, every wait, the wake-up of a vehicle, one phase and three."""

import math
from collections.abc import Mapping
from typing import Any

import pytest

from hardware.interfaces import PilotMode
from schemas.safety import Contactor, PilotState
from services.safety import faults, pilot, wake_up
from services.safety.permission import Grant
from services.safety.phases import causes, switching
from services.safety.region import SwitchSight
from services.safety.state import NEVER_S, ActiveFault, ConnectorState, Event, Moment
from tests.proven_connector import LEASE, NOW_S, moment_of, proven, put

pytestmark = pytest.mark.bench

PWM, X1, F = PilotMode.PWM, PilotMode.X1, PilotMode.F
ANEW = {"pilot.mode": X1, "pilot.permille": 1000}
"""Nothing is offered yet."""
IN_C = {"pilot_sight.letter": "C", "pilot_sight.confirmed": "C"}
VENTILATED = {"equipment.ventilation": True, "settings.pause_in_state_d": False}
TWELVE = tuple(NOW_S - 3599.0 + number for number in range(12))


def managed(limit_a: float) -> dict[str, Any]:
    """The contact of an energy manager limits the current."""
    inputs = frozenset({"energy_management"})
    return {"supply.managed": True, "settings.energy_input_limit_a": limit_a, "equipment.inputs": inputs}


def evaluated(changes: Mapping[str, Any], lease: Grant = LEASE, letter: str = "B") -> tuple[ConnectorState, Moment]:
    state, moment = put(proven(letter), changes), moment_of()
    pilot.evaluate(state, lease, moment)
    return state, moment


@pytest.mark.parametrize(
    ("changes", "lease", "words"),
    [
        ({"faults.pending": True}, LEASE, "paused: a fault is active"),
        ({"qualified": False}, LEASE, "starting: checking the contactor and the vehicle"),
        ({"pilot_sight.confirmed": "A"}, LEASE, "no vehicle connected"),
        ({"pilot_sight.confirmed": ""}, LEASE, "no vehicle connected"),
        ({"pilot_sight.confirmed": "E"}, LEASE, "no vehicle connected"),
        ({"pilot_sight.confirmed": "D"}, LEASE, "no vehicle connected"),
        ({"settings.hardware_limit_a": 0.0}, LEASE, "waiting for the settings service"),
        ({"settings.hardware_limit_a": 0.5}, LEASE, "paused: less than 6 A available"),
        ({}, LEASE._replace(may_charge=False, why_not="paused: no permission"), "paused: no permission"),
        ({"proximity.ampacity_a": 0.0}, LEASE, "waiting for the cable to be recognised"),
        ({"proximity.ampacity_a": 0.5}, LEASE, "paused: less than 6 A available"),
        ({"lock_sight.closed": False}, LEASE, "waiting for the plug to be locked"),
        ({}, LEASE._replace(limit_a=5.999), "paused: less than 6 A available"),
        ({}, LEASE._replace(limit_a=math.nan), "paused: less than 6 A available"),
        (managed(5.999), LEASE, "paused: the energy management input"),
        (managed(10.0), LEASE._replace(limit_a=5.0), "paused: less than 6 A available"),
        (managed(math.nan), LEASE, "paused: the energy management input"),
    ],
)
@pytest.mark.parametrize("offered", [True, False])
def test_one_thing_ends_an_offer_and_forbids_the_next_one(
    offered: bool, changes: Mapping[str, Any], lease: Grant, words: str
) -> None:
    state, _ = evaluated(changes if offered else {**ANEW, **changes}, lease)
    output = state.pilot
    assert (output.waiting, output.retry_s) == (words, 0.0)
    assert (output.mode, output.permille) == (X1, 1000)
    assert pilot.offered_a(state) == 0.0


@pytest.mark.parametrize(
    ("changes", "lease", "permille"),
    [
        ({}, LEASE, 533),
        ({}, LEASE._replace(limit_a=6.0), 100),
        (managed(6.0), LEASE, 100),
        ({"equipment.socket": False, "proximity.ampacity_a": 0.0}, LEASE, 533),
        ({"equipment.has_lock": False, "lock_sight.closed": False}, LEASE, 533),
        ({**VENTILATED, "pilot_sight.confirmed": "D"}, LEASE, 533),
        (IN_C, LEASE, 533),
        ({**IN_C, "pilot_sight.seen_b": False}, LEASE, 166),
        ({"pilot_sight.seen_b": False}, LEASE, 533),
        ({"settings.hardware_limit_a": 16.0}, LEASE, 266),
    ],
)
@pytest.mark.parametrize("offered", [True, False])
def test_what_may_be_offered_is_offered(offered: bool, changes: Mapping[str, Any], lease: Grant, permille: int) -> None:
    state, moment = evaluated(changes if offered else {**ANEW, **changes}, lease)
    assert (state.pilot.mode, state.pilot.permille, state.pilot.waiting) == (PWM, permille, "")
    assert pilot.offered_a(state) == pytest.approx(permille * 0.06)
    assert moment.deadline_s == LEASE.until_s, "then the lease ends"


def test_a_bound_that_is_not_a_number_counts_as_nothing() -> None:
    assert pilot.bound(put(proven("B"), managed(math.nan))) == (0.0, "the energy management input")
    assert pilot.bound(put(proven("B"), managed(7.0))) == (7.0, "the energy management input")
    assert pilot.bound(proven("B")) == (math.inf, "")


@pytest.mark.parametrize(("dropped_s", "mode"), [(NOW_S - 9.9, X1), (NOW_S - 10.0, PWM), (NOW_S - 10.1, PWM)])
def test_a_contactor_that_dropped_ends_the_offer_during_which_it_did(dropped_s: float, mode: PilotMode) -> None:
    state, _ = evaluated({"contactor.dropped_s": dropped_s, "contactor.dropped_because": "a fault is active"})
    assert state.pilot.mode is mode
    assert state.pilot.waiting == ("paused: a fault is active" if mode is X1 else "")


def test_a_contactor_that_dropped_during_an_earlier_offer_does_not_forbid_the_next_one() -> None:
    state, _ = evaluated({**ANEW, "contactor.dropped_s": NOW_S - 9.0})
    assert state.pilot.mode is PWM


def test_an_offer_goes_on_whatever_the_contactor_waits_for() -> None:
    for changes in ({"contactor.phase": Contactor.CLOSED}, {"contactor.on_s": NOW_S}, {"memory.closings": TWELVE}):
        state, _ = evaluated(changes)
        assert (state.pilot.mode, state.pilot.waiting) == (PWM, "")


@pytest.mark.parametrize(
    ("changes", "words", "retry_s"),
    [
        ({"contactor.phase": Contactor.UNKNOWN}, "waiting for the contactor to open", 0.0),
        ({"contactor.phase": Contactor.CLOSED}, "waiting for the contactor to open", 0.0),
        ({"contactor.on_s": NOW_S - 4.5}, "waiting: it has just switched", NOW_S + 0.5),
        ({"contactor.on_s": NOW_S - 4.5, "begun_s": NOW_S - 4.5}, "waiting after the start", NOW_S + 0.5),
        (
            {"contactor.dropped_s": NOW_S - 4.5, "contactor.dropped_because": "it failed"},
            "waiting: it failed",
            NOW_S + 0.5,
        ),
        ({"faults.hold_until_s": NOW_S + 0.5}, "waiting after a fault before the start", NOW_S + 0.5),
        (
            {"memory.closings": TWELVE},
            "waiting: the contactor has closed 12 times within an hour",
            NOW_S + 1.0,
        ),
        ({"pilot.withdrawn_s": NOW_S - 4.5}, "waiting before current is offered again", NOW_S + 0.5),
        ({**IN_C, "pilot.withdrawn_s": NOW_S - 5.5}, "waiting before current is offered again", NOW_S + 0.5),
        (
            {"contactor.on_s": NOW_S - 4.0, "pilot.withdrawn_s": NOW_S - 4.5},
            "waiting: it has just switched",
            NOW_S + 1.0,
        ),
        (
            {"contactor.on_s": NOW_S - 4.5, "pilot.withdrawn_s": NOW_S - 4.0},
            "waiting before current is offered again",
            NOW_S + 1.0,
        ),
    ],
)
def test_one_wait_delays_a_new_offer_and_says_until_when(
    changes: Mapping[str, Any], words: str, retry_s: float
) -> None:
    state, moment = evaluated({**ANEW, **changes})
    assert (state.pilot.mode, state.pilot.waiting, state.pilot.retry_s) == (X1, words, retry_s)
    assert moment.deadline_s == (retry_s or LEASE.until_s)


@pytest.mark.parametrize(
    "changes",
    [
        {"contactor.on_s": NOW_S - 5.0},
        {"contactor.dropped_s": NOW_S - 5.0},
        {"faults.hold_until_s": NOW_S},
        {"memory.closings": (NOW_S - 3600.0, *TWELVE[1:])},
        {"memory.closings": TWELVE[1:]},
        {"pilot.withdrawn_s": NOW_S - 5.0},
        {**IN_C, "pilot.withdrawn_s": NOW_S - 6.0},
    ],
)
def test_at_the_end_of_every_wait_current_is_offered(changes: Mapping[str, Any]) -> None:
    state, _ = evaluated({**ANEW, **changes})
    assert (state.pilot.mode, state.pilot.pwm_s, state.pilot.waiting, state.pilot.retry_s) == (PWM, NOW_S, "", 0.0)


@pytest.mark.parametrize(
    ("changes", "permille", "at_s"),
    [
        ({"pilot.permille": 266, "pilot.commanded_s": NOW_S - 4.5}, 266, NOW_S - 4.5),
        ({"pilot.permille": 266, "pilot.commanded_s": NOW_S - 5.0}, 533, NOW_S),
        ({"pilot.permille": 800, "pilot.commanded_s": NOW_S - 0.1}, 533, NOW_S),
        ({"pilot.permille": 533, "pilot.commanded_s": NOW_S - 0.1}, 533, NOW_S - 0.1),
        ({"pilot.mode": F, "pilot.permille": 0, "pilot.commanded_s": NOW_S - 0.1}, 533, NOW_S),
    ],
)
def test_a_rise_waits_5_s_and_nothing_else_does(changes: Mapping[str, Any], permille: int, at_s: float) -> None:
    state, moment = evaluated(changes)
    assert (state.pilot.mode, state.pilot.permille, state.pilot.commanded_s) == (PWM, permille, at_s)
    if permille == 266:
        assert moment.deadline_s == NOW_S + 0.5


def test_another_duty_is_no_new_offer() -> None:
    state, _ = evaluated({"pilot.permille": 800, "pilot_sight.diode_good_s": NOW_S - 9.0})
    assert (state.pilot.pwm_s, state.pilot.withdrawn_s) == (NOW_S - 10.0, NOW_S - 100.0)
    assert (state.pilot_sight.diode_proven, state.pilot_sight.diode_good_s) == (True, NOW_S - 9.0)
    assert state.pilot.previous_duty == 0.8


@pytest.mark.parametrize("bad_s", [None, NOW_S - 0.05])
@pytest.mark.parametrize("connected", [True, False])
def test_the_end_of_an_offer_is_remembered_and_the_diode_is_proven_anew(connected: bool, bad_s: float | None) -> None:
    before = {"vehicle_connected": connected, "pilot_sight.diode_bad_s": bad_s, "faults.pending": True}
    state, _ = evaluated({**before, "pilot_sight.diode_good_s": NOW_S - 9.0})
    sight = state.pilot_sight
    assert state.pilot.withdrawn_s == (NOW_S if connected else NEVER_S)
    assert sight.diode_doubtful is (bad_s is not None)
    assert (sight.diode_proven, sight.diode_good_s, sight.diode_bad_s) == (False, None, None)


def test_what_is_not_offered_is_not_withdrawn() -> None:
    state, _ = evaluated({**ANEW, "memory.lockout": "contactor_welded", "pilot_sight.diode_doubtful": True})
    assert (state.pilot.mode, state.pilot.withdrawn_s, state.pilot.pwm_s) == (F, NOW_S - 100.0, NOW_S - 10.0)
    assert state.pilot_sight.diode_doubtful


def test_a_vehicle_that_has_left_waits_for_no_earlier_offer() -> None:
    for letter, withdrawn_s in (("A", NEVER_S), ("B", NOW_S - 100.0), ("", NOW_S - 100.0)):
        state, _ = evaluated({**ANEW, "pilot_sight.confirmed": letter, "qualified": False})
        assert state.pilot.withdrawn_s == withdrawn_s


@pytest.mark.parametrize(
    ("changes", "mode"),
    [
        ({"memory.lockout": "contactor_welded"}, F),
        ({"faults.f_until_s": NOW_S + 0.001}, F),
        ({"faults.f_until_s": NOW_S}, PWM),
        ({"pilot.wake_until_s": NOW_S + 0.001}, F),
        ({"phases.switched_s": NOW_S - 9.999, "equipment.phase_switching": True}, F),
        ({}, PWM),
    ],
)
def test_state_f_is_commanded_for_one_reason_alone(changes: Mapping[str, Any], mode: PilotMode) -> None:
    state, _ = evaluated(changes)
    assert (state.pilot.mode, state.pilot.permille) == (mode, 0 if mode is F else 533)
    if "pilot.wake_until_s" in changes:
        assert state.pilot.waiting == wake_up.WORDS
    elif "phases.switched_s" in changes:
        assert state.pilot.waiting == switching.CHANGING


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"memory.lockout": "contactor_welded", "wiring.out_of_service": "off"}, PilotState.LOCKOUT),
        ({"wiring.out_of_service": "off", "faults.pending": True}, PilotState.F),
        (
            {"memory.latched": ("diode_failed",), "faults.active": {"diode_failed": ActiveFault(0.0)}},
            PilotState.LATCHED,
        ),
        ({"faults.active": {"pilot_shorted": ActiveFault(0.0)}}, PilotState.E),
        ({"faults.active": {"contactor_no_close": ActiveFault(0.0)}}, PilotState.FAULT),
        ({"qualified": False}, PilotState.BOOT),
        ({}, PilotState.B2),
        (ANEW, PilotState.B1),
        ({"pilot_sight.confirmed": "C"}, PilotState.C2),
        ({"pilot_sight.confirmed": "D", **ANEW}, PilotState.D1),
        ({"pilot_sight.confirmed": "A", **ANEW}, PilotState.A),
        ({"pilot_sight.confirmed": "E", **ANEW}, PilotState.E),
    ],
)
def test_the_state_has_one_name(changes: Mapping[str, Any], name: PilotState) -> None:
    assert pilot.name_of(put(proven("B"), changes)) is name


# waking a vehicle

ASLEEP = {"pilot.pwm_s": NOW_S - 30.0, "pilot_sight.run_start_s": NOW_S - 40.0}


def woken(changes: Mapping[str, Any], letter: str = "B") -> tuple[bool, ConnectorState, Moment]:
    state, moment = put(proven(letter), {**ASLEEP, **changes}), moment_of()
    return wake_up.evaluate(state, moment), state, moment


@pytest.mark.parametrize("changes", [{}, {"pilot.pwm_s": NOW_S - 40.0, "pilot_sight.run_start_s": NOW_S - 30.0}])
def test_a_vehicle_is_woken_for_4_s_after_30_s_of_b_with_an_offer(changes: Mapping[str, Any]) -> None:
    wakes, state, moment = woken(changes)
    assert wakes
    assert (moment.events, moment.deadline_s) == ([Event("wake_up")], NOW_S + 4.0)
    assert state.memory.vehicle_awake
    for now_s, running in ((NOW_S + 3.999, True), (NOW_S + 4.0, False)):
        assert wake_up.is_running(state, now_s) is running
        assert wake_up.evaluate(state, moment_of(now_s)) is running


@pytest.mark.parametrize(
    ("changes", "awake"),
    [
        ({"pilot.pwm_s": NOW_S - 29.999}, False),
        ({"pilot_sight.run_start_s": NOW_S - 29.999}, False),
        ({"pilot.mode": X1}, False),
        ({"contactor.coil": True}, False),
        ({"contactor.phase": Contactor.UNKNOWN}, False),
        ({"pilot_sight.confirmed": "E"}, False),
        ({"pilot_sight.letter": "-"}, False),
        ({"pilot_sight.letter": "C"}, False),
        ({"power_requested": True}, True),
        ({"memory.vehicle_awake": True}, True),
    ],
)
def test_one_thing_leaves_a_vehicle_asleep(changes: Mapping[str, Any], awake: bool) -> None:
    wakes, state, moment = woken(changes)
    assert not wakes
    assert not moment.events
    assert state.memory.vehicle_awake is awake


@pytest.mark.parametrize(
    ("was", "confirmed", "awake"),
    [(True, "A", False), (False, "A", False), (True, "", True), (True, "E", True), (False, "", False)],
)
def test_that_a_vehicle_was_woken_is_forgotten_when_it_is_seen_to_be_gone(
    was: bool, confirmed: str, awake: bool
) -> None:
    """Just after a start nobody knows yet whether it is there."""
    changes = {"memory.vehicle_awake": was, "pilot_sight.confirmed": confirmed, "pilot.wake_until_s": NOW_S + 2.0}
    wakes, state, _ = woken(changes, "A")
    assert not wakes
    assert not wake_up.is_running(state, NOW_S)
    assert state.memory.vehicle_awake is awake


def test_a_running_wake_up_goes_on_and_asks_for_a_step_at_its_end() -> None:
    wakes, _, moment = woken({"pilot.wake_until_s": NOW_S + 0.001, "memory.vehicle_awake": True, "pilot.mode": F})
    assert wakes
    assert (moment.events, moment.deadline_s) == ([], NOW_S + 0.001)


# one phase and three

WITH_RELAY = {"equipment.phase_switching": True}
ON_THREE = {**WITH_RELAY, "phases.sight": SwitchSight(NOW_S, True, NOW_S - 50.0)}
ON_ONE = {**WITH_RELAY, "phases.sight": SwitchSight(NOW_S, False, NOW_S - 50.0)}
TO_ONE = LEASE._replace(phases=1)
TO_THREE = LEASE._replace(phases=3)


def relay(state: ConnectorState, lease: Grant) -> Moment:
    moment = moment_of()
    switching.evaluate(state, lease, moment)
    return moment


@pytest.mark.parametrize(
    ("sight", "stands"),
    [
        (SwitchSight(NOW_S, True, NOW_S - 1.0), 3),
        (SwitchSight(NOW_S, False, NOW_S - 1.0), 1),
        (SwitchSight(NOW_S, True, NOW_S - 0.02), 3),
        (SwitchSight(NOW_S, True, NOW_S - 0.0199), 0),
        (SwitchSight(NOW_S - 2.5, True, NOW_S - 9.0), 3),
        (SwitchSight(NOW_S - 2.501, True, NOW_S - 9.0), 0),
        (SwitchSight(), 0),
    ],
)
def test_where_the_relay_stands_is_proven_by_a_fresh_contact_that_is_still_for_20_ms(
    sight: SwitchSight, stands: int
) -> None:
    assert switching.position(put(proven("B"), {**WITH_RELAY, "phases.sight": sight}), NOW_S) == stands


def ready_to_switch(changes: Mapping[str, Any]) -> ConnectorState:
    return put(proven("B"), {**ON_THREE, **ANEW, "phases.commanded": 3, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"contactor.off_s": NOW_S - 0.1},
        {"pilot_sight.confirmed": "A", "pilot.withdrawn_s": NOW_S},
        {"pilot_sight.confirmed": "B", "pilot.withdrawn_s": NOW_S},
        {"pilot_sight.confirmed": "C", "pilot.withdrawn_s": NOW_S - 6.0},
        {"pilot_sight.confirmed": "D", "pilot.withdrawn_s": NOW_S - 6.0},
        {"phases.commanded": 0},
        {"pilot.mode": F},
    ],
)
def test_the_relay_is_switched_when_nothing_can_flow(changes: Mapping[str, Any]) -> None:
    state = ready_to_switch(changes)
    moment = relay(state, TO_ONE)
    room = state.phases
    assert (room.commanded, room.changing, room.switched_s) == (1, False, NOW_S)
    assert (moment.events, moment.deadline_s) == ([Event("phases_switched", "1")], NOW_S + 10.0)


@pytest.mark.parametrize(
    "changes",
    [
        {"memory.lockout": "contactor_welded"},
        {"contactor.coil": True},
        {"contactor.phase": Contactor.UNKNOWN},
        {"contactor.off_s": NOW_S - 0.0999},
        {"pilot.mode": PWM},
        {"pilot_sight.confirmed": ""},
        {"pilot_sight.confirmed": "E"},
        {"pilot_sight.confirmed": "C", "pilot.withdrawn_s": NOW_S - 5.999},
    ],
)
def test_one_thing_keeps_the_relay_waiting(changes: Mapping[str, Any]) -> None:
    state = ready_to_switch(changes)
    assert relay(state, TO_ONE).events == []
    assert (state.phases.commanded, state.phases.changing) == (3, True)


@pytest.mark.parametrize(
    ("changes", "lease", "commanded", "changing"),
    [
        (ON_THREE, TO_THREE, 3, False),
        (ON_ONE, TO_ONE, 1, False),
        (ON_THREE, TO_ONE, 0, True),
        ({**ON_THREE, "phases.commanded": 3}, TO_THREE, 3, False),
        ({**WITH_RELAY, "phases.commanded": 3}, TO_ONE, 3, False),
        ({**ON_THREE, "phases.commanded": 1}, TO_ONE, 1, False),
        ({**ON_THREE, "phases.commanded": 1}, TO_THREE, 1, True),
        ({**ON_ONE, "phases.commanded": 3}, TO_THREE, 3, False),
        ({**ON_THREE, "phases.changing": True, "phases.commanded": 3}, LEASE, 3, False),
        ({**ON_THREE, "equipment.phase_switching": False}, TO_ONE, 0, False),
        ({**ON_THREE, "phases.commanded": 1, "phases.changing": True}, TO_ONE, 1, False),
    ],
)
def test_what_stands_already_is_not_switched(
    changes: Mapping[str, Any], lease: Grant, commanded: int, changing: bool
) -> None:
    """Current is offered: nothing is switched now in any case."""
    state = put(proven("B"), changes)
    assert relay(state, lease).events == []
    assert (state.phases.commanded, state.phases.changing) == (commanded, changing)


def test_a_relay_that_stands_right_is_not_switched_when_it_could_be() -> None:
    state = ready_to_switch({})
    assert relay(state, TO_THREE).events == []
    assert (state.phases.commanded, state.phases.switched_s) == (3, NEVER_S)


def test_a_step_is_asked_for_when_the_relays_contact_has_been_still_for_20_ms() -> None:
    state = put(proven("B"), {**WITH_RELAY, "phases.sight": SwitchSight(NOW_S, True, NOW_S - 0.01)})
    assert relay(state, LEASE).deadline_s == pytest.approx(NOW_S + 0.01)


JUST_STARTED = "starting: the phase relay may just have switched"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, ("", 0.0)),
        ({"equipment.phase_switching": False, "phases.changing": True}, ("", 0.0)),
        ({"phases.commanded": 3}, ("", 0.0)),
        ({"phases.commanded": 1}, ("waiting for the phase relay", 0.0)),
        ({"phases.sight": SwitchSight()}, ("waiting for the phase relay", 0.0)),
        ({"phases.sight": SwitchSight(), "phases.commanded": 3}, ("waiting for the phase relay", 0.0)),
        ({"phases.changing": True}, (switching.CHANGING, 0.0)),
        ({"phases.switched_s": NOW_S - 9.5}, (switching.CHANGING, NOW_S + 0.5)),
        ({"phases.begun_s": NOW_S - 9.5}, (JUST_STARTED, NOW_S + 0.5)),
        ({"phases.switched_s": NOW_S - 10.0}, ("", 0.0)),
        ({"phases.begun_s": NOW_S - 10.0}, ("", 0.0)),
    ],
)
def test_the_relay_forbids_an_offer_for_one_reason(changes: Mapping[str, Any], said: tuple[str, float]) -> None:
    state = put(proven("B"), {**ON_THREE, "phases.begun_s": NOW_S - 100.0, **changes})
    assert switching.refusal(state, NOW_S) == said


@pytest.mark.parametrize(("age_s", "said"), [(9.5, (JUST_STARTED, NOW_S + 0.5)), (10.0, ("", 0.0))])
def test_what_a_room_refuses_is_not_offered(age_s: float, said: tuple[str, float]) -> None:
    state, moment = evaluated({**ANEW, **ON_THREE, "phases.begun_s": NOW_S - age_s})
    assert (state.pilot.waiting, state.pilot.retry_s) == said
    assert state.pilot.mode is (X1 if said[0] else PWM)
    assert moment.deadline_s == (said[1] or LEASE.until_s)


@pytest.mark.parametrize(
    ("connected", "age_s", "wants"), [(True, 9.999, True), (True, 10.0, False), (False, 5.0, False)]
)
def test_state_f_lasts_10_s_after_the_relay_and_only_for_a_vehicle(connected: bool, age_s: float, wants: bool) -> None:
    state, moment = put(proven("B"), {"vehicle_connected": connected, "phases.switched_s": NOW_S - age_s}), moment_of()
    assert switching.wants_state_f(state, moment) is wants
    assert moment.deadline_s == (pytest.approx(NOW_S + 0.001) if wants else math.inf)


AT_REST = {"phases.switched_s": NOW_S - 60.0, "phases.begun_s": NOW_S - 100.0}
MOVED = {"phases.sight": SwitchSight(NOW_S, False, NOW_S - 0.5)}
JUST_MOVED = {"phases.sight": SwitchSight(NOW_S, False, NOW_S - 0.4999)}


@pytest.mark.parametrize(
    ("changes", "stuck"),
    [
        ({"phases.commanded": 3}, False),
        ({"phases.commanded": 1}, True),
        ({"phases.commanded": 0}, False),
        ({"phases.commanded": 1, "equipment.phase_switching": False}, False),
        ({"phases.commanded": 3, **MOVED}, True),
        ({"phases.commanded": 3, **JUST_MOVED}, False),
        ({"phases.commanded": 1, **MOVED}, False),
        ({"phases.commanded": 0, **MOVED}, False),
        ({"phases.commanded": 1, "phases.switched_s": NOW_S - 0.5}, True),
        ({"phases.commanded": 1, "phases.switched_s": NOW_S - 0.4999}, False),
        ({"phases.commanded": 1, "phases.switched_s": NOW_S - 0.1, "contactor.coil": True}, True),
        ({"phases.commanded": 3, "contactor.coil": True}, False),
        (
            {"phases.commanded": 3, "contactor.coil": True, "phases.sight": SwitchSight(NOW_S, False, NOW_S - 0.02)},
            True,
        ),
        (
            {"phases.commanded": 3, "contactor.coil": True, "phases.sight": SwitchSight(NOW_S, False, NOW_S - 0.0199)},
            False,
        ),
        ({"phases.commanded": 3, "phases.sight": SwitchSight(NOW_S - 3.0, True, NOW_S - 50.0)}, True),
        ({"phases.commanded": 3, "phases.sight": SwitchSight(NOW_S - 2.999, True, NOW_S - 50.0)}, False),
        ({"phases.sight": SwitchSight(), "begun_s": NOW_S - 9.999}, False),
        ({"phases.sight": SwitchSight(), "begun_s": NOW_S - 10.0}, True),
    ],
)
def test_a_relay_is_stuck_when_its_contact_does_not_follow_or_is_not_read(
    changes: Mapping[str, Any], stuck: bool
) -> None:
    state = put(proven("B"), {**ON_THREE, **AT_REST, **changes})
    assert causes.RULES["phase_relay_stuck"].cause(state, moment_of()) is stuck


@pytest.mark.parametrize(("gone_s", "active"), [(2.999, True), (3.0, False)])
def test_a_relay_that_follows_again_is_stuck_for_3_s_more(gone_s: float, active: bool) -> None:
    fault = ActiveFault(NOW_S - 60.0, gone_s=NOW_S - gone_s)
    state = put(proven("B"), {**ON_THREE, **AT_REST, "phases.commanded": 3})
    state.faults.active = {"phase_relay_stuck": fault}
    faults.evaluate(state, moment_of())
    assert ("phase_relay_stuck" in state.faults.active) is active


def test_a_relay_that_is_read_in_the_first_second_of_the_clock_is_read() -> None:
    state = put(proven("B"), {**WITH_RELAY, "phases.commanded": 3, "begun_s": 0.0})
    state.phases.sight = SwitchSight(0.9, False, 0.1)
    assert causes.RULES["phase_relay_stuck"].cause(state, moment_of(0.95))
