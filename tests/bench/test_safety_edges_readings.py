"""What the readings make of samples, at every bound: windows, filter times, ages, impossible values."""

import math

import pytest

from hardware.interfaces import Feedback, PilotLevels, PilotMode, Resistance, Voltages
from services.safety import readings
from services.safety.region import SwitchSight
from services.safety.state import ConnectorState, Event, Moment, Readings
from tests.safety_rig import FIXED, SOCKET

pytestmark = pytest.mark.bench

PLAIN = FIXED._replace(mirror_contact=False)
LEVEL_V = {"A": 12.0, "B": 9.0, "C": 6.0, "D": 3.0, "E": 0.0, "F": -12.0, "-": 7.5}
GOOD = PilotLevels(high_v=9.0, low_v=-12.0, duty=0.5, frequency_hz=1000.0, sampled_s=100.0)


class Eyes:
    """The readings alone: samples in, sights and events out. Nothing drives, nothing judges."""

    def __init__(self, equipment=PLAIN, start_s: float = 99.0) -> None:
        self.state = ConnectorState(equipment, start_s)
        self.events: list[Event] = []
        self.pilot: PilotLevels | None = None

    @property
    def sight(self):
        return self.state.pilot_sight

    def see(self, now_s: float, **read) -> Moment:
        moment = Moment(now_s, Readings(**{"pilot": self.pilot, **read}))
        readings.observe(self.state, moment)
        self.events += moment.events
        return moment

    def level(self, letter: str, sampled_s: float, now_s: float | None = None, **other) -> Moment:
        """A new sample of the pilot; without PWM unless told otherwise."""
        high_v = LEVEL_V[letter]
        without_pwm = PilotLevels(high_v, high_v, 1.0, 0.0, sampled_s)
        self.pilot = without_pwm._replace(**other)
        return self.see(sampled_s if now_s is None else now_s)

    def confirmed(self, letter: str) -> "Eyes":
        """As it is when this letter has counted since long before 100.0."""
        self.level(letter, 99.0)
        self.sight.confirmed, self.sight.confirmed_s = letter, 99.0
        self.state.vehicle_connected = letter in ("B", "C", "D")
        self.state.power_requested = letter in ("C", "D")
        self.state.pilot.any_output_until_s = 0.0
        return self

    def offering(self, permille: int = 500, since_s: float = 90.0) -> "Eyes":
        output = self.state.pilot
        output.mode, output.permille, output.previous_duty = PilotMode.PWM, permille, 1.0
        output.pwm_s = output.commanded_s = since_s
        output.any_output_until_s = 0.0
        return self


WINDOWS = {
    "A": (11.0, 13.0),
    "B": (8.0, 10.0),
    "C": (5.0, 7.0),
    "D": (2.0, 4.0),
    "E": (-1.0, 1.0),
    "F": (-13.0, -11.0),
}


@pytest.mark.parametrize("letter", WINDOWS)
def test_a_window_ends_1_v_from_its_nominal_level_and_nothing_belongs_to_two(letter: str) -> None:
    low_v, high_v = WINDOWS[letter]
    assert {readings.letter_of(volts) for volts in (low_v, (low_v + high_v) / 2.0, high_v)} == {letter}
    assert {readings.letter_of(volts) for volts in (low_v - 0.001, high_v + 0.001)} == {"-"}


@pytest.mark.parametrize(
    ("field", "good", "absurd"),
    [
        ("high_v", (15.0, -15.0), (15.01, -15.01, math.nan, math.inf)),
        ("low_v", (15.0, -15.0), (15.01, -15.01, math.nan, -math.inf)),
        ("duty", (0.0, 0.5, 1.0), (-0.01, 1.01, math.nan)),
        ("frequency_hz", (0.0, 980.0, 10_000.0), (-1.0, 10_001.0, math.nan)),
        ("sampled_s", (0.0, 0.5, 100.05), (-0.01, 100.06, math.nan)),
    ],
)
def test_one_absurd_value_alone_makes_a_sample_impossible(
    field: str, good: tuple[float, ...], absurd: tuple[float, ...]
) -> None:
    assert all(readings.is_possible(GOOD._replace(**{field: value}), 100.0) for value in good)
    assert not any(readings.is_possible(GOOD._replace(**{field: value}), 100.0) for value in absurd)


