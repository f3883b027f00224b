"""What drivers and world say to each other on `board.sock`: one MessagePack map per SOCK_SEQPACKET packet.

Every packet carries the boot-clock time at which it was sent, every reading the time of its sample.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct, msgpack

from hardware.interfaces import LockDrive, PilotMode

VERSION = 1
LARGEST_PACKET = 32 * 1024
SAMPLES_AT_LEAST_EVERY_S = (0.005, 10.0)

Number = Annotated[int, Meta(ge=1, le=99)]
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
BootSeconds = Annotated[float, Meta(ge=0.0, le=1e10)]
MOST_NAMES = 64
Name = Annotated[str, Meta(max_length=32)]
"""Of an input, output or sensor."""
LONGEST_LINE = 64
MOST_LINES = 16
Text = Annotated[str, Meta(max_length=LONGEST_LINE)]


class Hello(Struct, frozen=True, tag="hello"):
    """A driver's first packet."""

    role: Literal["safety", "people"]
    version: int = VERSION


class ConnectorOutputs(Struct, omit_defaults=True):
    """Only what has changed; None = as before."""

    pilot: tuple[PilotMode, Share] | None = None
    contactor: bool | None = None
    lock: LockDrive | None = None
    phases: Literal[1, 3] | None = None
    residual_test: bool | None = None
    sample_every_s: Annotated[float, Meta(gt=0.0, le=3600.0)] | None = None


class Outputs(Struct, tag="outputs", omit_defaults=True):
    """Everything that one step of `safety` drives."""

    sent_s: BootSeconds
    feed_s: BootSeconds | None = None
    connectors: Annotated[dict[Number, ConnectorOutputs], Meta(max_length=99)] = {}
    station: Annotated[dict[Name, bool], Meta(max_length=MOST_NAMES)] = {}
    """Outputs of the station by name."""


class Shown(Struct, frozen=True, tag="shown", omit_defaults=True):
    """Lights (red, green, blue, blink frequency) and lines of text."""

    sent_s: BootSeconds
    lights: Annotated[dict[Number, tuple[Share, Share, Share, Annotated[float, Meta(ge=0.0, le=50.0)]]],
                      Meta(max_length=99)] = {}  # fmt: skip
    texts: Annotated[dict[Number, Annotated[tuple[Text, ...], Meta(max_length=MOST_LINES)]], Meta(max_length=99)] = {}


class ConnectorReadings(Struct, frozen=True, omit_defaults=True):
    """None = nothing new, or not fitted."""

    pilot: tuple[float, float, float, float, float] | None = None
    """high_v, low_v, duty, frequency_hz, sampled_s."""
    proximity: tuple[float, float] | None = None
    mirror: tuple[bool, float] | None = None
    lock: tuple[bool, float] | None = None
    release: tuple[bool, float] | None = None
    """The energy store of the lock's emergency release is charged."""
    phase_relay: tuple[bool, float] | None = None
    residual: tuple[float, float, bool, bool, bool, float] | None = None
    """dc_ma, rms_ma, dc_tripped, rms_tripped, device_error, sampled_s."""
    residual_version: Text = ""
    voltages: tuple[float, float, float, float] | None = None
    """Behind the contactor: l1_v, l2_v, l3_v, sampled_s."""


class StationReadings(Struct, frozen=True, omit_defaults=True):
    """What is not of one connector, by name."""

    sampled_s: BootSeconds
    """Of inputs and outputs."""
    inputs: dict[str, bool] = {}
    """True = current flows through the input."""
    outputs: dict[str, bool] = {}
    """Read back from the pins."""
    temperatures: dict[str, tuple[float, float]] = {}
    """celsius, sampled_s; empty = nothing new."""
    fan: tuple[float, float] | None = None
    """rpm, sampled_s."""


class Readings(Struct, frozen=True, tag="readings", omit_defaults=True):
    sent_s: BootSeconds
    connectors: dict[int, ConnectorReadings]
    station: StationReadings | None = None


class Cards(Struct, frozen=True, tag="cards"):
    sent_s: BootSeconds
    cards: tuple[tuple[str, str, tuple[int, ...], float, str], ...]
    """id_tag, reader, connectors, seen_s, presentation_id."""


class Refused(Struct, frozen=True, tag="refused"):
    """The last packet before the world hangs up."""

    reason: str


ToWorld = Hello | Outputs | Shown
FromWorld = Readings | Cards | Refused

encode = msgpack.Encoder().encode
decode_to_world = msgpack.Decoder(ToWorld).decode
decode_from_world = msgpack.Decoder(FromWorld).decode
