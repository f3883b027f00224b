"""Service has put a connector right, and says so: `chargectl safety clear-lockout`.

Only while the safety service does not run. The contacts are checked again at its next start all the same.
`python -m services.safety --clear-lockout [--connector N]` does the same where there is no chargectl.
"""

import argparse
import os
import sys
from collections.abc import Iterator
from typing import NamedTuple

from services.exit_codes import ExitCode
from services.home import BadHome, Home
from services.lock import AlreadyRunning, OwnerLock
from services.safety.journal import JournalFile
from services.safety.memory import Memory, cleared
from services.store_errors import NewerStore


class Cleared(NamedTuple):
    connector: int
    what: tuple[str, ...]
    """Codes of lockouts and of faults that waited for an unplug, and counted attempts; empty = nothing was there."""
    contactor_cycles: int


class NotCleared(Exception):
    """The text says why, and what to do."""

    def __init__(self, code: ExitCode, words: str) -> None:
        super().__init__(words)
        self.code = code


def clear(home: Home, connector: int = 0) -> list[Cleared]:
    """`connector`: only this one; 0 = all. Raises NotCleared: the service runs, no such connector, a disk or a file."""
    try:
        station = home.load_station()
        home.make_directories()
        connectors = list(station.connectors)
        if connector and connector not in connectors:
            there = ", ".join(map(str, connectors))
            raise NotCleared(ExitCode.USAGE, f"there is no connector {connector}; connectors: {there}")
        lock = OwnerLock(home.bus / "safety.lock")
    except BadHome as error:
        raise NotCleared(ExitCode.BAD_CONFIGURATION, str(error)) from error
    except AlreadyRunning as error:
        words = f"{error} A lockout is cleared only while safety does not run."
        raise NotCleared(ExitCode.ALREADY_RUNNING, words) from error
    except OSError as error:
        raise NotCleared(ExitCode.CANNOT_WRITE, f"cannot use {home.root}: {error}") from error
    try:
        return _clear(JournalFile(home.data / "safety.json"), connectors, connector)
    finally:
        lock.close()


def _clear(journal: JournalFile, connectors: list[int], wanted: int) -> list[Cleared]:
    try:
        memories = journal.load(connectors)
        chosen = {number: memory for number, memory in memories.items() if wanted in (0, number)}
        journal.save(memories | {number: cleared(memory) for number, memory in chosen.items()})
    except NewerStore as error:
        raise NotCleared(ExitCode.BAD_CONFIGURATION, str(error)) from error
    except OSError as error:
        words = f"cannot write {journal.path}: {error}. Free or remount the disk."
        raise NotCleared(ExitCode.CANNOT_WRITE, words) from error
    return [
        Cleared(number, tuple(dict.fromkeys(_kept(memory))), memory.contactor_cycles)
        for number, memory in chosen.items()
    ]


def _kept(memory: Memory) -> Iterator[str]:
    if memory.lockout:
        yield memory.lockout
    yield from memory.latched
    if memory.tilted:
        yield "tilted"
    if memory.flooded:
        yield "flooded"
    for count, words in ((memory.recoveries, "recoveries"), (memory.reclosures, "attempts to switch on the RCD")):
        if count:
            yield f"{count} {words}"


def words_of(found: Cleared) -> str:
    what = ", ".join(found.what) or "nothing to clear"
    return f"connector {found.connector}: {what}; contactor cycles {found.contactor_cycles}"


def clear_lockout(arguments: list[str]) -> int:
    """Returns the exit code; the words go to standard output and error."""
    parser = argparse.ArgumentParser(prog="python -m services.safety", description=__doc__)
    parser.add_argument("--clear-lockout", action="store_true", required=True)
    parser.add_argument("--connector", type=int, default=0, metavar="N", help="only this one")
    chosen = parser.parse_args(arguments)
    try:
        found = clear(Home(os.environ.get("CHARGE_HOME") or "."), chosen.connector)
    except NotCleared as error:
        print(error, file=sys.stderr)
        return error.code
    for each in found:
        print(words_of(each))
    print("Cleared. The contacts are checked again at the next start of the service.")
    return ExitCode.OK
