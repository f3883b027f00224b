"""Record files: what was said on the bus, as it was said, readable for ever.

A file is a line of magic, then blocks: 4 bytes length (big endian) and as many bytes of MessagePack. The first block
is the header, a map; every other one is [boot-clock seconds, owner, frame]. Only the `msgpack` package is used here,
no schema: a record made today is readable when every message type has changed.
"""

import os
import struct
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgpack

MAGIC = b"charge bus record\n"
FORMAT = 1
LARGEST_BLOCK = 512 * 1024
"""Twice the largest frame of the bus."""
DEFAULT_BYTES = 64 * 1024 * 1024
DEFAULT_FILES = 4
REDACTED = "(secret)"
UNREADABLE = (ValueError, TypeError, RecursionError, msgpack.UnpackException)
"""What the package raises for bytes that are no MessagePack (TypeError: a map with a list as key)."""
_LENGTH = struct.Struct(">I")


class Recording(Enum):
    """What becomes of a message."""

    WHOLE = "whole"
    REDACTED = "redacted"
    """Its envelope is kept, so that it can be seen that something was said; its body is not."""
    SKIPPED = "skipped"


class RecordError(Exception):
    """A file that is no record, or is damaged; the text says where and what can be done."""


class Entry(NamedTuple):
    boot_s: float
    """When it was heard, by the recorder's boot clock."""
    owner: str
    frame: bytes


class Decoded(NamedTuple):
    topic: str
    key: str
    envelope: dict[str, Any]
    """Short names as on the wire: v s r n t w i h, and b for the body."""


class Recorder:
    """Writes entries, bounded: `path`, then `path.1` (the one before), ... at most `files` of `most_bytes` each.

    `rule` says by topic name what may be kept. Raises OSError when the disk is full: what was written before stays
    readable.
    """

    def __init__(
        self,
        path: Path,
        rule: Callable[[str], Recording],
        *,
        boot_s: float,
        wall_s: float,
        most_bytes: int = DEFAULT_BYTES,
        files: int = DEFAULT_FILES,
    ) -> None:
        self.path = path
        self.entries = 0
        self._rule = rule
        self._most_bytes = most_bytes
        self._files = files
        self._header = {"format": FORMAT, "started_boot_s": boot_s, "started_wall_s": wall_s}
        self._file, self._size = self._begin()

    def add(self, boot_s: float, frame: bytes) -> bool:
        """False: by the rule, nothing of it is kept."""
        name = topic_of(frame)
        recording = self._rule(name)
        if recording is Recording.SKIPPED:
            return False
        if recording is Recording.REDACTED:
            frame = redacted(frame)
        block = _block([boot_s, name.partition(".")[0], frame])
        if self._size + len(block) > self._most_bytes:
            self._rotate(boot_s)
        self._file.write(block)
        self._size += len(block)
        self.entries += 1
        return True

    def flush(self) -> None:
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def _begin(self) -> tuple[IO[bytes], int]:
        file = self.path.open("wb")
        try:
            start = MAGIC + _block(self._header)
            file.write(start)
            file.flush()
        except OSError:
            file.close()
            raise
        return file, len(start)

    def _rotate(self, boot_s: float) -> None:
        self._file.close()
        for number in range(self._files - 1, 0, -1):
            source = self.path if number == 1 else _numbered(self.path, number - 1)
            if source.exists():
                source.replace(_numbered(self.path, number))
        self._header["continued_boot_s"] = boot_s
        self._file, self._size = self._begin()


def read_header(path: Path) -> dict[str, Any]:
    """Raises RecordError and OSError."""
    with path.open("rb") as file:
        return _header(file, path)


def read(path: Path) -> Iterator[Entry]:
    """The entries of one file, oldest first. A tail that was cut off (power loss, full disk) is left out silently.

    Raises OSError, and RecordError for what is no record or is damaged in the middle; what came before the damage has
    been given by then.
    """
    with path.open("rb") as file:
        _header(file, path)
        while True:
            place = file.tell()
            block = _next_block(file, path)
            if block is None:
                return
            value = _unpacked(block, path, place)
            if not (
                isinstance(value, list)
                and len(value) == 3
                and isinstance(value[0], int | float)
                and isinstance(value[1], str)
                and isinstance(value[2], bytes)
            ):
                raise RecordError(f"{path} is damaged at byte {place}: not [time, owner, frame]")
            yield Entry(float(value[0]), value[1], value[2])


def read_all(path: Path) -> Iterator[Entry]:
    """The entries of a rotated record, its older files (`path.3`, `path.2`, `path.1`) first."""
    older = 0
    while _numbered(path, older + 1).exists():
        older += 1
    for number in range(older, 0, -1):
        yield from read(_numbered(path, number))
    yield from read(path)


def topic_of(frame: bytes) -> str:
    """Its name, without the key."""
    return frame.partition(b"\0")[0].partition(b"/")[0].decode("utf-8", "replace")


def decode(frame: bytes) -> Decoded:
    """Without schemas. Raises RecordError for bytes that are no frame."""
    head, separator, payload = frame.partition(b"\0")
    name, _, key = head.decode("utf-8", "replace").partition("/")
    try:
        envelope = msgpack.unpackb(payload, strict_map_key=False)
    except UNREADABLE as error:
        raise RecordError(f"{name[:64]!r}: no MessagePack ({error or type(error).__name__})") from error
    if not separator or not isinstance(envelope, dict):
        raise RecordError(f"{name[:64]!r}: no envelope")
    return Decoded(name, key, envelope)


def redacted(frame: bytes) -> bytes:
    """The same frame without its body; if it cannot be read, nothing but its topic."""
    head = frame.partition(b"\0")[0]
    try:
        envelope = decode(frame).envelope
    except RecordError:
        envelope = {}
    return head + b"\0" + bytes(msgpack.packb({**envelope, "b": REDACTED}))


def _numbered(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.{number}")


def _block(value: object) -> bytes:
    packed = bytes(msgpack.packb(value))
    return _LENGTH.pack(len(packed)) + packed


def _header(file: IO[bytes], path: Path) -> dict[str, Any]:
    if file.read(len(MAGIC)) != MAGIC:
        raise RecordError(f"{path} is not a record of the bus; records are made with: chargectl record FILE")
    block = _next_block(file, path)
    value = _unpacked(block, path, len(MAGIC)) if block is not None else None
    if not isinstance(value, dict) or not isinstance(value.get("format"), int):
        raise RecordError(f"{path} has no header; it was cut off at its very beginning")
    if value["format"] > FORMAT:
        raise RecordError(f"{path} has format {value['format']}, this software reads up to {FORMAT}: update it")
    return value


def _next_block(file: IO[bytes], path: Path) -> bytes | None:
    """None at the end, also in the middle of a block that was cut off."""
    place = file.tell()
    prefix = file.read(_LENGTH.size)
    if len(prefix) < _LENGTH.size:
        return None
    length: int = _LENGTH.unpack(prefix)[0]
    if length > LARGEST_BLOCK:
        raise RecordError(f"{path} is damaged at byte {place}: a block of {length} bytes")
    left = os.fstat(file.fileno()).st_size - file.tell()
    return file.read(length) if length <= left else None


def _unpacked(block: bytes, path: Path, place: int) -> Any:
    try:
        return msgpack.unpackb(block, strict_map_key=False)
    except UNREADABLE as error:
        raise RecordError(f"{path} is damaged at byte {place}: {error or type(error).__name__}") from error
