"""The station a command is about: its home, and whether it runs."""

import argparse
import fcntl
import os
import shlex
from pathlib import Path

from chargectl.output import Failure
from services.exit_codes import ExitCode
from services.home import BadHome, BadStationFile, Home

CONFIGURATION = Path(__file__).with_name("supervisord.conf")


def home_of(arguments: argparse.Namespace) -> Home:
    """Raises Failure when nobody said which station."""
    if not arguments.home:
        raise Failure("which station? Give --home DIR, or set CHARGE_HOME", ExitCode.USAGE)
    return Home(arguments.home)


def place(home: Home) -> str:
    """The option that names this station, for copying into a shell."""
    return f"--home {shlex.quote(str(home.root))}"


def existing_home(arguments: argparse.Namespace) -> Home:
    """Raises Failure when there is no station there."""
    home = home_of(arguments)
    if not home.station_file.exists():
        raise Failure(
            f"{home.root} is not a station's home (no station.toml); make one with: chargectl init {place(home)}",
            ExitCode.BAD_CONFIGURATION,
        )
    return home


def code_of(error: BadHome) -> ExitCode:
    return ExitCode.BAD_CONFIGURATION if isinstance(error, BadStationFile) else ExitCode.CANNOT_WRITE


def lock_path(home: Home) -> Path:
    """Held (flock) by `chargectl up` for as long as it lives; its text is the process id."""
    return home.run / "station.lock"


def process_of_up(home: Home) -> int:
    """The process of `chargectl up` of this home; 0 when none runs."""
    try:
        with lock_path(home).open("r+", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return int(file.read().strip() or 0)
    except (OSError, ValueError):
        return 0
    return 0


def processes_of(home: Home) -> list[int]:
    """Every process that `chargectl up` of this home started: it carries CHARGE_HOME and CHARGE_START_ID.

    A shell in which a person exported CHARGE_HOME is none.
    """
    wanted = os.path.realpath(home.root)
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            environment = _environment(entry)
            if environment.get("CHARGE_START_ID") and os.path.realpath(environment.get("CHARGE_HOME", "")) == wanted:
                found.append(int(entry.name))
    return found


def _environment(process: Path) -> dict[str, str]:
    """Empty for a process that is gone, a zombie, or somebody else's."""
    try:
        pairs = (process / "environ").read_bytes().split(b"\0")
    except OSError:
        return {}
    split = (os.fsdecode(pair).partition("=") for pair in pairs)
    return {name: value for name, _, value in split if name.startswith("CHARGE_")}
