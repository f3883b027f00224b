"""Which class a message has, how many may wait, what gives way, and who is sent next. Pure.

The guide's section 9.9: 350 messages, and from 70 on no further StatusNotification. Two deviations, both on the safe
side: what bills is never discarded (StartTransaction, StopTransaction and security events are stored beyond 350, up to
10,000; then no charging begins), and what may be discarded goes in the order of its worth.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import Enum, IntEnum
from typing import NamedTuple

from schemas.message_queue import CallClass
from services.message_queue.rules.message import METER_VALUES, SECURITY_EVENT, START, STATUS, STOP, Waiting

CAPACITY = 350
HELD_BACK_FROM = 70
MOST = 10_000
"""What bills is stored up to here."""
MOST_REQUESTS = 50
"""Authorize, DataTransfer and the like that wait at once: each ends with its request."""


class Worth(IntEnum):
    """In the order of giving way: the lowest first."""

    INFORMATIVE_STATUS = 1
    """A StatusNotification that repeats what is known (TriggerMessage)."""
    STATUS = 2
    METER_VALUES_WITHOUT_TRANSACTION = 3
    METER_VALUES = 4
    """Of a transaction: every second one gives way."""
    BILLING = 5
    """StartTransaction, StopTransaction, security events: never give way."""


class Item(NamedTuple):
    """One waiting message, as far as room is concerned."""

    key: str
    worth: Worth
    transaction_id: str = ""


class Room(NamedTuple):
    admitted: bool
    given_way: tuple[str, ...] = ()
    """Keys of what is discarded for it."""


def class_of(action: str, in_transaction: bool, retransmit_meter_values: bool) -> CallClass:
    if action in (START, STOP) or (action == METER_VALUES and in_transaction and retransmit_meter_values):
        return CallClass.TRANSACTION
    if action == SECURITY_EVENT:
        return CallClass.SECURITY
    return CallClass.STATUS if action == STATUS else CallClass.VOLATILE


def worth_of(action: str, in_transaction: bool) -> Worth | None:
    """None: it never gives way and nothing gives way to it; its number is bounded and it ends with its request."""
    if action == METER_VALUES:
        return Worth.METER_VALUES if in_transaction else Worth.METER_VALUES_WITHOUT_TRANSACTION
    return Worth.BILLING if action in (START, STOP, SECURITY_EVENT) else None


def reserved_stops(waiting: Iterable[Waiting], begun: Iterable[str], stream: int) -> set[str]:
    """Transactions whose StopTransaction has a place reserved: begun in this stream of facts, and not yet stopped.

    `begun`: those whose StartTransaction is settled.
    """
    starts, stops = set(begun), set()
    for one in waiting:
        if one.stream == stream and one.action == START:
            starts.add(one.transaction_id)
        elif one.action == STOP:
            stops.add(one.transaction_id)
    return starts - stops


def places_needed(action: str, has_reserved_place: bool) -> int:
    """A StartTransaction takes the place of its StopTransaction too."""
    if action == START:
        return 2
    return 0 if action == STOP and has_reserved_place else 1


def is_full(occupied: int) -> bool:
    """`occupied`: messages that wait, and reserved places."""
    return occupied >= CAPACITY


def refuses_charging(occupied: int, full_stops_charging: bool) -> bool:
    return (full_stops_charging and is_full(occupied)) or occupied + 2 > MOST


def holds_back_status(waiting: int) -> bool:
    return waiting >= HELD_BACK_FROM


def make_room(items: Sequence[Item], reserved: int, worth: Worth, places: int, on_its_way: str = "") -> Room:
    """Whether a message may come in, and what gives way to it. `on_its_way`: the key that must stay."""
    occupied = len(items) + reserved
    if worth is Worth.BILLING and occupied + places > MOST:
        return Room(False)
    missing = occupied + places - CAPACITY
    if missing <= 0 or places == 0:
        return Room(True)
    given_way: list[str] = []
    movable = [item for item in items if item.key != on_its_way]
    for lower in (Worth.INFORMATIVE_STATUS, Worth.STATUS, Worth.METER_VALUES_WITHOUT_TRANSACTION):
        if lower <= worth:
            candidates = [item.key for item in movable if item.worth is lower]
            given_way += candidates[: max(0, missing - len(given_way))]
    left = [item for item in movable if item.worth is Worth.METER_VALUES] if worth >= Worth.METER_VALUES else []
    while len(given_way) < missing:
        thinned = _every_second(left)
        if not thinned:
            break
        given_way += thinned
        left = [item for item in left if item.key not in thinned]
    admitted = worth is Worth.BILLING or len(given_way) >= missing
    return Room(admitted, tuple(given_way) if admitted else ())


def _every_second(items: Sequence[Item]) -> dict[str, None]:
    """Keys, in order: of each transaction every second one; its first and its last stay."""
    seen: Counter[str] = Counter()
    total = Counter(item.transaction_id for item in items)
    chosen: dict[str, None] = {}
    for item in items:
        place = seen[item.transaction_id]
        seen[item.transaction_id] += 1
        if place % 2 == 1 and place < total[item.transaction_id] - 1:
            chosen[item.key] = None
    return chosen


class Turn(Enum):
    AUTHORIZE = "authorize"
    VOLATILE = "volatile"
    STATUS = "status"
    DURABLE = "durable"
    """Of class transaction or security."""


def next_turn(
    *,
    authorize: bool,
    volatile: bool,
    status_s: float | None,
    durable_s: float | None,
    online_since_s: float,
    durable_first: bool,
) -> Turn | None:
    """Whose turn it is. `status_s`, `durable_s`: since when (boot clock) the first of them waits; None = none is ready.

    OCPP 1.6 section 3.7: others may overtake transaction messages. A backlog from before the connection is overtaken;
    what happens while connected is told in its order. `durable_first`: a message of another class was not answered and
    the connection ended; until the durable ones are through, no other may end it again.
    """
    if authorize:
        return Turn.AUTHORIZE
    if durable_first and durable_s is not None:
        return Turn.DURABLE
    if volatile:
        return Turn.VOLATILE
    if status_s is None or durable_s is None:
        return Turn.STATUS if status_s is not None else Turn.DURABLE if durable_s is not None else None
    return Turn.DURABLE if online_since_s <= durable_s <= status_s else Turn.STATUS
