"""One CALL at a time on offer to `ocpp_link`, until its outcome is committed. It decides nothing: `policy` and below do.

The order of every step is the promise: the outcome and all that follows from it are committed, then the next offer is
said, then the outcome is settled, so that `ocpp_link` never holds an offer whose outcome it has forgotten.
"""

import logging
import math
from typing import NamedTuple

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.handover import REPEAT_S, Call, Complete, Report, Retry, heard
from bus.topics import QUEUE_FACT, QUEUE_OFFER, QUEUE_SETTLED
from schemas.message_queue import CallClass, Offer, QueueFact, Settled, StartAnswered, StopAnswered
from schemas.ocpp_link import CallOutcome, Outcome
from services.message_queue import answers, attempts, composing, numbering, policy
from services.message_queue.answers import Unreadable
from services.message_queue.attempts import Failure
from services.message_queue.crowd import Crowd
from services.message_queue.desk import Desk
from services.message_queue.events import Events
from services.message_queue.link import Link
from services.message_queue.message import AUTHORIZE, START, STATUS, STOP, Waiting
from services.message_queue.policy import Turn
from services.message_queue.status_book import Due
from services.message_queue.store import Given
from services.message_queue.volatile import Volatile
from services.store import StoreError

logger = logging.getLogger("message_queue")

NOTHING = Offer()


class OnOffer(NamedTuple):
    offer: Offer
    link_run: str
    """Of the `ocpp_link` it was first offered to."""
    due: Due | None = None
    """The status it tells."""


class Sending:
    def __init__(self, bus: Endpoint, crowd: Crowd, link: Link, desk: Desk, events: Events) -> None:
        self._bus = bus
        self._crowd = crowd
        self._store = crowd.store
        self._link = link
        self._desk = desk
        self._events = events
        self._on_offer: OnOffer | None = None
        self._not_before_s: dict[str, float] = {}
        self._durable_first = False
        self._say_again_s = 0.0

    @property
    def in_flight(self) -> str:
        return self._on_offer.offer.message_id if self._on_offer is not None else ""

    def start(self, now: Now) -> None:
        """Nothing is on offer. A message that failed before this start waits its whole interval again."""
        for one in self._store.waiting.values():
            if one.consumed:
                wait_s = attempts.wait_s(self._before(one), Outcome.ERROR, self._crowd.keys)
                self._not_before_s[one.message_id] = now.boot_s + wait_s
        self._say(NOTHING, now)

    @staticmethod
    def _before(one: Waiting) -> Waiting:
        """As it was at its last failure."""
        from dataclasses import replace

        return replace(one, attempt=max(1, one.attempt - 1))

    # offering

    def step(self, now: Now) -> float:
        """Offers what comes next, or the same again; returns when to come again at the latest (boot clock)."""
        if not self._link.online:
            self._withdraw(now)
            return math.inf
        if self._on_offer is None:
            self._offer_next(now)
        elif now.boot_s >= self._say_again_s:
            self._say(self._on_offer.offer, now)
        if self._on_offer is not None:
            return self._say_again_s
        return min((s for s in self._not_before_s.values() if s > now.boot_s), default=math.inf)

    def _withdraw(self, now: Now) -> None:
        """Without registration nothing is offered. What was sent has its outcome reported; the rest is chosen anew."""
        if self._on_offer is not None:
            due = self._on_offer.due
            self._on_offer, self._crowd.on_its_way = None, ""
            if due is not None:
                self._crowd.statuses.unanswered(due)
            self._say(NOTHING, now)

    def _offer_next(self, now: Now) -> None:
        chosen = self._choose(now)
        if chosen is None:
            if self._bus.latest(QUEUE_OFFER).body != NOTHING:
                self._say(NOTHING, now)
            return
        self._on_offer = chosen
        self._crowd.on_its_way = chosen.offer.message_id
        self._say(chosen.offer, now)

    def _say(self, offer: Offer, now: Now) -> None:
        self._say_again_s = now.boot_s + REPEAT_S
        self._bus.publish(QUEUE_OFFER, offer)

    def _choose(self, now: Now) -> OnOffer | None:
        crowd = self._crowd
        volatile = crowd.volatile.first(lambda each: self._may_go(each))
        statuses = crowd.statuses.waiting()
        durable = self._first_durable(now)
        if durable is None:
            self._durable_first = False
        turn = policy.next_turn(
            authorize=volatile is not None and volatile.action == AUTHORIZE,
            volatile=volatile is not None,
            status_s=statuses[0].queued_s if statuses else None,
            durable_s=crowd.queued_s.get(durable.message_id, 0.0) if durable is not None else None,
            online_since_s=self._link.online_since_s,
            durable_first=self._durable_first,
        )
        if turn in (Turn.AUTHORIZE, Turn.VOLATILE) and volatile is not None:
            return self._volatile(volatile)
        if turn is Turn.STATUS:
            return self._status(statuses[0])
        return self._durable(durable, now) if durable is not None and turn is Turn.DURABLE else None

    def _first_durable(self, now: Now) -> Waiting | None:
        """The head of its class, unless it waits for its next attempt: the classes do not wait for each other."""
        seen: set[CallClass] = set()
        for one in self._store.waiting.values():
            if one.call_class not in seen:
                if self._not_before_s.get(one.message_id, 0.0) <= now.boot_s:
                    return one
                seen.add(one.call_class)
            if len(seen) == 2:
                break
        return None

    def _may_go(self, message: Volatile) -> bool:
        return not message.transaction_id or self._backend_id(message.transaction_id) is not None

    def _backend_id(self, transaction_id: str) -> int | None:
        known = {name: begun.backend_id for name, begun in self._store.begun.items()}
        return numbering.backend_id(transaction_id, known, self._crowd.unsettled_starts())

    def _with_number(self, payload: str, transaction_id: str) -> str | None:
        number = self._backend_id(transaction_id)
        return None if number is None else numbering.filled_in(payload, number)

    def _volatile(self, message: Volatile) -> OnOffer | None:
        payload = message.payload
        if message.transaction_id:
            payload = self._with_number(payload, message.transaction_id) or payload
        offer = Offer(message_id=message.message_id, attempt=1, action=message.action, payload=payload)
        return OnOffer(offer, self._link.run_id)

    def _status(self, due: Due) -> OnOffer:
        body = composing.status_notification(due.connector, due.status, due.since_wall_s, due.triggered)
        offer = Offer(message_id=self._bus.new_id(), attempt=1, action=STATUS, payload=composing.text(body))
        return OnOffer(offer, self._link.run_id, due)

    def _durable(self, message: Waiting, now: Now) -> OnOffer | None:
        """None while it cannot be read, or noted that it may be on the wire."""
        if not self._store.may_try(now):
            return None
        try:
            payload = self.payload_to_send(message)
            if message.action == START and not message.offered:
                self._store.keep_offered(now, message)
                first_run = self._link.run_id
            else:
                # Offered by an earlier process, or to another link: this may be a repeat.
                first_run = self._first_runs.get(message.message_id, "")
        except StoreError as error:
            logger.warning("%s is not sent: %s", message.action, error)
            return None
        self._first_runs = {message.message_id: first_run}
        offer = Offer(
            message_id=message.message_id, attempt=message.attempt, action=message.action, payload=payload
        )
        return OnOffer(offer, first_run)

    _first_runs: dict[str, str] = {}
