"""RCD, circuit breaker, monitoring relay, protective earth and reclosure, at the bound of every time."""

from collections.abc import Callable
from typing import Any

import pytest

from hardware.interfaces import Feedback
from schemas.safety import Contactor
from schemas.settings import ActionOrder
from services.safety import orders
from services.safety.residual import protection, rcd, reclosure
from services.safety.residual.state import Contact, Neighbour
from services.safety.residual.state import Test as Part
from services.safety.state import ConnectorState, Event, MeterSight, Moment
from tests.safety_rig import SOCKET
from tests.safety_states import at, at_rest, charging, connected, says, suffer

pytestmark = pytest.mark.bench

MODULE = SOCKET._replace(residual_sensor=True)
WIRED = SOCKET._replace(inputs=frozenset({"rcd", "opto_1", "mcb", "monitoring_relay", "protective_earth"}))
BY_METER = {"rcd": "Meter communication loss"}
RECLOSING = {"rcd": "On", "reclosure": True, "reclosure_delay_s": 20.0, "reclosure_attempts": 3}
DEVICES = [
    pytest.param("rcd", {"rcd": "On"}, "rcd_tripped", id="RCD"),
    pytest.param("opto_1", {"rcd": "Opto input"}, "rcd_tripped", id="RCD on the opto input"),
    pytest.param("mcb", {}, "mcb_tripped", id="circuit breaker"),
    pytest.param("monitoring_relay", {"monitoring_relay": True}, "monitoring_relay_tripped", id="monitoring relay"),
]
EARTH = "protective_earth"


def shown(active: bool, since_s: float = 900.0, stamp_s: float = 1000.0) -> Contact:
    return Contact(active, stamp_s, since_s)


def healthy(**keys: Any) -> ConnectorState:
    """Every contact is wired and read, and nothing has struck."""
    state = at_rest(WIRED, **keys)
    state.residual.contacts = {name: shown(name == EARTH) for name in WIRED.inputs}
    return state


# contacts


@pytest.mark.parametrize(("name", "keys", "code"), DEVICES)
def test_a_device_that_strikes_is_a_fault_at_once(name: str, keys: dict[str, Any], code: str) -> None:
    state = healthy(**keys)
    assert not says(state, code)
    state.residual.contacts[name] = shown(True, since_s=1000.0)
    assert says(state, code)


@pytest.mark.parametrize("code", ["rcd_tripped", "monitoring_relay_tripped"])
def test_a_device_that_no_key_switches_on_is_not_asked(code: str) -> None:
    state = healthy()
    state.residual.contacts = {name: shown(True) for name in WIRED.inputs}
    assert not says(state, code)
    state.residual.contacts = {}
    assert not says(state, code)


@pytest.mark.parametrize("code", ["mcb_tripped", "protective_earth_lost"])
def test_a_device_that_is_not_wired_is_not_asked(code: str) -> None:
    state = at_rest()
    state.residual.contacts = {"mcb": shown(True), EARTH: shown(False)}
    assert not says(state, code)


def test_protective_earth_is_lost_when_it_is_missing_for_1_s() -> None:
    state = healthy()
    assert not says(state, "protective_earth_lost")
    state.residual.contacts[EARTH] = shown(False, since_s=999.0)
    assert says(state, "protective_earth_lost")
    state.residual.contacts[EARTH] = shown(False, since_s=999.001)
    assert not says(state, "protective_earth_lost")


SILENT = [*DEVICES, pytest.param(EARTH, {}, "protective_earth_lost", id="protective earth")]


@pytest.mark.parametrize(("name", "keys", "code"), SILENT)
def test_a_contact_tells_for_half_a_second_and_is_given_another_one(name: str, keys: dict[str, Any], code: str) -> None:
    state = healthy(**keys)
    state.residual.contacts[name] = shown(name == EARTH, stamp_s=999.0)
    assert says(state, code)
    state.residual.contacts[name] = shown(name == EARTH, stamp_s=999.001)
    assert not says(state, code)


@pytest.mark.parametrize(("name", "keys", "code"), SILENT)
def test_with_the_coil_on_a_contact_is_given_no_second_half(name: str, keys: dict[str, Any], code: str) -> None:
    state = healthy(**keys)
    state.contactor.coil = True
    state.residual.contacts[name] = shown(name == EARTH, stamp_s=999.5)
    assert not says(state, code)
    state.residual.contacts[name] = shown(name == EARTH, stamp_s=999.499)
    assert says(state, code)


