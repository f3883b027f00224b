"""GetConfiguration of OCPP 1.6 (section 5.8): the table as the backend sees it. Pure."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec
from msgspec import UNSET, Struct, UnsetType

from schemas.settings import of_connector, place
from services.settings.access import BACKEND_ROLE, may_change
from services.settings.faces import FACES, is_face, shown
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


class ConfigurationKey(Struct, gc=False, omit_defaults=True):
    """`KeyValue` of OCPP 1.6 (section 7.29)."""

    key: str
    readonly: bool
    value: str | UnsetType = UNSET


class _Live(Struct, frozen=True):
    """The place of a key in the list of all that has its value from another service."""

    name: str
    key: Key
    connector: int


class Configuration:
    """`values`: in force, by place; they do not change any more. `dictated`: keys that nobody can change here.

    What the values give is composed once: asking for everything again costs little more than encoding it.
    """

    def __init__(self, values: Mapping[str, str], dictated: Mapping[str, object], connectors: int = 1) -> None:
        self._values, self._dictated, self._connectors = values, dictated, connectors
        self._most = int(values["GetConfigurationMaxKeys"])
        self._long = values.get("AllowLongOcppGetConfKeys") == "true"
        self._numbers = values.get("OcppGetConfBoolIsInt") == "true"
        self._every: list[ConfigurationKey | _Live] | None = None

    def answer(self, names: Sequence[str], live: Mapping[str, str]) -> dict[str, str]:
        """`configurationKey` and `unknownKey` as JSON, in the order asked; no names = every key. Raises TooManyKeys.

        `live`: present state of other services, by place.
        """
        if len(names) > self._most:
            raise TooManyKeys(f"at most {self._most} keys in one GetConfiguration, not {len(names)}")
        known: list[ConfigurationKey] = []
        unknown: list[str] = []
        room = _Room()
        for name in dict.fromkeys(names):
            found = address(name)
            if found is None or not self._exists(found):
                unknown.append(name[:LONGEST_NAME])
            else:
                known.append(self._entry(_spelled(found), found.key, found.connector, live, room))
        if not names:
            known = self._all(live)
        return {
            "configurationKey": msgspec.json.encode(known).decode(),
            "unknownKey": msgspec.json.encode(unknown).decode(),
        }

    def _exists(self, found: Addressed) -> bool:
        return not found.connector or (found.key.per_connector and found.connector <= self._connectors)

    def _all(self, live: Mapping[str, str]) -> list[ConfigurationKey]:
        if self._every is None:
            room = _Room()
            self._every = [
                _Live(name, key, connector) if key.live else self._entry(name, key, connector, {}, room)
                for name, key, connector in self._places()
            ]
        room = _Room()
        entries: list[ConfigurationKey] = []
        for each in self._every:
            if isinstance(each, ConfigurationKey):
                entries.append(each)
            elif not each.connector or each.name in live:
                entries.append(self._entry(each.name, each.key, each.connector, live, room))
        return entries

    def _places(self) -> Iterator[tuple[str, Key, int]]:
        """Every key but those that only take, and the values that connectors have for themselves."""
        for name, key in KEYS.items():
            if key.access is Access.WRITE:
                continue
            yield name, key, 0
            if key.per_connector:
                for connector in range(2, self._connectors + 1):
                    own = place(name, connector)
                    if key.live or own in self._values:
                        yield own, key, connector

    def _entry(self, name: str, key: Key, connector: int, live: Mapping[str, str], room: "_Room") -> ConfigurationKey:
        readonly = (
            key.type is KeyType.READONLY
            or key.access is Access.READ
            or bool(key.absent)
            or key.name in self._dictated
            or not may_change(key, BACKEND_ROLE)
        )
        if key.secret or key.access is Access.WRITE:
            return ConfigurationKey(name, readonly)
        if is_face(key):
            return ConfigurationKey(name, readonly, shown(FACES[key.name], self._values))
        if key.type is KeyType.ACTION:
            return ConfigurationKey(name, readonly, "")
        text = of_connector(live if key.live else self._values, key.name, connector)
        return ConfigurationKey(name, readonly, UNSET if text is None else self._shown(text, key, room))

    def _shown(self, text: str, key: Key, room: "_Room") -> str | UnsetType:
        kind = key.value_type or key.type
        if key.standard and (kind is KeyType.BOOL or (kind is KeyType.ENUM and "Off" in key.values)):
            # the enumeration is a boolean in OCPP 1.6 and has a third value here
            text = {"On": "true", "Off": "false"}.get(text, text)
            return {"true": "1", "false": "0"}.get(text, text) if self._numbers else text
        size = len(text.encode())
        if len(text) <= LONGEST_VALUE:
            room.left -= size
            return text
        if self._long and size <= room.left:
            room.left -= size
            return text
        # a part of a text would be a lie; a list may end early
        if kind is KeyType.LIST and "," in text[: LONGEST_VALUE + 1]:
            return text[: text.rindex(",", 0, LONGEST_VALUE + 1)]
        return UNSET


class _Room(Struct):
    left: int = MOST_BYTES
    """Bytes."""


def _spelled(found: Addressed) -> str:
    return f"{found.key.name}[{found.connector}]" if found.connector else found.key.name


def answer(
    names: Sequence[str],
    values: Mapping[str, str],
    live: Mapping[str, str],
    dictated: Mapping[str, object],
    connectors: int = 1,
) -> dict[str, str]:
    """The same, once."""
    return Configuration(values, dictated, connectors).answer(names, live)
