"""Bounds of the station's contacts, outputs and calibration, and of wear: what holds just before, and just after."""

import itertools
import math
from collections.abc import Callable

import pytest

from hardware.interfaces import Feedback, PilotLevels, PilotMode
from schemas.safety import Contactor
from schemas.session import Permission
from schemas.settings import ActionOrder
from services.safety.memory import Memory
from services.safety.orders import OrderBook
from services.safety.panel import calibration
from services.safety.panel.exercise import Verdict
from services.safety.panel.outputs import Book, Wish, announced, backend_controls, safe, wanted
from services.safety.region import SwitchSight
from services.safety.settings import SafetySettings
from services.safety.state import SAFE, ConnectorState, Driven, Equipment, MeterSight, Moment, Outputs, Readings
from services.safety.thermal import climate
from services.safety.wear import causes as wear_causes
from services.safety.wear import counting, presets
from services.safety.wiring import inputs, series
from services.safety.wiring.causes import RULES
from tests.safety_rig import FIXED, RATED_32_A, SOCKET

pytestmark = pytest.mark.bench

STOP = SOCKET._replace(inputs=frozenset({"emergency_stop", "tilt"}))


def connector(equipment: Equipment = STOP, keys: SafetySettings = RATED_32_A, at_s: float = 1000.0) -> ConnectorState:
    """In state A for long, nothing plugged in, the contactor open."""
    state = ConnectorState(equipment, at_s, settings=keys)
    state.pilot_sight.confirmed = state.pilot_sight.letter = "A"
    state.pilot_sight.stamp_s = at_s
    return state


def show(state: ConnectorState, name: str, closed: bool, stamp_s: float, since_s: float = 0.0) -> None:
    state.wiring.contacts[name] = SwitchSight(stamp_s=stamp_s, closed=closed, run_start_s=since_s)


def caused(code: str, state: ConnectorState, now_s: float) -> bool:
    return RULES[code].cause(state, Moment(now_s, Readings()))


# contacts


@pytest.mark.parametrize(
    ("stamp_s", "now_s", "coil", "back_s", "unread"),
    [
        (None, 1009.9, False, 0.0, False),
        (None, 1010.1, False, 0.0, True),
        (None, 1009.9, True, 0.0, False),
        (1100.0, 1100.4, True, 0.0, False),
        (1100.0, 1100.6, True, 0.0, True),
        (1100.0, 1100.9, False, 0.0, False),
        (1100.0, 1101.1, False, 0.0, True),
        (1100.0, 1120.4, False, 1120.0, False),
        (1100.0, 1120.6, False, 1120.0, True),
    ],
)
def test_a_contact_is_read_no_more_after_its_time(
    stamp_s: float | None, now_s: float, coil: bool, back_s: float, unread: bool
) -> None:
    """10 s after the start, half a second and half a second more without power, at once with it; a board that is back
    is given half a second."""
    for name in ("never looked at", "emergency_stop"):
        state = connector()
        state.contactor.coil, state.pilot_sight.run_start_s = coil, back_s
        if stamp_s is not None or name == "emergency_stop":
            show(state, name, False, -1.0 if stamp_s is None else stamp_s)
        assert inputs.unread(state, name, Moment(now_s, Readings())) is unread
        state.pilot_sight.letter = ""
        assert not inputs.unread(state, name, Moment(now_s, Readings())), "the whole board is away"


def test_a_contact_that_was_read_in_the_first_second_of_the_boot_clock_was_read() -> None:
    state = connector(at_s=0.0)
    state.contactor.coil = True
    show(state, "emergency_stop", False, 0.5)
    assert inputs.unread(state, "emergency_stop", Moment(1.1, Readings()))
    assert series_ready_at_the_beginning(closed=True)
    assert not series_ready_at_the_beginning(closed=False)


def test_a_contact_counts_for_half_a_second_and_one_that_was_never_seen_says_nothing() -> None:
    state = connector()
    assert inputs.is_active(state, "tilt", 1000.0) is None
    for closed in (False, True):
        show(state, "tilt", closed, 1000.0)
        assert inputs.is_active(state, "tilt", 1000.4) is closed
        assert inputs.is_active(state, "tilt", 1000.6) is None


