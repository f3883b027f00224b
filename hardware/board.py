"""The only place that chooses the board's drivers."""

from pathlib import Path

from hardware.interfaces import PeopleBoard, SafetyBoard
from hardware.sim.board import SimulatedSafetyBoard
from hardware.sim.people import SimulatedPeopleBoard
from schemas.station import Station


def open_safety_board(station: Station, socket_path: Path) -> SafetyBoard:
    """`socket_path`: the simulated site's `board.sock`, reachable by a path of at most 107 bytes."""
    match station.station.board:
        case "simulated":
            fitted = {number: (each.cable == "socket", each.has_lock) for number, each in station.connectors.items()}
            return SimulatedSafetyBoard(socket_path, fitted)


def open_people_board(station: Station, socket_path: Path) -> PeopleBoard:
    match station.station.board:
        case "simulated":
            return SimulatedPeopleBoard(socket_path)
