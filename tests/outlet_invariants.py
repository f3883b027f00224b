"""The safety invariants for a domestic socket (`panel/outlet.py`): those of the forty that have no pilot in them.

Like `tests/invariants.py` it keeps its own books, and reads no state of the core.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from hardware.interfaces import LockDrive, PilotMode
from schemas.faults import FAULTS, FaultClass
from schemas.session import Permission
from services.safety import core
from services.safety.panel import outlet
from services.safety.state import Equipment, Event
from tests.invariants import STOPPING, TINY, Checker, Record, housing_c

BLOCKING = {*STOPPING, FaultClass.PAUSE}
FOR_GOOD = {FaultClass.LATCH, FaultClass.LOCKOUT}
OPENING = ("schuko_mcb", "emergency_stop", "tilt", "water")


def step_of(equipment: Equipment) -> core.Step:
    """The rules that `safety` follows there."""
    return outlet.step if equipment.outlet else core.step


def checker_of(equipment: Equipment) -> "Checker | OutletChecker":
    return OutletChecker(equipment) if equipment.outlet else Checker(equipment)


@dataclass
class OutletChecker:
    equipment: Equipment
    on: bool = False
    on_s: float = -1e9
    """Of the last closing, or the start of the process."""
    off_s: float = -1e9
    on_edges: list[float] = field(default_factory=list)
    """Of this authorization."""
    active: dict[str, float] = field(default_factory=dict)
    cleared: dict[str, float] = field(default_factory=dict)
    fault_s: float = -1e9
    """When a fault last stopped power."""
    stopped: bool = False
    """A fault has stopped power since the last closing."""
    recoveries: int = 0
    """Closings after such a stop, in this authorization."""
    latched: bool = False
    """Power has been stopped for good, and nobody has come since."""
    over_since_s: float | None = None
    """Since when the session has said that the authorization is over."""
    powered: bool = False
    derated: bool = False
    """The housing was at TempReduceThreshold1 or above and has not been seen 3 K below since."""
    counts: tuple[int, int] | None = None
    """Closings, openings under load."""
    before: Record | None = None

    def see(self, record: Record) -> None:
        if record.started:
            self.on, self.on_s, self.before, self.counts = False, record.now_s, None, None
            self.active, self.cleared = {}, {}
            self.stopped = self.powered = self.derated = False
        if record.service_reset:
            self.latched, self.recoveries = False, 0
        if record.begun_s is not None or any(event.name == "restarted" for event in record.events):
            self.on_s = record.now_s if record.begun_s is None else record.begun_s
        self._lease(record)
        self._warmth(record)
        for event in record.events:
            self._event(event, record.now_s)
        self._edges(record)
        for number, rule in RULES.items():
            wrong = rule(self, record)
            assert not wrong, f"invariant {number} at {record.now_s:.3f} s: {wrong}\n{record}"
        self.before = record

    def lease(self, record: Record) -> Permission | None:
        lease = record.permission
        return lease if lease is not None and record.now_s < lease.until_s <= record.now_s + 30.0 else None

    def _lease(self, record: Record) -> None:
        lease, now_s = self.lease(record), record.now_s
        if lease is None or lease.may_charge or not lease.authorization_over:
            self.over_since_s = None
            return
        self.over_since_s = now_s if self.over_since_s is None else self.over_since_s
        if now_s - self.over_since_s >= 1.0 - TINY:
            self.on_edges = self.on_edges[-1:]
            self.stopped, self.recoveries, self.latched = False, 0, False

    def _warmth(self, record: Record) -> None:
        celsius = housing_c(self.equipment, record)
        if celsius is not None:
            line_c = record.settings.reduce_above_c
            self.derated = celsius >= line_c or (self.derated and celsius > line_c - 3.0)

    def _event(self, event: Event, now_s: float) -> None:
        name, code = event.name, event.detail
        if name == "fault_raised":
            assert code not in self.active, f"invariant 24 at {now_s}: {code} raised twice"
            assert now_s - self.cleared.get(code, -1e9) >= 0.25 - TINY, f"invariant 24 at {now_s}: {code} flaps"
            self.active[code] = now_s
            if FAULTS[code].fault_class in STOPPING:
                self.fault_s, self.stopped = now_s, self.over_since_s is None
            self.latched = self.latched or FAULTS[code].fault_class in FOR_GOOD
        elif name == "fault_cleared":
            assert now_s - self.active.pop(code) >= 0.25 - TINY, f"invariant 24 at {now_s}: {code} flaps"
            self.cleared[code] = now_s
        elif name in ("power_on", "power_off"):
            assert self.powered is (name == "power_off"), f"invariant 25 at {now_s}: {name} twice"
            self.powered = name == "power_on"

    def _edges(self, record: Record) -> None:
        now_s, closes = record.now_s, record.outputs.outlet and not self.on
        opens = self.on and not record.outputs.outlet
        if closes:
            assert now_s - max(self.on_s, self.off_s) >= 5.0 - TINY, f"invariant 20 at {now_s}: on again too soon"
            assert now_s - self.fault_s >= 30.0 - TINY, f"invariant 20 at {now_s}: on too soon after a fault"
            assert not self.latched, f"R1 at {now_s}: on again by itself after a fault that waits for a person"
            self.recoveries, self.stopped = self.recoveries + self.stopped, False
            assert self.recoveries <= 3, f"R3 at {now_s}: power comes back by itself for the fourth time"
            self.on_s = now_s
            self.on_edges = [edge for edge in self.on_edges if edge > now_s - 3600] + [now_s]
            assert len(self.on_edges) <= 12, f"invariant 20 at {now_s}: {len(self.on_edges)} closings within an hour"
        elif opens:
            self.off_s = now_s
        counts = (record.shown.contactor_cycles, record.shown.contactor_load_cycles)
        if self.counts is not None and not record.preset and not record.failed:
            due = (self.counts[0] + closes, self.counts[1] + (opens and _under_load(record, self.on_s)))
            assert counts == due, f"invariant 21 at {now_s}: counted {counts}, not {due}"
        self.on, self.counts = record.outputs.outlet, counts


def _under_load(record: Record, on_s: float) -> bool:
    meter = record.readings.meter
    if meter is None or meter.current_a is None or not on_s <= meter.sampled_s or record.now_s - meter.sampled_s > 5.0:
        return False
    return max(map(abs, meter.current_a)) > record.settings.load_threshold_a


Rule = Callable[[OutletChecker, Record], str]


def _four(checker: OutletChecker, record: Record) -> str:
    """And 19: in the same step. A socket has no pilot through which a pause could be told before."""
    blocking = [code for code in checker.active if FAULTS[code].fault_class in BLOCKING]
    return f"on with {blocking}" if record.outputs.outlet and blocking else ""


def _five(checker: OutletChecker, record: Record) -> str:
    """And 11, 32: permission ends in the same step."""
    lease = checker.lease(record)
    return "on without permission" if record.outputs.outlet and (lease is None or not lease.may_charge) else ""


def _ten(checker: OutletChecker, record: Record) -> str:
    """Nothing less can be told to what is plugged in: it is off below the socket's rating."""
    if not record.outputs.outlet:
        return ""
    settings, lease = record.settings, checker.lease(record)
    rated_a = min(checker.equipment.max_current_a, settings.hardware_limit_a)
    bounds = [lease.limit_a if lease is not None else 0.0]
    if checker.derated:
        percent = settings.reduced_percent
        bounds.append(max(6.0, rated_a * percent / 100.0) if percent > 0 else settings.reduced_current_a)
    if "temperature_sensor_lost" in checker.active:
        bounds.append(6.0)
    if settings.energy_input:
        contact = record.readings.inputs.get("energy_management")
        if contact is None or contact.closed or record.now_s - contact.sampled_s > 0.5 + TINY:
            bounds.append(settings.energy_input_limit_a)
    wrong = rated_a <= 0.0 or not min(bounds) >= rated_a
    return f"on at {rated_a} A, bounds {bounds}" if wrong else ""