@pytest.mark.parametrize(("wired", "closed", "stops"), [(True, True, True), (True, False, False), (False, True, False)])
def test_a_stopping_contact_stops_where_it_is_wired(wired: bool, closed: bool, stops: bool) -> None:
    state = connector(STOP if wired else SOCKET)
    show(state, "emergency_stop", closed, 1100.0)
    assert inputs.stops(state, "emergency_stop", Moment(1100.0, Readings())) is stops
    assert caused("emergency_stop", state, 1100.0) is stops


@pytest.mark.parametrize("code", ["tampered", "surge_protection_spent"])
def test_a_reporting_contact_is_told_after_a_second_and_only_with_its_key(code: str) -> None:
    name = "tamper" if code == "tampered" else "spd"
    state = connector(keys=RATED_32_A._replace(tamper=True, surge_protection=True))
    for now_s, told in ((1100.9, False), (1101.1, True)):
        show(state, name, True, now_s, 1100.0)
        assert caused(code, state, now_s) is told
        show(state, name, False, now_s, 1000.0)
        assert not caused(code, state, now_s)
    assert caused(code, state, 1110.0), "not read any more"
    state.settings = RATED_32_A
    show(state, name, True, 1200.0, 1100.0)
    assert not caused(code, state, 1200.0)


def test_the_breaker_of_the_domestic_socket_is_a_matter_of_that_connector() -> None:
    equipment = SOCKET._replace(inputs=frozenset({"schuko_mcb"}))
    for outlet in (False, True):
        state = connector(equipment._replace(outlet=outlet))
        show(state, "schuko_mcb", True, 1100.0)
        assert caused("schuko_mcb_tripped", state, 1100.0) is outlet
        show(state, "schuko_mcb", False, 1100.0)
        assert not caused("schuko_mcb_tripped", state, 1100.0)
        assert inputs.stopping(state) == (("schuko_mcb",) if outlet else ())


def test_a_tilt_is_remembered_and_nothing_else_is() -> None:
    for name, closed in itertools.product(("tilt", "emergency_stop"), (True, False)):
        state = connector()
        shown = {"tilt": Feedback(False, 1100.0), "emergency_stop": Feedback(False, 1100.0)}
        shown[name] = Feedback(closed, 1100.0)
        inputs.observe(state, Moment(1100.0, Readings(inputs=shown)))
        assert state.memory.tilted is (closed and name == "tilt")
        assert caused("tilted", state, 1100.0) is (closed and name == "tilt")
    state = connector()
    state.memory.tilted = True
    show(state, "tilt", False, 1100.0)
    assert caused("tilted", state, 1100.0)


def test_a_contact_asks_to_be_looked_at_when_it_is_stale() -> None:
    moment = Moment(1100.0, Readings(inputs={"tilt": Feedback(False, 1099.9)}))
    inputs.observe(connector(), moment)
    assert moment.deadline_s == pytest.approx(1100.4, abs=1e-3)


@pytest.mark.parametrize(
    ("closed", "stamp_s", "refused"), [(False, 1100.0, False), (True, 1100.0, True), (False, 1099.4, True)]
)
def test_nothing_is_offered_unless_a_stopping_contact_is_read_at_rest(
    closed: bool, stamp_s: float, refused: bool
) -> None:
    state = connector()
    show(state, "emergency_stop", closed, stamp_s)
    show(state, "tilt", False, 1100.0)
    assert bool(inputs.refusal(state, 1100.0)[0]) is refused


@pytest.mark.parametrize(
    ("since_s", "coil", "heard", "now_s", "trouble"),
    [
        (None, True, True, 1100.0, False),
        (None, False, True, 1100.0, False),
        (1100.0, True, True, 1100.0, True),
        (1100.0, False, True, 1100.4, False),
        (1100.0, False, True, 1100.6, True),
        (1005.0, False, True, 1005.6, True),
        (1005.0, False, False, 1009.9, False),
        (1005.0, False, False, 1010.1, True),
    ],
)
def test_trouble_of_the_board_counts_at_once_with_power_and_otherwise_after_half_a_second(
    since_s: float | None, coil: bool, heard: bool, now_s: float, trouble: bool
) -> None:
    """A board that was never heard is given the time of the self-test."""
    state = connector()
    state.wiring.trouble_s, state.contactor.coil = since_s, coil
    state.pilot_sight.stamp_s = 1000.0 if heard else -1.0
    assert caused("board_trouble", state, now_s) is trouble


