"""Bounds of the rules of currents and voltages: what holds just before a bound, and just after it."""

import math
from collections.abc import Callable

import pytest

from hardware.interfaces import Feedback, PilotMode
from services.safety.settings import SafetySettings
from services.safety.state import ActiveFault, BootSight, ConnectorState, Equipment, MeterSight, Moment, Readings
from services.safety.supply import energy_input, flow, meter, overload, restart, voltages
from services.safety.supply.state import NOT_WATCHED
from tests.safety_rig import RATED_32_A, SOCKET

pytestmark = pytest.mark.bench

MAINS = (230.0, 230.0, 230.0)


def connector(equipment: Equipment = SOCKET, keys: SafetySettings = RATED_32_A, at_s: float = 1000.0) -> ConnectorState:
    """In state A for long, nothing plugged in."""
    state = ConnectorState(equipment, at_s, settings=keys)
    state.pilot_sight.confirmed = state.pilot_sight.letter = "A"
    state.pilot_sight.stamp_s = at_s
    return state


def carrying(keys: SafetySettings = RATED_32_A, offer_a: float = 10.0) -> ConnectorState:
    """The coil is on since 1000 s; a good meter; the vehicle is offered this."""
    state = connector(keys=keys)
    state.pilot_sight.confirmed = state.pilot_sight.letter = "C"
    state.contactor.coil, state.contactor.on_s = True, 1000.0
    state.supply.fresh, state.supply.last_offer_a = True, offer_a
    return state


# overload


@pytest.mark.parametrize(
    ("current_a", "over", "far", "hard"),
    [
        (11.5, False, False, False),
        (11.6, True, False, False),
        (12.9, True, False, False),
        (13.1, True, True, False),
        (39.9, True, True, False),
        (40.1, True, True, True),
        (-13.1, True, True, False),
    ],
)
def test_of_10_a_11_55_are_tolerated_13_are_far_over_and_40_of_a_rating_of_32_are_hard(
    current_a: float, over: bool, far: bool, hard: bool
) -> None:
    state = carrying(RATED_32_A._replace(overcurrent_stop_percent=25.0))
    overload.take_in(state, (0.0, current_a, 0.0), 1001.0)
    supply = state.supply
    assert (supply.over_s is not None, supply.far_over_s is not None, supply.hard) == (over, far, hard)
    assert (supply.behaves_since_s is None) is over


def test_what_is_within_the_tolerance_is_never_far_over() -> None:
    state = carrying(RATED_32_A._replace(overcurrent_stop_percent=0.0))
    overload.take_in(state, (11.0, 0.0, 0.0), 1001.0)
    assert state.supply.far_over_s is None


def overloads(state: ConnectorState) -> tuple[float | None, float | None, bool]:
    return state.supply.over_s, state.supply.far_over_s, state.supply.hard


def no_current(state: ConnectorState) -> None:
    overload.take_in(state, None, 1001.0)


def coil_off(state: ConnectorState) -> None:
    state.contactor.coil = False
    overload.take_in(state, (200.0,) * 3, 1001.0)


def from_before(state: ConnectorState) -> None:
    overload.take_in(state, (200.0,) * 3, 999.0)


@pytest.mark.parametrize("happens", [no_current, coil_off, from_before])
def test_a_sample_that_says_nothing_ends_every_overload(happens: Callable[[ConnectorState], None]) -> None:
    state = carrying()
    state.supply.over_s = state.supply.far_over_s = 1000.0
    state.supply.hard = True
    happens(state)
    assert overloads(state) == (None, None, False)


def judged(state: ConnectorState, now_s: float, **of_supply: float) -> bool:
    for name, value in of_supply.items():
        setattr(state.supply, name, value)
    overload.judge(state, Moment(now_s, Readings()))
    return state.supply.overloaded


def test_an_overload_stops_after_7_s_and_one_beyond_the_stop_limit_after_2_s() -> None:
    checked = RATED_32_A._replace(check_overcurrent=True)
    for keys in (RATED_32_A, checked):
        assert not judged(carrying(keys), 1006.9, over_s=1000.0)
        assert judged(carrying(keys), 1007.1, over_s=1000.0)
    assert not judged(carrying(checked), 1001.9, far_over_s=1000.0)
    assert judged(carrying(checked), 1002.1, far_over_s=1000.0)
    assert not judged(carrying(), 1002.1, far_over_s=1000.0)


