"""The backend of the demo in a station's `station.toml`, put in while the demo runs and taken out after it. Pure.

What a person wrote about the same keys is set aside as a comment meanwhile, so that a demo that was killed leaves
nothing that the next one could not put right.
"""

import json
import re
from collections.abc import Mapping

MARK = "  # chargectl demo"
ASIDE = "#demo# "
_SECTION = re.compile(r"\s*\[\s*settings\s*\]\s*(#.*)?$")
_ANY_SECTION = re.compile(r"\s*\[")
_KEY = re.compile(r"\s*[\"']?([A-Za-z0-9_.-]+)[\"']?\s*=")


def with_settings(text: str, values: Mapping[str, str | int]) -> str:
    """`text` with these factory values in [settings]; what an earlier demo left is taken out first."""
    lines = without_demo(text).split("\n")
    added = [f"{key} = {json.dumps(value)}{MARK}" for key, value in values.items()]
    begin = next((place for place, line in enumerate(lines) if _SECTION.match(line)), None)
    if begin is None:
        end = len(lines) - 1 if not lines[-1] else len(lines)
        return "\n".join([*lines[:end], f"[settings]{MARK}", *added, *lines[end:]])
    end = next((place for place in range(begin + 1, len(lines)) if _ANY_SECTION.match(lines[place])), len(lines))
    inside = [f"{ASIDE}{line}" if _names(line, values) else line for line in lines[begin + 1 : end]]
    return "\n".join([*lines[: begin + 1], *added, *inside, *lines[end:]])


def without_demo(text: str) -> str:
    """As it was before the demo, to the letter."""
    return "\n".join(line.removeprefix(ASIDE) for line in text.split("\n") if not line.endswith(MARK))


def _names(line: str, values: Mapping[str, str | int]) -> bool:
    found = _KEY.match(line)
    return found is not None and found.group(1) in values