@pytest.mark.parametrize(("name", "keys", "code"), SILENT)
def test_a_contact_is_given_half_a_second_after_the_board_is_back(name: str, keys: dict[str, Any], code: str) -> None:
    state = healthy(**keys)
    state.residual.contacts[name] = shown(name == EARTH, stamp_s=950.0)
    state.pilot_sight.run_start_s = 999.5
    assert says(state, code)
    state.pilot_sight.run_start_s = 999.501
    assert not says(state, code)
    state.pilot_sight.run_start_s, state.pilot_sight.letter = 900.0, ""
    assert not says(state, code), "the whole board is away"


@pytest.mark.parametrize("coil", [False, True])
@pytest.mark.parametrize(("name", "keys", "code"), SILENT)
def test_a_contact_that_was_never_read_is_awaited_for_10_s(
    name: str, keys: dict[str, Any], code: str, coil: bool
) -> None:
    state = healthy(**keys)
    del state.residual.contacts[name]
    state.contactor.coil, state.begun_s = coil, 990.0
    assert says(state, code)
    state.begun_s = 990.001
    assert not says(state, code)


# what is read of them


def hear(state: ConnectorState, name: str, closed: bool, sampled_s: float, now_s: float = 1000.0) -> Moment:
    moment = at(now_s, inputs={name: Feedback(closed, sampled_s)})
    protection.observe(state, moment)
    return moment


def test_a_contact_keeps_the_time_since_when_it_says_the_same() -> None:
    state = at_rest(WIRED)
    hear(state, "mcb", True, 995.0)
    hear(state, "mcb", True, 996.0)
    assert state.residual.contacts["mcb"] == Contact(True, 996.0, 995.0)
    hear(state, "mcb", False, 997.0)
    assert state.residual.contacts["mcb"] == Contact(False, 997.0, 997.0)


def test_a_sample_older_than_the_last_or_from_the_future_is_none() -> None:
    state = at_rest(WIRED)
    hear(state, "mcb", True, 1000.051)
    assert "mcb" not in state.residual.contacts
    hear(state, "mcb", True, -0.1)
    assert "mcb" not in state.residual.contacts
    hear(state, "mcb", False, 1000.05)
    hear(state, "mcb", True, 1000.04)
    assert state.residual.contacts["mcb"] == Contact(False, 1000.05, 1000.05)
    hear(state, "mcb", True, 1000.05)
    assert state.residual.contacts["mcb"].active, "the same instant, but another word"


def test_a_contact_is_read_in_the_first_second_of_the_boot_clock() -> None:
    state = at_rest(WIRED)
    hear(state, "mcb", True, 0.0, now_s=0.0)
    assert state.residual.contacts["mcb"] == Contact(True, 0.0, 0.0)


def test_a_contact_that_is_not_watched_is_not_kept() -> None:
    state = at_rest(WIRED)
    hear(state, "rcd", True, 1000.0)
    hear(state, "monitoring_relay", True, 1000.0)
    assert not state.residual.contacts


def test_a_contact_that_is_read_asks_to_be_looked_at_when_it_is_too_old() -> None:
    assert hear(at_rest(WIRED), "mcb", False, 1000.0).deadline_s == pytest.approx(1000.5, abs=1e-3)


# a meter that falls silent


def metered(answers: bool | None, coil: bool = False, off_s: float = 950.0) -> ConnectorState:
    state = connected(**BY_METER)
    state.residual.meter_answers = answers
    state.contactor.coil, state.contactor.off_s = coil, off_s
    return state


def test_a_meter_falls_silent_with_the_coil_on_or_within_10_s_of_it() -> None:
    assert says(metered(False, coil=True), "rcd_maybe_tripped")
    assert says(metered(False, off_s=990.001), "rcd_maybe_tripped")
    assert not says(metered(False, off_s=990.0), "rcd_maybe_tripped")


@pytest.mark.parametrize("answers", [True, None])
def test_a_meter_that_answers_or_was_never_heard_has_not_lost_its_supply(answers: bool | None) -> None:
    assert not says(metered(answers, coil=True), "rcd_maybe_tripped")


def test_a_start_is_no_opening_of_the_coil() -> None:
    state = metered(False, off_s=995.0)
    state.begun_s = 995.0
    assert not says(state, "rcd_maybe_tripped")


