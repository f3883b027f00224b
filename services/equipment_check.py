"""Are the connectors, inputs, outputs and sensors of the station file ones that a board can have? Pure."""

from collections.abc import Iterator, Sequence

from schemas.station import CONNECTOR_INPUTS, INPUTS, OUTPUTS, TEMPERATURES, Station
from services.problem import Problem

MOST_CONNECTORS = 16
CONNECTOR_TEMPERATURES = ("relay", "plug_1", "plug_2")
"""Sensors of one connector: that of connector 2 is called `plug_1.2`."""


def connector_problems(station: Station) -> Iterator[Problem]:
    """How they are numbered, and whether each has a meter of its own."""
    right = [str(number) for number in range(1, len(station.connector) + 1)]
    wrong = [name for name in station.connector if name not in right]
    if wrong:
        words = f"connectors are [connector.1], [connector.2] ... without a hole, not [connector.{wrong[0]}]"
        yield Problem(("connector", wrong[0]), words)
    if not 1 <= len(right) <= MOST_CONNECTORS:
        yield Problem(("connector", *right[MOST_CONNECTORS:][:1]), f"a station has 1 to {MOST_CONNECTORS} connectors")
    seen: dict[str, str] = {}
    for name, section in station.connector.items():
        address = section.meter_address.strip().lower()
        if address and section.meter != "none":
            if address in seen:
                words = f"meter_address is that of [connector.{seen[address]}] too: every connector has its own meter"
                yield Problem(("connector", name, "meter_address"), words)
            seen[address] = name


def equipment_problems(station: Station) -> Iterator[Problem]:
    """Names that are unknown, with the nearest right one, and names that stand twice."""
    others = sorted(station.connectors)[1:]
    mounted = station.equipment
    yield from _unknown("inputs", tuple(mounted.inputs), _names(INPUTS, CONNECTOR_INPUTS, others))
    yield from _unknown("outputs", mounted.outputs, tuple(OUTPUTS))
    yield from _outlets(station)
    yield from _unknown("temperatures", mounted.temperatures, _names(TEMPERATURES, CONNECTOR_TEMPERATURES, others))


def _outlets(station: Station) -> Iterator[Problem]:
    outlets = [name for name, section in station.connector.items() if section.cable == "schuko"]
    for name in outlets:
        path = ("connector", name, "cable")
        if "auxiliary" not in station.equipment.outputs:
            yield Problem(path, 'cable = "schuko" hangs on the output auxiliary: add it to [equipment] outputs')
        elif name != outlets[0]:
            yield Problem(path, "there is one auxiliary output, so there is one domestic socket")
        elif len(station.connector) == 1:
            yield Problem(path, "a domestic socket stands beside a connector for vehicles: add another connector")
        elif station.station.board == "mcu" and int(name) != max(station.connectors):
            yield Problem(path, "a microcontroller counts the connectors for vehicles: give the socket the last number")


def _names(of_all: Sequence[str] | dict[str, str], of_one: Sequence[str], others: Sequence[int]) -> tuple[str, ...]:
    return (*of_all, *(f"{name}.{number}" for name in of_one for number in others))


def _unknown(key: str, names: Sequence[str], known: Sequence[str]) -> Iterator[Problem]:
    for place, name in enumerate(names):
        path = ("equipment", key, name) if key == "inputs" else ("equipment", key)
        if name not in known:
            # imported here: it costs every process memory for the rare wrong name
            import difflib

            near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
            yield Problem(path, f"unknown name {name!r} in {key}; {hint}")
        elif name in names[:place]:
            yield Problem(path, f"{name!r} stands twice in {key}")
