"""Who may charge: card first, plug first, the local list, the time-out. Pure.

A `Pending` is an authorization that no transaction has used yet: free for the first vehicle at one of its connectors,
or bound to the vehicle that is there.
"""

from collections.abc import Iterable, Sequence
from enum import Enum
from typing import NamedTuple

from services.session.transactions.record import Phase, Plug

REJECTED_SHOWN_S = 3.0


class Pending(NamedTuple):
    id_tag: str
    connectors: tuple[int, ...]
    until_s: float
    """Boot-clock end of the time to plug in (`ConnectionTimeOut`); 0 = no end."""
    start_id: str
    plug: Plug | None = None
    """The vehicle it is bound to, at the only connector; such a one ends with the vehicle, not with time."""
    parent_id_tag: str = ""
    asking: bool = False
    """Begun by the backend (RemoteStartTransaction), which is still to say whether the id tag is good."""


class Seat(NamedTuple):
    """One connector as the card flow sees it."""

    connector: int
    has_meter: bool = True
    vehicle: bool = False
    plugged_s: float = 0.0
    """When the vehicle came, boot clock."""
    phase: Phase | None = None
    """Of its transaction; None = none that matters any more."""
    id_tag: str = ""
    """Of its transaction."""
    parent_id_tag: str = ""
    """Of its transaction; empty = not known."""
    started_wall_s: float = 0.0
    holds_cable: bool = False
    faulted: bool = False
    held_off: bool = False
    """A domestic socket that a fault, now over, has switched off: it waits for somebody."""
    taken: bool = False
    """An authorization is bound to its vehicle."""
    timed_out: bool = False
    """Its vehicle has waited for a card longer than `ConnectionTimeOut`, where several connectors share a reader."""
    closed: str = ""
    """Why nothing begins here, whoever asks; empty = it may."""


class Outcome(Enum):
    STOP = "stop"
    RELEASE = "release"
    """Unlock the cable that waits for this card."""
    AUTHORIZE = "authorize"
    NOTHING = "nothing"
    """Free charging, or this vehicle has its authorization: there is nothing to decide."""
    REJECT = "reject"


class Verdict(NamedTuple):
    outcome: Outcome
    connectors: tuple[int, ...] = ()
    reason: str = ""


def same_tag(one: str, other: str) -> bool:
    """OCPP 1.6 section 7.28: id tags are case-insensitive."""
    return one.casefold() == other.casefold()


def is_listed(id_tag: str, cards: Iterable[str]) -> bool:
    return any(same_tag(id_tag, card) for card in cards)


def judge_own(id_tag: str, seats: Sequence[Seat]) -> Verdict | None:
    """`seats`: the connectors that the reader serves. What this very card began, it ends; None = nothing is its own."""
    return _ending([seat for seat in seats if same_tag(seat.id_tag, id_tag)])


def judge_group(parent_id_tag: str, seats: Sequence[Seat]) -> Verdict | None:
    """OCPP 1.6 section 3.10: what one id tag of a group began, another one may end."""
    if not parent_id_tag:
        return None
    return _ending([seat for seat in seats if same_tag(seat.parent_id_tag, parent_id_tag)])


def _ending(seats: Sequence[Seat]) -> Verdict | None:
    active = sorted((s for s in seats if s.phase is Phase.ACTIVE), key=lambda seat: seat.started_wall_s)
    if active:
        return Verdict(Outcome.STOP, (active[0].connector,))
    held = [seat.connector for seat in seats if seat.phase is not None and seat.holds_cable]
    return Verdict(Outcome.RELEASE, (held[0],)) if held else None


def is_worth_asking(seats: Sequence[Seat], free_charging: bool) -> bool:
    """Whether anything could follow from an accepted id tag."""
    by_group = any(s.parent_id_tag and (s.phase is Phase.ACTIVE or s.holds_cable) for s in seats)
    return by_group or judge_start(seats, free_charging).outcome is Outcome.AUTHORIZE


