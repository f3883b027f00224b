"""The service `hmi`: passes cards on, and shows every connector's state by light and display."""

import logging
from collections.abc import Collection, Iterable
from typing import Any

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.envelope import Received
from bus.topics import (
    FAULTS,
    HMI_CARD,
    HMI_CONNECTOR,
    HMI_LIGHT_TEST,
    LINK_STATUS,
    METERING_READING,
    SAFETY_CONNECTOR,
    SESSION_CONNECTOR,
    SETTINGS_VALUES,
    SYSTEM_FAULTS,
    Topic,
)
from hardware.interfaces import PeopleBoard
from schemas.base import ActiveFaults, Answer
from schemas.hmi import HmiConnector
from schemas.metering import Quality
from services.hmi.backend import BackendWatch, is_on
from services.hmi.display import lines
from services.hmi.light_test import LightTest
from services.hmi.lights import LOOKS, pattern
from services.hmi.reader import CardGate, Refusal
from services.hmi.view import View

HEARS: tuple[Topic[Any], ...] = (
    SESSION_CONNECTOR,
    SAFETY_CONNECTOR,
    METERING_READING,
    SYSTEM_FAULTS,
    LINK_STATUS,
    SETTINGS_VALUES,
)
ASKS: tuple[Topic[Any], ...] = ()
SHOW_EVERY_S = 1.0
POLL_S = 0.25
"""For a board that cannot wake us: in one process with the site, or while its connection is away."""
TELL_EVERY_S = 10.0
"""Refused cards are told in the log at most so often: a reader gone mad must not fill it."""

_logger = logging.getLogger("hmi")


class Hmi:
    def __init__(self, bus: Endpoint, *, connectors: Collection[int], board: PeopleBoard) -> None:
        self._bus = bus
        self._connectors = tuple(connectors)
        self._board = board
        self._gate = CardGate(connectors)
        self._backend = BackendWatch()
        self._said: dict[int, HmiConnector] = {}
        self._show_s = 0.0
        self._test: LightTest | None = None
        self._refused: dict[Refusal, int] = {}
        self._tell_s = 0.0
        self.settings_revision = 0

    def on_start(self, now: Now) -> None:
        self._bus.publish(FAULTS["hmi"], ActiveFaults())
        self._show(now)

    def on_message(self, message: Received, now: Now) -> None:
        """Everything else heard is looked up in `on_time`, which follows."""
        if message.topic is SETTINGS_VALUES:
            self.settings_revision = message.body.revision
        elif message.topic is HMI_LIGHT_TEST:
            self._test = LightTest(now.boot_s)
            self._bus.answer(message.body.request_id, Answer.ACCEPTED)

    def on_time(self, now: Now) -> float:
        waits = self._board.fileno() >= 0
        if not waits:
            self._board.receive()
        self._take_cards(now)
        self._show(now)
        self._tell_refused(now)
        if self._test is not None:
            return self._show_test(self._test, now)
        return min(self._show_s, now.boot_s + (SHOW_EVERY_S if waits else POLL_S))

    def on_stop(self, now: Now) -> None:
        """Lights and display keep what they show last."""

    def sources(self) -> Iterable[PeopleBoard]:
        return (self._board,)

    def _take_cards(self, now: Now) -> None:
        for seen in self._board.reader.cards():
            taken = self._gate.take(seen, now.boot_s, self._bus.new_id())
            if isinstance(taken, Refusal):
                self._refused[taken] = self._refused.get(taken, 0) + 1
            else:
                self._bus.publish(HMI_CARD, taken)

    def _tell_refused(self, now: Now) -> None:
        self._refused.pop(Refusal.REPEATED, None)
        if self._refused and now.boot_s >= self._tell_s:
            self._tell_s = now.boot_s + TELL_EVERY_S
            for refusal, times in self._refused.items():
                _logger.warning("%d card readings refused: %s", times, refusal.value)
            self._refused.clear()

    def _show(self, now: Now) -> None:
        """Says what changed; drives the board at every change and once a second, because it may have been away."""
        again = now.boot_s >= self._show_s
        if again:
            self._show_s = now.boot_s + SHOW_EVERY_S
        backend_lost = self._backend_lost(now)
        for number in self._connectors:
            view = self._view(number, now)._replace(backend_lost=backend_lost)
            body = HmiConnector(connector=number, light=pattern(view), display=lines(view))
            if body != self._said.get(number):
                self._said[number] = body
                self._bus.publish(HMI_CONNECTOR, body, str(number))
            elif not again:
                continue
            self._board.indicator.show(number, LOOKS[body.light])
            self._board.display.show(number, body.display)

    def _show_test(self, test: LightTest, now: Now) -> float:
        light = test.light(now.boot_s)
        if light is None:
            self._test, self._show_s = None, now.boot_s
            return now.boot_s
        for number in self._connectors:
            self._board.indicator.show(number, light)
        return test.next_s(now.boot_s)

    def _view(self, number: int, now: Now) -> View:
        station = self._bus.latest(SYSTEM_FAULTS).body
        return View(
            session=self._bus.latest(SESSION_CONNECTOR, str(number)).fresh,
            safety=self._bus.latest(SAFETY_CONNECTOR, str(number)).fresh,
            faults=tuple(
                each for each in (station.faults if station is not None else ()) if each.fault.connector in (0, number)
            ),
            power_w=self._power_w(number),
            now_s=now.boot_s,
            wall_s=now.wall_s,
        )

    def _backend_lost(self, now: Now) -> bool:
        snapshot = self._bus.latest(SETTINGS_VALUES).body
        shown = snapshot is not None and is_on(snapshot.values.get("DisplayDisconnectAsError"))
        return self._backend.lost(self._bus.latest(LINK_STATUS).fresh, shown=shown, now_s=now.boot_s)

    def _power_w(self, number: int) -> float | None:
        said = self._bus.latest(METERING_READING, f"connector.{number}").fresh
        if said is None or said.quality is not Quality.GOOD or said.reading is None:
            return None
        return said.reading.power_w