def test_a_meter_that_stays_silent_keeps_its_fault() -> None:
    state = metered(False)
    assert not says(state, "rcd_maybe_tripped")
    suffer(state, "rcd_maybe_tripped")
    assert says(state, "rcd_maybe_tripped")


def test_a_meter_that_is_silent_after_a_restart_keeps_the_fault_of_an_rcd_that_was_seen_open() -> None:
    state = metered(False)
    state.memory.rcd_open = True
    assert says(state, "rcd_maybe_tripped")
    state.residual.meter_answers = None
    assert not says(state, "rcd_maybe_tripped")
    state.residual.meter_answers, state.settings = False, state.settings._replace(rcd="On")
    assert not says(state, "rcd_maybe_tripped")


@pytest.mark.parametrize("rcd", ["Off", "On"])
def test_only_the_meter_s_own_detection_listens_to_it(rcd: str) -> None:
    state = metered(False, coil=True)
    state.settings = state.settings._replace(rcd=rcd)
    assert not says(state, "rcd_maybe_tripped")


def test_what_metering_says_is_kept_and_forgotten_with_it() -> None:
    state = at_rest()
    for answers in (True, False):
        protection.observe(state, at(meter=MeterSight(None, None, 1000.0, answers)))
        assert state.residual.meter_answers is answers
    protection.observe(state, at())
    assert state.residual.meter_answers is None


# what they forbid


NOT_READ = ("waiting for the contacts of RCD, circuit breaker and earth to be read", 0.0)
METER_SILENT = ("waiting for the meter: while it is silent the RCD may have tripped", 0.0)
BEING_CLOSED = ("waiting: the RCD is being closed", 0.0)


@pytest.mark.parametrize(("name", "keys", "code"), SILENT)
def test_nothing_is_offered_before_every_watched_contact_is_read(name: str, keys: dict[str, Any], code: str) -> None:
    state = healthy(**keys)
    assert protection.refusal(state, 1000.0) == ("", 0.0)
    state.residual.contacts[name] = shown(name == EARTH, stamp_s=999.499)
    assert protection.refusal(state, 1000.0) == NOT_READ
    assert code not in state.faults.active
    del state.residual.contacts[name]
    assert protection.refusal(state, 1000.0) == NOT_READ


@pytest.mark.parametrize(("answers", "refused"), [(True, ("", 0.0)), (False, METER_SILENT), (None, METER_SILENT)])
def test_nothing_is_offered_while_a_meter_that_watches_the_rcd_is_silent(
    answers: bool | None, refused: tuple[str, float]
) -> None:
    state = metered(answers)
    assert protection.refusal(state, 1000.0) == refused
    state.settings = state.settings._replace(rcd="Off")
    assert protection.refusal(state, 1000.0) == ("", 0.0)


@pytest.mark.parametrize("what", ["pulse_s", "reset_s"])
def test_nothing_is_offered_while_the_rcd_is_being_closed(what: str) -> None:
    state = at_rest()
    setattr(state.residual, what, 999.9)
    assert protection.refusal(state, 1000.0) == BEING_CLOSED


# reclosure


def tripped(module: bool = False, **keys: Any) -> ConnectorState:
    """The RCD is open since 970 s and may be closed from 990 s on; no vehicle is there."""
    equipment = SOCKET._replace(inputs=frozenset({"rcd"}), residual_sensor=module)
    state = at_rest(equipment, **{**RECLOSING, **keys})
    state.residual.contacts = {"rcd": shown(True, since_s=970.0)}
    state.residual.rcd_open_s, state.residual.attempt_s = 970.0, 990.0
    suffer(state, "rcd_tripped")
    return state


def closed_again(reclosures: int = 2, **keys: Any) -> ConnectorState:
    state = tripped(**keys)
    state.faults.active.clear()
    state.residual.contacts = {"rcd": shown(False)}
    state.residual.rcd_open_s, state.residual.rcd_closed_s = None, 700.0
    state.memory.reclosures = reclosures
    return state


def follow(state: ConnectorState, now_s: float = 1000.0, *neighbours: Neighbour) -> Moment:
    for name, contact in state.residual.contacts.items():
        state.residual.contacts[name] = contact._replace(stamp_s=now_s)
    state.residual.stamp_s = now_s
    moment = at(now_s, neighbours=neighbours)
    reclosure.follow(state, moment)
    return moment


