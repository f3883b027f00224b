"""Whether a meter is believed."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.metering import Quality
from services.metering.plausibility import Judge, Verdict, energy_wh, impossible
from services.metering.registers import MODELS, Quantity, Sample, decode
from tests.metering_words import charging_words, sdm630_words

pytestmark = pytest.mark.unit

SDM630 = MODELS["eastron_sdm630_v2"]
RATED_W = 22_080.0
NAN, INF = math.nan, math.inf


class Bench:
    """Feeds one judge a sample a second."""

    def __init__(self) -> None:
        self.judge = Judge(SDM630, RATED_W)
        self.now_s = 100.0

    def say(self, energy: int, power_w: float = 0.0, after_s: float = 1.0, serial: int = 4711) -> Verdict:
        self.now_s += after_s
        sample = decode(SDM630, charging_words(energy, power_w, serial))
        return self.judge.judge(sample, self.now_s, self.now_s + 0.01)

    def quality(self, energy: int, power_w: float = 0.0, after_s: float = 1.0, serial: int = 4711) -> Quality:
        return self.say(energy, power_w, after_s, serial).quality


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"energy_kwh": NAN}, "energy import is not a number"),
        ({"energy_kwh": -0.001}, "out of range"),
        ({"energy_kwh": 1e10}, "out of range"),
        ({"power_w": INF}, "power is not a number"),
        ({"power_w": 2e6}, "out of range"),
        ({"current_a": (0.0, NAN, 0.0)}, "current L2 is not a number"),
        ({"current_a": (1001.0, 0.0, 0.0)}, "out of range"),
        ({"voltage_v": (230.0, 230.0, -1.0)}, "voltage L3"),
        ({"voltage_v": (1001.0, 230.0, 230.0)}, "out of range"),
        ({"power_factor": 1.1}, "power factor"),
        ({"frequency_hz": -INF}, "frequency is not a number"),
        ({"serial": 0}, "no serial number"),
        ({"serial": 0xFFFFFFFF}, "no serial number"),
        ({"power_w": 4200.0, "current_a": (16.0, 0.0, 0.0)}, "does not fit"),
        ({"power_w": -4200.0, "current_a": (16.0, 0.0, 0.0)}, "does not fit"),
        ({"power_w": 3680.0, "current_a": (16.0, 0.0, 0.0)}, ""),
        ({"power_w": 1000.0, "current_a": (16.0, 0.0, 0.0)}, ""),
        ({"power_w": -3680.0, "current_a": (-16.0, 0.0, 0.0)}, ""),
        ({"power_factor": 1.0005}, ""),
        ({"voltage_v": (230.0, 0.0, 0.0)}, ""),
        ({}, ""),
    ],
)
def test_impossible_samples_are_named(changed: dict[str, float], reason: str) -> None:
    found = impossible(decode(SDM630, sdm630_words(**changed)), needs_serial=True)  # type: ignore[arg-type]
    assert (reason in found) if reason else found == ""


def test_a_register_that_goes_back_is_refused_until_it_is_back_where_it_was() -> None:
    bench = Bench()
    assert bench.quality(5000) is Quality.GOOD
    verdict = bench.say(4999)
    assert verdict.quality is Quality.IMPLAUSIBLE
    assert "went back from 5000 to 4999 Wh" in verdict.detail
    assert bench.quality(0, after_s=86_400.0) is Quality.IMPLAUSIBLE
    assert bench.quality(5000) is Quality.GOOD


@pytest.mark.parametrize(
    ("seconds", "rise_wh", "expected"),
    [
        (1.0, 0, Quality.GOOD),
        (1.0, 17, Quality.GOOD),
        (1.0, 18, Quality.IMPLAUSIBLE),
        (3600.0, 27_600, Quality.GOOD),
        (3600.0, 27_612, Quality.IMPLAUSIBLE),
    ],
)
def test_a_rise_beyond_what_the_connection_can_carry_is_a_jump(seconds: float, rise_wh: int, expected: Quality) -> None:
    """1.25 * 22080 W for the time, plus the register's step of 10 Wh."""
    bench = Bench()
    bench.say(1000)
    assert bench.quality(1000 + rise_wh, after_s=seconds) is expected


def test_a_register_that_jumped_does_not_become_true_by_waiting() -> None:
    bench = Bench()
    bench.say(1000)
    assert bench.quality(11_000) is Quality.IMPLAUSIBLE
    assert bench.quality(11_010, after_s=86_400.0) is Quality.IMPLAUSIBLE
    assert bench.quality(1005) is Quality.GOOD


def test_after_a_single_wrong_sample_the_true_register_is_believed_at_once() -> None:
    bench = Bench()
    bench.say(1000)
    bench.say(900_000)
    assert bench.quality(1003) is Quality.GOOD
    assert bench.quality(1006) is Quality.GOOD


def test_a_true_register_may_later_pass_the_place_a_jump_once_landed_at() -> None:
    bench = Bench()
    bench.say(1000)
    bench.say(2000)
    bench.say(1001)
    assert bench.quality(2100, after_s=3600.0) is Quality.GOOD


