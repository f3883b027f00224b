"""Wishes to change keys, judged together: all of them, or nothing and why. Pure."""

from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from schemas.base import Answer
from schemas.settings import Entry
from services.settings import access
from services.settings.faces import find_face
from services.settings.fitting import always_waits, broken, too_early, undone
from services.settings.names import Addressed, address, contradicts, key_of, unknown
from services.settings.one_value import Unacceptable, parse
from services.settings.rules import check_order
from services.settings.rules.problem import Problem
from services.settings.table import KEYS, Key
from services.settings.table.key import KeyType
from services.settings.values import Values

LARGEST_SET = 64 * 1024
"""Bytes of keys and values."""


class Refusal(Struct, frozen=True):
    key: str
    """As it was asked."""
    outcome: Answer
    reason: str
    confirm: str = ""
    """Only this is missing: what is to be confirmed."""


class Step(Struct, frozen=True):
    """One place whose stored value becomes another, or one action."""

    place: str
    key: Key
    connector: int
    old: str
    new: str
    text: str | None
    """To be stored; None = the stored value goes (back to the factory value), or it is an action."""


class Judgement(Struct, frozen=True):
    outcome: Answer
    reason: str = ""
    refused: tuple[Refusal, ...] = ()
    skipped: tuple[str, ...] = ()
    """Names that there are not, left out on request."""
    steps: tuple[Step, ...] = ()
    after: Values | None = None
    """None when nothing is to be stored."""

    @property
    def actions(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.key.type is KeyType.ACTION)

    @property
    def waiting(self) -> tuple[str, ...]:
        """Places of this set that wait for the next start."""
        pending = set(self.after.pending) if self.after is not None else set()
        return tuple(step.place for step in self.steps if step.place in pending)


class _Draft(Struct):
    """What has been read of a set so far."""

    values: Values
    role: str
    source: str
    keep_equal: bool
    confirmed: bool
    wanted: dict[str, str | None] = {}
    asked: dict[str, str] = {}
    """By place: the name under which it was asked for."""
    orders: dict[str, str] = {}
    """Actions: what is written, by place."""
    refused: list[Refusal] = []
    skipped: list[str] = []
    at_once: set[str] = set()
    """Places whose new value holds now although their key needs a reboot."""

    def refuse(self, name: str, reason: str, outcome: Answer = Answer.REJECTED, confirm: str = "") -> None:
        self.refused.append(Refusal(name[:100], outcome, reason, confirm))

    def present(self, name: str) -> str:
        """What this key would be after the entries read so far."""
        text = self.wanted.get(name)
        return self.values.at_next_start.get(name, "") if text is None else text


def judge(
    values: Values,
    entries: Sequence[Entry],
    *,
    role: str = "",
    source: str = "",
    skip_unknown: bool = False,
    keep_equal: bool = False,
    confirmed: bool = False,
) -> Judgement:
    """`keep_equal`: a value that holds already is stored all the same. `confirmed`: what safety relevant keys ask."""
    if sum(len(entry.key.encode()) + len(entry.value.encode()) for entry in entries) > LARGEST_SET:
        reason = f"a set has at most {LARGEST_SET // 1024} KiB of keys and values: change it in two parts"
        return Judgement(Answer.REJECTED, reason)
    draft = _Draft(values, access.role_of(role, source), source, keep_equal, confirmed)
    for entry in entries:
        _read(entry, draft, skip_unknown)
    skipped = tuple(draft.skipped)
    if draft.refused:
        return _refused(draft.refused, skipped)
    return _fitted(draft, skipped)


def change(values: Values, name: str, text: str, connector: int, source: str, role: str = "") -> Judgement:
    """One wish alone."""
    return judge(values, (Entry(key=name, value=text, connector=connector),), role=role, source=source, keep_equal=True)


def _refused(refused: Iterable[Refusal], skipped: tuple[str, ...] = ()) -> Judgement:
    wrong = tuple(refused)
    outcome = wrong[0].outcome if len(wrong) == 1 else Answer.REJECTED
    more = f"; and {len(wrong) - 1} more" if len(wrong) > 1 else ""
    return Judgement(outcome, wrong[0].reason + more, wrong, skipped)


# reading one entry


def _read(entry: Entry, draft: _Draft, skip_unknown: bool) -> None:
    face = find_face(entry.key)
    found = address(face.key if face is not None else entry.key, entry.connector)
    if face is not None and (face.give is None or entry.reset):
        why = "shows a constant of this software" if face.give is None else f"is a face of {face.key}: reset that one"
        draft.refuse(entry.key, f"{face.name} {why}")
    elif found is None and skip_unknown:
        draft.skipped.append(entry.key)
    elif found is None:
        draft.refuse(entry.key, unknown(entry.key), Answer.NOT_SUPPORTED)
    elif contradicts(entry.key, entry.connector):
        draft.refuse(entry.key, f"{entry.key} and connector {entry.connector} contradict each other: leave one out")
    elif reason := access.refusal(draft.values, found, draft.role, draft.source):
        draft.refuse(entry.key, reason)
    else:
        try:
            text = entry.value if face is None or face.give is None else _given(face.name, entry.value, draft)
            _take(entry, found, text, draft)
            _confirm(entry, found, draft)
        except Unacceptable as error:
            draft.refuse(entry.key, str(error))


