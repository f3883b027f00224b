"""The messages of the serial link as they are on the wire. Pure. `docs/mcu-protocol.md` says what each field means.

Numbers are little-endian and without padding. Stamps are microseconds of the microcontroller's own counter (`..._us`)
or of the host's boot clock (`host_us`): 32 bits, wrapping.
"""

import struct
from enum import IntEnum
from typing import Any, NamedTuple, TypeVar

MOST_CONNECTORS = 16
NEVER = 0xFFFFFFFF
NOT_MEASURED = 0xFFFF
"""A speed that is not measured; an age of 65.5 s or more."""
UNREADABLE = -0x8000
"""A level, temperature or current that cannot be measured now."""
NOT_FITTED = 0x7FFF
OPEN_OHM = 0xFFFFFFFF
DUTY_STEPS = 10_000


class Kind(IntEnum):
    HELLO = 0x01
    DRIVE = 0x02
    IDENTITY = 0x81
    STATUS = 0x82
    CONNECTOR = 0x83
    STATION = 0x84


class BadMessage(ValueError):
    """A frame that is whole but says something impossible; the text says what, of "it"."""


class Hello(NamedTuple):
    run_id: int
    host_us: int


class Drive(NamedTuple):
    host_us: int
    flags: int
    outputs: int
    connectors: int


class DriveConnector(NamedTuple):
    pilot: int = 0
    duty: int = DUTY_STEPS
    coil: int = 0
    lock: int = 0
    residual_test: int = 0
    phases: int = 0
    sample_ms: int = 200


class Identity(NamedTuple):
    run_id: int
    boot_id: int
    firmware: bytes
    board: bytes
    self_test: int
    inputs: int
    outputs: int
    temperatures: int
    fan: int
    connectors: int


class IdentityConnector(NamedTuple):
    abilities: int
    inputs: int
    temperatures: int
    residual_version: bytes


class Status(NamedTuple):
    mcu_us: int
    echo_us: int
    echo_age_us: int
    state: int
    reset_reason: int
    coils: int
    feed_age_ms: int
    damaged: int
    lost: int
    repeated: int
    uptime_s: int


class ConnectorReading(NamedTuple):
    number: int
    pilot: int
    driven_duty: int
    coil: int
    lock: int
    residual_test: int
    valid: int
    pilot_us: int
    high_mv: int
    low_mv: int
    duty: int
    frequency_hz: int
    switches_us: int
    switches: int
    proximity_us: int
    proximity_ohm: int
    residual_us: int
    dc_100ua: int
    rms_100ua: int
    voltages_us: int
    l1_100mv: int
    l2_100mv: int
    l3_100mv: int
    inputs_valid: int
    inputs: int


class StationReading(NamedTuple):
    inputs_us: int
    inputs_valid: int
    inputs: int
    outputs: int
    temperatures_us: int
    housing: int
    cpu: int
    rfid: int
    fan_us: int
    fan_rpm: int
    connectors: int


class StationConnector(NamedTuple):
    relay: int
    plug_1: int
    plug_2: int


LAYOUTS: dict[type[Any], struct.Struct] = {
    Hello: struct.Struct("<II"),
    Drive: struct.Struct("<IBHB"),
    DriveConnector: struct.Struct("<BHBBBBH"),
    Identity: struct.Struct("<II16s16sHHHBBB"),
    IdentityConnector: struct.Struct("<HBB8s"),
    Status: struct.Struct("<IIIBBHHIIII"),
    ConnectorReading: struct.Struct("<BBHBBBHIhhHHIHIIIhhIHHHBB"),
    StationReading: struct.Struct("<IHHHIhhhIHB"),
    StationConnector: struct.Struct("<hhh"),
}

FEED = 0x01
"""Flag of DRIVE."""
X1, PWM, F = 0, 1, 2
STOP, LOCK, UNLOCK = 0, 1, 2


class State(IntEnum):
    """What the microcontroller is doing."""

    STARTING = 0
    READY = 1
    NO_FEED = 2
    NO_HOST = 3
    BROKEN = 4


class Ability(IntEnum):
    """Bits of what a connector has."""

    PROXIMITY = 0x0001
    MIRROR = 0x0002
    LOCK = 0x0004
    LOCK_FEEDBACK = 0x0008
    RELEASE_ENERGY = 0x0010
    RESIDUAL = 0x0020
    OUTPUT_SENSE = 0x0040
    PHASE_RELAY = 0x0080


class Valid(IntEnum):
    """Bits of what was ever read."""

    PILOT = 0x0001
    MIRROR = 0x0002
    LOCK = 0x0004
    RELEASE_ENERGY = 0x0008
    PHASE_RELAY = 0x0010
    PROXIMITY = 0x0020
    RESIDUAL = 0x0040
    VOLTAGES = 0x0080


