"""The real message queue among small stand-ins for its neighbours, and a clock turned by hand.

`Link` obeys the rules of `bus/handover.py` and nothing else; the backend behind it is a function of the test. `Session`
keeps its facts and marks as its store would. `crash_at` ends the queue at its n-th store or bus call, before or after
it, as kill -9 would.
"""

import contextlib
import json
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.envelope import Received
from bus.handover import Call, LinkMemory, Outcome, Report, Send, ended, offered, sent, settled
from bus.streams import Mark, Verdict, judge
from bus.topics import (
    FAULTS,
    LINK_OUTCOME,
    LINK_STATUS,
    QUEUE_ACKNOWLEDGED,
    QUEUE_AUTHORIZE,
    QUEUE_FACT,
    QUEUE_LIST,
    QUEUE_OFFER,
    QUEUE_PAGE,
    QUEUE_SEND,
    QUEUE_SETTLED,
    QUEUE_STATUS,
    QUEUE_TRIGGER_STATUS,
    SESSION_ACKNOWLEDGED,
    SESSION_CONNECTOR,
    SESSION_FACT,
    SESSION_STATION,
    SETTINGS_VALUES,
    Topic,
)
from schemas.base import Acknowledged, Answer, Answered, Request
from schemas.message_queue import Offer, QueueFact, QueueListRequest, QueuePage, QueueRow, QueueStatus
from schemas.ocpp_link import CallOutcome, LinkState, LinkStatus
from schemas.ocpp_link import Outcome as OutcomeWord
from schemas.session import (
    ConnectorStatus,
    Fact,
    MeterSample,
    SampledValue,
    SessionConnector,
    SessionStation,
    StopReason,
    TransactionMeterValues,
    TransactionStarted,
    TransactionStopped,
)
from schemas.settings import SettingsSnapshot
from schemas.system import EventRequest
from services.home import Home
from services.message_queue.station import ASKS, HEARS, MessageQueue
from services.message_queue.storage.store import MIGRATIONS, PAGE_SIZE
from services.runner import Context, Source, path_of_store
from services.store import Store, StoreError
from tests.virtual_cell import Cell, Wiring

STATION = "[connector.1]\n[connector.2]\n"
ACCEPTED = {"idTagInfo": {"status": "Accepted"}}


class Killed(BaseException):
    """The process is gone in the middle of whatever it did."""


class Call_(NamedTuple):
    """One CALL as the backend saw it."""

    message_id: str
    attempt: int
    action: str
    payload: dict[str, Any]
    text: str
    at_s: float


class Problem(NamedTuple):
    """What the backend does instead of answering."""

    outcome: OutcomeWord
    code: str = ""


SILENT = Problem(OutcomeWord.TIMED_OUT)
LOST = Problem(OutcomeWord.CONNECTION_LOST)
INTERNAL_ERROR = Problem(OutcomeWord.ERROR, "InternalError")
INVALID = Problem(OutcomeWord.INVALID, "TypeConstraintViolation")
HANGS = None
Reply = dict[str, Any] | Problem | None


class Neighbour:
    settings_revision = 0

    def __init__(self, bus: Endpoint, cell: "QueueCell") -> None:
        self.bus, self.cell = bus, cell

    def on_start(self, now: Now) -> None: ...
    def on_message(self, message: Received, now: Now) -> None: ...
    def on_time(self, now: Now) -> float:
        return math.inf

    def on_stop(self, now: Now) -> None: ...
    def sources(self) -> Iterable[Source]:
        return ()


