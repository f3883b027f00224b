"""What a person can type in another terminal while the demo runs."""

import shlex
import sys
from pathlib import Path

from services.home import Home


def command() -> str:
    """How this program was called, for copying into another terminal."""
    program = Path(sys.argv[0]).absolute()
    if program.name == "chargectl":
        return shlex.quote(str(program))
    return f"{shlex.quote(sys.executable)} -m chargectl"


def setting_out(home: Home) -> list[str]:
    """To be typed once; afterwards `chargectl` means this program and this station."""
    program = Path(sys.argv[0]).absolute()
    known = (
        f"PATH={shlex.quote(str(program.parent))}:$PATH"
        if program.name == "chargectl"
        else f"; alias chargectl={shlex.quote(f'{shlex.quote(sys.executable)} -m chargectl')}"
    )
    return [f"export CHARGE_HOME={shlex.quote(str(home.root))} {known}".replace(" ;", ";")]


def join_in(home: Home, id_tag: str, transaction: int | None = None, *, backend: bool) -> list[str]:
    """`backend`: the demo has one of its own, which takes commands; `transaction`: how it calls the one that runs."""
    stop = f"backend send stop {1 if transaction is None else transaction}"
    rows = [
        (f"sim swipe {id_tag or 'YOUR-CARD'}", "the card: charging ends, begins"),
        *([(stop, "the operator ends it")] if backend else []),
        *([("backend send quit", "the backend dies; see the queue")] if backend else []),
        ("sim plug-out 1", "unplug, unless it is locked"),
        ("sim fault pilot_short on", "something breaks; off mends it"),
        ("config set OperatorCurrentLimit 10", "less current, and see why"),
        ("service kill session", "kill -9: charging goes on"),
        ("sim power-cut", "everything dies at once"),
        ("status", "health of everything"),
    ]
    width = max(len(words) for words, _ in rows)
    return [*setting_out(home), *(f"chargectl {words:<{width}} # {about}" for words, about in rows)]
