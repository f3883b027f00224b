"""The safety invariants as a checker for any recorded sequence of (readings, permission, outputs, time).

The numbers are those of the safety invariants: RULES, IN_EVENTS and ELSEWHERE have all forty of them.
The checker keeps its own books: it reads no state of the core, only what went in and what came out.
"""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from hardware.interfaces import LockDrive, PilotMode
from schemas.faults import FAULTS, FaultClass
from schemas.safety import PilotState, SafetyConnector
from schemas.session import Permission
from services.safety.settings import SafetySettings
from services.safety.state import Equipment, Event, Outputs, Readings
from tests import contact_invariants, panel_invariants
from tests.contact_invariants import ContactBook
from tests.residual_invariants import ResidualBook

STOPPING = {FaultClass.STOP, FaultClass.LATCH, FaultClass.LOCKOUT}
TINY = 1e-5
OF_THE_MODULE = {
    "residual_current_dc",
    "residual_current_rms",
    "residual_sensor_failed",
    "residual_self_test_failed",
}
WINDOWS = {"A": (11, 13), "B": (8, 10), "C": (5, 7), "D": (2, 4), "E": (-1, 1), "F": (-13, -11)}


class Record(NamedTuple):
    """One step of one connector."""

    now_s: float
    readings: Readings
    permission: Permission | None
    outputs: Outputs
    events: tuple[Event, ...]
    shown: SafetyConnector
    settings: SafetySettings
    started: bool = False
    """The first step of a process."""
    failed: bool = False
    """An exception was thrown inside the step."""
    service_reset: bool = False
    """A person reset the lockout before this step."""
    preset: bool = False
    """A person set a counter before this step."""
    begun_s: float | None = None
    """When everything was begun anew since the step before, with the coil off; None = with this step, if at all."""


def check(equipment: Equipment, history: list[Record]) -> None:
    """Raises AssertionError naming invariant and time."""
    checker = Checker(equipment)
    for record in history:
        checker.see(record)


def letter(readings: Readings, now_s: float, valid_s: float) -> str:
    """ "" = missing, stale or impossible."""
    levels = readings.pilot
    if levels is None or not all(math.isfinite(value) for value in levels):
        return ""
    if abs(levels.high_v) > 15 or abs(levels.low_v) > 15 or now_s - levels.sampled_s > valid_s + TINY:
        return ""
    return next((name for name, (low, high) in WINDOWS.items() if low <= levels.high_v <= high), "-")


def carries(ohm: float) -> float:
    """Ampacity by the coding table, written down a second time."""
    if math.isnan(ohm) or ohm < 60 or ohm > 4500:
        return 0.0
    return 63.0 if ohm <= 140 else 32.0 if ohm <= 308 else 20.0 if ohm <= 936 else 13.0


def amperes(permille: int) -> float:
    return permille * 0.06 if permille <= 850 else (permille - 640) * 0.25


def warmth(record: Record, sensor: str) -> float | None:
    """None = missing, stale or impossible."""
    sample = record.readings.temperatures.get(sensor)
    if sample is None or not -60 <= sample.celsius <= 150 or record.now_s - sample.sampled_s > 5.0 + TINY:
        return None
    return sample.celsius


def housing_c(equipment: Equipment, record: Record) -> float | None:
    if "housing" in equipment.temperatures and (own_c := warmth(record, "housing")) is not None:
        return own_c
    board_c = warmth(record, "cpu") if "cpu" in equipment.temperatures else None
    return None if board_c is None else board_c + record.settings.ambient_delta_c


