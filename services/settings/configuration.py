"""GetConfiguration of OCPP 1.6 (section 5.8): the table as the backend sees it. Pure."""

from collections.abc import Mapping, Sequence

import msgspec

from services.settings.table import KEYS, Key, find
from services.settings.table.key import LONGEST_VALUE, Access, KeyType

LONGEST_NAME = 50
"""CiString50Type."""


class TooManyKeys(ValueError):
    """The backend named more keys than `GetConfigurationMaxKeys`; the text says how many it may name."""


def answer(
    names: Sequence[str], values: Mapping[str, str], live: Mapping[str, str], dictated: Mapping[str, object]
) -> dict[str, str]:
    """`configurationKey` and `unknownKey` as JSON, in the order asked; no names = every key. Raises TooManyKeys.

    `values`: in force. `live`: present state of other services. `dictated`: keys that nobody can change here.
    """
    most = int(values["GetConfigurationMaxKeys"])
    if len(names) > most:
        raise TooManyKeys(f"at most {most} keys in one GetConfiguration, not {len(names)}")
    known: list[dict[str, object]] = []
    unknown: list[str] = []
    for name in dict.fromkeys(names):
        key = find(name)
        if key is None:
            unknown.append(name[:LONGEST_NAME])
        else:
            known.append(_entry(key, values, live, dictated))
    if not names:
        known = [_entry(key, values, live, dictated) for key in KEYS.values() if key.access is not Access.WRITE]
    return {
        "configurationKey": msgspec.json.encode(known).decode(),
        "unknownKey": msgspec.json.encode(unknown).decode(),
    }


def _entry(
    key: Key, values: Mapping[str, str], live: Mapping[str, str], dictated: Mapping[str, object]
) -> dict[str, object]:
    readonly = key.type is KeyType.READONLY or key.access is Access.READ or key.name in dictated
    entry: dict[str, object] = {"key": key.name, "readonly": readonly}
    if key.secret or key.access is Access.WRITE:
        return entry
    value = live.get(key.name) if key.live else values.get(key.name)
    if value is not None:
        entry["value"] = value[:LONGEST_VALUE]
    return entry
