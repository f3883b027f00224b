"""Edges of the contactor's rules: every single thing that keeps it open, opens it, or says what its contacts do."""

from collections.abc import Mapping
from typing import Any

import pytest

from hardware.interfaces import PilotMode
from schemas.safety import Contactor
from services.safety import contactor
from services.safety.region import SwitchSight
from services.safety.state import NEVER_S, ConnectorState, Event, Moment
from tests.proven_connector import NOW_S, closed, moment_of, proven, put
from tests.safety_rig import NO_MIRROR, SOCKET

pytestmark = pytest.mark.bench

CLOSED, CLOSING, OPEN, OPENING, UNKNOWN = (
    Contactor.CLOSED, Contactor.CLOSING, Contactor.OPEN, Contactor.OPENING, Contactor.UNKNOWN,
)  # fmt: skip
IN_SERIES = {"settings.relay_2_pattern": "On while charging", "equipment.outputs": frozenset({"relay_2"})}
VENTILATED = {"equipment.ventilation": True, "settings.pause_in_state_d": False}
IN_D = {"pilot_sight.letter": "D", "pilot_sight.confirmed": "D"}
X1 = {"pilot.mode": PilotMode.X1, "pilot.permille": 1000}
TWELVE = tuple(NOW_S - 1000.0 - number for number in range(11, 0, -1))
"""Eleven closings: with one more before them there are twelve."""


def after_step(state: ConnectorState, moment: Moment | None = None) -> Moment:
    moment = moment or moment_of()
    contactor.evaluate(state, moment)
    return moment


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"pilot_sight.run_start_s": NOW_S - 0.1},
        {"contactor.on_s": NOW_S - 5.0},
        {"faults.hold_until_s": NOW_S},
        {"contactor.dropped_s": NOW_S - 10.0},
        {"settings.diode_before_closing": False, "pilot_sight.diode_proven": False},
        {"settings.diode_before_closing": False, "pilot_sight.diode_bad_s": NOW_S},
        {"equipment.socket": False, "proximity.bad_s": NOW_S - 1.0},
        {"residual.rms_tripped_s": NOW_S, "settings.residual_mode": "IEC62955"},
        {**VENTILATED, **IN_D},
        {**IN_SERIES, "wiring.series": True, "wiring.series_s": NOW_S - 0.05},
        {"memory.closings": (NOW_S - 3600.0, *TWELVE)},
        {"memory.closings": TWELVE},
    ],
)
def test_with_everything_proven_the_contactor_closes_at_the_bound_of_every_wait(changes: Mapping[str, Any]) -> None:
    state = put(proven(), changes)
    moment = after_step(state)
    assert (state.contactor.coil, state.contactor.phase, state.contactor.on_s) == (True, CLOSING, NOW_S)
    assert moment.events == [Event("coil_on")]
    assert state.memory.contactor_cycles == 1
    assert state.contactor.open_since_s == 0.0


@pytest.mark.parametrize(
    "changes",
    [
        {"pilot.mode": PilotMode.X1},
        {"pilot.mode": PilotMode.F},
        {"pilot_sight.letter": "-"},
        {"pilot_sight.letter": "B"},
        {"pilot_sight.confirmed": "B"},
        {"pilot_sight.letter": "B", "pilot_sight.confirmed": "B"},
        IN_D,
        {"contactor.phase": UNKNOWN},
        {"contactor.phase": OPENING},
        {"pilot_sight.diode_proven": False},
        {"pilot_sight.diode_bad_s": NOW_S},
        {"pilot_sight.output_wrong_s": NOW_S},
        {"contactor.dropped_s": NOW_S - 9.0},
        {"proximity.bad_s": NOW_S},
        {"residual.dc_tripped_s": NOW_S},
        {"residual.rms_tripped_s": NOW_S},
        {"residual.device_error": True},
        {"pilot_sight.run_start_s": NOW_S - 0.0999},
        {**IN_SERIES, "wiring.series": True, "wiring.series_s": NOW_S - 0.0499},
        {**IN_SERIES, "wiring.series_s": NOW_S - 1.0},
        {"contactor.on_s": NOW_S - 4.999},
        {"faults.hold_until_s": NOW_S + 0.001},
        {"memory.closings": (NOW_S - 3599.0, *TWELVE)},
    ],
)
def test_one_thing_that_is_not_proven_keeps_the_contactor_open(changes: Mapping[str, Any]) -> None:
    state = put(proven(), changes)
    assert after_step(state).events == []
    assert not state.contactor.coil
    assert state.memory.contactor_cycles == 0


def test_the_contactor_asks_for_a_step_when_its_wait_ends() -> None:
    assert after_step(put(proven(), {"contactor.on_s": NOW_S - 4.9})).deadline_s == pytest.approx(NOW_S + 0.1)


