"""What the core knows about one connector between two steps: one record per region, no rules."""

import math
from collections.abc import Mapping
from copy import copy as shallow_copy
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, NamedTuple

from hardware.interfaces import (
    Feedback,
    LockDrive,
    PilotLevels,
    PilotMode,
    ResidualCurrent,
    Resistance,
    Speed,
    Temperature,
    Voltages,
)
from schemas.safety import Contactor, Lock
from services.safety.memory import Memory
from services.safety.phases.state import PhaseState
from services.safety.region import Region, SwitchSight
from services.safety.residual.state import Neighbour, ResidualState
from services.safety.settings import NO_SETTINGS, SafetySettings
from services.safety.supply.state import SupplyState
from services.safety.thermal.state import ThermalState
from services.safety.timings import AFTER_FAULT_S, LONGEST_WAIT_S
from services.safety.wear.state import WearState
from services.safety.wiring.state import WiringState

NEVER_S = -1e9
"""A boot-clock time before every other."""


class Equipment(NamedTuple):
    """What is mounted, from the station file."""

    connector: int
    socket: bool
    """A cable is plugged in at the station; False = fixed cable."""
    has_lock: bool
    mirror_contact: bool
    max_current_a: float
    phases: int = 3
    residual_sensor: bool = False
    output_sense: bool = False
    phase_switching: bool = False
    actuator: str = "with feedback"
    """Of the lock: "with feedback", "without feedback", "with emergency release"."""
    ventilation: bool = False
    """An output switches the room's ventilation."""
    inputs: frozenset[str] = frozenset()
    """Names of the contacts that are wired, without the connector's number."""
    temperatures: frozenset[str] = frozenset()
    fan: bool = False
    mirror_normally_closed: bool = False
    """The mirror contact opens with the main contacts' closing."""
    normally_closed: frozenset[str] = frozenset()
    """Those of `inputs` that are wired so."""
    weld_input: str = ""
    """The input that WeldCheck names; empty = none."""
    weld_input_normally_closed: bool = False
    outputs: frozenset[str] = frozenset()
    """Names of the station's outputs that are fitted."""
    outlet: bool = False
    """A domestic socket on the auxiliary output: no pilot, no lock (`panel/outlet.py`)."""


class MeterSight(NamedTuple):
    """What the primary meter said last (`metering.reading`), or that it is silent."""

    current_a: tuple[float, float, float] | None
    voltage_v: tuple[float, float, float] | None
    sampled_s: float
    answers: bool
    """False = the meter is silent, as `metering` says."""
    phase_order: int | None = None
    """1 = L1, L2, L3; -1 = L1, L3, L2; None = this meter does not tell."""
    register_wh: float | None = None
    """Energy imported; None = not told."""


class Driven(NamedTuple):
    """An output of the station."""

    on: bool
    since_s: float
    """When it was commanded so, boot clock."""
    readback: Feedback | None
    """None = this board cannot read it back."""


class BootSight(NamedTuple):
    """What `system.boot` says of the present start of the whole station."""

    start_id: str
    serial: str
    """Of the station."""
    power_loss: bool
    """The run before ended without a word."""


NOTHING_READ: Mapping[str, Any] = MappingProxyType({})


class Readings(NamedTuple):
    """Everything read of one connector; None = never read."""

    pilot: PilotLevels | None = None
    proximity: Resistance | None = None
    mirror: Feedback | None = None
    lock: Feedback | None = None
    residual: ResidualCurrent | None = None
    output_voltage: Voltages | None = None
    phase_relay: Feedback | None = None
    release_energy: Feedback | None = None
    inputs: Mapping[str, Feedback | None] = NOTHING_READ
    """By name, this connector's and the station's: True = the contact is active, whatever it is wired as."""
    temperatures: Mapping[str, Temperature | None] = NOTHING_READ
    fan: Speed | None = None
    meter: MeterSight | None = None
    trouble: str = ""
    """Between the driver and its hardware."""
    boot: BootSight | None = None
    """None = not heard yet."""
    outputs: Mapping[str, Driven] = NOTHING_READ
    """The station's outputs, by name."""
    welded: tuple[int, ...] = ()
    """Numbers of the station's connectors whose contacts are welded."""
    neighbours: tuple[Neighbour, ...] = ()
    """The station's other connectors."""


