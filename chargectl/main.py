"""Finds the command, and imports nothing of the others: `chargectl --help` answers in a tenth of a second."""

import argparse
import importlib
import os
import sys
from collections.abc import Callable, Sequence

from chargectl.output import Failure, print_json
from services.exit_codes import ExitCode

COMMANDS = {
    "init": ("chargectl.init", "make a station's home"),
    "up": ("chargectl.up", "run the station in the foreground; Ctrl-C ends it cleanly"),
    "status": ("chargectl.status", "services, their health, and the connectors"),
    "safety": ("chargectl.safety", "every reading between grid and vehicle, faults, and why power does not flow"),
    "doctor": ("chargectl.doctor", "check the station; --deep tries out its hardware with no vehicle present"),
    "session": ("chargectl.session", "transactions: show, start, stop, one phase or three"),
    "queue": ("chargectl.queue", "messages that wait for the backend, and those given up"),
    "config": ("chargectl.config", "configuration keys: get, set, diff, explain, search, export, import, reset ..."),
    "sim": ("chargectl.sim", "the simulated world: plug in, swipe a card, raise a fault, cut the power"),
    "tap": ("chargectl.tap", "listen to the bus"),
    "record": ("chargectl.record", "write what is said on the bus to a file"),
    "replay": ("chargectl.replay", "read such a file"),
    "log": ("chargectl.log", "read the logs of the services"),
    "service": ("chargectl.service", "restart, stop, start or kill one service"),
    "backend": ("chargectl.backend", "a small OCPP backend for trying things out, and commands to it"),
    "bench": ("chargectl.benchmarks", "measure the performance promises"),
    "demo": ("chargectl.demo", "a simulated station charges a car, live in the terminal"),
}
EPILOG = """\
Every command takes --home DIR (or the environment variable CHARGE_HOME) and --json.
Help for one: chargectl COMMAND --help

Exit codes: 0 done, 1 failed, 2 wrong use, 3 the station or service is not running, 4 refused by its owner,
73 cannot write, 75 runs already, 78 the station file cannot be used.

Begin here:
  chargectl demo
  chargectl init --home my-station && chargectl up --home my-station
"""


def main(argv: Sequence[str] | None = None) -> int:
    words = list(sys.argv[1:] if argv is None else argv)
    try:
        return _dispatch(words)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # the reader (head, less) has had enough; keep the interpreter from complaining at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(ExitCode.OK)


def _dispatch(words: list[str]) -> int:
    place = _place_of_command(words)
    if place is None:
        return _overview(words)
    name = words.pop(place)
    if name not in COMMANDS:
        return _unknown(name)
    module = importlib.import_module(COMMANDS[name][0])
    if name == "bench":
        return int(module.run(words))
    rest, home, as_json = take_common(words)
    parser = argparse.ArgumentParser(
        prog=f"chargectl {name}", description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", default=home, metavar="DIR", help="the station (default: CHARGE_HOME)")
    parser.add_argument("--json", action="store_true", default=as_json, help="answer in JSON, for programs")
    module.add_arguments(parser)
    return _run(module.run, parser.parse_args(rest))


def take_common(words: Sequence[str]) -> tuple[list[str], str | None, bool]:
    """--home and --json may stand anywhere: (the other words, home, whether JSON is wanted)."""
    rest: list[str] = []
    home = os.environ.get("CHARGE_HOME")
    as_json = False
    left = iter(words)
    for word in left:
        if word == "--":
            rest += [word, *left]
        elif word == "--json":
            as_json = True
        elif word.startswith("--home="):
            home = word.partition("=")[2]
        elif word == "--home":
            value = next(left, None)
            if value is None:
                rest.append(word)
            home = value
        else:
            rest.append(word)
    return rest, home, as_json


def _run(command: Callable[[argparse.Namespace], int], arguments: argparse.Namespace) -> int:
    try:
        return command(arguments)
    except Failure as failure:
        if arguments.json:
            print_json({"ok": False, "error": str(failure), "exit_code": int(failure.code), **failure.details})
        print(f"chargectl: {failure}", file=sys.stderr)
        return int(failure.code)


def _place_of_command(words: Sequence[str]) -> int | None:
    """The first word that is neither an option nor the value of --home."""
    skip = False
    for place, word in enumerate(words):
        if skip:
            skip = False
        elif word == "--home":
            skip = True
        elif not word.startswith("-"):
            return place
    return None


def _overview(words: Sequence[str]) -> int:
    width = max(len(name) for name in COMMANDS)
    lines = [f"  {name:<{width}}  {about}" for name, (_, about) in COMMANDS.items()]
    text = "\n".join(["usage: chargectl COMMAND [--home DIR] [--json] ...", "", *lines, "", EPILOG])
    if {"-h", "--help"} & set(words):
        print(text, flush=True)
        return int(ExitCode.OK)
    print(text, file=sys.stderr)
    return int(ExitCode.USAGE)


def _unknown(name: str) -> int:
    import difflib

    near = difflib.get_close_matches(name, COMMANDS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(COMMANDS)}"
    print(f"chargectl: unknown command {name!r}; {hint}", file=sys.stderr)
    return int(ExitCode.USAGE)
