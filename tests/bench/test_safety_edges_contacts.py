"""What coil and contact sensors say of each other, at the bound of every time (`services/safety/contact_causes.py`)."""

import pytest

from schemas.safety import Contactor
from services.safety.region import SwitchSight
from services.safety.state import ConnectorState, Equipment
from tests.safety_rig import NO_MIRROR, SOCKET
from tests.safety_states import at_rest, charging, connected, lasts, says, shows

pytestmark = pytest.mark.bench

SENSE = NO_MIRROR._replace(output_sense=True)
WIRED = NO_MIRROR._replace(inputs=frozenset({"line"}))
BY_LINE = {"weld_check": "230V input"}
NEVER = SwitchSight()


def opened_at(off_s: float, equipment: Equipment = SOCKET, **keys: str) -> ConnectorState:
    """The coil went off then, the vehicle is still there, and every sensor has shown closed contacts since 900 s."""
    state = connected(equipment, **keys)
    state.contactor.off_s, state.contactor.phase = off_s, Contactor.OPENING
    state.mirror, state.weld_input, state.output_sense = shows(True), shows(True), shows(True)
    return state


# contacts that are closed without the coil


@pytest.mark.parametrize(("code", "wait_s"), [("contactor_no_open", 0.1), ("contactor_welded", 1.0)])
def test_contacts_that_stay_closed_are_a_fault_100_ms_and_a_weld_1_s_after_the_coil(code: str, wait_s: float) -> None:
    state = opened_at(1000.0 - wait_s)
    assert says(state, code)
    state.contactor.off_s += 0.001
    assert not says(state, code)


@pytest.mark.parametrize(("code", "wait_s"), [("contactor_no_open", 0.1), ("contactor_welded", 1.0)])
def test_contacts_have_to_show_closed_without_a_gap(code: str, wait_s: float) -> None:
    state = opened_at(950.0)
    state.mirror = shows(True, since_s=1000.0 - wait_s)
    assert says(state, code)
    state.mirror = shows(True, since_s=1000.001 - wait_s)
    assert not says(state, code)


@pytest.mark.parametrize("code", ["contactor_no_open", "contactor_welded"])
def test_a_mirror_contact_tells_for_half_a_second(code: str) -> None:
    state = opened_at(950.0)
    state.mirror = shows(True, stamp_s=999.5)
    assert says(state, code)
    state.mirror = shows(True, stamp_s=999.499)
    assert not says(state, code)


@pytest.mark.parametrize("code", ["contactor_no_open", "contactor_welded"])
def test_no_contact_is_too_closed_while_the_coil_is_on(code: str) -> None:
    assert not says(charging(), code)


def test_a_sensor_that_fell_silent_while_contacts_open_shows_no_weld() -> None:
    """They have 100 ms; a voltage tells for 2.5 s."""
    state = opened_at(998.9, SENSE)
    state.output_sense = shows(True, stamp_s=998.95)
    assert not says(state, "contactor_welded")
    assert says(state, "contactor_no_open")
    state.output_sense = shows(True, stamp_s=999.01)
    assert says(state, "contactor_welded")


def test_a_weld_locks_out_and_is_no_slow_contactor_as_well() -> None:
    state = opened_at(950.0)
    state.memory.lockout = "contactor_welded"
    assert not says(state, "contactor_no_open")
    state.mirror = shows(False)
    assert says(state, "contactor_welded")


def test_a_journal_that_is_unreadable_is_no_weld() -> None:
    state = at_rest()
    state.memory.lockout = "journal_unreadable"
    assert not says(state, "contactor_welded")


@pytest.mark.parametrize(
    ("opening_s", "slow"), [(None, False), (0.015, False), (0.079, False), (0.081, True), (0.15, True)]
)
def test_contacts_that_need_more_than_80_ms_to_open_miss_the_100_ms_of_a_vehicle_s_wish(
    opening_s: float | None, slow: bool
) -> None:
    state = at_rest()
    state.contactor.opening_s = opening_s
    assert says(state, "contactor_no_open") is slow


# a current that nobody switched on


