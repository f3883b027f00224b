"""Everything that waits, wherever it is kept: durable messages, statuses, volatile ones. Counts them and makes room."""

import math

from bus.clock import Now
from schemas.base import Notice
from schemas.session import SessionConnector, SessionStation
from schemas.system import StationFaults
from services.message_queue.books.notice_book import NoticeBook
from services.message_queue.books.status_book import Due, StatusBook
from services.message_queue.books.volatile import Volatile, VolatileBook
from services.message_queue.keys import BEFORE_SETTINGS, Keys
from services.message_queue.rules import policy
from services.message_queue.rules.composing import status_of, without_error
from services.message_queue.rules.message import START, STOP, Waiting
from services.message_queue.rules.policy import Item, Room, Worth
from services.message_queue.storage.store import QueueStore

_STATUS_KEY = "status of connector "


class Crowd:
    def __init__(self, store: QueueStore, statuses: StatusBook) -> None:
        self.store = store
        self.statuses = statuses
        self.notices = NoticeBook(statuses)
        """They take no place: their number is bounded, and nothing gives way to them."""
        self.volatile = VolatileBook()
        self.keys: Keys = BEFORE_SETTINGS
        self.on_its_way = ""
        """OCPP message id of what is offered to `ocpp_link`: it never gives way."""
        self.discarded = 0
        """Messages that gave way since this process started."""
        self.queued_s: dict[str, float] = {}
        """Boot clock by message id, of what was queued by this process."""

    # counting

    @property
    def waiting(self) -> int:
        return len(self.store.waiting) + len(self.statuses.waiting()) + len(self.volatile.all())

    def reserved(self) -> set[str]:
        stream = self.store.current_stream
        begun = (one.transaction_id for one in self.store.begun.values() if one.stream == stream)
        return policy.reserved_stops(self.store.waiting.values(), begun, stream)

    @property
    def occupied(self) -> int:
        return self.waiting + len(self.reserved())

    @property
    def charging_refused(self) -> bool:
        return policy.refuses_charging(self.occupied, self.keys.full_stops_charging)

    @property
    def holds_back_status(self) -> bool:
        """From 70 messages on."""
        return policy.holds_back_status(self.waiting)

    def queue_statuses(self, now: Now) -> float:
        """Lets those that are news wait for their turn, unless they are held back or there is nobody to tell; returns
        when there may be others (boot clock)."""
        settled_s = self.statuses.settle(now.boot_s)
        self.statuses.queue(self.holds_back_status or not self.keys.backend, now.boot_s, now.wall_s)
        return min(settled_s, self.notices.next_s(now.boot_s))

    def heard_status(self, connector: int, said: SessionConnector | SessionStation, wall_s: float, now: Now) -> None:
        status = status_of(said.status, said.error_code, said.info, said.fault)
        if status is None:
            return
        if not self.keys.errors:
            status = without_error(status)
        lasts_s = now.boot_s + self.keys.minimum_status_s if self.keys.minimum_status_s else -math.inf
        self.statuses.heard(connector, status, wall_s, lasts_s)

    def hear_faults(self, said: StationFaults, now: Now) -> None:
        self.notices.heard_faults(said.faults, now.boot_s, now.wall_s)

    def hear_notice(self, said: Notice, now: Now) -> None:
        self.notices.heard(said, now.boot_s, now.wall_s)

    def obey(self, keys: Keys) -> None:
        self.keys = keys
        self.notices.errors, self.notices.informative = keys.backend and keys.errors, keys.backend and keys.informative

    def unsettled_starts(self) -> set[str]:
        return {one.transaction_id for one in self.store.waiting.values() if one.action == START}

    # room

    def room_for(self, action: str, transaction_id: str) -> Room:
        """For a message of a transaction, a security event, or MeterValues without one."""
        worth = policy.worth_of(action, bool(transaction_id))
        if worth is None:
            return Room(self.volatile.requests() < policy.MOST_REQUESTS)
        reserved = self.reserved()
        places = policy.places_needed(action, action == STOP and transaction_id in reserved)
        if self.waiting + len(reserved) + places <= policy.CAPACITY:
            return Room(True)
        return policy.make_room(self._items(), len(reserved), worth, places, self.on_its_way)

    def gave_way(self, keys: tuple[str, ...]) -> None:
        """After the commit that took the durable ones among them away."""
        self.discarded += len(keys)
        for key in keys:
            if key.startswith(_STATUS_KEY):
                self.statuses.gave_way(int(key.removeprefix(_STATUS_KEY)))
            self.volatile.remove(key)
            self.queued_s.pop(key, None)

    def _items(self) -> list[Item]:
        return [
            *(_status_item(due) for due in self.statuses.waiting()),
            *(_item(one) for one in self.volatile.all()),
            *(_item(one) for one in self.store.waiting.values()),
        ]


def _status_item(due: Due) -> Item:
    known = due.triggered and not due.is_news
    return Item(f"{_STATUS_KEY}{due.connector}", Worth.INFORMATIVE_STATUS if known else Worth.STATUS)


def _item(one: Waiting | Volatile) -> Item:
    worth = policy.worth_of(one.action, bool(one.transaction_id)) or Worth.BILLING
    return Item(one.message_id, worth, one.transaction_id)