@pytest.mark.parametrize("ends", ["coil", "fresh"])
def test_with_the_coil_off_or_the_meter_silent_no_overload_goes_on(ends: str) -> None:
    state = carrying()
    if ends == "coil":
        state.contactor.coil = False
    else:
        state.supply.fresh = False
    state.supply.hard = True
    assert not judged(state, 1100.0, over_s=1000.0, far_over_s=1000.0, behaves_since_s=1000.0)
    supply = state.supply
    assert (supply.over_s, supply.far_over_s, supply.behaves_since_s, supply.hard) == (None, None, None, False)


CHECKED = RATED_32_A._replace(check_overcurrent=True)


@pytest.mark.parametrize(
    ("now_s", "offer_a", "lowered_to_a", "lowered_s", "expected_a"),
    [
        (1002.9, 16.0, math.inf, 0.0, math.inf),
        (1003.1, 16.0, math.inf, 0.0, 14.4),
        (1003.1, 16.0, math.inf, 1002.0, 14.4),
        (1003.1, 16.0, 12.0, 998.0, 10.8),
        (1003.1, 10.0, 12.0, 998.0, 9.0),
        (1003.1, 16.0, 12.0, 998.2, 12.0),
        (1003.1, 6.5, math.inf, 0.0, 6.0),
        (1003.1, 6.0, math.inf, 0.0, math.inf),
    ],
)
def test_an_overload_of_3_s_lowers_by_a_tenth_and_the_next_step_comes_5_s_later(
    now_s: float, offer_a: float, lowered_to_a: float, lowered_s: float, expected_a: float
) -> None:
    state = carrying(CHECKED, offer_a)
    judged(state, now_s, over_s=1000.0, lowered_to_a=lowered_to_a, lowered_s=lowered_s)
    assert state.supply.lowered_to_a == pytest.approx(expected_a)


@pytest.mark.parametrize(
    ("now_s", "lowered_to_a", "expected_a"),
    [(1299.9, 9.0, 9.0), (1300.1, 9.0, 10.0), (1300.1, 28.0, 28.0 / 0.9), (1300.1, 28.9, math.inf)],
)
def test_a_vehicle_that_behaves_for_5_minutes_is_offered_a_step_more_up_to_the_rating(
    now_s: float, lowered_to_a: float, expected_a: float
) -> None:
    state = carrying(CHECKED)
    judged(state, now_s, behaves_since_s=1000.0, lowered_to_a=lowered_to_a)
    assert state.supply.lowered_to_a == pytest.approx(expected_a)
    assert (overload.limit(state)[0] < math.inf) is (expected_a < math.inf)


def test_a_vehicle_in_state_a_ends_what_was_lowered_and_another_state_does_not() -> None:
    for letter, lowered_to_a in (("A", math.inf), ("B", 9.0), ("", 9.0)):
        state = carrying(CHECKED)
        state.pilot_sight.confirmed = letter
        judged(state, 1001.0, lowered_to_a=9.0)
        assert state.supply.lowered_to_a == lowered_to_a


def offered(state: ConnectorState, permille: int, now_s: float) -> None:
    """0 = the offer is withdrawn."""
    state.pilot.mode = PilotMode.PWM if permille else PilotMode.X1
    state.pilot.permille, state.pilot.commanded_s = permille or 1000, now_s
    overload.remember_offer(state, Moment(now_s, Readings()))


def test_an_earlier_offer_may_be_drawn_for_5_s_and_nothing_after_a_withdrawal() -> None:
    state = carrying(offer_a=0.0)
    offered(state, 267, 1000.0)
    assert overload.allowed_a(state, 1000.0) == pytest.approx(16.02)
    offered(state, 0, 1010.0)
    assert overload.allowed_a(state, 1014.9) == pytest.approx(16.02)
    assert overload.allowed_a(state, 1015.1) == 0.0
    offered(state, 0, 1016.9)
    assert len(state.supply.earlier_offers) == 1, "a sample may be older than the step"
    offered(state, 0, 1022.1)
    assert not state.supply.earlier_offers


