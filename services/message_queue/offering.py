"""One CALL at a time on offer to `ocpp_link`. Whose turn it is says `policy`; this knows where each is kept."""

import logging
import math
from typing import Any, NamedTuple

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.handover import REPEAT_S
from bus.topics import QUEUE_OFFER
from schemas.message_queue import CallClass, Offer
from services.message_queue.books.crowd import Crowd
from services.message_queue.books.notice_book import Telling
from services.message_queue.books.status_book import Due
from services.message_queue.books.volatile import Volatile
from services.message_queue.keys import BEFORE_SETTINGS
from services.message_queue.link import Link
from services.message_queue.rules import attempts, composing, numbering, policy
from services.message_queue.rules.message import AUTHORIZE, START, STATUS, Waiting
from services.message_queue.rules.policy import Turn
from services.store import StoreError

logger = logging.getLogger("message_queue")

NOTHING = Offer()
RETRY_READING_S = 1.0
SETTINGS_PATIENCE_S = 10.0


class OnOffer(NamedTuple):
    offer: Offer
    due: Due | None = None
    """The status it tells."""
    telling: Telling | None = None
    """The error or informative message it tells."""


class Offering:
    def __init__(self, bus: Endpoint, crowd: Crowd, link: Link) -> None:
        self.on_offer: OnOffer | None = None
        self.not_before_s: dict[str, float] = {}
        """Boot clock by message id: when a message that failed is tried again."""
        self.durable_first = False
        """See `policy.next_turn`."""
        self._bus = bus
        self._crowd = crowd
        self._store = crowd.store
        self._link = link
        self._first_run: dict[str, str] = {}
        """The run of `ocpp_link` that a StartTransaction was first offered to by this process."""
        self._say_again_s = 0.0

    def begin(self, now: Now) -> None:
        """Nothing is on offer after a start."""
        self._say(NOTHING, now)

    def wait_again(self, now: Now) -> None:
        """A message that failed before this start waits its whole interval again, once that has been heard."""
        for one in self._store.waiting.values():
            if one.consumed:
                wait_s = SETTINGS_PATIENCE_S
                if self._crowd.keys is not BEFORE_SETTINGS:
                    wait_s = attempts.wait_before_s(one.attempt - 1, self._crowd.keys)
                self.not_before_s[one.message_id] = now.boot_s + wait_s

    @property
    def in_flight(self) -> str:
        return self.on_offer.offer.message_id if self.on_offer is not None else ""

    def step(self, now: Now) -> float:
        """Offers what comes next, or the same again; returns when to come again at the latest (boot clock)."""
        if not self._link.online:
            self._withdraw(now)
            return math.inf
        if self.on_offer is None:
            self._offer_next(now)
        elif now.boot_s >= self._say_again_s:
            self._say(self.on_offer.offer, now)
        if self.on_offer is not None:
            return self._say_again_s
        if self._store.waiting and not self._store.may_try(now):
            return now.boot_s + RETRY_READING_S
        return min((s for s in self.not_before_s.values() if s > now.boot_s), default=math.inf)

    def ended(self, message_id: str, attempt: int, now: Now) -> None:
        """Its outcome is committed: the next one is offered before this one is settled."""
        if self.on_offer is not None and self.in_flight == message_id and self.on_offer.offer.attempt <= attempt:
            self.on_offer, self._crowd.on_its_way = None, ""
            if self._link.online:
                self._offer_next(now)
            else:
                self._say(NOTHING, now)

    def forget(self, message_id: str) -> None:
        """It has left the queue."""
        self.not_before_s.pop(message_id, None)
        self._first_run.pop(message_id, None)
        self._crowd.queued_s.pop(message_id, None)

    def may_be_repeat(self, message: Waiting, attempt: int, link_run: str) -> bool:
        """Whether the backend may have had this StartTransaction before the one it answered."""
        return attempt > 1 or self._first_run.get(message.message_id) != link_run

    def payload_to_send(self, message: Waiting) -> str | None:
        """None: its StartTransaction is not settled. Raises StoreError."""
        payload = self._store.payload(message)
        if not message.transaction_id or message.action == START or numbering.is_filled_in(payload):
            return payload
        return self._with_number(payload, message.transaction_id)

    # inside

    def _withdraw(self, now: Now) -> None:
        """Without registration nothing is offered. What was sent has its outcome reported; the rest is chosen anew."""
        if self.on_offer is not None:
            due = self.on_offer.due
            self.on_offer, self._crowd.on_its_way = None, ""
            if due is not None:
                self._crowd.statuses.unanswered(due)
            self._say(NOTHING, now)

    def _offer_next(self, now: Now) -> None:
        chosen = self._choose(now)
        if chosen is not None:
            self.on_offer = chosen
            self._crowd.on_its_way = chosen.offer.message_id
            self._say(chosen.offer, now)
        elif self._bus.latest(QUEUE_OFFER).body != NOTHING:
            self._say(NOTHING, now)

    def _say(self, offer: Offer, now: Now) -> None:
        self._say_again_s = now.boot_s + REPEAT_S
        self._bus.publish(QUEUE_OFFER, offer)

    def _choose(self, now: Now) -> OnOffer | None:
        crowd = self._crowd
        crowd.volatile.drop(self._is_orphan)
        volatile = crowd.volatile.first(self._may_go)
        crowd.queue_statuses(now)
        statuses = crowd.statuses.waiting()
        notices = [] if crowd.holds_back_status else crowd.notices.waiting(now.boot_s)
        durable = self._first_durable(now)
        self.durable_first = self.durable_first and durable is not None
        turn = policy.next_turn(
            authorize=volatile is not None and volatile.action == AUTHORIZE,
            volatile=volatile is not None,
            status_s=min(
                [*(due.queued_s for due in statuses[:1]), *(due.queued_s for due in notices[:1])], default=None
            ),
            durable_s=crowd.queued_s.get(durable.message_id, 0.0) if durable is not None else None,
            online_since_s=self._link.online_since_s,
            durable_first=self.durable_first,
        )
        if turn in (Turn.AUTHORIZE, Turn.VOLATILE) and volatile is not None:
            return self._volatile(volatile)
        if turn is Turn.STATUS:
            return self._status(statuses[0]) if statuses else self._notice(notices[0])
        return self._durable(durable, now) if turn is Turn.DURABLE and durable is not None else None

    def _first_durable(self, now: Now) -> Waiting | None:
        """The head of its class, unless it waits for its next attempt: the two classes do not wait for each other."""
        waiting_heads: set[CallClass] = set()
        for one in self._store.waiting.values():
            if one.call_class in waiting_heads:
                continue
            if self.not_before_s.get(one.message_id, 0.0) <= now.boot_s:
                return one
            waiting_heads.add(one.call_class)
        return None

    def _may_go(self, message: Volatile) -> bool:
        return not message.transaction_id or self._with_number(message.payload, message.transaction_id) is not None

    def _is_orphan(self, message: Volatile) -> bool:
        """MeterValues whose transaction is over for the backend."""
        name = message.transaction_id
        return bool(name) and name not in self._store.begun and name not in self._crowd.unsettled_starts()

    def _with_number(self, payload: str, transaction_id: str) -> str | None:
        begun = self._store.begun.get(transaction_id)
        known = {} if begun is None else {transaction_id: begun.backend_id}
        number = numbering.backend_id(transaction_id, known, self._crowd.unsettled_starts())
        return None if number is None else numbering.filled_in(payload, number)

    def _volatile(self, message: Volatile) -> OnOffer:
        payload: str | None = message.payload
        if message.transaction_id:
            payload = self._with_number(message.payload, message.transaction_id)
        offer = Offer(message_id=message.message_id, attempt=1, action=message.action, payload=payload or "")
        return OnOffer(offer)

    def _status(self, due: Due) -> OnOffer:
        body = composing.status_notification(due.connector, due.status, due.since_wall_s, due.triggered)
        offer = Offer(message_id=self._bus.new_id(), attempt=1, action=STATUS, payload=composing.text(body))
        return OnOffer(offer, due)

    def _notice(self, telling: Telling) -> OnOffer | None:
        body = notice_body(self._crowd, telling)
        if body is None:
            return None
        return OnOffer(
            Offer(message_id=self._bus.new_id(), attempt=1, action=STATUS, payload=composing.text(body)),
            telling=telling,
        )

    def _durable(self, message: Waiting, now: Now) -> OnOffer | None:
        """None while it cannot be read, or while it cannot be noted that it may be on the wire."""
        if not self._store.may_try(now):
            return None
        try:
            payload = self.payload_to_send(message)
            if message.action == START and not message.offered:
                self._store.keep_offered(now, message)
                self._first_run[message.message_id] = self._link.run_id
        except StoreError as error:
            logger.warning("%s is not sent: %s", message.action, error)
            return None
        if payload is None:
            return None
        offer = Offer(message_id=message.message_id, attempt=message.attempt, action=message.action, payload=payload)
        return OnOffer(offer)


def notice_body(crowd: Crowd, telling: Telling) -> dict[str, Any] | None:
    """StatusNotification.req; None while the connector has no status to say it with."""
    status = crowd.statuses.present(telling.connector)
    if status is None:
        return None
    return composing.error_notification(
        telling.connector,
        status,
        error_code=telling.error_code,
        info=telling.info,
        vendor_error_code=telling.vendor_error_code,
        at_wall_s=telling.at_wall_s,
        vendor=crowd.keys.vendor,
    )
