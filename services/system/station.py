"""The service `system`: routes; boots, faults, events, clock and reboots are judged in the files beside this one."""

import logging
import math
from collections.abc import Callable, Iterable
from typing import Any

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.envelope import Received
from bus.topics import (
    FAULTS,
    HEARTBEATS,
    QUEUE_STATUS,
    SESSION_CONNECTOR,
    SYSTEM_BOOT,
    SYSTEM_CLOCK,
    SYSTEM_EVENT,
    SYSTEM_EVENTS,
    SYSTEM_FAULTS,
    SYSTEM_REBOOT,
    SYSTEM_RESET,
    SYSTEM_SET_CLOCK,
    Topic,
)
from schemas.base import Request
from schemas.session import SessionConnector
from schemas.system import BootReason, Event, Reset, StationClock, StationFaults
from services.endings import read_ending
from services.home import Home
from services.runner import Source
from services.store import StoreError
from services.system.asked import Asked
from services.system.boots import is_restart_of_this_service, judge
from services.system.events import History, boot_event, event
from services.system.faults import SYSTEM, FaultBook, Owned, own_faults
from services.system.patience import waits_for
from services.system.reboot import Reboot
from services.system.store import Present, SystemStore
from services.system.supervisor import Supervisor
from services.system.watch import Watch

HEARS: tuple[Topic[Any], ...] = (
    *FAULTS.values(),
    *(beat for owner, beat in HEARTBEATS.items() if owner != SYSTEM),
    SESSION_CONNECTOR,
    QUEUE_STATUS,
)
ASKS: tuple[Topic[Any], ...] = ()
RETRY_S = 5.0
KEEP_EVERY_S = 0.5
"""Faults that come and go in a frenzy do not wear the disk out."""

_logger = logging.getLogger("system")


