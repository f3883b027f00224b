"""The message queue: takes each message of the bus to the part it concerns. It decides nothing."""

import logging
import math
from collections.abc import Callable, Iterable
from typing import Any

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.envelope import Received
from bus.topics import (
    LINK_OUTCOME,
    LINK_STATUS,
    NOTICES,
    QUEUE_AUTHORIZE,
    QUEUE_LIST,
    QUEUE_SEND,
    QUEUE_TRIGGER_STATUS,
    SESSION_ACKNOWLEDGED,
    SESSION_CONNECTOR,
    SESSION_FACT,
    SESSION_STATION,
    SETTINGS_VALUES,
    SYSTEM_EVENT,
    SYSTEM_FAULTS,
    Topic,
)
from schemas.base import Answered
from schemas.settings import SettingsSnapshot
from schemas.station import Station
from services.message_queue.books.crowd import Crowd
from services.message_queue.books.status_book import StatusBook
from services.message_queue.desk import Desk
from services.message_queue.events import Events
from services.message_queue.facts import Facts
from services.message_queue.intake import Intake
from services.message_queue.keys import BEFORE_SETTINGS, read_keys
from services.message_queue.link import Link
from services.message_queue.listing import Listing
from services.message_queue.offering import Offering
from services.message_queue.outcomes import Outcomes
from services.message_queue.storage.store import QueueStore
from services.message_queue.voice import Voice
from services.opening import OpenStore
from services.runner import Source
from services.store import StoreError

_SESSION = (SESSION_FACT, SESSION_ACKNOWLEDGED, SESSION_CONNECTOR, SESSION_STATION)
HEARS = (*_SESSION, *NOTICES.values(), SYSTEM_FAULTS, LINK_STATUS, LINK_OUTCOME, SETTINGS_VALUES)
ASKS = (SYSTEM_EVENT,)
PROBE_S = 5.0
"""While nothing can be stored, how often a commit is tried."""

logger = logging.getLogger("message_queue")


class MessageQueue:
    """`open_store`: see `store.opener`."""

    def __init__(self, bus: Endpoint, station: Station, start_id: str, open_store: OpenStore) -> None:
        self.settings_revision = 0
        self._bus = bus
        self._store = QueueStore(open_store, start_id, bus.new_id)
        self._connectors = tuple(station.connectors)
        self._crowd = Crowd(self._store, StatusBook(self._connectors))
        self._link = Link(bus)
        self._events = Events(bus)
        self._facts = Facts(bus, self._store)
        self._desk = Desk(bus, self._crowd, self._link, self._connectors)
        self._offering = Offering(bus, self._crowd, self._link)
        self._intake = Intake(bus, self._crowd, self._events)
        self._outcomes = Outcomes(bus, self._crowd, self._offering, self._desk, self._facts, self._events)
        self._listing = Listing(bus, self._crowd, self._link, self._offering)
        self._voice = Voice(bus, self._crowd, self._offering, self._listing)
        self._session_run = ""
        self._loaded = False
        self._probe_s = 0.0
        self._taken: dict[Topic[Any], Callable[[Any, Now], None]] = {
            SETTINGS_VALUES: self._hear_settings,
            SYSTEM_FAULTS: self._crowd.hear_faults,
            **dict.fromkeys(NOTICES.values(), self._crowd.hear_notice),
            QUEUE_AUTHORIZE: self._desk.authorize,
            QUEUE_SEND: self._desk.send,
            QUEUE_TRIGGER_STATUS: self._desk.trigger_status,
            QUEUE_LIST: self._listing.answer,
        }

    def on_start(self, now: Now) -> None:
        self._offering.begin(now)
        self._load(now)
        self._voice.step(now)

    def on_message(self, message: Received, now: Now) -> None:
        topic, body = message.topic, message.body
        if topic in _SESSION:
            self._hear_session(message, now)
        elif topic is LINK_OUTCOME:
            self._outcomes.take(body, message.run_id, now)
        elif topic is LINK_STATUS:
            self._look_at_link(now)
        elif topic in self._taken:
            self._taken[topic](body, now)
        elif isinstance(body, Answered):
            self._events.answered(body, now)

    def on_time(self, now: Now) -> float:
        self._load(now)
        self._look_at_link(now)
        if not self._store.ready:
            self._voice.step(now)
            return max(self._store.retry_s, now.boot_s)
        for expired in self._crowd.volatile.take_expired(now.boot_s):
            logger.info("%s expired before its turn", expired.action)
        news_s = self._crowd.queue_statuses(now)
        next_s = min(self._offering.step(now), self._crowd.volatile.next_s(), self._link.silent_s(), news_s)
        return min(next_s, self._probe(now), self._facts.step(now), self._voice.step(now))

    def on_stop(self, now: Now) -> None:  # noqa: ARG002
        self._store.close()

    def abandon(self) -> None:
        """For tests that kill the service inside their own process: gives the file free, says and stores nothing."""
        self._store.close()

    def sources(self) -> Iterable[Source]:
        return ()

    @property
    def store(self) -> QueueStore:
        return self._store

    # inside

    def _load(self, now: Now) -> None:
        """What the store knows, once it can be read."""
        if self._loaded or not self._store.open(now):
            return
        self._loaded = True
        self._crowd.statuses.known(self._store.statuses)
        self._offering.wait_again(now)
        for answered, until_s in self._store.answers:
            self._bus.remember(answered, until_s)
        if self._store.replaced:
            self._events.tell("store_replaced", f"Unreadable message queue set aside: {self._store.replaced}", now)

    def _hear_settings(self, body: SettingsSnapshot, now: Now) -> None:
        first = self._crowd.keys is BEFORE_SETTINGS
        self._crowd.obey(read_keys(body))
        self.settings_revision = body.revision
        if first:
            self._offering.wait_again(now)

    def _hear_session(self, message: Received, now: Now) -> None:
        topic, body = message.topic, message.body
        if message.run_id != self._session_run:
            self._session_run = message.run_id
            self._facts.session_appeared()
        if topic is SESSION_FACT:
            self._intake.take(body, now)
        elif topic is SESSION_ACKNOWLEDGED:
            self._facts.acknowledged(body, now)
        elif topic in (SESSION_CONNECTOR, SESSION_STATION):
            connector = body.connector if topic is SESSION_CONNECTOR else 0
            self._crowd.heard_status(connector, body, message.sent_wall_s, now)

    def _look_at_link(self, now: Now) -> None:
        was_online = self._link.online
        if self._link.look(now):
            self._crowd.statuses.connected_again()
        if was_online and not self._link.online:
            self._desk.offline()
        stamp = self._link.registered_wall_s
        if self._link.online and self._store.ready and stamp and stamp != self._store.registered_wall_s:
            self._registered(stamp, now)

    def _registered(self, stamp: float, now: Now) -> None:
        """OCPP 1.6 section 4.2: after an accepted BootNotification the backend hears every status."""
        if not self._store.may_try(now):
            return
        try:
            self._store.keep_registration(now, stamp)
        except StoreError as error:
            logger.warning("registration not stored: %s", error)
            return
        self._crowd.statuses.registered()
        self._crowd.notices.registered()

    def _probe(self, now: Now) -> float:
        if not self._store.trouble:
            return math.inf
        if now.boot_s >= self._probe_s:
            self._probe_s = now.boot_s + PROBE_S
            self._store.probe(now)
        return self._probe_s