def pulses(state: ConnectorState, now_s: float = 1000.0, *neighbours: Neighbour) -> bool:
    return any(event.name == "rcd_closing" for event in follow(state, now_s, *neighbours).events)


def test_an_attempt_is_counted_told_and_lasts_half_a_second() -> None:
    state = tripped()
    moment = follow(state)
    assert moment.events == [Event("rcd_closing", "attempt 1 of 3")]
    assert moment.deadline_s == 1000.5
    assert (state.memory.reclosures, state.residual.pulse_s, state.residual.attempt_s) == (1, 1000.0, 1020.0)
    moment = follow(state, 1000.499)
    assert (state.residual.pulse_s, moment.deadline_s) == (1000.0, 1000.5)
    follow(state, 1000.5)
    assert state.residual.pulse_s is None
    assert not pulses(state, 1019.999)
    assert follow(state, 1020.0).events == [Event("rcd_closing", "attempt 2 of 3")]


def test_the_first_attempt_waits_for_the_delay_from_when_the_rcd_is_seen_open() -> None:
    state = tripped()
    state.residual.rcd_open_s = None
    moment = follow(state, 1000.0)
    assert not moment.events
    assert moment.deadline_s == 1020.0
    assert not pulses(state, 1019.999)
    assert pulses(state, 1020.0)


def test_a_delay_of_zero_waits_for_nothing() -> None:
    state = tripped(reclosure_delay_s=0.0)
    state.residual.rcd_open_s = None
    assert pulses(state)


@pytest.mark.parametrize(("attempts", "done", "again"), [(3, 2, True), (3, 3, False), (1, 0, True), (0, 0, False)])
def test_there_are_as_many_attempts_as_the_key_says(attempts: int, done: int, again: bool) -> None:
    state = tripped(reclosure_attempts=attempts)
    state.memory.reclosures = done
    assert pulses(state) is again
    assert state.memory.reclosures == done + again


def test_an_rcd_that_is_not_read_or_closed_is_not_closed() -> None:
    state = tripped()
    state.residual.contacts = {"rcd": shown(False)}
    assert not pulses(state)
    state = tripped()
    state.residual.contacts = {}
    assert not pulses(state)


def test_without_the_key_nothing_is_closed() -> None:
    assert not pulses(tripped(reclosure=False))


def test_an_rcd_that_opened_with_a_direct_current_is_never_closed_by_itself() -> None:
    state = tripped()
    suffer(state, "residual_current_dc")
    assert not pulses(state)
    assert state.memory.rcd_by_dc
    state.faults.active.clear()
    suffer(state, "rcd_tripped")
    assert not pulses(state), "the journal knows"


NOT_READY: dict[str, Callable[[ConnectorState], None]] = {
    "the coil is on": lambda state: setattr(state.contactor, "coil", True),
    "the contacts are not proven open": lambda state: setattr(state.contactor, "phase", Contactor.UNKNOWN),
    "a lockout": lambda state: setattr(state.memory, "lockout", "contactor_welded"),
    "the module is being tested": lambda state: setattr(state.residual, "test", Part.ON),
}


@pytest.mark.parametrize("barrier", NOT_READY)
@pytest.mark.parametrize("ordered", [False, True])
def test_any_one_thing_keeps_an_rcd_from_being_closed(barrier: str, ordered: bool) -> None:
    state = tripped()
    if ordered:
        state.settings = state.settings._replace(reclosure=False)
        state.residual.reset_s = 995.0
    NOT_READY[barrier](state)
    assert not pulses(state)
    assert not state.residual.test_wanted


@pytest.mark.parametrize(
    ("tested_s", "proven", "closed"), [(970.001, True, True), (969.999, True, False), (970.001, False, False)]
)
def test_in_state_a_the_module_has_to_pass_a_test_after_the_rcd_opened(
    tested_s: float, proven: bool, closed: bool
) -> None:
    state = tripped(module=True)
    state.memory.residual_tested_s, state.memory.residual_proven = tested_s, proven
    assert pulses(state) is closed
    assert state.residual.test_wanted is not closed


def test_in_state_a_the_module_has_to_pass_a_test_between_two_attempts() -> None:
    state = tripped(module=True)
    state.residual.pulsed_s = 975.0
    state.memory.residual_tested_s = 974.0
    assert not pulses(state)
    state.memory.residual_tested_s = 976.0
    assert pulses(state)


