"""Trying out parts of a connector: what forbids a trial, what ends it, and what each part passes or fails for."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from hardware.interfaces import Feedback, LockDrive, PilotLevels, PilotMode, ResidualCurrent, Resistance
from schemas.safety import Contactor
from schemas.session import Permission
from services.safety import duty
from services.safety.memory import Memory
from services.safety.panel import exercise, parts
from services.safety.panel.exercise import Exercise, Part, Turn, Verdict
from services.safety.residual.state import Test as SelfTest
from services.safety.state import SAFE, ActiveFault, ConnectorState, Equipment, Outputs, Readings
from tests.safety_rig import FIXED, NO_MIRROR, RATED_32_A, SOCKET

pytestmark = pytest.mark.bench


def connector(equipment: Equipment = SOCKET) -> ConnectorState:
    """Idle, proven, with nothing plugged in."""
    state = ConnectorState(equipment, 1000.0, Memory(), RATED_32_A)
    state.pilot_sight.confirmed = state.pilot_sight.letter = "A"
    state.qualified, state.contactor.phase = True, Contactor.OPEN
    return state


def lease(until_s: float = 1105.0, may: bool = False, hold: bool = False, transaction: str = "") -> Permission:
    return Permission(
        connector=1, may_charge=may, limit_a=16.0, hold_cable=hold, transaction_id=transaction, until_s=until_s
    )


USED = [lease(may=True), lease(hold=True), lease(transaction="t-1")]
UNUSED = [None, lease(), lease(until_s=1099.9, may=True)]


@pytest.mark.parametrize("permission", UNUSED)
def test_an_idle_connector_that_nobody_uses_may_be_tried_out(permission: Permission | None) -> None:
    assert exercise.refusal(connector(), permission, 1100.0) == ""


@pytest.mark.parametrize("permission", USED)
def test_a_connector_that_is_authorized_held_or_in_a_transaction_may_not(permission: Permission) -> None:
    assert "somebody is authorized" in exercise.refusal(connector(), permission, 1100.0)


def set_to(path: str, value: Any) -> Callable[[ConnectorState], None]:
    def change(state: ConnectorState) -> None:
        holder: Any = state
        *way, last = path.split(".")
        for name in way:
            holder = getattr(holder, name)
        setattr(holder, last, value)

    return change


def raised(code: str) -> Callable[[ConnectorState], None]:
    return lambda state: state.faults.active.__setitem__(code, ActiveFault(since_s=1000.0))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (set_to("equipment", SOCKET._replace(outlet=True)), "a domestic socket"),
        (raised("pilot_shorted"), "a fault is active: pilot_shorted"),
        (set_to("memory.lockout", "contactor_welded"), "a fault is active: contactor_welded"),
        (set_to("vehicle_connected", True), "unplug it first"),
        (set_to("proximity.ampacity_a", 20.0), "unplug it first"),
        (set_to("contactor.coil", True), "not proven open"),
        (set_to("contactor.phase", Contactor.UNKNOWN), "not proven open"),
        (set_to("qualified", False), "still starting"),
        (set_to("pilot_sight.confirmed", ""), "still starting"),
        (set_to("pilot_sight.letter", "-"), "still starting"),
        (set_to("residual.test", SelfTest.ON), "tests itself"),
        (set_to("lock.exercise", LockDrive.LOCK), "tests itself"),
        (raised("temperature_high"), ""),
        (raised("phase_missing"), ""),
    ],
)
def test_one_thing_that_speaks_against_a_trial_is_enough(change: Callable[[ConnectorState], None], words: str) -> None:
    state = connector()
    change(state)
    said = exercise.refusal(state, None, 1100.0)
    assert words in said
    assert bool(said) is bool(words)


# while it runs

LIVE = SAFE._replace(coil=True)


@dataclass
class Always:
    """A part that drives this, for ever."""

    turn: Turn

    def step(self, readings: Readings, now_s: float) -> Turn:
        return self.turn


def trial(part: Part | None = None, equipment: Equipment = SOCKET) -> Exercise:
    return Exercise(equipment, part or Always(Turn(LIVE)), 1000.0)


IDLE = Readings(pilot=PilotLevels(12.0, 12.0, 1.0, 0.0, 1005.0), proximity=Resistance(math.inf, 1005.0))


def pilot_at(high_v: float, sampled_s: float = 1005.0) -> Readings:
    return IDLE._replace(pilot=PilotLevels(high_v, -12.0, 1.0, 0.0, sampled_s))


@pytest.mark.parametrize("readings", [IDLE, pilot_at(-12.0), pilot_at(12.0, 1004.6), pilot_at(10.5)])
@pytest.mark.parametrize("permission", [None, lease(1020.0), lease(1004.9, may=True)])
def test_a_trial_goes_on_while_nothing_is_plugged_in(readings: Readings, permission: Permission | None) -> None:
    running = trial()
    assert running.outputs == SAFE._replace(sample_period_s=0.02)
    assert running.step(readings, permission, 1005.0) == Turn(LIVE)
    assert running.outputs == LIVE


@pytest.mark.parametrize(
    ("readings", "permission", "now_s", "words"),
    [
        (IDLE._replace(trouble="the link is lost"), None, 1005.0, "the link is lost"),
        (IDLE._replace(pilot=None), None, 1005.0, "pilot cannot be read"),
        (pilot_at(math.nan), None, 1005.0, "pilot cannot be read"),
        (pilot_at(12.0, 1004.4), None, 1005.0, "pilot cannot be read"),
        (pilot_at(12.0, 1006.0), None, 1005.0, "pilot cannot be read"),
        (pilot_at(9.0), None, 1005.0, "something was plugged in"),
        (pilot_at(6.0), None, 1005.0, "something was plugged in"),
        (pilot_at(3.0), None, 1005.0, "something was plugged in"),
        (pilot_at(0.0), None, 1005.0, "something was plugged in"),
        (IDLE._replace(proximity=Resistance(4400.0, 1005.0)), None, 1005.0, "a cable was plugged in"),
        (IDLE._replace(proximity=None), None, 1005.0, "a cable was plugged in"),
        (IDLE, lease(1020.0, may=True), 1005.0, "somebody wants to charge"),
        (pilot_at(12.0, 1010.1), None, 1010.1, "longer than 10 s"),
    ],
)
def test_a_trial_ends_with_the_safe_outputs_in_the_step_that_sees(
    readings: Readings, permission: Permission | None, now_s: float, words: str
) -> None:
    running = trial()
    turn = running.step(readings, permission, now_s)
    assert turn.verdict is not None
    assert (turn.outputs, running.outputs, turn.verdict.passed) == (SAFE, SAFE, False)
    assert words in turn.verdict.words


@pytest.mark.parametrize("ohm", [4600.0, math.inf])
def test_an_open_socket_and_a_fixed_cable_have_no_cable_in_them(ohm: float) -> None:
    assert trial().step(IDLE._replace(proximity=Resistance(ohm, 1005.0)), None, 1005.0).verdict is None
    for proximity in (None, Resistance(220.0, 1005.0)):
        assert trial(equipment=FIXED).step(IDLE._replace(proximity=proximity), None, 1005.0).verdict is None


def test_a_trial_may_take_just_under_10_s() -> None:
    assert trial().step(pilot_at(12.0, 1009.9), None, 1009.9).verdict is None


def test_a_part_that_ends_with_power_on_is_switched_off_with_its_verdict() -> None:
    running = trial(Always(Turn(LIVE, Verdict(True, "it is well"))))
    turn = running.step(IDLE, None, 1005.0)
    assert turn == Turn(SAFE, Verdict(True, "it is well"))
    assert running.outputs == SAFE


# the parts


@dataclass
class Parts:
    """What is tried, every 10 ms: contacts, bolt, module and pilot follow with these times; a sample is new each time
    unless it stands still. `edges`: (time since the start, what changed of what is driven)."""

    equipment: Equipment = SOCKET
    close_s: float = 0.03
    open_s: float = 0.02
    lock_s: float = 0.3
    unlock_s: float = 0.3
    trip_s: tuple[float, float] = (0.1, 0.2)
    clear_s: tuple[float, float] = (0.1, 0.2)
    shift: Callable[[PilotLevels], PilotLevels] = lambda levels: levels
    change: Callable[[Readings, float], Readings] = lambda readings, _since_s: readings
    driven: Outputs = SAFE
    since_s: dict[str, float] = field(default_factory=dict)
    edges: list[tuple[float, str, object]] = field(default_factory=list)
    seconds: float = 0.0

    def take(self, outputs: Outputs, now_s: float) -> None:
        for name in ("coil", "lock", "residual_test", "mode", "permille"):
            value = getattr(outputs, name)
            if value != getattr(self.driven, name):
                self.since_s[name] = now_s
                self.edges.append((round(now_s - 1000.0, 2), name, value))
        self.driven = outputs

    def read(self, now_s: float) -> Readings:
        def held(name: str) -> float:
            return now_s - self.since_s.get(name, -1e9) + 1e-9

        driven = self.driven
        closed = held("coil") >= self.close_s if driven.coil else held("coil") < self.open_s
        bolted = self._bolted(held("lock"))
        on, since_s = driven.residual_test, held("residual_test")
        dc, rms = (since_s >= limit_s if on else since_s < limit_s for limit_s in (self.trip_s if on else self.clear_s))
        high_v, low_v = {PilotMode.X1: (12.0, 12.0), PilotMode.F: (-12.0, -12.0)}.get(driven.mode, (12.0, -12.0))
        duty_cycle = {PilotMode.X1: 1.0, PilotMode.F: 0.0}.get(driven.mode, driven.permille / 1000.0)
        hertz = 1000.0 if driven.mode is PilotMode.PWM else 0.0
        readings = Readings(
            pilot=self.shift(PilotLevels(high_v, low_v, duty_cycle, hertz, now_s)),
            mirror=Feedback(closed is not self.equipment.mirror_normally_closed, now_s),
            lock=Feedback(bolted, now_s),
            residual=ResidualCurrent(0.0, 0.0, dc, rms, False, now_s),
        )
        return self.change(readings, now_s - 1000.0)

    def _bolted(self, held_s: float) -> bool:
        was = any(value is LockDrive.LOCK for _, name, value in self.edges if name == "lock")
        if self.driven.lock is LockDrive.LOCK:
            return held_s >= self.lock_s
        return was and not (self.driven.lock is LockDrive.UNLOCK and held_s >= self.unlock_s)

    def tried(self, part: Part) -> Verdict:
        for number in range(2000):
            now_s = 1000.0 + number / 100.0
            turn = part.step(self.read(now_s), now_s)
            self.seconds = number / 100.0
            if turn.verdict is not None:
                assert turn.outputs == SAFE
                return turn.verdict
            assert turn.outputs.sample_period_s == 0.02
            self.take(turn.outputs, now_s)
        raise AssertionError("it does not end")

    def times(self, name: str, value: object) -> list[float]:
        return [at_s for at_s, which, what in self.edges if (which, what) == (name, value)]


def contactor_of(equipment: Equipment) -> Part:
    part = parts.part_of("contactor", equipment)
    assert part is not None
    return part


NORMALLY_CLOSED = SOCKET._replace(mirror_normally_closed=True)


@pytest.mark.parametrize("equipment", [SOCKET, NORMALLY_CLOSED])
def test_a_contactor_is_closed_for_a_second_behind_a_locked_socket(equipment: Equipment) -> None:
    bench = Parts(equipment)
    verdict = bench.tried(contactor_of(equipment))
    assert (verdict.passed, verdict.words) == (True, "the contactor closes and opens")
    assert {name: float(text) for name, text in verdict.measured.items()} == pytest.approx(
        {"closing_ms": 30.0, "opening_ms": 20.0}, abs=11.0
    )
    (locked_s,), (on_s,), (off_s,) = (
        bench.times("lock", LockDrive.LOCK),
        bench.times("coil", True),
        bench.times("coil", False),
    )
    (unlock_s,) = bench.times("lock", LockDrive.UNLOCK)
    assert on_s - locked_s == pytest.approx(0.3, abs=0.021)
    assert off_s - on_s == pytest.approx(1.0, abs=0.021)
    assert unlock_s - off_s == pytest.approx(0.2, abs=0.021), "not before the contacts are open"
    assert bench.seconds - unlock_s == pytest.approx(0.3, abs=0.021)


@pytest.mark.parametrize(
    "equipment", [FIXED, NO_MIRROR._replace(has_lock=False), SOCKET._replace(actuator="without feedback")]
)
def test_without_a_lock_that_says_so_it_only_closes_and_opens(equipment: Equipment) -> None:
    bench = Parts(equipment, change=lambda readings, _: readings._replace(lock=None))
    verdict = bench.tried(contactor_of(equipment))
    assert verdict.passed
    assert ("no mirror contact" in verdict.words) is not equipment.mirror_contact
    assert [name for _, name, _ in bench.edges] == ["coil", "coil"]
    assert bench.times("coil", False)[0] - bench.times("coil", True)[0] == pytest.approx(1.0, abs=0.021)


def test_without_a_mirror_contact_nobody_waits_for_one() -> None:
    bench = Parts(NO_MIRROR, change=lambda readings, _: readings._replace(mirror=None))
    verdict = bench.tried(contactor_of(NO_MIRROR))
    assert (verdict.passed, verdict.measured) == (True, {})


def opens_when_live(readings: Readings, since_s: float) -> Readings:
    return readings._replace(lock=Feedback(False, 1000.0 + since_s)) if since_s >= 0.8 else readings


def silent_when_live(readings: Readings, since_s: float) -> Readings:
    return readings._replace(lock=None) if since_s >= 0.8 else readings


@pytest.mark.parametrize("change", [opens_when_live, silent_when_live])
def test_a_lock_that_opens_or_falls_silent_ends_it_in_that_step(
    change: Callable[[Readings, float], Readings],
) -> None:
    bench = Parts(change=change)
    verdict = bench.tried(contactor_of(SOCKET))
    assert (verdict.passed, verdict.words) == (False, "the lock opened while the output was live")
    assert bench.seconds == pytest.approx(0.8, abs=0.015)


def test_a_lock_that_opens_once_the_contactor_is_open_is_no_fault() -> None:
    bench = Parts()
    bench.change = lambda readings, since_s: (
        readings._replace(lock=Feedback(False, 1000.0 + since_s)) if bench.times("coil", False) else readings
    )
    assert bench.tried(contactor_of(SOCKET)).passed


@pytest.mark.parametrize(
    ("times", "words", "took_s"),
    [
        ({"close_s": 0.19}, "", 0.0),
        ({"close_s": 0.23}, "does not say that it closed", 0.5),
        ({"open_s": 0.19}, "", 0.0),
        ({"open_s": 0.23}, "does not say that it opened", 1.5),
        ({"lock_s": 0.98}, "", 0.0),
        ({"lock_s": 1.03}, "did not follow (lock)", 1.0),
        ({"unlock_s": 0.98}, "", 0.0),
        ({"unlock_s": 1.03}, "did not follow (unlock)", 2.5),
    ],
)
def test_contacts_have_200_ms_and_the_bolt_a_second(times: dict[str, float], words: str, took_s: float) -> None:
    bench = Parts(**times)  # type: ignore[arg-type]
    verdict = bench.tried(contactor_of(SOCKET))
    assert (verdict.passed, words in verdict.words) == (not words, True)
    if words:
        assert bench.seconds == pytest.approx(took_s, abs=0.05)
    if "lock_s" in times and words:
        assert not bench.times("coil", True), "the contactor stays open"


@pytest.mark.parametrize(("name", "closed"), [("lock", True), ("mirror", True), ("lock", None), ("mirror", None)])
def test_what_is_not_read_anew_proves_nothing(name: str, closed: bool | None) -> None:
    old = None if closed is None else Feedback(closed, 999.9)
    without: dict[str, Any] = {name: old}
    bench = Parts(change=lambda readings, _: readings._replace(**without))
    verdict = bench.tried(contactor_of(SOCKET))
    assert not verdict.passed
    assert "did not follow (lock)" in verdict.words if name == "lock" else "say that it closed" in verdict.words


# the lock


@pytest.mark.parametrize(("lock_s", "unlock_s"), [(0.3, 0.5), (0.9, 0.9)])
def test_a_lock_is_driven_forth_and_back_until_its_feedback_says_so_for_50_ms(lock_s: float, unlock_s: float) -> None:
    bench = Parts(lock_s=lock_s, unlock_s=unlock_s)
    verdict = bench.tried(parts.LockPart(True, True))
    assert (verdict.passed, verdict.words) == (True, "the lock moves both ways")
    assert {name: float(text) for name, text in verdict.measured.items()} == pytest.approx(
        {"lock_s": lock_s, "unlock_s": unlock_s}, abs=0.015
    )
    turned_s = bench.times("lock", LockDrive.UNLOCK)[0]
    assert turned_s == pytest.approx(lock_s + 0.05, abs=0.015)
    assert bench.seconds - turned_s == pytest.approx(unlock_s + 0.05, abs=0.015)


@pytest.mark.parametrize("read", [None, Feedback(True, 1000.0)])
def test_a_lock_without_feedback_is_driven_for_a_second_each_way(read: Feedback | None) -> None:
    def shown(readings: Readings, since_s: float) -> Readings:
        return readings._replace(lock=read and Feedback(read.closed, 1000.0 + since_s))

    bench = Parts(change=shown)
    verdict = bench.tried(parts.LockPart(True, False))
    assert (verdict.passed, verdict.words) == (True, "the lock was driven both ways; it has no feedback")
    assert verdict.measured == {"lock_s": "1.00", "unlock_s": "1.00"}
    assert bench.times("lock", LockDrive.UNLOCK) == [pytest.approx(1.0, abs=0.011)]


def stands_still(readings: Readings, _since_s: float) -> Readings:
    return readings._replace(lock=Feedback(True, 999.9))


def silent(readings: Readings, _since_s: float) -> Readings:
    return readings._replace(lock=None)


def late(readings: Readings, since_s: float) -> Readings:
    """Old news, more than half a second late."""
    return readings._replace(lock=Feedback(True, 1000.05) if since_s > 0.6 else None)


def bounces(readings: Readings, since_s: float) -> Readings:
    return readings._replace(lock=Feedback(round(since_s * 100.0) % 4 != 0, 1000.0 + since_s))


@pytest.mark.parametrize("change", [stands_still, silent, late, bounces])
def test_a_lock_that_is_not_read_or_does_not_come_to_rest_fails(change: Callable[[Readings, float], Readings]) -> None:
    bench = Parts(change=change)
    verdict = bench.tried(parts.LockPart(True, True))
    assert (verdict.passed, verdict.words) == (False, "the lock's feedback did not follow within 1 s (lock)")
    assert bench.seconds == pytest.approx(1.05, abs=0.015)


# the residual current module


def test_a_module_trips_and_clears_both_outputs_and_says_how_fast() -> None:
    bench = Parts()
    verdict = bench.tried(parts.ResidualPart(True))
    assert (verdict.passed, verdict.words) == (True, "both outputs trip and clear")
    assert {name: float(text) for name, text in verdict.measured.items()} == pytest.approx(
        {"dc_trip_s": 0.1, "rms_trip_s": 0.2, "dc_clear_s": 0.1, "rms_clear_s": 0.2}, abs=0.015
    )


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ({"trip_s": (0.48, 0.1)}, "trip and clear"),
        ({"trip_s": (0.53, 0.1)}, "did not trip"),
        ({"trip_s": (0.1, 0.53)}, "did not trip"),
        ({"clear_s": (0.48, 0.48)}, "trip and clear"),
        ({"clear_s": (0.53, 0.1)}, "did not clear"),
        ({"clear_s": (0.1, 0.53)}, "did not clear"),
    ],
)
def test_a_module_has_half_a_second_for_each(times: dict[str, tuple[float, float]], words: str) -> None:
    bench = Parts(**times)  # type: ignore[arg-type]
    verdict = bench.tried(parts.ResidualPart(True))
    assert (verdict.passed, words in verdict.words) == ("did not" not in words, True)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (None, "did not trip"),
        (ResidualCurrent(0.0, 0.0, True, True, False, 999.9), "did not trip"),
        (ResidualCurrent(0.0, 0.0, False, False, True, 1000.0), "an error of its own"),
    ],
)
def test_a_module_that_is_silent_or_ill_fails(status: ResidualCurrent | None, words: str) -> None:
    verdict = Parts(change=lambda readings, _: readings._replace(residual=status)).tried(parts.ResidualPart(True))
    assert not verdict.passed
    assert words in verdict.words


@pytest.mark.parametrize("part", [parts.LockPart(False, True), parts.ResidualPart(False)])
def test_what_is_not_fitted_passes(part: Part) -> None:
    verdict = Parts().tried(part)
    assert verdict.passed
    assert "fitted" in verdict.words


# the pilot


def test_the_pilot_is_driven_at_each_level_and_duty_cycle_for_300_ms() -> None:
    bench = Parts()
    verdict = bench.tried(parts.PilotPart())
    assert (verdict.passed, verdict.words) == (True, "levels, duty cycle and frequency are right")
    assert set(verdict.measured) == {"x1", "6_a", "16_a", "32_a", "63_a", "f"}
    assert [value for _, name, value in bench.edges if name == "mode"] == [PilotMode.PWM, PilotMode.F]
    duties = [value for _, name, value in bench.edges if name == "permille"]
    assert duties[:4] == [duty.permille_for(amperes) for amperes in (6.0, 16.0, 32.0, 63.0)]
    assert bench.seconds == pytest.approx(6 * 0.3, abs=0.05)
    assert "Hz" in verdict.measured["16_a"]
    assert "Hz" not in verdict.measured["x1"]


def at(mode: PilotMode, **off: float) -> Callable[[PilotLevels], PilotLevels]:
    def shift(levels: PilotLevels) -> PilotLevels:
        shown = {(12.0, 12.0): PilotMode.X1, (-12.0, -12.0): PilotMode.F}.get(levels[:2], PilotMode.PWM)
        if shown is not mode:
            return levels
        return levels._replace(**{name: getattr(levels, name) + by for name, by in off.items()})

    return shift


@pytest.mark.parametrize("mode", [PilotMode.X1, PilotMode.PWM, PilotMode.F])
@pytest.mark.parametrize(("name", "most"), [("high_v", 1.0), ("low_v", 1.0), ("duty", 0.01), ("frequency_hz", 20.0)])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_level_may_be_1_v_off_a_duty_cycle_1_percent_and_a_frequency_20_hz(
    mode: PilotMode, name: str, most: float, sign: float
) -> None:
    assert Parts(shift=at(mode, **{name: 0.9 * sign * most})).tried(parts.PilotPart()).passed
    verdict = Parts(shift=at(mode, **{name: 1.1 * sign * most})).tried(parts.PilotPart())
    matters = name != "frequency_hz" or mode is PilotMode.PWM
    assert verdict.passed is not matters
    assert ("instead of" in verdict.words) is matters


@pytest.mark.parametrize(("age_s", "counts"), [(0.13, True), (0.17, False)])
def test_a_sample_of_the_second_half_of_a_level_counts(age_s: float, counts: bool) -> None:
    part, told = parts.PilotPart(), []
    for now_s, sampled_s in ((1000.0, 1000.0), (1000.3, 1000.3 - age_s)):
        turn = part.step(Readings(pilot=PilotLevels(12.0, 12.0, 1.0, 0.0, sampled_s)), now_s)
        told.append(turn.outputs.mode)
    assert told == [PilotMode.X1, PilotMode.PWM if counts else PilotMode.X1]


def test_a_pilot_that_is_not_read_gives_no_verdict() -> None:
    part = parts.PilotPart()
    for number in range(100):
        assert part.step(Readings(), 1000.0 + number / 10.0).verdict is None


@pytest.mark.parametrize("equipment", [SOCKET, FIXED, SOCKET._replace(actuator="without feedback")])
def test_every_part_has_its_name(equipment: Equipment) -> None:
    for name in parts.PARTS:
        assert parts.part_of(name, equipment) is not None
    assert parts.part_of("nonsense", equipment) is None
    lock = parts.part_of("lock", equipment)
    assert lock is not None
    verdict = Parts(equipment).tried(lock)
    assert ("no feedback" in verdict.words) is (equipment.actuator == "without feedback")