@pytest.mark.parametrize(
    ("confirmed", "coil", "valid_s"),
    [("", False, 0.5), ("A", False, 0.5), ("A", True, 0.05), ("B", False, 0.05), ("E", False, 0.05)],
)
def test_a_sample_counts_for_50_ms_and_with_nothing_connected_for_half_a_second(
    confirmed: str, coil: bool, valid_s: float
) -> None:
    eyes = Eyes().confirmed(confirmed or "A")
    eyes.sight.confirmed, eyes.state.contactor.coil = confirmed, coil
    eyes.level("-", 100.0)
    assert eyes.see(100.0 + valid_s - 0.001).deadline_s == pytest.approx(100.0 + valid_s, abs=1e-3)
    assert (eyes.sight.letter, eyes.sight.bad_since_s) == ("-", None)
    eyes.see(100.0 + valid_s + 0.001)
    assert (eyes.sight.letter, eyes.sight.bad_since_s) == ("", 100.0 + valid_s + 0.001)
    eyes.see(100.0 + valid_s + 5.0)
    assert eyes.sight.bad_since_s == 100.0 + valid_s + 0.001, "since the first moment"


@pytest.mark.parametrize("instead", [None, GOOD._replace(high_v=math.nan, sampled_s=100.02)])
def test_no_sample_and_an_impossible_one_end_what_was_read_at_once(instead: PilotLevels | None) -> None:
    eyes = Eyes().confirmed("B").offering()
    eyes.pilot = GOOD
    eyes.see(100.0)
    assert (eyes.sight.letter, eyes.sight.diode_good_s) == ("B", 100.0)
    eyes.pilot = instead
    eyes.see(100.02)
    assert (eyes.sight.letter, eyes.sight.diode_good_s, eyes.sight.bad_since_s) == ("", None, 100.02)
    assert eyes.sight.stamp_s == 100.0


def test_an_older_sample_is_none_whatever_it_shows() -> None:
    eyes = Eyes().confirmed("B")
    eyes.level("B", 100.0)
    eyes.level("C", 99.99, now_s=100.001)
    assert (eyes.sight.letter, eyes.sight.stamp_s, eyes.sight.high_v) == ("B", 100.0, 9.0)


def test_another_level_at_the_same_instant_is_a_sample() -> None:
    eyes = Eyes().confirmed("C")
    eyes.level("C", 100.0)
    eyes.level("B", 100.0, now_s=100.001)
    assert (eyes.sight.letter, eyes.sight.left_cd_s) == ("B", 100.0)


def test_a_sample_is_judged_once_by_the_command_of_its_time() -> None:
    eyes = Eyes().confirmed("B").offering(500)
    eyes.pilot = GOOD
    eyes.see(100.0)
    output = eyes.state.pilot
    output.permille, output.previous_duty, output.commanded_s = 200, 0.3, 100.01
    eyes.see(100.02)
    assert eyes.sight.output_wrong_s is None


def test_the_time_outside_of_c_and_d_begins_with_the_first_sample_and_ends_with_one_inside() -> None:
    eyes = Eyes().confirmed("C")
    eyes.level("C", 100.0)
    assert eyes.sight.left_cd_s is None
    for letter, stamp_s in (("-", 100.02), ("B", 100.03), ("B", 100.04)):
        eyes.level(letter, stamp_s)
        assert eyes.sight.left_cd_s == 100.02
    assert eyes.sight.run_start_s == 100.03
    eyes.level("D", 100.05)
    assert (eyes.sight.left_cd_s, eyes.sight.run_start_s) == (None, 100.05)


# the diode


def judged(eyes: Eyes, low_v: float, sampled_s: float, letter: str = "B") -> tuple[float | None, float | None, bool]:
    eyes.level(letter, sampled_s, low_v=low_v, duty=0.5, frequency_hz=1000.0)
    return eyes.sight.diode_good_s, eyes.sight.diode_bad_s, eyes.sight.diode_proven


