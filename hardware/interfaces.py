"""What a board can do. One ability per Protocol, units in the names; nothing here blocks.

Every value read has the boot-clock time of its sample: how old it may be is the reader's decision, not the driver's.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import NamedTuple, Protocol


class PilotMode(str, Enum):
    """What the EVSE puts on the control pilot (IEC 61851-1 annex A)."""

    X1 = "X1"
    """Constant +12 V: no current offered."""
    PWM = "PWM"
    """1 kHz, +-12 V."""
    F = "F"
    """Constant -12 V: EVSE not available."""


class PilotLevels(NamedTuple):
    high_v: float
    """Level of the positive part, behind the EVSE's 1 kOhm; the only level without PWM."""
    low_v: float
    """Level of the negative part; equal to high_v without PWM."""
    duty: float
    """Read back from the output, 0..1; 1.0 without PWM (0.0 in F)."""
    frequency_hz: float
    """Read back from the output; 0 without PWM."""
    sampled_s: float


class Resistance(NamedTuple):
    ohm: float
    """math.inf = open."""
    sampled_s: float


class Feedback(NamedTuple):
    closed: bool
    sampled_s: float


class ResidualCurrent(NamedTuple):
    """What a residual current module says (RDC-DD, IEC 62955; RCM)."""

    dc_ma: float
    """Measured smooth direct current; NaN = this module does not measure it."""
    rms_ma: float
    """Measured RMS value; NaN as above."""
    dc_tripped: bool
    """Its output for 6 mA DC."""
    rms_tripped: bool
    """Its output for 30 mA RMS."""
    device_error: bool
    sampled_s: float


class Voltages(NamedTuple):
    """Between each phase and neutral."""

    l1_v: float
    l2_v: float
    l3_v: float
    sampled_s: float


class Temperature(NamedTuple):
    celsius: float
    """NaN = the sensor is open, shorted or away."""
    sampled_s: float


class Speed(NamedTuple):
    rpm: float
    sampled_s: float


class LockDrive(str, Enum):
    STOP = "stop"
    LOCK = "lock"
    UNLOCK = "unlock"


class ControlPilot(Protocol):
    def levels(self) -> PilotLevels | None:
        """The latest sample; None before the first one, or when the driver cannot read."""

    def drive(self, mode: PilotMode, duty: float) -> None:
        """`duty` is 0..1 and only used with PWM."""

    def sample_every(self, period_s: float) -> None:
        """How often to sample at least; a change of level is reported at once in any case."""


class Proximity(Protocol):
    def resistance(self) -> Resistance | None: ...


class ContactorDrive(Protocol):
    def command(self, closed: bool) -> None: ...

    def mirror(self) -> Feedback | None:
        """The mirror contact as it is wired: `closed` = its circuit is closed. None = not fitted, or never read."""

    def select_phases(self, phases: int) -> None:
        """1 or 3: the relay of poles L2 and L3, where one is fitted. Only switched with the contactor open."""

    def phase_relay(self) -> Feedback | None:
        """`closed` = L2 and L3 are connected. None = not fitted, or never read."""


class CableLock(Protocol):
    def drive(self, direction: LockDrive) -> None: ...

    def feedback(self) -> Feedback | None:
        """`closed` = locked. None = never read, or an actuator without feedback."""

    def release_energy(self) -> Feedback | None:
        """`closed` = the emergency release is charged: it unlocks without supply. None = not fitted, or never read."""


class ResidualCurrentSensor(Protocol):
    def status(self) -> ResidualCurrent | None: ...

    def test(self, on: bool) -> None:
        """Drives the test winding: both outputs of a healthy module trip while it is on."""

    def version(self) -> str:
        """Firmware of the module; empty = unknown."""


class OutputSense(Protocol):
    """Measures what is behind the contactor."""

    def voltages(self) -> Voltages | None: ...


class DigitalInput(Protocol):
    def state(self) -> Feedback | None:
        """`closed` = current flows through the input. None = never read."""


class DigitalOutput(Protocol):
    def drive(self, on: bool) -> None: ...

    def readback(self) -> Feedback | None:
        """What the pin really does; None = this board cannot read it back."""


class TemperatureSensor(Protocol):
    def read(self) -> Temperature | None: ...


class Tachometer(Protocol):
    def read(self) -> Speed | None: ...


class Feed(Protocol):
    """The monoflop between the process and the contactor's coil."""

    def feed(self, stamp_s: float) -> None:
        """Keep the coil enabled for 150 ms from `stamp_s` (boot clock), not from the arrival of this call."""