def test_a_board_that_was_heard_in_the_first_second_of_the_boot_clock_was_heard() -> None:
    state = connector(at_s=0.0)
    state.pilot_sight.stamp_s, state.wiring.trouble_s = 0.5, 1.0
    assert caused("board_trouble", state, 1.6)


def test_trouble_lasts_from_its_first_word_to_its_last() -> None:
    state = connector()
    for now_s, words, since_s in ((1.0, "lost", 1.0), (2.0, "lost", 1.0), (3.0, "", None), (4.0, "lost", 4.0)):
        inputs.observe(state, Moment(1000.0 + now_s, Readings(trouble=words)))
        assert state.wiring.trouble_s == (None if since_s is None else 1000.0 + since_s)


# the second contactor

RELAY = SOCKET._replace(outputs=frozenset({"relay_2"}))
IN_SERIES = RATED_32_A._replace(relay_2_pattern="On while charging")


def in_series(on: bool = True, series_s: float = 1000.0, equipment: Equipment = RELAY) -> ConnectorState:
    state = connector(equipment, IN_SERIES)
    state.wiring.series, state.wiring.series_s = on, series_s
    return state


def series_ready_at_the_beginning(closed: bool) -> bool:
    state = connector(RELAY, IN_SERIES, at_s=0.0)
    state.wiring.series, state.wiring.series_s = True, 0.1
    state.wiring.readbacks["relay_2"] = SwitchSight(stamp_s=0.5, closed=closed, run_start_s=0.5)
    return series.ready(state, Moment(0.6, Readings()))


@pytest.mark.parametrize(
    ("on", "seen", "now_s", "ready"),
    [
        (True, None, 1000.04, False),
        (True, None, 1000.06, True),
        (False, None, 1100.0, False),
        (True, SwitchSight(), 1000.06, True),
        (True, SwitchSight(1000.05, True, 1000.05), 1000.06, True),
        (True, SwitchSight(1000.05, False, 1000.05), 1000.06, False),
        (True, SwitchSight(999.95, True, 990.0), 1000.06, False),
        (True, SwitchSight(1000.05, True, 1000.05), 1000.6, False),
        (False, SwitchSight(1000.05, True, 1000.05), 1000.06, False),
    ],
)
def test_the_main_contactor_waits_50_ms_and_for_the_readback_of_the_second_one(
    on: bool, seen: SwitchSight | None, now_s: float, ready: bool
) -> None:
    state = in_series(on)
    if seen is not None:
        state.wiring.readbacks["relay_2"] = seen
    assert series.ready(state, Moment(now_s, Readings())) is ready


@pytest.mark.parametrize(("pattern", "fitted"), [("On while charging", False), ("Off", True), ("Off", False)])
def test_without_relay_or_pattern_there_is_no_second_contactor(pattern: str, fitted: bool) -> None:
    state = connector(RELAY if fitted else SOCKET, RATED_32_A._replace(relay_2_pattern=pattern))
    state.contactor.coil = True
    assert series.ready(state, Moment(1000.0, Readings()))
    series.follow(state, Moment(1100.0, Readings()))
    assert (series.is_fitted(state), state.wiring.series, series.watched(state)) == (False, False, ())


@pytest.mark.parametrize(
    ("was", "coil", "off_s", "letter", "mode", "on"),
    [
        (False, True, 0.0, "C", PilotMode.PWM, True),
        (False, True, 0.0, "B", PilotMode.X1, True),
        (False, False, 0.0, "C", PilotMode.PWM, True),
        (False, False, 0.0, "D", PilotMode.PWM, True),
        (False, False, 0.0, "B", PilotMode.PWM, False),
        (False, False, 0.0, "C", PilotMode.X1, False),
        (False, False, 1099.95, "C", PilotMode.X1, False),
        (True, False, 1099.91, "B", PilotMode.PWM, True),
        (True, False, 1099.89, "B", PilotMode.PWM, False),
        (True, False, 1099.89, "C", PilotMode.PWM, True),
    ],
)
def test_the_second_contactor_is_closed_for_a_request_and_opens_100_ms_after_the_main_one(
    was: bool, coil: bool, off_s: float, letter: str, mode: PilotMode, on: bool
) -> None:
    state = in_series(was)
    state.contactor.coil, state.contactor.off_s = coil, off_s
    state.pilot_sight.confirmed, state.pilot.mode = letter, mode
    moment = Moment(1100.0, Readings())
    series.follow(state, moment)
    assert state.wiring.series is on
    assert state.wiring.series_s == (1100.0 if on is not was else 1000.0)
    if on and not was:
        assert moment.deadline_s == pytest.approx(1100.05)


