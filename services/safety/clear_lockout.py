"""`python -m services.safety --clear-lockout`: service has put the contactor right, and says so.

Only while the safety service does not run. The contacts are checked again at its next start all the same.
"""

import argparse
import os
import sys

from services.exit_codes import ExitCode
from services.home import BadHome, Home
from services.lock import AlreadyRunning, OwnerLock
from services.safety.journal import JournalFile
from services.safety.memory import cleared
from services.store_errors import NewerStore


def clear_lockout(arguments: list[str]) -> int:
    """Returns the exit code; the words go to standard output and error."""
    parser = argparse.ArgumentParser(prog="python -m services.safety", description=__doc__)
    parser.add_argument("--clear-lockout", action="store_true", required=True)
    parser.parse_args(arguments)
    home = Home(os.environ.get("CHARGE_HOME") or ".")
    try:
        station = home.load_station()
        home.make_directories()
        lock = OwnerLock(home.bus / "safety.lock")
    except BadHome as error:
        return _fail(ExitCode.BAD_CONFIGURATION, str(error))
    except AlreadyRunning as error:
        return _fail(ExitCode.ALREADY_RUNNING, f"{error} A lockout is cleared only while safety does not run.")
    except OSError as error:
        return _fail(ExitCode.CANNOT_WRITE, f"cannot use {home.root}: {error}")
    try:
        return _clear(JournalFile(home.data / "safety.json"), list(station.connectors))
    finally:
        lock.close()


def _clear(journal: JournalFile, connectors: list[int]) -> int:
    try:
        memories = journal.load(connectors)
        journal.save({number: cleared(memory) for number, memory in memories.items()})
    except NewerStore as error:
        return _fail(ExitCode.BAD_CONFIGURATION, str(error))
    except OSError as error:
        return _fail(ExitCode.CANNOT_WRITE, f"cannot write {journal.path}: {error}. Free or remount the disk.")
    for number, memory in memories.items():
        before = ", ".join(word for word in (memory.lockout, *memory.latched) if word) or "nothing to clear"
        print(f"connector {number}: {before}; contactor cycles {memory.contactor_cycles}")
    print("Cleared. The contacts are checked again at the next start of the service.")
    return ExitCode.OK


def _fail(code: ExitCode, words: str) -> int:
    print(words, file=sys.stderr)
    return code
