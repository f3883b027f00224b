"""One recloser for all connectors: what each says of itself, and what the others make of it."""

from collections.abc import Callable
from typing import Any

import pytest

from schemas.safety import Contactor
from services.safety.residual import rcd, reclosure
from services.safety.residual.state import Contact, Neighbour
from services.safety.state import ConnectorState, Event, Moment
from tests.safety_rig import SOCKET
from tests.safety_states import at, at_rest, suffer

pytestmark = pytest.mark.bench

QUIET = Neighbour(connector=1, dead=True)
NEVER_S = -1e9


def tripped(connector: int = 2, module: bool = False, **keys: Any) -> ConnectorState:
    """The RCD is open since 970 s and may be closed from 990 s on; no vehicle is there."""
    equipment = SOCKET._replace(connector=connector, inputs=frozenset({"opto_1"}), residual_sensor=module)
    settings = {"rcd": "Opto input", "reclosure": True, "reclosure_delay_s": 20.0, "reclosure_attempts": 3}
    state = at_rest(equipment, **{**settings, **keys})
    state.residual.contacts = {"opto_1": Contact(True, 1000.0, 970.0)}
    state.residual.rcd_open_s, state.residual.attempt_s = 970.0, 990.0
    suffer(state, "rcd_tripped")
    return state


def follow(state: ConnectorState, *neighbours: Neighbour, now_s: float = 1000.0) -> Moment:
    contacts = state.residual.contacts
    state.residual.contacts = {name: each._replace(stamp_s=now_s) for name, each in contacts.items()}
    moment = at(now_s, neighbours=neighbours)
    reclosure.follow(state, moment)
    return moment


def pulses(state: ConnectorState, *neighbours: Neighbour) -> bool:
    return any(event.name == "rcd_closing" for event in follow(state, *neighbours).events)


# what a connector says of itself


def told(state: ConnectorState) -> Neighbour:
    (said,) = rcd.neighbours(1, [state], 1000.0)
    return said


SAYS: dict[str, tuple[Callable[[ConnectorState], None], dict[str, Any]]] = {
    "nothing happened": (lambda _: None, {}),
    "the coil is on": (lambda state: setattr(state.contactor, "coil", True), {"dead": False}),
    "the contacts move": (lambda state: setattr(state.contactor, "phase", Contactor.OPENING), {"dead": False}),
    "welded": (lambda state: setattr(state.memory, "lockout", "contactor_welded"), {"dead": False}),
    "direct current": (lambda state: suffer(state, "residual_current_dc"), {"by_dc": True}),
    "direct current before": (lambda state: setattr(state.memory, "rcd_by_dc", True), {"by_dc": True}),
    "the RCD is closed": (
        lambda state: state.residual.contacts.update(opto_1=Contact(False, 1000.0, 970.0)),
        {"rcd_open": False},
    ),
    "the RCD is not read": (lambda state: state.residual.contacts.clear(), {"rcd_open": False}),
    "nothing is closed by itself": (
        lambda state: setattr(state, "settings", state.settings._replace(reclosure=False)),
        {"rcd_open": False},
    ),
    "two attempts": (lambda state: setattr(state.memory, "reclosures", 2), {"reclosures": 2}),
    "a pulse": (lambda state: setattr(state.residual, "pulse_s", 0.0), {"closing": True}),
}


@pytest.mark.parametrize("what", SAYS)
def test_a_connector_says_what_the_others_have_to_know(what: str) -> None:
    happens, changes = SAYS[what]
    state = tripped()
    happens(state)
    assert told(state) == Neighbour(connector=2, dead=True, rcd_open=True)._replace(**changes)


def test_a_connector_hears_all_others_but_not_itself_and_no_domestic_socket() -> None:
    states = [tripped(number) for number in (1, 2, 3, 4)]
    states[3].equipment = states[3].equipment._replace(outlet=True)
    assert [each.connector for each in rcd.neighbours(2, states, 1000.0)] == [1, 3]


# what the others make of it


@pytest.mark.parametrize("barrier", [{"dead": False}, {"by_dc": True}])
@pytest.mark.parametrize("number", [1, 3])
def test_what_forbids_it_at_one_connector_forbids_it_at_all(barrier: dict[str, bool], number: int) -> None:
    other = QUIET._replace(connector=number)
    assert pulses(tripped(), other)
    assert not pulses(tripped(), other._replace(**barrier))
    assert not pulses(tripped(), other, other._replace(**barrier)), "any one of several"


@pytest.mark.parametrize(("number", "sees_it", "tries"), [(1, True, False), (1, False, True), (3, True, True)])
def test_the_lowest_connector_that_sees_the_rcd_open_tries(number: int, sees_it: bool, tries: bool) -> None:
    state = tripped()
    assert pulses(state, Neighbour(connector=number, dead=True, rcd_open=sees_it)) is tries
    assert state.memory.reclosures == tries