def test_closings_are_counted_for_an_hour_and_what_dropped_the_contactor_until_state_a() -> None:
    state = put(proven(), {"memory.closings": (NOW_S - 3600.5, NOW_S - 3599.5)})
    after_step(state)
    assert state.memory.closings == (NOW_S - 3599.5, NOW_S)
    state = put(proven("B"), {"memory.closings": TWELVE, "contactor.dropped_s": NOW_S - 50.0})
    after_step(state)
    assert (state.memory.closings, state.contactor.dropped_s) == (TWELVE, NOW_S - 50.0)
    after_step(put(state, {"pilot_sight.confirmed": "A"}))
    assert state.contactor.dropped_s == NEVER_S


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"faults.pending": True}, "a fault is active"),
        ({"wiring.barred": "the second contactor must not close"}, "the second contactor must not close"),
        ({"pilot_sight.letter": ""}, "the pilot measurement was too old or impossible"),
        ({"pilot_sight.letter": "-", "pilot_sight.left_cd_s": NOW_S - 0.05}, "the pilot level was between two states"),
        ({"pilot_sight.letter": "B", "pilot_sight.left_cd_s": NOW_S - 0.02}, "the vehicle stopped asking"),
        (IN_D, "the vehicle demands ventilation"),
        (
            {**X1, "pilot_sight.diode_doubtful": True, "pilot.withdrawn_s": NOW_S},
            "the vehicle's diode was not proven when the offer ended",
        ),
        ({**X1, "pilot.withdrawn_s": NOW_S - 6.0}, "the vehicle did not stop within 6 s"),
    ],
)
def test_one_reason_opens_the_contactor_and_it_waits_unless_the_vehicle_wanted_it(
    changes: Mapping[str, Any], why: str
) -> None:
    state = put(closed(), changes)
    moment = after_step(state)
    assert moment.events == [Event("coil_off", why)]
    drops = state.contactor
    assert (drops.coil, drops.phase, drops.off_s) == (False, OPENING, NOW_S)
    assert drops.watched is (state.pilot_sight.letter != "")
    by_vehicle = why == "the vehicle stopped asking"
    assert (drops.dropped_s, drops.dropped_because) == ((NEVER_S, "") if by_vehicle else (NOW_S, why))


@pytest.mark.parametrize(
    ("changes", "wakes_s"),
    [
        ({}, 0.5),
        ({"pilot_sight.letter": "-", "pilot_sight.left_cd_s": NOW_S - 0.0499}, 0.0001),
        ({"pilot_sight.letter": "B", "pilot_sight.left_cd_s": NOW_S - 0.0199}, 0.0001),
        ({**VENTILATED, **IN_D}, 0.5),
        ({**X1, "pilot.withdrawn_s": NOW_S - 5.9}, 0.1),
        ({"pilot_sight.diode_doubtful": True}, 0.5),
        ({"pilot.withdrawn_s": NOW_S - 60.0}, 0.5),
    ],
)
def test_the_contactor_stays_closed_until_the_bound_of_every_patience(
    changes: Mapping[str, Any], wakes_s: float
) -> None:
    state = put(closed(), changes)
    moment = after_step(state)
    assert (state.contactor.coil, state.contactor.phase, moment.events) == (True, CLOSED, [])
    assert moment.deadline_s - NOW_S == pytest.approx(wakes_s, abs=2e-5)


# what the contacts do

BOTH = SOCKET._replace(output_sense=True)
Seen = tuple[bool, float, float]
"""(closed, for so long, newest sample so long ago), seconds."""
O_REST, C_REST = (False, 0.5, 0.0), (True, 0.5, 0.0)
O_NEW, C_NEW = (False, 0.0199, 0.0), (True, 0.0199, 0.0)
O_EDGE, C_EDGE = (False, 0.02, 0.0), (True, 0.02, 0.0)
O_STALE, C_STALE = (False, 2.9, 2.501), (True, 2.9, 2.501)
O_BEFORE, C_BEFORE = (False, 9.0, 0.4), (True, 9.0, 0.4)


