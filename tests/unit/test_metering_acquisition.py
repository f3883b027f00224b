"""One meter over time."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.clock import Now
from hardware.interfaces import RegisterAnswer
from schemas.metering import MeterReading, Quality
from schemas.station import Station
from services.metering.acquisition import Acquisition
from services.metering.addresses import mounted_meters
from tests.metering_words import SERIAL, charging_words, dead_words

pytestmark = pytest.mark.unit

Words = tuple[tuple[int, ...], ...]
WALL_MINUS_BOOT_S = 1_800_000_000.0


class Bench:
    """Plays the seconds of one meter; `second` answers 50 ms after the question."""

    def __init__(self) -> None:
        self.meter = Acquisition("connector.1", mounted_meters(Station())["connector.1"])
        self.now_s = 100.0
        self.said: list[MeterReading] = []

    def now(self) -> Now:
        return Now(self.now_s, self.now_s + WALL_MINUS_BOOT_S)

    def keep(self, reading: MeterReading | None) -> None:
        if reading is not None:
            self.said.append(reading)

    def begin(self) -> float:
        self.now_s = max(self.now_s, self.meter.next_s)
        self.keep(self.meter.begin_second(self.now()))
        return self.now_s

    def answer(self, words: Words, asked_s: float, error: str = "") -> None:
        self.keep(self.meter.take(RegisterAnswer(asked_s, self.now_s, words, error), self.now()))

    def play(self, words: Words | None, error: str = "") -> None:
        asked_s = self.begin()
        self.now_s += 0.05
        if words is not None or error:
            self.answer(words or (), asked_s, error)

    def second(self, words: Words | None, error: str = "") -> MeterReading:
        self.play(words, error)
        return self.said[-1]

    def codes(self) -> list[str]:
        return sorted(self.meter.faults)


def test_a_good_answer_is_said_with_its_age_its_serial_number_and_its_values() -> None:
    bench = Bench()
    said = bench.second(charging_words(1234))
    assert (said.meter, said.model, said.serial) == ("connector.1", "eastron_sdm630_v2", str(SERIAL))
    assert (said.quality, said.detail) == (Quality.GOOD, "")
    assert said.reading is not None
    assert said.reading.sampled_s == 100.0
    assert said.reading.sampled_wall_s == pytest.approx(100.0 + WALL_MINUS_BOOT_S)
    assert said.reading.energy_import_wh == 1234
    assert said.reading.power_w == pytest.approx(11_040.0)
    assert said.reading.current_a == pytest.approx((16.0, 16.0, 16.0))


def test_it_is_asked_once_a_second_and_said_once_a_second() -> None:
    bench = Bench()
    asked = []
    for second in range(20):
        asked.append(bench.begin())
        bench.now_s += 0.05
        bench.answer(charging_words(second), asked[-1])
    assert asked == [100.0 + second for second in range(20)]
    assert len(bench.said) == 20


def test_seconds_that_were_slept_through_are_not_made_up_for() -> None:
    bench = Bench()
    bench.second(charging_words(0))
    bench.now_s = 150.5
    bench.begin()
    assert bench.meter.next_s == 151.5


def test_before_the_first_answer_nothing_is_known_and_no_value_is_said() -> None:
    bench = Bench()
    bench.begin()
    bench.begin()
    assert [(said.quality, said.reading, said.serial) for said in bench.said] == [(Quality.UNKNOWN, None, "")]


def test_a_meter_without_an_answer_keeps_its_last_values_at_their_own_age_and_is_silent_after_5_s() -> None:
    bench = Bench()
    bench.second(charging_words(1000))
    qualities = {}
    for _ in range(8):
        bench.second(None)
        qualities[bench.now_s] = bench.said[-1].quality
        reading = bench.said[-1].reading
        assert reading is not None
        assert (reading.sampled_s, reading.energy_import_wh) == (100.0, 1000)
    assert [quality for _, quality in sorted(qualities.items())] == [Quality.GOOD] * 5 + [Quality.SILENT] * 3


def test_the_reason_of_a_missing_answer_is_said_before_it_counts_as_silence() -> None:
    bench = Bench()
    bench.second(charging_words(1000))
    said = bench.second(None, error="refused to read")
    assert (said.quality, said.detail) == (Quality.GOOD, "refused to read")


def test_answers_that_only_bring_errors_are_silence() -> None:
    bench = Bench()
    for _ in range(7):
        said = bench.second(None, error="exception 4")
    assert said.quality is Quality.SILENT
    assert "exception 4" in said.detail
    assert said.reading is None


def test_answers_of_another_shape_are_silence_and_say_so() -> None:
    bench = Bench()
    for _ in range(7):
        said = bench.second(((1, 2, 3),))
    assert said.quality is Quality.SILENT
    assert "asked for" in said.detail


def test_faults_are_raised_once_and_cleared_after_two_good_samples() -> None:
    bench = Bench()
    bench.second(charging_words(1000))
    for _ in range(10):
        bench.second(None)
    raised = bench.meter.faults["meter_silent"]
    assert raised.connector == 1
    for _ in range(5):
        bench.second(None)
    assert bench.meter.faults["meter_silent"] is raised
    assert bench.second(charging_words(1000)).quality is Quality.GOOD
    assert bench.codes() == ["meter_silent"]
    bench.second(charging_words(1000))
    assert bench.codes() == []


def test_good_and_bad_samples_by_turns_do_not_make_a_fault_flicker() -> None:
    bench = Bench()
    bench.second(charging_words(1000))
    bench.second(charging_words(1000))
    seen = []
    for _ in range(10):
        bench.second(dead_words())
        seen.append(bench.codes())
        bench.second(charging_words(1000, power_w=0.0))
        seen.append(bench.codes())
    assert seen == [["meter_implausible"]] * 20


def test_an_implausible_sample_changes_no_value_and_does_not_enter_the_ring() -> None:
    bench = Bench()
    bench.second(charging_words(1000))
    said = bench.second(charging_words(900))
    assert said.quality is Quality.IMPLAUSIBLE
    assert said.reading is not None
    assert (said.reading.energy_import_wh, said.reading.sampled_s) == (1000, 100.0)
    assert len(bench.meter.ring) == 1


def test_a_frozen_register_is_a_fault() -> None:
    bench = Bench()
    for _ in range(20):
        bench.second(charging_words(1000))
    assert bench.said[-1].quality is Quality.FROZEN
    assert bench.codes() == ["meter_frozen"]


def test_an_exchanged_meter_has_no_values_for_one_reading_and_an_empty_ring() -> None:
    bench = Bench()
    bench.second(charging_words(1000))
    said = bench.second(charging_words(5, serial=7))
    assert (said.quality, said.serial, said.reading) == (Quality.EXCHANGED, "7", None)
    assert len(bench.meter.ring) == 0
    assert bench.codes() == ["meter_exchanged"]
    said = bench.second(charging_words(5, serial=7))
    assert (said.quality, said.serial) == (Quality.GOOD, "7")
    assert said.reading is not None
    assert said.reading.energy_import_wh == 5


def test_a_late_answer_counts_with_the_time_of_its_own_question() -> None:
    bench = Bench()
    bench.second(charging_words(1000))
    first = bench.begin()
    bench.begin()
    bench.now_s += 0.2
    bench.answer(charging_words(1003), first)
    reading = bench.said[-1].reading
    assert reading is not None
    assert (reading.energy_import_wh, reading.sampled_s) == (1003, first)


def test_an_answer_to_an_older_question_than_the_last_answered_one_is_dropped() -> None:
    bench = Bench()
    bench.second(charging_words(1000))
    said = len(bench.said)
    bench.answer(charging_words(990), 99.5)
    bench.answer(charging_words(990), 100.0)
    asked_s = bench.begin()
    bench.answer(charging_words(990), 100.0)
    assert len(bench.said) == said
    bench.answer(charging_words(1000), asked_s)
    assert bench.second(charging_words(1001)).quality is Quality.GOOD


def test_a_second_that_brought_no_answer_is_said_when_the_next_begins() -> None:
    bench = Bench()
    bench.second(charging_words(1000))
    bench.begin()
    assert len(bench.said) == 1
    bench.begin()
    assert len(bench.said) == 2


@given(
    st.lists(
        st.one_of(
            st.none(),
            st.just("error"),
            st.just("dead"),
            st.tuples(st.integers(0, 400), st.sampled_from([0.0, 11_040.0]), st.sampled_from([1, 1, 1, 2])),
        ),
        max_size=60,
    )
)
def test_published_energy_is_always_a_value_this_meter_said_and_never_falls(
    seconds: list[str | tuple[int, float, int] | None],
) -> None:
    bench = Bench()
    told: dict[float, tuple[int, str]] = {}
    last: dict[str, int] = {}
    last_serial = ""
    for second in seconds:
        count = len(bench.said)
        if isinstance(second, tuple):
            energy, power_w, serial = second
            asked_s = bench.begin()
            bench.now_s += 0.05
            told[asked_s] = (energy, str(serial))
            bench.answer(charging_words(energy, power_w, serial), asked_s)
        else:
            bench.play(dead_words() if second == "dead" else None, error="no" if second == "error" else "")
        for said in bench.said[count:]:
            if said.serial != last_serial:
                last_serial = said.serial
                last.clear()
            if said.reading is not None:
                energy_wh = said.reading.energy_import_wh
                assert told[said.reading.sampled_s] == (energy_wh, said.serial)
                assert energy_wh is not None
                assert energy_wh >= last.get(said.serial, 0)
                last[said.serial] = energy_wh