class Outputs(NamedTuple):
    """Everything driven; the default is the safe vector."""

    coil: bool = False
    mode: PilotMode = PilotMode.X1
    permille: int = 1000
    """Duty cycle in 0.1 %; only used with PWM."""
    lock: LockDrive = LockDrive.STOP
    sample_period_s: float = 0.02
    phases: int = 0
    """1 or 3: the relay of L2 and L3, where one is fitted; 0 = as it is."""
    residual_test: bool = False
    """The test winding of the residual current module."""
    shunt_trip: bool = False
    """The auxiliary output drops the device upstream: the contacts are closed although they must not be."""
    reclose: bool = False
    """The auxiliary output re-arms the RCD."""
    ventilation: bool = False
    series: bool = False
    """The second contactor in series, on relay 2."""
    outlet: bool = False
    """The domestic socket, on the auxiliary output."""


SAFE = Outputs()


class Event(NamedTuple):
    """Something happened in this step: plugged, unplugged, power_requested, power_request_ended, power_on, power_off,
    coil_on, coil_off, fault_raised, fault_cleared, restarted; of residual current and RCD: residual_glitch,
    residual_test_passed, residual_test_failed, rcd_closing, rcd_given_up, rcd_reset_ordered, rcd_reset_refused."""

    name: str
    detail: str = ""


class NoticeWish(NamedTuple):
    """A row of `schemas/notices.py` that shall be told."""

    code: str
    words: tuple[tuple[str, str], ...] = ()
    """What the row's text names, and what stands there."""
    subject: str = ""


@dataclass(slots=True)
class PilotSight(Region):
    """What the pilot's samples have shown. Stamps are of samples, boot clock."""

    stamp_s: float = -1.0
    """Of the newest sample taken in."""
    high_v: float = 0.0
    letter: str = ""
    """Of the newest sample: A B C D E F, "-" between the windows, "" unreadable or stale."""
    run_start_s: float = 0.0
    confirmed: str = ""
    """A B C D E; "" = not known since the start."""
    confirmed_s: float = 0.0
    left_cd_s: float | None = None
    """First sample outside C and D after the last one inside."""
    bad_since_s: float | None = None
    """Step time since which there is no usable sample."""
    seen_b: bool = False
    """The vehicle has shown state B since it was plugged in: it has its own S2."""
    diode_good_s: float | None = None
    diode_bad_s: float | None = None
    diode_proven: bool = False
    diode_doubtful: bool = False
    """It was not good when PWM ended, and cannot be judged without PWM."""
    output_wrong_s: float | None = None


@dataclass(slots=True)
class ProximitySight(Region):
    stamp_s: float = -1.0
    """Of the newest sample, whatever it says."""
    good_s: float = -1.0
    """Stamp of the newest sample that codes a cable."""
    bad_s: float | None = None
    """No reading codes a cable: since the last one that did, or since the start."""
    ampacity_a: float = 0.0
    """The lowest coded for 50 ms since the cable came; 0 = none. A cable does not grow."""
    candidate_a: float = 0.0
    """What the newest reading codes: a lower one counts at once."""
    candidate_s: float = 0.0


@dataclass(slots=True)
class ActiveFault(Region):
    since_s: float
    gone_s: float | None = None


@dataclass(slots=True)
class FaultState(Region):
    active: dict[str, ActiveFault] = field(default_factory=dict)
    pending: bool = False
    """A cause is back less than 250 ms after its fault was cleared: it blocks, and is told a moment later."""
    of_before: tuple[str, ...] = ()
    """Those that were active when the process before this one ended."""
    cleared_s: dict[str, float] = field(default_factory=dict)
    hold_until_s: float = 0.0
    hold_code: str = ""
    """The worst fault of the last moment with one that blocks; empty = none in this process."""
    f_until_s: float = 0.0
    only_latched: bool = False
    """Every fault that blocks is over, and waits for an unplug."""
    recovering: bool = False
    """A stop has ended by itself; it counts as a recovery once nothing else blocks any more."""
    overrun_s: float | None = None
    error_s: float | None = None
    """When the last step ended with an exception."""

    def copy(self) -> "FaultState":
        active = {code: fault.copy() for code, fault in self.active.items()}
        return replace(self, active=active, cleared_s=dict(self.cleared_s))


