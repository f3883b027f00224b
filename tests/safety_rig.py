"""A connector on a bench: the safety core, a vehicle whose switches the test throws, and a clock turned by hand.

Samples arrive at once when a level changes and otherwise as often as the core asked for, as from a real driver. Every
step is recorded and goes through `tests/invariants.py` while the test runs.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from hardware.interfaces import Feedback, LockDrive, PilotLevels, PilotMode, Resistance, Speed, Temperature, Voltages
from schemas.safety import PilotState, SafetyConnector
from schemas.session import Permission
from services.safety import core
from services.safety.equipment import in_force
from services.safety.memory import Memory
from services.safety.residual.state import Neighbour
from services.safety.settings import SafetySettings
from services.safety.state import (
    BootSight,
    ConnectorState,
    Driven,
    Equipment,
    Event,
    MeterSight,
    NoticeWish,
    Outputs,
    Readings,
)
from services.safety.status import connector_message
from tests.invariants import Checker, Record
from tests.residual_module import Module

SOCKET = Equipment(connector=1, socket=True, has_lock=True, mirror_contact=True, max_current_a=32.0)
FIXED = Equipment(connector=1, socket=False, has_lock=False, mirror_contact=True, max_current_a=32.0)
NO_MIRROR = Equipment(connector=1, socket=True, has_lock=True, mirror_contact=False, max_current_a=32.0)
RATED_32_A = SafetySettings(hardware_limit_a=32.0)
LEVEL_V = {"A": 12.0, "B": 8.98, "C": 5.99, "D": 2.93, "E": 0.0, "-": 7.5}
SHORTED_V = {"B": -8.79, "C": -5.62, "D": -2.37}


@dataclass
class World:
    """What the driver would read. Plain values: a copy is a snapshot."""

    vehicle: str = "A"
    """The level the vehicle makes: A B C D E, or "-" for 7.5 V."""
    ohm: float = math.inf
    diode: bool = True
    pilot_alive: bool = True
    pilot_nan: bool = False
    stuck_duty: bool = False
    frequency_hz: float = 1000.0
    mirror_alive: bool = True
    welded: bool = False
    never_closes: bool = False
    drops: bool = False
    lock_blocked: bool = False
    lock_opens: bool = False
    close_s: float = 0.03
    open_s: float = 0.015
    mode: PilotMode = PilotMode.X1
    duty: float = 1.0
    coil: bool = False
    coil_s: float = -1e9
    closed: bool = False
    bolt: float = 0.0
    """0 = unlocked, 1 = locked."""
    drive: LockDrive = LockDrive.STOP
    drive_s: float = 0.0
    bolt_at_drive: float = 0.0
    celsius: Mapping[str, float] = field(default_factory=dict)
    """By sensor; replaced, never changed."""
    sensors_alive: bool = True
    rpm: float = 0.0
    meter: MeterSight | None = None
    """What the meter says; its stamp is renewed once a second while it answers."""
    meter_alive: bool = True
    current_flows_anyway: bool = False
    """The meter shows its current with open contacts too; otherwise none flows then."""
    contacts: Mapping[str, bool] = field(default_factory=dict)
    """By name of a wired input: active. Replaced, never changed."""
    contacts_alive: bool = True
    trouble: str = ""
    boot: BootSight | None = None
    live_phase: int = 0
    """1 to 3: only this phase is live behind the contactor whatever it does; 0 = as the contacts are."""
    sense_nan: bool = False
    dead: bool = False
    """There is no mains voltage."""
    opto_opens: bool = False
    """The contact on the opto input is closed while the main contacts are open."""
    relay: int = 3
    """1 or 3: as the phase relay stands."""
    relay_stuck: bool = False
    charged: bool = True
    """The lock's emergency release."""
    series: bool = False
    """Output relay_2, as it is driven."""
    series_s: float = -1e9
    relay_2_stuck: bool | None = None
    """What its pin does whatever is driven; None = it follows."""
    reads_back: bool = True
    welded_elsewhere: tuple[int, ...] = ()
    """Other connectors of the station whose contacts are welded."""
    neighbours: tuple[Neighbour, ...] = ()
    """The other connectors of the station."""
    module: Module | None = None
    """For residual current; replaced, never changed."""

    def slow(self, equipment: Equipment, now_s: float, before: Readings) -> dict[str, Any]:
        """Everything beside pilot, cable, contactor and lock, as of a sample at `now_s`."""
        read: dict[str, Any] = {"boot": self.boot, "meter": before.meter, "temperatures": before.temperatures}
        read["welded"], read["neighbours"] = self.welded_elsewhere, self.neighbours
        if self.sensors_alive:
            shown = {name: Temperature(celsius, now_s) for name, celsius in self.celsius.items()}
            read["temperatures"] = {name: shown.get(name) for name in equipment.temperatures}
        if equipment.residual_sensor and self.module is not None:
            read["residual"] = self.module.status(now_s) if self.module.alive else before.residual
        if equipment.fan:
            read["fan"] = Speed(self.rpm, now_s)
        contact = self.contact(now_s)
        if equipment.output_sense:
            live = [
                230.0 * (not self.dead and ((self.live_phase in (0, phase) and contact) or self.live_phase == phase))
                for phase in (1, 2, 3)
            ]
            read["output_voltage"] = Voltages(*([math.nan] * 3 if self.sense_nan else live), now_s)
        if equipment.phase_switching:
            read["phase_relay"] = Feedback(self.relay == 3, now_s)
        if equipment.actuator == "with emergency release":
            read["release_energy"] = Feedback(self.charged, now_s)
        if equipment.outputs:
            pin = self.series if self.relay_2_stuck is None else self.relay_2_stuck
            back = Feedback(pin, now_s) if self.reads_back else None
            read["outputs"] = {"relay_2": Driven(self.series, self.series_s, back)}
        if equipment.inputs:
            known = {name: Feedback(on, now_s) for name, on in self.contacts.items()}
            known.setdefault("line", Feedback(contact, now_s))
            known.setdefault("opto_1", Feedback(contact is not self.opto_opens, now_s))
            read["inputs"] = {name: known.get(name) for name in equipment.inputs}
            if not self.contacts_alive:
                read["inputs"] = before.inputs
        if self.meter is not None and self.meter_alive:
            shown = self.meter
            if not contact and not self.current_flows_anyway and shown.current_a is not None:
                shown = shown._replace(current_a=tuple(0.0 if a == a else a for a in shown.current_a))
            last_s = before.meter.sampled_s if before.meter is not None else -math.inf
            changed = before.meter is None or before.meter[:2] != shown[:2]
            if changed or now_s - last_s >= 1.0 - 1e-9:
                read["meter"] = shown._replace(sampled_s=now_s)
        return read

    def contact(self, now_s: float) -> bool:
        delay_s = self.close_s if self.coil else self.open_s
        if now_s - self.coil_s >= delay_s - 1e-9:
            self.closed = self.coil
        if self.welded:
            return True
        return self.closed and not self.never_closes and not (self.drops and self.coil)

    def locked(self, now_s: float) -> bool:
        if self.drive is not LockDrive.STOP and not self.lock_blocked:
            moved = (now_s - self.drive_s) / 0.4
            way = moved if self.drive is LockDrive.LOCK else -moved
            self.bolt = min(1.0, max(0.0, self.bolt_at_drive + way))
        return self.bolt >= 1.0 - 1e-9 and not self.lock_opens

    def take(self, outputs: Outputs, now_s: float) -> None:
        if outputs.coil != self.coil:
            self.contact(now_s)
            self.coil, self.coil_s = outputs.coil, now_s
        self.locked(now_s)
        if outputs.lock is not self.drive:
            self.drive, self.drive_s, self.bolt_at_drive = outputs.lock, now_s, self.bolt
        if outputs.series != self.series:
            self.series, self.series_s = outputs.series, now_s
        self.mode = outputs.mode
        if outputs.phases and not self.relay_stuck:
            self.relay = outputs.phases
        if self.module is not None:
            self.module = self.module.take(outputs.residual_test, now_s)
        if not self.stuck_duty:
            duty_off = {PilotMode.X1: 1.0, PilotMode.F: 0.0}
            self.duty = duty_off.get(outputs.mode, outputs.permille / 1000.0)

    def levels(self, now_s: float) -> PilotLevels:
        high_v = LEVEL_V[self.vehicle]
        if self.pilot_nan:
            return PilotLevels(math.nan, math.nan, self.duty, 0.0, now_s)
        if self.mode is PilotMode.F and self.vehicle != "E":
            return PilotLevels(-12.0, -12.0, self.duty, 0.0, now_s)
        if self.mode is not PilotMode.PWM:
            return PilotLevels(high_v, high_v, self.duty, 0.0, now_s)
        low_v = -12.0 if self.diode else SHORTED_V.get(self.vehicle, -12.0)
        return PilotLevels(high_v, 0.0 if self.vehicle == "E" else low_v, self.duty, self.frequency_hz, now_s)

    def next_change_s(self, now_s: float) -> float:
        """When contact or lock will have moved."""
        times = [self.coil_s + (self.close_s if self.coil else self.open_s)]
        if self.drive is not LockDrive.STOP:
            times.append(self.drive_s + 0.4)
        if self.module is not None:
            times.append(self.module.next_change_s())
        return min((time for time in times if time > now_s + 1e-9), default=math.inf)


