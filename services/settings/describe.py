"""The table of settings for people: `python -m services.settings.describe > docs/settings.md`, and one key as data."""

import sys
from collections.abc import Iterable

from services.settings.one_value import takes
from services.settings.table import KEYS, SUBJECTS, Key
from services.settings.table.key import KeyType, Role

_HEAD = """# Settings

Generated from `services/settings/table/` by `python -m services.settings.describe > docs/settings.md`; do not edit.

A stored value wins over the factory value in the station file (section `[settings]`), and that over the default below.
Keys are compared without regard to case. Booleans are taken as true/false, 1/0, on/off or yes/no, enum values by name,
by index or as "(1) Name". A key that needs a reboot keeps the value it had when the station started; the stored one is
pending until then. `*` marks a range or default that is our decision. A key that each connector may have for itself is
that of connector 2 as `KEY[2]`; `KEY` is that of connector 1, and of every connector that has none of its own.

Look at one key with `chargectl config explain KEY`, change it with `chargectl config set KEY VALUE`. How to work with
settings: `how-to/settings.md`. How many have no effect yet: the last chapter.
"""


def explain(key: Key) -> dict[str, object]:
    """Everything about a key, as JSON data."""
    return {
        "key": key.name,
        "label": key.label,
        "help": key.help,
        "takes": "nothing: it is read-only" if key.type is KeyType.READONLY else takes(key),
        "type": key.type.value,
        "value_type": (key.value_type or key.type).value,
        "values": list(key.values),
        "min": key.min,
        "max": key.max,
        "unit": key.unit,
        "default": _default(key),
        "scope": key.scope.value,
        "needs_reboot": key.needs_reboot,
        "standard": key.standard,
        "ocpp_access": key.access.value,
        "role": key.role.value,
        "group": key.group,
        "expert": key.expert,
        "secret": key.secret,
        "live": key.live,
        "per_connector": key.per_connector,
        "once": key.once,
        "warning": key.warning,
        "confirm": key.confirm,
        "advice": key.advice,
        "absent": key.absent,
        "consumers": list(key.consumers),
        "subject": SUBJECTS[key.name],
        "ours": list(key.ours),
    }


def page() -> str:
    """The whole page, Markdown."""
    groups = dict.fromkeys(key.group for key in KEYS.values())
    parts = [_HEAD]
    for group in groups:
        parts.append(f"## {group}\n\n" + "\n".join(_entry(key) for key in KEYS.values() if key.group == group))
    parts.append(_ledger(KEYS.values()))
    return "\n".join(parts)


def _entry(key: Key) -> str:
    mark = "*" if key.ours else ""
    rows = [f"### {key.name}\n", f"{key.label}. {key.help}" if key.label else key.help, ""]
    if key.type is KeyType.READONLY:
        unit = f" ({key.unit})" if key.unit else ""
        rows.append(f"- Read-only, {(key.value_type or key.type).value}{unit}")
    elif key.absent:
        rows.append(f"- Cannot be changed: {key.absent}")
    elif key.type is KeyType.ACTION:
        rows.append(f"- Does something once when it is written, and reads as empty; takes {takes(key)}{mark}")
    else:
        rows.append(f"- Takes {takes(key)}{mark}; default {_default(key) or 'empty'}")
        rows.append("- Takes effect at the next start of the station" if key.needs_reboot else "- Takes effect at once")
    standard = "standard key of OCPP 1.6" if key.standard else "not in OCPP 1.6"
    role = "" if key.role is Role.NOBODY else f", changed by role {key.role.value} or higher"
    rows.append(f"- Over OCPP: {key.access.value}, {standard}; scope {key.scope.value}{role}")
    rows += [f"- Each connector may have its own: `{key.name}[2]`"] if key.per_connector else []
    rows += ["- Secret: it can be set and is never shown"] if key.secret else []
    rows += ["- It can be set once"] if key.once else []
    rows += [f"- Careful: {key.warning}"] if key.warning else []
    rows += [f"- A change has to be confirmed: {key.confirm}"] if key.confirm else []
    rows += [f"- Advice: {key.advice}"] if key.advice else []
    if not key.absent:
        rows.append(f"- Acted on by: {', '.join(key.consumers) or 'nobody yet'}")
    rows.append("")
    return "\n".join(rows)


def _default(key: Key) -> str:
    return f"the value of {key.default_from}" if key.default_from else key.default


def _ledger(keys: Iterable[Key]) -> str:
    effective: list[Key] = []
    waiting: list[Key] = []
    absent: list[Key] = []
    for key in keys:
        (absent if key.absent else effective if key.consumers else waiting).append(key)
    parts = [
        "## Ledger\n",
        f"Of {len(KEYS)} keys {len(effective)} are effective. {len(waiting)} are stored and validated, and no service\n"
        f"acts on them yet. {len(absent)} belong to features that this product does not have.\n",
        "| subject | effective | to come | absent |\n|---|---|---|---|",
    ]
    for subject in sorted(set(SUBJECTS.values())):
        counts = [sum(SUBJECTS[key.name] == subject for key in group) for group in (effective, waiting, absent)]
        parts.append("| " + " | ".join([subject, *map(str, counts)]) + " |")
    parts.append("\n### To come\n")
    for subject in sorted({SUBJECTS[key.name] for key in waiting}):
        names = sorted(key.name for key in waiting if SUBJECTS[key.name] == subject)
        parts.append(f"- **{subject}** ({len(names)}): {', '.join(names)}")
    parts.append("\n### Absent\n")
    parts += [f"- {key.name} ({SUBJECTS[key.name]}): {key.absent}" for key in sorted(absent, key=lambda key: key.name)]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    sys.stdout.write(page())
