"""What can be typed at the demo backend's prompt: one line in, one CALL to the station out. Pure."""

import shlex
from collections.abc import Callable
from typing import Any, NamedTuple

from ocpp.v16 import call
from ocpp.v16.enums import AvailabilityType, MessageTrigger, ResetType


class NotUnderstood(ValueError):
    """The text says what can be typed."""


class Command(NamedTuple):
    usage: str
    about: str
    make: Callable[[list[str]], Any]
    """Words after the command to a CALL; raises ValueError or IndexError for wrong ones."""


def _optional_connector(words: list[str], place: int) -> int | None:
    return int(words[place]) if len(words) > place else None


def _start(words: list[str]) -> Any:
    return call.RemoteStartTransaction(id_tag=words[0], connector_id=_optional_connector(words, 1))


def _stop(words: list[str]) -> Any:
    return call.RemoteStopTransaction(transaction_id=int(words[0]))


def _unlock(words: list[str]) -> Any:
    return call.UnlockConnector(connector_id=int(words[0]))


def _reset(words: list[str]) -> Any:
    return call.Reset(type=ResetType[words[0].lower()] if words else ResetType.soft)


def _get(words: list[str]) -> Any:
    return call.GetConfiguration(key=words or None)


def _set(words: list[str]) -> Any:
    return call.ChangeConfiguration(key=words[0], value=" ".join(words[1:]))


def _trigger(words: list[str]) -> Any:
    wanted = {trigger.value.lower(): trigger for trigger in MessageTrigger}
    if words[0].lower() not in wanted:
        raise ValueError(f"one of {', '.join(trigger.value for trigger in MessageTrigger)}")
    return call.TriggerMessage(requested_message=wanted[words[0].lower()], connector_id=_optional_connector(words, 1))


def _available(words: list[str]) -> Any:
    return call.ChangeAvailability(connector_id=int(words[0]), type=AvailabilityType.operative)


def _unavailable(words: list[str]) -> Any:
    return call.ChangeAvailability(connector_id=int(words[0]), type=AvailabilityType.inoperative)


def _clear_cache(_words: list[str]) -> Any:
    return call.ClearCache()


def _data(words: list[str]) -> Any:
    return call.DataTransfer(
        vendor_id=words[0], message_id=words[1] if len(words) > 1 else None, data=" ".join(words[2:]) or None
    )


COMMANDS: dict[str, Command] = {
    "start": Command("start IDTAG [CONNECTOR]", "RemoteStartTransaction", _start),
    "stop": Command("stop TRANSACTION", "RemoteStopTransaction, by the number this backend gave", _stop),
    "unlock": Command("unlock CONNECTOR", "UnlockConnector", _unlock),
    "reset": Command("reset [soft|hard]", "Reset", _reset),
    "get": Command("get [KEY ...]", "GetConfiguration", _get),
    "set": Command("set KEY VALUE", "ChangeConfiguration", _set),
    "trigger": Command("trigger MESSAGE [CONNECTOR]", "TriggerMessage", _trigger),
    "available": Command("available CONNECTOR", "ChangeAvailability to Operative; 0 = the whole station", _available),
    "unavailable": Command("unavailable CONNECTOR", "ChangeAvailability to Inoperative", _unavailable),
    "cache": Command("cache", "ClearCache", _clear_cache),
    "data": Command("data VENDOR [MESSAGE [TEXT]]", "DataTransfer", _data),
}
LOCAL: dict[str, tuple[str, str]] = {
    "block": ("block IDTAG", "answer Blocked to this id tag from now on"),
    "allow": ("allow IDTAG", "accept it again"),
    "silent": ("silent [SECONDS]", "answer nothing, for 30 s or so long"),
    "drop": ("drop", "close the connection; the station comes back"),
    "help": ("help", "this list"),
    "quit": ("quit", "end the backend"),
}
"""Commands that change this backend and send nothing."""


def help_text() -> str:
    rows = [(command.usage, command.about) for command in COMMANDS.values()] + list(LOCAL.values())
    width = max(len(usage) for usage, _ in rows)
    return "\n".join(f"  {usage:<{width}}  {about}" for usage, about in rows)


def parse(line: str) -> tuple[str, list[str], Any]:
    """(name, words, CALL); the CALL is None for a command of this backend itself. Raises NotUnderstood."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise NotUnderstood(f"{error}; type help") from error
    if not words:
        return "", [], None
    name, rest = words[0].lower(), words[1:]
    if name in LOCAL:
        return name, rest, None
    command = COMMANDS.get(name)
    if command is None:
        raise NotUnderstood(f"unknown command {name!r}; type help")
    try:
        return name, rest, command.make(rest)
    except (ValueError, IndexError, KeyError) as error:
        words_of_error = f" ({error})" if isinstance(error, ValueError) and str(error) else ""
        raise NotUnderstood(f"usage: {command.usage}{words_of_error}") from error