@dataclass
class Checker:
    equipment: Equipment
    before: Record | None = None
    start_s: float = 0.0
    coil: bool = False
    on_s: float = -1e9
    off_s: float = -1e9
    on_edges: list[float] = field(default_factory=list)
    seen_s: float = -1e9
    left_cd_s: float | None = -1e9
    """Stamp of the first sample outside C and D after the last one inside."""
    allowed_s: float = -1e9
    """When the session last allowed charging."""
    refused_s: float | None = None
    """Since when a lease in force says that there is no permission."""
    fault_s: float = -1e9
    """When a fault last stopped power."""
    pause_s: dict[str, float] = field(default_factory=dict)
    active: dict[str, float] = field(default_factory=dict)
    cleared: dict[str, float] = field(default_factory=dict)
    pwm_s: float | None = None
    good_diode_s: float | None = None
    bad_diode_s: float | None = None
    duty_s: float = -1e9
    offer_end_s: float = -1e9
    proximity_good_s: float = -1e9
    carried: list[tuple[float, float]] = field(default_factory=list)
    mirror_closed_s: float | None = None
    """Since when any sensor of the contacts has shown them closed."""
    mirror_open_s: float | None = None
    """Since when all of them have shown them open."""
    live_by_meter: bool = False
    """The meter answers, and its newest sample from 2 s after the coil went off shows a current."""
    meter_s: float = -1.0
    stopped: bool = False
    """A fault has stopped power since the last closing."""
    recoveries: int = 0
    """Closings after such a stop, since the vehicle was plugged in."""
    sample_s: float = math.inf
    """Stamp of the newest pilot sample."""
    answers_since_s: float = -1e9
    """The board has answered without a gap since then."""
    welded: bool = False
    a_since_s: float | None = None
    plugged: bool = False
    wants: bool = False
    powered: bool = False
    hot_since_s: float | None = None
    """Since when the housing has been at TempStopThreshold2 or above."""
    derated: bool = False
    """The housing was at TempReduceThreshold1 or above and has not been seen 3 K below since."""

    residual: ResidualBook = field(default_factory=ResidualBook)
    contacts: ContactBook = field(default_factory=ContactBook)

    def journal_proof(self, proven: bool, tested_s: float) -> None:
        """What a journal says of a self-test that this checker has not seen."""
        self.residual.tested_s = tested_s if proven else None

    def see(self, record: Record) -> None:
        if record.service_reset:
            self.welded = False
        self._inputs(record)
        self._events(record)
        for number, rule in RULES.items():
            wrong = rule(self, record)
            assert not wrong, f"invariant {number} at {record.now_s:.3f} s: {wrong}\n{record}"
        self._after(record)

    # its own books

    def _inputs(self, record: Record) -> None:
        now_s, readings = record.now_s, record.readings
        if record.started:
            self.start_s, self.coil = now_s, False
            self.on_s = self.off_s = now_s if record.begun_s is None else record.begun_s
            self.active, self.cleared, self.pwm_s = {}, {}, None
            self.plugged = self.wants = self.powered = False
            self.duty_s = self.offer_end_s = -1e9
            self.a_since_s = None
            self.seen_s = -1.0
            self.left_cd_s = -1e9
            self.before = None
            self.hot_since_s, self.derated = None, False
            self.live_by_meter, self.meter_s = False, -1.0
            self.stopped, self.recoveries = False, 0
            self.sample_s, self.answers_since_s = math.inf, -1e9
        elif record.begun_s is not None:
            self.on_s = self.off_s = record.begun_s
            self.before = self.pwm_s = None
        self._warmth(record)
        self._current(record)
        seen = letter(readings, now_s, 0.5)
        if seen and readings.pilot is not None and readings.pilot.sampled_s > self.seen_s:
            self.seen_s = readings.pilot.sampled_s
            if seen in ("C", "D"):
                self.left_cd_s = None
            elif self.left_cd_s is None:
                self.left_cd_s = self.seen_s
        self._diode(record, seen)
        # State F hides the vehicle: it has neither come nor gone.
        in_a = seen == "A" or (seen == "F" and self.residual.in_a)
        self.residual.see(now_s, readings.residual, record.outputs, in_a, record.started)
        told = "residual_current_dc" in record.shown.faults
        flowed_s = now_s if self.coil else max(self.off_s, self.start_s)
        self.residual.watch_rcd(now_s, readings, record.settings, told, flowed_s)
        if record.shown.state is PilotState.BOOT or record.outputs.residual_test:
            self.residual.unjudged_s = now_s
        if readings.proximity is not None and carries(readings.proximity.ohm) > 0:
            self.proximity_good_s = now_s if now_s - readings.proximity.sampled_s <= 0.5 else self.proximity_good_s
            self.carried.append((now_s, carries(readings.proximity.ohm)))
        self.carried = [(at_s, a) for at_s, a in self.carried if now_s - at_s <= 0.08]
        levels = readings.pilot
        stamp_s = levels.sampled_s if levels is not None else -math.inf
        silent = seen == "" or now_s - stamp_s > 0.05 + TINY
        if silent or readings.trouble or stamp_s - self.sample_s > 0.04:
            self.answers_since_s = now_s
        self.sample_s = stamp_s
        self.contacts.see(self.equipment, record, seen)
        self.mirror_closed_s, self.mirror_open_s = self.contacts.closed_s, self.contacts.open_s
        lease = record.permission
        if lease is not None and lease.may_charge and now_s < lease.until_s and lease.limit_a >= 6.0:
            self.allowed_s = now_s
        in_force = self.lease(record)
        refuses = in_force is not None and not in_force.may_charge
        self.refused_s = None if not refuses else now_s if self.refused_s is None else self.refused_s

    def _current(self, record: Record) -> None:
        meter = record.readings.meter
        if self.coil:
            self.live_by_meter = False
        elif meter is not None and meter.answers and -0.05 <= record.now_s - meter.sampled_s <= 5.0:
            new, self.meter_s = meter.sampled_s > self.meter_s, meter.sampled_s
            known = meter.current_a is not None and all(abs(amperes) <= 1000.0 for amperes in meter.current_a)
            if new and known and meter.current_a is not None and meter.sampled_s >= self.off_s + 2.0:
                self.live_by_meter = any(abs(a) > 0.5 for a in meter.current_a[: self.equipment.phases])
        else:
            self.live_by_meter = False

    def _warmth(self, record: Record) -> None:
        celsius = housing_c(self.equipment, record)
        if celsius is None:
            return
        hot = celsius >= record.settings.stop_above_c
        self.hot_since_s = None if not hot else record.now_s if self.hot_since_s is None else self.hot_since_s
        if celsius >= record.settings.reduce_above_c:
            self.derated = True
        elif celsius <= record.settings.reduce_above_c - 3.0:
            self.derated = False

    def _diode(self, record: Record, seen: str) -> None:
        levels = record.readings.pilot
        if self.pwm_s is None or levels is None or seen not in ("B", "C", "D") or levels.sampled_s <= self.pwm_s:
            return
        settled = levels.sampled_s - self.pwm_s >= 0.05
        if not settled or self.before is None or self.before.outputs.mode is not PilotMode.PWM:
            return
        if -13 <= levels.low_v <= -11:
            self.good_diode_s = levels.sampled_s if self.good_diode_s is None else self.good_diode_s
            self.bad_diode_s = None
        else:
            self.bad_diode_s = levels.sampled_s if self.bad_diode_s is None else self.bad_diode_s

    def _events(self, record: Record) -> None:
        now_s, outputs = record.now_s, record.outputs
        if outputs.coil and not self.coil:
            before_s = self.on_edges[-1] if self.on_edges else -1e9
            before_s = max(before_s, self.start_s, self.off_s)
            assert now_s - before_s >= 5.0 - TINY, f"invariant 20 at {now_s}: closed again too soon"
            assert now_s - self.fault_s >= 30.0 - TINY, f"invariant 20 at {now_s}: closed too soon after a fault"
            self.recoveries, self.stopped = self.recoveries + self.stopped, False
            assert self.recoveries <= 3, f"R3 at {now_s}: power comes back by itself for the fourth time"
            self.on_s = now_s
            self.on_edges.append(now_s)
            hour = [edge for edge in self.on_edges if edge > now_s - 3600]
            assert len(hour) <= 12, f"invariant 20 at {now_s}: {len(hour)} closings within an hour"
        elif self.coil and not outputs.coil:
            self.off_s = now_s
        self.coil = outputs.coil
        for event in record.events:
            self._event(event, now_s)

    def _event(self, event: Event, now_s: float) -> None:
        name, code = event.name, event.detail
        if name == "fault_raised":
            assert code not in self.active, f"invariant 24 at {now_s}: {code} raised twice"
            assert now_s - self.cleared.get(code, -1e9) >= 0.25 - TINY, f"invariant 24 at {now_s}: {code} flaps"
            self.active[code] = now_s
            if FAULTS[code].fault_class in STOPPING:
                self.fault_s, self.stopped = now_s, self.a_since_s is None
            self.welded = self.welded or code == "contactor_welded"
        elif name == "fault_cleared":
            assert code in self.active, f"invariant 24 at {now_s}: {code} cleared without being raised"
            assert now_s - self.active.pop(code) >= 0.25 - TINY, f"invariant 24 at {now_s}: {code} flaps"
            self.cleared[code] = now_s
        pairs = {
            "plugged": ("plugged", False, True),
            "unplugged": ("plugged", True, False),
            "power_requested": ("wants", False, True),
            "power_request_ended": ("wants", True, False),
            "power_on": ("powered", False, True),
            "power_off": ("powered", True, False),
        }
        if name in pairs:
            flag, expected, new = pairs[name]
            assert getattr(self, flag) is expected, f"invariant 25 at {now_s}: {name} twice"
            setattr(self, flag, new)
            assert self.plugged or not self.wants, f"invariant 25 at {now_s}: {name}, wanting power while unplugged"

    def _after(self, record: Record) -> None:
        now_s, outputs = record.now_s, record.outputs
        was_pwm = self.before is not None and self.before.outputs.mode is PilotMode.PWM
        is_pwm = outputs.mode is PilotMode.PWM
        if is_pwm and not was_pwm:
            self.pwm_s, self.good_diode_s, self.bad_diode_s = now_s, None, None
        if is_pwm and (not was_pwm or (self.before and self.before.outputs.permille != outputs.permille)):
            self.duty_s = now_s
        if was_pwm and not is_pwm:
            self.offer_end_s = now_s
        if any(event.name == "unplugged" for event in record.events):
            self.offer_end_s = -1e9
            self.stopped, self.recoveries = False, 0
        in_a = record.shown.state is PilotState.A
        self.a_since_s = None if not in_a else now_s if self.a_since_s is None else self.a_since_s
        if self.a_since_s is not None and now_s - self.a_since_s >= 1.0 - TINY:
            self.on_edges = self.on_edges[-1:]
        self.contacts.after(record)
        self.before = record

    # what the rules ask

    def lease(self, record: Record) -> Permission | None:
        lease = record.permission
        return lease if lease is not None and record.now_s < lease.until_s else None


