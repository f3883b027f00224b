"""Modbus TCP on the wire: questions to bytes, bytes to answers (Modbus Application Protocol V1.1b3, Messaging on TCP/IP
V1.0b). Pure.

Only what reading a meter takes: holding and input registers (3, 4), and writing several holding registers (16).
"""

import struct
from typing import NamedTuple

from hardware.interfaces import RegisterRead, RegisterStep, RegisterWrite

HEADER = struct.Struct(">HHHB")
"""MBAP: transaction, protocol (always 0), bytes that follow this field, unit."""
LENGTH_AT = 6
"""Where the bytes that the length counts begin."""
LARGEST_LENGTH = 254
"""Unit and PDU: a PDU has at most 253 bytes (V1.1b3 section 4.1)."""
MOST_READ, MOST_WRITTEN = 125, 123
"""Words, sections 6.3, 6.4 and 6.12."""
WRITE = 16
EXCEPTION = 0x80
EXCEPTIONS = {
    1: "illegal function",
    2: "illegal address",
    3: "illegal value",
    4: "device failure",
    5: "acknowledge",
    6: "device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target does not answer",
}
"""Section 7."""


class Malformed(ValueError):
    """What came is no answer to the question; the text says why. What follows it cannot be trusted."""


class Refused(Exception):
    """The meter answered with a Modbus exception: the wire is sound."""


class Frame(NamedTuple):
    transaction: int
    unit: int
    pdu: bytes
    """Function code and data."""


def question(step: RegisterStep, transaction: int, unit: int) -> bytes:
    """The whole frame. Raises Malformed for what Modbus cannot ask."""
    pdu = _write(step) if isinstance(step, RegisterWrite) else _read(step)
    return HEADER.pack(transaction, 0, 1 + len(pdu), unit) + pdu


def _read(step: RegisterRead) -> bytes:
    if step.function not in (3, 4) or not 1 <= step.count <= MOST_READ or not _fits(step.address, step.count):
        raise Malformed(f"nobody can read {step.count} words at {step.address} with function {step.function}")
    return struct.pack(">BHH", step.function, step.address, step.count)


def _write(step: RegisterWrite) -> bytes:
    count = len(step.words)
    if not 1 <= count <= MOST_WRITTEN or not _fits(step.address, count):
        raise Malformed(f"nobody can write {count} words at {step.address}")
    if not all(0 <= word <= 0xFFFF for word in step.words):
        raise Malformed(f"a word has 16 bits: {step.words}")
    return struct.pack(f">BHHB{count}H", WRITE, step.address, count, 2 * count, *step.words)


def _fits(address: int, count: int) -> bool:
    return address >= 0 and address + count <= 0x10000


def take_frame(buffer: bytearray) -> Frame | None:
    """The first whole frame, removed from `buffer`; None = more bytes are needed. Raises Malformed."""
    if len(buffer) < HEADER.size:
        return None
    transaction, protocol, length, unit = HEADER.unpack_from(buffer)
    if protocol != 0 or not 2 <= length <= LARGEST_LENGTH:
        raise Malformed(f"{len(buffer)} bytes of noise: no header of Modbus TCP")
    end = LENGTH_AT + length
    if len(buffer) < end:
        return None
    frame = Frame(transaction, unit, bytes(buffer[HEADER.size : end]))
    del buffer[:end]
    return frame


def answer(step: RegisterStep, pdu: bytes) -> tuple[int, ...]:
    """The words of a read, none of a write. Raises Refused, or Malformed for an answer to something else."""
    asked = WRITE if isinstance(step, RegisterWrite) else step.function
    if pdu[0] == asked | EXCEPTION:
        if len(pdu) != 2:
            raise Malformed(f"an exception of {len(pdu)} bytes")
        raise Refused(f"exception_code={pdu[1]}, {EXCEPTIONS.get(pdu[1], 'of no name')}")
    if pdu[0] != asked:
        raise Malformed(f"asked with function {asked}, answered with {pdu[0]}")
    return _written(step, pdu) if isinstance(step, RegisterWrite) else _words(step, pdu)


def _words(step: RegisterRead, pdu: bytes) -> tuple[int, ...]:
    size = 2 * step.count
    if len(pdu) != 2 + size or pdu[1] != size:
        raise Malformed(f"asked for {step.count} words, got {(len(pdu) - 2) / 2:g}")
    return struct.unpack_from(f">{step.count}H", pdu, 2)


def _written(step: RegisterWrite, pdu: bytes) -> tuple[int, ...]:
    if pdu[1:] != struct.pack(">HH", step.address, len(step.words)):
        raise Malformed(f"wrote {len(step.words)} words at {step.address}, and another write was confirmed")
    return ()
