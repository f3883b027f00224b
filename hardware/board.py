"""The only place that chooses the board's drivers."""

from pathlib import Path

from hardware.interfaces import PeopleBoard, SafetyBoard
from hardware.sim.board import SimulatedSafetyBoard, fitted_of
from hardware.sim.people import SimulatedPeopleBoard
from schemas.station import Station


def open_safety_board(station: Station, socket_path: Path) -> SafetyBoard:
    """`socket_path`: the simulated site's `board.sock`, reachable by a path of at most 107 bytes."""
    match station.station.board:
        case "simulated":
            fitted = {number: fitted_of(each) for number, each in station.connectors.items()}
            return SimulatedSafetyBoard(socket_path, fitted, station.equipment)
        case "mcu":
            # imported here, as all that follow: drivers that this board does not have cost it nothing
            from hardware.mcu.board import McuSafetyBoard

            return McuSafetyBoard(station)
        case "direct-gpio":
            return _direct_gpio(station)


def _direct_gpio(station: Station) -> SafetyBoard:
    """Raises OSError where the library for GPIO lines is not installed."""
    try:
        from hardware.linux.board import DirectGpioBoard
    except ModuleNotFoundError as error:
        if error.name != "gpiod":
            raise
        raise OSError("direct-gpio needs the package gpiod: install it into the environment of this program") from error
    return DirectGpioBoard(station)


def open_people_board(station: Station, socket_path: Path) -> PeopleBoard:
    match station.station.board:
        case "simulated":
            return SimulatedPeopleBoard(socket_path)
        case "mcu" | "direct-gpio":
            from hardware.linux.people import LinuxPeopleBoard

            return LinuxPeopleBoard(station)