class Session(Neighbour):
    """Its store (`cell.facts`, `cell.taken`) is never lost, except where a test replaces it."""

    def on_start(self, now: Now) -> None:
        self.next_s = now.boot_s
        self.answers: dict[str, Answered] = {}
        self.pages: list[QueuePage] = []
        for number in self.cell.statuses:
            self.say_status(number)

    def say_status(self, connector: int) -> None:
        status, code, info = self.cell.statuses[connector]
        if connector == 0:
            self.bus.publish(SESSION_STATION, SessionStation(status=status, error_code=code, info=info))
        else:
            body = SessionConnector(connector=connector, status=status, error_code=code, info=info)
            self.bus.publish(SESSION_CONNECTOR, body, key=str(connector))

    def on_message(self, message: Received, now: Now) -> None:
        body = message.body
        if isinstance(body, Answered):
            self.answers[body.request_id] = body
        elif isinstance(body, QueuePage):
            self.pages.append(body)
        elif message.topic is QUEUE_ACKNOWLEDGED and body.stream_id == self.cell.stream_id:
            assert body.mark <= len(self.cell.facts), "acknowledged what was never said"
            if body.mark > self.cell.acknowledged:
                self.cell.acknowledged = body.mark
                self.next_s = now.boot_s
        elif message.topic is QUEUE_FACT:
            self._take(body)

    def _take(self, fact: QueueFact) -> None:
        cell = self.cell
        verdict = judge(cell.mark, fact.stream_id, fact.number, fact.lowest_unacknowledged)
        if verdict is Verdict.TAKE:
            cell.mark = Mark(fact.stream_id, fact.number)
            cell.taken.append(fact.body)
        if verdict is not Verdict.IGNORE and cell.mark is not None and cell.acknowledges:
            mark = Acknowledged(stream_id=cell.mark.stream_id, mark=cell.mark.number)
            self.bus.publish(SESSION_ACKNOWLEDGED, mark)

    def on_time(self, now: Now) -> float:
        cell = self.cell
        waiting = cell.facts[cell.acknowledged :]
        if not waiting:
            return math.inf
        if now.boot_s >= self.next_s:
            self.next_s = now.boot_s + 2.0
            for number, body in enumerate(waiting[:50], cell.acknowledged + 1):
                lowest = cell.acknowledged + 1
                fact = Fact(stream_id=cell.stream_id, number=number, lowest_unacknowledged=lowest, body=body)
                self.bus.publish(SESSION_FACT, fact)
        return self.next_s


class Link(Neighbour):
    def on_start(self, now: Now) -> None:
        self.memory = LinkMemory()
        self.outcomes: dict[Call, CallOutcome] = {}
        self.offer = Offer()
        self.hanging: Offer | None = None
        self.next_s = math.inf
        self.say()

    def say(self) -> None:
        cell = self.cell
        self.bus.publish(LINK_STATUS, LinkStatus(state=cell.link_state, registered_wall_s=cell.registered_wall_s))
        self.say_s = cell.clock.boot_s + 10.0

    def on_message(self, message: Received, now: Now) -> None:
        body = message.body
        if message.topic is QUEUE_OFFER:
            self.offer = body
            self.consider(now)
        elif message.topic is QUEUE_SETTLED:
            self.memory = settled(self.memory, Call(body.message_id, body.attempt))
            # The worst that a link may do: act on the last offer it has heard, whenever something happens.
            self.consider(now)

    def consider(self, now: Now) -> None:
        if not self.offer.message_id or self.cell.link_state is not LinkState.ONLINE:
            return
        call = Call(self.offer.message_id, self.offer.attempt)
        does = offered(self.memory, call)
        if isinstance(does, Report):
            self.bus.publish(LINK_OUTCOME, self.outcomes[does.call])
        elif isinstance(does, Send):
            self.memory = sent(self.memory, call)
            self._send(self.offer, now)

    def _send(self, offer: Offer, now: Now) -> None:
        payload = json.loads(offer.payload)
        call = Call_(offer.message_id, offer.attempt, offer.action, payload, offer.payload, now.boot_s)
        self.cell.calls.append(call)
        self.cell.check_call(call)
        reply = self.cell.backend(call)
        if reply is None:
            self.hanging = offer
        else:
            self.end(offer, reply, now)

    def end(self, offer: Offer, reply: Reply, now: Now) -> None:
        self.hanging = None
        problem = reply if isinstance(reply, Problem) else None
        word = OutcomeWord.ANSWERED if problem is None else problem.outcome
        rule = Outcome.ERROR if word is OutcomeWord.INVALID else Outcome(word.value)
        body = CallOutcome(
            message_id=offer.message_id,
            attempt=offer.attempt,
            outcome=word,
            payload=json.dumps(reply) if problem is None else "",
            error_code=problem.code if problem is not None else "",
            ended_wall_s=now.wall_s,
        )
        self.memory, report = ended(self.memory, rule)
        assert report is not None
        self.outcomes[report.call] = body
        self.bus.publish(LINK_OUTCOME, body)
        self.next_s = now.boot_s + 2.0
        if word in (OutcomeWord.TIMED_OUT, OutcomeWord.CONNECTION_LOST):
            self.cell.link_state = LinkState.CONNECTING
            self.say()
            self.back_s = now.boot_s + 1.0

    back_s = math.inf

    def on_time(self, now: Now) -> float:
        if now.boot_s >= self.back_s:
            self.back_s = math.inf
            self.cell.link_state = LinkState.ONLINE
            self.say()
            self.consider(now)
        if now.boot_s >= self.say_s:
            self.say()
        if not self.memory.unsettled:
            self.next_s = math.inf
        elif now.boot_s >= self.next_s:
            self.next_s = now.boot_s + 2.0
            for report in self.memory.unsettled:
                self.bus.publish(LINK_OUTCOME, self.outcomes[report.call])
        return min(self.next_s, self.back_s, self.say_s)