@pytest.mark.parametrize(
    ("welded", "equipment", "barred"),
    [
        ((), RELAY, False),
        ((1,), RELAY, False),
        ((2,), RELAY, True),
        ((1, 3), RELAY, True),
        ((2,), SOCKET, False),
        ((2,), RELAY._replace(outlet=True), False),
    ],
)
def test_welded_contacts_of_another_connector_keep_the_second_contactor_open(
    welded: tuple[int, ...], equipment: Equipment, barred: bool
) -> None:
    state = in_series(False, equipment=equipment)
    state.pilot_sight.confirmed, state.pilot.mode = "C", PilotMode.PWM
    series.observe(state, Moment(1100.0, Readings(welded=welded)))
    words, again_s = series.refusal(state, 1100.0)
    assert (bool(words), again_s) == (barred, 0.0)
    assert (f"connector {welded[-1]} is welded" in words) if barred else not words
    series.follow(state, Moment(1100.0, Readings()))
    assert state.wiring.series is (equipment is RELAY and not barred)


BOTH = SOCKET._replace(outputs=frozenset({"auxiliary", "relay_2"}))


@pytest.mark.parametrize(
    ("equipment", "keys", "names"),
    [
        (BOTH, RATED_32_A, set()),
        (BOTH, IN_SERIES, {"relay_2"}),
        (BOTH, IN_SERIES._replace(weld_auxiliary=True), {"auxiliary", "relay_2"}),
        (BOTH, RATED_32_A._replace(weld_auxiliary=True), {"auxiliary"}),
        (BOTH._replace(outlet=True), RATED_32_A, {"auxiliary"}),
        (RELAY._replace(outlet=True), RATED_32_A._replace(weld_auxiliary=True), set()),
    ],
)
def test_outputs_in_the_path_of_power_are_watched(equipment: Equipment, keys: SafetySettings, names: set[str]) -> None:
    state, driven = connector(equipment, keys), Driven(True, 0.0, Feedback(True, 1000.0))
    assert set(series.watched(state)) == names
    series.observe(state, Moment(1000.0, Readings(outputs=dict.fromkeys(names, driven))))
    assert {name for name, sight in state.wiring.readbacks.items() if sight.closed} == names
    fresh = connector(equipment, keys)
    series.observe(fresh, Moment(1000.0, Readings()))
    assert not any(sight.closed for sight in fresh.wiring.readbacks.values())


@pytest.mark.parametrize(
    ("driven", "seen", "now_s", "wrong"),
    [
        (None, SwitchSight(1000.0, False, 0.0), 1000.0, False),
        (Driven(True, 0.0, None), None, 1000.0, False),
        (Driven(True, 0.0, None), SwitchSight(1000.0, True, 0.0), 1000.0, False),
        (Driven(True, 0.0, None), SwitchSight(1000.0, False, 0.0), 1000.0, True),
        (Driven(False, 0.0, None), SwitchSight(1000.0, True, 0.0), 1000.4, True),
        (Driven(False, 0.0, None), SwitchSight(1000.0, True, 0.0), 1000.6, False),
        (Driven(True, 999.91, None), SwitchSight(1000.0, False, 0.0), 1000.0, False),
        (Driven(True, 999.89, None), SwitchSight(1000.0, False, 0.0), 1000.0, True),
        (Driven(True, 0.0, None), SwitchSight(1000.0, False, 999.91), 1000.0, False),
        (Driven(True, 0.0, None), SwitchSight(1000.0, False, 999.89), 1000.0, True),
    ],
)
def test_an_output_that_shows_something_else_for_100_ms_does_not_follow(
    driven: Driven | None, seen: SwitchSight | None, now_s: float, wrong: bool
) -> None:
    state = in_series()
    if seen is not None:
        state.wiring.readbacks["relay_2"] = seen
    shown = {} if driven is None else {"relay_2": driven}
    assert series.mismatch(state, Moment(now_s, Readings(outputs=shown))) is wrong


# outputs


def wish(keys: SafetySettings = RATED_32_A, outputs: Outputs = SAFE) -> Wish:
    return Wish(connector(BOTH, keys), outputs)


