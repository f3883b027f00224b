"""What `safety` says: the state of each connector between grid and car."""

from msgspec import field

from schemas.base import Message, Open, Request
from schemas.units import (
    Amperes,
    BootSeconds,
    Celsius,
    ConnectorNumber,
    Count,
    Milliamperes,
    Milliseconds,
    PhaseCount,
    RevolutionsPerMinute,
    StationOrConnector,
    Word,
)


class PilotState(Open):
    """States of the safety state machine (IEC 61851-1 letters; 1 = no PWM, 2 = PWM)."""

    UNKNOWN = "unknown"
    BOOT = "boot"
    A = "A"
    """No vehicle."""
    B1 = "B1"
    """Vehicle plugged in, no permission: constant +12 V behind the EVSE's resistor (X1)."""
    B2 = "B2"
    """Vehicle plugged in, current offered by PWM."""
    C2 = "C2"
    """Vehicle asks for power; contactor closing or closed."""
    C1 = "C1"
    """Vehicle asks for power, the EVSE does not offer any (paused, or about to open after 6 s)."""
    D2 = "D2"
    D1 = "D1"
    E = "E"
    """Pilot shorted or lost."""
    F = "F"
    """EVSE not available: -12 V."""
    FAULT = "fault"
    """A recoverable fault is active."""
    LATCHED = "latched"
    """A fault that needs an unplug or a person."""
    LOCKOUT = "lockout"
    """Welded contactor: out of service until service resets it."""


class Contactor(Open):
    UNKNOWN = "unknown"
    """Not proven either way."""
    OPEN = "open"
    CLOSING = "closing"
    CLOSED = "closed"
    OPENING = "opening"


class Lock(Open):
    UNKNOWN = "unknown"
    NONE = "none"
    """No lock mounted (fixed cable)."""
    UNLOCKED = "unlocked"
    LOCKING = "locking"
    LOCKED = "locked"
    UNLOCKING = "unlocking"
    FAILED = "failed"


class SafetyConnector(Message, frozen=True, kw_only=True):
    """`safety.connector/N`: published at every change and once a second."""

    connector: ConnectorNumber
    state: PilotState
    contactor: Contactor
    lock: Lock
    vehicle_connected: bool
    """The pilot shows a vehicle (B, C or D)."""
    cable_plugged: bool
    """Socket: a cable's coding resistor is seen; fixed cable: always true."""
    vehicle_wants_power: bool = False
    """The vehicle has closed S2 (C or D)."""
    plug_count: Count = 0
    """Vehicle connections seen since this process started: a missed unplug-replug shows as a step of two edges."""
    run_id: str = ""
    """Changes with every start of the process; `plug_count` counts within it."""
    offered_a: Amperes = 0.0
    """What the PWM tells the vehicle now; 0 without PWM."""
    cable_limit_a: Amperes = 0.0
    """Ampacity from the proximity resistor; the connector's rating with a fixed cable; 0 = unreadable."""
    rated_a: Amperes = 0.0
    """The lower of station file and `HardwareCurrentLimit`, as this process read them at its start."""
    permission_until_s: BootSeconds = 0.0
    contactor_open_since_s: BootSeconds = 0.0
    """Boot-clock time since which the main contacts are proven open; 0 while they are not."""
    coil_off_s: BootSeconds = 0.0
    """Boot-clock time just after the last command to open the contactor was written to the board; 0 = none yet."""
    contactor_cycles: Count = 0
    faults: tuple[str, ...] = ()
    """Names of the active faults of this connector, worst first."""
    only_latched: bool = False
    """What stopped power is over and latched: it waits for the unplug, at a domestic socket for a person."""
    retry_after_s: BootSeconds = 0.0
    """Boot-clock time before which the contactor will not close again; 0 = no hold-off."""
    reason: str = ""
    """Why power does not flow, for a person; empty while it does."""
    limit_words: str = ""
    """What else bounds the offer below permission, rating and cable, for a person; empty = nothing does."""
    limit_a: Amperes | None = None
    """The bound that `limit_words` names; None = none."""
    unwatched: str = ""
    """What of currents and voltages cannot be watched now, for a person; empty = everything is."""
    phases: PhaseCount = 0
    """1 or 3: as the relay of L2 and L3 stands; 0 = not switched here."""
    residual_state: str = ""
    """Of the residual current module, for a person; empty = none is fitted."""
    residual_dc_ma: Milliamperes | None = None
    residual_rms_ma: Milliamperes | None = None
    residual_max_dc_ma: Milliamperes = 0.0
    """Largest value of the present transaction, or of the last one."""
    residual_max_rms_ma: Milliamperes = 0.0
    residual_version: str = ""
    """Firmware of the residual current module."""
    plug_cycles: Count = 0
    contactor_load_cycles: Count = 0
    """Openings at more than ThresholdContactorCurrentUnderLoad."""
    opening_ms: Milliseconds | None = None
    """How long the contactor took to open last, from the coil's edge to the mirror contact; None = not measured."""
    closing_ms: Milliseconds | None = None
    wakes_vehicle: bool = False
    """State F for a few seconds, to wake a vehicle that does not ask for the current it is offered."""


class SafetyStation(Message, frozen=True, kw_only=True):
    """`safety.station`: what the board reads and drives beside the connectors; at every change and once a second."""

    temperatures_c: dict[str, Celsius | None] = field(default_factory=dict)
    """By name of the sensor; None = it does not answer."""
    inputs: dict[str, bool | None] = field(default_factory=dict)
    """By name; True = active, as it is wired."""
    outputs: dict[str, bool] = field(default_factory=dict)
    fan_rpm: RevolutionsPerMinute | None = None
    trouble: str = ""
    """Between the driver and its hardware, for a person; empty = none."""


class LookRequest(Request, frozen=True, kw_only=True):
    """`safety.look`: every reading, as texts by name, in the values of the answer."""

    connector: StationOrConnector = 0
    """0 = what the connectors share."""


class SetOutputRequest(Request, frozen=True, kw_only=True):
    """`safety.set_output`: the backend switches a free output (InputOutputBackendControlledMode)."""

    output: Word
    on: bool


class ReadInputsRequest(Request, frozen=True, kw_only=True):
    """`safety.read_inputs`: free inputs and outputs by name, for the backend: "on", "off" or empty (not read)."""


class ExerciseRequest(Request, frozen=True, kw_only=True):
    """`safety.exercise`: tries out one part while no vehicle is there; answered when it has ended, within 10 s."""

    what: Word
    """lock, residual, pilot, contactor or output."""
    connector: StationOrConnector = 1
    output: Word = ""
    """Name of the output."""
    force: bool = False
    """For what is not harmless: closing the contactor, switching the auxiliary output."""
