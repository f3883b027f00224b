"""InputChangeNotifyBackend: the backend is told of changes of the free inputs, at most every 10 s. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from services.safety.settings import SafetySettings
from services.safety.state import NEVER_S, NoticeWish, due

FREE = ("opto_1", "opto_2")
TOLD_APART_S = 10.0


class Turn(NamedTuple):
    notice: NoticeWish | None
    next_s: float
    """When there is more to tell, boot clock; inf = nothing is waiting."""


def free_inputs(settings: Iterable[SafetySettings]) -> tuple[str, ...]:
    """Those that have no other task at any of the connectors with these settings."""
    taken = {name for each in settings for name in _taken(each)}
    return tuple(name for name in FREE if name not in taken)


def _taken(settings: SafetySettings) -> Iterator[str]:
    welding = {"Opto input 1": FREE[0], "Opto input 2": FREE[1]}
    if settings.weld_check in welding:
        yield welding[settings.weld_check]
    if settings.rcd == "Opto input":
        yield FREE[0]


class InputReports:
    """One message in 10 s, with the state that holds when it is sent; the input that has waited longest comes first."""

    def __init__(self) -> None:
        self._told: dict[str, bool] = {}
        self._changed_s: dict[str, float] = {}
        self._told_s = NEVER_S

    def turn(self, states: Mapping[str, bool | None], now_s: float) -> Turn:
        """`states`: of the free inputs; None = not read, which changes nothing. What is read first is no change."""
        for name, state in states.items():
            if state is None:
                continue
            if self._told.setdefault(name, state) is state:
                self._changed_s.pop(name, None)
            else:
                self._changed_s.setdefault(name, now_s)
        for name in [name for name in self._told if name not in states]:
            del self._told[name]
            self._changed_s.pop(name, None)
        if not self._changed_s:
            return Turn(None, float("inf"))
        if not due(self._told_s, TOLD_APART_S, now_s):
            return Turn(None, self._told_s + TOLD_APART_S)
        name = min(self._changed_s, key=self._changed_s.__getitem__)
        del self._changed_s[name]
        self._told[name], self._told_s = not self._told[name], now_s
        words = (("name", name), ("state", "on" if self._told[name] else "off"))
        return Turn(NoticeWish("input_changed", words, name), now_s + TOLD_APART_S if self._changed_s else float("inf"))
