"""Which value of each key is in force now, which one at the next start, and what a change would do. Pure.

A stored value wins over the factory value of this station, and that over the table's default. Keys that need a reboot
keep the value they had when the station started.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from schemas.base import Answer
from services.settings.rules import Board, Unacceptable, check, complete, parse, unknown
from services.settings.table import KEYS, Key, find
from services.settings.table.key import Access, KeyType

OVER_OCPP = "ocpp"
"""`source` of a change that came from the backend."""


@dataclass(frozen=True)
class Values:
    factory: Mapping[str, str]
    board: Board
    stored: Mapping[str, str]
    """As they stand in the store, also those that are not used."""
    at_start: Mapping[str, str]
    """Keys that need a reboot: the value when the station started."""
    used: Mapping[str, str]
    """Factory and stored values together, as far as the table, the board and each other allow them."""
    rejected: Mapping[str, str]
    """Values that they do not allow: why."""

    @property
    def at_next_start(self) -> dict[str, str]:
        return complete(self.used)

    @property
    def in_force(self) -> dict[str, str]:
        return complete({**self.used, **self.at_start})

    @property
    def pending(self) -> tuple[str, ...]:
        now, later = self.in_force, self.at_next_start
        return tuple(name for name, key in KEYS.items() if key.needs_reboot and now[name] != later[name])

    @property
    def unknown_stored(self) -> tuple[str, ...]:
        """Stored keys that this version's table does not have: kept for the version that knows them."""
        return tuple(sorted(name for name in self.stored if name not in KEYS))

    def with_stored(self, name: str, value: str) -> "Values":
        return begin(self.factory, self.board, {**self.stored, name: value}, self.at_start)

    def started(self) -> "Values":
        """The station starts: what was pending takes effect."""
        later = self.at_next_start
        return replace(self, at_start={name: later[name] for name, key in KEYS.items() if key.needs_reboot})


def begin(factory: Mapping[str, str], board: Board, stored: Mapping[str, str], at_start: Mapping[str, str]) -> Values:
    """Sorts stored values into those that count and those that are kept but not used."""
    accepted: dict[str, str] = {}
    rejected: dict[str, str] = {}
    for name, text in stored.items():
        key = KEYS.get(name)
        if key is None:
            continue
        try:
            accepted[name] = parse(key, text)
        except Unacceptable as error:
            rejected[name] = str(error)
    used = {**factory, **accepted}
    while problems := [problem for problem in check(complete(used), board) if problem.key in used]:
        name, words = problems[0]
        rejected[name] = words
        if name in accepted and name in factory and used[name] != factory[name]:
            used[name] = factory[name]
        else:
            del used[name]
    return Values(factory, board, stored, _still_valid(at_start), used, rejected)


def _still_valid(at_start: Mapping[str, str]) -> dict[str, str]:
    """Without values that a newer table, put in while the station runs, does not know."""
    valid: dict[str, str] = {}
    for name, text in at_start.items():
        key = KEYS.get(name)
        if key is not None and key.needs_reboot:
            try:
                valid[name] = parse(key, text)
            except Unacceptable:
                continue
    return valid


@dataclass(frozen=True)
class Change:
    """The judgement on a wish to change a key. `after` is None when nothing is to be stored."""

    outcome: Answer
    reason: str
    key: Key | None = None
    old: str = ""
    new: str = ""
    after: Values | None = None


def change(values: Values, name: str, text: str, connector: int, source: str) -> Change:
    key = find(name)
    if key is None:
        return Change(Answer.NOT_SUPPORTED, unknown(name))
    refusal = _refusal(values, key, connector, source)
    if refusal:
        return Change(Answer.REJECTED, refusal, key)
    try:
        new = parse(key, text)
    except Unacceptable as error:
        return Change(Answer.REJECTED, str(error), key)
    after = values.with_stored(key.name, new)
    broken = after.rejected.get(key.name) or _breaks_now(after, key) or _breaks_another(values, after)
    if broken:
        return Change(Answer.REJECTED, broken, key)
    old = values.at_next_start[key.name]
    if key.name in after.pending:
        reason = f"{key.name} is kept and takes effect at the next start of the station"
        return Change(Answer.REBOOT_REQUIRED, reason, key, old, new, after)
    return Change(Answer.ACCEPTED, "", key, old, new, after)


def _breaks_now(after: Values, key: Key) -> str:
    """What the new value breaks together with values that are in force until the next start."""
    return next((words for name, words in check(after.in_force, after.board) if name == key.name), "")


def _breaks_another(before: Values, after: Values) -> str:
    """Why a value that counted before would no longer count."""
    return next((words for name, words in after.rejected.items() if name not in before.rejected), "")


def _refusal(values: Values, key: Key, connector: int, source: str) -> str:
    if key.live:
        return f"{key.name} shows the present state and cannot be set"
    if key.name in values.board.dictated:
        value, why = values.board.dictated[key.name]
        return f"{key.name} is {value} here and cannot be changed: {why}"
    if key.type is KeyType.READONLY:
        return f"{key.name} can only be read; its value comes from the station file"
    if key.once and values.at_next_start[key.name]:
        return f"{key.name} is set already; it can be set once"
    if connector:
        return f"{key.name} holds for the whole station: leave the connector out"
    if source == OVER_OCPP and key.access is Access.READ:
        return f"{key.name} can only be read over OCPP"
    return ""