@dataclass
class Rig:
    equipment: Equipment = SOCKET
    now_s: float = 1000.0
    world: World = field(default_factory=World)
    history: list[Record] = field(default_factory=list)
    keep_history: bool = True
    settings: SafetySettings = RATED_32_A
    may: bool = False
    hold: bool = True
    limit_a: float = 32.0
    transaction: str = ""
    phases: int = 0
    release: bool = False
    session_alive: bool = True
    lease: Permission | None = None
    lease_s: float = -1e9
    readings: Readings = field(default_factory=Readings)
    sample_s: float = 0.0
    deadline_s: float = 0.0
    events: list[tuple[float, Event]] = field(default_factory=list)
    notices: list[tuple[float, NoticeWish]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.checker = Checker(self.equipment)
        if self.equipment.residual_sensor and self.world.module is None:
            self.world.module = Module()
        self.started = False
        self.starts: list[tuple[float, Memory]] = []
        self.start(Memory())

    # the process

    def start(self, memory: Memory) -> None:
        if self.started:
            self.starts.pop()
        self.starts.append((self.now_s, memory.copy()))
        self.checker.journal_proof(memory.residual_proven, memory.residual_tested_s)
        self.state = ConnectorState(self.equipment, self.now_s, memory)
        self.state.obey(self.settings, in_force(self.equipment, self.settings))
        self.outputs = Outputs()
        self.started = True
        self.lease_s = -1e9
        self.sample_s = self.deadline_s = self.now_s

    def restart(self) -> None:
        """kill -9 and start: only what the journal keeps is there; the monoflop has opened the coil."""
        self.world.take(Outputs(mode=self.outputs.mode, permille=self.outputs.permille), self.now_s)
        self.start(self.state.memory.copy())

    def twin(self) -> "Rig":
        """A copy to go on from, for searches."""
        other = object.__new__(Rig)
        other.__dict__.update(self.__dict__)
        other.world, other.state = replace(self.world), self.state.copy()
        checker = Checker(self.equipment)
        checker.__dict__.update(self.checker.__dict__)
        for name in ("on_edges", "carried"):
            setattr(checker, name, list(getattr(self.checker, name)))
        for name in ("active", "cleared", "pause_s"):
            setattr(checker, name, dict(getattr(self.checker, name)))
        checker.residual = replace(self.checker.residual)
        checker.contacts = self.checker.contacts.copy()
        other.checker, other.history, other.events, other.starts = checker, [], [], list(self.starts)
        other.notices = []
        return other

    # the session

    def allow(self, may: bool = True, limit_a: float | None = None, hold: bool | None = None) -> None:
        """A decision of the session: its lease is sent at once and then every second."""
        self.may = may
        self.limit_a = self.limit_a if limit_a is None else limit_a
        self.hold = self.hold if hold is None else hold
        self._renew()
        self.step()

    def _renew(self) -> None:
        self.lease_s = self.now_s
        self.lease = Permission(
            connector=1,
            may_charge=self.may,
            limit_a=self.limit_a,
            hold_cable=self.hold,
            transaction_id=self.transaction,
            phases=self.phases,
            release_cable=self.release,
            until_s=self.now_s + 10.0,
        )

    # the vehicle

    def vehicle(self, letter: str, ohm: float | None = None) -> None:
        """The level changes now, and the driver reports it at once."""
        self.world.vehicle = letter
        if ohm is not None:
            self.world.ohm = ohm
        self.sample()
        self.step()

    def plug(self, ohm: float = 220.0) -> None:
        self.vehicle("B", ohm)

    def unplug(self) -> None:
        self.vehicle("A", math.inf)

    # time

    def sample(self) -> None:
        world, now_s = self.world, self.now_s
        self.sample_s = now_s + self.outputs.sample_period_s
        contact, locked = world.contact(now_s), world.locked(now_s)
        before = self.readings
        if world.pilot_alive:
            self.readings = Readings(
                pilot=world.levels(now_s),
                proximity=Resistance(world.ohm, now_s) if self.equipment.socket else None,
                mirror=self._mirror(contact),
                lock=Feedback(locked, now_s) if self._has_feedback else None,
            )
            self.readings = self.readings._replace(**world.slow(self.equipment, now_s, before))
            if not world.mirror_alive:
                self.readings = self.readings._replace(mirror=None)
        self.readings = self.readings._replace(trouble=world.trouble)

    def _mirror(self, contact: bool) -> Feedback | None:
        if not self.equipment.mirror_contact:
            return None
        return Feedback(contact is not self.equipment.mirror_normally_closed, self.now_s)

    @property
    def _has_feedback(self) -> bool:
        return self.equipment.has_lock and self.equipment.actuator != "without feedback"

    def step(self, failed: bool = False) -> None:
        lease = self.lease
        result = core.step(self.state, self.readings, lease, self.now_s)
        self.outputs, self.deadline_s = result.outputs, result.next_deadline_s
        self.world.take(result.outputs, self.now_s)
        self.sample_s = min(self.sample_s, self.now_s + self.outputs.sample_period_s)
        self.events += [(self.now_s, event) for event in result.events]
        self.notices += [(self.now_s, wish) for wish in result.notices]
        record = Record(
            self.now_s,
            self.readings,
            lease,
            result.outputs,
            result.events,
            connector_message(self.state, core.grant_of(self.state, lease, self.now_s), "run"),
            self.settings,
            started=self.started,
            failed=failed,
        )
        self.started = False
        if self.keep_history:
            self.history.append(record)
        self.shown = record.shown
        self.checker.see(record)

    def run(self, seconds: float) -> None:
        end_s = self.now_s + seconds
        while self._turn(end_s):
            pass

    def until(self, condition: Callable[[], bool], within_s: float) -> float:
        """Runs until it holds; returns how long it took."""
        begin_s = self.now_s
        if self.started:
            self.step()
        while not condition():
            assert self._turn(begin_s + within_s), f"not within {within_s} s: {self.shown}"
        return self.now_s - begin_s

    def _turn(self, end_s: float) -> bool:
        if self.started:
            self.step()
        renewal_s = self.lease_s + 1.0 if self.session_alive else math.inf
        change_s = self.world.next_change_s(self.now_s)
        next_s = min(self.sample_s, self.deadline_s, renewal_s, change_s)
        if next_s > end_s:
            self.now_s = end_s
            return False
        self.now_s = max(next_s, self.now_s)
        if renewal_s <= self.now_s:
            self._renew()
        if min(self.sample_s, change_s) <= self.now_s:
            self.sample()
        self.step()
        return True

    # looking

    @property
    def name(self) -> PilotState:
        return self.shown.state

    @property
    def coil(self) -> bool:
        return self.outputs.coil

    def count(self, name: str, detail: str = "") -> int:
        return sum(1 for _, event in self.events if event.name == name and (not detail or event.detail == detail))

    def charge(self, ohm: float = 220.0) -> None:
        """From the start to closed contacts at the session's limit."""
        self.allow()
        self.run(6.0)
        self.plug(ohm)
        self.until(lambda: self.name is PilotState.B2, 3.0)
        self.run(1.0)
        self.vehicle("C")
        self.until(lambda: self.shown.contactor.value == "closed", 3.0)


def replay(rig: Rig) -> None:
    """Invariant 29: the same inputs in a new process give the same outputs, events and words."""
    starts = iter(rig.starts)
    state = ConnectorState(rig.equipment, rig.now_s)
    for record in rig.history:
        if record.started:
            started_s, memory = next(starts)
            state = ConnectorState(rig.equipment, started_s, memory.copy())
        if record.started or record.settings != state.settings:
            state.obey(record.settings, in_force(rig.equipment, record.settings))
        result = core.step(state, record.readings, record.permission, record.now_s)
        grant = core.grant_of(state, record.permission, record.now_s)
        shown: SafetyConnector = connector_message(state, grant, "run")
        assert (result.outputs, result.events, shown) == (record.outputs, record.events, record.shown)