def _one(checker: Checker, record: Record) -> str:
    """Coil on: the pilot was in C or D at most 50 ms ago (a level between the windows is no new state until then)."""
    if not record.outputs.coil:
        return ""
    if record.now_s - checker.seen_s > 0.05 + TINY:
        return "no fresh sample"
    left_s = checker.left_cd_s
    return "C or D left 50 ms ago" if left_s is not None and record.now_s - left_s > 0.05 + TINY else ""


def _two(checker: Checker, record: Record) -> str:
    if not record.outputs.coil:
        return ""
    bad_s = checker.bad_diode_s
    if not record.settings.diode_before_closing:
        # CPDiodeDetection off: judged from the closing on.
        bad_s = None if bad_s is None else max(bad_s, checker.on_s)
    elif checker.good_diode_s is None:
        return "diode not proven since PWM began"
    return "diode bad for 120 ms" if bad_s is not None and record.now_s - bad_s > 0.12 + TINY else ""


def _three(checker: Checker, record: Record) -> str:
    """And a trip that lasts is told, whatever the coil does."""
    if not checker.equipment.residual_sensor:
        return ""
    stops = not record.settings.residual_mode.startswith("IEC62955")
    if not OF_THE_MODULE & {*record.shown.faults} and (untold := checker.residual.untold(record.now_s, stops)):
        return untold
    if not record.outputs.coil:
        return ""
    return checker.residual.forbids(record.now_s, max(checker.on_s, checker.off_s), stops)


