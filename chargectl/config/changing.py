"""`config set`, `import`, `reset`: one set each, all of it or nothing."""

import argparse
import getpass
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from bus.topics import SETTINGS_CHANGE_SET
from chargectl.bus_client import BusClient
from chargectl.config.asking import layers
from chargectl.config.reading import read_file
from chargectl.output import Failure, print_json, visible
from chargectl.station import existing_home
from chargectl.supervisor import Supervisor
from schemas.base import Answer, Answered
from schemas.settings import MOST_ENTRIES, ChangeSetRequest, Entry
from services.exit_codes import ExitCode
from services.home import Home
from services.settings.names import address, key_of

LARGEST_SECRET = 20_000


def change(arguments: argparse.Namespace) -> None:
    words = arguments.words
    if len(words) % 2:
        raise Failure("give pairs: chargectl config set KEY VALUE [KEY VALUE ...]", ExitCode.USAGE)
    pairs = list(zip(words[::2], words[1::2], strict=True))
    entries = [Entry(key=key, value=_value(value), connector=arguments.connector) for key, value in pairs]
    _warn(entries)
    answered = _ask(arguments, entries, alone=len(entries) == 1)
    _tell(arguments, answered)


def _value(text: str) -> str:
    """`-`: one line of standard input, so that a password stands neither in the history nor in the process list."""
    if text != "-":
        return text
    return sys.stdin.readline(LARGEST_SECRET).rstrip("\r\n")


def take_file(arguments: argparse.Namespace) -> None:
    entries = read_file(Path(arguments.file))
    if not entries:
        raise Failure(f"{arguments.file} sets nothing", ExitCode.USAGE)
    answered = _ask(arguments, entries, skip_unknown=arguments.skip_unknown)
    _tell(arguments, answered)


def reset(arguments: argparse.Namespace) -> None:
    home = existing_home(arguments)
    if bool(arguments.keys) == bool(arguments.all):
        raise Failure("name the keys to reset, or give --all", ExitCode.USAGE)
    names = arguments.keys
    if arguments.all:
        if not (arguments.yes or arguments.check):
            raise Failure("this resets every key that was ever set; if that is meant, add --yes", ExitCode.USAGE)
        names = _ever_set(home)
        if not names:
            nothing = {"ok": True, "outcome": "accepted", "reason": "nothing was ever set", "changed": []}
            print_json(nothing) if arguments.json else print(nothing["reason"])
            return
    _tell(arguments, _ask(arguments, [Entry(key=name, reset=True) for name in names]))


def _ever_set(home: Home) -> list[str]:
    """Places with a stored value; what can be set once only stays, and is named."""
    names = []
    for where, layer in layers(home).items():
        key = key_of(where)
        if key is None or "stored" not in layer or layer.get("readonly") or "face_of" in layer:
            continue
        if key.once:
            print(f"{where} stays: it can be set once", file=sys.stderr)
        else:
            names.append(where)
    return names[:MOST_ENTRIES]


def _warn(entries: Sequence[Entry]) -> None:
    for entry in entries:
        found = address(entry.key, entry.connector)
        if found is not None and found.key.warning:
            print(f"{found.key.name}: {found.key.warning}", file=sys.stderr)


def _ask(
    arguments: argparse.Namespace, entries: Sequence[Entry], *, alone: bool = False, skip_unknown: bool = False
) -> Answered:
    """Raises Failure when it was refused."""
    home = existing_home(arguments)
    Supervisor(home).process_id()
    with BusClient(home, asks=(SETTINGS_CHANGE_SET,)) as client:
        answered = client.hear_answer(
            SETTINGS_CHANGE_SET,
            ChangeSetRequest,
            entries=tuple(entries),
            check_only=arguments.check,
            skip_unknown=skip_unknown,
            confirmed=arguments.confirm,
            actor=_person(),
            source="chargectl",
            role=arguments.role,
        )
    if answered.outcome in (Answer.REJECTED, Answer.NOT_SUPPORTED, Answer.UNKNOWN):
        refused = json.loads(answered.values.get("refused", "[]"))
        raise Failure(
            _refusal(answered, alone), ExitCode.REFUSED, {"outcome": str(answered.outcome), "refused": refused}
        )
    return answered


def _refusal(answered: Answered, alone: bool) -> str:
    refused = json.loads(answered.values.get("refused", "[]"))
    hint = "\nif that is so, repeat the command with --confirm" if any("confirm" in each for each in refused) else ""
    if alone or not refused:
        return f"settings says no: {answered.reason or answered.outcome}{hint}"
    lines = [f"  {visible(each['key'])}: {each['reason']}" for each in refused]
    more = answered.values.get("more_refused")
    lines += [f"  and {more} more"] if more else []
    return f"nothing was changed; {len(refused) + int(more or 0)} refused:\n" + "\n".join(lines) + hint


def _tell(arguments: argparse.Namespace, answered: Answered) -> None:
    lists = {name: json.loads(text) for name, text in answered.values.items()}
    if arguments.json:
        told = {"ok": True, "outcome": str(answered.outcome), "reason": answered.reason, **lists}
        print_json({**told, "check_only": arguments.check})
        return
    for name in lists.get("skipped", ()):
        print(f"left out, not known here: {visible(name)}", file=sys.stderr)
    changed, waiting = lists.get("changed", []), lists.get("reboot", [])
    if not changed:
        print(answered.reason or "nothing to change")
        return
    done = "could be done" if arguments.check else "done" if len(waiting) < len(changed) else "stored"
    print(done if len(changed) == 1 else f"{done}: {len(changed)} keys")
    if waiting:
        print(f"takes effect at the next start of the station: {', '.join(waiting)}")


def _person() -> str:
    try:
        return f"{getpass.getuser()} at the command line"
    except (KeyError, OSError):
        return "somebody at the command line"