def test_of_many_decreases_within_5_s_the_last_16_offers_are_kept() -> None:
    state = carrying(offer_a=0.0)
    for number in range(18):
        offered(state, 500 - number, 1000.0)
    assert len(state.supply.earlier_offers) == 16
    assert overload.allowed_a(state, 1001.0) == pytest.approx(0.6 * 49.9)


def detecting(read: Feedback | None, wired: bool = True) -> tuple[ConnectorState, Moment]:
    state = connector(SOCKET._replace(inputs=frozenset({"overcurrent"} if wired else ())))
    moment = Moment(1100.0, Readings(inputs={"overcurrent": read}))
    overload.judge(state, moment)
    return state, moment


@pytest.mark.parametrize(
    ("read", "unreadable"),
    [(None, True), (Feedback(False, 1099.4), True), (Feedback(False, 1099.6), False), (Feedback(True, 1099.6), False)],
)
def test_the_boards_detection_is_read_while_its_sample_is_half_a_second_old(
    read: Feedback | None, unreadable: bool
) -> None:
    state, moment = detecting(read)
    assert state.supply.input_unreadable is unreadable
    assert overload.struck(state, moment) is (read is not None and read.closed)
    assert bool(overload.refusal(state, 1100.0)[0]) is unreadable
    if not unreadable:
        assert moment.deadline_s == pytest.approx(1100.1, abs=1e-3), "it is looked at again when it is stale"


def test_detection_that_is_not_wired_says_nothing() -> None:
    state, moment = detecting(Feedback(True, 1100.0), wired=False)
    assert (overload.struck(state, moment), state.supply.input_unreadable) == (False, False)


# the meter


def sight(current_a: tuple[float, float, float] | None = (1.0, 2.0, 3.0), **changed: object) -> MeterSight:
    return MeterSight(current_a, MAINS, 1000.0, True)._replace(**changed)  # type: ignore[arg-type]


@pytest.mark.parametrize(("age_s", "counts"), [(0.0, True), (4.9, True), (5.1, False), (-0.04, True), (-0.06, False)])
def test_a_sample_of_the_meter_counts_for_5_s(age_s: float, counts: bool) -> None:
    moment = Moment(1000.0, Readings())
    assert (meter.usable(sight(sampled_s=1000.0 - age_s), moment) is not None) is counts
    if counts:
        assert moment.deadline_s == pytest.approx(1005.0 - age_s, abs=1e-3)


@pytest.mark.parametrize(
    ("amperes", "counts"),
    [(999.0, True), (-999.0, True), (1001.0, False), (-1001.0, False), (math.nan, False), (math.inf, False)],
)
def test_beyond_1000_a_is_no_measurement(amperes: float, counts: bool) -> None:
    sample = meter.usable(sight((0.0, 0.0, amperes)), Moment(1000.0, Readings()))
    assert sample is not None
    assert (sample.current_a is not None) is counts
    assert sample.voltage_v == MAINS


def test_a_meter_that_says_it_is_silent_is_not_believed_however_new_its_numbers() -> None:
    assert meter.usable(sight(answers=False), Moment(1000.0, Readings())) is None
    assert meter.usable(None, Moment(1000.0, Readings())) is None


def metered(state: ConnectorState, shown: MeterSight | None, now_s: float = 1000.0) -> ConnectorState:
    meter.observe(state, Moment(now_s, Readings(meter=shown)))
    return state


def test_a_sample_is_taken_in_once_and_an_older_one_not_at_all() -> None:
    state = metered(carrying(), sight((200.0, 0.0, 0.0)), 1000.0)
    assert state.supply.hard
    for stamp_s in (1000.0, 999.5):
        state.supply.hard = False
        metered(state, sight((200.0, 0.0, 0.0), sampled_s=stamp_s), 1000.5)
        assert not state.supply.hard
    metered(state, sight((200.0, 0.0, 0.0), sampled_s=1000.5), 1000.5)
    assert state.supply.hard


