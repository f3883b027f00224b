"""The parts of a connector that can be tried out: lock, residual current module, pilot, contactor. Pure."""

from collections.abc import Iterator
from typing import NamedTuple

from hardware.interfaces import LockDrive, PilotMode
from services.safety.panel.exercise import STEP_S, Part, Turn, Verdict
from services.safety.state import SAFE, Equipment, Readings, due
from services.safety.timings import FEEDBACK_VALID_S, LOCK_DRIVE_S, LOCK_SETTLED_S


class LockPart:
    """Forth and back, each until the feedback says so, or for the full time where there is none."""

    def __init__(self, fitted: bool, feedback: bool) -> None:
        self._fitted, self._feedback = fitted, feedback
        self._todo = [LockDrive.LOCK, LockDrive.UNLOCK]
        self._since_s: float | None = None
        self._there_s: float | None = None
        self._measured: dict[str, str] = {}

    def step(self, readings: Readings, now_s: float) -> Turn:
        if not self._fitted:
            return Turn(SAFE, Verdict(True, "no lock is fitted"))
        direction = self._todo[0]
        self._since_s = now_s if self._since_s is None else self._since_s
        read = readings.lock
        there = self._feedback and read is not None and read.closed is (direction is LockDrive.LOCK)
        fresh = read is not None and now_s - read.sampled_s <= FEEDBACK_VALID_S and read.sampled_s >= self._since_s
        self._there_s = (now_s if self._there_s is None else self._there_s) if there and fresh else None
        settled = self._there_s is not None and due(self._there_s, LOCK_SETTLED_S, now_s)
        timed_out = due(self._since_s, LOCK_DRIVE_S + (LOCK_SETTLED_S if self._feedback else 0.0), now_s)
        if settled or (timed_out and not self._feedback):
            took_s = (self._there_s if self._there_s is not None else now_s) - self._since_s
            self._measured[f"{direction.value}_s"] = f"{took_s:.2f}"
            self._todo.pop(0)
            self._since_s = self._there_s = None
            if not self._todo:
                how = "moves both ways" if self._feedback else "was driven both ways; it has no feedback"
                return Turn(SAFE, Verdict(True, f"the lock {how}", self._measured))
            return Turn(SAFE._replace(lock=self._todo[0], sample_period_s=STEP_S))
        if timed_out:
            words = f"the lock's feedback did not follow within {LOCK_DRIVE_S:g} s ({direction.value})"
            return Turn(SAFE, Verdict(False, words, self._measured))
        return Turn(SAFE._replace(lock=direction, sample_period_s=STEP_S))


ANSWER_S = 0.5


class ResidualPart:
    """Test winding on: both outputs trip; off: both clear."""

    def __init__(self, fitted: bool) -> None:
        self._fitted = fitted
        self._on = True
        self._since_s: float | None = None
        self._measured: dict[str, str] = {}

    def step(self, readings: Readings, now_s: float) -> Turn:
        if not self._fitted:
            return Turn(SAFE, Verdict(True, "no residual current module is fitted"))
        self._since_s = now_s if self._since_s is None else self._since_s
        status = readings.residual
        if status is not None and status.device_error:
            return Turn(SAFE, Verdict(False, "the residual current module reports an error of its own"))
        if status is not None and status.sampled_s >= self._since_s:
            for name, tripped in (("dc", status.dc_tripped), ("rms", status.rms_tripped)):
                place = f"{name}_{'trip' if self._on else 'clear'}_s"
                if tripped is self._on and place not in self._measured:
                    self._measured[place] = f"{status.sampled_s - self._since_s:.3f}"
        wanted = 2 if self._on else 4
        if len(self._measured) == wanted and self._on:
            self._on, self._since_s = False, None
        elif len(self._measured) == wanted:
            return Turn(SAFE, Verdict(True, "both outputs trip and clear", self._measured))
        elif due(self._since_s, ANSWER_S, now_s):
            words = f"an output did not {'trip' if self._on else 'clear'} within {ANSWER_S:g} s"
            return Turn(SAFE, Verdict(False, words, self._measured))
        return Turn(SAFE._replace(residual_test=self._on, sample_period_s=STEP_S))


class PilotPoint(NamedTuple):
    mode: PilotMode
    permille: int
    name: str


HOLD_S = 0.3
SWEEP = (
    PilotPoint(PilotMode.X1, SAFE.permille, "x1"),
    PilotPoint(PilotMode.PWM, 100, "6_a"),
    PilotPoint(PilotMode.PWM, 266, "16_a"),
    PilotPoint(PilotMode.PWM, 533, "32_a"),
    PilotPoint(PilotMode.PWM, 892, "63_a"),
    PilotPoint(PilotMode.F, SAFE.permille, "f"),
)
LEVEL_TOLERANCE_V, DUTY_TOLERANCE, FREQUENCY_TOLERANCE_HZ = 1.0, 0.01, 20.0


