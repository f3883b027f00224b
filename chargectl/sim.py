"""The simulated world of a station: what people, cars and bad luck would do to it.

Examples:
  chargectl sim plug-in 1                      a car is plugged in at connector 1
  chargectl sim plug-in 1 ev.phases=1 ev.max_current_a=16
  chargectl sim swipe 04C0FFEE123456           a card is held to the reader
  chargectl sim plug-out 1 --force             the cable is torn out, locked or not
  chargectl sim ev-pause 1; chargectl sim ev-resume 1
  chargectl sim fault diode on                 chargectl sim faults: lists names and values
  chargectl sim fault residual_dc on value=60 after_s=30 for_s=5
  chargectl sim input emergency_stop on        a wired contact is active; null lets go of it
  chargectl sim wire opto_1 mirror             what an input, or the output auxiliary, is wired to
  chargectl sim weather ambient_c=40 sun_k=15  the air around the station
  chargectl sim meter connector.1 timeout=true
  chargectl sim network down
  chargectl sim state                          everything physical, for assertions
  chargectl sim power-cut                      SIGKILL for supervisord, then for every process of the station
"""

import argparse
import json
import socket
from typing import Any

from chargectl.output import Failure, print_json
from chargectl.station import existing_home, place
from services.exit_codes import ExitCode
from services.home import Home

POSITIONAL = {
    "plug_in": ("connector",),
    "plug_out": ("connector",),
    "ev_pause": ("connector",),
    "ev_resume": ("connector",),
    "swipe": ("id_tag",),
    "fault": ("name", "on", "connector"),
    "network": ("up",),
    "meter": ("meter",),
    "input": ("name", "on"),
    "wire": ("name", "to"),
}
"""What the words after an operation mean, in order; everything else is key=value."""
TEXTS = ("id_tag", "name", "meter", "reader", "mac", "to")
"""Fields that stay text even if they look like a number."""
SWITCHES = {"on": True, "off": False, "up": True, "down": False, "true": True, "false": False}
TELLING = ("state", "faults")
"""Operations whose answer is what a person asked for."""
ANSWER_S = 5.0
LARGEST_ANSWER = 4 * 1024 * 1024


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("operation", help="plug-in, plug-out, ev-pause, ev-resume, swipe, fault, faults, network, ...")
    parser.add_argument("words", nargs="*", metavar="WORD | key=value")
    parser.add_argument("--force", action="store_true", help="plug-out: with brute force")


def run(arguments: argparse.Namespace) -> int:
    home = existing_home(arguments)
    name = arguments.operation.replace("-", "_")
    if name == "power_cut":
        from chargectl import power_cut

        return power_cut.cut(home, as_json=arguments.json)
    message = understand(name, arguments.words)
    if arguments.force:
        message["force"] = True
    answer = ask_world(home, message)
    if arguments.json:
        print_json(answer)
    else:
        readable = {"faults": _faults, "state": _readable}
        print(readable[name](answer) if name in TELLING else "done")
    return int(ExitCode.OK)


def understand(name: str, words: list[str]) -> dict[str, Any]:
    """The operation as `world.sock` wants it. Raises Failure for a word too many."""
    message: dict[str, Any] = {"op": name}
    positions = iter(POSITIONAL.get(name, ()))
    for word in words:
        key, equals, text = word.partition("=")
        if not equals:
            key, text = next(positions, ""), word
            if not key:
                raise Failure(f"{word!r} is one word too many for {name}; see: chargectl sim --help", ExitCode.USAGE)
        _put(message, key, text)
    if name == "fault":
        message.setdefault("connector", 1)
        message.setdefault("on", True)
    return message


def _put(message: dict[str, Any], key: str, text: str) -> None:
    """`ev.phases=1` goes into the map `ev`."""
    *path, last = key.split(".")
    place = message
    for part in path:
        place = place.setdefault(part, {})
        if not isinstance(place, dict):
            raise Failure(f"{part} has a value already, {key} cannot go into it", ExitCode.USAGE)
    place[last] = text if last in TEXTS else _value(text)


def _value(text: str) -> Any:
    if text in SWITCHES:
        return SWITCHES[text]
    try:
        return json.loads(text)
    except ValueError:
        return text


def ask_world(home: Home, message: dict[str, Any]) -> dict[str, Any]:
    """One operation. Raises Failure: the world is not up, or refuses."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(ANSWER_S)
            connection.connect(str(home.socket_directory(make=False) / "world.sock"))
            connection.sendall(json.dumps(message).encode() + b"\n")
            answer = json.loads(_line(connection))
    except (OSError, ValueError) as error:
        raise Failure(
            f"the simulated world of {home.root} does not answer ({error}); is the station running, and is its "
            f"board simulated? See: chargectl status {place(home)}",
            ExitCode.NOT_RUNNING,
        ) from error
    if not isinstance(answer, dict) or not answer.get("ok"):
        raise Failure(
            f"the world refuses: {answer.get('error') if isinstance(answer, dict) else answer}", ExitCode.REFUSED
        )
    return answer


def _line(connection: socket.socket) -> bytes:
    received = bytearray()
    while not received.endswith(b"\n"):
        part = connection.recv(65536)
        if not part:
            break
        received += part
        if len(received) > LARGEST_ANSWER:
            raise ValueError("the answer is too long")
    return bytes(received)


def _readable(answer: dict[str, Any]) -> str:
    return json.dumps({name: value for name, value in answer.items() if name != "ok"}, indent=2, ensure_ascii=False)


def _faults(answer: dict[str, Any]) -> str:
    """One fault per line: name, what its value means, what it does."""
    width = max(map(len, answer["faults"]), default=0)
    lines = []
    for name, fault in answer["faults"].items():
        value = f" [{fault['value']}; {fault['range']}]" if fault["value"] else ""
        lines.append(f"{name:<{width}}  {fault['effect']}{value}")
    return "\n".join(lines)