@pytest.mark.parametrize(
    ("shown", "missing"),
    [
        (sight(), set()),
        (sight(None), {"currents"}),
        (sight(voltage_v=None), {"voltages"}),
        (sight(None, voltage_v=None), {"currents", "voltages"}),
    ],
)
def test_what_the_meter_does_not_tell_is_named(shown: MeterSight, missing: set[str]) -> None:
    words = metered(carrying(), shown).supply.unwatched
    assert {word for word in ("currents", "voltages") if word in words} == missing
    assert metered(carrying(), None).supply.unwatched == NOT_WATCHED
    silent = metered(carrying(), shown._replace(answers=False)).supply.unwatched
    assert silent == "currents and voltages are not watched: the meter does not answer"


# a current that nobody switched on

Shown = tuple[float, tuple[float, float, float] | None, float | None]
"""Seconds since the coil went off, amperes, the register in Wh."""


def flowing(*samples: Shown, phases: int = 3, coil: bool = False) -> ConnectorState:
    state = connector(SOCKET._replace(phases=phases))
    state.contactor.coil, state.contactor.off_s = coil, 1000.0
    for after_s, current_a, register_wh in samples:
        shown = MeterSight(current_a, MAINS, 1000.0 + after_s, True, register_wh=register_wh)
        metered(state, shown, 1000.0 + after_s)
    return state


NONE, HALF = (0.0, 0.0, 0.0), (0.0, 0.51, 0.0)
COUNTING: list[Shown] = [(2.1, HALF, 10.0), (3.1, HALF, 10.0), (4.1, HALF, 11.0)]


@pytest.mark.parametrize(
    ("samples", "seen", "weld"),
    [
        ([(1.9, HALF, 10.0)], False, False),
        ([(2.1, HALF, 10.0)], True, False),
        ([(2.1, (0.0, 0.49, 0.0), 10.0)], False, False),
        ([(2.1, (-0.51, 0.0, 0.0), 10.0)], True, False),
        ([(2.1, HALF, 10.0), (3.1, HALF, 11.0)], True, False),
        (COUNTING, True, True),
        ([(2.1, HALF, 10.0), (3.1, HALF, 10.0), (4.1, HALF, 10.0)], True, False),
        ([(2.1, HALF, 12.0), (3.1, HALF, 11.0), (4.1, HALF, 10.0)], True, False),
        ([(2.1, HALF, None), (3.1, HALF, 10.0), (4.1, HALF, 11.0)], True, False),
        ([(2.1, HALF, 10.0), (3.1, HALF, 11.0), (4.1, HALF, None)], True, False),
        ([(2.1, HALF, 10.0), (3.1, NONE, 10.0), (4.1, HALF, 11.0), (5.1, HALF, 12.0)], True, False),
        ([(2.1, HALF, 10.0), (3.1, NONE, 11.0), *[(4.1 + n, HALF, 11.0) for n in range(3)]], True, False),
        ([(2.1, HALF, 10.0), (3.1, NONE, 10.0)], False, False),
        ([(2.1, HALF, 10.0), (3.1, None, 10.0)], True, False),
        ([(2.1, HALF, 10.0), (3.1, HALF, 10.0), (4.1, None, 10.0), (5.1, HALF, 11.0)], True, True),
        ([(2.0 + n, HALF, 10.0 + n) for n in range(40)], True, True),
        ([*COUNTING, (40.0, NONE, 11.0)], False, False),
    ],
)
def test_half_an_ampere_2_s_after_the_coil_is_seen_and_three_samples_that_count_are_a_weld(
    samples: list[Shown], seen: bool, weld: bool
) -> None:
    state = flowing(*samples)
    assert (flow.is_seen(state), flow.shows_weld(state)) == (seen, weld)


def test_with_the_coil_on_or_on_a_phase_that_is_not_wired_a_current_shows_no_weld() -> None:
    assert not flow.is_seen(flowing(*COUNTING, coil=True))
    assert not flow.is_seen(flowing(*COUNTING, phases=1))
    state = flowing(*COUNTING)
    state.contactor.coil = True
    metered(state, MeterSight(HALF, MAINS, 1005.0, True, register_wh=12.0), 1005.0)
    state.contactor.coil = False
    assert not flow.is_seen(state)


def test_a_meter_that_fell_silent_is_no_witness_of_a_weld() -> None:
    state = flowing(*COUNTING)
    metered(state, MeterSight(HALF, MAINS, 1004.1, True, register_wh=11.0), 1009.2)
    assert (flow.is_seen(state), flow.shows_weld(state)) == (False, False)


