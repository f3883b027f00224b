"""The session service: takes messages to the connector they concern, and asks each what to do. It decides nothing."""

from collections.abc import Iterable

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.envelope import Received
from bus.topics import (
    ANSWERED,
    FAULTS,
    HMI_CARD,
    LINK_STATUS,
    METERING_READING,
    METERING_RING_PAGE,
    METERING_RING_REQUEST,
    METERING_SIGN,
    QUEUE_ACKNOWLEDGED,
    QUEUE_AUTHORIZE,
    QUEUE_FACT,
    QUEUE_SEND,
    QUEUE_STATUS,
    SAFETY_CONNECTOR,
    SESSION_START_TRANSACTION,
    SESSION_STOP_TRANSACTION,
    SESSION_SWITCH_PHASES,
    SETTINGS_VALUES,
    SYSTEM_BOOT,
    SYSTEM_EVENT,
    SYSTEM_RESET,
)
from schemas.base import ActiveFault, ActiveFaults
from schemas.ocpp_link import LinkState
from schemas.station import Station
from services.opening import OpenStore
from services.runner import Source
from services.session.authorization import flow
from services.session.backend_desk import BackendDesk
from services.session.backend_facts import QUEUE_HEARTBEAT, BackendFacts, OwnFacts
from services.session.connectors.connector import Connector
from services.session.connectors.ledger import Shared
from services.session.connectors.report import NO_READING_FAULT
from services.session.desk import Desk
from services.session.inquiries import Inquiries
from services.session.keys import read_keys
from services.session.late_records import LateRecords
from services.session.phase_desk import PhaseDesk
from services.session.ring import Ring
from services.session.store import SessionStore
from services.session.transactions.signed import FAULT

HEARS = (
    SAFETY_CONNECTOR,
    METERING_READING,
    METERING_RING_PAGE,
    HMI_CARD,
    SETTINGS_VALUES,
    SYSTEM_BOOT,
    SYSTEM_RESET,
    QUEUE_ACKNOWLEDGED,
    QUEUE_FACT,
    QUEUE_STATUS,
    QUEUE_HEARTBEAT,
    LINK_STATUS,
)
ASKS = (METERING_RING_REQUEST, METERING_SIGN, QUEUE_AUTHORIZE, QUEUE_SEND, SYSTEM_EVENT)
PROBE_S = 5.0
"""While nothing can be stored, how often a commit is tried."""


class SessionService:
    """`open_store`: see `store.opener`."""

    def __init__(self, bus: Endpoint, station: Station, start_id: str, open_store: OpenStore) -> None:
        self.settings_revision = 0
        self._bus = bus
        self._store = SessionStore(open_store, start_id, bus.new_id)
        self._shared = Shared(bus, self._store, start_id, bus.clock.now().boot_s, several=len(station.connectors) > 1)
        self._connectors = {n: Connector(n, section, self._shared) for n, section in station.connectors.items()}
        self._inquiries = Inquiries(self._shared, station.cards.local)
        self._desk = Desk(self._shared, self._connectors, self._inquiries)
        self._backend = BackendDesk(self._shared, self._connectors, self._desk, self._inquiries)
        self._own_facts = OwnFacts(bus, self._store)
        self._late_records = LateRecords(bus, self._shared)
        self._backend_facts = BackendFacts(bus, self._store, self._connectors, self._inquiries)
        self._phase_desk = PhaseDesk(self._shared, self._connectors)
        self._ring = Ring(bus, self._connectors)
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
            self._ring.take(body, now)
        elif topic is SETTINGS_VALUES:
            self._shared.keys = read_keys(body)
            self.settings_revision = body.revision
        elif topic is HMI_CARD:
            self._desk.card(body, now)
        elif topic is SESSION_STOP_TRANSACTION:
            self._desk.stop(body, now)
        elif topic is SESSION_START_TRANSACTION:
            self._desk.start(body, now)
        elif topic is SESSION_SWITCH_PHASES:
            self._phase_desk.switch(body, now)
        elif topic in self._backend.handlers:
            self._backend.take(topic, body, now)
        elif topic is QUEUE_FACT:
            self._backend_facts.take(body, now)
        elif topic is QUEUE_ACKNOWLEDGED:
            self._own_facts.acknowledged(body)
        elif topic is QUEUE_HEARTBEAT:
            self._own_facts.hear_beat(message)
        elif topic is ANSWERED["message_queue"]:
            self._inquiries.answered(body, now)
        elif topic is ANSWERED["metering"]:
            self._ring.answered(body, now)
            for connector in self._connectors.values():
                connector.take_signature(body, now)

    def on_time(self, now: Now) -> float:
        self._load(now)
        self._desk.on_time(now)
        waiting_s = self._backend.on_time(now)
        facts_s = min(self._late_records.on_time(now), self._own_facts.on_time(now))
        link = self._bus.latest(LINK_STATUS).fresh
        self._shared.outage.look(link is not None and link.state is LinkState.ONLINE, now.boot_s)
        next_s = min(connector.step(now) for connector in self._connectors.values())
        if self._store.trouble and now.boot_s >= self._probe_s:
            self._probe_s = now.boot_s + PROBE_S
            self._store.probe(now)
        self._say_faults(now)
        outage_s = self._shared.outage.due_s(now.boot_s)
        return min(next_s, facts_s, waiting_s, outage_s, flow.next_end_s(self._store.pending))

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
                self._connectors[number].ledger.transaction = transaction
                self._ring.want(self._connectors[number], self._shared.start_id)
        for answered, until_s in self._store.answers:
            self._bus.remember(answered, until_s)
        self._own_facts.say_all()

    def _take_to_connector(self, message: Received, now: Now) -> None:
        """Every message counts, also one that the next has already overtaken."""
        body = message.body
        for connector in self._connectors.values():
            if message.topic is METERING_READING and connector.meter == message.key:
                connector.senses.hear_reading(body, now)
                self._ring.ask(connector, now)
                connector.step(now)
            elif message.topic is SAFETY_CONNECTOR and str(connector.number) == message.key:
                connector.senses.hear_safety(body, connector.transaction, now)
                connector.step(now)

    def _say_faults(self, now: Now) -> None:
        faults = []
        if self._store.trouble:
            faults.append(ActiveFault(code=self._store.fault_code, detail=self._store.trouble[:200]))
        if self._store.replaced:
            faults.append(ActiveFault(code="store_replaced", detail=self._store.replaced))
        lacking = [c.number for c in self._connectors.values() if c.lacks_reading(now)]
        faults += [ActiveFault(code=NO_READING_FAULT, connector=number) for number in lacking]
        unsigned = {c.number: c.ledger.signatures.known.trouble for c in self._connectors.values()}
        faults += [ActiveFault(code=FAULT, connector=n, detail=words) for n, words in unsigned.items() if words]
        body = ActiveFaults(faults=tuple(faults))
        if body != self._said_faults:
            self._said_faults = body
            self._bus.publish(FAULTS["session"], body)
