"""Which StatusNotifications are due: per connector the present status against the last one the backend acknowledged.

Coalesced: only the latest status of a connector waits. Nothing is due that the backend knows already, so after a
reconnect only changes are told; after an accepted BootNotification it knows nothing, and all of 0..n are told.
`MinimumStatusDuration` (OCPP 1.6, 4.9): a status that lasts shorter is never told. Faulted is told at once, and so is
the first status after a start, another error of the same status, and what TriggerMessage asks for. Pure.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from services.message_queue.rules.composing import QUEUE_FULL_INFO, Status

FAULTED = "Faulted"


class Due(NamedTuple):
    connector: int
    status: Status
    since_wall_s: float
    """When the connector came to this status."""
    triggered: bool
    """Asked for by TriggerMessage: told even when it is known."""
    is_news: bool
    queued_s: float
    """Boot clock."""
    queued_wall_s: float


@dataclass
class _Page:
    present: Status | None = None
    since_wall_s: float = 0.0
    coming: tuple[Status, float, float] | None = None
    """A status that has not lasted long enough: since when (wall time), and when it has (boot clock)."""
    acknowledged: Status | None = None
    refused: Status | None = None
    """Answered with a CALLERROR: not sent again until it changes."""
    owed: tuple[Status, float] | None = None
    """"Message queue is full", held back: told even if it is over by then, so that its end arrives too."""
    triggered: bool = False
    queued: tuple[float, float] | None = None
    """Since when it waits (boot clock, wall time); None = it does not, also while it is held back."""


class StatusBook:
    def __init__(self, connectors: Iterable[int]) -> None:
        self._pages = {number: _Page() for number in (0, *connectors)}

    def known(self, acknowledged: Mapping[int, Status]) -> None:
        """What the backend knew before this start."""
        for number, status in acknowledged.items():
            if number in self._pages:
                self._pages[number].acknowledged = status

    def heard(self, connector: int, status: Status, wall_s: float, lasts_s: float = -math.inf) -> None:
        """`lasts_s`: when it will have lasted for `MinimumStatusDuration` (boot clock), if nothing else comes; minus
        infinity = at once."""
        page = self._pages.get(connector)
        if page is None:
            return
        if page.coming is not None and page.coming[0].status == status.status:
            page.coming = (status, *page.coming[1:])
            return
        page.coming = None
        if page.present == status:
            return
        at_once = page.present is None or status.status in (page.present.status, FAULTED)
        if at_once or math.isinf(lasts_s):
            self._take(page, status, wall_s)
        else:
            page.coming = (status, wall_s, lasts_s)

    def settle(self, now_s: float) -> float:
        """Takes what has lasted long enough; returns when the next one will have."""
        for page in self._pages.values():
            if page.coming is not None and now_s >= page.coming[2]:
                self._take(page, *page.coming[:2])
        return min((page.coming[2] for page in self._pages.values() if page.coming is not None), default=math.inf)

    def present(self, connector: int) -> Status | None:
        page = self._pages.get(connector)
        return page.present if page is not None else None

    def told(self, connector: int) -> Status | None:
        """What the backend knows of it."""
        page = self._pages.get(connector)
        return page.acknowledged if page is not None else None

    def _take(self, page: _Page, status: Status, wall_s: float) -> None:
        page.coming = None
        if page.present is not None and page.present.info == QUEUE_FULL_INFO and self._is_news(page):
            page.owed = (page.present, page.since_wall_s)
        page.present, page.since_wall_s, page.refused = status, wall_s, None

    def triggered(self, connectors: Iterable[int], now_s: float, wall_s: float) -> bool:
        """TriggerMessage; False when none of them has a status yet."""
        pages = [self._pages[number] for number in connectors if number in self._pages]
        known = [page for page in pages if page.present is not None]
        for page in known:
            if page.coming is not None:
                self._take(page, *page.coming[:2])
            page.triggered = True
            page.queued = page.queued or (now_s, wall_s)
        return bool(known)

    def registered(self) -> None:
        """After an accepted BootNotification the backend knows nothing."""
        for page in self._pages.values():
            page.acknowledged = page.refused = None

    def connected_again(self) -> None:
        """What was refused or not answered may be tried once more."""
        for page in self._pages.values():
            page.refused = None

    def queue(self, held_back: bool, now_s: float, wall_s: float) -> None:
        """Lets due statuses wait for their turn, unless they are held back; drops those no longer due."""
        for page in self._pages.values():
            if not self._is_due(page):
                page.queued = None
            elif page.queued is None and not held_back:
                page.queued = (now_s, wall_s)

    @staticmethod
    def _is_news(page: _Page) -> bool:
        return page.present not in (page.acknowledged, page.refused)

    def _is_due(self, page: _Page) -> bool:
        return page.present is not None and (page.triggered or page.owed is not None or self._is_news(page))

    def waiting(self) -> list[Due]:
        """In the order of their turns."""
        found = []
        for number, page in self._pages.items():
            if page.queued is not None and page.present is not None:
                status, since_wall_s = page.owed or (page.present, page.since_wall_s)
                is_news = status not in (page.acknowledged, page.refused)
                found.append(Due(number, status, since_wall_s, page.triggered, is_news, *page.queued))
        return sorted(found, key=lambda due: (due.queued_s, due.connector))

    def gave_way(self, connector: int) -> None:
        """Discarded for want of room; below the limit it is told if it is still news."""
        page = self._pages[connector]
        page.queued, page.triggered = None, False

    def answered(self, due: Due) -> None:
        """The backend knows it."""
        page = self._after(due)
        page.acknowledged = due.status

    def failed(self, due: Due) -> None:
        """CALLERROR: it will not become better by repeating."""
        page = self._after(due)
        page.refused = due.status

    def unanswered(self, due: Due) -> None:
        """The connection ended: what is still news is told on the next one."""
        page = self._pages[due.connector]
        page.queued, page.triggered = None, False

    def _after(self, due: Due) -> _Page:
        page = self._pages[due.connector]
        page.queued, page.triggered = None, False
        if page.owed is not None and page.owed[0] == due.status:
            page.owed = None
        return page
