"""Does the microcontroller have what the station file says is mounted? Pure."""

from collections.abc import Iterator

from hardware.mcu import messages
from hardware.mcu.messages import Ability, Identity, IdentityConnector
from schemas.station import ConnectorSection, Station


def missing(station: Station, identity: Identity, connectors: tuple[IdentityConnector, ...]) -> list[str]:
    """In words; empty = everything is there."""
    return list(_missing(station, identity, connectors))


def _missing(station: Station, identity: Identity, connectors: tuple[IdentityConnector, ...]) -> Iterator[str]:
    for number, section in vehicle_connectors(station).items():
        if number > len(connectors):
            yield f"it has {len(connectors)} connectors, the station file {len(vehicle_connectors(station))}"
            break
        for ability in abilities_needed(section):
            if not connectors[number - 1].abilities & ability:
                yield f"it has no {ability.name.lower().replace('_', ' ')} for connector {number}"
    for name in station.equipment.inputs:
        if not _has(name, messages.STATION_INPUTS, messages.CONNECTOR_INPUTS, identity.inputs, _inputs(connectors)):
            yield f"it has no input {name}"
    for name in station.equipment.outputs:
        if name not in messages.OUTPUTS or not identity.outputs >> messages.OUTPUTS.index(name) & 1:
            yield f"it has no output {name}"
    if station.outlet is not None and not identity.outputs & messages.OUTLET:
        yield "it cannot feed the output auxiliary like a coil: its firmware is too old for a domestic socket"
    own, of_connectors = messages.STATION_TEMPERATURES, messages.CONNECTOR_TEMPERATURES
    for name in station.equipment.temperatures:
        fitted = _has(name, own, of_connectors, identity.temperatures, [each.temperatures for each in connectors])
        if name not in station.linux.temperatures and not fitted:
            yield f"it has no temperature sensor {name}"
    if station.equipment.fan and station.linux.fan is None and not identity.fan:
        yield "it measures no fan"


def vehicle_connectors(station: Station) -> dict[int, ConnectorSection]:
    """Those that are parts of the messages; a domestic socket is an output."""
    return {number: section for number, section in station.connectors.items() if number != station.outlet}


def abilities_needed(section: ConnectorSection) -> list[Ability]:
    feedback = section.has_lock and section.lock_actuator != "without feedback"
    needed = {
        Ability.PROXIMITY: section.cable == "socket",
        Ability.MIRROR: section.mirror_contact,
        Ability.LOCK: section.has_lock,
        Ability.LOCK_FEEDBACK: feedback,
        Ability.RELEASE_ENERGY: section.has_lock and section.lock_actuator == "with emergency release",
        Ability.RESIDUAL: section.residual_current != "none",
        Ability.OUTPUT_SENSE: section.output_sense,
        Ability.PHASE_RELAY: section.phase_switching,
    }
    return [ability for ability, is_needed in needed.items() if is_needed]


def _inputs(connectors: tuple[IdentityConnector, ...]) -> list[int]:
    return [each.inputs for each in connectors]


def _has(name: str, own: tuple[str, ...], of_connectors: tuple[str, ...], mask: int, masks: list[int]) -> bool:
    function, _, number = name.partition(".")
    if function in own and not number:
        return bool(mask >> own.index(function) & 1)
    place = int(number) if number.isdecimal() else 1
    if function not in of_connectors or not 1 <= place <= len(masks):
        return False
    return bool(masks[place - 1] >> of_connectors.index(function) & 1)
