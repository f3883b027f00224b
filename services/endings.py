"""How one run of the station ended on purpose: `data/ending.json`.

Whoever ends the station writes it first: `chargectl up` on SIGTERM or Ctrl-C, `system` before a reboot. `system` reads
it at the next start; no file means that nothing announced the end. `chargectl up` looks at `again` when supervisord has
ended: start once more, with a new start id, or leave.
"""

import contextlib
import os
from pathlib import Path

import msgspec

from schemas.system import BootReason
from services.home import Home

LARGEST = 4096


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    ending_id: str
    """Random: `system` keeps the last one it has used, so that one ending never explains two starts."""
    reason: BootReason
    detail: str = ""
    again: bool = False
    """True: a reboot; the station starts again by itself."""


def path_of_ending(home: Home) -> Path:
    return home.data / "ending.json"


def write_ending(home: Home, reason: BootReason, detail: str = "", *, again: bool = False) -> Ending:
    """Replaces an earlier one; it has reached the disk on return. Raises OSError (disk full, read-only)."""
    ending = Ending(ending_id=os.urandom(8).hex(), reason=reason, detail=detail[:500], again=again)
    path = path_of_ending(home)
    temporary = path.with_suffix(".new")
    with temporary.open("wb") as file:
        file.write(msgspec.json.encode(ending))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return ending


def read_ending(home: Home) -> Ending | None:
    """None: nobody announced an end, or the file is not one of ours."""
    try:
        with path_of_ending(home).open("rb") as file:
            return msgspec.json.decode(file.read(LARGEST), type=Ending)
    except (OSError, ValueError, RecursionError):
        return None


def remove_ending(home: Home) -> None:
    with contextlib.suppress(OSError):
        path_of_ending(home).unlink()


def take_ending(home: Home) -> Ending | None:
    """Reads and removes."""
    ending = read_ending(home)
    remove_ending(home)
    return ending