def judge_start(seats: Sequence[Seat], free_charging: bool) -> Verdict:
    """Where an accepted id tag may charge: the vehicle that came last, else whichever connector gets one first."""
    if free_charging:
        seats = [seat for seat in seats if seat.held_off]
        if not seats:
            return Verdict(Outcome.NOTHING, reason="charging is free: no card is needed")
    refusals = {seat.connector: refusal(seat) for seat in seats}
    able = [seat for seat in seats if not refusals[seat.connector]]
    waiting = [seat for seat in able if seat.vehicle and not seat.taken]
    empty = tuple(seat.connector for seat in able if not seat.vehicle)
    # Errata 3.20: whoever comes now is not taken for the driver of a vehicle that has waited for too long.
    fresh = [seat for seat in waiting if not (seat.timed_out and empty)]
    if fresh:
        # A vehicle that has not charged yet comes before one whose transaction has ended.
        best = max(fresh, key=lambda seat: (not seat.timed_out, seat.phase is None, seat.plugged_s))
        return Verdict(Outcome.AUTHORIZE, (best.connector,))
    if empty:
        return Verdict(Outcome.AUTHORIZE, empty)
    if able:
        return Verdict(Outcome.NOTHING, reason="this vehicle is authorized already")
    return Verdict(Outcome.REJECT, reason=next(iter(refusals.values()), "this reader serves no connector"))


def runs_without_card(seats: Iterable[Seat], free_id_tag: str) -> bool:
    """A transaction that plugging in has begun: whoever shows a card meanwhile has nothing to decide."""
    return any(seat.phase is Phase.ACTIVE and same_tag(seat.id_tag, free_id_tag) for seat in seats)


def refusal(seat: Seat) -> str:
    """Why this connector cannot begin a transaction whoever asks; empty = it can."""
    if not seat.has_meter:
        return "this connector has no meter: it only charges for free"
    if seat.faulted:
        return "this connector is out of order"
    if seat.closed:
        return seat.closed
    if seat.phase is Phase.ACTIVE:
        return "this connector is in use"
    if seat.phase is Phase.STOPPING:
        return "the transaction before is just ending, try again in a moment"
    if seat.holds_cable:
        return "the cable waits for the card that started"
    return ""


def authorize(pending: tuple[Pending, ...], new: Pending) -> tuple[Pending, ...]:
    """With a new authorization; the same card again, before a vehicle came, begins its time anew."""
    kept = [one for one in pending if one.plug is not None or not same_tag(one.id_tag, new.id_tag)]
    return (*kept, new)


def authorization_for(pending: Iterable[Pending], connector: int) -> Pending | None:
    """The one bound to this connector's vehicle, else the oldest that would take one; a good one first."""
    mine = sorted((one for one in pending if connector in one.connectors), key=lambda one: one.asking)
    return next((one for one in mine if one.plug is not None), mine[0] if mine else None)


def confirmed(pending: tuple[Pending, ...], id_tag: str, parent_id_tag: str) -> tuple[Pending, ...]:
    """The backend has accepted the id tag of its RemoteStartTransaction."""
    return tuple(
        p._replace(asking=False, parent_id_tag=parent_id_tag) if p.asking and same_tag(p.id_tag, id_tag) else p
        for p in pending
    )


def refused(pending: tuple[Pending, ...], id_tag: str) -> tuple[Pending, ...]:
    """The backend has not."""
    return tuple(p for p in pending if not (p.asking and same_tag(p.id_tag, id_tag)))


def without_connectors(pending: tuple[Pending, ...], connectors: Iterable[int]) -> tuple[Pending, ...]:
    """Nobody waits for these any more. The same tuple where nobody did."""
    gone = set(connectors)
    if not any(gone & set(p.connectors) for p in pending):
        return pending
    left = (p._replace(connectors=tuple(n for n in p.connectors if n not in gone)) for p in pending)
    return tuple(p for p in left if p.connectors)


def bound(pending: tuple[Pending, ...], one: Pending, connector: int, plug: Plug) -> tuple[Pending, ...]:
    """The vehicle has come: from now on it is this connector's alone."""
    return tuple(p._replace(connectors=(connector,), plug=plug) if p is one else p for p in pending)


def without(pending: tuple[Pending, ...], one: Pending) -> tuple[Pending, ...]:
    return tuple(p for p in pending if p is not one)


def _ends_with_time(one: Pending) -> bool:
    """A good authorization bound to its vehicle ends with the vehicle."""
    return one.until_s > 0.0 and (one.plug is None or one.asking)


def unexpired(pending: tuple[Pending, ...], now_s: float) -> tuple[Pending, ...]:
    """The same tuple while nothing has ended."""
    kept = tuple(p for p in pending if not _ends_with_time(p) or now_s < p.until_s)
    return pending if len(kept) == len(pending) else kept


def next_end_s(pending: Iterable[Pending]) -> float:
    return min((p.until_s for p in pending if _ends_with_time(p)), default=float("inf"))