@pytest.mark.parametrize(("low_v", "good"), [(-13.01, False), (-13.0, True), (-11.0, True), (-10.99, False)])
@pytest.mark.parametrize("letter", ["B", "C", "D"])
def test_a_healthy_diode_keeps_the_negative_part_within_1_v_of_minus_12(letter: str, low_v: float, good: bool) -> None:
    eyes = Eyes().confirmed("B").offering()
    assert judged(eyes, low_v, 100.0, letter) == ((100.0, None, False) if good else (None, 100.0, False))


@pytest.mark.parametrize("letter", ["A", "E", "-"])
@pytest.mark.parametrize("low_v", [-12.0, -6.0])
def test_the_diode_shows_only_where_a_vehicle_is(letter: str, low_v: float) -> None:
    eyes = Eyes().confirmed("B").offering()
    assert judged(eyes, low_v, 100.0, letter) == (None, None, False)


def test_a_diode_is_proven_after_100_ms_and_a_short_doubt_does_not_unprove_it() -> None:
    eyes = Eyes().confirmed("B").offering()
    assert judged(eyes, -12.0, 100.0) == (100.0, None, False)
    assert judged(eyes, -12.0, 100.099) == (100.0, None, False)
    assert judged(eyes, -12.0, 100.1) == (100.0, None, True)
    assert judged(eyes, -6.0, 100.12) == (None, 100.12, True)
    assert judged(eyes, -6.0, 100.219) == (None, 100.12, True)
    assert judged(eyes, -12.0, 100.22) == (100.22, None, True)
    assert judged(eyes, -6.0, 100.24) == (None, 100.24, True)
    assert judged(eyes, -6.0, 100.34) == (None, 100.24, False)


def test_a_bad_diode_proves_nothing_however_short_it_is_bad() -> None:
    eyes = Eyes().confirmed("B").offering()
    assert judged(eyes, -6.0, 100.0) == (None, 100.0, False)


def test_the_diode_is_judged_from_50_ms_after_pwm_began() -> None:
    eyes = Eyes().confirmed("B").offering(since_s=100.0)
    assert judged(eyes, -12.0, 100.049) == (None, None, False)
    assert judged(eyes, -12.0, 100.05) == (100.05, None, False)
    eyes.state.pilot.pwm_s = 100.06
    eyes.sight.diode_proven = True
    assert judged(eyes, -6.0, 100.07) == (None, None, True), "PWM that has just begun tells nothing"


@pytest.mark.parametrize("mode", [PilotMode.X1, PilotMode.F])
def test_without_pwm_nothing_is_proven_of_the_diode(mode: PilotMode) -> None:
    eyes = Eyes().confirmed("B").offering()
    assert judged(eyes, -12.0, 100.0)[0] == 100.0
    eyes.sight.diode_proven, eyes.state.pilot.mode = True, mode
    assert judged(eyes, -12.0, 100.02) == (None, None, False)


# the generator


@pytest.mark.parametrize(
    ("mode", "permille", "expected"),
    [(PilotMode.PWM, 533, 0.533), (PilotMode.PWM, 100, 0.1), (PilotMode.X1, 1000, 1.0), (PilotMode.F, 0, 0.0)],
)
def test_what_the_generator_must_show(mode: PilotMode, permille: int, expected: float) -> None:
    assert readings.expected_duty(mode, permille) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("duty", "frequency_hz", "right"),
    [
        (0.490, 1000.0, True),
        (0.510, 1000.0, True),
        (0.489, 1000.0, False),
        (0.511, 1000.0, False),
        (0.500, 980.0, True),
        (0.500, 1020.0, True),
        (0.500, 979.9, False),
        (0.500, 1020.1, False),
        (1.000, 0.0, False),
    ],
)
def test_pwm_may_be_1_percent_of_duty_and_20_hertz_off(duty: float, frequency_hz: float, right: bool) -> None:
    eyes = Eyes().confirmed("B").offering(500)
    eyes.pilot = GOOD._replace(duty=duty, frequency_hz=frequency_hz)
    eyes.see(100.0)
    assert eyes.sight.output_wrong_s == (None if right else 100.0)