def _given(name: str, text: str, draft: _Draft) -> str:
    """The value of the key behind a face. Raises Unacceptable."""
    face = find_face(name)
    assert face is not None
    assert face.give is not None
    own = KEYS.get(face.name)
    return face.give(draft.present(face.key), text if own is None else parse(own, text))


def _take(entry: Entry, found: Addressed, text: str, draft: _Draft) -> None:
    """Raises Unacceptable."""
    where, key = found.place, found.key
    if key.type is KeyType.ACTION:
        if entry.reset:
            raise Unacceptable(f"{key.name} does something once and keeps nothing: there is nothing to reset")
        draft.orders[where] = parse(key, text)
        draft.asked[where] = entry.key
        return
    new = None if entry.reset else parse(key, text)
    face = find_face(entry.key)
    if where in draft.wanted and (face is None or not face.is_part) and draft.wanted[where] != new:
        raise Unacceptable(f"{where} stands more than once in this set, with different values: leave one out")
    draft.wanted[where] = new
    draft.asked[where] = entry.key
    if face is not None and face.at_once:
        draft.at_once.add(where)


def _confirm(entry: Entry, found: Addressed, draft: _Draft) -> None:
    """Going back to what is mounted, or to what holds, needs no confirmation."""
    where, key = found.place, found.key
    new = draft.wanted.get(where)
    if not key.confirm or draft.confirmed or new is None:
        return
    if new in (draft.values.at_next_start.get(where), draft.values.factory.get(where, key.default)):
        return
    draft.refuse(
        entry.key, f"{key.name} is safety relevant and has to be confirmed: {key.confirm}", confirm=key.confirm
    )


# all together


def _fitted(draft: _Draft, skipped: tuple[str, ...]) -> Judgement:
    before = draft.values
    wanted = {
        where: text
        for where, text in draft.wanted.items()
        if draft.keep_equal or where in draft.at_once or not _is_so(where, text, before)
    }
    after = before.with_stored(wanted)
    if not any(always_waits(where) for where in wanted if where not in draft.at_once):
        after = after.taking_effect(draft.at_once)
    wrong = [*broken(wanted, before, after), *undone(after, before)]
    held: set[str] = set()
    if not wrong:
        held, wrong = too_early(wanted, before, after)
    if wrong:
        return _refused(_blamed(wrong, wanted, draft.asked), skipped)
    after = after.holding(held, before) if held else after
    orders = _ordered(draft.orders)
    if vain := _in_vain(orders, after, draft.asked):
        return _refused(vain, skipped)
    steps = (*_steps(wanted, before, after), *orders)
    if not steps:
        return Judgement(Answer.ACCEPTED, "nothing to change", skipped=skipped)
    done = Judgement(Answer.ACCEPTED, "", (), skipped, steps, after)
    waiting = done.waiting
    if not waiting:
        return done
    if len(waiting) == 1:
        reason = f"{waiting[0]} is kept and takes effect at the next start of the station"
    else:
        reason = f"{waiting[0]} and {len(waiting) - 1} more are kept and take effect at the next start of the station"
    return Judgement(Answer.REBOOT_REQUIRED, reason, (), skipped, steps, after)


def _is_so(where: str, text: str | None, before: Values) -> bool:
    if text is None:
        return where not in before.stored
    return before.at_next_start.get(where) == text and where not in before.rejected


def _blamed(problems: Iterable[Problem], wanted: Mapping[str, str | None], asked: Mapping[str, str]) -> list[Refusal]:
    refused: dict[str, Refusal] = {}
    for problem in problems:
        where = next((each for each in problem.places if each in wanted), next(iter(wanted), problem.key))
        refused.setdefault(where, Refusal(asked.get(where, where), Answer.REJECTED, problem.words))
    return list(refused.values())


def _in_vain(orders: Iterable[Step], after: Values, asked: Mapping[str, str]) -> list[Refusal]:
    """Orders that nothing can carry out with what is in force after this set."""
    return [
        Refusal(asked[order.place], Answer.REJECTED, problem.words)
        for order in orders
        for problem in check_order(order.key.name, after.in_force, after.board)[:1]
    ]


def _steps(wanted: Mapping[str, str | None], before: Values, after: Values) -> list[Step]:
    steps = []
    for where, text in wanted.items():
        key = key_of(where)
        assert key is not None
        old, new = before.at_next_start.get(where, ""), after.at_next_start.get(where, "")
        steps.append(Step(where, key, 0, old, new, text))
    return steps


def _ordered(orders: Mapping[str, str]) -> list[Step]:
    steps = []
    for where, text in orders.items():
        found = address(where)
        assert found is not None
        connector = found.connector or (1 if found.key.per_connector else 0)
        steps.append(Step(where, found.key, connector, "", text, None))
    return steps
