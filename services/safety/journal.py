"""`data/safety.json`: what must survive the safety process. Read once at the start; written by one thread of its own.

The loop hands over a copy and goes on; the thread writes the newest copy to a new file, syncs it and renames it.
"""

import errno
import logging
import os
import queue
import threading
from pathlib import Path

import msgspec

from schemas.faults import FAULTS
from schemas.station import OUTPUTS
from services.safety.memory import Memory, unreadable
from services.safety.panel.calibration import bounded
from services.safety.timings import CLOSES_PER_HOUR
from services.store_errors import NewerStore

VERSION = 1
LARGEST_FILE = 64 * 1024
TRY_AGAIN_S = 10.0
MOST_SETTINGS = 200
MOST_ORDERS = 200
LONGEST_START_ID = 64
LOCKOUTS = ("", "contactor_welded", "journal_unreadable")

logger = logging.getLogger("safety.journal")


class Journal(msgspec.Struct, frozen=True, kw_only=True):
    """The content of the file."""

    version: int
    connectors: dict[str, Memory]


class JournalFile:
    """`problem` is the catalogue name of what keeps the file from being written; empty when all is well."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem = ""
        self._queue: queue.SimpleQueue[dict[int, Memory] | None] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None

    def load(self, connectors: list[int]) -> dict[int, Memory]:
        """No file: a new station. An unreadable file is set aside, and every connector starts locked out.

        Raises NewerStore for a file of a newer version.
        """
        try:
            with self.path.open("rb") as file:
                found = _parse(file.read(LARGEST_FILE + 1))
        except FileNotFoundError:
            return {number: Memory() for number in connectors}
        except (OSError, ValueError, RecursionError) as error:
            aside = self._set_aside()
            logger.error("%s is unreadable (%s), kept as %s: locked out until proven safe", self.path, error, aside)
            return {number: unreadable() for number in connectors}
        if found.version > VERSION:
            raise NewerStore(
                f"{self.path} has version {found.version}, this program knows {VERSION}: run the newer version again"
            )
        return {number: found.connectors.get(str(number), Memory()) for number in connectors}

    def write(self, memories: dict[int, Memory]) -> None:
        """Returns at once; the newest copy wins."""
        if self._writer is None:
            self._writer = threading.Thread(target=self._live, name="safety journal", daemon=True)
            self._writer.start()
        self._queue.put({number: memory.copy() for number, memory in memories.items()})

    def close(self) -> None:
        """Writes what is still waiting, and ends."""
        if self._writer is not None:
            self._queue.put(None)
            self._writer.join(timeout=5.0)
            self._writer = None

    def save(self, memories: dict[int, Memory]) -> None:
        """Writes now; it has reached the disk on return. Raises OSError."""
        content = Journal(version=VERSION, connectors={str(number): memory for number, memory in memories.items()})
        temporary = self.path.with_suffix(".new")
        with temporary.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(content)))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self.path)
        directory = os.open(self.path.parent, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def _live(self) -> None:
        newest: dict[int, Memory] | None = None
        ending = False
        while not ending:
            try:
                item = self._queue.get(timeout=TRY_AGAIN_S if newest is not None else None)
                while item is not None:
                    newest = item
                    item = self._queue.get_nowait()
                ending = True
            except queue.Empty:
                pass
            if newest is not None and self._try_to_save(newest):
                newest = None

    def _try_to_save(self, memories: dict[int, Memory]) -> bool:
        try:
            self.save(memories)
        except OSError as error:
            if not self.problem:
                logger.error("cannot write %s: %s; tried again every %g s", self.path, error, TRY_AGAIN_S)
            self.problem = "disk_read_only" if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM) else "disk_full"
            return False
        self.problem = ""
        return True

    def _set_aside(self) -> str:
        for number in range(1, 1000):
            aside = self.path.with_name(f"{self.path.name}.unreadable-{number}")
            if not aside.exists():
                try:
                    self.path.rename(aside)
                except OSError:
                    return "it is"
                return aside.name
        return "it is"


def _parse(content: bytes) -> Journal:
    """Raises ValueError."""
    if len(content) > LARGEST_FILE:
        raise ValueError(f"larger than {LARGEST_FILE} bytes")
    version = msgspec.json.decode(content, type=_OnlyVersion).version
    if version > VERSION:
        return Journal(version=version, connectors={})
    found = msgspec.json.decode(content, type=Journal)
    for number, memory in found.connectors.items():
        if memory.lockout not in LOCKOUTS or not {*memory.latched, *memory.active_faults, *memory.trips} <= set(FAULTS):
            raise ValueError(f"connector {number}: a fault that is not in the catalogue")
        if not _counts(memory):
            raise ValueError(f"connector {number}: a number out of range")
    return found


class _OnlyVersion(msgspec.Struct):
    version: int


def _counts(memory: Memory) -> bool:
    worn = [memory.contactor_cycles, memory.contactor_load_cycles, memory.plug_cycles]
    counts = [memory.recoveries, *worn, memory.reclosures, *memory.trips.values()]
    times = [memory.hold_until_s, memory.wait_until_s, memory.last_close_wall_s, memory.residual_tested_s]
    starts = [memory.restarted_for, memory.wait_start, memory.outputs_for, memory.calibrated_for]
    return (
        all(0 <= count < 2**53 for count in counts)
        and all(0.0 <= time_s < 1e11 for time_s in (*times, *memory.closings))
        and len(memory.closings) <= CLOSES_PER_HOUR
        and len(memory.settings) <= MOST_SETTINGS
        and len(memory.orders) <= MOST_ORDERS
        and max(map(len, starts)) <= LONGEST_START_ID
        and set(memory.outputs) <= set(OUTPUTS)
        and (memory.pilot_calibration is None or bounded(*memory.pilot_calibration))
    )