@pytest.mark.parametrize(("module", "vehicle"), [(True, True), (True, False), (False, True), (False, False)])
def test_with_a_vehicle_the_rcd_is_closed_and_the_proof_ends(module: bool, vehicle: bool) -> None:
    state = tripped(module=module)
    state.vehicle_connected, state.memory.residual_tested_s = vehicle, 960.0 if vehicle else 980.0
    assert pulses(state)
    assert state.residual.test_wanted is (module and vehicle)
    assert state.memory.residual_proven is not (module and vehicle)


# when it is given up


def given_up(pulsed_s: float = 990.0, code: str = "rcd_tripped") -> ConnectorState:
    state = tripped()
    state.faults.active.clear()
    suffer(state, code)
    state.memory.reclosures, state.vehicle_connected, state.residual.pulsed_s = 3, True, pulsed_s
    return state


@pytest.mark.parametrize("code", ["rcd_tripped", "rcd_maybe_tripped"])
def test_after_the_last_attempt_the_fault_waits_for_the_unplug_as_well(code: str) -> None:
    state = given_up(code=code)
    assert follow(state).events == [Event("rcd_given_up", "after 3 attempts")]
    assert state.memory.latched == (code,)
    assert not follow(state).events, "it is told once"
    assert state.memory.latched == (code,)


def test_the_last_attempt_has_5_s_to_succeed() -> None:
    state = given_up(pulsed_s=995.001)
    moment = follow(state)
    assert (moment.deadline_s, state.memory.latched) == (pytest.approx(1000.001), ())
    state = given_up(pulsed_s=995.0)
    follow(state)
    assert state.memory.latched == ("rcd_tripped",)


def test_without_a_vehicle_nothing_waits_for_an_unplug() -> None:
    state = given_up()
    state.vehicle_connected = False
    assert not follow(state).events
    assert not state.memory.latched


def test_only_what_is_a_fault_waits_for_the_unplug() -> None:
    state = given_up(code="mcb_tripped")
    assert not follow(state).events
    assert not state.memory.latched


# when the count begins anew


def test_an_rcd_that_stays_closed_for_10_minutes_starts_the_count_again() -> None:
    state = closed_again()
    state.residual.rcd_closed_s = 400.001
    moment = follow(state)
    assert (state.memory.reclosures, moment.deadline_s) == (2, pytest.approx(1000.001))
    state.residual.rcd_closed_s = 400.0
    follow(state)
    assert state.memory.reclosures == 0


@pytest.mark.parametrize(
    ("phase", "on_s", "left"),
    [(Contactor.CLOSED, 940.0, 0), (Contactor.CLOSED, 940.001, 2), (Contactor.OPEN, 900.0, 2)],
)
def test_an_rcd_that_carried_a_vehicle_for_a_minute_starts_the_count_again(
    phase: Contactor, on_s: float, left: int
) -> None:
    state = closed_again()
    state.contactor.phase, state.contactor.on_s = phase, on_s
    follow(state)
    assert state.memory.reclosures == left


def test_ten_minutes_count_from_when_it_was_seen_closed() -> None:
    state = closed_again()
    state.residual.rcd_open_s, state.residual.rcd_closed_s = 300.0, 200.0
    follow(state)
    assert (state.residual.rcd_open_s, state.residual.rcd_closed_s, state.memory.reclosures) == (None, 1000.0, 2)
    follow(state, 1300.0)
    assert state.residual.rcd_closed_s == 1000.0


def test_without_a_count_nothing_is_waited_for() -> None:
    state = closed_again(reclosures=0)
    assert follow(state).deadline_s == float("inf")
    assert state.memory.reclosures == 0


@pytest.mark.parametrize("dc_fault", [False, True])
def test_a_direct_current_is_forgotten_when_the_rcd_is_seen_closed_and_the_fault_is_gone(dc_fault: bool) -> None:
    state = closed_again()
    state.memory.rcd_by_dc = True
    if dc_fault:
        suffer(state, "residual_current_dc")
    follow(state)
    assert state.memory.rcd_by_dc is dc_fault


