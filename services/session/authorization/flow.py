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
    started_wall_s: float = 0.0
    holds_cable: bool = False
    faulted: bool = False
    taken: bool = False
    """An authorization is bound to its vehicle."""


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


def judge_card(id_tag: str, seats: Sequence[Seat], cards: Iterable[str], free_charging: bool) -> Verdict:
    """`seats`: the connectors that the reader serves. First what this card began, then what it may begin."""
    mine = [seat for seat in seats if seat.phase is not None and same_tag(seat.id_tag, id_tag)]
    active = sorted((s for s in mine if s.phase is Phase.ACTIVE), key=lambda seat: seat.started_wall_s)
    if active:
        return Verdict(Outcome.STOP, (active[0].connector,))
    held = [seat.connector for seat in mine if seat.holds_cable]
    if held:
        return Verdict(Outcome.RELEASE, (held[0],))
    if not is_listed(id_tag, cards):
        return Verdict(Outcome.REJECT, reason="this card is not in the list")
    return judge_start(seats, free_charging)


def judge_start(seats: Sequence[Seat], free_charging: bool) -> Verdict:
    """Where an accepted id tag may charge: the vehicle that came last, else whichever connector gets one first."""
    if free_charging:
        return Verdict(Outcome.NOTHING, reason="charging is free: no card is needed")
    refusals = {seat.connector: refusal(seat) for seat in seats}
    able = [seat for seat in seats if not refusals[seat.connector]]
    waiting = [seat for seat in able if seat.vehicle and not seat.taken]
    if waiting:
        # A vehicle that has not charged yet comes before one whose transaction has ended.
        best = max(waiting, key=lambda seat: (seat.phase is None, seat.plugged_s))
        return Verdict(Outcome.AUTHORIZE, (best.connector,))
    empty = tuple(seat.connector for seat in able if not seat.vehicle)
    if empty:
        return Verdict(Outcome.AUTHORIZE, empty)
    if able:
        return Verdict(Outcome.NOTHING, reason="this vehicle is authorized already")
    return Verdict(Outcome.REJECT, reason=next(iter(refusals.values()), "this reader serves no connector"))


def refusal(seat: Seat) -> str:
    """Why this connector cannot begin a transaction whoever asks; empty = it can."""
    if not seat.has_meter:
        return "this connector has no meter: it only charges for free"
    if seat.faulted:
        return "this connector is out of order"
    if seat.phase is Phase.ACTIVE:
        return "this connector is in use"
    if seat.phase is Phase.STOPPING:
        return "the transaction before is just ending, try again in a moment"
    if seat.holds_cable:
        return "the cable waits for the card that started"
    return ""


def authorize(
    pending: tuple[Pending, ...], id_tag: str, connectors: tuple[int, ...], start_id: str, until_s: float
) -> tuple[Pending, ...]:
    """With a new authorization; the same card again, before a vehicle came, begins its time anew."""
    kept = [one for one in pending if one.plug is not None or not same_tag(one.id_tag, id_tag)]
    return (*kept, Pending(id_tag, connectors, until_s, start_id))


def authorization_for(pending: Iterable[Pending], connector: int) -> Pending | None:
    """The one bound to this connector's vehicle, else the oldest that would take one."""
    mine = [one for one in pending if connector in one.connectors]
    return next((one for one in mine if one.plug is not None), mine[0] if mine else None)


def bound(pending: tuple[Pending, ...], one: Pending, connector: int, plug: Plug) -> tuple[Pending, ...]:
    """The vehicle has come: from now on it is this connector's alone."""
    return tuple(p._replace(connectors=(connector,), plug=plug) if p is one else p for p in pending)


def without(pending: tuple[Pending, ...], one: Pending) -> tuple[Pending, ...]:
    return tuple(p for p in pending if p is not one)


def unexpired(pending: tuple[Pending, ...], now_s: float) -> tuple[Pending, ...]:
    """The same tuple while nothing has ended."""
    kept = tuple(p for p in pending if p.plug is not None or p.until_s <= 0.0 or now_s < p.until_s)
    return pending if len(kept) == len(pending) else kept


def next_end_s(pending: Iterable[Pending]) -> float:
    return min((p.until_s for p in pending if p.plug is None and p.until_s > 0.0), default=float("inf"))
