"""What the station file gives as factory values, and whether it does so correctly."""

import re
from collections.abc import Iterable, Mapping

from schemas.settings import place
from schemas.station import CONNECTOR_INPUTS, ConnectorSection, Station
from services.home import line_of
from services.settings.faces import FACES, is_face
from services.settings.names import connector_of, key_of, unknown
from services.settings.one_value import Unacceptable, parse
from services.settings.rules import Board, check, complete, has_value
from services.settings.rules.mounted import MIRROR
from services.settings.rules.problem import Mounted
from services.settings.table import Key
from services.settings.table.metering import NO_METER, PRIMARY_METERS
from services.version import VERSION

_WIRED = ("No Backend", "Ethernet")
LINKS = {"simulated": _WIRED, "mcu": _WIRED, "direct-gpio": _WIRED}
"""By board: the ways to a backend that are mounted."""

MOUNTED = frozenset({"HardwareCurrentLimit"})


def board_of(station: Station) -> Board:
    sections = list(station.connectors.values())
    phases = [str(section.phases) for section in sections]
    dictated = {
        "FirmwareVersion": (VERSION, "it is the version of this software"),
        "NumberOfConnectors": (str(len(sections)), "the station file describes that many"),
        "PhasesConnected": (
            phases[0] if len(set(phases)) == 1 else ",".join(phases),
            "the station file says how it is wired (phases)",
        ),
    }
    vehicles = [section for section in sections if section.cable != "schuko"]
    if vehicles and all(section.cable == "fixed" for section in vehicles):
        dictated["UnlockConnectorOnEVSideDisconnect"] = ("false", "a fixed cable has no plug to release")
    ratings = tuple(section.max_current_a for section in sections)
    mounted = tuple(
        _at_connector(number, section, station.equipment.inputs)
        for number, section in station.connectors.items()
        if section.cable != "schuko"
    )
    return Board(
        max(ratings),
        LINKS[station.station.board],
        dictated,
        ratings,
        MOUNTED | frozenset(dictated),
        mounted,
        frozenset(station.equipment.inputs),
        frozenset(station.equipment.outputs),
        frozenset(name.partition(".")[0] for name in station.equipment.temperatures),
        domestic_socket=station.outlet is not None,
    )


def _at_connector(number: int, section: ConnectorSection, inputs: Iterable[str]) -> Mounted:
    own = [name.partition(".") for name in inputs if name not in CONNECTOR_INPUTS or number == 1]
    return Mounted(
        number,
        is_fixed=section.cable == "fixed",
        actuator=section.lock_actuator.capitalize() if section.has_lock else "",
        mirror_contact=section.mirror_contact_type.capitalize() if section.mirror_contact else "",
        inputs=frozenset(name for name, _, of in own if of in ("", str(number))),
        phase_relay=section.phase_switching and section.phases == 3,
    )


def factory_values(station: Station) -> dict[str, str]:
    """Canonical values that this station has before anybody stores one: `[settings]`, then what is mounted.

    For a station that `check_station` found right.
    """
    board = board_of(station)
    values = _mounted(station, board)
    values.update((name, parse(_key(name), _text(value))) for name, value in station.settings.items())
    values.update((name, value) for name, (value, _) in board.dictated.items())
    return values


def _mounted(station: Station, board: Board) -> dict[str, str]:
    """Fields of the station file that are the factory values of keys."""
    return {
        "HardwareCurrentLimit": str(board.highest_current_a),
        "ChargePointVendor": station.station.vendor,
        "ChargePointModel": station.station.model,
        "ChargePointSerialNumber": station.station.serial,
        "ChargeBoxIdentity": station.station.serial,
        **_of_plug_and_contactor(board),
        **_of_connectors(station.connectors),
    }


def _of_plug_and_contactor(board: Board) -> dict[str, str]:
    values: dict[str, str] = {}
    if board.sections and all(mounted.is_fixed for mounted in board.sections):
        values["CableAttached"] = "true"
    if board.domestic_socket:
        values["OCPPSchuko"] = "true"
    if any(mounted.phase_relay for mounted in board.sections):
        values["ConnectorSwitch3to1PhaseSupported"] = "true"
    actuators = {mounted.actuator for mounted in board.sections if mounted.actuator}
    if len(actuators) == 1:
        values["EOActuatorType"] = actuators.pop()
    return values


def _of_connectors(connectors: Mapping[int, ConnectorSection]) -> dict[str, str]:
    """Connector 1's, and those of others where they are different."""
    values: dict[str, str] = {}
    meters = {_spelled(name): name for name in PRIMARY_METERS}
    for number, section in connectors.items():
        own: dict[str, str] = {}
        meter = NO_METER if section.meter == "none" else meters.get(section.meter, "")
        if meter:
            own["OCPPMeterType"] = meter
        if section.cable != "schuko":
            own["WeldCheck"] = MIRROR if section.mirror_contact else "Disable"
            own["WeldCheckInType"] = section.mirror_contact_type.capitalize()
        values.update({place(name, number): text for name, text in own.items() if values.get(name) != text})
    return values


def _spelled(name: str) -> str:
    """A meter's name as the register tables have it."""
    return re.sub("[^a-z0-9]+", "_", name.lower())


def check_station(station: Station, text: str, name: str = "station.toml") -> list[str]:
    """What is wrong with `[settings]`, one sentence each, naming the line in `text`; empty = right."""
    board = board_of(station)
    wrong: list[str] = []
    values = _mounted(station, board)
    values.update((key, value) for key, (value, _) in board.dictated.items())

    def at(key: str) -> str:
        return f"{name}{line_of(text, ('settings', key))}: "

    for key_name, value in station.settings.items():
        key = key_of(key_name)
        if key is None or key_name != place(key.name, connector_of(key_name)):
            wrong.append(at(key_name) + unknown(key_name))
        elif is_face(key):
            behind = FACES[key.name].key
            wrong.append(at(key_name) + f"{key_name} is another name of {behind}: give that one")
        elif not has_value(key) and not key.live:
            wrong.append(at(key_name) + f"{key_name} does something once and has no factory value; remove the line")
        elif key.live:
            wrong.append(at(key_name) + f"{key_name} shows the present state and has no factory value; remove the line")
        else:
            try:
                values[key_name] = parse(key, _text(value))
            except Unacceptable as error:
                wrong.append(at(key_name) + str(error))
    wrong.extend(at(problem.key) + problem.words for problem in check(complete(values), board))
    return wrong


def _key(where: str) -> Key:
    key = key_of(where)
    assert key is not None
    return key


def _text(value: str | int | float | bool) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
