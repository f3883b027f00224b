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


class _Row(Struct, frozen=True, gc=False):
    """A place in the list of all, as far as no value has a say."""

    name: str
    key: Key
    connector: int
    """0 = the key; from 2 = that connector's own."""
    readonly: bool
    fixed: ConfigurationKey | None
    """The whole entry, where no value is told."""
    plain: bool
    """Its value is told as it stands, unless it is long."""


Plan = tuple[_Row, ...]


class Configuration:
    """`values`: in force, by place; they do not change any more. `dictated`: keys that nobody can change here.

    What the values give is composed once: asking for everything again costs little more than encoding it. `plan`:
    of one before, with the same `dictated` and `connectors` (`after`).
    """

    def __init__(
        self,
        values: Mapping[str, str],
        dictated: Mapping[str, object],
        connectors: int = 1,
        plan: Plan | None = None,
    ) -> None:
        self._values, self._dictated, self._connectors = values, dictated, connectors
        self._most = int(values["GetConfigurationMaxKeys"])
        self._long = values.get("AllowLongOcppGetConfKeys") == "true"
        self._numbers = values.get("OcppGetConfBoolIsInt") == "true"
        self._plan = plan
        self._every: list[ConfigurationKey] | None = None
        self._living: list[tuple[int, _Row]] = []

    def after(self, values: Mapping[str, str]) -> "Configuration":
        """After a change of values: what does not depend on them is taken over."""
        return Configuration(values, self._dictated, self._connectors, self._plan)

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
            self._every = self._composed()
        room, entries = _Room(), list(self._every)
        for index, row in reversed(self._living):
            if row.connector and row.name not in live:
                del entries[index]
            else:
                entries[index] = self._entry(row.name, row.key, row.connector, live, room)
        return entries

    def _composed(self) -> list[ConfigurationKey]:
        """All entries; for those whose values other services have there is one without value, and a note."""
        if self._plan is None:
            self._plan = tuple(self._rows())
        every: list[ConfigurationKey] = []
        self._living = []
        room, values = _Room(), self._values
        for row in self._plan:
            if row.fixed is not None:
                every.append(row.fixed)
            elif row.key.live:
                self._living.append((len(every), row))
                every.append(ConfigurationKey(row.name, row.readonly))
            elif (text := values.get(row.name)) is None:
                if not row.connector:
                    every.append(self._entry(row.name, row.key, 0, {}, room))
            elif row.plain and len(text) <= LONGEST_VALUE and not self._long:
                every.append(ConfigurationKey(row.name, row.readonly, text))
            else:
                every.append(ConfigurationKey(row.name, row.readonly, self._shown(text, row.key, room)))
        return every

    def _rows(self) -> Iterator[_Row]:
        """Every key but those that only take, and the places that connectors may have for themselves."""
        for name, key in KEYS.items():
            if key.access is Access.WRITE:
                continue
            readonly = self._is_readonly(key)
            fixed = ConfigurationKey(name, readonly) if key.secret else None
            if key.type is KeyType.ACTION and not key.secret:
                fixed = ConfigurationKey(name, readonly, "")
            plain = not _is_boolean(key)
            yield _Row(name, key, 0, readonly, fixed, plain)
            if key.per_connector and fixed is None:
                for connector in range(2, self._connectors + 1):
                    yield _Row(place(name, connector), key, connector, readonly, None, plain)

    def _is_readonly(self, key: Key) -> bool:
        return (
            key.type is KeyType.READONLY
            or key.access is Access.READ
            or bool(key.absent)
            or key.name in self._dictated
            or not may_change(key, BACKEND_ROLE)
        )

    def _entry(self, name: str, key: Key, connector: int, live: Mapping[str, str], room: "_Room") -> ConfigurationKey:
        readonly = self._is_readonly(key)
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
        if _is_boolean(key):
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


def _is_boolean(key: Key) -> bool:
    """In OCPP 1.6; an enumeration that has a third value here is one too."""
    kind = key.value_type or key.type
    return key.standard and (kind is KeyType.BOOL or (kind is KeyType.ENUM and "Off" in key.values))


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