@dataclass(slots=True)
class PilotState(Region):
    """The output."""

    mode: PilotMode = PilotMode.X1
    permille: int = 1000
    commanded_s: float = 0.0
    """When mode or duty was changed last."""
    previous_duty: float = 1.0
    any_output_until_s: float = 0.0
    """Until then the generator may still show what a process before this one commanded."""
    pwm_s: float = 0.0
    """When the present PWM began."""
    withdrawn_s: float = NEVER_S
    """When an offer to a connected vehicle ended."""
    wake_until_s: float = 0.0
    """End of the state F that wakes the vehicle."""
    waiting: str = ""
    """Why nothing is offered, for a person."""
    retry_s: float = 0.0
    permitted_a: float = 0.0
    """What permission, rating, cable and vehicle would allow, without the bounds of `pilot.LIMITS`."""
    bound_a: float = math.inf
    """The smallest of `pilot.LIMITS`,"""
    bound_words: str = ""
    """and its words."""


@dataclass(slots=True)
class ContactorState(Region):
    coil: bool = False
    phase: Contactor = Contactor.UNKNOWN
    on_s: float = 0.0
    """Last closing edge of the coil, or the start of the process."""
    off_s: float = 0.0
    dropped_s: float = NEVER_S
    """When the contactor was opened although the vehicle still asked for power."""
    dropped_because: str = ""
    open_since_s: float = 0.0
    powered: bool = False
    watched: bool = False
    """The board has answered without a gap since the coil went off."""
    answered_s: float = math.inf
    """Stamp of the newest pilot sample at the step before; inf = there was none."""
    answers_since_s: float = NEVER_S
    """The board has answered without a gap since then."""
    opening_s: float | None = None
    """From the coil's edge to the last edge of the feedback; None = not measured."""
    closing_s: float | None = None


@dataclass(slots=True)
class LockState(Region):
    phase: Lock = Lock.UNKNOWN
    drive: LockDrive = LockDrive.STOP
    direction: LockDrive = LockDrive.STOP
    """What is wanted; STOP = leave it as it is."""
    drive_until_s: float = 0.0
    next_try_s: float = 0.0
    tries: int = 0
    failed: bool = False
    assumed: LockDrive = LockDrive.STOP
    """Where an actuator without feedback was driven to for its full time; STOP = not known."""
    exercise: LockDrive = LockDrive.STOP
    """The part of the self-exercise that runs."""
    exercise_s: float = 0.0
    """When that part began."""
    exercised: bool = False
    exercise_again_s: float = 0.0


