"""GetConfiguration of OCPP 1.6 (section 5.8): the table as the backend sees it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from schemas.settings import of_connector, place
from services.settings.access import BACKEND_ROLE, may_change
from services.settings.faces import is_face
from services.settings.names import Addressed, address
from services.settings.table import KEYS, Key
from services.settings.table.key import LONGEST_VALUE, Access, KeyType

LONGEST_NAME = 50
"""CiString50Type."""
MOST_BYTES = 160 * 1024
"""Of all values of an answer: a frame of the bus has 256 KiB, and names and JSON need their room. Beyond it, texts of
more than 500 characters are left out."""


class TooManyKeys(ValueError):
    """The backend named more keys than `GetConfigurationMaxKeys`; the text says how many it may name."""


@dataclass
class _View:
    values: Mapping[str, str]
    live: Mapping[str, str]
    dictated: Mapping[str, object]
    long: bool
    numbers: bool
    room: int = field(default=MOST_BYTES)


def answer(
    names: Sequence[str],
    values: Mapping[str, str],
    live: Mapping[str, str],
    dictated: Mapping[str, object],
    connectors: int = 1,
) -> dict[str, str]:
    """`configurationKey` and `unknownKey` as JSON, in the order asked; no names = every key. Raises TooManyKeys.

    `values`: in force, by place. `live`: present state of other services. `dictated`: keys that nobody can change here.
    """
    most = int(values["GetConfigurationMaxKeys"])
    if len(names) > most:
        raise TooManyKeys(f"at most {most} keys in one GetConfiguration, not {len(names)}")
    view = _View(
        values,
        live,
        dictated,
        values.get("AllowLongOcppGetConfKeys") == "true",
        values.get("OcppGetConfBoolIsInt") == "true",
    )
    known: list[dict[str, object]] = []
    unknown: list[str] = []
    for name in dict.fromkeys(names):
        found = address(name)
        if found is None or not _exists(found, connectors):
            unknown.append(name[:LONGEST_NAME])
        else:
            known.append(_entry(_spelled(found), found.key, found.connector, view))
    if not names:
        known = _every(view, connectors)
    return {
        "configurationKey": msgspec.json.encode(known).decode(),
        "unknownKey": msgspec.json.encode(unknown).decode(),
    }


def _exists(found: Addressed, connectors: int) -> bool:
    return not found.connector or (found.key.per_connector and found.connector <= connectors)


def _spelled(found: Addressed) -> str:
    return f"{found.key.name}[{found.connector}]" if found.connector else found.key.name


def _every(view: _View, connectors: int) -> list[dict[str, object]]:
    """Every key but those that only take, and the values that connectors have for themselves."""
    entries = []
    for key in KEYS.values():
        if key.access is Access.WRITE:
            continue
        entries.append(_entry(key.name, key, 0, view))
        if key.per_connector and connectors > 1:
            for connector in range(2, connectors + 1):
                own = place(key.name, connector)
                if own in view.values or own in view.live:
                    entries.append(_entry(own, key, connector, view))
    return entries


def _entry(name: str, key: Key, connector: int, view: _View) -> dict[str, object]:
    readonly = (
        key.type is KeyType.READONLY
        or key.access is Access.READ
        or bool(key.absent)
        or key.name in view.dictated
        or not may_change(key, BACKEND_ROLE)
    )
    entry: dict[str, object] = {"key": name, "readonly": readonly}
    if key.secret or key.access is Access.WRITE or is_face(key):
        return entry
    value = _value(key, connector, view)
    if value is not None:
        entry["value"] = value
    return entry


def _value(key: Key, connector: int, view: _View) -> str | None:
    if key.type is KeyType.ACTION:
        return ""
    text = of_connector(view.live if key.live else view.values, key.name, connector)
    if text is None:
        return None
    kind = key.value_type or key.type
    if key.standard and kind is KeyType.ENUM and {"Off", "On"} <= set(key.values):
        # AllowOfflineTxForUnknownId: a boolean in OCPP 1.6 that has a third value here.
        text, kind = {"Off": "false", "On": "true"}.get(text, text), KeyType.BOOL
    if view.numbers and key.standard and kind is KeyType.BOOL:
        return {"true": "1", "false": "0"}.get(text, text)
    if len(text) > LONGEST_VALUE:
        return _long(text, kind, view)
    view.room -= len(text)
    return text


def _long(text: str, kind: KeyType, view: _View) -> str | None:
    """A part of a text would be a lie; a list may end early."""
    size = len(text.encode())
    if view.long and size <= view.room:
        view.room -= size
        return text
    if kind is KeyType.LIST and "," in text[: LONGEST_VALUE + 1]:
        return text[: text.rindex(",", 0, LONGEST_VALUE + 1)]
    return None
