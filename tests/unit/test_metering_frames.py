"""Modbus TCP frames: the same bytes as those of pymodbus, both ways, and nothing else is taken for an answer."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.framer import FramerSocket
from pymodbus.pdu import DecodePDU, ExceptionResponse, ModbusPDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadHoldingRegistersResponse,
    ReadInputRegistersRequest,
    ReadInputRegistersResponse,
    WriteMultipleRegistersRequest,
    WriteMultipleRegistersResponse,
)

from hardware.interfaces import RegisterRead, RegisterStep, RegisterWrite
from services.metering.frames import (
    MOST_READ,
    MOST_WRITTEN,
    Frame,
    Malformed,
    Refused,
    answer,
    question,
    take_frame,
)

pytestmark = pytest.mark.unit

METER = FramerSocket(DecodePDU(True))
"""pymodbus on the other side."""
numbers, units, words = st.integers(1, 0xFFFF), st.integers(0, 255), st.integers(0, 0xFFFF)
READ = RegisterRead(4, 0, 2)
REQUESTS = {3: ReadHoldingRegistersRequest, 4: ReadInputRegistersRequest}
RESPONSES = {3: ReadHoldingRegistersResponse, 4: ReadInputRegistersResponse}


def sent_by_pymodbus(response: ModbusPDU, transaction: int = 1, unit: int = 1) -> bytes:
    response.transaction_id, response.dev_id = transaction, unit
    return bytes(METER.buildFrame(response))


def only_frame(data: bytes) -> Frame:
    buffer = bytearray(data)
    frame = take_frame(buffer)
    assert frame is not None
    assert not buffer
    return frame


@given(
    function=st.sampled_from([3, 4]),
    address=st.integers(0, 0xFFFF - MOST_READ),
    count=st.integers(1, MOST_READ),
    transaction=numbers,
    unit=units,
)
def test_a_read_is_asked_as_pymodbus_asks_it(
    function: int, address: int, count: int, transaction: int, unit: int
) -> None:
    request = REQUESTS[function](address=address, count=count, dev_id=unit, transaction_id=transaction)
    assert question(RegisterRead(function, address, count), transaction, unit) == METER.buildFrame(request)


@given(
    address=st.integers(0, 0xFFFF - MOST_WRITTEN),
    values=st.lists(words, min_size=1, max_size=MOST_WRITTEN),
    transaction=numbers,
    unit=units,
)
def test_a_write_is_asked_as_pymodbus_asks_it(address: int, values: list[int], transaction: int, unit: int) -> None:
    request = WriteMultipleRegistersRequest(address=address, registers=values, dev_id=unit, transaction_id=transaction)
    assert question(RegisterWrite(address, tuple(values)), transaction, unit) == METER.buildFrame(request)


@given(
    function=st.sampled_from([3, 4]),
    values=st.lists(words, min_size=1, max_size=MOST_READ),
    transaction=numbers,
    unit=units,
)
def test_what_pymodbus_answers_is_read(function: int, values: list[int], transaction: int, unit: int) -> None:
    frame = only_frame(sent_by_pymodbus(RESPONSES[function](registers=values), transaction, unit))
    assert (frame.transaction, frame.unit) == (transaction, unit)
    assert answer(RegisterRead(function, 7, len(values)), frame.pdu) == tuple(values)


def test_a_confirmed_write_has_no_words_and_another_one_is_no_confirmation() -> None:
    frame = only_frame(sent_by_pymodbus(WriteMultipleRegistersResponse(address=10, count=2)))
    assert answer(RegisterWrite(10, (1, 2)), frame.pdu) == ()
    for other in (RegisterWrite(11, (1, 2)), RegisterWrite(10, (1,))):
        with pytest.raises(Malformed, match="another write was confirmed"):
            answer(other, frame.pdu)


@pytest.mark.parametrize(("code", "words_of_it"), [(1, "illegal function"), (2, "illegal address"), (0x63, "no name")])
@pytest.mark.parametrize("step", [READ, RegisterRead(3, 0, 1), RegisterWrite(0, (1,))])
def test_an_exception_is_a_refusal_with_its_code(step: RegisterStep, code: int, words_of_it: str) -> None:
    function = 16 if isinstance(step, RegisterWrite) else step.function
    frame = only_frame(sent_by_pymodbus(ExceptionResponse(function, code)))
    with pytest.raises(Refused, match=f"exception_code={code}, .*{words_of_it}"):
        answer(step, frame.pdu)


@pytest.mark.parametrize(
    ("pdu", "said"),
    [
        (b"\x03\x04\0\1\0\2", "function 4, answered with 3"),
        (b"\x83\x02", "answered with 131"),
        (b"\x84", "an exception of 1 bytes"),
        (b"\x84\x02\x00", "an exception of 3 bytes"),
        (b"\x04", "asked for 2 words"),
        (b"\x04\x04", "asked for 2 words, got 0"),
        (b"\x04\x02\0\1", "asked for 2 words, got 1"),
        (b"\x04\x06\0\1\0\2\0\3", "asked for 2 words, got 3"),
        (b"\x04\x04\0\1\0", "asked for 2 words"),
        (b"\x04\x04\0\1\0\2\0", "asked for 2 words"),
        (b"\x04\x06\0\1\0\2", "asked for 2 words"),
    ],
)
def test_what_answers_something_else_is_malformed(pdu: bytes, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        answer(READ, pdu)


@pytest.mark.parametrize(
    "header",
    [
        struct.pack(">HHHB", 1, 1, 6, 1),
        struct.pack(">HHHB", 1, 0, 0, 1),
        struct.pack(">HHHB", 1, 0, 1, 1),
        struct.pack(">HHHB", 1, 0, 255, 1),
        struct.pack(">HHHB", 1, 0, 0xFFFF, 1),
        b"\xff" * 7,
    ],
)
def test_a_header_that_is_none_is_told_before_more_is_collected(header: bytes) -> None:
    with pytest.raises(Malformed, match="bytes of noise"):
        take_frame(bytearray(header))


@given(sizes=st.lists(st.integers(1, 40), max_size=30))
def test_frames_come_whole_however_they_are_cut(sizes: list[int]) -> None:
    first = sent_by_pymodbus(ReadInputRegistersResponse(registers=[1, 2, 3]), 5, 9)
    second = sent_by_pymodbus(ExceptionResponse(4, 2), 6, 9)
    data, buffer, found = first + second, bytearray(), []
    for size in [*sizes, len(data)]:
        buffer += data[:size]
        data = data[size:]
        while (frame := take_frame(buffer)) is not None:
            found.append(frame)
    assert [(frame.transaction, frame.unit, len(frame.pdu)) for frame in found] == [(5, 9, 8), (6, 9, 2)]
    assert not buffer


@given(data=st.binary(max_size=300), count=st.integers(1, MOST_READ))
def test_no_bytes_give_anything_but_words_a_refusal_or_malformed(data: bytes, count: int) -> None:
    buffer = bytearray(data)
    try:
        while (frame := take_frame(buffer)) is not None:
            assert len(answer(RegisterRead(4, 0, count), frame.pdu)) == count
    except (Malformed, Refused):
        return


@pytest.mark.parametrize(
    "step",
    [
        RegisterRead(1, 0, 1),
        RegisterRead(3, 0, 0),
        RegisterRead(3, 0, 126),
        RegisterRead(3, -1, 1),
        RegisterRead(4, 0xFFFF, 2),
        RegisterWrite(0, ()),
        RegisterWrite(0, (0,) * 124),
        RegisterWrite(0xFFFF, (1, 2)),
        RegisterWrite(0, (0x10000,)),
        RegisterWrite(0, (-1,)),
    ],
)
def test_what_modbus_cannot_ask_is_not_sent(step: RegisterStep) -> None:
    with pytest.raises(Malformed):
        question(step, 1, 1)
