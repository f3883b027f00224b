"""What the queue says of itself: its state, at every change but at most once a second, and its faults."""

import math

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.topics import FAULTS, QUEUE_STATUS
from schemas.base import ActiveFault, ActiveFaults
from schemas.message_queue import CallClass, QueueStatus
from services.message_queue.books.crowd import Crowd
from services.message_queue.listing import Listing
from services.message_queue.offering import Offering
from services.message_queue.rules import policy

SAY_AT_MOST_S = 1.0
FULL_FAULT = "message_queue_full"


class Voice:
    def __init__(self, bus: Endpoint, crowd: Crowd, offering: Offering, listing: Listing) -> None:
        self._bus = bus
        self._crowd = crowd
        self._store = crowd.store
        self._offering = offering
        self._listing = listing
        self._said: QueueStatus | None = None
        self._said_faults: ActiveFaults | None = None
        self._say_s = 0.0

    def step(self, now: Now) -> float:
        """Says what is due; returns when to come again at the latest (boot clock)."""
        self._say_faults()
        return self._say_status(now)

    def _say_status(self, now: Now) -> float:
        body = self._status(now)
        if body == self._said:
            return math.inf
        if now.boot_s < self._say_s:
            urgent = self._said is None or body.charging_refused != self._said.charging_refused
            if not urgent:
                return self._say_s
        self._said, self._say_s = body, now.boot_s + SAY_AT_MOST_S
        self._bus.publish(QUEUE_STATUS, body)
        return math.inf

    def _status(self, now: Now) -> QueueStatus:
        crowd = self._crowd
        durable = list(self._store.waiting.values())
        statuses, volatile = crowd.statuses.waiting(), crowd.volatile.all()
        notices = crowd.notices.waiting(now.boot_s)
        security = sum(one.call_class is CallClass.SECURITY for one in durable)
        times = [one.queued_wall_s for one in durable[:1]]
        times += [one.queued_wall_s for one in statuses[:1]] + [one.queued_wall_s for one in volatile[:1]]
        return QueueStatus(
            waiting=crowd.waiting + len(notices),
            transaction=len(durable) - security,
            security=security,
            status=len(statuses) + len(notices),
            volatile=len(volatile),
            capacity=policy.CAPACITY,
            oldest_wall_s=min(times, default=None),
            full=policy.is_full(crowd.occupied),
            charging_refused=crowd.charging_refused,
            status_held_back=crowd.holds_back_status,
            given_up=self._store.given_up,
            discarded=crowd.discarded,
            in_flight=self._offering.in_flight,
            waits_because=self._listing.why_waits(now),
        )

    def _say_faults(self) -> None:
        faults = []
        if self._store.trouble:
            faults.append(ActiveFault(code=self._store.fault_code, detail=self._store.trouble[:200]))
        if self._store.replaced:
            faults.append(ActiveFault(code="store_replaced", detail=self._store.replaced))
        if self._crowd.charging_refused:
            faults.append(ActiveFault(code=FULL_FAULT))
        body = ActiveFaults(faults=tuple(faults))
        if body != self._said_faults:
            self._said_faults = body
            self._bus.publish(FAULTS["message_queue"], body)