@pytest.mark.parametrize("place", ["rcd_closed_s", "dc_fault_s"])
def test_a_direct_current_is_forgotten_after_the_time_a_meter_takes_to_be_found_silent(place: str) -> None:
    state = closed_again(reclosures=0)
    state.memory.rcd_by_dc = True
    setattr(state.residual, place, 990.001)
    moment = follow(state)
    assert (state.memory.rcd_by_dc, moment.deadline_s) == (True, pytest.approx(1000.001))
    setattr(state.residual, place, 990.0)
    follow(state)
    assert not state.memory.rcd_by_dc


@pytest.mark.parametrize(("rcd", "noted"), [("On", True), ("Meter communication loss", True), ("Off", False)])
def test_a_direct_current_may_have_opened_every_rcd_that_is_watched(rcd: str, noted: bool) -> None:
    """Seen closed it is as well while nobody has found out."""
    state = closed_again(rcd=rcd)
    suffer(state, "residual_current_dc")
    follow(state)
    assert state.memory.rcd_by_dc is noted
    assert state.residual.dc_fault_s == 1000.0
    state.residual.pulse_s = 1000.9
    follow(state, 1001.0)
    assert state.residual.dc_fault_s == 1001.0
    state.faults.active.clear()
    follow(state, 1002.0)
    assert state.residual.dc_fault_s == 1001.0
    assert state.memory.rcd_by_dc is noted


def test_the_journal_knows_that_the_rcd_is_open_until_it_is_seen_closed() -> None:
    state = tripped()
    follow(state)
    assert state.memory.rcd_open
    state.residual.pulse_s, state.residual.contacts = None, {}
    follow(state, 1001.0)
    assert state.memory.rcd_open
    state.residual.contacts = {"rcd": shown(False)}
    follow(state, 1002.0)
    assert not state.memory.rcd_open


@pytest.mark.parametrize(
    ("rcd", "contact", "answers", "forgotten"),
    [
        ("On", False, None, True),
        ("On", True, True, False),
        ("On", None, True, False),
        ("Off", False, True, False),
        ("Meter communication loss", False, True, True),
        ("Meter communication loss", None, False, False),
        ("Meter communication loss", False, None, False),
    ],
)
def test_an_rcd_is_seen_closed_by_what_watches_it(
    rcd: str, contact: bool | None, answers: bool | None, forgotten: bool
) -> None:
    state = closed_again(rcd=rcd)
    state.memory.rcd_by_dc, state.residual.meter_answers = True, answers
    state.residual.contacts = {} if contact is None else {"rcd": shown(contact)}
    follow(state)
    assert state.memory.rcd_by_dc is not forgotten


@pytest.mark.parametrize(
    ("fault", "answers", "seen"), [(True, False, True), (True, True, False), (True, None, False), (False, False, False)]
)
def test_a_meter_shows_an_open_rcd_while_it_is_silent_and_that_is_a_fault(
    fault: bool, answers: bool | None, seen: bool
) -> None:
    state = metered(answers)
    if fault:
        suffer(state, "rcd_maybe_tripped")
    assert rcd.is_open(state, 1000.0) is seen


# the order of a person


def order(state: ConnectorState, now_s: float = 1000.0) -> list[Event]:
    wish = ActionOrder(order_id="order", name="RCDRESET", value="true", connector=1, ordered_s=now_s)
    orders.ORDERS["RCDRESET"](state, wish)
    return [event for event in follow(state, now_s).events if event.name.startswith("rcd_reset")]


def by_hand(module: bool = False, **keys: Any) -> ConnectorState:
    """An RCD that is open and is closed by an order alone."""
    return tripped(module, **{"reclosure": False, **keys})


def refused(state: ConnectorState) -> str:
    """Why the order is; empty = it is not."""
    event = order(state)[0]
    assert (event.name == "rcd_reset_refused") is bool(event.detail)
    assert (state.residual.pulse_s is None) is bool(event.detail)
    return event.detail


def test_an_order_closes_the_rcd_at_once_and_once() -> None:
    state = by_hand()
    state.memory.reclosures = 3
    assert order(state) == [Event("rcd_reset_ordered")]
    assert (state.residual.pulse_s, state.residual.reset_s, state.memory.reclosures) == (1000.0, None, 0)
    assert not follow(state, 1010.0).events


def test_an_order_is_refused_after_a_direct_current() -> None:
    for by_journal in (True, False):
        state = by_hand()
        if by_journal:
            state.memory.rcd_by_dc = True
        else:
            suffer(state, "residual_current_dc")
        assert "direct current" in refused(state)


