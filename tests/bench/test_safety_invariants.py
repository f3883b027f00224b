"""Every safety invariant has its place, and the checker of `tests/invariants.py` notices when it is broken."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bus.topics import METERING_READING, SESSION_PERMISSION, SETTINGS_VALUES, SYSTEM_BOOT
from hardware.interfaces import Feedback, LockDrive, PilotMode, ResidualCurrent, Resistance, Temperature
from schemas.safety import Contactor, PilotState
from services.safety.residual.state import Neighbour
from services.safety.state import Event, MeterSight, Readings
from services.safety.station import HEARS
from tests.invariants import ELSEWHERE, IN_EVENTS, RULES, Checker, Record, check
from tests.safety_rig import SOCKET, Rig, replay

pytestmark = pytest.mark.bench

ROOT = Path(__file__).resolve().parents[2]


def test_every_invariant_from_1_to_40_is_checked_by_number_or_says_by_which_test() -> None:
    assert {*RULES, *IN_EVENTS, *ELSEWHERE} == set(range(1, 41))
    assert not {*RULES} & {*IN_EVENTS}


@pytest.mark.parametrize("number", sorted(ELSEWHERE))
def test_the_tests_that_hold_an_invariant_exist(number: int) -> None:
    for place in ELSEWHERE[number]:
        file, _, name = place.partition("::")
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8"), place


# The checker notices: a healthy recording, and one thing changed in the step after it.

EQUIPMENT = SOCKET._replace(
    residual_sensor=True,
    temperatures=frozenset({"housing"}),
    phase_switching=True,
    inputs=frozenset({"emergency_stop"}),
)
Change = Callable[[Record], Record]


def charging() -> Rig:
    """Closed contacts for 8 s."""
    rig = Rig(equipment=EQUIPMENT)
    rig.world.celsius, rig.world.contacts = {"housing": 30.0}, {"emergency_stop": False}
    rig.allow()
    rig.run(15.0)
    rig.plug()
    rig.until(lambda: rig.name is PilotState.B2, 10.0)
    rig.run(1.0)
    rig.vehicle("C")
    rig.until(lambda: rig.shown.contactor is Contactor.CLOSED, 3.0)
    rig.run(8.0)
    return rig


def drive(**changes: Any) -> Change:
    return lambda record: record._replace(outputs=record.outputs._replace(**changes))


def read(**changes: Any) -> Change:
    return lambda record: record._replace(readings=record.readings._replace(**changes))


def show(**changes: Any) -> Change:
    return lambda record: record._replace(shown=_with(record.shown, **changes))


def lease(**changes: Any) -> Change:
    return lambda record: record._replace(permission=_with(record.permission, **changes))


def say(*events: Event) -> Change:
    return lambda record: record._replace(events=events)


def key(**changes: Any) -> Change:
    return lambda record: record._replace(settings=record.settings._replace(**changes))


def pilot(high_v: float) -> Change:
    return lambda record: read(pilot=record.readings.pilot._replace(high_v=high_v))(record)  # type: ignore[union-attr]


def low(low_v: float) -> Change:
    return lambda record: read(pilot=record.readings.pilot._replace(low_v=low_v))(record)  # type: ignore[union-attr]


def stamped(name: str, make: Callable[[float], object]) -> Change:
    """A reading of this very moment."""
    return lambda record: read(**{name: make(record.now_s)})(record)


def _with(body: Any, **changes: Any) -> Any:
    return type(body)(**{**{name: getattr(body, name) for name in body.__struct_fields__}, **changes})


def after(record: Record, seconds: float) -> Record:
    """The same so much later: fresh samples, a renewed lease, nothing said."""
    now_s, readings = record.now_s + seconds, record.readings
    names = ("pilot", "proximity", "mirror", "lock", "residual", "phase_relay")
    fresh = {name: getattr(readings, name)._replace(sampled_s=now_s) for name in names}
    for name in ("temperatures", "inputs"):
        fresh[name] = {place: each._replace(sampled_s=now_s) for place, each in getattr(readings, name).items()}
    renewed = _with(record.permission, until_s=now_s + 10.0)
    return record._replace(now_s=now_s, readings=readings._replace(**fresh), permission=renewed, events=())


X1 = drive(mode=PilotMode.X1, permille=1000)
OFF = drive(coil=False, mode=PilotMode.X1, permille=1000)
OPEN = stamped("mirror", lambda now_s: Feedback(False, now_s))
TRIP = stamped("residual", lambda now_s: ResidualCurrent(6.0, 0.0, True, False, False, now_s))
RECLOSE = drive(reclose=True)
RCD = key(rcd="On")
DC = show(faults=("residual_current_dc",))
LIVE, BLIND = Neighbour(connector=2, dead=False), Neighbour(connector=2, dead=True, by_dc=True)
WELDED = Event("fault_raised", "contactor_welded")
Steps = list[tuple[float, tuple[Change, ...]]]
"""(seconds after the step before, what is changed in it); the changes of the steps before stay."""
OPENED: Steps = [(0.02, (OFF,)), (0.1, (OPEN, show(faults=())))]

BROKEN: dict[str, tuple[int, Steps]] = {
    "a pilot that was in C 60 ms ago": (1, [(0.02, (pilot(7.5),)), (0.03, ()), (0.03, ())]),
    "a diode that is shorted for 130 ms": (2, [(0.01, (low(-5.6),)), (0.07, ()), (0.07, ())]),
    "a trip of the module": (3, [(0.02, (TRIP,))]),
    "closed upon a trip that has just begun": (
        3, [(0.02, (OFF,)), (6.0, (TRIP,)), (0.01, (drive(coil=True),))]
    ),
    "a trip that nobody is told of": (3, [(0.02, (OFF, TRIP)), (2.6, ())]),
    "a fault that stops power": (4, [(0.02, (say(Event("fault_raised", "pilot_shorted")),))]),
    "a fault that pauses": (4, [(0.02, (say(Event("fault_raised", "temperature_high")),)), (6.1, ())]),
    "no permission for 6 s": (5, [(0.02, (lease(may_charge=False),)), (6.1, ())]),
    "no cable": (6, [(0.02, (stamped("proximity", lambda now_s: Resistance(math.inf, now_s)),)), (0.05, ())]),
    "a plug that is not locked": (6, [(0.02, (stamped("lock", lambda now_s: Feedback(False, now_s)),))]),
    "state D without ventilation": (7, [(0.02, (pilot(2.9),)), (0.1, ()), (0.1, ())]),
    "PWM without a vehicle": (9, [(0.02, (show(state=PilotState.A),))]),
    "a duty that means nothing": (9, [(0.02, (drive(permille=970),))]),
    "more than the session allows": (10, [(0.02, (lease(limit_a=16.0),))]),
    "another current than it says": (10, [(0.02, (show(offered_a=20.0),))]),
    "a lease that has ended": (11, [(0.02, (lease(until_s=0.0),))]),
    "closed contacts without coil": (12, [(0.02, (OFF,)), *[(0.02, ())] * 6]),
    "open contacts with the coil on": (13, [(0.02, (OPEN,)), (0.03, ())]),
    "the coil after a weld": (14, [(0.02, (say(WELDED),)), (0.02, ())]),
    "a shunt trip without a weld": (15, [(0.02, (drive(shunt_trip=True),))]),
    "a weld without a shunt trip": (15, [(0.02, (key(weld_auxiliary=True), say(WELDED)))]),
    "unlocking live": (16, [(0.02, (drive(lock=LockDrive.UNLOCK),))]),
    "unlocking without proof": (16, [(0.02, (OFF,)), (0.2, (drive(lock=LockDrive.UNLOCK), read(mirror=None)))]),
    "power in state A": (17, [(0.02, (show(state=PilotState.A),)), (1.1, ())]),
    "the coil in state F": (18, [(0.02, (drive(mode=PilotMode.F),))]),
    "the coil in the step of a stop": (19, [(0.02, (say(Event("fault_raised", "pilot_shorted")),))]),
    "a counter that falls": (21, [(0.02, (show(contactor_cycles=0),))]),
    "a duty that rises too soon": (22, [(0.02, (drive(permille=200),)), (1.0, (drive(permille=300),))]),
    "an offer again too soon": (22, [(0.02, (X1,)), (1.0, (drive(mode=PilotMode.PWM, permille=200),))]),
    "a phase relay under load": (23, [(0.02, (drive(phases=1),))]),
    "not a number": (27, [(0.02, (pilot(math.nan),))]),
    "an emergency stop": (
        27, [(0.02, (stamped("inputs", lambda now_s: {"emergency_stop": Feedback(True, now_s)}),))]
    ),
    "unsafe after an exception": (28, [(0.02, (lambda record: record._replace(failed=True),))]),
    "time that runs backwards": (30, [(-0.01, ())]),
    "unsafe first outputs": (31, [(0.02, (drive(coil=False), lambda record: record._replace(started=True)))]),
    "an offer out of service": (32, [(0.02, (lease(may_charge=False),))]),
    "the coil 6 s after that": (32, [(0.02, (lease(may_charge=False), X1)), (6.1, ())]),
    "a self-test while charging": (33, [(0.02, (drive(residual_test=True),))]),
    "an RCD closed while power flows": (33, [(0.02, (OFF, RECLOSE))]),
    "an RCD closed upon another connector's power": (33, [*OPENED, (0.02, (RECLOSE, read(neighbours=(LIVE,))))]),
    "an RCD closed after another's direct current": (33, [*OPENED, (0.02, (RECLOSE, read(neighbours=(BLIND,))))]),
    "an RCD closed after a direct current": (33, [(0.02, (RCD, TRIP)), *OPENED, (30.0, (RECLOSE,))]),
    "an RCD closed after a direct current that was told": (33, [(0.02, (RCD, DC)), *OPENED, (30.0, (RECLOSE,))]),
    "32 A for a vehicle that never showed B": (
        34, [(0.02, (pilot(12.0),)), (0.03, ()), (0.02, (pilot(6.0),)), (0.1, ()), (0.1, ())]
    ),
    "state D that nobody is told of": (35, [(0.02, (pilot(2.9), OFF)), (1.1, ())]),
    "a housing above the safety limit": (
        36, [(0.02, (stamped("temperatures", lambda now_s: {"housing": Temperature(82.0, now_s)}),))]
    ),
    "a housing that stays hot": (
        36, [(0.02, (stamped("temperatures", lambda now_s: {"housing": Temperature(76.0, now_s)}),)), (6.1, ())]
    ),
    "a housing that is not known": (36, [(0.02, (read(temperatures={}),))]),
    "a second contactor from nowhere": (39, [(0.02, (drive(series=True),))]),
}  # fmt: skip


@pytest.fixture(scope="module")
def recorded() -> list[Record]:
    return charging().history


def words(number: int, recorded: list[Record], steps: Steps) -> list[str]:
    """What this invariant has to say of each of the steps."""
    checker = Checker(EQUIPMENT)
    for record in recorded:
        checker.see(record)
    said, record = [], recorded[-1]
    for seconds, changes in steps:
        record = after(record, seconds)
        for change in changes:
            record = change(record)
        checker._inputs(record)
        checker._events(record)
        said.append(RULES[number](checker, record))
        checker._after(record)
    return said


def test_a_healthy_recording_passes_and_so_does_more_of_the_same(recorded: list[Record]) -> None:
    check(EQUIPMENT, recorded)
    for number in RULES:
        assert words(number, recorded, [(0.02, ()), (0.03, ()), (0.05, ())]) == ["", "", ""], number


@pytest.mark.parametrize("what", BROKEN)
def test_the_checker_notices(what: str, recorded: list[Record]) -> None:
    number, steps = BROKEN[what]
    said = words(number, recorded, steps)
    assert said[-1], f"invariant {number} says nothing"


def test_an_rcd_that_is_open_is_closed_and_so_is_one_seen_closed_for_10_s_after_a_direct_current(
    recorded: list[Record],
) -> None:
    closed = stamped("inputs", lambda now_s: {"rcd": Feedback(False, now_s)})
    opened = stamped("inputs", lambda now_s: {"rcd": Feedback(True, now_s)})
    assert words(33, recorded, [*OPENED, (0.02, (RECLOSE,))])[-1] == ""
    for seconds, blind in ((9.8, True), (10.1, False)):
        steps: Steps = [(0.02, (RCD, DC, closed)), *OPENED, (seconds, ()), (1.0, (opened,)), (0.02, (RECLOSE,))]
        assert bool(words(33, recorded, steps)[-1]) is blind


def test_every_rule_has_something_that_breaks_it() -> None:
    assert {number for number, _ in BROKEN.values()} == set(RULES)


@pytest.mark.parametrize(
    ("number", "events"),
    [
        (24, (Event("fault_raised", "contactor_wear"), Event("fault_raised", "contactor_wear"))),
        (24, (Event("fault_cleared", "contactor_wear"),)),
        (24, (Event("fault_raised", "contactor_wear"), Event("fault_cleared", "contactor_wear"))),
        (25, (Event("plugged"),)),
        (25, (Event("unplugged"),)),
        (25, (Event("power_on"),)),
    ],
)
def test_the_checker_notices_events_out_of_order(
    number: int, events: tuple[Event, ...], recorded: list[Record]
) -> None:
    with pytest.raises(AssertionError, match=rf"invariant {number}\b"):
        check(EQUIPMENT, [*recorded, say(*events)(after(recorded[-1], 0.02))])


def test_the_checker_notices_a_coil_that_closes_again_too_soon(recorded: list[Record]) -> None:
    off = OFF(after(recorded[-1], 0.02))
    again = show(offered_a=0.0)(drive(coil=True)(after(off, 1.0)))
    checker = Checker(EQUIPMENT)
    for record in recorded:
        checker.see(record)
    for record in (off, again):
        checker._inputs(record)
    checker._events(off)
    with pytest.raises(AssertionError, match=r"invariant 20\b"):
        checker._events(again._replace(now_s=checker.on_edges[-1] + 4.9))


# those that one recording cannot show


def test_29_the_same_inputs_give_the_same_outputs() -> None:
    rig = charging()
    rig.restart()
    rig.run(12.0)
    replay(rig)
    rig.history[-1] = drive(coil=not rig.outputs.coil)(rig.history[-1])
    with pytest.raises(AssertionError):
        replay(rig)


def test_37_a_fault_of_one_connector_changes_no_step_of_another() -> None:
    alone, beside, other = charging(), charging(), charging()
    for flag in ("pilot_nan", "drops", "welded"):
        setattr(other.world, flag, True)
        for rig in (other, beside, alone):
            rig.run(0.5)
    assert other.shown.faults
    assert beside.history == alone.history


def test_38_light_display_card_reader_and_network_are_no_inputs() -> None:
    assert set(HEARS) == {SESSION_PERMISSION, SETTINGS_VALUES, METERING_READING, SYSTEM_BOOT}
    assert set(Readings._fields) == {
        "pilot", "proximity", "mirror", "lock", "residual", "output_voltage", "phase_relay", "release_energy",
        "inputs", "temperatures", "fan", "meter", "trouble", "boot", "outputs", "welded", "neighbours",
    }  # fmt: skip


@pytest.mark.parametrize(
    "meter", [None, MeterSight(None, None, 0.0, False), MeterSight((math.nan,) * 3, None, 0.0, True)]
)
def test_38_a_meter_that_fails_closes_nothing_and_delays_no_opening(meter: MeterSight | None) -> None:
    rig = charging()
    rig.world.meter = meter
    rig.run(3.0)
    rig.vehicle("B")
    rig.until(lambda: not rig.coil, 0.025)
    rig.run(30.0)
    assert not rig.coil
