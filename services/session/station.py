"""The session service: takes messages to the connector they concern, and asks each what to do. It decides nothing."""

import logging
from collections.abc import Iterable

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.envelope import Received
from bus.topics import (
    FAULTS,
    HMI_CARD,
    METERING_READING,
    METERING_RING_PAGE,
    METERING_RING_REQUEST,
    SAFETY_CONNECTOR,
    SESSION_FACT,
    SESSION_START_TRANSACTION,
    SESSION_STOP_TRANSACTION,
    SETTINGS_VALUES,
    SYSTEM_BOOT,
)
from schemas.base import ActiveFault, ActiveFaults
from schemas.metering import RingPage, RingRequest
from schemas.station import Station
from services.runner import Source
from services.session.authorization import flow
from services.session.connectors.connector import Connector, Shared
from services.session.connectors.report import NO_READING_FAULT
from services.session.desk import Desk
from services.session.keys import read_keys
from services.session.store import OpenStore, SessionStore
from services.session.transactions.record import Phase
from services.store import StoreError

HEARS = (SAFETY_CONNECTOR, METERING_READING, METERING_RING_PAGE, HMI_CARD, SETTINGS_VALUES, SYSTEM_BOOT)
ASKS = (METERING_RING_REQUEST,)
FACTS_AT_START = 50
PROBE_S = 5.0
"""While nothing can be stored, how often a commit is tried."""
RING_EXPIRES_S = 5.0

logger = logging.getLogger("session")


class SessionService:
    """`open_store`: see `store.opener`."""

    def __init__(self, bus: Endpoint, station: Station, start_id: str, open_store: OpenStore) -> None:
        self.settings_revision = 0
        self._bus = bus
        self._store = SessionStore(open_store, start_id, bus.new_id)
        self._shared = Shared(bus, self._store, start_id, bus.clock.now().boot_s)
        self._connectors = {
            number: Connector(number, section.meter != "none", self._shared)
            for number, section in station.connectors.items()
        }
        self._desk = Desk(self._shared, self._connectors, station.cards.local)
        self._ring_wanted: dict[str, float] = {}
        self._said_faults: ActiveFaults | None = None
        self._loaded = False
        self._probe_s = 0.0

    def on_start(self, now: Now) -> None:
        self._shared.started_s = now.boot_s
        self._load(now)
        self._say_faults(now)

    def on_message(self, message: Received, now: Now) -> None:
        topic, body = message.topic, message.body
        if topic is SAFETY_CONNECTOR or topic is METERING_READING:
            self._take_to_connector(message, now)
        elif topic is METERING_RING_PAGE:
            self._take_ring(body, now)
        elif topic is SETTINGS_VALUES:
            self._shared.keys = read_keys(body)
            self.settings_revision = body.revision
        elif topic is HMI_CARD:
            self._desk.card(body, now)
        elif topic is SESSION_STOP_TRANSACTION:
            self._desk.stop(body, now)
        elif topic is SESSION_START_TRANSACTION:
            self._desk.start(body, now)

    def on_time(self, now: Now) -> float:
        self._load(now)
        self._desk.forget_expired(now)
        next_s = min(connector.step(now) for connector in self._connectors.values())
        if self._store.trouble and now.boot_s >= self._probe_s:
            self._probe_s = now.boot_s + PROBE_S
            self._store.probe(now)
        self._say_faults(now)
        return min(next_s, flow.next_end_s(self._store.pending))

    def on_stop(self, now: Now) -> None:
        for connector in self._connectors.values():
            connector.keep_sign_of_life(now)
        self._store.close()

    def abandon(self) -> None:
        """For tests that kill the service inside their own process: gives the file free, says and stores nothing."""
        self._store.close()

    def sources(self) -> Iterable[Source]:
        return ()

    @property
    def store(self) -> SessionStore:
        return self._store

    # inside

    def _load(self, now: Now) -> None:
        """What the journal knows, once it can be read; then everything unacknowledged is said again."""
        if self._loaded or not self._store.open(now):
            return
        self._loaded = True
        for number, transaction in self._store.transactions.items():
            if number in self._connectors:
                self._connectors[number].transaction = transaction
                self._want_ring(self._connectors[number])
        for answered, until_s in self._store.answers:
            self._bus.remember(answered, until_s)
        try:
            for fact in self._store.waiting_facts(FACTS_AT_START):
                self._bus.publish(SESSION_FACT, fact)
        except StoreError as error:
            logger.warning("waiting facts cannot be read: %s", error)

    def _want_ring(self, connector: Connector) -> None:
        """Samples taken while we were down; another start of the station has another ring."""
        one = connector.transaction
        if one is not None and one.phase is not Phase.ENDED and one.start_id == self._shared.start_id:
            self._ring_wanted[connector.meter] = one.sampled_s

    def _take_to_connector(self, message: Received, now: Now) -> None:
        """Every message counts, also one that the next has already overtaken."""
        body = message.body
        for connector in self._connectors.values():
            if message.topic is METERING_READING and connector.meter == message.key:
                connector.senses.hear_reading(body, now)
                self._ask_ring(connector, now)
                connector.step(now)
            elif message.topic is SAFETY_CONNECTOR and str(connector.number) == message.key:
                connector.senses.hear_safety(body, connector.transaction, now)
                connector.step(now)

    def _ask_ring(self, connector: Connector, now: Now) -> None:
        from_s = self._ring_wanted.pop(connector.meter, None)
        if from_s is not None and from_s < now.boot_s:
            request = RingRequest(
                request_id=self._bus.new_id(),
                expires_s=now.boot_s + RING_EXPIRES_S,
                meter=connector.meter,
                from_s=from_s,
                to_s=now.boot_s,
            )
            self._bus.request(METERING_RING_REQUEST, request)

    def _take_ring(self, page: RingPage, now: Now) -> None:
        for connector in self._connectors.values():
            if connector.meter == page.meter and connector.senses.serial and page.readings:
                connector.senses.hear_sample(page.readings[-1], connector.senses.serial)
                connector.keep_sign_of_life(now)
                connector.step(now)

    def _say_faults(self, now: Now) -> None:
        faults = []
        if self._store.trouble:
            faults.append(ActiveFault(code=self._store.fault_code, detail=self._store.trouble[:200]))
        if self._store.replaced:
            faults.append(ActiveFault(code="store_replaced", detail=self._store.replaced))
        lacking = [c.number for c in self._connectors.values() if c.lacks_reading(now)]
        faults += [ActiveFault(code=NO_READING_FAULT, connector=number) for number in lacking]
        body = ActiveFaults(faults=tuple(faults))
        if body != self._said_faults:
            self._said_faults = body
            self._bus.publish(FAULTS["session"], body)
