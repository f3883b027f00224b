"""Register tables of meters, by model name: what to read, and what the words mean. Pure.

Addresses are zero-based, as on the wire; a value is raw number * scale in Wh, W, A, V, Hz.
"""

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from hardware.interfaces import RegisterRead

HOLDING = 3
INPUT = 4


class Quantity(str, Enum):
    ENERGY_IMPORT = "energy_import"
    POWER = "power"
    CURRENT = "current"
    VOLTAGE = "voltage"
    POWER_FACTOR = "power_factor"
    FREQUENCY = "frequency"
    PHASE_SEQUENCE = "phase_sequence"
    """0 or more = L1, L2, L3; below 0 = L1, L3, L2."""


class Kind(Enum):
    """(struct format of the bytes in transmission order, words)."""

    UINT16 = ("H", 1)
    INT16 = ("h", 1)
    UINT32 = ("I", 2)
    INT32 = ("i", 2)
    FLOAT32 = ("f", 2)
    UINT64 = ("Q", 4)
    INT64 = ("q", 4)
    FLOAT64 = ("d", 4)

    @property
    def words(self) -> int:
        return self.value[1]


class Order(str, Enum):
    BIG = "big"
    LITTLE = "little"


@dataclass(frozen=True, kw_only=True)
class Register:
    quantity: Quantity
    address: int
    phase: int = 0
    """1..3; 0 = the whole connection."""
    function: int = INPUT
    kind: Kind = Kind.FLOAT32
    scale: float = 1.0


@dataclass(frozen=True, kw_only=True)
class SerialRegister:
    """The serial number as the device keeps it: an unsigned number, or a text."""

    address: int
    function: int = HOLDING
    kind: Kind = Kind.UINT32
    text_words: int = 0
    """Two characters a word, the first in the higher byte, filled up with zeros; 0 = it is a number."""

    @property
    def words(self) -> int:
        return self.text_words or self.kind.words


@dataclass(frozen=True, kw_only=True)
class SigningRegisters:
    """Where a meter takes commands and shows the signed records that it makes (OCMF). All are holding registers.

    Texts are as in SerialRegister; a field is (first address, words).
    """

    flags: tuple[int, int]
    """Status, level and flags of the identification, and its type: written 0 (nothing is said of it)."""
    id_tag: tuple[int, int]
    tariff: tuple[int, int]
    """Stands in each record as TT: takes our id of the transaction."""
    command: int
    begin: int
    end: int
    abort: int
    charging: int
    """0 = no transaction is open."""
    state: int
    """Followed by the record's size in bytes."""
    running: int
    """It is signing."""
    ready: int
    corrupted: int
    file: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class MeterModel:
    name: str
    title: str
    registers: tuple[Register, ...]
    serial: SerialRegister | None
    energy_step_wh: float
    """How coarsely the register counts at worst."""
    max_words: int = 125
    """Words in one read."""
    longest_gap: int = 0
    """Words without a meaning that one read may span; 0 = this meter refuses undefined addresses."""
    word_order: Order = Order.BIG
    byte_order: Order = Order.BIG
    signing: SigningRegisters | None = None
    """None = it does not sign."""


@dataclass(frozen=True)
class Sample:
    """What the words of one question say; nothing of it is believed yet. Missing = this meter does not measure it."""

    values: dict[tuple[Quantity, int], float]
    """By quantity and phase; NaN where the meter itself says "no value"."""
    serial: str

    def of(self, quantity: Quantity, phase: int = 0) -> float | None:
        return self.values.get((quantity, phase))

    def phases(self, quantity: Quantity) -> tuple[float, float, float] | None:
        """L1, L2, L3; a single-phase meter's other two are 0."""
        first = self.of(quantity, 1)
        if first is None:
            return None
        return first, self.values.get((quantity, 2), 0.0), self.values.get((quantity, 3), 0.0)


def _each_phase(
    quantity: Quantity, first_address: int, kind: Kind = Kind.FLOAT32, scale: float = 1.0
) -> tuple[Register, ...]:
    return tuple(
        Register(quantity=quantity, phase=n + 1, address=first_address + 2 * n, kind=kind, scale=scale)
        for n in range(3)
    )


_MODELS = (
    MeterModel(
        name="eastron_sdm630_v2",
        title="Eastron SDM630 V2",
        max_words=80,
        longest_gap=40,
        energy_step_wh=10.0,
        serial=SerialRegister(address=0xFC00),
        registers=(
            *_each_phase(Quantity.VOLTAGE, 0x0000),
            *_each_phase(Quantity.CURRENT, 0x0006),
            Register(quantity=Quantity.POWER, address=0x0034),
            Register(quantity=Quantity.POWER_FACTOR, address=0x003E),
            Register(quantity=Quantity.FREQUENCY, address=0x0046),
            Register(quantity=Quantity.ENERGY_IMPORT, address=0x0048, scale=1000.0),
        ),
    ),
    # docs/signed-readings.md tells what is known of this device and what is assumed
    MeterModel(
        name="carlo_gavazzi_em580",
        title="Carlo Gavazzi EM580",
        word_order=Order.LITTLE,
        energy_step_wh=1.0,
        serial=SerialRegister(address=0x5000, text_words=7),
        registers=(
            *_each_phase(Quantity.VOLTAGE, 0x0000, Kind.INT32, 0.1),
            *_each_phase(Quantity.CURRENT, 0x000C, Kind.INT32, 0.001),
            Register(quantity=Quantity.POWER, address=0x0028, kind=Kind.INT32, scale=0.1),
            Register(quantity=Quantity.FREQUENCY, address=0x0033, kind=Kind.INT16, scale=0.1),
            Register(quantity=Quantity.ENERGY_IMPORT, address=0x0500, kind=Kind.INT64),
        ),
        signing=SigningRegisters(
            flags=(0x7000, 7),
            id_tag=(0x7007, 20),
            tariff=(0x6900, 20),
            command=0x7040,
            begin=ord("B"),
            end=ord("E"),
            abort=ord("A"),
            charging=0x7045,
            state=0x7100,
            running=1,
            ready=2,
            corrupted=3,
            file=(0x7110, 2031),
        ),
    ),
)