def test_at_the_start_and_the_end_only_what_carries_power_is_driven() -> None:
    names = ("auxiliary", "relay_2", "output_1", "climate", "ventilation", "of another board")
    trip = wish(RATED_32_A._replace(weld_auxiliary=True), Outputs(shunt_trip=True, series=True))
    assert safe(names, [trip]) == {"auxiliary": True, "relay_2": False}
    assert safe(names, [wish()]) == {"auxiliary": False, "relay_2": False}
    assert not any(wanted(names, [wish()], {}).values())


@pytest.mark.parametrize(
    ("pattern", "outlet", "lockout", "on"),
    [
        ("On while charging", False, "", True),
        ("On while charging", False, "contactor_welded", False),
        ("On while charging", False, "journal_unreadable", True),
        ("On while vehicle connected", False, "", True),
        ("On while vehicle connected", False, "contactor_welded", True),
        ("On while vehicle connected", True, "", False),
    ],
)
def test_relay_2_opens_for_all_when_contacts_are_welded_and_a_domestic_socket_is_no_plug(
    pattern: str, outlet: bool, lockout: str, on: bool
) -> None:
    keys = RATED_32_A._replace(relay_2_pattern=pattern)
    charging, other = wish(keys, Outputs(series=True)), wish(keys)
    charging.state.vehicle_connected = True
    charging.state.equipment = BOTH._replace(outlet=outlet)
    other.state.memory.lockout = lockout
    assert wanted(("relay_2",), [charging, other], {}) == {"relay_2": on}


def test_the_backend_has_the_outputs_where_one_connector_says_so() -> None:
    assert not backend_controls([wish(), wish()])
    assert backend_controls([wish(), wish(RATED_32_A._replace(backend_controlled=True))])


def test_a_change_of_an_output_is_told_by_its_name() -> None:
    keys = RATED_32_A._replace(climate_mode=climate.FAN_BY_TEMPERATURE)
    told = {name: announced(name, True, keys) for name in ("climate", "output_1", "output_2", "relay_2", "auxiliary")}
    assert {name: each.code for name, each in told.items() if each is not None} == {
        "climate": "ventilation",
        "output_1": "output_changed",
        "output_2": "output_changed",
    }


def test_the_first_command_is_no_change_and_a_change_has_its_own_time() -> None:
    book = Book()
    for now_s, on, changed, since_s in ((1.0, True, False, 1.0), (2.0, True, False, 1.0), (3.0, False, True, 3.0)):
        assert book.command("output_1", on, None, now_s) is changed
        assert book.driven["output_1"] == Driven(on, since_s, None)
    assert book.complaints(100.0) == []


@pytest.mark.parametrize(
    ("age_s", "follows", "since_s", "complains"),
    [
        (0.0, False, 0.0, True),
        (0.4, False, 0.0, True),
        (0.6, False, 0.0, False),
        (0.0, True, 0.0, False),
        (0.4, False, 1000.0, False),
    ],
)
def test_only_a_readback_of_this_command_that_is_half_a_second_old_at_most_is_complained_of(
    age_s: float, follows: bool, since_s: float, complains: bool
) -> None:
    book = Book()
    book.command("output_1", True, None, since_s)
    found = []
    for now_s in (1000.0, 1000.2):
        book.command("output_1", True, Feedback(follows, now_s - age_s), now_s)
        found += book.complaints(now_s)
    assert found == (["output_1"] if complains else [])


def test_an_output_that_followed_meanwhile_is_complained_of_anew() -> None:
    book, found = Book(), []
    for step, follows in enumerate([False] * 3 + [True] + [False] * 2 + [True] + [False] * 4):
        book.command("output_1", True, Feedback(follows, step / 10.0), step / 10.0)
        found += [(step, name) for name in book.complaints(step / 10.0)]
    assert found == [(1, "output_1"), (5, "output_1"), (8, "output_1")]


# calibration of the pilot


@pytest.mark.parametrize(
    ("gain", "offset_v", "plausible"),
    [
        (1.0, 0.0, True),
        (1.079, 0.95, True),
        (0.921, -0.95, True),
        (1.081, 0.0, False),
        (0.919, 0.0, False),
        (1.0, 0.97, False),
        (1.0, -0.97, False),
        (math.nan, 0.0, False),
        (1.0, math.nan, False),
        (math.inf, 0.0, False),
    ],
)
def test_a_correction_is_at_most_8_percent_of_gain_and_of_12_v(gain: float, offset_v: float, plausible: bool) -> None:
    assert calibration.bounded(gain, offset_v) is plausible