class PilotPart:
    """Every kind of output for 0.3 s: levels, duty cycle and frequency are read back."""

    def __init__(self) -> None:
        self._todo = list(SWEEP)
        self._since_s: float | None = None
        self._measured: dict[str, str] = {}
        self._wrong: list[str] = []

    def step(self, readings: Readings, now_s: float) -> Turn:
        self._since_s = now_s if self._since_s is None else self._since_s
        point, levels = self._todo[0], readings.pilot
        if due(self._since_s, HOLD_S, now_s) and levels is not None and levels.sampled_s > self._since_s + HOLD_S / 2:
            low = f" {levels.low_v:.2f} V" if point.mode is PilotMode.PWM else ""
            how = f" {100.0 * levels.duty:.1f} % {levels.frequency_hz:.0f} Hz" if low else ""
            self._measured[point.name] = f"{levels.high_v:.2f} V{low}{how}"
            self._wrong += _wrong_with(point, readings)
            self._todo.pop(0)
            self._since_s = now_s
        if not self._todo:
            words = "; ".join(self._wrong) or "levels, duty cycle and frequency are right"
            return Turn(SAFE, Verdict(not self._wrong, words, self._measured))
        point = self._todo[0]
        return Turn(SAFE._replace(mode=point.mode, permille=point.permille, sample_period_s=STEP_S))


def _wrong_with(point: PilotPoint, readings: Readings) -> Iterator[str]:
    levels = readings.pilot
    assert levels is not None
    high_v = -12.0 if point.mode is PilotMode.F else 12.0
    low_v = 12.0 if point.mode is PilotMode.X1 else -12.0
    if abs(levels.high_v - high_v) > LEVEL_TOLERANCE_V or abs(levels.low_v - low_v) > LEVEL_TOLERANCE_V:
        yield f"{point.name}: {levels.high_v:.2f} V and {levels.low_v:.2f} V instead of {high_v:g} V and {low_v:g} V"
    duty = {PilotMode.X1: 1.0, PilotMode.F: 0.0}.get(point.mode, point.permille / 1000.0)
    if abs(levels.duty - duty) > DUTY_TOLERANCE:
        yield f"{point.name}: duty cycle {100.0 * levels.duty:.1f} % instead of {100.0 * duty:.1f} %"
    if point.mode is PilotMode.PWM and abs(levels.frequency_hz - 1000.0) > FREQUENCY_TOLERANCE_HZ:
        yield f"{point.name}: {levels.frequency_hz:.0f} Hz instead of 1000 Hz"


CLOSED_S = 1.0
CONTACT_S = 0.2


class ContactorPart:
    """Closes for a second with nothing connected, and opens. Only on the explicit wish of a person: the output is live
    meanwhile. An empty socket is locked first, so that nothing can be put in."""

    def __init__(self, equipment: Equipment) -> None:
        self._mirror, self._normally_closed = equipment.mirror_contact, equipment.mirror_normally_closed
        self._bolted = equipment.has_lock and equipment.actuator != "without feedback"
        self._todo = ["lock", "close", "open", "unlock"] if self._bolted else ["close", "open"]
        self._since_s: float | None = None
        self._measured: dict[str, str] = {}

    def step(self, readings: Readings, now_s: float) -> Turn:
        self._since_s = now_s if self._since_s is None else self._since_s
        wrong = self._bolt(readings, now_s) if self._todo[0] in ("lock", "unlock") else self._switch(readings, now_s)
        if wrong:
            return Turn(SAFE, Verdict(False, wrong, self._measured))
        if not self._todo:
            proven = "closes and opens" if self._mirror else "was switched; it has no mirror contact"
            return Turn(SAFE, Verdict(True, f"the contactor {proven}", self._measured))
        drive = {"lock": LockDrive.LOCK, "unlock": LockDrive.UNLOCK}.get(self._todo[0], LockDrive.STOP)
        return Turn(SAFE._replace(coil=self._todo[0] == "close", lock=drive, sample_period_s=STEP_S))

    def _next(self) -> None:
        self._todo.pop(0)
        self._since_s = None

    def _bolt(self, readings: Readings, now_s: float) -> str:
        since_s, read = self._since_s, readings.lock
        assert since_s is not None
        if read is not None and read.sampled_s >= since_s and read.closed is (self._todo[0] == "lock"):
            self._next()
        elif due(since_s, LOCK_DRIVE_S, now_s):
            return f"the lock's feedback did not follow ({self._todo[0]})"
        return ""

    def _switch(self, readings: Readings, now_s: float) -> str:
        since_s, read, coil = self._since_s, readings.mirror, self._todo[0] == "close"
        assert since_s is not None
        place = "closing_ms" if coil else "opening_ms"
        if read is not None and (read.closed is not self._normally_closed) is coil and read.sampled_s >= since_s:
            self._measured.setdefault(place, f"{1000.0 * (read.sampled_s - since_s):.0f}")
        if coil and self._bolted and (readings.lock is None or not readings.lock.closed):
            return "the lock opened while the output was live"
        if self._mirror and place not in self._measured and due(since_s, CONTACT_S, now_s):
            return f"the mirror contact does not say that it {'closed' if coil else 'opened'}"
        if due(since_s, CLOSED_S if coil else CONTACT_S, now_s):
            self._next()
        return ""


def part_of(what: str, equipment: Equipment) -> Part | None:
    """None = there is nothing of this name."""
    match what:
        case "lock":
            return LockPart(equipment.has_lock, equipment.actuator != "without feedback")
        case "residual":
            return ResidualPart(equipment.residual_sensor)
        case "pilot":
            return PilotPart()
        case "contactor":
            return ContactorPart(equipment)
    return None


PARTS = ("lock", "residual", "pilot", "contactor")