@pytest.mark.parametrize("samples", [0, 1, 2, 3])
def test_one_sample_of_a_current_shows_closed_contacts_and_three_with_a_counting_register_a_weld(samples: int) -> None:
    """No sensor is mounted: the meter alone tells."""
    state = at_rest(NO_MIRROR)
    state.supply.fresh, state.supply.flowing = True, samples
    state.supply.flowing_from_wh, state.supply.flowing_wh = 100.0, 101.0
    assert says(state, "contactor_no_open") is (samples >= 1)
    assert says(state, "contactor_welded") is (samples == 3)
    state.supply.flowing_wh = 100.0
    assert not says(state, "contactor_welded")


# the 230 V input


def left_at(gone_s: float, **changes: float) -> ConnectorState:
    """The vehicle is gone since then and the output is live."""
    state = at_rest(WIRED, **BY_LINE)
    state.weld_input = shows(True, **changes)
    state.pilot_sight.run_start_s = gone_s
    return state


def test_a_live_output_is_a_weld_1_s_after_the_vehicle_has_left() -> None:
    assert says(left_at(999.0), "contactor_welded")
    assert not says(left_at(999.001), "contactor_welded")


def test_a_live_output_is_a_weld_when_it_has_lasted_1_s() -> None:
    assert says(left_at(950.0, since_s=999.0), "contactor_welded")
    assert not says(left_at(950.0, since_s=999.001), "contactor_welded")


def test_the_230_v_input_tells_for_two_and_a_half_seconds() -> None:
    assert says(left_at(950.0, stamp_s=997.5), "contactor_welded")
    assert not says(left_at(950.0, stamp_s=997.499), "contactor_welded")


def test_a_dead_output_is_no_weld() -> None:
    state = left_at(950.0)
    state.weld_input = shows(False)
    assert not says(state, "contactor_welded")


def test_the_230_v_input_is_not_asked_in_the_first_second_after_the_coil() -> None:
    state = left_at(950.0)
    state.contactor.off_s = 999.0
    assert says(state, "contactor_welded")
    state.contactor.off_s = 999.001
    assert not says(state, "contactor_welded")


@pytest.mark.parametrize(("confirmed", "letter"), [("B", "A"), ("A", "B"), ("A", ""), ("C", "C")])
def test_the_230_v_input_tells_nothing_unless_the_vehicle_is_gone_for_sure(confirmed: str, letter: str) -> None:
    """A vehicle with a converter of its own may feed it."""
    state = left_at(950.0)
    state.pilot_sight.confirmed, state.pilot_sight.letter = confirmed, letter
    assert not says(state, "contactor_welded")


def test_the_230_v_input_tells_nothing_while_the_coil_is_on() -> None:
    state = left_at(950.0)
    state.contactor.coil = True
    assert not says(state, "contactor_welded")


def test_an_input_that_weld_check_does_not_name_tells_nothing() -> None:
    state = left_at(950.0)
    state.equipment = state.equipment._replace(weld_input="")
    assert not says(state, "contactor_welded")
    state.weld_input = NEVER
    assert not says(state, "contactor_unreadable")


# a journal that is unreadable


def forgotten(equipment: Equipment = SOCKET, **keys: str) -> ConnectorState:
    state = at_rest(equipment, **keys)
    state.memory.lockout = "journal_unreadable"
    return state


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param(shows(True), id="closed"),
        pytest.param(shows(False, since_s=999.001), id="open for less than a second"),
        pytest.param(shows(False, stamp_s=999.499), id="not read for half a second"),
        pytest.param(NEVER, id="never read"),
    ],
)
@pytest.mark.parametrize("other_sensor", [False, True])
def test_an_unreadable_journal_is_forgiven_by_open_contacts_alone(shown: SwitchSight, other_sensor: bool) -> None:
    state = forgotten(SOCKET._replace(output_sense=other_sensor))
    assert not says(state, "journal_unreadable")
    state.mirror = shown
    assert says(state, "journal_unreadable")


def test_contacts_prove_themselves_open_a_second_after_start_and_coil() -> None:
    state = forgotten()
    state.mirror = shows(False, since_s=999.0)
    state.contactor.off_s = 999.0
    assert not says(state, "journal_unreadable")
    state.contactor.off_s = 999.001
    assert says(state, "journal_unreadable")
    state.contactor.off_s, state.contactor.coil = 950.0, True
    assert says(state, "journal_unreadable")