class System:
    """`set_offset` tells this process' own clock; the others hear it on the bus."""

    def __init__(
        self,
        bus: Endpoint,
        *,
        home: Home,
        store: SystemStore,
        supervisor: Supervisor,
        start_id: str,
        set_offset: Callable[[float], None],
    ) -> None:
        self._bus = bus
        self._home = home
        self._store = store
        self._reboot = Reboot(home, supervisor)
        self._set_offset = set_offset
        self._kept = store.load()
        self._history = History(self._kept.events)
        self._asked = Asked(store, self._history, self._reboot, self._kept.offset)
        self._restarted = is_restart_of_this_service(start_id, self._kept.start)
        present = self._kept.present if self._restarted else Present()
        self._book = FaultBook(present.sources)
        self._watch = Watch(present.runs, bus.clock.now().boot_s)
        self._start_id = start_id
        self._replaced = store.replaced
        self._unkept = self._unforgotten = True
        self._next_keep_s = 0.0
        self._told_faults: StationFaults | None = None
        self._told_reset: BootReason | None = None
        self.settings_revision = 0

    def on_start(self, now: Now) -> None:
        self._publish_clock()
        now = self._bus.clock.now()
        for answered, until_s in self._kept.answers:
            self._bus.remember(answered, until_s)
        ending = read_ending(self._home)
        lost = self._replaced or str(self._store.trouble or "")
        self._start = judge(self._start_id, self._kept.start, ending, lost, now.wall_s)
        boot = self._start.boot()
        if self._restarted:
            self._add([event(now.wall_s, "service_restarted", "Service system restarted")])
            self._reboot.resume(ending, self._start, now.boot_s)
        else:
            self._add([boot_event(boot, now.wall_s)])
        if self._replaced:
            self._add([event(now.wall_s, "store_replaced", self._replaced)])
        self._keep(now)
        self._bus.publish(SYSTEM_BOOT, boot)
        self._bus.publish(SYSTEM_RESET, Reset())
        self._tell(now)

    def on_message(self, message: Received, now: Now) -> None:
        body = message.body
        if message.topic is HEARTBEATS.get(message.sender):
            self._hear_beat(message, now)
        elif message.topic is FAULTS.get(message.sender):
            self._report(message.sender, [(message.sender, fault) for fault in body.faults], now)
        elif message.topic in (SYSTEM_EVENT, SYSTEM_SET_CLOCK, SYSTEM_REBOOT) and now.boot_s < body.expires_s:
            self._answer(body, now)

    def on_time(self, now: Now) -> float:
        if self._unkept and now.boot_s >= self._next_keep_s:
            self._keep(now)
        self._prepare_reset()
        failed = self._reboot.on_time(now.boot_s)
        if failed:
            self._add([event(now.wall_s, "reboot_failed", f"Reboot failed: {failed}")])
        self._tell(now)
        keep_s = self._next_keep_s if self._unkept else math.inf
        return min(self._watch.next_s(now.boot_s), keep_s, self._reboot.next_s())

    def on_stop(self, now: Now) -> None:
        self._keep(now)
        self._store.close()

    def sources(self) -> Iterable[Source]:
        return ()

    def _prepare_reset(self) -> None:
        """Whoever has a transaction ends it with this reason; the reboot waits for that, within bounds."""
        pending = self._reboot.pending
        if pending is not self._told_reset:
            self._told_reset = pending
            self._bus.publish(SYSTEM_RESET, Reset(pending=pending))
        if pending is not None:
            self._reboot.waits_for = waits_for(pending, self._connectors(), self._bus.latest(QUEUE_STATUS).fresh)

    def _connectors(self) -> list[SessionConnector]:
        latest = [self._bus.latest(SESSION_CONNECTOR, key).fresh for key in self._bus.keys(SESSION_CONNECTOR)]
        return [connector for connector in latest if connector is not None]

    # hearing

    def _hear_beat(self, message: Received, now: Now) -> None:
        owner = message.sender
        self._unkept = self._unkept or self._watch.runs.get(owner) != message.run_id
        if self._watch.beat(owner, message.run_id, message.body.state, message.sent_s):
            self._add([event(now.wall_s, "service_restarted", f"Service {owner} restarted")])

    def _report(self, source: str, faults: Iterable[Owned], now: Now) -> None:
        self._add(self._book.report(source, faults, now.wall_s))

    def _add(self, events: list[Event]) -> None:
        for each in events:
            _logger.info("%s", each.text)
        self._history.add(events)
        self._unkept = self._unkept or bool(events)

    def _answer(self, request: Request, now: Now) -> None:
        before = self._asked.offset
        self._asked.running = waits_for(BootReason.WATCHDOG, self._connectors(), None)
        outcome, reason = self._asked.take(request, now.boot_s, now.wall_s)
        if self._asked.offset != before:
            self._publish_clock()
        self._bus.answer(request.request_id, outcome, reason)

    # keeping and saying

    def _keep(self, now: Now) -> None:
        present = Present(sources=self._book.sources(), runs=self._watch.runs)
        try:
            self._store.write(events=self._history.unkept(), start=self._start, present=present)
        except StoreError as error:
            _logger.warning("cannot write: %s; trying again every %g s", error, RETRY_S)
            self._next_keep_s = now.boot_s + RETRY_S
            return
        if self._unforgotten:
            self._unforgotten = False
            self._reboot.forget(self._start)
        self._history.kept()
        self._unkept = False
        self._next_keep_s = now.boot_s + KEEP_EVERY_S

    def _publish_clock(self) -> None:
        offset = self._asked.offset
        self._set_offset(offset.offset_s)
        self._bus.publish(SYSTEM_CLOCK, StationClock(offset_s=offset.offset_s, synchronized=offset.synchronized))

    def _tell(self, now: Now) -> None:
        trouble = str(self._store.trouble or "")
        self._report(SYSTEM, own_faults(trouble, self._replaced, self._watch.silent(now.boot_s)), now)
        faults = StationFaults(faults=self._book.shown())
        if faults != self._told_faults:
            self._told_faults = faults
            self._unkept = True
            self._bus.publish(SYSTEM_FAULTS, faults)
        if self._history.has_news():
            self._bus.publish(SYSTEM_EVENTS, self._history.latest())