class Settings(Neighbour):
    def on_start(self, now: Now) -> None:
        self.say()

    def say(self) -> None:
        self.cell.revision += 1
        self.bus.publish(SETTINGS_VALUES, SettingsSnapshot(revision=self.cell.revision, values=dict(self.cell.keys)))


class System(Neighbour):
    def on_message(self, message: Received, now: Now) -> None:
        if isinstance(message.body, EventRequest):
            self.cell.events.append(message.body)
            self.bus.answer(message.body.request_id, Answer.ACCEPTED)


def accept(call: Call_) -> Reply:
    """A backend that gives each transaction a number from 101 on."""
    if call.action == "StartTransaction":
        return {**ACCEPTED, "transactionId": 100 + int(call.payload["idTag"].removeprefix("CARD-"))}
    return {"StopTransaction": ACCEPTED, "Authorize": ACCEPTED}.get(call.action, {})


@dataclass
class QueueCell(Cell):
    keys: dict[str, str] = field(default_factory=lambda: {"OCPPBackendJSONURL": "ws://backend/"})
    backend: Callable[[Call_], Reply] = accept
    link_state: LinkState = LinkState.ONLINE
    registered_wall_s: float = 0.0
    statuses: dict[int, tuple[ConnectorStatus, str, str]] = field(default_factory=dict)
    stream_id: str = "stream-1"
    facts: list[Any] = field(default_factory=list)
    acknowledged: int = 0
    acknowledges: bool = True
    """Whether session acknowledges what it takes."""
    mark: Mark | None = None
    taken: list[Any] = field(default_factory=list)
    """Facts of the queue that session took over, each once."""
    calls: list[Call_] = field(default_factory=list)
    excused: set[str] = field(default_factory=set)
    """Message ids that may be on the wire again: their connection or their link died, or an attempt is configured."""
    events: list[EventRequest] = field(default_factory=list)
    revision: int = 0
    crash_at: int = 0
    crash_points: int = 0
    crash_cuts_power: bool = False
    crashes: int = 0
    disk_full: bool = False

    # crashes

    def point(self) -> None:
        self.crash_points += 1
        if self.crash_points == self.crash_at:
            raise Killed

    def build_queue(self, context: Context) -> MessageQueue:
        bus, publish = context.bus, context.bus.publish

        def dying_publish(*arguments: Any, **named: Any) -> None:
            self.point()
            publish(*arguments, **named)
            self.point()

        bus.publish = dying_publish  # type: ignore[method-assign]
        path = path_of_store(context, "message_queue")
        return MessageQueue(bus, context.station, context.start_id, lambda: DyingStore(path, self))

    def _turn(self, process: Any) -> None:
        try:
            super()._turn(process)
        except Killed:
            self.crashes += 1
            self._die()

    def start(self, owner: str) -> None:
        try:
            super().start(owner)
        except Killed:
            self.crashes += 1
            self._die()

    def _die(self) -> None:
        if self.crash_cuts_power:
            self.excused.update(self.in_flight())
            for owner in list(self.processes):
                self.kill(owner)
            self.clock.move_to(self.clock.boot_s + 20.0)
            self.power_up()
        else:
            if "message_queue" in self.processes:
                self.kill("message_queue")
            self.hub.leave("message_queue")
            super().start("message_queue")

    def in_flight(self) -> list[str]:
        """What is lost with the link: nobody knows whether the backend has it."""
        link = self.processes["ocpp_link"].service if "ocpp_link" in self.processes else None
        if not isinstance(link, Link):
            return []
        calls = [link.memory.in_flight] if link.memory.in_flight is not None else []
        return [call.message_id for call in (*calls, *(report.call for report in link.memory.unsettled))]

    def kill_link(self) -> None:
        self.excused.update(self.in_flight())
        self.kill("ocpp_link")

    # what must hold at the socket

    def check_call(self, call: Call_) -> None:
        """The same id means the same text; a repeat only where it is excused; billing messages in their order."""
        before = [each for each in self.calls[:-1] if each.message_id == call.message_id]
        if before:
            assert before[-1].text == call.text, "a repeat carries the same payload"
            assert call.attempt > before[-1].attempt or call.message_id in self.excused, "a needless repeat"

    # doing

    def _poke(self, owner: str) -> None:
        if owner in self.processes:
            self.processes[owner].deadline_s = self.clock.boot_s
        self.settle()

    def say(self, *facts: Any) -> None:
        """Session commits these facts and publishes them."""
        self.facts += facts
        if "session" in self.processes:
            self.processes["session"].service.next_s = self.clock.boot_s  # type: ignore[attr-defined]
        self._poke("session")

    def online(self, state: LinkState = LinkState.ONLINE) -> None:
        self.link_state = state
        link = self.processes["ocpp_link"].service
        assert isinstance(link, Link)
        link.back_s = math.inf
        if state is not LinkState.ONLINE and link.hanging is not None:
            link.end(link.hanging, LOST, self.clock.now())
            link.back_s = math.inf
        self.link_state = state
        link.say()
        if state is LinkState.ONLINE:
            link.consider(self.clock.now())
        self.settle()

    def offline(self) -> None:
        self.online(LinkState.CONNECTING)

    def answer(self, reply: Reply) -> None:
        """The backend answers the call that hangs."""
        link = self.processes["ocpp_link"].service
        assert isinstance(link, Link)
        assert link.hanging is not None
        link.end(link.hanging, reply, self.clock.now())
        self._poke("ocpp_link")

    def set_key(self, key: str, value: str) -> None:
        self.keys[key] = value
        service = self.processes["settings"].service
        assert isinstance(service, Settings)
        service.say()
        self.settle()

    def status(self, connector: int, status: ConnectorStatus, code: str = "NoError", info: str = "") -> None:
        self.statuses[connector] = (status, code, info)
        session = self.processes["session"].service
        assert isinstance(session, Session)
        session.say_status(connector)
        self.settle()

    def ask(self, topic: Topic[Any], kind: type[Request], seconds: float = 30.0, **fields: Any) -> str:
        bus = self.processes["session"].endpoint
        request = kind(request_id=bus.new_id(), expires_s=self.clock.boot_s + seconds, **fields)
        bus.request(topic, request)
        self._poke("session")
        return request.request_id

    def answered(self, request_id: str) -> Answered | None:
        session = self.processes["session"].service
        assert isinstance(session, Session)
        return session.answers.get(request_id)

    def rows(self, **fields: Any) -> list[QueueRow]:
        """As `chargectl queue ls` gets them."""
        session = self.processes["session"].service
        assert isinstance(session, Session)
        session.pages.clear()
        request_id = self.ask(QUEUE_LIST, QueueListRequest, **fields)
        assert self.answered(request_id) is not None
        return [row for page in session.pages for row in page.rows]

    # looking

    @property
    def service(self) -> MessageQueue:
        service = self.processes["message_queue"].service
        assert isinstance(service, MessageQueue)
        return service

    @property
    def queue(self) -> QueueStatus:
        body = self.last(QUEUE_STATUS)
        assert isinstance(body, QueueStatus)
        return body

    def fault_codes(self) -> list[str]:
        body = self.last(FAULTS["message_queue"])
        return [fault.code for fault in body.faults] if body is not None else []

    def actions(self) -> list[str]:
        return [call.action for call in self.calls]

    def sent(self, action: str) -> list[Call_]:
        return [call for call in self.calls if call.action == action]

    def is_empty(self) -> bool:
        return self.acknowledged == len(self.facts) and not self.service.store.waiting


