"""Which value of each key is in force now, and which one at the next start. Pure.

A stored value wins over the factory value of this station, and that over the table's default. Keys that need a reboot
keep the value they had when the station started. A place is `Name`, or `Name[2]` for a connector's own value.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from services.settings.names import key_of
from services.settings.rules import Board, Unacceptable, check, complete, has_value, parse
from services.settings.rules.problem import Problem


@dataclass(frozen=True)
class Values:
    """Every mapping is by place."""

    factory: Mapping[str, str]
    board: Board
    stored: Mapping[str, str]
    """As they stand in the store, also those that are not used."""
    at_start: Mapping[str, str]
    """Keys that need a reboot: the value when the station started; and those that were changed together with one that
    does, and wait for it."""
    used: Mapping[str, str]
    """Factory and stored values together, as far as the table, the board and each other allow them."""
    rejected: Mapping[str, str]
    """Values that they do not allow: why."""

    @cached_property
    def at_next_start(self) -> dict[str, str]:
        return complete(self.used)

    @cached_property
    def in_force(self) -> dict[str, str]:
        free = {where: text for where, text in self.used.items() if not self.waits(where)}
        return complete({**free, **self.at_start})

    @cached_property
    def pending(self) -> tuple[str, ...]:
        now, later = self.in_force, self.at_next_start
        places = dict.fromkeys((*later, *now))
        return tuple(each for each in places if self.waits(each) and now.get(each) != later.get(each))

    @property
    def unknown_stored(self) -> tuple[str, ...]:
        """Stored keys that keep nothing in this version: kept for the version that knows them."""
        return tuple(sorted(where for where in self.stored if (key := key_of(where)) is None or not has_value(key)))

    def waits(self, where: str) -> bool:
        """Whether another value of this place takes effect at the next start."""
        return where.partition("[")[0] in self.at_start

    def with_stored(self, wanted: Mapping[str, str | None]) -> "Values":
        """None = back to the factory value. What waited and is set now waits no longer, but for keys that always do."""
        kept = {where: text for where, text in self.stored.items() if where not in wanted}
        stored = {**kept, **{where: text for where, text in wanted.items() if text is not None}}
        names = {where.partition("[")[0] for where in wanted}
        at_start = {
            where: text
            for where, text in self.at_start.items()
            if where.partition("[")[0] not in names or _needs_reboot(where)
        }
        return begin(self.factory, self.board, stored, at_start)

    def holding(self, places: set[str], before: "Values") -> "Values":
        """These keep the value in force of `before` until the next start."""
        names = {where.partition("[")[0] for where in places}
        held = {where: text for where, text in before.in_force.items() if where.partition("[")[0] in names}
        return replace(self, at_start={**self.at_start, **held})

    def taking_effect(self, places: set[str]) -> "Values":
        """These do not wait for the next start."""
        now = {where: self.at_next_start[where] for where in places if self.waits(where)}
        return replace(self, at_start={**self.at_start, **now}) if now else self

    def started(self) -> "Values":
        """The station starts: what was pending takes effect."""
        at_start = {where: text for where, text in self.at_next_start.items() if _needs_reboot(where)}
        return replace(self, at_start=at_start)


def _needs_reboot(where: str) -> bool:
    key = key_of(where)
    return key is not None and key.needs_reboot


def begin(factory: Mapping[str, str], board: Board, stored: Mapping[str, str], at_start: Mapping[str, str]) -> Values:
    """Sorts stored values into those that count and those that are kept but not used."""
    accepted, rejected = readable(stored)
    used = {**factory, **accepted}
    while (found := _first_to_give_way(used, factory, board)) is not None:
        where, problem = found
        rejected[where] = problem.words
        if where in accepted and where in factory and used[where] != factory[where]:
            used[where] = factory[where]
        else:
            del used[where]
    still_valid, _ = readable(at_start)
    return Values(factory, board, stored, still_valid, used, rejected)


def _first_to_give_way(used: Mapping[str, str], factory: Mapping[str, str], board: Board) -> tuple[str, Problem] | None:
    for problem in check(complete(used), board):
        for where in problem.places:
            if where in used and not (where in board.mounted and used[where] == factory.get(where)):
                return where, problem
    return None


def readable(values: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Those that this version's table takes, and why it does not take others; unknown keys are in neither."""
    accepted: dict[str, str] = {}
    refused: dict[str, str] = {}
    for where, text in values.items():
        key = key_of(where)
        if key is None:
            continue
        if text == key.default:
            accepted[where] = text
            continue
        try:
            accepted[where] = parse(key, text)
        except Unacceptable as error:
            refused[where] = str(error)
    return accepted, refused