def test_without_a_sensor_an_unreadable_journal_is_never_forgiven() -> None:
    assert says(forgotten(NO_MIRROR), "journal_unreadable")


def test_the_230_v_input_forgives_when_no_vehicle_is_there() -> None:
    state = forgotten(WIRED, **BY_LINE)
    assert not says(state, "journal_unreadable")
    state.weld_input = shows(False, stamp_s=997.499)
    assert says(state, "journal_unreadable")
    state.weld_input = shows(True)
    assert says(state, "journal_unreadable")
    state.weld_input = shows(False)
    state.pilot_sight.confirmed = state.pilot_sight.letter = "B"
    assert says(state, "journal_unreadable")


def test_the_230_v_input_does_not_speak_for_a_mirror_contact() -> None:
    state = forgotten(WIRED._replace(mirror_contact=True), **BY_LINE)
    assert not says(state, "journal_unreadable")
    state.mirror = shows(True)
    assert says(state, "journal_unreadable")


@pytest.mark.parametrize("lockout", ["", "contactor_welded"])
def test_a_journal_that_could_be_read_is_no_fault(lockout: str) -> None:
    state = at_rest()
    state.memory.lockout, state.mirror = lockout, shows(True)
    assert not says(state, "journal_unreadable")


# contacts that do not close, or drop


def closing(on_s: float, equipment: Equipment = SOCKET) -> ConnectorState:
    """The coil is on since then; every sensor has shown open contacts since 900 s."""
    state = charging(equipment)
    state.contactor.on_s, state.contactor.phase = on_s, Contactor.CLOSING
    state.mirror = state.output_sense = shows(False)
    return state


def test_contacts_have_200_ms_to_close() -> None:
    assert says(closing(999.8), "contactor_no_close")
    assert not says(closing(999.801), "contactor_no_close")


@pytest.mark.parametrize(
    ("shown", "good"),
    [
        pytest.param(shows(True), True, id="closed"),
        pytest.param(shows(True, stamp_s=999.5), True, id="closed when the coil went on"),
        pytest.param(shows(True, stamp_s=999.599), True, id="closed, a moment ago"),
        pytest.param(shows(False), False, id="open"),
    ],
)
def test_contacts_that_closed_in_time_are_no_fault(shown: SwitchSight, good: bool) -> None:
    state = closing(999.5)
    state.mirror = shown
    assert says(state, "contactor_no_close") is not good


def test_a_sensor_that_has_not_spoken_since_the_coil_went_on_shows_no_closed_contacts() -> None:
    state = closing(999.7, SENSE)
    state.output_sense = shows(True, stamp_s=999.699)
    assert says(state, "contactor_no_close")
    state.output_sense = shows(True, stamp_s=999.7)
    assert not says(state, "contactor_no_close")


def test_a_sensor_that_fell_silent_while_contacts_close_shows_no_closed_contacts() -> None:
    state = closing(999.0)
    state.mirror = shows(True, stamp_s=999.4)
    assert says(state, "contactor_no_close")


def test_every_sensor_must_show_closed_contacts() -> None:
    state = closing(999.5, SOCKET._replace(output_sense=True))
    state.mirror = shows(True)
    assert says(state, "contactor_no_close")
    state.output_sense = shows(True)
    assert not says(state, "contactor_no_close")


def test_without_a_sensor_contacts_are_believed_to_follow_the_coil() -> None:
    assert not says(closing(950.0, NO_MIRROR), "contactor_no_close")
    state = charging(NO_MIRROR)
    state.mirror = shows(False)
    assert not says(state, "contactor_unexpected_open")


@pytest.mark.parametrize("phase", [Contactor.CLOSED, Contactor.OPEN, Contactor.OPENING, Contactor.UNKNOWN])
def test_only_contacts_that_are_on_their_way_can_fail_to_close(phase: Contactor) -> None:
    state = closing(950.0)
    state.contactor.phase = phase
    assert not says(state, "contactor_no_close")