@pytest.mark.parametrize(
    ("kept", "mode", "high_v"), [((1.05, -0.5), "On", 8.95), ((1.05, -0.5), "Off", 9.0), (None, "On", 9.0)]
)
def test_a_level_is_corrected_where_the_key_is_on_and_something_was_measured(
    kept: tuple[float, float] | None, mode: str, high_v: float
) -> None:
    memory = Memory(pilot_calibration=kept)
    shown = calibration.corrected(PilotLevels(9.0, -12.0, 0.5, 1000.0, 1.0), memory, mode)
    assert shown is not None
    assert shown.high_v == pytest.approx(high_v)
    assert shown.low_v == pytest.approx(-12.0 if high_v == 9.0 else -13.1)
    assert calibration.corrected(None, memory, mode) is None


def idle(keys: SafetySettings, memory: Memory) -> ConnectorState:
    state = ConnectorState(SOCKET, 1000.0, memory, keys)
    sight = state.pilot_sight
    sight.confirmed = sight.letter = "A"
    sight.confirmed_s, state.qualified = 1000.0, True
    state.contactor.phase = Contactor.OPEN
    return state


MEASURED = (1.0, 0.0)


@pytest.mark.parametrize(
    ("mode", "kept", "done_for", "start_id", "now_s", "is_wanted"),
    [
        ("On", None, "", "", 1002.1, True),
        ("On", None, "", "", 1001.9, False),
        ("On", MEASURED, "", "start-1", 1100.0, False),
        ("Off", None, "", "start-1", 1100.0, False),
        ("Off", MEASURED, "", "start-1", 1100.0, False),
        ("Recalibrate", None, "", "", 1100.0, True),
        ("Recalibrate", MEASURED, "start-0", "start-1", 1002.1, True),
        ("Recalibrate", MEASURED, "start-0", "start-1", 1001.9, False),
        ("Recalibrate", MEASURED, "start-1", "start-1", 1100.0, False),
        ("Recalibrate", MEASURED, "start-0", "", 1100.0, False),
    ],
)
def test_a_calibration_is_due_after_2_s_of_state_a_where_none_is_kept_or_in_each_start(
    mode: str, kept: tuple[float, float] | None, done_for: str, start_id: str, now_s: float, is_wanted: bool
) -> None:
    memory = Memory(pilot_calibration=kept, calibrated_for=done_for)
    state = idle(RATED_32_A._replace(pilot_calibration=mode), memory)
    assert calibration.is_wanted(state, None, start_id, now_s) is is_wanted
    used = Permission(connector=1, may_charge=True, limit_a=16.0, hold_cable=False, until_s=now_s + 5.0)
    assert not calibration.is_wanted(state, used, start_id, now_s), "somebody is authorized"


def calibrated(
    high_v: float,
    low_v: float,
    *,
    spread_v: float = 0.0,
    period_s: float = 0.02,
    settles_s: float = 0.0,
    alive: Callable[[int], bool] = lambda _: True,
) -> tuple[Verdict, Memory, list[PilotMode], float]:
    """Both levels as the driver shows them: (verdict, memory, modes in their order, how long it took)."""
    memory, now_s, modes = Memory(), 100.0, [PilotMode.X1]
    part, changed_s = calibration.CalibrationPart(memory, "start-1"), 100.0
    for number in range(1000):
        volts = high_v if modes[-1] is PilotMode.X1 else low_v
        volts = 3.0 if now_s - changed_s < settles_s else volts + spread_v * (number % 2)
        levels = PilotLevels(volts, volts, 1.0, 0.0, now_s) if alive(number) else None
        turn = part.step(Readings(pilot=levels), now_s)
        if turn.verdict is not None:
            assert turn.outputs == SAFE
            return turn.verdict, memory, modes, now_s - 100.0
        if turn.outputs.mode is not modes[-1]:
            modes.append(turn.outputs.mode)
            changed_s = now_s
        now_s += period_s
    raise AssertionError("it does not end")