class ConnectorBoard(Protocol):
    @property
    def pilot(self) -> ControlPilot: ...
    @property
    def proximity(self) -> Proximity | None: ...
    @property
    def contactor(self) -> ContactorDrive: ...
    @property
    def lock(self) -> CableLock | None: ...
    @property
    def residual(self) -> ResidualCurrentSensor | None: ...
    @property
    def output_sense(self) -> OutputSense | None: ...


class EventSource(Protocol):
    """A driver that is woken by its hardware."""

    def fileno(self) -> int:
        """Readable when there is something to receive; -1 = nothing to wait for (in one process with the site)."""

    def receive(self) -> None:
        """Take in everything that has arrived; cheap when nothing has. Reconnects by itself and never raises for it."""


class SafetyBoard(EventSource, Protocol):
    @property
    def connectors(self) -> Mapping[int, ConnectorBoard]: ...
    @property
    def inputs(self) -> Mapping[str, DigitalInput]:
        """By name (`schemas/station.py`, INPUTS): "rcd" is of connector 1 or the station, "rcd.2" of connector 2."""

    @property
    def outputs(self) -> Mapping[str, DigitalOutput]:
        """By name (`schemas/station.py`, OUTPUTS)."""

    @property
    def temperatures(self) -> Mapping[str, TemperatureSensor]:
        """By name (`schemas/station.py`, TEMPERATURES)."""

    @property
    def tachometers(self) -> Mapping[str, Tachometer]: ...
    @property
    def feed(self) -> Feed: ...
    @property
    def trouble(self) -> str:
        """What is wrong between the driver and its hardware, for a person; empty = nothing. While it is set nothing
        that is driven is known to arrive."""

    def trouble_of(self, connector: int) -> str:
        """The part of `trouble` that concerns this connector: its own, and what all share."""

    def report(self) -> Sequence[tuple[str, str]]:
        """What else the board can tell a person of itself, as (name, words): its firmware, counters of its link."""

    @property
    def flushed_s(self) -> float:
        """Boot-clock time just after a flush had written something; 0 = never."""

    def flush(self) -> None:
        """Send everything driven since the last call: outputs of one step leave together."""

    def close(self) -> None:
        """Let go of the hardware, after the last flush; a watchdog is disarmed. Only an orderly end calls this."""


class CardSeen(NamedTuple):
    id_tag: str
    """Raw UID as hexadecimal digits, or whatever text the reader delivers; not yet validated."""
    reader: str
    connectors: tuple[int, ...]
    seen_s: float
    presentation_id: str


class CardReader(Protocol):
    def cards(self) -> Sequence[CardSeen]:
        """Cards presented since the last call."""


class Light(NamedTuple):
    red: float
    green: float
    blue: float
    """0..1 each."""
    blink_hz: float = 0.0
    """0 = steady."""


class Indicator(Protocol):
    def show(self, connector: int, light: Light) -> None: ...


class Display(Protocol):
    def show(self, connector: int, lines: Sequence[str]) -> None: ...


class PeopleBoard(EventSource, Protocol):
    """The side of the board that people touch and see."""

    @property
    def reader(self) -> CardReader: ...
    @property
    def indicator(self) -> Indicator: ...
    @property
    def display(self) -> Display: ...


class RegisterRead(NamedTuple):
    function: int
    """3 = holding registers, 4 = input registers."""
    address: int
    """Zero-based, as on the wire."""
    count: int  # type: ignore[assignment]


class RegisterWrite(NamedTuple):
    """Function 16: holding registers, one after the other."""

    address: int
    words: tuple[int, ...]


RegisterStep = RegisterRead | RegisterWrite


class RegisterAnswer(NamedTuple):
    asked_s: float
    """Boot-clock time just before the first request: the values are at least this young."""
    answered_s: float
    words: tuple[tuple[int, ...], ...]
    """One tuple per step, in the order asked, empty for a write; none at all with an error."""
    error: str = ""
    refused: bool = False
    """The meter itself said no (a Modbus exception); the wire is sound."""


class MeterLink(EventSource, Protocol):
    """The wire to one meter: at most one question outstanding, never blocking the caller."""

    def ask(self, steps: Sequence[RegisterStep]) -> bool:
        """In this order, and no further than to the first that fails. False = the previous question is unanswered."""

    def answer(self) -> RegisterAnswer | None:
        """The answer to the last question, once."""