class Switch(IntEnum):
    """Bits of what is closed."""

    MIRROR = 0x0001
    LOCKED = 0x0002
    RELEASE_CHARGED = 0x0004
    PHASE_RELAY = 0x0008
    DC_TRIPPED = 0x0010
    RMS_TRIPPED = 0x0020
    RESIDUAL_ERROR = 0x0040


CONNECTOR_INPUTS = ("rcd", "mcb", "monitoring_relay", "line", "protective_earth", "overcurrent")
STATION_INPUTS = (
    "opto_1", "opto_2", "energy_management", "spd", "tamper", "tilt", "emergency_stop", "schuko_mcb", "water",
)  # fmt: skip
OUTPUTS = ("auxiliary", "relay_2", "output_1", "output_2", "climate", "ventilation")
STATION_TEMPERATURES = ("housing", "cpu", "rfid")
CONNECTOR_TEMPERATURES = ("relay", "plug_1", "plug_2")
"""By bit or place. Names are only ever added at the end."""

OUTLET = 1 << 15
"""Among the bits of outputs: the relay of `auxiliary` as the coil of a domestic socket, under the rules of a coil. The
highest one: names are added from below."""

SELF_TEST = (
    "its program memory is damaged",
    "its working memory is damaged",
    "its ADC reference is wrong",
    "its pilot output does not follow",
    "its coil output does not follow",
    "its own watchdog has reset it",
    "its supply is too low",
)
"""By bit of IDENTITY's `self_test`."""

Record = TypeVar("Record", bound=tuple[Any, ...])
Part = TypeVar("Part", bound=tuple[Any, ...])


def packed(record: tuple[Any, ...], parts: tuple[tuple[Any, ...], ...] = ()) -> bytes:
    """Payload of a message and, where it has them, the parts of each connector."""
    return LAYOUTS[type(record)].pack(*record) + b"".join(LAYOUTS[type(part)].pack(*part) for part in parts)


def unpacked(kind: type[Record], payload: bytes) -> Record:
    """Of a message without parts. Raises BadMessage."""
    layout = LAYOUTS[kind]
    if len(payload) != layout.size:
        raise BadMessage(f"it has {len(payload)} bytes, {layout.size} expected")
    return kind._make(layout.unpack(payload))  # type: ignore[attr-defined, no-any-return]


def unpacked_parts(kind: type[Record], part: type[Part], payload: bytes) -> tuple[Record, tuple[Part, ...]]:
    """Of a message whose last head field counts its parts. Raises BadMessage."""
    head_layout, part_layout = LAYOUTS[kind], LAYOUTS[part]
    head = unpacked(kind, payload[: head_layout.size])
    rest = payload[head_layout.size :]
    count: int = head[-1]
    if count > MOST_CONNECTORS:
        raise BadMessage(f"it is for {count} connectors, at most {MOST_CONNECTORS} are possible")
    if len(rest) != count * part_layout.size:
        expected = head_layout.size + count * part_layout.size
        raise BadMessage(f"it has {len(payload)} bytes, {expected} expected for its {count} connectors")
    return head, tuple(part._make(each) for each in part_layout.iter_unpack(rest))  # type: ignore[attr-defined]


def stamps_of_connector(read: ConnectorReading) -> list[int]:
    """Those that something valid hangs on."""
    switches = Valid.MIRROR | Valid.LOCK | Valid.RELEASE_ENERGY | Valid.PHASE_RELAY
    of_each = (
        (read.valid & Valid.PILOT, read.pilot_us),
        (read.valid & switches or read.inputs_valid, read.switches_us),
        (read.valid & Valid.PROXIMITY, read.proximity_us),
        (read.valid & Valid.RESIDUAL, read.residual_us),
        (read.valid & Valid.VOLTAGES, read.voltages_us),
    )
    return [stamp_us for valid, stamp_us in of_each if valid]


def stamps_of_station(read: StationReading, parts: tuple[StationConnector, ...]) -> list[int]:
    """Those that something measured hangs on; inputs and outputs are always read."""
    values = (read.housing, read.cpu, read.rfid, *(value for part in parts for value in part))
    measured = any(value != NOT_FITTED for value in values)
    return [
        read.inputs_us,
        *([read.temperatures_us] if measured else []),
        *([read.fan_us] if read.fan_rpm != NOT_MEASURED else []),
    ]


def text(data: bytes) -> str:
    """Of a field of fixed length: printable ASCII up to the first zero."""
    return "".join(chr(byte) for byte in data.partition(b"\0")[0] if 0x20 <= byte < 0x7F)


def field_places(kind: type[Any]) -> list[tuple[str, int, int]]:
    """(name, offset, bytes) of every field: what the page for firmware authors is checked against."""
    places, offset, digits = [], 0, ""
    names = iter(kind._fields)
    for character in LAYOUTS[kind].format.removeprefix("<"):
        if character.isdigit():
            digits += character
            continue
        size = struct.calcsize(f"<{digits}{character}")
        places.append((next(names), offset, size))
        offset, digits = offset + size, ""
    return places