@pytest.mark.parametrize("swapped", [False, True])
@pytest.mark.parametrize(
    ("coil", "before", "edge_s", "one", "other", "phase"),
    [
        (False, OPENING, 3.0, O_REST, O_REST, OPEN),
        (False, OPENING, 3.0, O_REST, O_EDGE, OPEN),
        (False, OPENING, 3.0, O_REST, O_NEW, OPENING),
        (False, OPENING, 3.0, O_REST, O_STALE, UNKNOWN),
        (False, OPENING, 3.0, O_REST, C_REST, OPENING),
        (False, OPENING, 3.0, O_REST, C_STALE, UNKNOWN),
        (False, OPENING, 0.3, O_REST, O_BEFORE, OPENING),
        (False, OPENING, 0.4, O_REST, O_BEFORE, OPEN),
        (False, OPEN, 3.0, O_REST, O_NEW, OPEN),
        (False, OPEN, 3.0, O_REST, O_STALE, UNKNOWN),
        (False, OPEN, 3.0, O_REST, C_NEW, UNKNOWN),
        (False, UNKNOWN, 3.0, O_REST, O_REST, OPEN),
        (False, UNKNOWN, 3.0, O_REST, O_NEW, UNKNOWN),
        (False, UNKNOWN, 3.0, O_REST, C_REST, UNKNOWN),
        (False, UNKNOWN, 3.0, C_REST, C_REST, UNKNOWN),
        (True, CLOSING, 3.0, C_REST, C_REST, CLOSED),
        (True, CLOSING, 3.0, C_REST, C_EDGE, CLOSED),
        (True, CLOSING, 3.0, C_REST, C_NEW, CLOSING),
        (True, CLOSING, 3.0, C_REST, C_STALE, CLOSING),
        (True, CLOSING, 3.0, C_REST, O_REST, CLOSING),
        (True, CLOSING, 3.0, O_REST, O_REST, CLOSING),
        (True, CLOSING, 0.3, C_REST, C_BEFORE, CLOSING),
        (True, CLOSING, 0.4, C_REST, C_BEFORE, CLOSED),
        (True, CLOSED, 3.0, C_REST, O_NEW, CLOSED),
        (True, CLOSED, 3.0, O_NEW, O_NEW, CLOSED),
    ],
)
def test_all_sensors_say_together_what_the_contacts_do(
    swapped: bool, coil: bool, before: Contactor, edge_s: float, one: Seen, other: Seen, phase: Contactor
) -> None:
    """Fresh (0.5 s, the voltage 2.5 s), unchanged for 20 ms, and seen since the coil's edge."""
    if swapped:
        one, other = other, one
    state = put(closed(equipment=BOTH) if coil else put(proven("B", BOTH), X1), {"contactor.phase": before})
    state.contactor.on_s = state.contactor.off_s = NOW_S - edge_s
    state.mirror = SwitchSight(NOW_S - one[2], one[0], NOW_S - one[1])
    state.output_sense = SwitchSight(NOW_S - other[2], other[0], NOW_S - other[1])
    after_step(state)
    assert state.contactor.phase is phase


@pytest.mark.parametrize(("flowing", "before"), [(0, OPEN), (1, OPEN), (1, UNKNOWN), (1, OPENING)])
def test_contacts_behind_which_a_current_flows_are_not_open(flowing: int, before: Contactor) -> None:
    state = put(proven("B"), {**X1, "contactor.phase": before, "supply.flowing": flowing, "supply.fresh": True})
    after_step(state)
    assert state.contactor.phase is (UNKNOWN if flowing else OPEN)
    assert (state.contactor.open_since_s > 0.0) is not bool(flowing)


def test_closed_contacts_behind_which_a_current_flows_are_closed() -> None:
    state = put(closed(), {"supply.flowing": 1, "supply.fresh": True})
    after_step(state)
    assert state.contactor.phase is CLOSED


def test_a_step_is_asked_for_when_a_contact_has_been_still_for_20_ms() -> None:
    state = put(proven("B"), {"contactor.phase": OPENING, "contactor.off_s": NOW_S - 0.05})
    state.mirror = SwitchSight(NOW_S, False, NOW_S - 0.015)
    assert after_step(state).deadline_s == pytest.approx(NOW_S + 0.005)


@pytest.mark.parametrize(("coil", "first", "last"), [(False, OPENING, OPEN), (True, CLOSING, CLOSED)])
def test_without_a_sensor_the_coil_is_assumed_to_have_worked_after_100_ms(
    coil: bool, first: Contactor, last: Contactor
) -> None:
    for age_s, phase in ((0.0999, first), (0.1, last)):
        state = closed(equipment=NO_MIRROR) if coil else put(proven("B", NO_MIRROR), X1)
        state.contactor.phase = first
        state.contactor.on_s = state.contactor.off_s = NOW_S - age_s
        moment = after_step(state)
        assert state.contactor.phase is phase
        assert (moment.deadline_s == pytest.approx(NOW_S + 0.0001)) is (phase is first)