class DyingStore(Store):
    """The real store, which the process may not survive, on a disk that may be full."""

    def __init__(self, path: Path, cell: QueueCell) -> None:
        self._cell = cell
        super().__init__(path, MIGRATIONS, page_size=PAGE_SIZE)

    @contextlib.contextmanager
    def commit(self) -> Iterator[Any]:
        self._cell.point()
        with super().commit() as connection:
            yield connection
            if self._cell.disk_full:
                raise StoreError("database or disk is full")
        self._cell.point()


def make_cell(home: Path, *, power: bool = True, **keys: str) -> QueueCell:
    """A station with two connectors; `keys`: configuration keys."""

    def neighbour(kind: type[Neighbour], hears: tuple[Any, ...] = (), asks: tuple[Any, ...] = ()) -> Wiring:
        return Wiring(hears, asks, lambda context: kind(context.bus, cell))

    asked = (QUEUE_AUTHORIZE, QUEUE_SEND, QUEUE_TRIGGER_STATUS, QUEUE_LIST)
    wirings = {
        "settings": neighbour(Settings),
        "system": neighbour(System),
        "session": neighbour(Session, (QUEUE_ACKNOWLEDGED, QUEUE_FACT, QUEUE_PAGE), asked),
        "message_queue": Wiring(HEARS, ASKS, lambda context: cell.build_queue(context)),
        "ocpp_link": neighbour(Link, (QUEUE_OFFER, QUEUE_SETTLED)),
    }
    cell = QueueCell(Home(home), STATION, wirings)
    cell.keys.update(keys)
    if power:
        cell.power_up()
        cell.settle()
    return cell