@pytest.mark.parametrize(
    ("high_v", "low_v", "gain", "offset_v"),
    [
        (12.0, -12.0, 1.0, 0.0),
        (12.6, -11.4, 1.0, -0.6),
        (12.9, -12.9, 12.0 / 12.9, 0.0),
        (11.2, -11.2, 12.0 / 11.2, 0.0),
    ],
)
def test_both_levels_are_measured_and_what_they_are_off_by_is_kept(
    high_v: float, low_v: float, gain: float, offset_v: float
) -> None:
    verdict, memory, modes, took_s = calibrated(high_v, low_v)
    assert verdict.passed
    assert memory.pilot_calibration == pytest.approx((gain, offset_v))
    assert (modes, memory.calibrated_for) == ([PilotMode.X1, PilotMode.F], "start-1")
    assert took_s == pytest.approx(1.22, abs=0.05), "0.1 s to settle and 0.5 s of samples, of each level"


@pytest.mark.parametrize(
    ("high_v", "low_v"), [(13.0, -12.0), (11.0, -12.0), (12.0, -13.0), (12.0, -11.0), (11.06, -11.06), (3.0, -12.0)]
)
def test_a_level_or_a_correction_beyond_8_percent_is_refused(high_v: float, low_v: float) -> None:
    verdict, memory, _, _ = calibrated(high_v, low_v)
    assert (verdict.passed, memory.pilot_calibration) == (False, None)
    assert "8 %" in verdict.words
    assert memory.calibrated_for == "start-1", "it is not tried again in this start"


def test_samples_that_differ_by_more_than_300_mv_or_are_fewer_than_5_are_no_measurement() -> None:
    assert calibrated(12.0, -12.0, spread_v=0.29)[0].passed
    for verdict, memory, _, _ in (calibrated(12.0, -12.0, spread_v=0.31), calibrated(12.0, -12.0, period_s=0.16)):
        assert (verdict.passed, memory.pilot_calibration) == (False, None)
        assert "not steady" in verdict.words
    assert calibrated(12.0, -12.0, period_s=0.12)[0].passed
    assert calibrated(12.0, -12.0, alive=lambda number: number % 5 == 0)[0].passed
    assert not calibrated(12.0, -12.0, alive=lambda _: False)[0].passed


def test_what_is_read_in_the_first_100_ms_of_a_level_is_not_counted() -> None:
    assert calibrated(12.0, -12.0, settles_s=0.09)[0].passed
    assert not calibrated(12.0, -12.0, settles_s=0.15)[0].passed


# wear


def loaded(now_s: float = 1100.0, on_s: float = 1000.0, shown: MeterSight | None = None) -> int:
    """How many openings under load are counted."""
    state = connector(SOCKET, RATED_32_A._replace(load_threshold_a=5.0))
    state.contactor.on_s = on_s
    counting.count_opening(state, Moment(now_s, Readings(meter=shown)))
    return state.memory.contactor_load_cycles


METER = MeterSight((0.0, 16.0, 0.0), None, 1099.0, True)


@pytest.mark.parametrize(
    ("shown", "now_s", "on_s", "counted"),
    [
        (METER, 1100.0, 1000.0, 1),
        (METER._replace(current_a=(5.1, 0.0, 0.0)), 1100.0, 1000.0, 1),
        (METER._replace(current_a=(4.9, 0.0, 4.9)), 1100.0, 1000.0, 0),
        (METER._replace(current_a=None), 1100.0, 1000.0, 0),
        (None, 1100.0, 1000.0, 0),
        (METER, 1103.9, 1000.0, 1),
        (METER, 1104.1, 1000.0, 0),
        (METER, 1100.0, 1098.9, 1),
        (METER, 1100.0, 1099.1, 0),
    ],
)
def test_an_opening_is_under_load_by_a_reading_of_this_closing_that_is_5_s_old_at_most(
    shown: MeterSight | None, now_s: float, on_s: float, counted: int
) -> None:
    assert loaded(now_s, on_s, shown) == counted


@pytest.mark.parametrize(
    ("equipment", "cable_a", "vehicle", "counted"),
    [
        (SOCKET, 20.0, False, 1),
        (FIXED, 32.0, False, 0),
        (FIXED, 0.0, True, 1),
        (SOCKET, 0.0, True, 1),
        (SOCKET, 0.0, False, 0),
    ],
)
def test_a_cable_in_the_socket_or_a_vehicle_is_a_plug(
    equipment: Equipment, cable_a: float, vehicle: bool, counted: int
) -> None:
    state = connector(equipment)
    state.proximity.ampacity_a, state.vehicle_connected = cable_a, vehicle
    for now_s in (1100.0, 1101.0):
        counting.follow(state, Moment(now_s, Readings()))
    assert (state.memory.plug_cycles, state.memory.cable_in) == (counted, bool(counted))


