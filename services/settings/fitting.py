"""What a set of new values breaks: each other, those of before, and those in force until a reboot. Pure."""

from collections.abc import Mapping

from services.settings.names import key_of
from services.settings.rules import check, complete
from services.settings.rules.one_way import RULES as ONE_WAY
from services.settings.rules.problem import Problem
from services.settings.values import Values


def broken(wanted: Mapping[str, str | None], before: Values, after: Values) -> list[Problem]:
    """What would no longer count: the new values, or ones that counted before."""
    naive = {**before.used}
    for where, text in wanted.items():
        if text is not None:
            naive[where] = text
        elif where in before.factory:
            naive[where] = before.factory[where]
        else:
            naive.pop(where, None)
    known = {(problem.places, problem.words) for problem in check(before.at_next_start, before.board)}
    problems = [
        problem for problem in check(complete(naive), before.board) if (problem.places, problem.words) not in known
    ]
    gone = [
        Problem((where,), words)
        for where, words in after.rejected.items()
        if (where in wanted and wanted[where] is not None) or where not in before.rejected
    ]
    return problems or gone


def undone(after: Values, before: Values) -> list[Problem]:
    now, wanted = before.in_force, after.at_next_start
    return [problem for rule in ONE_WAY for problem in rule(now, wanted)]


def too_early(wanted: Mapping[str, str | None], before: Values, after: Values) -> tuple[set[str], list[Problem]]:
    """What does not fit to the values in force until the next start: places of this set that wait together with one of
    its keys that need a reboot, and problems where there is none such."""
    held: set[str] = set()
    known = {problem.words for problem in check(before.in_force, before.board)}
    for _ in range(len(wanted) + 1):
        now = after.holding(held, before) if held else after
        problems = [each for each in check(now.in_force, now.board) if each.words not in known]
        if not problems:
            return held, []
        more: set[str] = set()
        for problem in problems:
            ours = [where for where in problem.places if where in wanted and where not in held]
            free = {where for where in ours if not always_waits(where)}
            if len(free) == len(ours) or not free:
                return held, [problem]
            more |= free
        held |= more
    return held, []


def always_waits(where: str) -> bool:
    """Its key needs a reboot."""
    key = key_of(where)
    return key is not None and key.needs_reboot
