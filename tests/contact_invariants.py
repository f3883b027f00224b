"""Books of the invariants about contacts, lock, wear and phases: 6, 7, 12, 13, 15, 16, 21, 23, 34, per configuration.

They know only what went in and what came out. What a configuration weakens is written here a second time:
without feedback of the lock "locked" means driven for a second and no contrary reading; without a sensor nothing is
known of the contacts; the 230 V input is asked 1 s after the vehicle has left.
"""

from dataclasses import dataclass, field
from typing import Any

from hardware.interfaces import Feedback, LockDrive, PilotMode
from services.safety.state import Equipment

TINY = 1e-5
LIVE_V = 50.0
BOUNCE_S = 0.025 + TINY
"""A shorter state A is no unplugging."""


def equipment_of(mounted: Equipment, settings: Any) -> Equipment:
    """As the keys have it: CableAttached, EOActuatorType, WeldCheck."""
    fixed = settings.cable_attached is True
    return mounted._replace(
        socket=mounted.socket and not fixed,
        has_lock=mounted.has_lock and not fixed,
        mirror_contact=mounted.mirror_contact or settings.weld_check == "Mirror contact",
        actuator=settings.actuator.lower() or mounted.actuator,
    )


def _contact_readings(equipment: Equipment, record: Any) -> dict[str, tuple[Feedback | None, float]]:
    """By sensor: whether it shows closed contacts, and how long a reading counts."""
    settings, readings = record.settings, record.readings
    found: dict[str, tuple[Feedback | None, float]] = {}
    closed_circuit_is_open = settings.weld_input_type == "Normally closed"
    if equipment.mirror_contact:
        by_key = settings.weld_check == "Mirror contact"
        opens = closed_circuit_is_open if by_key else equipment.mirror_normally_closed
        shown = readings.mirror
        found["mirror"] = (None if shown is None else Feedback(shown.closed is not opens, shown.sampled_s), 0.5)
    if settings.weld_check.startswith("Opto input"):
        name = f"opto_{settings.weld_check[-1]}"
        shown = readings.inputs.get(name)
        if shown is not None:
            circuit = shown.closed is not (name in equipment.normally_closed)
            shown = Feedback(circuit is not closed_circuit_is_open, shown.sampled_s)
        found[name] = (shown, 2.5)
    if equipment.output_sense:
        voltages = readings.output_voltage
        wired = [] if voltages is None else list(voltages[: equipment.phases])
        if voltages is None or (
            any(not 0.0 <= value <= 1000.0 for value in wired) and not any(LIVE_V < value <= 1000.0 for value in wired)
        ):
            found["voltage"] = (None, 2.5)
        else:
            found["voltage"] = (Feedback(any(LIVE_V < v <= 1000.0 for v in wired), voltages.sampled_s), 2.5)
    return found


@dataclass
class Shown:
    """One sensor of the contacts."""

    stamp_s: float = -1.0
    closed_s: float | None = None
    open_s: float | None = None


@dataclass
class ContactBook:
    sensors: dict[str, Shown] = field(default_factory=dict)
    equipment: Equipment | None = None
    d_since_s: float | None = None
    """Stamp of the first sample of the present run of state D."""
    cd_since_s: float | None = None
    seen_b: bool = False
    a_since_s: float | None = None
    """Stamp of the first sample of the present run of state A: a plug that bounces shows it too."""
    lock_since_s: float | None = None
    """Since when the motor has been driven to lock."""
    lock_driven: bool = False
    """It was driven to lock for a second, and not to unlock since."""
    relay_s: float = -1e9
    """When the relay of L2 and L3 was commanded elsewhere last."""
    relay: int = 0
    counts: tuple[int, int, int] | None = None
    begun_s: float = -1e9
    """When everything was proven anew last."""

    def copy(self) -> "ContactBook":
        twin = ContactBook(**{name: getattr(self, name) for name in self.__dataclass_fields__})
        twin.sensors = {name: Shown(one.stamp_s, one.closed_s, one.open_s) for name, one in self.sensors.items()}
        return twin

    @property
    def senses(self) -> bool:
        return bool(self.sensors)

    @property
    def closed_s(self) -> float | None:
        """Since when any sensor has shown closed contacts."""
        times = [one.closed_s for one in self.sensors.values() if one.closed_s is not None]
        return min(times, default=None)

    @property
    def open_s(self) -> float | None:
        """Since when every sensor has shown open contacts; None = they do not, or one is silent."""
        times = [one.open_s for one in self.sensors.values()]
        known = [at_s for at_s in times if at_s is not None]
        return max(known) if known and len(known) == len(times) else None

    def see(self, mounted: Equipment, record: Any, letter: str) -> None:
        if record.started:
            self.sensors, self.seen_b, self.lock_driven, self.lock_since_s = {}, False, False, None
            self.d_since_s = self.cd_since_s = self.a_since_s = None
            self.relay, self.relay_s, self.counts = 0, -1e9, None
        if any(event.name == "restarted" for event in record.events):
            self.begun_s = record.now_s
        self.equipment = equipment_of(mounted, record.settings)
        read = _contact_readings(self.equipment, record)
        # a key may have taken a sensor away, or named another one
        self.sensors = {name: self.sensors.get(name) or Shown() for name in read}
        for name, (feedback, valid_s) in read.items():
            _take(self.sensors[name], feedback, valid_s, record.now_s)
        self._vehicle(record, letter)
        self._lock(record)

    def _vehicle(self, record: Any, letter: str) -> None:
        stamp_s = record.readings.pilot.sampled_s if record.readings.pilot is not None else record.now_s
        self.d_since_s = None if letter != "D" else stamp_s if self.d_since_s is None else self.d_since_s
        in_cd = letter in ("C", "D")
        self.cd_since_s = None if not in_cd else stamp_s if self.cd_since_s is None else self.cd_since_s
        self.a_since_s = None if letter != "A" else stamp_s if self.a_since_s is None else self.a_since_s
        left = self.a_since_s is not None and record.now_s - self.a_since_s >= BOUNCE_S
        self.seen_b = letter == "B" or (self.seen_b and not left)

    def _lock(self, record: Any) -> None:
        if self.lock_since_s is not None and record.now_s - self.lock_since_s >= 1.0 - TINY:
            self.lock_driven = True
        drive = record.outputs.lock
        if drive is LockDrive.UNLOCK:
            self.lock_driven = False
        if drive is not LockDrive.LOCK:
            self.lock_since_s = None
        elif self.lock_since_s is None:
            self.lock_since_s = record.now_s

    def after(self, record: Any) -> None:
        self.counts = _counts(record)


