"""Register tables: what is read, and what the words mean."""

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.interfaces import RegisterRead
from services.metering.plausibility import energy_wh
from services.metering.registers import (
    MODELS,
    Kind,
    MeterModel,
    Order,
    Quantity,
    Register,
    decode,
    decode_number,
    plan,
    resolution_wh,
)
from tests.metering_words import SERIAL, dead_words, sdm630_words

pytestmark = pytest.mark.unit

SDM630 = MODELS["eastron_sdm630_v2"]
FORMATS = {
    Kind.UINT16: "H",
    Kind.INT16: "h",
    Kind.UINT32: "I",
    Kind.INT32: "i",
    Kind.FLOAT32: "f",
    Kind.UINT64: "Q",
    Kind.INT64: "q",
    Kind.FLOAT64: "d",
}


def a_model(*registers: Register, max_words: int = 125, longest_gap: int = 0) -> MeterModel:
    return MeterModel(
        name="paper",
        title="Paper",
        registers=registers,
        serial=None,
        energy_step_wh=1.0,
        max_words=max_words,
        longest_gap=longest_gap,
    )


def a_register(address: int, kind: Kind = Kind.FLOAT32, function: int = 4) -> Register:
    return Register(quantity=Quantity.POWER, address=address, kind=kind, function=function)


def test_the_sdm630_is_read_in_one_block_and_its_serial_number_last() -> None:
    assert plan(SDM630) == (RegisterRead(4, 0, 74), RegisterRead(3, 0xFC00, 2))


def test_the_sdm630_decodes_every_quantity_from_its_documented_address() -> None:
    words = sdm630_words(1234.567, 11_000.0, (16.0, 15.5, 15.0), (231.0, 229.5, 230.25), 0.99, 49.98)
    sample = decode(SDM630, words)
    assert sample.serial == str(SERIAL)
    assert sample.phases(Quantity.CURRENT) == (16.0, 15.5, 15.0)
    assert sample.phases(Quantity.VOLTAGE) == (231.0, 229.5, 230.25)
    assert sample.of(Quantity.POWER) == 11_000.0
    assert sample.of(Quantity.POWER_FACTOR) == pytest.approx(0.99)
    assert sample.of(Quantity.FREQUENCY) == pytest.approx(49.98)
    assert energy_wh(sample) == 1_234_567


@pytest.mark.parametrize(
    ("registers", "longest_gap", "max_words", "expected"),
    [
        ([a_register(0), a_register(2)], 0, 125, [(4, 0, 4)]),
        ([a_register(2), a_register(0)], 0, 125, [(4, 0, 4)]),
        ([a_register(0), a_register(4)], 0, 125, [(4, 0, 2), (4, 4, 2)]),
        ([a_register(0), a_register(4)], 2, 125, [(4, 0, 6)]),
        ([a_register(0), a_register(2)], 0, 3, [(4, 0, 2), (4, 2, 2)]),
        ([a_register(0), a_register(2)], 0, 4, [(4, 0, 4)]),
        ([a_register(0), a_register(2, function=3)], 0, 125, [(3, 2, 2), (4, 0, 2)]),
        ([a_register(0, Kind.UINT64), a_register(1, Kind.UINT16)], 0, 125, [(4, 0, 4)]),
        ([], 0, 125, []),
    ],
)
def test_reads_join_neighbours_up_to_the_longest_gap_and_the_largest_block(
    registers: list[Register], longest_gap: int, max_words: int, expected: list[tuple[int, int, int]]
) -> None:
    model = a_model(*registers, max_words=max_words, longest_gap=longest_gap)
    assert [tuple(read) for read in plan(model)] == expected


@given(
    addresses=st.lists(st.integers(0, 400), min_size=1, max_size=40, unique=True),
    max_words=st.integers(4, 125),
    longest_gap=st.integers(0, 60),
)
def test_a_plan_covers_every_register_and_no_read_is_too_long(
    addresses: list[int], max_words: int, longest_gap: int
) -> None:
    model = a_model(
        *(a_register(4 * address, Kind.UINT64) for address in addresses), max_words=max_words, longest_gap=longest_gap
    )
    reads = plan(model)
    assert all(1 <= read.count <= max_words for read in reads)
    for register in model.registers:
        assert any(
            read.address <= register.address and register.address + 4 <= read.address + read.count for read in reads
        )


