"""Which keys must fit together, and what a complete set is. Pure: one list of plain functions."""

from collections.abc import Mapping

from services.settings.faces import is_face
from services.settings.names import connector_of, key_of, nearest, unknown
from services.settings.one_value import Unacceptable, parse, takes
from services.settings.rules import backend, charging, energy, hardware, limits, mounted, networks
from services.settings.rules.problem import Board, Problem, Problems, Rule, Values
from services.settings.table import KEYS, Key
from services.settings.table.key import KeyType

__all__ = [
    "RULES",
    "Board",
    "Problem",
    "Unacceptable",
    "check",
    "check_order",
    "complete",
    "nearest",
    "parse",
    "takes",
    "unknown",
]

MOST_BYTES = 96 * 1024
"""Of all values together: they travel in one frame, 256 KiB long at most, with their names."""


def complete(explicit: Mapping[str, str]) -> dict[str, str]:
    """Every place that has a value: what was set, else the table's default. Live keys and actions have none here."""
    values = {name: explicit.get(name, key.default) for name, key in KEYS.items() if has_value(key)}
    for name, key in KEYS.items():
        if key.default_from and name not in explicit:
            values[name] = _followed(key, explicit, values)
    for where, text in explicit.items():
        if connector_of(where):
            values[where] = text
    return values


def has_value(key: Key) -> bool:
    """Whether it has one that is kept."""
    return not key.live and key.type is not KeyType.ACTION and not is_face(key)


def _followed(key: Key, explicit: Mapping[str, str], values: Mapping[str, str]) -> str:
    """The value of the key that is its default, and so on."""
    for _ in KEYS:
        if not key.default_from or key.name in explicit or key.default_from not in KEYS:
            break
        key = KEYS[key.default_from]
    return values[key.name]


def check(values: Mapping[str, str], board: Board) -> list[Problem]:
    """Everything that does not fit together in a complete set of canonical values."""
    return [problem for rule in RULES for problem in rule(values, board)]


def check_order(name: str, values: Mapping[str, str], board: Board) -> list[Problem]:
    """Why an action key can do nothing with the values in force."""
    return [problem for rule in ORDERS.get(name, ()) for problem in rule(values, board)]


def dictated_by_the_board(values: Values, board: Board) -> Problems:
    for name, (value, why) in board.dictated.items():
        if values.get(name, value) != value:
            yield Problem((name,), f"{name} is {value} here and cannot be {values[name]!r}: {why}")


def connector_exists(values: Values, board: Board) -> Problems:
    """A value of a connector that is not mounted (any more) is kept and not used."""
    for where in values:
        connector = connector_of(where)
        key = key_of(where)
        if connector and (connector > board.connectors or key is None or not key.per_connector):
            yield Problem((where,), f"{where}: {no_such_connector(connector, board)}")


def no_such_connector(connector: int, board: Board) -> str:
    if 0 < connector <= board.connectors:
        return "this key holds for the whole station: leave the connector out"
    return f"there is no connector {connector}; this station has {board.connectors}"


def all_fit_together(values: Values, _board: Board) -> Problems:
    size = sum(len(text.encode()) for text in values.values())
    if size > MOST_BYTES:
        longest = max(values, key=lambda where: len(values[where]))
        yield Problem((longest,), f"all values together are {size} bytes, at most {MOST_BYTES} fit: shorten {longest}")


RULES: tuple[Rule, ...] = (
    *limits.RULES,
    *charging.RULES,
    *hardware.RULES,
    *mounted.RULES,
    *backend.RULES,
    *networks.RULES,
    *energy.RULES,
    dictated_by_the_board,
    connector_exists,
    all_fit_together,
)
ORDERS: Mapping[str, tuple[Rule, ...]] = {"RCDRESET": (mounted.reset_has_its_output, hardware.reset_reaches_the_rcd)}
"""By action key: what has to be so for its order to be taken."""