def test_an_order_is_refused_while_a_direct_current_is_a_fault_whatever_the_rcd_shows() -> None:
    state = closed_again(reclosure=False)
    state.memory.latched = ("rcd_tripped",)
    suffer(state, "residual_current_dc")
    assert "direct current" in refused(state)


def test_an_order_and_an_attempt_of_the_same_step_give_one_pulse() -> None:
    state = tripped()
    state.residual.reset_s = 995.0
    assert follow(state).events == [Event("rcd_closing", "attempt 1 of 3")]


def test_a_direct_current_drops_an_order_that_waits() -> None:
    state = by_hand()
    state.residual.reset_s = 995.0
    suffer(state, "residual_current_dc")
    assert follow(state).events == [Event("rcd_reset_refused", "it could not be carried out within a minute")]
    assert (state.residual.reset_s, state.residual.pulse_s) == (None, None)


@pytest.mark.parametrize(
    ("keys", "why"),
    [
        ({}, ""),
        ({"rcd": "Off"}, "does not watch"),
        ({"weld_auxiliary": True}, "something else"),
        ({"schuko": True}, "something else"),
    ],
)
def test_an_order_needs_an_output_that_closes_the_rcd(keys: dict[str, Any], why: str) -> None:
    said = refused(by_hand(**keys))
    assert why in said
    assert bool(said) is bool(why)


def test_an_output_that_recloses_is_no_domestic_socket() -> None:
    state = by_hand(schuko=True, reclosure=True)
    state.residual.attempt_s = 2000.0
    assert not refused(state)


@pytest.mark.parametrize(
    ("latched", "why"),
    [((), "not tripped"), (("rcd_tripped",), ""), (("rcd_maybe_tripped",), ""), (("x",), "not tripped")],
)
def test_an_order_is_for_an_rcd_that_is_open_or_whose_fault_waits(latched: tuple[str, ...], why: str) -> None:
    state = closed_again(reclosure=False)
    state.memory.latched = latched
    event = order(state)[0]
    assert event.name == ("rcd_reset_refused" if why else "rcd_reset_ordered")
    assert why in event.detail
    assert state.residual.pulse_s is None, "it is closed"
    assert state.memory.latched == tuple(code for code in latched if code == "x")
    assert state.residual.reset_s is None


def test_an_order_waits_for_a_minute_and_not_longer() -> None:
    state = by_hand()
    state.contactor.phase = Contactor.UNKNOWN
    assert order(state) == [Event("rcd_reset_ordered")]
    moment = follow(state, 1059.999)
    assert (moment.events, moment.deadline_s) == ([], 1060.0)
    assert state.residual.reset_s == 1000.0
    assert follow(state, 1060.0).events == [Event("rcd_reset_refused", "it could not be carried out within a minute")]
    assert state.residual.reset_s is None


def test_an_order_waits_for_the_end_of_a_pulse() -> None:
    state = by_hand()
    state.residual.pulse_s = state.residual.reset_s = 999.9
    assert not follow(state).events
    assert state.residual.reset_s == 999.9


def test_an_order_in_state_a_waits_for_a_test_after_it() -> None:
    state = by_hand(module=True)
    state.memory.residual_tested_s = 999.0
    assert order(state) == [Event("rcd_reset_ordered")]
    assert (state.residual.test_wanted, state.residual.pulse_s) == (True, None)
    state.memory.residual_tested_s = 1001.0
    assert pulses(state, 1002.0)


@pytest.mark.parametrize(
    ("module", "proven", "kept"), [(True, False, True), (True, True, False), (False, False, False)]
)
def test_an_order_unlatches_the_rcd_where_no_test_of_the_module_is_due(module: bool, proven: bool, kept: bool) -> None:
    state = by_hand(module=module)
    state.contactor.off_s, state.residual.reset_s = 900.0, 950.0
    state.residual.contacts = {"rcd": shown(False)}
    state.memory.latched, state.memory.residual_proven = ("rcd_tripped", "mcb_tripped"), proven
    follow(state)
    assert state.memory.latched == (("rcd_tripped", "mcb_tripped") if kept else ("mcb_tripped",))


def test_an_order_while_charging_closes_nothing() -> None:
    state = charging(SOCKET._replace(inputs=frozenset({"rcd"})), rcd="On")
    state.residual.contacts = {"rcd": shown(False)}
    assert order(state) == [Event("rcd_reset_refused", "the RCD has not tripped")]