# voltages


def measured(voltage_v: tuple[float, float, float], phases: int = 3) -> tuple[bool, bool, bool]:
    """(too low, too high, a phase is missing)."""
    state = connector(SOCKET._replace(phases=phases))
    voltages.take_in(state, voltage_v, 1000.0)
    supply = state.supply
    return supply.low_s is not None, supply.high_s is not None, supply.missing_s is not None


@pytest.mark.parametrize(
    ("voltage_v", "expected"),
    [
        (MAINS, (False, False, False)),
        ((196.0, 230.0, 230.0), (False, False, False)),
        ((195.0, 230.0, 230.0), (True, False, False)),
        ((116.0, 230.0, 230.0), (True, False, False)),
        ((114.0, 230.0, 230.0), (False, False, True)),
        ((0.0, 0.0, 230.0), (False, False, True)),
        ((0.0, 0.0, 0.0), (True, False, False)),
        ((257.0, 230.0, 230.0), (False, False, False)),
        ((258.0, 230.0, 230.0), (False, True, False)),
        ((0.0, 258.0, 100.0), (False, True, True)),
    ],
)
def test_of_230_v_85_percent_are_low_112_percent_are_high_and_below_half_a_phase_is_missing(
    voltage_v: tuple[float, float, float], expected: tuple[bool, bool, bool]
) -> None:
    assert measured(voltage_v) == expected


@pytest.mark.parametrize(
    ("phases", "expected"), [(1, (False, False, False)), (2, (False, False, True)), (3, (False, True, True))]
)
def test_only_wired_phases_are_judged(phases: int, expected: tuple[bool, bool, bool]) -> None:
    assert measured((230.0, 0.0, 300.0), phases) == expected


@pytest.mark.parametrize(
    ("phases", "order", "wrong"), [(3, -1, True), (3, 1, False), (3, None, False), (1, -1, False), (2, -1, False)]
)
def test_a_wrong_order_is_one_of_three_phases(phases: int, order: int | None, wrong: bool) -> None:
    state = connector(SOCKET._replace(phases=phases))
    voltages.take_in_order(state, order, 1000.0)
    assert (state.supply.wrong_order_s is not None) is wrong


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("low_s", voltages.is_low),
        ("high_s", voltages.is_high),
        ("missing_s", voltages.is_missing),
        ("wrong_order_s", voltages.is_out_of_order),
    ],
)
def test_a_bad_voltage_counts_after_2_s_from_its_first_sample(
    name: str, asked: Callable[[ConnectorState, Moment], bool]
) -> None:
    state = connector()
    assert not asked(state, Moment(1100.0, Readings()))
    setattr(state.supply, name, 1000.0)
    assert not asked(state, Moment(1001.9, Readings()))
    assert asked(state, Moment(1002.1, Readings()))


def test_the_first_bad_sample_is_the_beginning_and_a_good_one_the_end() -> None:
    state = connector()
    for stamp_s, volts, since_s in ((1000.0, 150.0, 1000.0), (1001.0, 150.0, 1000.0), (1002.0, 230.0, None)):
        voltages.take_in(state, (volts,) * 3, stamp_s)
        assert state.supply.low_s == since_s


# energy management input


@pytest.mark.parametrize(
    ("read", "limits"),
    [
        (None, True),
        (Feedback(True, 1100.0), True),
        (Feedback(False, 1099.6), False),
        (Feedback(False, 1099.4), True),
    ],
)
def test_the_energy_management_input_limits_unless_it_is_read_at_rest(read: Feedback | None, limits: bool) -> None:
    keys = RATED_32_A._replace(energy_input=True, energy_input_limit_a=8.0)
    state = connector(SOCKET._replace(inputs=frozenset({"energy_management"})), keys)
    moment = Moment(1100.0, Readings(inputs={"energy_management": read}))
    energy_input.observe(state, moment)
    assert energy_input.limit(state)[0] == (8.0 if limits else math.inf)
    if not limits:
        assert moment.deadline_s == pytest.approx(1100.1, abs=1e-3)
    state.settings = RATED_32_A
    energy_input.observe(state, moment)
    assert energy_input.limit(state) == (math.inf, "")


