"""`config get`, `diff`, `explain`, `search`, `export`, `history`, `schema`: nothing is changed."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from bus.topics import SETTINGS_HISTORY
from chargectl.bus_client import BusClient
from chargectl.config.asking import Layers, known, layers, present
from chargectl.config.reading import read_file
from chargectl.output import Failure, print_json, table, visible
from chargectl.station import existing_home
from chargectl.supervisor import Supervisor
from schemas.settings import HistoryRequest, SettingsSnapshot, of_connector
from services.clock import StationClock, iso_utc
from services.exit_codes import ExitCode
from services.home import Home
from services.settings import files
from services.settings.describe import explain as facts_of
from services.settings.faces import FACES, find_face, is_face, shown
from services.settings.names import address
from services.settings.one_value import Unacceptable, parse
from services.settings.rules import has_value
from services.settings.table import KEYS, search
from services.version import VERSION

PAGE = 100
LAYERS = (
    ("table default", "default"),
    ("factory", "factory"),
    ("stored", "stored"),
    ("in force", "in_force"),
    ("after the next start", "at_next_start"),
    ("stored, but not used", "rejected"),
    ("cannot be changed", "readonly"),
    ("another name of", "face_of"),
)


def get(arguments: argparse.Namespace) -> None:
    snapshot, live = present(existing_home(arguments))
    named = {key.name: shown(FACES[key.name], snapshot.values) for key in KEYS.values() if is_face(key)}
    values = {**snapshot.values, **live, **{name: text for name, text in named.items() if not KEYS[name].secret}}
    if not arguments.keys and arguments.connector:
        values = _of_connector(values, arguments.connector)
    if arguments.keys:
        values = dict(_one(name, arguments.connector, values, snapshot) for name in arguments.keys)
    if arguments.json:
        print_json({"values": values, "pending_reboot": [name for name in snapshot.pending_reboot if name in values]})
    elif len(arguments.keys) == 1:
        print(*values.values())
    else:
        pending = tuple(name for name in snapshot.pending_reboot if name in values)
        later = layers(existing_home(arguments), pending) if pending else {}
        rows = [
            (
                name,
                visible(value),
                f"after the next start: {later[name].get('at_next_start', '')}" if name in later else "",
            )
            for name, value in values.items()
        ]
        print(table(rows, ("key", "value", "")))


def _of_connector(values: dict[str, str], connector: int) -> dict[str, str]:
    """Those that each connector may have for itself, by key."""
    keys = [key.name for key in KEYS.values() if key.per_connector]
    return {name: text for name in keys if (text := of_connector(values, name, connector)) is not None}


def _one(name: str, connector: int, values: dict[str, str], snapshot: SettingsSnapshot) -> tuple[str, str]:
    """(its right spelling, its value). Raises Failure."""
    face = find_face(name)
    if face is not None and face.label:
        return face.name, shown(face, snapshot.values)
    found = known(name, connector)
    if found.connector and not found.key.per_connector:
        raise Failure(f"{found.key.name} holds for the whole station: leave the connector out", ExitCode.USAGE)
    text = of_connector(values, found.key.name, found.connector)
    if text is None and not has_value(found.key) and not found.key.live:
        text = ""
    if text is None or found.key.secret:
        raise Failure(f"{found.key.name} has no value to show here (it is secret, or not set)")
    return found.place, text


def diff(arguments: argparse.Namespace) -> None:
    told = layers(existing_home(arguments))
    other = _as_delivered(told) if arguments.against is None else _as_in_file(Path(arguments.against))
    rows = [
        (where, other[where], str(told[where].get("at_next_start", "")))
        for where in other
        if where in told and str(told[where].get("at_next_start", "")) != other[where]
    ]
    against = "as delivered" if arguments.against is None else arguments.against
    if arguments.json:
        print_json([{"key": where, "other": before, "here": here} for where, before, here in rows])
    elif rows:
        print(table([tuple(map(_short, row)) for row in rows], ("key", against, "here")))
    else:
        print(f"no difference ({against})")


def _as_delivered(told: Layers) -> dict[str, str]:
    return {
        where: str(layer.get("factory", layer.get("default", "")))
        for where, layer in told.items()
        if "at_next_start" in layer and not layer.get("readonly") and "face_of" not in layer
    }


def _as_in_file(path: Path) -> dict[str, str]:
    values = {}
    for entry in read_file(path):
        found = address(entry.key, entry.connector)
        if found is None:
            print(f"{visible(entry.key)} is not known here", file=sys.stderr)
            continue
        try:
            values[found.place] = parse(found.key, entry.value)
        except Unacceptable:
            values[found.place] = entry.value
    return values


def explain(arguments: argparse.Namespace) -> None:
    face = find_face(arguments.key)
    if face is not None and face.label and not face.key:
        words = f"{face.label} is {shown(face, {})} in this software and cannot be changed"
        print_json({"key": face.name, "help": words}) if arguments.json else print(words)
        return
    found = known(face.key if face is not None and face.label else arguments.key)
    facts = facts_of(found.key)
    here = _here(arguments, found.place)
    if arguments.json:
        print_json({**facts, "here": here})
        return
    print(found.key.name + (f" (shown in part by {face.name})" if face is not None and face.label else ""))
    print(f"  {found.key.help}")
    rows = [
        (f"  {name.replace('_', ' ')}", _text(value))
        for name, value in facts.items()
        if name not in ("key", "help") and not (value in ("", None, []) or value is False)
    ]
    for where, layer in here.items():
        rows += [(f"  {where}: {words}", _text(layer[name])) for words, name in LAYERS if name in layer]
    print(table(rows, ("", "")).strip("\n"))


def _here(arguments: argparse.Namespace, where: str) -> Layers:
    """Nothing when no station is named, or none runs."""
    try:
        home = existing_home(arguments)
        Supervisor(home).process_id()
    except Failure:
        return {}
    return layers(home, (where,))


def search_keys(arguments: argparse.Namespace) -> None:
    text = " ".join(arguments.words)
    found = search(text)
    faces = [
        face for face in FACES.values() if text and face.label and text.lower() in f"{face.name} {face.label}".lower()
    ]
    if arguments.json:
        print_json([facts_of(key) for key in found])
        return
    if not found and not faces:
        raise Failure("no key has these words; all keys: chargectl config search", ExitCode.FAILED)
    for face in faces:
        print(
            f"{face.name}\n  {face.label}: " + (f"a face of {face.key}." if face.key else f"{shown(face, {})}, fixed.")
        )
    for key in found:
        print(f"{key.name} ({key.group})\n  {key.help}")


def export(arguments: argparse.Namespace) -> None:
    told = layers(existing_home(arguments))
    now = StationClock().now()
    document = files.exported(told, software=VERSION, written=iso_utc(now.wall_s))
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    if arguments.file:
        try:
            Path(arguments.file).write_text(text, encoding="utf-8")
        except OSError as error:
            raise Failure(f"cannot write {arguments.file}: {error.strerror}") from error
    elif arguments.json:
        print_json(document)
    else:
        sys.stdout.write(text)
    secret = document["left_out"]["secret"]  # type: ignore[index]
    if secret:
        print(f"left out, because they are secret: {', '.join(secret)}", file=sys.stderr)


def history(arguments: argparse.Namespace) -> None:
    home = existing_home(arguments)
    lines = _lines(home, arguments.key, max(1, min(arguments.most, 5000)))
    if arguments.json:
        print_json(lines)
        return
    if not lines:
        print("nothing was ever changed" + (f" at {arguments.key}" if arguments.key else ""))
        return
    rows = [
        (iso_utc(line["wall_s"]), line["key"], _short(line["old"]), _short(line["new"]), line["actor"], line["source"])
        for line in lines
    ]
    print(table(rows, ("when (UTC)", "key", "before", "after", "who", "from")))


def _lines(home: Home, key: str, most: int) -> list[dict[str, Any]]:
    Supervisor(home).process_id()
    lines: list[dict[str, Any]] = []
    before = 0
    with BusClient(home, asks=(SETTINGS_HISTORY,)) as client:
        while len(lines) < most:
            told = client.ask(
                SETTINGS_HISTORY, HistoryRequest, key=key, before=before, most=min(PAGE, most - len(lines))
            )
            page = json.loads(told.values["entries"])
            lines += page
            if told.values["more"] != "true" or not page:
                break
            before = page[-1]["number"]
    return lines


def print_schema(_arguments: argparse.Namespace) -> None:
    sys.stdout.write(files.schema_text())


def _short(text: str) -> str:
    text = visible(text)
    return text if len(text) <= 40 else text[:37] + "..."


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
