"""The whole station, whose `session`, `message_queue` and `ocpp_link` may die at any commit, publication or frame.

Every such call of the three is a `Point`, before and after it. A first, undisturbed run gives the list of points; a
second run, which is the same up to then, dies at one of them:

    points = trace_of(tmp_path / "undisturbed", drive)
    station = WalkStation(tmp_path / "killed")
    station.dies_at = place
    drive(station)
"""

import contextlib
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bus.topics import HEARTBEATS
from schemas.base import Message
from services.message_queue import station as message_queue
from services.message_queue.storage.store import opener as queue_opener
from services.runner import Context, Service, path_of_store
from services.session import station as session
from services.session.store import opener as session_opener
from services.store import Store
from tests.conformance.backend_station import RFID, BackendStation
from tests.virtual.charging_station import Cut, Status
from tests.virtual_cell import Process

RESTART_S = 0.4
"""supervisord needs so long for a new process."""
BEATS = frozenset(topic.name for topic in HEARTBEATS.values())


class Killed(BaseException):
    """The process is gone in the middle of whatever it did."""


class Point(NamedTuple):
    owner: str
    kind: str
    """commit, publish, send"""
    phase: str
    """before, after; "note" marks a place of the story."""
    name: str = ""
    """Of the topic."""
    body: Any = None
    """What was published, or the frame's text."""


class WalkStation(BackendStation):
    """`dies_at`: place in `points`. `victim`: who dies there instead of the one whose point it is."""

    def __init__(self, path: Path, **options: Any) -> None:
        self.points: list[Point] = []
        self.counting = False
        self.dies_at: int | None = None
        self.cuts_power = False
        self.victim = ""
        self.restart_after_s = RESTART_S
        self.deaths = 0
        self._restarts: dict[str, float] = {}
        self._at_work = ""
        super().__init__(path, **options)
        self.counting = True

    # dying

    def note(self, name: str) -> None:
        """A place of the story."""
        self.points.append(Point("", "note", "note", name))

    def point(self, point: Point) -> None:
        if not self.counting or self._at_work != point.owner:
            return
        self.points.append(point)
        if len(self.points) - 1 != self.dies_at:
            return
        self.deaths += 1
        if self.cuts_power:
            raise Cut
        if self.victim not in ("", point.owner):
            self.die(self.victim)
        else:
            raise Killed

    def die(self, owner: str) -> None:
        """kill -9; it starts again by itself."""
        if owner in self.processes:
            self.kill(owner)
        self.hub.leave(owner)
        self._restarts[owner] = self.clock.boot_s + self.restart_after_s

    def _turn(self, process: Process) -> None:
        owner = process.endpoint.owner
        if self.processes.get(owner) is not process:
            return
        self._at_work = owner
        try:
            super()._turn(process)
        except Killed:
            self.die(owner)
        finally:
            self._at_work = ""

    def power_cut(self) -> None:
        self._restarts.clear()
        super().power_cut()

    def _next_event_s(self) -> float:
        return min(super()._next_event_s(), *self._restarts.values(), math.inf)

    def _advance_world(self, now_s: float) -> int:
        for owner in [name for name, due_s in self._restarts.items() if due_s <= now_s]:
            del self._restarts[owner]
            self.start(owner)
        return super()._advance_world(now_s)

    def is_waiting(self) -> bool:
        return bool(self._restarts) or super().is_waiting()

    # the calls

    def _build_session(self, context: Context) -> Service:
        self._watch_bus(context)
        store = self._watched(session_opener(path_of_store(context, "session")), "session")
        return session.SessionService(context.bus, context.station, context.start_id, store)

    def _build_message_queue(self, context: Context) -> Service:
        self._watch_bus(context)
        store = self._watched(queue_opener(path_of_store(context, "message_queue")), "message_queue")
        return message_queue.MessageQueue(context.bus, context.station, context.start_id, store)

    def _build_ocpp_link(self, context: Context) -> Service:
        self._watch_bus(context)
        service = super()._build_ocpp_link(context)
        send = self.connection.send

        def watched_send(text: str) -> None:
            self.point(Point("ocpp_link", "send", "before", body=text))
            send(text)
            self.point(Point("ocpp_link", "send", "after", body=text))

        self.connection.send = watched_send  # type: ignore[method-assign]
        return service

    def _watch_bus(self, context: Context) -> None:
        bus, publish = context.bus, context.bus.publish

        def watched_publish(topic: Any, body: Message, *rest: Any, **named: Any) -> None:
            if topic.name in BEATS:
                publish(topic, body, *rest, **named)
                return
            self.point(Point(bus.owner, "publish", "before", topic.name, body))
            publish(topic, body, *rest, **named)
            self.point(Point(bus.owner, "publish", "after", topic.name, body))

        bus.publish = watched_publish  # type: ignore[method-assign]

    def _watched(self, open_store: Callable[[], Store], owner: str) -> Callable[[], Store]:
        def opened() -> Store:
            store = open_store()
            commit = store.commit

            @contextlib.contextmanager
            def watched_commit() -> Iterator[Any]:
                self.point(Point(owner, "commit", "before"))
                with commit() as connection:
                    yield connection
                self.point(Point(owner, "commit", "after"))

            store.commit = watched_commit  # type: ignore[method-assign]
            return store

        return opened


# the story


def drive(station: WalkStation) -> None:
    """One charge by a person who holds the card to the reader again when it had no effect."""
    station.plug_in()
    station.advance(1.0)
    station.note("card")
    if not station.bills():
        station.swipe_until(lambda: bool(station.bills()), RFID)
    station.until_current_flows(within_s=60.0)
    station.advance(2.5)
    finish(station)


def finish(station: WalkStation) -> None:
    """The card again, and off."""
    station.note("card to end")
    if not has_ended(station):
        station.swipe_until(lambda: has_ended(station), RFID)
    station.until_told_all()
    station.unplug()
    station.until_told(Status.AVAILABLE)
    station.until_told_all()


def has_ended(station: WalkStation) -> bool:
    bills = station.bills()
    return bool(bills) and all(bill.stopped is not None for bill in bills)


def one_right_charge(station: WalkStation) -> None:
    """One transaction, billed to the watt-hour, told once."""
    station.check()
    bill = station.bill()
    assert bill.stopped is not None
    assert (bill.started.meter_start_wh, bill.stopped.meter_stop_wh) == (0, station.register_wh())
    assert bill.stopped.meter_stop_measured
    assert len(station.sent("StartTransaction")) == len(station.sent("StopTransaction")) == 1
    assert station.fault_codes() == []


def trace_of(path: Path, story: Callable[[WalkStation], None], **options: Any) -> list[Point]:
    """The points of an undisturbed run."""
    station = WalkStation(path, **options)
    story(station)
    station.check()
    return station.points