def test_an_energy_management_input_that_is_not_wired_limits_whatever_is_read() -> None:
    state = connector(keys=RATED_32_A._replace(energy_input=True, energy_input_limit_a=8.0))
    energy_input.observe(state, Moment(1100.0, Readings(inputs={"energy_management": Feedback(False, 1100.0)})))
    assert energy_input.limit(state) == (8.0, "the energy management input is on in the settings and not wired")


# restart after a power loss

LOSS = BootSight("start-1", "SERIAL-1", power_loss=True)
SPREAD = RATED_32_A._replace(random_restart=True)


def followed(state: ConnectorState, now_s: float, boot: BootSight | None = LOSS) -> ConnectorState:
    restart.follow(state, Moment(now_s, Readings(boot=boot)))
    return state


def waits(state: ConnectorState, now_s: float) -> bool:
    return restart.refusal(state, now_s)[0] != ""


def test_a_wait_that_is_over_is_written_down_and_not_waited_for_again_by_the_next_process() -> None:
    state = followed(connector(keys=SPREAD), 1000.0)
    wait_s = restart.drawn_s("SERIAL-1/start-1/1/start")
    followed(state, 999.9 + wait_s)
    assert (waits(state, 999.9 + wait_s), state.memory.restarted_for) == (True, "")
    followed(state, 1000.1 + wait_s)
    assert (waits(state, 1000.1 + wait_s), state.memory.restarted_for) == (False, "start-1")
    again = ConnectorState(SOCKET, 2000.0, state.memory.copy(), SPREAD)
    assert not waits(followed(again, 2000.0), 2000.1)
    assert not waits(followed(again, 2001.0, LOSS._replace(start_id="start-2")), 2001.1), "heard once"
    other = ConnectorState(SOCKET, 2000.0, state.memory.copy(), SPREAD)
    assert waits(followed(other, 2000.0, LOSS._replace(start_id="start-2")), 2000.1)


def test_a_start_without_a_power_loss_is_no_wait_and_nothing_to_write_down() -> None:
    state = followed(connector(keys=SPREAD), 1000.0, LOSS._replace(power_loss=False))
    assert (waits(state, 1000.1), state.memory.restarted_for) == (False, "")


def test_a_power_loss_that_is_heard_of_while_current_is_offered_takes_no_offer_back() -> None:
    state = connector(keys=SPREAD)
    state.pilot.mode = PilotMode.PWM
    assert not waits(followed(state, 1000.0), 1000.1)


@pytest.mark.parametrize("boot", [None, LOSS._replace(power_loss=False)])
def test_the_return_of_the_mains_is_waited_for_with_or_without_a_word_of_the_start(boot: BootSight | None) -> None:
    state = connector(keys=SPREAD, at_s=900.0)
    station = "SERIAL-1/start-1" if boot is not None else ""
    for number, low_s in enumerate((1000.0, 2000.0), start=1):
        state.faults.active["undervoltage"] = ActiveFault(since_s=low_s)
        for now_s in (low_s, low_s + 50.0):
            assert waits(followed(state, now_s, boot), now_s + 0.1), "they are away"
        del state.faults.active["undervoltage"]
        followed(state, low_s + 100.0, boot)
        back_s = low_s + 100.0 + restart.drawn_s(f"{station}/1/mains {number}")
        assert waits(state, back_s - 0.1)
        assert not waits(followed(state, back_s + 0.1, boot), back_s + 0.1)


def test_who_has_not_heard_why_the_station_started_waits_10_s_for_it() -> None:
    state = connector(keys=SPREAD)
    words, again_s = restart.refusal(state, 1009.9)
    assert (words, again_s) == ("waiting to be told why the station has started", 1010.0)
    assert not waits(state, 1010.1)
    state.supply.boot_heard = True
    assert not waits(state, 1005.0)


def test_without_the_key_nobody_waits() -> None:
    state = followed(connector(), 1000.0)
    assert restart.refusal(state, 1000.1) == ("", 0.0)
    state.settings = SPREAD
    assert waits(state, 1000.1), "the wait itself is kept: the key may be heard later than the start"