def test_a_register_that_rests_while_power_flows_is_frozen_and_recovers_when_it_moves() -> None:
    bench = Bench()
    verdicts = [bench.quality(1000, power_w=11_040.0) for _ in range(20)]
    assert verdicts[:10] == [Quality.GOOD] * 10
    assert verdicts[-1] is Quality.FROZEN
    assert bench.quality(1003, power_w=11_040.0) is Quality.GOOD


def test_a_frozen_register_that_catches_up_is_not_called_a_jump() -> None:
    bench = Bench()
    for _ in range(600):
        quality = bench.quality(1000, power_w=22_080.0)
    assert quality is Quality.FROZEN
    assert bench.quality(1000 + 3680, power_w=22_080.0) is Quality.GOOD


def test_a_frozen_meter_is_believed_again_when_power_stops_and_noticed_again_when_it_flows() -> None:
    bench = Bench()
    for _ in range(30):
        bench.say(1000, power_w=11_040.0)
    assert bench.quality(1000, power_w=0.0) is Quality.GOOD
    verdicts = [bench.quality(1000, power_w=11_040.0) for _ in range(20)]
    assert verdicts[0] is Quality.GOOD
    assert verdicts[-1] is Quality.FROZEN


@pytest.mark.parametrize("power_w", [0.0, 99.0, -5000.0])
def test_a_register_may_rest_while_hardly_anything_or_nothing_is_imported(power_w: float) -> None:
    bench = Bench()
    assert {bench.quality(1000, power_w=power_w) for _ in range(2000)} == {Quality.GOOD}


def test_a_slow_register_is_not_frozen_between_its_steps() -> None:
    """150 W need four minutes for a step of 10 Wh."""
    bench = Bench()
    assert {bench.quality(int(second * 150 / 36000) * 10, power_w=150.0) for second in range(3000)} == {Quality.GOOD}


def test_silence_in_between_does_not_make_a_register_frozen() -> None:
    bench = Bench()
    bench.say(1000, power_w=11_040.0)
    assert bench.quality(1000, power_w=11_040.0, after_s=600.0) is Quality.GOOD


def test_another_serial_number_is_an_exchange_for_one_reading_and_then_its_own_meter() -> None:
    bench = Bench()
    bench.say(5000)
    verdict = bench.say(70, serial=815)
    assert verdict == (Quality.EXCHANGED, "serial number 815 instead of 4711")
    assert bench.judge.serial == "815"
    assert bench.quality(70, serial=815) is Quality.GOOD
    assert bench.quality(69, serial=815) is Quality.IMPLAUSIBLE


def test_the_register_seen_during_the_exchange_binds_nobody() -> None:
    """It may be the old meter's register under the new one's serial number, read in one question."""
    bench = Bench()
    bench.say(5000)
    bench.say(5000, serial=815)
    assert bench.quality(70, serial=815) is Quality.GOOD


def test_an_impossible_sample_never_counts_as_an_exchange() -> None:
    bench = Bench()
    bench.say(5000)
    sample = decode(SDM630, sdm630_words(math.nan, serial=815))
    assert bench.judge.judge(sample, bench.now_s + 1.0, bench.now_s + 1.1).quality is Quality.IMPLAUSIBLE
    assert bench.judge.serial == "4711"
    assert bench.quality(5001) is Quality.GOOD


def test_a_meter_without_an_energy_register_is_judged_by_the_rest() -> None:
    judge = Judge(SDM630, RATED_W)
    assert judge.judge(Sample({(Quantity.POWER, 0): 5.0}, "1"), 1.0, 1.1).quality is Quality.GOOD


@given(
    st.lists(
        st.tuples(
            st.integers(0, 40_000),
            st.sampled_from([0.0, 150.0, 11_040.0, 22_080.0]),
            st.sampled_from([1.0, 1.0, 1.0, 30.0, 3600.0]),
            st.sampled_from([4711, 4711, 4711, 815]),
        ),
        max_size=60,
    )
)
def test_believed_registers_of_one_meter_never_fall_and_never_outrun_the_connection(
    samples: list[tuple[int, float, float, int]],
) -> None:
    bench = Bench()
    believed: tuple[int, float] | None = None
    rested_since_s = math.inf
    for energy, power_w, after_s, serial in samples:
        before = bench.judge.serial
        quality = bench.quality(energy, power_w, after_s, serial)
        if str(serial) != before and before:
            assert quality is Quality.EXCHANGED
            believed = None
        elif quality is Quality.GOOD:
            if believed is not None:
                assert energy >= believed[0]
                since_s = min(believed[1], rested_since_s)
                assert energy - believed[0] <= RATED_W * 1.25 * (bench.now_s + 0.01 - since_s) / 3600.0 + 10.0
            if believed is None or energy != believed[0]:
                rested_since_s = bench.now_s
            believed = (energy, bench.now_s)


@given(st.lists(st.floats(width=32), min_size=37, max_size=37), st.integers(0, 2**32 - 1))
def test_any_words_get_a_verdict(values: list[float], serial: int) -> None:
    import struct

    words = struct.unpack(">74H", struct.pack(">37f", *values))
    judge = Judge(SDM630, RATED_W)
    sample = decode(SDM630, (words, (serial >> 16, serial & 0xFFFF)))
    verdict = judge.judge(sample, 1.0, 1.1)
    if verdict.quality is Quality.GOOD:
        assert 0 <= (energy_wh(sample) or 0) <= 10**12
    else:
        assert verdict.detail