@given(kind=st.sampled_from(list(Kind)), data=st.data())
def test_numbers_survive_every_kind_and_order(kind: Kind, data: st.DataObject) -> None:
    letter = FORMATS[kind]
    bits = 16 * kind.words
    value: float
    if letter in "fd":
        value = data.draw(st.floats(allow_nan=False, width=32 if letter == "f" else 64))
    elif letter.isupper():
        value = data.draw(st.integers(0, 2**bits - 2))
    else:
        value = data.draw(st.integers(-(2 ** (bits - 1)) + 1, 2 ** (bits - 1) - 1))
    words = struct.unpack(f">{kind.words}H", struct.pack(f">{letter}", value))
    swapped_bytes = [int.from_bytes(word.to_bytes(2, "big"), "little") for word in words]
    assert decode_number(words, kind, Order.BIG, Order.BIG) == value
    assert decode_number(words[::-1], kind, Order.LITTLE, Order.BIG) == value
    assert decode_number(swapped_bytes, kind, Order.BIG, Order.LITTLE) == value
    assert decode_number(swapped_bytes[::-1], kind, Order.LITTLE, Order.LITTLE) == value


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (Kind.UINT16, (0xFFFF,)),
        (Kind.INT16, (0x8000,)),
        (Kind.UINT32, (0xFFFF, 0xFFFF)),
        (Kind.INT32, (0x8000, 0)),
        (Kind.FLOAT32, (0x7FC0, 0)),
        (Kind.FLOAT32, (0xFFFF, 0xFFFF)),
        (Kind.UINT64, (0xFFFF,) * 4),
        (Kind.INT64, (0x8000, 0, 0, 0)),
        (Kind.FLOAT64, (0x7FF8, 0, 0, 0)),
    ],
)
def test_the_words_for_no_value_are_not_a_number(kind: Kind, words: tuple[int, ...]) -> None:
    assert math.isnan(decode_number(words, kind, Order.BIG, Order.BIG))


@given(st.integers(0, 16_000_000))
def test_every_watt_hour_up_to_16_mwh_survives_the_float_of_kilowatt_hours(energy: int) -> None:
    assert energy_wh(decode(SDM630, sdm630_words(energy / 1000.0))) == energy


@given(st.floats(min_value=0.0, max_value=1e9, width=32))
def test_published_energy_is_the_nearest_watt_hour_of_what_the_register_says(kilowatt_hours: float) -> None:
    energy = energy_wh(decode(SDM630, sdm630_words(kilowatt_hours)))
    assert energy is not None
    assert abs(energy - kilowatt_hours * 1000.0) <= 0.5


def test_a_serial_number_of_all_ones_is_none() -> None:
    assert decode(SDM630, sdm630_words(serial=0xFFFFFFFF)).serial == ""


def test_dead_values_decode_to_not_a_number_and_do_not_raise() -> None:
    assert all(math.isnan(value) for value in decode(SDM630, dead_words()).values.values())


@pytest.mark.parametrize(
    "words",
    [
        (),
        ((0,) * 74,),
        ((0,) * 73, (0, 0)),
        ((0,) * 74, (0,)),
        ((0,) * 74, (0, 0), ()),
        ((0x10000,) * 74, (0, 0)),
        ((-1,) * 74, (0, 0)),
    ],
)
def test_an_answer_of_another_shape_is_refused(words: tuple[tuple[int, ...], ...]) -> None:
    with pytest.raises(ValueError, match=r"words|bits"):
        decode(SDM630, words)


@pytest.mark.parametrize(("energy", "step"), [(0.0, 10.0), (16_000_000.0, 10.0), (500_000_000.0, 31.25)])
def test_the_resolution_is_the_counters_step_until_the_float_is_coarser(energy: float, step: float) -> None:
    assert resolution_wh(SDM630, energy) == pytest.approx(step)
