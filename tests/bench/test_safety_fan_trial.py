"""The fan is tried out with the climate output: it has to turn while that is on."""

from types import SimpleNamespace

import pytest

from hardware.interfaces import Speed
from services.safety.panel.output_test import OutputTest
from tests.bench.test_safety_edges_outputs import Desk, Pin
from tests.safety_rig import RATED_32_A

pytestmark = pytest.mark.bench

FAN_ON = RATED_32_A._replace(climate_mode="Fan (temperature)")
HEATER = RATED_32_A._replace(climate_mode="Heater (temperature)")


def tried(pin: Pin, turns_after_s: float, rpm: float = 2400.0, reads: bool = True) -> tuple[OutputTest, float]:
    """(the trial, how long the output was on). The speed is sampled once a second."""
    test, on_s = OutputTest("climate", 1000.0, fan=True), 0.0
    for number in range(700):
        pin.now_s = 1000.0 + number / 100.0
        stamp_s = float(int(pin.now_s))
        speed = Speed(rpm if stamp_s >= 1000.0 + turns_after_s else 0.0, stamp_s) if reads else None
        on = test.turn(pin.readback(), pin.now_s, speed)
        pin.drive(on)
        on_s += 0.01 * on
    return test, on_s


@pytest.mark.parametrize(
    ("turns_after_s", "rpm", "reads", "on_s", "passed", "fan"),
    [
        (0.0, 2400.0, True, 1.0, True, "2400 rpm"),
        (3.0, 2400.0, True, 3.0, True, "2400 rpm"),
        (3.0, 0.9, True, 5.0, False, "1 rpm"),
        (3.0, float("nan"), True, 5.0, False, "nan rpm"),
        (9.0, 2400.0, True, 5.0, False, "0 rpm"),
        (0.0, 2400.0, False, 5.0, False, "not read"),
    ],
)
def test_the_output_is_on_until_the_fan_turns_for_5_s_at_most(
    turns_after_s: float, rpm: float, reads: bool, on_s: float, passed: bool, fan: str
) -> None:
    test, was_on_s = tried(Pin(), turns_after_s, rpm, reads)
    assert was_on_s == pytest.approx(on_s, abs=0.02)
    assert test.verdict is not None
    assert (test.verdict.passed, test.verdict.measured["fan"]) == (passed, fan)
    assert "fan" in test.verdict.words


def test_a_sample_from_before_the_trial_says_nothing() -> None:
    test = OutputTest("climate", 1000.0, fan=True)
    assert test.turn(None, 1001.0, Speed(2400.0, 999.9))
    assert test.next_s() == 1005.0
    assert not test.turn(None, 1001.1, Speed(2400.0, 1001.05))
    assert test.next_s() == pytest.approx(1001.4)


def test_an_output_that_does_not_follow_is_told_before_the_fan() -> None:
    test, _ = tried(Pin(delay_s=9.0), 0.0)
    assert test.verdict is not None
    assert (test.verdict.passed, test.verdict.words) == (False, "does not follow its command")
    blind, _ = tried(Pin(reads_back=False), 0.0)
    assert blind.verdict is not None
    assert blind.verdict.words == "was on, the fan turned; this board does not read it back"


def test_a_fan_is_awaited_where_its_speed_is_measured_and_the_output_drives_one() -> None:
    def awaited(desk: Desk, name: str) -> bool:
        test = desk.panel.test_of(desk.wishes(), name, 1000.0)
        test.turn(None, 1001.0)
        return test.next_s() == 1005.0

    speed = SimpleNamespace(read=lambda: None)
    assert awaited(Desk(FAN_ON, tachometers={"fan": speed}), "climate")
    assert awaited(Desk(tachometers={"fan": speed}), "climate")
    assert not awaited(Desk(FAN_ON, tachometers={"fan": speed}), "relay_2")
    assert not awaited(Desk(FAN_ON), "climate")
    assert not awaited(Desk(HEATER, tachometers={"fan": speed}), "climate")


def test_the_panel_shows_the_fans_speed_to_the_trial() -> None:
    desk = Desk(FAN_ON, tachometers={"fan": SimpleNamespace(read=lambda: Speed(2400.0, desk.now_s))})
    desk.turn()
    desk.panel.test = desk.panel.test_of(desk.wishes(), "climate", desk.now_s)
    assert desk.turn(0.5) == {"climate"}
    desk.turn(0.6)
    desk.turn(0.4)
    assert desk.panel.test.verdict is not None
    assert desk.panel.test.verdict.measured["fan"] == "2400 rpm"