def _eighteen(_checker: OutletChecker, record: Record) -> str:
    """It has a relay of its own, and nothing else."""
    outputs = record.outputs
    drives = outputs.coil or outputs.series or outputs.mode is not PilotMode.X1 or outputs.lock is not LockDrive.STOP
    return "drives what a domestic socket does not have" if drives else ""


def _twenty_seven(checker: OutletChecker, record: Record) -> str:
    """Every wired contact that stops power is read, and at rest; the board does not complain."""
    if not record.outputs.outlet:
        return ""
    for name in OPENING:
        read = record.readings.inputs.get(name)
        unread = read is None or read.closed or record.now_s - read.sampled_s > 0.5 + TINY
        if name in checker.equipment.inputs and unread:
            return f"on with {name} active or not read"
    return f"on although {record.readings.trouble}" if record.readings.trouble else ""


def _twenty_eight(_checker: OutletChecker, record: Record) -> str:
    """And 31."""
    unsafe = record.outputs.outlet and (record.failed or record.started)
    return "on after an exception, or in the first step" if unsafe else ""


def _thirty(checker: OutletChecker, record: Record) -> str:
    backwards = checker.before is not None and record.now_s < checker.before.now_s
    return "on although time ran backwards" if backwards and record.outputs.outlet else ""


def _thirty_six(checker: OutletChecker, record: Record) -> str:
    celsius = housing_c(checker.equipment, record)
    if not record.outputs.outlet:
        return ""
    if celsius is None and not checker.equipment.temperatures.isdisjoint({"housing", "cpu"}):
        return "on, and no sensor tells the temperature"
    hot = celsius is not None and celsius >= record.settings.stop_above_c + 6.0
    return f"on at {celsius} C" if hot else ""


RULES: dict[int, Rule] = {
    4: _four,
    5: _five,
    10: _ten,
    18: _eighteen,
    27: _twenty_seven,
    28: _twenty_eight,
    30: _thirty,
    36: _thirty_six,
}
