"""The queue for people: rows of what waits and of what was given up, in pages that fit the bus."""

from collections.abc import Iterator

import msgspec

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.topics import QUEUE_PAGE
from schemas.base import Answer
from schemas.message_queue import Attempt, CallClass, QueueListRequest, QueuePage, QueueRow
from services.message_queue.books.crowd import Crowd
from services.message_queue.link import Link
from services.message_queue.offering import Offering, notice_body
from services.message_queue.rules import composing
from services.message_queue.rules.message import STATUS, Waiting
from services.store import StoreError

ROWS_PER_PAGE = 50
LARGEST_PAGE = 150_000
"""Bytes of rows; a frame of the bus is at most 256 KiB."""
MOST_LISTED = 10_000
NEXT_ATTEMPT = "tried again"


class Listing:
    def __init__(self, bus: Endpoint, crowd: Crowd, link: Link, offering: Offering) -> None:
        self._bus = bus
        self._crowd = crowd
        self._link = link
        self._offering = offering

    def answer(self, request: QueueListRequest, now: Now) -> None:
        if now.boot_s >= request.expires_s:
            return
        try:
            rows = self._rows(request, now)
        except StoreError as error:
            self._bus.answer(request.request_id, Answer.REJECTED, f"the queue cannot be read: {error}")
            return
        if request.message_id and not rows:
            words = f"no message {request.message_id}; `chargectl queue ls` shows those that wait"
            self._bus.answer(request.request_id, Answer.REJECTED, words)
            return
        pages = list(_pages(rows))
        for number, page in enumerate(pages, 1):
            body = QueuePage(request_id=request.request_id, page=number, pages=len(pages), rows=tuple(page))
            self._bus.publish(QUEUE_PAGE, body)
        self._bus.answer(request.request_id, Answer.ACCEPTED, values={"pages": str(len(pages)), "rows": str(len(rows))})

    def why_waits(self, now: Now) -> str:
        """Of the first durable message; empty when none waits or it is on its way."""
        first = next(iter(self._crowd.store.waiting.values()), None)
        if first is None or first.message_id == self._offering.in_flight:
            return ""
        why = self._why(first, now, is_head=True)
        # The rest of a wait changes all the time: it is shown with the message.
        return "waits for its next attempt" if why.startswith(NEXT_ATTEMPT) else why

    # inside

    def _rows(self, request: QueueListRequest, now: Now) -> list[QueueRow]:
        if request.message_id:
            found = [*self._waiting(now, True, request.message_id), *self._given_up(True, request.message_id)]
            return found[:1]
        return list(self._given_up(request.whole) if request.given_up else self._waiting(now, request.whole))

    def _waiting(self, now: Now, whole: bool, only: str = "") -> Iterator[QueueRow]:
        """In the order of sending, as far as it is known: who overtakes comes first."""
        for volatile in self._crowd.volatile.all():
            if not only or volatile.message_id == only:
                yield QueueRow(
                    message_id=volatile.message_id,
                    call_class=CallClass.VOLATILE,
                    action=volatile.action,
                    connector=volatile.connector,
                    transaction_id=volatile.transaction_id,
                    queued_wall_s=volatile.queued_wall_s,
                    attempts=0,
                    waits_because=self._on_its_way(volatile.message_id) or self._link.why_not or "others are first",
                    payload=volatile.payload if whole else "",
                )
        if not only:
            yield from self._statuses(whole)
            yield from self._notices(whole, now)
        seen: set[CallClass] = set()
        for one in list(self._crowd.store.waiting.values())[:MOST_LISTED]:
            if not only or one.message_id == only:
                yield self._row(one, self._why(one, now, is_head=one.call_class not in seen), whole)
            seen.add(one.call_class)

    def _statuses(self, whole: bool) -> Iterator[QueueRow]:
        on_offer = self._offering.on_offer
        for due in self._crowd.statuses.waiting():
            is_offered = on_offer is not None and on_offer.due is not None and on_offer.due.connector == due.connector
            body = composing.status_notification(due.connector, due.status, due.since_wall_s, due.triggered)
            yield QueueRow(
                message_id=on_offer.offer.message_id if on_offer is not None and is_offered else "",
                call_class=CallClass.STATUS,
                action=STATUS,
                connector=due.connector,
                transaction_id="",
                queued_wall_s=due.queued_wall_s,
                attempts=0,
                waits_because="on its way" if is_offered else self._link.why_not or "others are first",
                payload=composing.text(body) if whole else "",
            )

    def _notices(self, whole: bool, now: Now) -> Iterator[QueueRow]:
        on_offer = self._offering.on_offer
        for telling in self._crowd.notices.waiting(now.boot_s):
            is_offered = on_offer is not None and on_offer.telling == telling
            body = notice_body(self._crowd, telling)
            yield QueueRow(
                message_id=on_offer.offer.message_id if on_offer is not None and is_offered else "",
                call_class=CallClass.STATUS,
                action=STATUS,
                connector=telling.connector,
                transaction_id="",
                queued_wall_s=telling.queued_wall_s,
                attempts=0,
                waits_because="on its way" if is_offered else self._link.why_not or "others are first",
                payload=composing.text(body) if whole and body is not None else "",
            )

    def _row(self, one: Waiting, why: str, whole: bool) -> QueueRow:
        """Raises StoreError."""
        payload = self._offering.payload_to_send(one) or self._crowd.store.payload(one) if whole else ""
        return self._durable_row(one, why, payload, whole)

    def _given_up(self, whole: bool, only: str = "") -> Iterator[QueueRow]:
        for given in self._crowd.store.given_up_messages(MOST_LISTED):
            if not only or given.message.message_id == only:
                yield self._durable_row(given.message, "given up", given.payload if whole else "", whole)

    def _durable_row(self, one: Waiting, why: str, payload: str, whole: bool) -> QueueRow:
        failures = self._crowd.store.attempts(one.message_id) if whole else []
        return QueueRow(
            message_id=one.message_id,
            call_class=one.call_class,
            action=one.action,
            connector=one.connector,
            transaction_id=one.transaction_id,
            queued_wall_s=one.queued_wall_s,
            attempts=one.consumed,
            waits_because=why,
            payload=payload,
            history=tuple(
                Attempt(number=each.number, ended_wall_s=each.ended_wall_s, outcome=each.outcome, detail=each.detail)
                for each in failures
            ),
        )

    def _on_its_way(self, message_id: str) -> str:
        return "on its way" if message_id == self._offering.in_flight else ""

    def _why(self, one: Waiting, now: Now, *, is_head: bool) -> str:
        if one.message_id == self._offering.in_flight:
            return "on its way"
        if self._link.why_not:
            return self._link.why_not
        wait_s = self._offering.not_before_s.get(one.message_id, 0.0) - now.boot_s
        if wait_s > 0.0:
            return f"{NEXT_ATTEMPT} in {wait_s:.0f} s"
        if self._crowd.store.trouble:
            return f"nothing can be stored: {self._crowd.store.trouble}"[:200]
        return "others are first" if is_head else "waits for the messages before it"


def _pages(rows: list[QueueRow]) -> Iterator[list[QueueRow]]:
    page: list[QueueRow] = []
    size = 0
    for row in rows:
        row_size = len(msgspec.msgpack.encode(row))
        if page and (len(page) == ROWS_PER_PAGE or size + row_size > LARGEST_PAGE):
            yield page
            page, size = [], 0
        page.append(row)
        size += row_size
    if page:
        yield page