def _four(checker: Checker, record: Record) -> str:
    if not record.outputs.coil:
        return ""
    for code, since_s in checker.active.items():
        fault_class = FAULTS[code].fault_class
        if fault_class in STOPPING:
            return f"coil on with {code}"
        if fault_class is FaultClass.PAUSE and record.now_s - since_s > 6.0 + TINY:
            return f"coil on 6 s after {code}"
    return ""


def _five(checker: Checker, record: Record) -> str:
    late = record.now_s - checker.allowed_s > 6.0 + TINY
    return "not allowed for 6 s" if record.outputs.coil and late else ""


def _six(checker: Checker, record: Record) -> str:
    if not record.outputs.coil:
        return ""
    equipment = checker.contacts.equipment
    if equipment is not None and equipment.socket and record.now_s - checker.proximity_good_s > 0.05 + TINY:
        return "no cable recognised"
    return contact_invariants.unlocked_words(checker, record)


def _nine(checker: Checker, record: Record) -> str:
    if record.outputs.mode is not PilotMode.PWM:
        return ""
    if record.shown.state not in (PilotState.B2, PilotState.C2, PilotState.D2):
        return f"PWM in state {record.shown.state}"
    return "" if 100 <= record.outputs.permille <= 960 else f"duty {record.outputs.permille}"


