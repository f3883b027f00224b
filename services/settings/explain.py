"""The values of keys told apart: default, factory, stored, in force, at the next start. Pure."""

import json
from collections.abc import Sequence

from services.settings import access
from services.settings.faces import FACES, is_face
from services.settings.names import address, key_of, nearest, unknown
from services.settings.rules import has_value
from services.settings.table import KEYS, Key
from services.settings.values import Values

MOST_BYTES = 180 * 1024


class NoSuchKey(ValueError):
    """The text names the nearest right ones."""


def layers(values: Values, names: Sequence[str], live: dict[str, str]) -> str:
    """JSON object by place; see `schemas/settings.py` ExplainRequest. Raises NoSuchKey."""
    places = _places(values, names)
    told = {where: _layers(where, values, live) for where in places}
    text = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    if len(text.encode()) > MOST_BYTES:
        return json.dumps({where: _without_long(each) for where, each in told.items()}, separators=(",", ":"))
    return text


def _places(values: Values, names: Sequence[str]) -> list[str]:
    known = values.at_next_start
    places: dict[str, None] = {}
    for name in names or KEYS:
        found = address(name)
        if found is None:
            raise NoSuchKey(unknown(name) if nearest(name) else f"there is no configuration key {name[:100]!r}")
        places[found.place] = None
        own = [f"{found.key.name}[{number}]" for number in range(2, values.board.connectors + 1)]
        places.update(dict.fromkeys(where for where in own if not found.connector and where in known))
    return list(places)


def _layers(where: str, values: Values, live: dict[str, str]) -> dict[str, object]:
    key = key_of(where)
    assert key is not None
    if is_face(key):
        behind = FACES[key.name].key
        return {**_layers(behind, values, live), "face_of": behind}
    told: dict[str, object] = {}
    why = access.read_only(key, values)
    if why:
        told["readonly"] = why
    if key.live:
        return {**told, **({"in_force": live[where]} if where in live else {})}
    if not has_value(key):
        return told
    layered = {
        "default": values.at_next_start.get(key.default_from, "") if key.default_from else key.default,
        "factory": values.factory.get(where),
        "stored": values.stored.get(where),
        "in_force": values.in_force.get(where),
        "at_next_start": values.at_next_start.get(where),
        "rejected": values.rejected.get(where),
    }
    told.update((name, _shown(key, name, text)) for name, text in layered.items() if text is not None)
    if where in values.pending:
        told["pending"] = True
    return told


def _shown(key: Key, layer: str, text: str) -> str:
    if not key.secret or layer == "rejected":
        return text
    return "(set, secret)" if text else ""


def _without_long(told: dict[str, object]) -> dict[str, object]:
    return {name: f"({len(each)} characters)" if isinstance(each, str) and len(each) > 200 else each
            for name, each in told.items()}  # fmt: skip
