"""A trip that lasts may begin at any time around an opening, a self-test or a start: it becomes a fault soon, and
nothing is closed upon it. Every 5 ms is tried; the vehicle asks for power, and would get it 20 ms later."""

from collections.abc import Callable, Iterator

import pytest

from services.safety.residual.sensor import OF_THE_MODULE
from tests.safety_rig import FIXED, Rig

pytestmark = pytest.mark.bench

EQUIPMENT = FIXED._replace(residual_sensor=True)
BEFORE_S, AFTER_S, APART_S = 0.2, 2.5, 0.005
SOON_S = 1.0 + 0.05
"""The module is accused when nothing can have flown for a second; a pilot sample may come 20 ms later."""
ASKS_S = 0.08
OUTPUTS = {"dc_trips": "residual_current_dc", "rms_trips": "residual_current_rms", "error": "residual_sensor_failed"}
Situation = Callable[[], Rig]


def charging() -> Rig:
    rig = Rig(EQUIPMENT, keep_history=False)
    rig.charge()
    rig.run(30.0)
    return rig


def around_an_opening() -> Iterator[tuple[float, Rig]]:
    """The vehicle opens S2; the contactor follows 20 ms later."""
    rig = charging()
    yield from every_5_ms(rig, BEFORE_S, lambda: rig.vehicle("B"))


def around_the_end_of_a_self_test() -> Iterator[tuple[float, Rig]]:
    """A vehicle comes while it runs."""
    rig = charging()
    rig.unplug()
    rig.until(lambda: rig.outputs.residual_test, 3.0)
    rig.vehicle("B")
    ahead = rig.twin()
    passed = ahead.count("residual_test_passed") + 1
    ends_s = ahead.until(lambda: ahead.count("residual_test_passed") == passed, 1.0)
    yield from every_5_ms(rig, ends_s, lambda: None)


def around_a_start() -> Iterator[tuple[float, Rig]]:
    """The process is killed while the vehicle charges."""
    rig = charging()
    yield from every_5_ms(rig, BEFORE_S, rig.restart)


def every_5_ms(rig: Rig, before_s: float, happens: Callable[[], None]) -> Iterator[tuple[float, Rig]]:
    """(seconds since it happened, a rig of that moment)."""
    begin_s, happened = rig.now_s, False
    for count in range(round((before_s + AFTER_S) / APART_S)):
        rig.run(begin_s + count * APART_S - rig.now_s)
        if not happened and rig.now_s - begin_s >= before_s - 1e-9:
            happened = True
            happens()
        yield rig.now_s - begin_s - before_s, rig.twin()


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("situation", [around_an_opening, around_the_end_of_a_self_test, around_a_start])
def test_a_trip_that_lasts_is_a_fault_soon_and_never_closed_upon(
    situation: Callable[[], Iterator[tuple[float, Rig]]], output: str
) -> None:
    for since_s, rig in situation():
        rig.vehicle("C")
        rig.run(ASKS_S)
        assert rig.world.module is not None
        rig.world.module = rig.world.module._replace(**{output: True})
        rig.sample()
        rig.step()
        closings = rig.count("coil_on")
        rig.until(lambda: not {*OF_THE_MODULE}.isdisjoint(rig.shown.faults), SOON_S)  # noqa: B023
        assert rig.count("coil_on") == closings, f"closed {since_s:.3f} s after"
        if situation is not around_the_end_of_a_self_test and since_s + ASKS_S < 1.0:
            assert OUTPUTS[output] in rig.shown.faults, f"{since_s:.3f} s after"