@dataclass(slots=True)
class ConnectorState:
    """All of one connector. `memory` survives the process; the rest begins anew with it."""

    equipment: Equipment
    started_s: float
    memory: Memory = field(default_factory=Memory)
    settings: SafetySettings = NO_SETTINGS
    qualified: bool = False
    """The contacts were proven open and the vehicle's state was seen since the start."""
    begun_s: float = 0.0
    """When everything was proven anew last: the start, or a restart after a gap of the loop."""
    last_step_s: float = 0.0
    vehicle_connected: bool = False
    power_requested: bool = False
    plug_count: int = 0
    pilot_sight: PilotSight = field(default_factory=PilotSight)
    proximity: ProximitySight = field(default_factory=ProximitySight)
    mirror: SwitchSight = field(default_factory=SwitchSight)
    """Closed = the main contacts are, however it is wired."""
    weld_input: SwitchSight = field(default_factory=SwitchSight)
    """Closed = the main contacts are closed, or their output is live."""
    output_sense: SwitchSight = field(default_factory=SwitchSight)
    """Closed = voltage behind the contactor, on any phase."""
    lock_sight: SwitchSight = field(default_factory=SwitchSight)
    faults: FaultState = field(default_factory=FaultState)
    pilot: PilotState = field(default_factory=PilotState)
    contactor: ContactorState = field(default_factory=ContactorState)
    lock: LockState = field(default_factory=LockState)
    residual: ResidualState = field(default_factory=ResidualState)
    thermal: ThermalState = field(default_factory=ThermalState)
    supply: SupplyState = field(default_factory=SupplyState)
    phases: PhaseState = field(default_factory=PhaseState)
    wear: WearState = field(default_factory=WearState)
    wiring: WiringState = field(default_factory=WiringState)

    def __post_init__(self) -> None:
        self.last_step_s = self.started_s
        # A stored time of another boot cannot be told apart: never wait longer for it than for a new fault.
        self.faults.hold_until_s = min(self.memory.hold_until_s, self.started_s + AFTER_FAULT_S)
        self.faults.of_before = self.memory.active_faults
        self.memory.wait_until_s = min(self.memory.wait_until_s, self.started_s + LONGEST_WAIT_S)
        self.memory.closings = tuple(min(closed_s, self.started_s) for closed_s in self.memory.closings)
        self.begin(self.started_s)

    def obey(self, settings: SafetySettings, equipment: Equipment) -> None:
        """`equipment`: as `equipment.in_force` has it. What is mounted another way is proven anew. Coil off only."""
        self.settings = settings
        if equipment != self.equipment:
            self.equipment = equipment
            self.begin(self.last_step_s)

    def begin(self, now_s: float) -> None:
        """As at the start of a process: coil off, X1, nothing proven, and the 5 s between closes count from here."""
        self.qualified = False
        self.begun_s = now_s
        self.pilot_sight = PilotSight(bad_since_s=now_s)
        self.proximity = ProximitySight(bad_s=now_s)
        self.mirror, self.weld_input, self.output_sense = SwitchSight(), SwitchSight(), SwitchSight()
        self.lock_sight = SwitchSight()
        self.pilot = PilotState(commanded_s=now_s, any_output_until_s=now_s + 0.15, withdrawn_s=now_s)
        self.contactor = ContactorState(on_s=now_s, off_s=now_s, powered=self.contactor.powered)
        self.lock = LockState()
        for region in (self.residual, self.thermal, self.supply, self.phases, self.wear, self.wiring):
            region.begin(now_s)

    @property
    def rated_a(self) -> float:
        """Amperes; 0 while `HardwareCurrentLimit` is not known."""
        return min(self.equipment.max_current_a, self.settings.hardware_limit_a)

    @property
    def cable_a(self) -> float:
        """What the cable can carry; 0 = none, or unreadable."""
        if not self.equipment.socket:
            return self.rated_a
        sight = self.proximity
        return min(sight.ampacity_a, sight.candidate_a) if sight.candidate_a > 0.0 else sight.ampacity_a

    @property
    def proximity_is_read(self) -> bool:
        """The socket has said whether a cable is in it; a fixed cable need not."""
        return not self.equipment.socket or self.proximity.stamp_s >= 0.0

    def copy(self) -> "ConnectorState":
        twin = shallow_copy(self)
        for one in fields(self):
            value = getattr(self, one.name)
            if hasattr(value, "copy"):
                setattr(twin, one.name, value.copy())
        return twin


class Moment:
    """One step while it runs: time, readings, and what the regions hand out."""

    __slots__ = ("deadline_s", "events", "notices", "now_s", "readings", "transaction")

    def __init__(self, now_s: float, readings: Readings, transaction: str = "") -> None:
        self.now_s = now_s
        self.readings = readings
        self.transaction = transaction
        """Id of the session's transaction; empty = none, or not known."""
        self.events: list[Event] = []
        self.notices: list[NoticeWish] = []
        self.deadline_s = float("inf")

    def say(self, name: str, detail: str = "") -> None:
        self.events.append(Event(name, detail))

    def wake(self, at_s: float) -> None:
        """Ask for a step at this time; a time that has passed asks for nothing."""
        if self.now_s < at_s < self.deadline_s:
            self.deadline_s = at_s


EPSILON_S = 1e-6
"""A deadline is met when it is this close: floats of the boot clock have less than a microsecond."""


def due(since_s: float, wait_s: float, now_s: float) -> bool:
    return now_s - since_s >= wait_s - EPSILON_S