def _take(shown: Shown, feedback: Feedback | None, valid_s: float, now_s: float) -> None:
    if feedback is None or feedback.sampled_s <= shown.stamp_s:
        if now_s - shown.stamp_s > valid_s:
            shown.closed_s = shown.open_s = None
        return
    if feedback.sampled_s - shown.stamp_s > valid_s:
        shown.closed_s = shown.open_s = None
    shown.stamp_s = feedback.sampled_s
    if feedback.closed:
        shown.open_s = None
        shown.closed_s = feedback.sampled_s if shown.closed_s is None else shown.closed_s
    else:
        shown.closed_s = None
        shown.open_s = feedback.sampled_s if shown.open_s is None else shown.open_s


def _counts(record: Any) -> tuple[int, int, int]:
    shown = record.shown
    return shown.contactor_cycles, shown.contactor_load_cycles, shown.plug_cycles


def unlocked_words(checker: Any, record: Any) -> str:
    """6: what is wrong with the lock while the coil is on."""
    book = checker.contacts
    equipment, feedback = book.equipment, record.readings.lock
    if not equipment.has_lock:
        return ""
    fresh = feedback is not None and record.now_s - feedback.sampled_s <= 0.5 + TINY
    if equipment.actuator == "without feedback":
        contrary = fresh and feedback is not None and not feedback.closed
        return "" if book.lock_driven and not contrary else "plug not driven to lock for a second"
    return "" if fresh and feedback is not None and feedback.closed else "plug not locked"


def seven(checker: Any, record: Any) -> str:
    book, outputs = checker.contacts, record.outputs
    if not outputs.coil or book.d_since_s is None or record.now_s - book.d_since_s <= 0.15 + TINY:
        return ""
    if book.equipment.ventilation and not record.settings.pause_in_state_d:
        return "" if outputs.ventilation else "state D without ventilation"
    if record.settings.pause_in_state_d:
        return "coil on in state D, which PauseChargingStateD forbids"
    return "offers current in state D without ventilation" if outputs.mode is PilotMode.PWM else ""


def fifteen(checker: Any, record: Any) -> str:
    asserted = record.outputs.shunt_trip
    wanted = checker.welded and record.settings.weld_auxiliary
    if asserted and not checker.welded:
        return "shunt trip without a weld"
    return "a weld without shunt trip" if wanted and not asserted and not record.failed else ""


def twenty_one(checker: Any, record: Any) -> str:
    before, now = checker.contacts.counts, _counts(record)
    if before is None or record.preset:
        return ""
    return f"a counter fell: {before}, {now}" if any(b < a for a, b in zip(before, now, strict=True)) else ""


def twenty_three(checker: Any, record: Any) -> str:
    book, outputs = checker.contacts, record.outputs
    feedback = record.readings.phase_relay
    if outputs.phases and outputs.phases != book.relay:
        stands = None if feedback is None else 3 if feedback.closed else 1
        moves = outputs.phases != stands
        book.relay = outputs.phases
        if moves:
            if record.now_s - book.relay_s < 10.0 - TINY:
                return "the phase relay is switched twice within 10 s"
            book.relay_s = record.now_s
            if outputs.coil or (book.senses and book.open_s is None):
                return "the phase relay is switched with a pole closed"
    if outputs.coil and record.now_s - book.relay_s < 10.0 - TINY:
        return "closed less than 10 s after the phase relay was switched"
    return ""


def thirty_four(checker: Any, record: Any) -> str:
    book = checker.contacts
    if book.seen_b or book.cd_since_s is None or record.now_s - book.cd_since_s <= 0.15:
        return ""
    return "more than 10 A for a simplified pilot" if record.shown.offered_a > 10.0 + TINY else ""


def thirty_five(checker: Any, record: Any) -> str:
    """State D without ventilation: told by its fault, and no power; that it is told once is 24."""
    book = checker.contacts
    if book.d_since_s is None or (book.equipment.ventilation and not record.settings.pause_in_state_d):
        return ""
    lasts_s = record.now_s - max(book.d_since_s, checker.start_s, book.begun_s)
    if lasts_s > 1.0 and "ventilation_required" not in record.shown.faults:
        return "state D is refused and nobody is told"
    return "coil on in state D that is refused" if record.outputs.coil and lasts_s > 6.2 else ""
