"""Where each meter of a station is, from the station file. Pure."""

import re
from typing import NamedTuple

from schemas.station import ConnectorSection, Station
from services.metering.registers import MODELS, MeterModel

NO_METER = "none"
NOMINAL_V = 230.0
_ADDRESS = re.compile(r"tcp:(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:/\s]+):(?P<port>\d{1,5})/(?P<unit>\d{1,3})")


class BadAddress(ValueError):
    """The text says what an address looks like."""


class Address(NamedTuple):
    host: str
    port: int
    unit: int


class MountedMeter(NamedTuple):
    model: MeterModel
    connector: int
    rated_w: float
    """The most that this connector can draw, at nominal voltage."""
    address: Address | None
    """None = the simulated board's own meter of this connector; its unit id is the connector's number."""


def parse_address(text: str) -> Address:
    """`tcp:HOST:PORT/UNIT`. Raises BadAddress."""
    found = _ADDRESS.fullmatch(text.strip())
    if found is None or not 1 <= int(found["port"]) <= 65535 or not 1 <= int(found["unit"]) <= 247:
        raise BadAddress(
            f"meter address {text!r} is not tcp:HOST:PORT/UNIT with port 1 to 65535 and unit 1 to 247, "
            "for example tcp:192.168.1.20:502/1"
        )
    return Address(found["host"].strip("[]"), int(found["port"]), int(found["unit"]))


def mounted_meters(station: Station) -> dict[str, MountedMeter]:
    """By name (`connector.N`). Raises ValueError, naming section and remedy."""
    meters: dict[str, MountedMeter] = {}
    for number, section in station.connectors.items():
        if section.meter != NO_METER:
            try:
                meters[f"connector.{number}"] = _mounted(number, section, station.station.board == "simulated")
            except ValueError as error:
                raise ValueError(f"[connector.{number}]: {error}") from error
    return meters


def _mounted(number: int, section: ConnectorSection, simulated: bool) -> MountedMeter:
    model = MODELS.get(section.meter)
    if model is None:
        import difflib

        near = difflib.get_close_matches(section.meter, [*MODELS, NO_METER], n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join([*MODELS, NO_METER])}"
        raise ValueError(f"unknown meter {section.meter!r}; {hint}")
    address = parse_address(section.meter_address) if section.meter_address else None
    if address is None and not simulated:
        raise ValueError("meter_address is missing: tcp:HOST:PORT/UNIT")
    return MountedMeter(model, number, section.phases * section.max_current_a * NOMINAL_V, address)
