"""The history of events. Pure."""

from collections import deque
from collections.abc import Iterable, Sequence

from schemas.system import Boot, Event, EventHistory, RebootRequest

MOST_EVENTS = 500
MOST_SHOWN = 50
LONGEST_TEXT = 500
LONGEST_CODE = 64
HIGHEST_CONNECTOR = 99


class History:
    """The latest 500 events, and those of them that the store has not got yet."""

    def __init__(self, kept: Iterable[Event] = ()) -> None:
        self._events: deque[Event] = deque(kept, maxlen=MOST_EVENTS)
        self._unkept: deque[Event] = deque(maxlen=MOST_EVENTS)
        self._news = True

    def add(self, events: Sequence[Event], *, kept: bool = False) -> None:
        """`kept`: the store has them already."""
        self._events.extend(events)
        if not kept:
            self._unkept.extend(events)
        self._news = self._news or bool(events)

    def has_news(self) -> bool:
        """Since the last `latest`; true at first."""
        return self._news

    def unkept(self) -> Sequence[Event]:
        return tuple(self._unkept)

    def kept(self) -> None:
        """The store has all of them now."""
        self._unkept.clear()

    def latest(self) -> EventHistory:
        """Newest first."""
        self._news = False
        events = list(self._events)[-MOST_SHOWN:]
        return EventHistory(events=tuple(reversed(events)))


def event(wall_s: float, code: str, text: str, connector: int = 0) -> Event:
    """Bounded, whatever another service says."""
    number = connector if 0 <= connector <= HIGHEST_CONNECTOR else 0
    return Event(wall_s=wall_s, code=code[:LONGEST_CODE], text=text[:LONGEST_TEXT], connector=number)


def boot_event(boot: Boot, wall_s: float) -> Event:
    detail = f" ({boot.detail})" if boot.detail else ""
    return event(wall_s, "boot", f"Station started: {boot.reason}{detail}")


def reboot_event(request: RebootRequest, wall_s: float) -> Event:
    detail = f" ({request.detail})" if request.detail else ""
    return event(wall_s, "reboot", f"Reboot: {request.reason}{detail}")
