"""Configuration keys of the station, by their OCPP names (in any case).

Examples:
  chargectl config get                          all values
  chargectl config get OperatorCurrentLimit
  chargectl config set OperatorCurrentLimit 16
  chargectl config explain FreeCharging         type, range, default, what it does (needs no running station)
  chargectl config search current limit
  chargectl config export > settings.json
"""

import argparse
import getpass
from typing import Any

import msgspec

from bus.topics import SETTINGS_CHANGE, SETTINGS_LIVE, SETTINGS_VALUES
from chargectl.bus_client import BusClient
from chargectl.output import Failure, print_json, table
from chargectl.station import existing_home
from chargectl.supervisor import Supervisor
from schemas.base import Answer
from schemas.settings import ChangeSettingRequest
from services.exit_codes import ExitCode
from services.home import Home
from services.settings.table import KEYS, Key, find, search

HEARD_S = 3.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="get|set|explain|search|export")
    get = actions.add_parser("get", help="present values")
    get.add_argument("keys", nargs="*", metavar="KEY")
    change = actions.add_parser("set", help="change a value")
    change.add_argument("key", metavar="KEY")
    change.add_argument("value", metavar="VALUE")
    change.add_argument("--connector", type=int, default=0, metavar="N")
    explain = actions.add_parser("explain", help="everything about a key")
    explain.add_argument("key", metavar="KEY")
    find_key = actions.add_parser("search", help="find a key by words in its name, label or help")
    find_key.add_argument("words", nargs="*", metavar="WORD")
    actions.add_parser("export", help="all values as one JSON object")


def run(arguments: argparse.Namespace) -> int:
    action = {"get": _get, "set": _set, "explain": _explain, "search": _search, "export": _export}[arguments.action]
    action(arguments)
    return int(ExitCode.OK)


def _get(arguments: argparse.Namespace) -> None:
    values, pending = _values(existing_home(arguments))
    if arguments.keys:
        names = [_known(name, values) for name in arguments.keys]
        values = {name: values[name] for name in names}
    if arguments.json:
        print_json({"values": values, "pending_reboot": [name for name in pending if name in values]})
    elif len(arguments.keys) == 1:
        print(*values.values())
    else:
        rows = [
            (name, value, "after the next start: another" if name in pending else "") for name, value in values.items()
        ]
        print(table(rows, ("key", "value", "")))


def _set(arguments: argparse.Namespace) -> None:
    home = existing_home(arguments)
    Supervisor(home).process_id()
    with BusClient(home, asks=(SETTINGS_CHANGE,)) as client:
        answered = client.ask(
            SETTINGS_CHANGE,
            ChangeSettingRequest,
            key=arguments.key,
            value=arguments.value,
            connector=arguments.connector,
            actor=_person(),
            source="chargectl",
        )
    reboot = answered.outcome is Answer.REBOOT_REQUIRED
    if arguments.json:
        print_json({"ok": True, "outcome": str(answered.outcome), "reason": answered.reason, "values": answered.values})
    else:
        done = "stored; it takes effect at the next start of the station" if reboot else "done"
        print(done + (f" ({answered.reason})" if answered.reason else ""))


def _explain(arguments: argparse.Namespace) -> None:
    key = _key(arguments.key)
    facts = {name: value for name, value in msgspec.to_builtins(key).items() if value not in ("", None, (), False)}
    if arguments.json:
        print_json(msgspec.to_builtins(key))
        return
    print(key.name)
    print(f"  {key.help}")
    rows = [
        (f"  {name.replace('_', ' ')}", _text(value)) for name, value in facts.items() if name not in ("name", "help")
    ]
    print(table(rows, ("", "")).strip("\n"))


def _search(arguments: argparse.Namespace) -> None:
    found = search(" ".join(arguments.words))
    if arguments.json:
        print_json([msgspec.to_builtins(key) for key in found])
        return
    if not found:
        raise Failure("no key has these words; all keys: chargectl config search", ExitCode.FAILED)
    for key in found:
        print(f"{key.name} ({key.group})\n  {key.help}")


def _export(arguments: argparse.Namespace) -> None:
    values, _ = _values(existing_home(arguments), live=False)
    print_json(dict(sorted(values.items())))


def _values(home: Home, *, live: bool = True) -> tuple[dict[str, str], tuple[str, ...]]:
    Supervisor(home).process_id()
    topics = (SETTINGS_VALUES, SETTINGS_LIVE) if live else (SETTINGS_VALUES,)
    with BusClient(home, hears=topics) as client:
        client.wait_for([(topic, "") for topic in topics], HEARD_S)
        snapshot = client.bus.latest(SETTINGS_VALUES).body
        shown = client.bus.latest(SETTINGS_LIVE).body if live else None
    if snapshot is None:
        raise Failure("settings does not say its values; is it up? See: chargectl status", ExitCode.NOT_RUNNING)
    return {**snapshot.values, **(shown.values if shown is not None else {})}, snapshot.pending_reboot


def _known(name: str, values: dict[str, str]) -> str:
    by_lower_name = {each.lower(): each for each in values}
    if name.lower() in by_lower_name:
        return by_lower_name[name.lower()]
    key = find(name)
    if key is not None:
        raise Failure(f"{key.name} has no value to show here (it is secret, or not set)")
    raise Failure(_unknown(name), ExitCode.USAGE)


def _key(name: str) -> Key:
    key = find(name)
    if key is None:
        raise Failure(_unknown(name), ExitCode.USAGE)
    return key


def _unknown(name: str) -> str:
    import difflib

    names = {key.lower(): key for key in KEYS}
    near = [names[match] for match in difflib.get_close_matches(name.lower(), names, n=3)]
    hint = f"did you mean {', '.join(near)}?" if near else "find it with: chargectl config search WORD"
    return f"there is no key {name!r}; {hint}"


def _person() -> str:
    try:
        return f"{getpass.getuser()} at the command line"
    except (KeyError, OSError):
        return "somebody at the command line"


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