@pytest.mark.parametrize(
    ("watched", "letter", "trouble", "gap_s", "still"),
    [
        (True, "B", "", 0.0, True),
        (True, "B", "", 0.039, True),
        (True, "B", "", 0.041, False),
        (False, "B", "", 0.0, False),
        (True, "", "", 0.0, False),
        (True, "B", "no answer", 0.0, False),
    ],
)
def test_an_opening_is_watched_only_while_the_board_answers_all_the_time(
    watched: bool, letter: str, trouble: str, gap_s: float, still: bool
) -> None:
    state = put(proven("B"), {"contactor.watched": watched, "pilot_sight.letter": letter})
    state.contactor.answered_s = NOW_S - gap_s
    after_step(state, moment_of(trouble=trouble))
    assert (state.contactor.watched, state.contactor.answered_s) == (still, NOW_S)


def opening(changes: Mapping[str, Any], run_s: float = 0.03) -> ConnectorState:
    """The contacts have been seen open for `run_s`; the coil went off 50 ms ago."""
    state = put(proven("B"), X1)
    contact = state.contactor
    contact.phase, contact.off_s, contact.on_s = OPENING, NOW_S - 0.05, NOW_S - 60.0
    contact.powered = contact.watched = True
    contact.answered_s = NOW_S - 0.02
    state.mirror = SwitchSight(NOW_S, False, NOW_S - run_s)
    return put(state, changes)


@pytest.mark.parametrize(
    ("changes", "run_s", "took_s"),
    [
        ({}, 0.03, 0.02),
        ({}, 0.05, 0.0),
        ({}, 0.06, None),
        ({"contactor.watched": False}, 0.03, None),
        ({"contactor.powered": False}, 0.03, None),
        ({}, 0.01, None),
    ],
)
def test_the_time_to_open_is_told_of_contacts_that_carried_power_and_were_watched(
    changes: Mapping[str, Any], run_s: float, took_s: float | None
) -> None:
    """`run_s` 0.06: they had opened before the coil; 0.01: they are not still yet."""
    state = opening(changes, run_s)
    after_step(state)
    assert state.contactor.opening_s == (None if took_s is None else pytest.approx(took_s))
    assert state.contactor.closing_s is None


def test_the_time_to_open_is_not_told_while_one_sensor_is_silent() -> None:
    state = opening({"equipment.output_sense": True})
    state.output_sense = SwitchSight(NOW_S - 2.6, True, NOW_S - 9.0)
    after_step(state)
    assert (state.contactor.phase, state.contactor.opening_s) == (UNKNOWN, None)


@pytest.mark.parametrize(
    ("before", "run_s", "took_s"),
    [(CLOSING, 4.95, 0.05), (CLOSING, 5.0, 0.0), (CLOSING, 5.01, None), (CLOSED, 0.5, None)],
)
def test_the_time_to_close_is_told_once_and_from_the_coils_edge(
    before: Contactor, run_s: float, took_s: float | None
) -> None:
    """`run_s` 5.01: they had closed before the coil. A bounce later on is no new measurement."""
    state = put(closed(), {"contactor.phase": before})
    state.mirror.run_start_s = NOW_S - run_s
    after_step(state)
    assert state.contactor.closing_s == (None if took_s is None else pytest.approx(took_s))
    assert state.contactor.opening_s is None


def test_the_slowest_sensor_says_how_long_the_contacts_took() -> None:
    state = put(closed(equipment=BOTH), {"contactor.phase": CLOSING})
    state.output_sense = SwitchSight(NOW_S, True, NOW_S - 4.9)
    after_step(state)
    assert state.contactor.closing_s == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("powered", "before", "run_s", "told", "since_s"),
    [
        (True, OPENING, 0.03, [Event("power_off")], NOW_S),
        (False, OPENING, 0.03, [], NOW_S),
        (True, OPENING, 0.01, [], 0.0),
        (False, OPEN, 0.03, [], NOW_S - 50.0),
    ],
)
def test_power_is_off_once_and_since_the_contacts_are_proven_open(
    powered: bool, before: Contactor, run_s: float, told: list[Event], since_s: float
) -> None:
    state = opening({"contactor.powered": powered, "contactor.phase": before}, run_s)
    assert after_step(state).events == told
    assert state.contactor.open_since_s == since_s
    assert state.contactor.powered is (powered and not told)


@pytest.mark.parametrize(
    ("powered", "run_s", "told"), [(False, 1.0, [Event("power_on")]), (True, 1.0, []), (False, 0.01, [])]
)
def test_power_is_on_once_and_since_the_contacts_are_proven_closed(
    powered: bool, run_s: float, told: list[Event]
) -> None:
    state = put(closed(), {"contactor.phase": CLOSING, "contactor.powered": powered})
    state.mirror.run_start_s = NOW_S - run_s
    assert after_step(state).events == told
    assert state.contactor.powered is (powered or bool(told))