# facts


def started(card: int, connector: int = 1, at_s: float = 1_800_000_000.0, signed: bool = False) -> TransactionStarted:
    """`card`: also the transaction's name; the backend of `accept` gives it the number 100 + card."""
    return TransactionStarted(
        transaction_id=f"transaction-{card}",
        connector=connector,
        id_tag=f"CARD-{card}",
        started_wall_s=at_s,
        meter_start_wh=1000,
        meter_serial="METER-1",
        signed=signed,
    )


def metered(card: int, connector: int = 1, wh: int = 1100, at_s: float = 1_800_000_060.0) -> TransactionMeterValues:
    value = SampledValue(value=str(wh), measurand="Energy.Active.Import.Register", unit="Wh")
    sample = MeterSample(sampled_wall_s=at_s, values=(value,))
    return TransactionMeterValues(transaction_id=f"transaction-{card}", connector=connector, samples=(sample,))


def stopped(card: int, connector: int = 1, reason: StopReason = StopReason.LOCAL) -> TransactionStopped:
    return TransactionStopped(
        transaction_id=f"transaction-{card}",
        connector=connector,
        id_tag=f"CARD-{card}",
        stopped_wall_s=1_800_003_600.0,
        meter_stop_wh=2000,
        meter_stop_measured=True,
        reason=reason,
    )
