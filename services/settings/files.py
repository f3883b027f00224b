"""The file of settings: what an export writes and an import takes (command line, later USB stick and browser). Pure."""

import json
import sys
from collections.abc import Mapping
from typing import Any

from schemas.settings import MOST_ENTRIES, Entry
from services.settings.names import key_of
from services.settings.one_value import takes
from services.settings.rules import has_value
from services.settings.table import KEYS, Key
from services.settings.table.key import LONGEST_VALUE, KeyType

FORMAT, VERSION = "charge-settings", 1
LARGEST_FILE = 256 * 1024
"""Bytes."""


class BadFile(ValueError):
    """No file of settings; the text says what is wrong and what to do."""


def exported(layers: Mapping[str, Mapping[str, Any]], *, software: str, written: str) -> dict[str, object]:
    """`layers`: the answer to `settings.explain`, of all keys. Values as they are after the next start.

    Passwords, what can be set once, and what nobody can set are left out, and named.
    """
    settings: dict[str, str] = {}
    secret: list[str] = []
    once: list[str] = []
    for where, layer in layers.items():
        key = key_of(where)
        if key is None or layer.get("readonly") or not has_value(key) or "at_next_start" not in layer:
            continue
        if key.secret:
            secret += [where] if layer["at_next_start"] else []
        elif key.once:
            once += [where] if layer["at_next_start"] else []
        else:
            settings[where] = str(layer["at_next_start"])
    read_only = sorted(where for where, layer in layers.items() if layer.get("readonly"))
    return {
        "format": FORMAT,
        "version": VERSION,
        "software": software,
        "written": written,
        "settings": dict(sorted(settings.items())),
        "left_out": {"secret": secret, "once": once, "read_only": read_only},
    }


def entries_of(data: bytes) -> tuple[Entry, ...]:
    """The wishes of a file, in its order. Raises BadFile; unknown keys and wrong values `settings` itself refuses."""
    if len(data) > LARGEST_FILE:
        raise BadFile(f"the file is larger than {LARGEST_FILE // 1024} KiB: it is no file of settings")
    try:
        document = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_without_doubles)
    except BadFile:
        raise
    except UnicodeDecodeError as error:
        raise BadFile(f"the file is not UTF-8 text (byte {error.start})") from error
    except json.JSONDecodeError as error:
        raise BadFile(f"the file is not JSON: line {error.lineno}, column {error.colno}: {error.msg}") from error
    except (RecursionError, ValueError) as error:
        raise BadFile(f"the file cannot be read: {error}"[:300]) from error
    return _entries(_settings_of(document))


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for name, value in pairs:
        if name in seen:
            raise BadFile(f"{name[:100]!r} stands twice in the file: leave one out")
        seen[name] = value
    return seen


def _settings_of(document: object) -> dict[str, object]:
    if not isinstance(document, dict) or not isinstance(document.get("settings"), dict):
        raise BadFile('the file has no object "settings"; look at one made by: chargectl config export')
    if document.get("format", FORMAT) != FORMAT:
        raise BadFile(f"the file is of format {str(document['format'])[:60]!r}, not {FORMAT!r}")
    version = document.get("version", VERSION)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise BadFile(f"the file's version is {str(version)[:60]!r}, not a number from 1")
    if version > VERSION:
        raise BadFile(
            f"the file is of version {version}, this software knows {VERSION}: update the software, or export anew"
        )
    settings: dict[str, object] = document["settings"]
    return settings


def _entries(settings: Mapping[str, object]) -> tuple[Entry, ...]:
    if len(settings) > MOST_ENTRIES:
        raise BadFile(f"the file sets {len(settings)} keys, at most {MOST_ENTRIES} are taken at once: split it")
    entries = []
    for name, value in settings.items():
        if isinstance(value, bool):
            text = "true" if value else "false"
        elif isinstance(value, str | int | float):
            text = str(value)
        else:
            raise BadFile(f"{name[:100]!r} is a {type(value).__name__}; a value is a text, a number, true or false")
        if len(name) > 64 or len(text) > 20_000:
            raise BadFile(f"{name[:64]!r}: names have at most 64 characters, values at most 20000")
        entries.append(Entry(key=name, value=text))
    return tuple(entries)


# JSON Schema


def schema() -> dict[str, object]:
    """JSON Schema (draft 2020-12) of the file, from the table. Values may be given in any accepted spelling."""
    keys = [key for key in KEYS.values() if key.type is not KeyType.READONLY and not key.absent]
    properties = {key.name: _schema_of(key) for key in keys}
    connector = {f"^{key.name}\\[([2-9]|1[0-6])\\]$": _schema_of(key) for key in keys if key.per_connector}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Settings of a charge controller",
        "type": "object",
        "required": ["settings"],
        "properties": {
            "format": {"const": FORMAT},
            "version": {"const": VERSION},
            "software": {"type": "string"},
            "written": {"type": "string"},
            "left_out": {"type": "object"},
            "settings": {
                "type": "object",
                "maxProperties": MOST_ENTRIES,
                "properties": properties,
                "patternProperties": connector,
                "additionalProperties": False,
            },
        },
        "additionalProperties": False,
    }


def _schema_of(key: Key) -> dict[str, object]:
    kind = key.value_type or key.type
    told: dict[str, object] = {"description": f"{key.help} Takes {takes(key)}."}
    if key.label:
        told["title"] = key.label
    if key.type is not KeyType.ACTION and not key.secret:
        told["default"] = key.default
    if key.secret:
        told["writeOnly"] = True
    if kind is KeyType.BOOL:
        told["type"] = ["boolean", "string"]
    elif kind in (KeyType.INT, KeyType.FLOAT):
        told["type"] = ["integer" if kind is KeyType.INT else "number", "string"]
        told.update({name: bound for name, bound in (("minimum", key.min), ("maximum", key.max)) if bound is not None})
    elif kind is KeyType.ENUM:
        told["anyOf"] = [{"enum": list(key.values)}, {"type": ["string", "integer"]}]
    else:
        told["type"] = ["string", "number"]
        told["maxLength"] = key.longest or LONGEST_VALUE
    return told


def schema_text() -> str:
    return json.dumps(schema(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