def _ten(checker: Checker, record: Record) -> str:
    if record.outputs.mode is not PilotMode.PWM:
        return ""
    lease = checker.lease(record)
    bounds = [checker.equipment.max_current_a, record.settings.hardware_limit_a, lease.limit_a if lease else 0.0]
    if checker.equipment.socket:
        bounds.append(max((a for _, a in checker.carried), default=0.0))
    bounds += _derated_a(checker, record, min(bounds))
    if record.settings.energy_input:
        contact = record.readings.inputs.get("energy_management")
        if contact is None or contact.closed or record.now_s - contact.sampled_s > 0.5 + TINY:
            bounds.append(record.settings.energy_input_limit_a)
    offered_a = amperes(record.outputs.permille)
    if abs(offered_a - record.shown.offered_a) > TINY:
        return f"says {record.shown.offered_a} A, offers {offered_a} A"
    return f"offers {offered_a} A, bounds {bounds}" if offered_a > min(bounds) + TINY else ""


def _derated_a(checker: Checker, record: Record, otherwise_a: float) -> list[float]:
    if not checker.derated:
        return []
    settings = record.settings
    if settings.reduced_percent > 0:
        return [max(6.0, otherwise_a * settings.reduced_percent / 100.0)]
    return [settings.reduced_current_a]


def _eleven(checker: Checker, record: Record) -> str:
    lease = checker.lease(record)
    allowed = lease is not None and lease.may_charge
    return "PWM without a lease" if record.outputs.mode is PilotMode.PWM and not allowed else ""


def _twelve(checker: Checker, record: Record) -> str:
    if record.outputs.coil:
        return ""
    closed_s = checker.mirror_closed_s if checker.contacts.senses else None
    late = closed_s is not None and record.now_s - max(closed_s, checker.off_s) > 0.1 + TINY
    # A board that was away since the coil went off may not have opened the contactor yet, and has shown nothing.
    late = late and checker.sample_s - max(checker.off_s, checker.answers_since_s) > 0.1 + TINY
    late = late or checker.live_by_meter
    told = {"contactor_no_open", "contactor_welded"} & set(record.shown.faults)
    settling = record.now_s - checker.cleared.get("contactor_no_open", -1e9) < 0.25
    return "contacts closed with the coil off, and nobody told" if late and not told and not settling else ""


def _thirteen(checker: Checker, record: Record) -> str:
    if not record.outputs.coil or not checker.contacts.senses or record.now_s - checker.on_s < 0.2 + TINY:
        return ""
    open_s = checker.mirror_open_s
    if open_s is not None and record.now_s - open_s > 0.02 + TINY:
        return "coil on, contacts open"
    return "coil on, contacts unknown" if open_s is None and checker.mirror_closed_s is None else ""


