"""All configuration keys: every module beside this one, one per subject, contributes its `KEYS`."""

import importlib
import pkgutil

from services.settings.table.key import Key

__all__ = ["KEYS", "SUBJECTS", "Key", "find", "search"]


def _collect() -> tuple[dict[str, Key], dict[str, str]]:
    keys: dict[str, Key] = {}
    subjects: dict[str, str] = {}
    lower: dict[str, str] = {}
    for module in sorted(found.name for found in pkgutil.iter_modules(__path__)):
        if module == "key":
            continue
        for key in importlib.import_module(f"{__name__}.{module}").KEYS:
            if key.name.lower() in lower:
                first = lower[key.name.lower()]
                raise ValueError(f"{key.name} stands twice in the table of settings: {first}, {module}")
            lower[key.name.lower()] = module
            keys[key.name] = key
            subjects[key.name] = module.replace("_", "-")
    return keys, subjects


KEYS, SUBJECTS = _collect()
"""Every key by its name; and the subject it belongs to."""

_BY_LOWER_NAME = {name.lower(): key for name, key in KEYS.items()}


def find(name: str) -> Key | None:
    """By name, in any case."""
    return _BY_LOWER_NAME.get(name.strip().lower())


def search(text: str) -> list[Key]:
    """Keys in whose name, label, group or help all words of `text` occur, in any case; those so called first."""
    words = text.lower().split()
    found = [key for key in KEYS.values() if all(word in _everything(key) for word in words)]
    return sorted(found, key=lambda key: _distance(key, words))


def _distance(key: Key, words: list[str]) -> int:
    for distance, text in enumerate((key.name, f"{key.name} {key.label}", f"{key.name} {key.label} {key.group}")):
        if all(word in text.lower() for word in words):
            return distance
    return 3


def _everything(key: Key) -> str:
    return f"{key.name} {key.label} {key.group} {key.help}".lower()