@pytest.mark.parametrize(
    ("done", "sees_it", "tries"), [(2, True, True), (3, True, False), (4, True, False), (3, False, True)]
)
def test_an_rcd_that_was_tried_often_enough_is_not_closed_with_another(done: int, sees_it: bool, tries: bool) -> None:
    """Whose own attempts are still to come."""
    state = tripped()
    state.vehicle_connected = True
    other = Neighbour(connector=3, dead=True, rcd_open=sees_it, reclosures=done)
    assert pulses(state, other) is tries
    assert state.memory.reclosures == tries
    assert state.memory.latched == (() if tries else ("rcd_tripped",))


@pytest.mark.parametrize("module", [True, False])
def test_a_pulse_of_another_connector_is_the_same_attempt_and_ends_the_proof(module: bool) -> None:
    state = tripped(module=module)
    state.memory.reclosures = 0
    pulsing = Neighbour(connector=1, dead=True, rcd_open=True, reclosures=2, closing=True)
    assert not follow(state, pulsing).events
    assert (state.memory.reclosures, state.residual.pulsed_s, state.residual.attempt_s) == (2, 1000.0, 1020.0)
    assert (state.residual.test_wanted, not state.memory.residual_proven) == (module, module)
    assert state.residual.pulse_s is None


def test_the_last_attempt_of_another_connector_has_5_s_to_succeed_here_as_well() -> None:
    state = tripped()
    state.vehicle_connected = True
    last = Neighbour(connector=1, dead=True, rcd_open=True, reclosures=3, closing=True)
    assert not follow(state, last).events
    assert not follow(state, last._replace(closing=False), now_s=1004.999).events
    assert follow(state, last._replace(closing=False), now_s=1005.0).events == [
        Event("rcd_given_up", "after 3 attempts")
    ]


def test_an_rcd_that_closes_in_the_step_in_which_the_pulse_is_seen_was_closed_by_it() -> None:
    state = tripped(module=True)
    state.residual.contacts = {"opto_1": Contact(False, 1000.0, 1000.0)}
    follow(state, Neighbour(connector=1, dead=True, reclosures=1, closing=True))
    assert (state.memory.reclosures, state.memory.residual_proven) == (1, False)


@pytest.mark.parametrize(("rcd_open_s", "closing"), [(None, True), (970.0, False)])
def test_a_pulse_that_is_none_or_finds_this_rcd_closed_changes_nothing_here(
    rcd_open_s: float | None, closing: bool
) -> None:
    state = tripped(module=True, reclosure_delay_s=3600.0)
    state.residual.contacts = {"opto_1": Contact(False, 1000.0, 970.0)}
    state.residual.rcd_open_s = rcd_open_s
    follow(state, Neighbour(connector=1, dead=True, reclosures=2, closing=closing))
    assert (state.memory.reclosures, state.residual.pulsed_s, state.memory.residual_proven) == (0, NEVER_S, True)


# the order of a person


def ordered(*neighbours: Neighbour) -> tuple[ConnectorState, list[Event]]:
    state = tripped(reclosure=False)
    state.residual.reset_ordered = True
    return state, follow(state, *neighbours).events


def test_an_order_is_refused_after_a_direct_current_at_another_connector() -> None:
    state, events = ordered(QUIET._replace(by_dc=True))
    assert [event.name for event in events] == ["rcd_reset_refused"]
    assert "direct current" in events[0].detail
    assert state.residual.reset_s is None


def test_an_order_that_waits_is_dropped_at_a_direct_current_at_another_connector() -> None:
    state, _ = ordered(QUIET._replace(dead=False))
    assert state.residual.reset_s == 1000.0
    assert [event.name for event in follow(state, QUIET._replace(by_dc=True), now_s=1001.0).events] == [
        "rcd_reset_refused"
    ]
    assert state.residual.reset_s is None


def test_an_order_waits_for_the_contacts_of_all_connectors() -> None:
    state, events = ordered(QUIET._replace(dead=False))
    assert [event.name for event in events] == ["rcd_reset_ordered"]
    assert pulses(state, QUIET)


def test_an_order_for_all_connectors_gives_one_pulse() -> None:
    state, events = ordered(QUIET._replace(closing=True))
    assert [event.name for event in events] == ["rcd_reset_ordered"]
    assert (state.residual.reset_s, state.residual.pulse_s) == (None, None)


def test_an_order_does_not_wait_for_a_lower_connector_to_try() -> None:
    _, events = ordered(QUIET._replace(rcd_open=True))
    assert [event.name for event in events] == ["rcd_reset_ordered", "rcd_closing"]
