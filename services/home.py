"""A station's home: its directories, its sockets, and its description `station.toml`."""

import os
import tomllib
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from schemas.station import Station
from services.board_check import board_problems
from services.equipment_check import connector_problems, equipment_problems
from services.problem import Problem
from services.station_lines import line_of as line_of
from services.station_lines import nearest_line

LONGEST_SOCKET_DIRECTORY = 70
"""Bytes: leaves room for a file name below the 100 bytes that `bus/socket.py` allows."""
LARGEST_STATION_FILE = 256 * 1024


class BadHome(Exception):
    """The home cannot be used; the text says what to do."""


class BadStationFile(BadHome):
    """The station file cannot be used; the text names the line and the nearest right name."""


class Home:
    def __init__(self, root: Path | str) -> None:
        self.root = Path(root).expanduser().absolute()
        self.station_file = self.root / "station.toml"
        self.data = self.root / "data"
        self.run = self.root / "run"
        self.log = self.root / "log"
        self.bus = self.run / "bus"

    def make_directories(self) -> None:
        """Raises BadHome when the home is on a full or read-only disk, or belongs to somebody else."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            for directory in (self.data, self.run, self.bus, self.log):
                directory.mkdir(exist_ok=True)
                directory.chmod(0o700)
        except OSError as error:
            raise BadHome(
                f"cannot prepare {self.root}: {error.strerror}. Choose a directory you may write to."
            ) from error
        if self.run.stat().st_uid != os.getuid():
            raise BadHome(f"{self.run} belongs to another user; run as that user, or choose another home")

    def socket_directory(self, below_run: str = "", *, make: bool = True) -> Path:
        """`run` (or a directory below it) by a path short enough for a Unix socket's 107 bytes.

        Where that is a short link: `make` it, or (False) only say where it is while the station runs.
        """
        if not self._needs_short_link():
            return self.run / below_run
        return (self._make_short_link() if make else self._short_link()) / below_run

    def remove_short_link(self) -> None:
        """Nothing of this home runs any more."""
        if self._needs_short_link():
            link = self._short_link()
            if link.is_symlink() and link.readlink() == self.run:
                link.unlink(missing_ok=True)

    def _needs_short_link(self) -> bool:
        return len(os.fsencode(self.run)) > LONGEST_SOCKET_DIRECTORY

    def _short_link(self) -> Path:
        # imported here: hashlib and tempfile would cost every process half a megabyte for the rare long path
        import hashlib
        import tempfile

        digest = hashlib.sha256(os.fsencode(self.run)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"charge-{os.getuid()}-{digest}"

    def _make_short_link(self) -> Path:
        link = self._short_link()
        try:
            link.symlink_to(self.run)
        except FileExistsError:
            if link.lstat().st_uid != os.getuid() or link.readlink() != self.run:
                raise BadHome(f"{link} is not our short link to {self.run}: remove it, or use a shorter home") from None
        return link

    def load_station(self) -> Station:
        """Raises BadStationFile."""
        try:
            if self.station_file.stat().st_size > LARGEST_STATION_FILE:
                raise BadStationFile(f"{self.station_file} is larger than {LARGEST_STATION_FILE} bytes")
            text = self.station_file.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise BadStationFile(
                f"{self.station_file} does not exist; make it with: chargectl init --home {self.root}"
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise BadStationFile(f"cannot read {self.station_file}: {error}") from error
        return parse_station(text, str(self.station_file))


def parse_station(text: str, name: str = "station.toml") -> Station:
    """Raises BadStationFile, naming the line."""
    try:
        tree = tomllib.loads(text.removeprefix("\ufeff"))
    except tomllib.TOMLDecodeError as error:
        raise BadStationFile(f"{name}: {error}") from error
    except RecursionError as error:
        raise BadStationFile(f"{name}: lists or tables stand too deep inside each other") from error
    _refuse_unknown(tree, Station, text, name, ())
    try:
        station = msgspec.convert(tree, Station)
    except msgspec.ValidationError as error:
        # imported here: it costs every process memory for the rare wrong value
        from services.station_errors import value_problem

        raise _bad(text, name, value_problem(tree, Station, str(error))) from error
    for check in (connector_problems, equipment_problems, board_problems):
        for problem in check(station):
            raise _bad(text, name, problem)
    return station


def _bad(text: str, name: str, problem: Problem) -> BadStationFile:
    return BadStationFile(f"{name}{nearest_line(text, problem.path)}: {problem.words}")


def _refuse_unknown(tree: dict[str, Any], struct: type[Any], text: str, name: str, path: tuple[str, ...]) -> None:
    hints = get_type_hints(struct)
    for key, value in tree.items():
        if key not in hints:
            import difflib

            near = difflib.get_close_matches(key, hints, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(sorted(hints))}"
            raise BadStationFile(f"{name}{nearest_line(text, (*path, key))}: unknown name {key!r}; {hint}")
        if not isinstance(value, dict):
            continue
        if (inner := _struct_in(hints[key])) is not None:
            _refuse_unknown(value, inner, text, name, (*path, key))
        elif get_origin(hints[key]) is dict and (inner := _struct_in(get_args(hints[key])[1])) is not None:
            for number, section in value.items():
                if isinstance(section, dict):
                    _refuse_unknown(section, inner, text, name, (*path, key, number))


def _struct_in(hint: Any) -> type[Any] | None:
    """The section that a field holds, alone or as the other choice to None."""
    for each in (hint, *get_args(hint)):
        if isinstance(each, type) and issubclass(each, msgspec.Struct) and get_origin(hint) is not dict:
            return each
    return None