def _fourteen(checker: Checker, record: Record) -> str:
    return "coil on after a weld" if checker.welded and record.outputs.coil else ""


def _sixteen(checker: Checker, record: Record) -> str:
    if record.outputs.lock is not LockDrive.UNLOCK:
        return ""
    if record.outputs.coil or record.now_s - checker.off_s < 0.1 - TINY:
        return "unlocks with the coil on or just off"
    if checker.welded:
        return "unlocks a welded connector"
    if checker.live_by_meter:
        return "unlocks while the meter shows a current"
    if checker.contacts.senses and checker.mirror_open_s is None:
        return "unlocks without proof of open contacts"
    return ""


def _seventeen(checker: Checker, record: Record) -> str:
    if checker.a_since_s is None or record.shown.state is not PilotState.A or record.now_s - checker.a_since_s < 1.0:
        return ""
    if record.outputs.coil or record.outputs.mode is PilotMode.PWM:
        return "power or offer without a vehicle"
    lease = checker.lease(record)
    held = lease is not None and (lease.hold_cable or lease.may_charge)
    return "locks an empty connector" if record.outputs.lock is LockDrive.LOCK and not held else ""


def _eighteen(checker: Checker, record: Record) -> str:
    return "coil on in F" if record.outputs.mode is PilotMode.F and record.outputs.coil else ""


def _nineteen(checker: Checker, record: Record) -> str:
    raised = [e.detail for e in record.events if e.name == "fault_raised"]
    stops = [code for code in raised if FAULTS[code].fault_class in STOPPING]
    return f"coil still on in the step of {stops}" if stops and record.outputs.coil else ""


def _twenty_two(checker: Checker, record: Record) -> str:
    before = checker.before
    if before is None or record.outputs.mode is not PilotMode.PWM:
        return ""
    if before.outputs.mode is PilotMode.PWM:
        rises = record.outputs.permille > before.outputs.permille
        return "duty rises too soon" if rises and record.now_s - checker.duty_s < 5.0 - TINY else ""
    return "offered again too soon" if record.now_s - checker.offer_end_s < 5.0 - TINY else ""


def _twenty_seven(checker: Checker, record: Record) -> str:
    unusable = letter(record.readings, record.now_s, 0.05) == ""
    return "coil on without a usable pilot sample" if record.outputs.coil and unusable else ""


def _thirty_six(checker: Checker, record: Record) -> str:
    """That derating is monotone and does not oscillate is in 10: its bound is the same until 3 K below."""
    celsius = housing_c(checker.equipment, record)
    blind = celsius is None and not checker.equipment.temperatures.isdisjoint({"housing", "cpu"})
    if blind and record.outputs.mode is PilotMode.PWM:
        return "offers current, and no sensor tells the temperature"
    if celsius is None or not record.outputs.coil:
        return ""
    if celsius >= min(record.settings.stop_above_c + 6.0, 85.0):
        return f"coil on at {celsius} C"
    hot_s = 0.0 if checker.hot_since_s is None else record.now_s - checker.hot_since_s
    return f"coil on, hot for {hot_s} s" if hot_s > 6.0 + TINY else ""


def _twenty_seven_all(checker: Checker, record: Record) -> str:
    return _twenty_seven(checker, record) or panel_invariants.unread_or_active(checker, record)


def _twenty_eight(checker: Checker, record: Record) -> str:
    outputs = record.outputs
    unsafe = outputs.coil or outputs.mode is PilotMode.PWM or outputs.lock is not LockDrive.STOP
    return "unsafe outputs after an exception" if record.failed and unsafe else ""


def _thirty(checker: Checker, record: Record) -> str:
    backwards = checker.before is not None and record.now_s < checker.before.now_s
    return "coil on although time ran backwards" if backwards and record.outputs.coil else ""


def _thirty_one(checker: Checker, record: Record) -> str:
    outputs = record.outputs
    unsafe = outputs.coil or outputs.mode is PilotMode.PWM or outputs.lock is LockDrive.UNLOCK
    return "unsafe first outputs" if record.started and unsafe else ""