@pytest.mark.parametrize("phase", [Contactor.CLOSING, Contactor.OPEN, Contactor.OPENING, Contactor.UNKNOWN])
def test_only_contacts_that_were_closed_can_drop(phase: Contactor) -> None:
    state = charging()
    state.mirror, state.contactor.phase = shows(False), phase
    assert not says(state, "contactor_unexpected_open")


def test_contacts_that_show_open_for_20_ms_while_charging_have_dropped() -> None:
    state = charging()
    assert not says(state, "contactor_unexpected_open")
    state.mirror = shows(False, since_s=999.98)
    assert says(state, "contactor_unexpected_open")
    state.mirror = shows(False, since_s=999.981)
    assert not says(state, "contactor_unexpected_open")


def test_a_sensor_that_falls_silent_while_charging_has_dropped() -> None:
    state = charging()
    state.mirror = shows(True, stamp_s=999.5)
    assert not says(state, "contactor_unexpected_open")
    state.mirror = shows(True, stamp_s=999.499)
    assert says(state, "contactor_unexpected_open")


# sensors that are not read


def test_a_sensor_that_is_read_no_more_is_a_fault_half_a_second_after_its_last_word_has_aged() -> None:
    state = at_rest()
    state.mirror = shows(False, stamp_s=999.0)
    assert says(state, "contactor_unreadable")
    state.mirror = shows(False, stamp_s=999.001)
    assert not says(state, "contactor_unreadable")


def test_a_sensor_is_given_half_a_second_after_the_board_is_back() -> None:
    state = at_rest()
    state.mirror, state.pilot_sight.run_start_s = shows(False, stamp_s=950.0), 999.5
    assert says(state, "contactor_unreadable")
    state.pilot_sight.run_start_s = 999.501
    assert not says(state, "contactor_unreadable")


def test_a_board_that_is_away_says_nothing_about_the_contacts() -> None:
    state = at_rest()
    state.mirror, state.pilot_sight.letter = shows(False, stamp_s=950.0), ""
    assert not says(state, "contactor_unreadable")


@pytest.mark.parametrize("second_sensor", [False, True])
def test_a_sensor_that_was_never_read_is_awaited_for_10_s(second_sensor: bool) -> None:
    state = at_rest(SOCKET._replace(output_sense=second_sensor))
    state.mirror, state.begun_s = NEVER, 990.0
    assert says(state, "contactor_unreadable")
    state.begun_s = 990.001
    assert not says(state, "contactor_unreadable")


def test_a_sensor_that_is_awaited_hides_no_other_one() -> None:
    state = at_rest(SOCKET._replace(output_sense=True))
    state.mirror, state.begun_s = NEVER, 995.0
    state.output_sense = shows(False, stamp_s=996.9)
    assert says(state, "contactor_unreadable")


def test_a_sensor_that_spoke_in_the_first_second_of_the_boot_clock_was_read() -> None:
    state = at_rest()
    state.begun_s = state.pilot_sight.run_start_s = 0.0
    state.mirror = shows(False, since_s=0.0, stamp_s=0.0)
    assert says(state, "contactor_unreadable", now_s=1.0)
    state.mirror = shows(False, since_s=0.0, stamp_s=0.1)
    assert not says(state, "contactor_unreadable", now_s=1.0)


def test_the_230_v_input_has_to_be_read_when_no_vehicle_is_there() -> None:
    state = at_rest(WIRED, **BY_LINE)
    assert not says(state, "contactor_unreadable")
    state.weld_input = shows(False, stamp_s=997.0)
    assert says(state, "contactor_unreadable")
    state.pilot_sight.letter = state.pilot_sight.confirmed = "B"
    assert not says(state, "contactor_unreadable")


# how long a fault lasts


@pytest.mark.parametrize(
    ("code", "clear_s"),
    [
        ("contactor_welded", 1.0),
        ("journal_unreadable", 0.25),
        ("contactor_no_close", 1.0),
        ("contactor_unexpected_open", 1.0),
        ("contactor_unreadable", 3.0),
        ("contactor_no_open", 1.0),
    ],
)
def test_a_fault_of_the_contacts_lasts_as_long_as_the_error_list_says(code: str, clear_s: float) -> None:
    assert lasts(code, clear_s - 0.001)
    assert not lasts(code, clear_s)
