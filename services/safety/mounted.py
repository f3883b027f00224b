"""What the station file says is mounted, and what all connectors of a station read alike."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from hardware.interfaces import Feedback, SafetyBoard, Speed, Temperature
from schemas.station import CONNECTOR_INPUTS, CONNECTOR_TEMPERATURES, ConnectorSection, EquipmentSection
from services.safety.residual.state import Neighbour
from services.safety.state import Driven, Equipment


class Shared(NamedTuple):
    """What all connectors of a station read alike, and of one connector the inputs and temperatures of its own."""

    inputs: Mapping[str, Feedback | None]
    temperatures: Mapping[str, Temperature | None]
    fan: Speed | None
    trouble: str
    outputs: Mapping[str, Driven] = MappingProxyType({})
    """What the panel drives."""
    welded: tuple[int, ...] = ()
    """Connectors whose contacts are welded."""
    neighbours: tuple[Neighbour, ...] = ()
    """Of one connector: the others."""


def shared_of(board: SafetyBoard, wired: Mapping[str, str], connector: int) -> Shared:
    """`wired`: how each contact is wired ("normally open" or "normally closed"); an active contact reads True."""
    own = f".{connector}"
    inputs: dict[str, Feedback | None] = {}
    for name, source in board.inputs.items():
        function, _, number = name.partition(".")
        if name not in wired or (number and not name.endswith(own)):
            continue
        if connector != 1 and not number and function in CONNECTOR_INPUTS:
            continue
        read = source.state()
        normally_closed = wired[name] == "normally closed"
        inputs[function] = None if read is None else Feedback(read.closed is not normally_closed, read.sampled_s)
    temperatures = {
        name.partition(".")[0]: sensor.read() for name, sensor in board.temperatures.items() if _is_of(name, connector)
    }
    fan = board.tachometers.get("fan")
    return Shared(inputs, temperatures, fan.read() if fan is not None else None, board.trouble_of(connector))


def equipment_of(number: int, section: ConnectorSection, mounted: EquipmentSection) -> Equipment:
    return Equipment(
        connector=number,
        socket=section.cable == "socket",
        has_lock=section.has_lock,
        mirror_contact=section.mirror_contact,
        max_current_a=float(section.max_current_a),
        phases=section.phases,
        residual_sensor=section.residual_current != "none",
        output_sense=section.output_sense,
        phase_switching=section.phase_switching,
        actuator=section.lock_actuator,
        ventilation="ventilation" in mounted.outputs,
        outputs=frozenset(mounted.outputs),
        outlet=section.cable == "schuko",
        inputs=frozenset(_of_connector(mounted.inputs, number)),
        temperatures=frozenset(_of_connector(mounted.temperatures, number)),
        fan=mounted.fan,
        mirror_normally_closed=section.mirror_contact_type == "normally closed",
        normally_closed=frozenset(_of_connector(_closed_ones(mounted.inputs), number)),
    )


def _closed_ones(wired: Mapping[str, str]) -> list[str]:
    return [name for name, kind in wired.items() if kind == "normally closed"]


def _of_connector(names: Iterable[str], connector: int) -> list[str]:
    """The names of this connector and of the station, without the connector's number."""
    return [name.partition(".")[0] for name in names if _is_of(name, connector)]


def _is_of(name: str, connector: int) -> bool:
    """A name without a number is the station's, or of connector 1."""
    function, _, number = name.partition(".")
    elsewhere = connector != 1 and not number and function in CONNECTOR_INPUTS + CONNECTOR_TEMPERATURES
    return number in ("", str(connector)) and not elsewhere