def test_a_wrong_output_counts_from_its_first_sample_and_ends_with_a_right_one() -> None:
    eyes = Eyes().confirmed("B").offering(500)
    for duty, stamp_s, since_s in ((0.3, 100.0, 100.0), (0.2, 100.02, 100.0), (0.5, 100.04, None)):
        eyes.pilot = GOOD._replace(duty=duty, sampled_s=stamp_s)
        eyes.see(stamp_s)
        assert eyes.sight.output_wrong_s == since_s


@pytest.mark.parametrize(
    ("duty", "age_s", "right"),
    [(0.3, 0.0, True), (0.3, 0.049, True), (0.3, 0.05, False), (0.4, 0.049, False), (0.5, 0.02, True)],
)
def test_a_change_of_duty_may_show_50_ms_late(duty: float, age_s: float, right: bool) -> None:
    """Until then the command before is right too, and nothing else."""
    eyes = Eyes().confirmed("B").offering(500)
    eyes.state.pilot.previous_duty, eyes.state.pilot.commanded_s = 0.3, 100.0
    stamp_s = 100.0 + age_s
    eyes.pilot = GOOD._replace(duty=duty, sampled_s=stamp_s)
    eyes.see(stamp_s)
    assert eyes.sight.output_wrong_s == (None if right else stamp_s)


@pytest.mark.parametrize(("age_s", "right"), [(0.0, True), (0.049, True), (0.05, False)])
def test_whatever_the_generator_shows_in_the_first_50_ms_of_pwm_is_its_start(age_s: float, right: bool) -> None:
    eyes = Eyes().confirmed("B").offering(500, since_s=100.0)
    eyes.state.pilot.commanded_s = 100.04
    stamp_s = 100.0 + age_s
    eyes.pilot = GOOD._replace(duty=0.77, frequency_hz=300.0, sampled_s=stamp_s)
    eyes.see(stamp_s)
    assert eyes.sight.output_wrong_s == (None if right else stamp_s)


@pytest.mark.parametrize(("mode", "duty"), [(PilotMode.X1, 1.0), (PilotMode.F, 0.0)])
def test_a_steady_level_has_no_frequency_and_no_time_to_start(mode: PilotMode, duty: float) -> None:
    eyes = Eyes().confirmed("B").offering(500)
    output = eyes.state.pilot
    output.mode, output.previous_duty, output.pwm_s, output.commanded_s = mode, 0.5, 99.99, 99.99
    eyes.level("B", 100.0, duty=duty)
    assert eyes.sight.output_wrong_s is None
    eyes.level("B", 100.01, duty=0.5)
    assert eyes.sight.output_wrong_s is None, "the command before"
    eyes.level("B", 100.02, duty=0.77)
    assert eyes.sight.output_wrong_s == 100.02


def test_after_the_start_the_generator_may_show_anything_for_150_ms() -> None:
    eyes = Eyes(start_s=100.0)
    eyes.level("B", 100.149, duty=0.3)
    assert eyes.sight.output_wrong_s is None
    eyes.level("B", 100.15, duty=0.3)
    assert eyes.sight.output_wrong_s == 100.15


# filter times

FILTERS = [
    ("", "B", 0.025, True),
    ("A", "B", 0.025, True),
    ("A", "C", 0.1, True),
    ("B", "C", 0.1, True),
    ("B", "D", 0.1, True),
    ("C", "D", 0.1, True),
    ("E", "B", 0.02, True),
    ("C", "B", 0.02, False),
    ("D", "B", 0.02, False),
    ("B", "A", 0.025, False),
    ("C", "A", 0.025, False),
    ("A", "E", 0.02, False),
    ("B", "E", 0.02, False),
    ("C", "E", 0.02, False),
]
"""From, to, seconds, whether two samples must be that far apart: it goes towards power."""


@pytest.mark.parametrize(("before", "letter", "hold_s", "two_samples"), FILTERS)
def test_a_letter_counts_after_its_filter_time(before: str, letter: str, hold_s: float, two_samples: bool) -> None:
    eyes = Eyes().confirmed(before or "-")
    eyes.sight.confirmed = before
    valid_s = 0.5 if before in ("", "A") else 0.05
    assert eyes.level(letter, 100.0).deadline_s == pytest.approx(100.0 + min(hold_s, valid_s), abs=1e-4)
    eyes.level(letter, 100.0 + hold_s - 0.001)
    assert eyes.sight.confirmed == before
    eyes.see(100.0 + hold_s + 0.001)
    assert eyes.sight.confirmed == (before if two_samples else letter), "time alone"
    eyes.level(letter, 100.0 + hold_s + 0.002)
    assert eyes.sight.confirmed == letter


