"""Frames of the serial link. Pure, and bounded whatever arrives.

    0x00  COBS( version | type | sequence, 2 bytes | payload, 0..246 bytes | CRC, 2 bytes )  0x00

Numbers are little-endian. The CRC is CRC-16/CCITT-FALSE (polynomial 0x1021, start 0xFFFF, not reflected, no final
exclusive or) of everything before it.
"""

import binascii
from collections.abc import Iterator
from typing import NamedTuple

VERSION = 1
HEADER_BYTES = 4
CRC_BYTES = 2
LARGEST_PAYLOAD = 246
LARGEST_ENCODED = HEADER_BYTES + LARGEST_PAYLOAD + CRC_BYTES + 1
"""Without the delimiters. COBS adds one byte to at most 254."""
DELIMITER = 0


class Frame(NamedTuple):
    version: int
    kind: int
    sequence: int
    payload: bytes


class BadFrame(ValueError):
    """Not a frame: damaged, cut off, or too long."""


def crc16(data: bytes) -> int:
    """CRC-16/CCITT-FALSE; of b"123456789" it is 0x29B1."""
    return binascii.crc_hqx(data, 0xFFFF)


def stuffed(data: bytes) -> bytes:
    """COBS: the same without zeros. For at most 254 bytes."""
    blocks = data.split(b"\0")
    return b"".join(bytes([len(block) + 1]) + block for block in blocks)


def unstuffed(data: bytes) -> bytes:
    """Raises BadFrame."""
    blocks, place = [], 0
    while place < len(data):
        length = data[place]
        if length == 0 or place + length > len(data):
            raise BadFrame("the stuffing is wrong")
        blocks.append(data[place + 1 : place + length])
        place += length
    if not blocks:
        raise BadFrame("empty")
    return b"\0".join(blocks)


def encode(frame: Frame) -> bytes:
    """With a delimiter before and after: what was cut off before it harms only itself."""
    if len(frame.payload) > LARGEST_PAYLOAD:
        raise ValueError(f"a payload has at most {LARGEST_PAYLOAD} bytes, not {len(frame.payload)}")
    head = bytes([frame.version, frame.kind]) + frame.sequence.to_bytes(2, "little")
    body = head + frame.payload
    return b"\0" + stuffed(body + crc16(body).to_bytes(2, "little")) + b"\0"


def decode(data: bytes) -> Frame:
    """What stood between two delimiters. Raises BadFrame."""
    if len(data) > LARGEST_ENCODED:
        raise BadFrame("too long")
    body = unstuffed(data)
    if len(body) < HEADER_BYTES + CRC_BYTES:
        raise BadFrame("too short")
    if crc16(body[:-CRC_BYTES]) != int.from_bytes(body[-CRC_BYTES:], "little"):
        raise BadFrame("the checksum is wrong")
    return Frame(body[0], body[1], int.from_bytes(body[2:4], "little"), body[4:-CRC_BYTES])


class FrameReader:
    """Takes bytes in any portions. Keeps at most one unfinished frame."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._skipping = False
        """Until the next delimiter: what came before was longer than any frame."""
        self.damaged = 0

    def take(self, data: bytes) -> Iterator[Frame]:
        """The whole frames; what is damaged is counted and left out."""
        start = 0
        while (end := data.find(DELIMITER, start)) >= 0:
            self._keep(data[start:end])
            start = end + 1
            if (frame := self._finished()) is not None:
                yield frame
        self._keep(data[start:])

    def _keep(self, part: bytes) -> None:
        if self._skipping:
            return
        if len(self._rest) + len(part) > LARGEST_ENCODED:
            self._rest.clear()
            self._skipping = True
            self.damaged += 1
        else:
            self._rest += part

    def _finished(self) -> Frame | None:
        data, skipped = bytes(self._rest), self._skipping
        self._rest.clear()
        self._skipping = False
        if skipped or not data:
            return None
        try:
            return decode(data)
        except BadFrame:
            self.damaged += 1
            return None
