"""Names of keys and of their places: any case, `Name[2]` for connector 2, and the nearest right one. Pure."""

import re
from typing import NamedTuple

from schemas.settings import place
from services.settings.table import KEYS, Key, find

MOST_SUGGESTIONS = 3
LONGEST_SHOWN = 100
_OF_CONNECTOR = r"\s*([^\[\]]{1,80}?)\s*\[\s*([0-9]{1,2})\s*\]\s*"


class Addressed(NamedTuple):
    """What a name means."""

    key: Key
    connector: int
    """As it stands in the name; 0 = it names none."""

    @property
    def place(self) -> str:
        return place(self.key.name, self.connector)


def address(name: str, connector: int = 0) -> Addressed | None:
    """`connector` stands beside the name (`--connector 2`); 0 = only the name counts. None = there is no such key."""
    found = re.fullmatch(_OF_CONNECTOR, name)
    key = find(found.group(1) if found else name)
    if key is None:
        return None
    named = int(found.group(2)) if found else 0
    return Addressed(key, connector or named)


def contradicts(name: str, connector: int) -> bool:
    """The name says one connector and the number beside it another."""
    found = re.fullmatch(_OF_CONNECTOR, name)
    return bool(found) and bool(connector) and int(found.group(2)) != connector  # type: ignore[union-attr]


def key_of(where: str) -> Key | None:
    """The key of a place in its canonical spelling."""
    return KEYS.get(where.partition("[")[0])


def connector_of(where: str) -> int:
    """0 = the place names none."""
    number = where.partition("[")[2].removesuffix("]")
    return int(number) if number.isdecimal() else 0


def nearest(name: str) -> tuple[str, ...]:
    """The known names that look most like `name`, best first."""
    import difflib  # only a mistake needs it

    names = {known.lower(): known for known in KEYS}
    wanted = name.strip().lower()[:LONGEST_SHOWN].partition("[")[0]
    close = difflib.get_close_matches(wanted, names, n=MOST_SUGGESTIONS, cutoff=0.5)
    close += [lower for lower in names if len(wanted) > 3 and wanted in lower and lower not in close]
    return tuple(names[lower] for lower in close[:MOST_SUGGESTIONS])


def unknown(name: str) -> str:
    """Words for a key that the table does not have."""
    close = nearest(name)
    hint = "did you mean " + " or ".join(close) + "?" if close else "list all keys with: chargectl config search"
    return f"there is no configuration key {name[:LONGEST_SHOWN]!r}; {hint}"
