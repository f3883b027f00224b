"""Makes a station's home: its directories and its description, station.toml.

Examples:
  chargectl init --home my-station
  chargectl init --home my-station --station two-connectors.toml
"""

import argparse
from pathlib import Path

from chargectl.output import Failure, print_json
from chargectl.station import code_of, home_of, place
from chargectl.station_check import check_text
from services.exit_codes import ExitCode
from services.home import BadHome, Home

DEFAULT_STATION = """\
# One station, described once. Restart it after a change: chargectl up

[station]
board = "simulated"
vendor = "Open Charge"
model = "Simulated AC"
serial = "SIM-0001"

[connector.1]
cable = "socket"            # or "fixed"
phases = 3
max_current_a = 32

[cards]
local = ["04C0FFEE123456"]  # accepted without a backend

[settings]                  # factory values of configuration keys: chargectl config search
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--station", type=Path, metavar="FILE", help="a station.toml to use instead of the standard one"
    )
    parser.add_argument("--force", action="store_true", help="replace a station.toml that is there already")


def run(arguments: argparse.Namespace) -> int:
    home = home_of(arguments)
    text = DEFAULT_STATION if arguments.station is None else _read(arguments.station)
    check_text(text, str(arguments.station or "the standard station"))
    make_home(home, text, replace=arguments.force)
    if arguments.json:
        print_json({"ok": True, "home": str(home.root), "station_file": str(home.station_file)})
    else:
        print(f"made {home.root}; start it with: chargectl up {place(home)}")
    return int(ExitCode.OK)


def make_home(home: Home, text: str, *, replace: bool) -> None:
    """Raises Failure: cannot write, or another station is described there."""
    try:
        if home.station_file.exists() and not replace and home.station_file.read_text(encoding="utf-8") != text:
            raise Failure(
                f"{home.station_file} describes another station already; edit it, or replace it with --force",
                ExitCode.REFUSED,
            )
        home.make_directories()
        temporary = home.root / ".station.toml.new"
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(home.station_file)
    except BadHome as error:
        raise Failure(str(error), code_of(error)) from error
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"cannot write {home.station_file}: {error}", ExitCode.CANNOT_WRITE) from error


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(f"cannot read {path}: {error}", ExitCode.BAD_CONFIGURATION) from error
