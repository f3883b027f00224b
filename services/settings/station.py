"""The service `settings`: keeps and says the value of every configuration key, and judges wishes to change one."""

import logging
import math
from collections.abc import Iterable
from typing import Any

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.envelope import Received
from bus.topics import (
    FAULTS,
    SAFETY_CONNECTOR,
    SETTINGS_CHANGE,
    SETTINGS_GET_CONFIGURATION,
    SETTINGS_LIVE,
    SETTINGS_SECRETS,
    SETTINGS_VALUES,
    SYSTEM_EVENT,
    SYSTEM_EVENTS,
    SYSTEM_FAULTS,
    Topic,
)
from schemas.base import Answer, Answered
from schemas.settings import (
    ChangeSettingRequest,
    GetConfigurationRequest,
    LiveValues,
    SecretValues,
    SettingsSnapshot,
)
from schemas.station import Station
from schemas.system import EventRequest
from services.runner import Source
from services.settings.configuration import TooManyKeys
from services.settings.configuration import answer as configuration
from services.settings.factory import board_of, factory_values
from services.settings.live import live_values
from services.settings.raised import RaisedFaults
from services.settings.store import Entry, SettingsStore
from services.settings.table import KEYS, Key
from services.settings.values import Change, Values, begin, change
from services.store import StoreError

HEARS: tuple[Topic[Any], ...] = (SAFETY_CONNECTOR, SYSTEM_FAULTS, SYSTEM_EVENTS)
ASKS: tuple[Topic[Any], ...] = (SYSTEM_EVENT,)
RETRY_S = 5.0
EVENT_S = 10.0
REMEMBER_S = 60.0
REDACTED = "***"

_logger = logging.getLogger("settings")


class Settings:
    """`station` is one that `factory.check_station` found right."""

    def __init__(self, bus: Endpoint, *, station: Station, store: SettingsStore, start_id: str) -> None:
        self._bus = bus
        self._store = store
        self._start_id = start_id
        self._kept = store.load()
        self._values: Values = begin(factory_values(station), board_of(station), self._kept.values, self._kept.at_start)
        if not start_id or start_id != self._kept.start_id:
            self._values = self._values.started()
        self.settings_revision = self._kept.revision + 1
        self._faults = RaisedFaults()
        self._live: dict[str, str] | None = None
        self._retry_s = math.inf

    def on_start(self, now: Now) -> None:
        for answered, until_s in self._kept.answers:
            self._bus.remember(answered, until_s)
        self._write_start(now)
        if self._store.set_aside is not None:
            detail = f"{self._store.path.name} was unreadable and is kept as {self._store.set_aside.name}"
            self._faults.show("store_replaced", detail, now.wall_s)
        for name in self._values.unknown_stored:
            self._tell_of_unknown(name, now)
        self._publish(now)

    def on_message(self, message: Received, now: Now) -> None:
        if message.topic is SETTINGS_CHANGE and isinstance(message.body, ChangeSettingRequest):
            self._change(message.body, now)
        elif message.topic is SETTINGS_GET_CONFIGURATION and isinstance(message.body, GetConfigurationRequest):
            self._get_configuration(message.body)

    def on_time(self, now: Now) -> float:
        if now.boot_s >= self._retry_s:
            self._write_start(now)
        self._publish_faults(now)
        return min(self._retry_s, self._publish_live())

    def on_stop(self, now: Now) -> None:
        del now
        self._store.close()

    def sources(self) -> Iterable[Source]:
        return ()

    def _get_configuration(self, request: GetConfigurationRequest) -> None:
        self._publish_live()
        in_force, dictated = self._values.in_force, self._values.board.dictated
        try:
            lists = configuration(request.keys, in_force, self._live or {}, dictated)
        except TooManyKeys as error:
            self._bus.answer(request.request_id, Answer.REJECTED, str(error))
            return
        self._bus.answer(request.request_id, Answer.ACCEPTED, values=lists)

    # changing

    def _change(self, request: ChangeSettingRequest, now: Now) -> None:
        wish = change(self._values, request.key, request.value, request.connector, request.source)
        if now.boot_s >= request.expires_s:
            return
        if wish.after is None or wish.key is None:
            self._bus.answer(request.request_id, wish.outcome, wish.reason)
            return
        try:
            self._keep(wish, wish.key, request, now)
        except StoreError as error:
            self._retry_s = now.boot_s + RETRY_S
            reason = f"nothing was changed: {error}. Free space in the station's home, or make it writable, and repeat"
            self._bus.answer(request.request_id, Answer.REJECTED, reason)
            return
        self._values = wish.after
        self.settings_revision += 1
        actor, source = request.actor[:100] or "somebody", request.source[:100] or "an unnamed way"
        _logger.info("%s changed by %s over %s", wish.key.name, actor, source)
        self._publish(now)
        self._bus.answer(request.request_id, wish.outcome, wish.reason)

    def _keep(self, wish: Change, key: Key, request: ChangeSettingRequest, now: Now) -> None:
        old, new = (REDACTED, REDACTED) if key.secret else (wish.old, wish.new)
        entry = Entry(now.wall_s, key.name, old, new, request.actor[:100], request.source[:100])
        answered = Answered(request_id=request.request_id, outcome=wish.outcome, reason=wish.reason)
        self._store.change(
            key.name, wish.new, self.settings_revision + 1, entry, answered, request.expires_s + REMEMBER_S
        )

    # saying

    def _publish(self, now: Now) -> None:
        in_force = self._values.in_force
        values = {name: text for name, text in in_force.items() if not KEYS[name].secret}
        secrets = {name: text for name, text in in_force.items() if KEYS[name].secret}
        self._bus.publish(
            SETTINGS_VALUES,
            SettingsSnapshot(revision=self.settings_revision, values=values, pending_reboot=self._values.pending),
        )
        self._bus.publish(SETTINGS_SECRETS, SecretValues(values=secrets))
        self._publish_faults(now)
        self._publish_live()

    def _publish_live(self) -> float:
        """Returns when the present state of the connector stops counting as known."""
        latest = self._bus.latest(SAFETY_CONNECTOR, "1")
        values = live_values(latest.fresh, self._bus.latest(SYSTEM_FAULTS).body, self._bus.latest(SYSTEM_EVENTS).body)
        if values != self._live:
            self._live = values
            self._bus.publish(SETTINGS_LIVE, LiveValues(values=values))
        silence_s = SAFETY_CONNECTOR.silence_s
        return math.inf if latest.fresh is None or silence_s is None else latest.sent_s + silence_s + 0.001

    def _publish_faults(self, now: Now) -> None:
        rejected = "; ".join(self._values.rejected.values())
        self._faults.show("settings_rejected", rejected, now.wall_s)
        trouble = str(self._store.trouble or "")
        read_only = "readonly" in trouble or "read-only" in trouble
        self._faults.show("disk_read_only", trouble if read_only else "", now.wall_s)
        self._faults.show("disk_full", "" if read_only else trouble, now.wall_s)
        if self._faults.changed:
            self._bus.publish(FAULTS["settings"], self._faults.told())

    # keeping

    def _write_start(self, now: Now) -> None:
        self._retry_s = math.inf
        try:
            self._store.begin(self._start_id, self._values.at_start, self.settings_revision)
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
