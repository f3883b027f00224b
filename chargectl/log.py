"""The logs of the services, all of them in order of time, or one.

Examples:
  chargectl log tail
  chargectl log tail session -n 200
  chargectl log tail safety -f                 and what comes from now on
"""

import argparse
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from chargectl.output import Failure, print_json
from chargectl.station import existing_home
from services.exit_codes import ExitCode
from services.home import Home

LOOK_S = 0.2
MOST_TAIL_BYTES = 1024 * 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="tail")
    tail = actions.add_parser("tail", help="the latest lines")
    tail.add_argument("name", nargs="?", help="one service, or supervisord (default: all services)")
    tail.add_argument("-n", "--lines", type=int, default=40, metavar="N")
    tail.add_argument("-f", "--follow", action="store_true")


def run(arguments: argparse.Namespace) -> int:
    home = existing_home(arguments)
    files = _files(home, arguments.name)
    # lines begin with the UTC time, except those of a traceback: they stay behind the line they belong to
    found = [line for file in files for line in _last_lines(file, arguments.lines)]
    found.sort(key=lambda item: item[0])
    for _, name, text in found[-arguments.lines :]:
        _show(arguments, name, text)
    if arguments.follow:
        for name, text in _follow(files):
            _show(arguments, name, text)
    return int(ExitCode.OK)


def _files(home: Home, name: str | None) -> list[Path]:
    known = sorted(file for file in home.log.glob("*.log"))
    wanted = [file for file in known if file.stem == name] if name else [f for f in known if f.stem != "supervisord"]
    if not wanted:
        names = ", ".join(file.stem for file in known) or "none yet; start the station"
        raise Failure(f"no log of {name or 'any service'} in {home.log}; there are: {names}", ExitCode.USAGE)
    return wanted


def _last_lines(file: Path, lines: int) -> list[tuple[str, str, str]]:
    """(time to sort by, service, text)."""
    with file.open("rb") as handle:
        handle.seek(0, 2)
        size = handle.tell()
        handle.seek(max(0, size - MOST_TAIL_BYTES))
        texts = deque(handle.read().decode("utf-8", "replace").splitlines(), maxlen=lines)
    moment = ""
    found = []
    for text in texts:
        moment = text.partition(" ")[0] if text[:2] == "20" else moment
        found.append((moment, file.stem, text))
    return found


def _follow(files: list[Path]) -> Iterator[tuple[str, str]]:
    places = {file: file.stat().st_size for file in files}
    rest = dict.fromkeys(files, b"")
    while True:
        for file in files:
            size = file.stat().st_size if file.exists() else 0
            if size < places[file]:
                places[file] = 0
            if size == places[file]:
                continue
            with file.open("rb") as handle:
                handle.seek(places[file])
                data = rest[file] + handle.read()
                places[file] = handle.tell()
            *whole, rest[file] = data.split(b"\n")
            for line in whole:
                yield file.stem, line.decode("utf-8", "replace")
        time.sleep(LOOK_S)


def _show(arguments: argparse.Namespace, name: str, text: str) -> None:
    if arguments.json:
        print_json({"service": name, "text": text})
    else:
        print(text if arguments.name else f"{name:<9} {text}", flush=True)
