"""What a rule between keys sees, and what it says. Pure."""

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from schemas.settings import of_connector
from schemas.station import INPUTS, OUTPUTS, TEMPERATURES

Values = Mapping[str, str]
"""A complete set by place, canonical spellings."""


class Mounted(NamedTuple):
    """At one connector for vehicles, in the words of the keys."""

    connector: int
    is_fixed: bool
    """A fixed cable, no socket."""
    actuator: str
    """A value of EOActuatorType; empty = no lock."""
    mirror_contact: str
    """A value of WeldCheckInType; empty = none."""
    inputs: frozenset[str]
    """Names of `schemas/station.py` INPUTS, without the connector's number."""
    phase_relay: bool = False
    """It can charge with one of its three phases."""


class Board(NamedTuple):
    """What is mounted, as far as keys must fit it."""

    highest_current_a: int
    """Of the connector with the highest rating."""
    links: tuple[str, ...]
    """Values of `ConnectionType` that this board has."""
    dictated: Mapping[str, tuple[str, str]]
    """Keys that nobody may change here: value, and why."""
    ratings_a: tuple[int, ...] = ()
    """Of the connectors, from the first; empty = one, with the highest."""
    mounted: frozenset[str] = frozenset()
    """Keys whose factory value is what is mounted: it never gives way."""
    sections: tuple[Mounted, ...] = ()
    """Of the connectors for vehicles, from the first; empty = nothing is known of them."""
    inputs: frozenset[str] = frozenset(INPUTS)
    outputs: frozenset[str] = frozenset(OUTPUTS)
    """Of `schemas/station.py` INPUTS and OUTPUTS those that are wired."""
    temperatures: frozenset[str] = frozenset(TEMPERATURES)
    """Of TEMPERATURES those that have a sensor, at whatever connector."""
    domestic_socket: bool = False
    """One of the connectors is a domestic socket."""

    @property
    def connectors(self) -> int:
        return max(1, len(self.ratings_a))

    def rating_a(self, connector: int) -> int:
        return self.ratings_a[connector - 1] if connector <= len(self.ratings_a) else self.highest_current_a


class Problem(NamedTuple):
    """A rule between keys, or between a key and the board, that a set of values breaks."""

    places: tuple[str, ...]
    """Those involved, the one that gives way first; the next one where that has no value of its own."""
    words: str
    """What to do, for a person."""

    @property
    def key(self) -> str:
        """The one that gives way."""
        return self.places[0]


Problems = Iterable[Problem]
Rule = Callable[[Values, Board], Problems]


def number(values: Values, name: str, connector: int = 1) -> float | None:
    """None = it has no value (OCPP has keys for the lengths of some lists only)."""
    text = of_connector(values, name, connector)
    return float(text) if text else None


def is_on(values: Values, name: str) -> bool:
    return values[name] == "true"


def items(values: Values, name: str) -> list[str]:
    return [item for item in values[name].split(",") if item]


def own_connectors(values: Values, board: Board, *names: str) -> list[int]:
    """The first connector, and those for which one of the keys has a value of its own."""
    others = range(2, board.connectors + 1)
    return [1, *(each for each in others if any(f"{name}[{each}]" in values for name in names))]


def own_place(values: Values, name: str, connector: int) -> str:
    """Where the value of a key for this connector comes from."""
    own = f"{name}[{connector}]"
    return own if own in values else name


def at_most(values: Values, name: str, limit: str, unit: str, *, zero: str = "", hint: str = "") -> Problems:
    """`name` is not above `limit`; `zero`: 0 in either key means something else and is left alone when not empty."""
    low, high = number(values, name), number(values, limit)
    if low is None or high is None or low <= high or (zero and not (low and high)):
        return
    yield Problem(
        (name, limit),
        f"{name} ({low:g} {unit}) is above {limit} ({high:g} {unit}): lower {name}, or raise {limit} first"
        + (f"; {hint}" if hint else ""),
    )


def needs(values: Values, name: str, chosen: str, required: str, what: str) -> Problems:
    """Where `name` is `chosen` (any value but off, when empty), `required` may not be empty."""
    if values[name] == chosen and not values[required]:
        yield Problem((name, required), f"{name} {chosen} needs {what}: set {required} first, or both together")