MODELS: dict[str, MeterModel] = {model.name: model for model in _MODELS}
"""Every meter model that a station file may name."""


def plan(model: MeterModel) -> tuple[RegisterRead, ...]:
    """The reads of one question, the serial number last.

    Last, because then a meter exchanged in between shows as another serial number and never as its predecessor's
    register.
    """
    reads: list[RegisterRead] = []
    for register in sorted(model.registers, key=lambda register: (register.function, register.address)):
        end = register.address + register.kind.words
        last = reads[-1] if reads else None
        if (
            last is not None
            and last.function == register.function
            and register.address - (last.address + last.count) <= model.longest_gap
            and end - last.address <= model.max_words
        ):
            reads[-1] = last._replace(count=max(last.count, end - last.address))
        else:
            reads.append(RegisterRead(register.function, register.address, register.kind.words))
    if model.serial is not None:
        reads.append(RegisterRead(model.serial.function, model.serial.address, model.serial.words))
    return tuple(reads)


def decode(model: MeterModel, words: Sequence[Sequence[int]]) -> Sample:
    """`words` answers `plan(model)`, one sequence per read. Raises ValueError for an answer of another shape."""
    reads = plan(model)
    if [len(block) for block in words] != [read.count for read in reads]:
        raise ValueError(f"asked for {[read.count for read in reads]} words, got {[len(block) for block in words]}")
    if any(not 0 <= word <= 0xFFFF for block in words for word in block):
        raise ValueError("a word has more than 16 bits")
    serial = ""
    if model.serial is not None and model.serial.text_words:
        serial = decode_text(words[-1])
    elif model.serial is not None:
        number = decode_number(words[-1], model.serial.kind, model.word_order, model.byte_order)
        serial = "" if math.isnan(number) else str(int(number))
    blocks = list(zip(reads, words, strict=True))
    if model.serial is not None:
        blocks.pop()
    values: dict[tuple[Quantity, int], float] = {}
    for register in model.registers:
        for read, block in blocks:
            offset = register.address - read.address
            if read.function == register.function and 0 <= offset <= read.count - register.kind.words:
                part = block[offset : offset + register.kind.words]
                number = decode_number(part, register.kind, model.word_order, model.byte_order)
                values[register.quantity, register.phase] = number * register.scale
                break
    return Sample(values, serial)


def decode_number(words: Sequence[int], kind: Kind, word_order: Order, byte_order: Order) -> float:
    """The number in these words; NaN for the value by which meters say "nothing to tell".

    That is: not-a-number of a float; all ones of an unsigned number; the least of a signed one (0x8000...).
    """
    ordered = list(words) if word_order is Order.BIG else list(reversed(words))
    raw = b"".join(word.to_bytes(2, byte_order.value) for word in ordered)
    letter, count = kind.value
    number: float = struct.unpack(f">{letter}", raw)[0]
    bits = 16 * count
    if letter in "HIQ" and number == 2**bits - 1:
        return math.nan
    if letter in "hiq" and number == -(2 ** (bits - 1)):
        return math.nan
    return number


def decode_text(words: Sequence[int]) -> str:
    """Two characters a word, up to the first zero; what cannot be printed becomes a question mark."""
    raw = b"".join(word.to_bytes(2, "big") for word in words).partition(b"\0")[0]
    text = raw.decode("ascii", "replace")
    return "".join(each if each.isprintable() and each.isascii() else "?" for each in text).strip()


def encode_text(text: str, count: int) -> tuple[int, ...]:
    """In so many words, filled up with zeros. What a record cannot carry becomes a low line."""
    plain = "".join(each if each.isascii() and each.isprintable() and each != "|" else "_" for each in text)
    raw = plain.encode("ascii")[: 2 * count].ljust(2 * count, b"\0")
    return struct.unpack(f">{count}H", raw)


def resolution_wh(model: MeterModel, energy_wh: float) -> float:
    """The least step that the register can show at this height.

    A float32 of kWh loses the single watt-hour above 16 MWh.
    """
    step = model.energy_step_wh
    for register in model.registers:
        if register.quantity is Quantity.ENERGY_IMPORT and register.phase == 0 and register.kind is Kind.FLOAT32:
            raw = energy_wh / register.scale
            if raw > 0.0:
                step = max(step, 2.0 ** (math.floor(math.log2(raw)) - 23) * register.scale)
    return step
