"""A file of settings, from a path or from standard input."""

import sys
from pathlib import Path

from chargectl.output import Failure
from schemas.settings import Entry
from services.exit_codes import ExitCode
from services.settings.files import LARGEST_FILE, BadFile, entries_of


def read_file(path: Path) -> tuple[Entry, ...]:
    """`-` is standard input. Raises Failure."""
    try:
        if str(path) == "-":
            data = sys.stdin.buffer.read(LARGEST_FILE + 1)
        else:
            with path.open("rb") as file:
                data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise Failure(f"cannot read {path}: {error.strerror}", ExitCode.USAGE) from error
    try:
        return entries_of(data)
    except BadFile as error:
        raise Failure(f"{path}: {error}", ExitCode.USAGE) from error
