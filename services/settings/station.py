"""The service `settings`: keeps and says the value of every configuration key, and judges wishes to change some."""

import logging
import math
from collections.abc import Iterable
from typing import Any

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.envelope import Received
from bus.topics import (
    LINK_STATUS,
    SETTINGS_CHANGE,
    SETTINGS_CHANGE_SET,
    SETTINGS_EXPLAIN,
    SETTINGS_GET_CONFIGURATION,
    SETTINGS_HISTORY,
    SYSTEM_EVENT,
    SYSTEM_REBOOT,
    Topic,
)
from schemas.base import Answer
from schemas.settings import (
    ChangeSetRequest,
    ChangeSettingRequest,
    ExplainRequest,
    GetConfigurationRequest,
    HistoryRequest,
)
from schemas.station import Station
from schemas.system import EventRequest
from services.runner import Source
from services.settings import live
from services.settings.configuration import Configuration, TooManyKeys
from services.settings.desk import Desk
from services.settings.explain import NoSuchKey, layers
from services.settings.faces import find_face
from services.settings.factory import board_of, factory_values
from services.settings.fallback import Fallback
from services.settings.names import address, unknown
from services.settings.saying import Saying
from services.settings.store import SettingsStore, history_page
from services.settings.values import begin
from services.store import StoreError

HEARS: tuple[Topic[Any], ...] = (*live.TOPICS, LINK_STATUS)
ASKS: tuple[Topic[Any], ...] = (SYSTEM_EVENT, SYSTEM_REBOOT)
RETRY_S = 5.0
EVENT_S = 10.0

_logger = logging.getLogger("settings")


class Settings:
    """`station` is one that `factory.check_station` found right."""

    def __init__(self, bus: Endpoint, *, station: Station, store: SettingsStore, start_id: str) -> None:
        self._bus = bus
        self._store = store
        self._kept = store.load()
        values = begin(factory_values(station), board_of(station), self._kept.values, self._kept.at_start)
        if not start_id or start_id != self._kept.start_id:
            values = values.started()
        self._desk = Desk(
            values,
            store,
            start_id=start_id,
            revision=self._kept.revision + 1,
            orders=self._kept.actions,
            ids=bus.new_id,
        )
        self._saying = Saying(bus, self._desk, store, values.board.connectors)
        self._fallback = Fallback(bus, self._desk, store, self._say)
        self._configuration = Configuration(values.in_force, values.board.dictated, values.board.connectors)
        self.settings_revision = self._desk.revision
        self._retry_s = math.inf

    def on_start(self, now: Now) -> None:
        for answered, until_s in self._kept.answers:
            self._bus.remember(answered, until_s)
        self._write_start(now)
        if self._store.set_aside is not None:
            detail = f"{self._store.path.name} was unreadable and is kept as {self._store.set_aside.name}"
            self._saying.faults.show("store_replaced", detail, now.wall_s)
        for name in self._desk.values.unknown_stored:
            self._tell_of_unknown(name, now)
        self._saying.everything(now)

    def on_message(self, message: Received, now: Now) -> None:
        body = message.body
        if message.topic in (SETTINGS_CHANGE, SETTINGS_CHANGE_SET):
            if isinstance(body, ChangeSettingRequest | ChangeSetRequest):
                self._change(body, now)
        elif message.topic is SETTINGS_GET_CONFIGURATION and isinstance(body, GetConfigurationRequest):
            self._get_configuration(body)
        elif message.topic is SETTINGS_EXPLAIN and isinstance(body, ExplainRequest):
            self._explain(body)
        elif message.topic is SETTINGS_HISTORY and isinstance(body, HistoryRequest):
            self._history(body)

    def on_time(self, now: Now) -> float:
        if now.boot_s >= self._retry_s:
            self._write_start(now)
        self._saying.present_faults(now)
        return min(self._retry_s, self._saying.present_state(), self._fallback.on_time(now))

    def on_stop(self, now: Now) -> None:
        del now
        self._store.close()

    def sources(self) -> Iterable[Source]:
        return ()

    # requests

    def _change(self, request: ChangeSettingRequest | ChangeSetRequest, now: Now) -> None:
        if now.boot_s >= request.expires_s:
            return
        decision = self._desk.decide(request, now)
        if decision.failed:
            self._retry_s = now.boot_s + RETRY_S
        if decision.changed:
            self._say(now)
        told = decision.answered
        self._bus.answer(request.request_id, told.outcome, told.reason, values=told.values)

    def _get_configuration(self, request: GetConfigurationRequest) -> None:
        self._saying.present_state()
        try:
            lists = self._configuration.answer(request.keys, self._saying.live)
        except TooManyKeys as error:
            self._bus.answer(request.request_id, Answer.REJECTED, str(error))
            return
        self._bus.answer(request.request_id, Answer.ACCEPTED, values=lists)

    def _explain(self, request: ExplainRequest) -> None:
        self._saying.present_state()
        try:
            told = layers(self._desk.values, request.keys, self._saying.live)
        except NoSuchKey as error:
            self._bus.answer(request.request_id, Answer.NOT_SUPPORTED, str(error))
            return
        self._bus.answer(request.request_id, Answer.ACCEPTED, values={"places": told})

    def _history(self, request: HistoryRequest) -> None:
        face = find_face(request.key)
        found = address(face.key if face is not None else request.key) if request.key else None
        if request.key and found is None:
            self._bus.answer(request.request_id, Answer.NOT_SUPPORTED, unknown(request.key))
            return
        try:
            lines = self._store.audit(found.place if found is not None else "", request.before, request.most + 1)
        except StoreError as error:
            self._bus.answer(request.request_id, Answer.REJECTED, f"the audit trail cannot be read: {error}")
            return
        self._bus.answer(request.request_id, Answer.ACCEPTED, values=history_page(lines, request.most))

    def _say(self, now: Now) -> None:
        self.settings_revision = self._desk.revision
        self._configuration = self._configuration.after(self._desk.values.in_force)
        self._saying.everything(now)

    # keeping

    def _write_start(self, now: Now) -> None:
        self._retry_s = math.inf
        try:
            self._desk.begin()
        except StoreError as error:
            self._retry_s = now.boot_s + RETRY_S
            _logger.warning("cannot write: %s; trying again every %g s", error, RETRY_S)

    def _tell_of_unknown(self, name: str, now: Now) -> None:
        """Kept for the version that knows it; nobody can correct it here, so it is no fault."""
        self._bus.request(
            SYSTEM_EVENT,
            EventRequest(
                request_id=self._bus.new_id(),
                expires_s=now.boot_s + EVENT_S,
                code="setting_unknown",
                text=f"Stored setting {name[:64]} is not known to this version; it is kept and not used",
            ),
        )