@pytest.mark.parametrize(("before", "letter", "hold_s", "two_samples"), FILTERS)
def test_two_samples_its_filter_time_apart_are_enough(
    before: str, letter: str, hold_s: float, two_samples: bool
) -> None:
    del two_samples
    eyes = Eyes().confirmed(before or "-")
    eyes.sight.confirmed = before
    eyes.level(letter, 100.0)
    eyes.level(letter, 100.0 + hold_s)
    assert (eyes.sight.confirmed, eyes.sight.confirmed_s) == (letter, 100.0 + hold_s)
    eyes.level(letter, 100.0 + hold_s + 0.02)
    assert eyes.sight.confirmed_s == 100.0 + hold_s, "it counts once"


@pytest.mark.parametrize("letter", ["-", "F"])
def test_what_is_no_state_of_a_vehicle_never_counts(letter: str) -> None:
    eyes = Eyes().confirmed("B")
    for number in range(20):
        eyes.level(letter, 100.0 + number / 50.0)
    assert (eyes.sight.letter, eyes.sight.confirmed) == (letter, "B")


# plug and request


def shown(eyes: Eyes, letters: str) -> list[str]:
    """Every letter is held for 200 ms; what was told of the last one."""
    for number in range(len(letters) * 10):
        if number % 10 == 0:
            eyes.events.clear()
        eyes.level(letters[number // 10], 100.0 + number / 50.0)
    return [event.name for event in eyes.events]


@pytest.mark.parametrize(
    ("letters", "told", "connected", "wants", "seen_b", "plugs"),
    [
        ("A", [], False, False, False, 0),
        ("E", [], False, False, False, 0),
        ("B", ["plugged"], True, False, True, 1),
        ("C", ["plugged", "power_requested"], True, True, False, 1),
        ("D", ["plugged", "power_requested"], True, True, False, 1),
        ("BC", ["power_requested"], True, True, True, 1),
        ("CD", [], True, True, False, 1),
        ("CB", ["power_request_ended"], True, False, True, 1),
        ("CE", ["power_request_ended"], True, False, False, 1),
        ("BE", [], True, False, True, 1),
        ("BEC", ["power_requested"], True, True, True, 1),
        ("BA", ["unplugged"], False, False, False, 1),
        ("CA", ["power_request_ended", "unplugged"], False, False, False, 1),
        ("BAC", ["plugged", "power_requested"], True, True, False, 2),
        ("BEA", ["unplugged"], False, False, False, 1),
    ],
)
def test_plug_and_request_are_told_once_each(
    letters: str, told: list[str], connected: bool, wants: bool, seen_b: bool, plugs: int
) -> None:
    eyes = Eyes()
    assert shown(eyes, letters) == told
    state = eyes.state
    assert (state.vehicle_connected, state.power_requested, state.pilot_sight.seen_b) == (connected, wants, seen_b)
    assert state.plug_count == plugs


# the cable


def cable(eyes: Eyes, ohm: float, sampled_s: float, now_s: float | None = None) -> float:
    """Ampacity of the cable after this reading."""
    eyes.see(sampled_s if now_s is None else now_s, proximity=Resistance(ohm, sampled_s))
    return eyes.state.proximity.ampacity_a


def recognised(ohm: float = 220.0) -> Eyes:
    eyes = Eyes(SOCKET)
    for stamp_s in (100.0, 100.05, 100.1):
        cable(eyes, ohm, stamp_s)
    return eyes


def test_a_cable_counts_when_its_coding_was_read_for_50_ms() -> None:
    eyes = Eyes(SOCKET)
    assert cable(eyes, 220.0, 100.0) == 0.0
    assert cable(eyes, 220.0, 100.0, now_s=100.06) == 0.0, "one sample, however old"
    assert cable(eyes, 220.0, 100.049) == 0.0
    assert cable(eyes, 220.0, 100.05) == 32.0


@pytest.mark.parametrize("ohm", [math.nan, math.inf, 59.0, 5000.0])
def test_a_coding_that_is_lost_counts_after_50_ms_and_must_be_proven_anew(ohm: float) -> None:
    eyes = recognised()
    assert cable(eyes, ohm, 100.149) == 32.0
    assert eyes.state.cable_a == 32.0
    assert (eyes.state.proximity.bad_s, eyes.state.proximity.candidate_a) == (100.1, 0.0)
    assert cable(eyes, ohm, 100.15) == 0.0
    assert eyes.state.cable_a == 0.0
    assert eyes.state.proximity.bad_s == 100.1
    assert cable(eyes, 220.0, 100.2) == 0.0
    assert cable(eyes, 220.0, 100.25) == 32.0
    assert eyes.state.proximity.bad_s is None


def test_a_cable_does_not_grow_and_a_weaker_reading_counts_at_once() -> None:
    eyes = recognised(220.0)
    assert cable(eyes, 680.0, 100.2) == 32.0
    assert eyes.state.cable_a == 20.0
    assert cable(eyes, 680.0, 100.25) == 20.0
    for stamp_s in (100.3, 100.35, 100.4):
        assert cable(eyes, 220.0, stamp_s) == 20.0


def test_two_codings_in_turn_are_none() -> None:
    eyes = Eyes(SOCKET)
    for number in range(10):
        assert cable(eyes, 220.0 if number % 2 else 680.0, 100.0 + number * 0.03) == 0.0


@pytest.mark.parametrize(("age_s", "counts"), [(-0.051, False), (-0.05, True), (0.5, True), (0.501, False)])
def test_a_reading_of_the_cable_is_at_most_half_a_second_old_and_50_ms_early(age_s: float, counts: bool) -> None:
    eyes = recognised()
    cable(eyes, 220.0, 110.0 - age_s, now_s=110.0)
    assert (eyes.state.proximity.bad_s is None) is counts


def test_a_reading_that_goes_back_in_time_does_not_take_the_proof_away() -> None:
    eyes = recognised()
    assert cable(eyes, 220.0, 100.02, now_s=100.11) == 32.0
    assert eyes.state.proximity.good_s == 100.1


def test_in_the_first_second_of_the_boot_clock_a_stamp_of_0_3_s_counts_and_one_before_zero_does_not() -> None:
    eyes = Eyes(SOCKET, start_s=0.2)
    cable(eyes, 220.0, -0.1, now_s=0.2)
    assert (eyes.state.proximity.good_s, eyes.state.proximity_is_read) == (-1.0, False)
    cable(eyes, 220.0, 0.3)
    assert cable(eyes, 220.0, 0.35) == 32.0
    assert eyes.state.proximity_is_read


def test_without_a_reading_of_the_cable_there_is_none() -> None:
    eyes = Eyes(SOCKET)
    moment = eyes.see(100.0)
    assert (eyes.state.cable_a, eyes.state.proximity_is_read) == (0.0, False)
    assert moment.readings.proximity is None


# contacts


@pytest.mark.parametrize("key", [False, True])
@pytest.mark.parametrize("wired", [False, True])
@pytest.mark.parametrize("active", [False, True])
def test_a_weld_input_tells_of_the_contacts_as_key_and_station_file_say(key: bool, wired: bool, active: bool) -> None:
    """The driver says whether the contact is active, by the station file; the key has the last word on how it acts."""
    inputs = frozenset({"opto_1"})
    equipment = PLAIN._replace(
        inputs=inputs,
        weld_input="opto_1",
        weld_input_normally_closed=key,
        normally_closed=inputs if wired else frozenset(),
    )
    eyes = Eyes(equipment)
    eyes.see(100.0, inputs={"opto_1": Feedback(active, 100.0)})
    assert eyes.state.weld_input.closed is (active if key is wired else not active)
    assert eyes.state.weld_input.stamp_s == 100.0


@pytest.mark.parametrize("key", [False, True])
def test_the_230_v_input_is_live_when_it_is_active_whatever_the_key_of_contacts_says(key: bool) -> None:
    equipment = PLAIN._replace(inputs=frozenset({"line"}), weld_input="line", weld_input_normally_closed=key)
    eyes = Eyes(equipment)
    eyes.see(100.0, inputs={"line": Feedback(True, 100.0)})
    assert eyes.state.weld_input.closed
    eyes.see(100.1, inputs={"line": None})
    assert eyes.state.weld_input.stamp_s == 100.0


@pytest.mark.parametrize("normally_closed", [False, True])
def test_a_mirror_contact_is_read_as_it_is_wired(normally_closed: bool) -> None:
    eyes = Eyes(FIXED._replace(mirror_normally_closed=normally_closed))
    eyes.see(100.0, mirror=Feedback(True, 100.0))
    assert eyes.state.mirror.closed is not normally_closed
    eyes.see(100.1)
    eyes.see(100.2, mirror=Feedback(False, 100.2))
    assert eyes.state.mirror.closed is normally_closed


@pytest.mark.parametrize(
    ("volts", "phases", "live"),
    [
        ((0.0, 0.0, 0.0), 3, False),
        ((0.5, 50.0, 0.0), 3, False),
        ((0.0, 50.1, 0.0), 3, True),
        ((0.0, 0.0, 1000.0), 3, True),
        ((0.0, 0.0, 1000.1), 3, None),
        ((0.0, 0.0, 700.0), 3, True),
        ((0.0, -0.1, 0.0), 3, None),
        ((math.nan, 0.0, 0.0), 3, None),
        ((math.nan, 0.0, 230.0), 3, True),
        ((0.0, 230.0, 230.0), 1, False),
    ],
)
def test_any_live_phase_is_live_and_dead_is_what_every_wired_phase_says(
    volts: tuple[float, float, float], phases: int, live: bool | None
) -> None:
    eyes = Eyes(PLAIN._replace(output_sense=True, phases=phases))
    eyes.state.output_sense = SwitchSight(99.9, live is not True, 99.0)
    eyes.see(100.0, output_voltage=Voltages(*volts, 100.0))
    taken_in = (100.0, live) if live is not None else (99.9, True)
    assert (eyes.state.output_sense.stamp_s, eyes.state.output_sense.closed) == taken_in
    eyes.see(100.1)
    assert eyes.state.output_sense.stamp_s == taken_in[0]


def after_samples(samples: list[tuple[bool, float, float]], valid_s: float = 0.5) -> SwitchSight:
    """(closed, stamp, time of the step)."""
    sight = SwitchSight()
    for closed, sampled_s, now_s in samples:
        readings.observe_switch(sight, Feedback(closed, sampled_s), valid_s, Moment(now_s, Readings()))
    return sight


@pytest.mark.parametrize(
    ("samples", "stamp_s", "run_start_s"),
    [
        ([(True, 10.0, 10.0), (True, 10.4, 10.4)], 10.4, 10.0),
        ([(True, 10.0, 10.0), (True, 10.5, 10.5)], 10.5, 10.0),
        ([(True, 10.0, 10.0), (True, 10.51, 10.51)], 10.51, 10.51),
        ([(False, 10.0, 10.0), (True, 10.1, 10.1)], 10.1, 10.1),
        ([(True, 10.0, 10.0), (True, 9.9, 10.1)], 10.0, 10.0),
        ([(True, 10.0, 10.0), (False, 9.9, 10.1)], 10.0, 10.0),
        ([(True, 10.0, 10.0), (True, 10.15, 10.1)], 10.15, 10.0),
        ([(True, 10.0, 10.0), (True, 10.16, 10.1)], 10.0, 10.0),
    ],
)
def test_a_contact_has_said_the_same_since_its_last_change_or_gap(
    samples: list[tuple[bool, float, float]], stamp_s: float, run_start_s: float
) -> None:
    sight = after_samples(samples)
    assert (sight.closed, sight.stamp_s, sight.run_start_s) == (True, stamp_s, run_start_s)


def test_the_first_sample_of_a_contact_begins_its_run_also_in_the_first_seconds_of_the_boot_clock() -> None:
    assert after_samples([(False, 1.0, 1.0)], 2.5).run_start_s == 1.0
    assert after_samples([(False, 0.5, 0.5), (False, 0.9, 0.9)], 2.5).run_start_s == 0.5