def _thirty_two(checker: Checker, record: Record) -> str:
    """Out of service, or no longer permitted: the offer ends in the same step, the contactor within 6 s."""
    if checker.refused_s is None:
        return ""
    if record.outputs.mode is PilotMode.PWM:
        return "offers current without permission"
    return "coil on 6 s after the permission" if record.outputs.coil and record.now_s - checker.refused_s > 6.0 else ""


def _thirty_three(checker: Checker, record: Record) -> str:
    outputs = record.outputs
    if not outputs.residual_test and not outputs.reclose:
        return ""
    if outputs.coil or outputs.mode is PilotMode.PWM:
        return "a self-test or a reclosure while power flows or is offered"
    is_open = checker.mirror_open_s is not None or not checker.contacts.senses
    return checker.residual.misuse(record.now_s, is_open, record.readings.neighbours)


RULES = {
    1: _one, 2: _two, 3: _three, 4: _four, 5: _five, 6: _six, 7: contact_invariants.seven, 9: _nine, 10: _ten,
    11: _eleven, 12: _twelve, 13: _thirteen, 14: _fourteen, 15: contact_invariants.fifteen, 16: _sixteen,
    17: _seventeen, 18: _eighteen, 19: _nineteen, 21: contact_invariants.twenty_one, 22: _twenty_two,
    23: contact_invariants.twenty_three, 27: _twenty_seven_all, 28: _twenty_eight, 30: _thirty, 31: _thirty_one,
    32: _thirty_two, 33: _thirty_three, 34: contact_invariants.thirty_four, 35: contact_invariants.thirty_five,
    36: _thirty_six, 39: panel_invariants.thirty_nine,
}  # fmt: skip
IN_EVENTS = (20, 24, 25)
"""Checked while the events are read."""
ELSEWHERE: dict[int, tuple[str, ...]] = {
    8: (
        "tests/virtual/test_session_charge.py::test_the_begin_record_needs_a_good_reading",
        "tests/virtual/test_charge_conformance.py::test_before_the_contactor_closes_the_start_of_the_transaction_is_stored",
        "tests/virtual/test_faults_one_by_one.py::test_f87_while_the_begin_of_a_transaction_cannot_be_stored_the_coil_stays_off",
    ),
    26: (
        "tests/unit/test_metering_plausibility.py::"
        "test_believed_registers_of_one_meter_never_fall_and_never_outrun_the_connection",
        "tests/virtual/test_restart_power_cuts.py::test_a_power_cut_at_some_event_bills_every_watt_hour_once",
    ),
    29: (
        "tests/bench/test_safety_invariants.py::test_29_the_same_inputs_give_the_same_outputs",
        "tests/virtual/test_fault_bench.py::test_one_step_in_five_of_the_bench_is_taken_a_second_time",
    ),
    37: (
        "tests/bench/test_safety_invariants.py::test_37_a_fault_of_one_connector_changes_no_step_of_another",
        "tests/virtual/test_faults_pilot_and_power.py::test_f86_a_fault_at_one_connector_does_not_touch_the_other",
    ),
    38: (
        "tests/bench/test_safety_invariants.py::test_38_light_display_card_reader_and_network_are_no_inputs",
        "tests/bench/test_safety_invariants.py::test_38_a_meter_that_fails_closes_nothing_and_delays_no_opening",
    ),
    39: (
        "tests/unit/test_board_coil.py::test_a_feed_that_comes_later_than_50_ms_after_its_step_is_none_and_stays_none",
        "tests/unit/test_safety_feed.py::test_nothing_is_fed_without_a_coil_on",
        "tests/bench/test_safety_faults.py::test_a_loop_held_up_for_longer_than_the_feed_is_treated_as_restarted",
    ),
    40: ("tests/bench/test_safety_search.py::test_no_event_breaks_an_invariant_in_any_configuration",),
}
"""What one step cannot show, or what is not the core's; 39 in part. Of 26, signed values do not exist here."""