def test_a_plug_is_gone_after_a_second_of_state_a_and_not_by_any_other_word() -> None:
    state = connector(SOCKET)
    state.memory.cable_in = True
    state.pilot_sight.confirmed = ""
    for now_s in (1100.0, 1110.0):
        counting.follow(state, Moment(now_s, Readings()))
        assert state.memory.cable_in
    state.pilot_sight.confirmed = "A"
    for now_s, there in ((1110.0, True), (1110.9, True), (1111.1, False), (1112.0, False)):
        counting.follow(state, Moment(now_s, Readings()))
        assert state.memory.cable_in is there
    assert state.memory.plug_cycles == 0


def test_a_plug_that_is_away_for_less_than_a_second_begins_its_second_anew() -> None:
    state = connector(SOCKET)
    for now_s, vehicle in (
        (1100.0, True),
        (1101.0, False),
        (1101.9, False),
        (1102.0, True),
        (1102.1, False),
        (1103.0, False),
    ):
        state.vehicle_connected = vehicle
        counting.follow(state, Moment(now_s, Readings()))
    assert (state.memory.cable_in, state.memory.plug_cycles) == (True, 1)


@pytest.mark.parametrize(
    ("cycles", "lifetime", "worn", "nearly"),
    [
        (0, 0, False, False),
        (5, 0, False, False),
        (0, 1, False, False),
        (1, 1, True, False),
        (89, 100, False, False),
        (90, 100, False, True),
        (99, 100, False, True),
        (100, 100, True, False),
    ],
)
def test_a_contactor_is_nearly_worn_out_from_90_percent_of_its_lifetime(
    cycles: int, lifetime: int, worn: bool, nearly: bool
) -> None:
    state = connector(keys=RATED_32_A._replace(contactor_lifetime=lifetime))
    state.memory.contactor_cycles = cycles
    moment = Moment(1000.0, Readings())
    told = {code for code, rule in wear_causes.RULES.items() if rule.cause(state, moment)}
    assert told == {code for code, on in (("contactor_worn_out", worn), ("contactor_wear", nearly)) if on}


@pytest.mark.parametrize(
    ("value", "cycles"),
    [
        ("0", 0),
        (" 12 ", 12),
        ("9999999", 9_999_999),
        ("99999999", 10_000_000),
        ("999999999", 7),
        ("1x", 7),
        ("\u0661", 7),
    ],
)
def test_a_preset_is_a_count_of_at_most_ten_million(value: str, cycles: int) -> None:
    state = connector()
    state.memory.plug_cycles = 7
    order = ActionOrder(order_id="o-1", name="SetType2PlugCycles", value=value, connector=1, ordered_s=1000.0)
    presets.ORDERS["SetType2PlugCycles"](state, order)
    assert state.memory.plug_cycles == cycles


def preset(order_id: str, ordered_s: float, connector: int = 1) -> ActionOrder:
    return ActionOrder(
        order_id=order_id, name="SetType2PlugCycles", value="9", connector=connector, ordered_s=ordered_s
    )


@pytest.mark.parametrize(("number", "obeyed"), [(0, True), (2, True), (1, False), (3, False)])
def test_an_order_is_for_its_connector_or_for_all(number: int, obeyed: bool) -> None:
    state = connector(SOCKET._replace(connector=2))
    book = OrderBook(2, state.memory, 1000.0)
    assert bool(book.obey(state, {"a": preset("o-1", 1001.0, number)}, 1002.0)) is obeyed
    assert state.memory.plug_cycles == (9 if obeyed else 0)


def test_whoever_has_heard_orders_carries_out_what_was_ordered_while_it_was_down() -> None:
    state = connector()
    OrderBook(1, state.memory, 1000.0).obey(state, {}, 1001.0)
    assert OrderBook(1, state.memory, 5000.0).obey(state, {"a": preset("o-1", 4000.0)}, 5001.0)
    assert state.memory.plug_cycles == 9
