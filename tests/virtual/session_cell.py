"""The real session service among small stand-ins for its neighbours, one car, one meter, and a clock turned by hand.

The stand-ins know as little as possible: `safety` obeys the lease and nothing else, `metering` reads one register. What
the car has drawn is the physical truth that the bill is compared with. `crash_at` ends the session process at the n-th
store or bus call, before or after it, as kill -9 would.
"""

import contextlib
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.envelope import Received, decode
from bus.streams import REPEAT_S, Mark, Verdict, judge
from bus.topics import (
    HMI_CARD,
    LINK_STATUS,
    METERING_READING,
    METERING_RING_PAGE,
    METERING_RING_REQUEST,
    QUEUE_ACKNOWLEDGED,
    QUEUE_AUTHORIZE,
    QUEUE_FACT,
    QUEUE_SEND,
    QUEUE_STATUS,
    SAFETY_CONNECTOR,
    SESSION_ACKNOWLEDGED,
    SESSION_CHANGE_AVAILABILITY,
    SESSION_CLEAR_CACHE,
    SESSION_CONNECTOR,
    SESSION_FACT,
    SESSION_PERMISSION,
    SESSION_REMOTE_START,
    SESSION_REMOTE_STOP,
    SESSION_START_TRANSACTION,
    SESSION_STATION,
    SESSION_STOP_TRANSACTION,
    SESSION_TRIGGER_METER_VALUES,
    SESSION_UNLOCK_CONNECTOR,
    SETTINGS_VALUES,
    SYSTEM_BOOT,
    SYSTEM_RESET,
    Topic,
)
from schemas.base import Acknowledged, Answer, Answered, Request
from schemas.hmi import CardPresented
from schemas.message_queue import (
    AuthorizationStatus,
    IdTagInfo,
    QueueFact,
    QueueStatus,
    SendCallRequest,
    StartAnswered,
    StopAnswered,
)
from schemas.metering import MeterReading, Quality, Reading, RingPage, RingRequest
from schemas.ocpp_link import LinkState, LinkStatus
from schemas.safety import Contactor, Lock, PilotState, SafetyConnector
from schemas.session import (
    ChangeAvailabilityRequest,
    ClearCacheRequest,
    Fact,
    Permission,
    RemoteStartRequest,
    RemoteStopRequest,
    SessionConnector,
    SessionStation,
    StartTransactionRequest,
    StopReason,
    StopTransactionRequest,
    TransactionMeterValues,
    TransactionStarted,
    TransactionStopped,
    TriggerMeterValuesRequest,
    UnlockConnectorRequest,
)
from schemas.settings import SettingsSnapshot
from schemas.system import Boot, BootReason, Reset
from services.home import Home
from services.runner import Context, Source, path_of_store
from services.session.station import ASKS, HEARS, SessionService
from services.session.store import MIGRATIONS
from services.session.transactions.record import Transaction
from services.store import Store, StoreError
from tests.virtual_station import Cell, Wiring

STATION = """
[connector.1]
cable = "{cable}"
meter = "{meter}"
[cards]
local = ["CARD-A", "CARD-B"]
"""
W_PER_A = 690.0
BOOT_S = 0.1
WISHES: tuple[Topic[Any], ...] = (
    SESSION_STOP_TRANSACTION,
    SESSION_START_TRANSACTION,
    SESSION_REMOTE_START,
    SESSION_REMOTE_STOP,
    SESSION_CHANGE_AVAILABILITY,
    SESSION_UNLOCK_CONNECTOR,
    SESSION_CLEAR_CACHE,
    SESSION_TRIGGER_METER_VALUES,
)
CLOSING_S = 0.05


class Killed(BaseException):
    """The process is gone in the middle of whatever it did."""


@dataclass
class World:
    """The car at connector 1, its contactor, and the register behind it."""

    register_wh: float = 100_000.4
    connected: bool = False
    ready: bool = True
    """The car wants power once it is offered some."""
    plugs: int = 0
    closed_a: float = 0.0
    """Current flowing; 0 = contactor open."""
    at_s: float = 0.0
    serial: str = "METER-1"
    quality: Quality = Quality.GOOD
    faults: tuple[str, ...] = ()
    state: PilotState | None = None
    can_prove_open: bool = True
    lock: Lock | None = None
    """The lock is stuck in this state."""

    def advance(self, now_s: float) -> None:
        self.register_wh += self.closed_a * W_PER_A * max(0.0, now_s - self.at_s) / 3600.0
        self.at_s = now_s

    @property
    def shown_wh(self) -> int:
        return int(self.register_wh)


class Neighbour:
    """A service with nothing in it."""

    settings_revision = 0

    def __init__(self, bus: Endpoint, cell: "SessionCell") -> None:
        self.bus, self.cell, self.world = bus, cell, cell.world

    def on_start(self, now: Now) -> None: ...
    def on_message(self, message: Received, now: Now) -> None: ...
    def on_time(self, now: Now) -> float:
        return math.inf

    def on_stop(self, now: Now) -> None: ...
    def sources(self) -> Iterable[Source]:
        return ()


class Safety(Neighbour):
    """Closes with a lease and a car that asks, opens without. Restarted, it is blind for a moment."""

    def on_start(self, now: Now) -> None:
        self.started_s = now.boot_s
        self.world.closed_a = 0.0
        self.open_since_s = now.boot_s
        self.close_s = math.inf
        self.plug_count, self.plugs, self.connected = 0, self.world.plugs, False
        self.said: SafetyConnector | None = None
        self.say_s = 0.0

    def on_time(self, now: Now) -> float:
        world = self.world
        world.advance(now.boot_s)
        booting = now.boot_s < self.started_s + BOOT_S
        lease = self.bus.latest(SESSION_PERMISSION, "1").fresh
        if world.connected and (not self.connected or world.plugs != self.plugs) and not booting:
            self.plug_count += 1
        if not booting:
            self.connected, self.plugs = world.connected, world.plugs
        may = lease is not None and lease.may_charge and self.connected and not world.faults and world.state is None
        offered_a = lease.limit_a if may and lease is not None and lease.limit_a >= 6.0 else 0.0
        wants = self.connected and world.ready and offered_a > 0.0
        self._switch(offered_a if wants else 0.0, now)
        lock = Lock.LOCKED if lease is not None and lease.hold_cable and self.connected else Lock.UNLOCKED
        body = SafetyConnector(
            connector=1,
            state=self._state(booting, offered_a, wants),
            contactor=Contactor.CLOSED if world.closed_a else Contactor.OPEN,
            lock=(self.world.lock or lock) if self.cell.socket else Lock.NONE,
            vehicle_connected=self.connected,
            cable_plugged=self.connected or self.cell.cable_stays,
            vehicle_wants_power=wants,
            plug_count=self.plug_count,
            run_id=self.bus.run_id,
            offered_a=offered_a,
            cable_limit_a=20.0 if self.connected else 0.0,
            rated_a=32.0,
            permission_until_s=lease.until_s if lease is not None else 0.0,
            contactor_open_since_s=0.0 if world.closed_a or not world.can_prove_open else self.open_since_s,
            faults=world.faults,
        )
        if body != self.said or now.boot_s >= self.say_s:
            self.said, self.say_s = body, now.boot_s + 1.0
            self.bus.publish(SAFETY_CONNECTOR, body, key="1")
        ends_s = lease.until_s if lease is not None else math.inf
        times = (self.say_s, self.started_s + BOOT_S if booting else math.inf, self.close_s, ends_s)
        return min(at_s for at_s in times if at_s > now.boot_s)

    def _switch(self, current_a: float, now: Now) -> None:
        if current_a <= 0.0:
            self.open_since_s = now.boot_s if self.world.closed_a else self.open_since_s
            self.world.closed_a, self.close_s = 0.0, math.inf
        elif self.world.closed_a:
            self.world.closed_a = current_a
        elif self.close_s == math.inf:
            self.close_s = now.boot_s + CLOSING_S
        elif now.boot_s >= self.close_s:
            self.world.closed_a, self.close_s = current_a, math.inf

    def _state(self, booting: bool, offered_a: float, wants: bool) -> PilotState:
        if self.world.state is not None:
            return self.world.state
        if self.world.faults:
            return PilotState.FAULT
        if booting:
            return PilotState.BOOT
        if not self.connected:
            return PilotState.A
        return PilotState.C2 if wants else PilotState.B2 if offered_a else PilotState.B1


class Metering(Neighbour):
    def on_start(self, now: Now) -> None:
        self.next_s = now.boot_s
        self.ring: list[Reading] = []
        self.asked: list[tuple[float, RingRequest]] = []

    def on_message(self, message: Received, now: Now) -> None:
        if message.topic is METERING_RING_REQUEST:
            self.asked.append((now.boot_s + self.cell.ring_delay_s, message.body))
            self._answer_ring(now)

    def _answer_ring(self, now: Now) -> None:
        while self.asked and now.boot_s >= self.asked[0][0]:
            request = self.asked.pop(0)[1]
            readings = tuple(r for r in self.ring if request.from_s <= r.sampled_s <= request.to_s)[-120:]
            page = RingPage(meter=request.meter, request_id=request.request_id, page=1, pages=1, readings=readings)
            if self.cell.ring_answers:
                self.bus.publish(METERING_RING_PAGE, page, key=request.meter)
                self.bus.answer(request.request_id, Answer.ACCEPTED)

    def on_time(self, now: Now) -> float:
        if now.boot_s >= self.next_s:
            self.next_s = now.boot_s + 1.0
            self.world.advance(now.boot_s)
            if self.world.quality is Quality.GOOD:
                current_a = self.world.closed_a
                sample = Reading(
                    sampled_s=now.boot_s,
                    sampled_wall_s=now.wall_s,
                    energy_import_wh=self.world.shown_wh,
                    power_w=current_a * W_PER_A,
                    current_a=(current_a, current_a, current_a),
                    voltage_v=(230.0, 230.0, 230.0),
                )
                self.ring.append(sample)
            body = MeterReading(
                meter="connector.1",
                model="stand-in",
                serial=self.world.serial,
                quality=self.world.quality,
                reading=self.ring[-1] if self.ring else None,
            )
            self.bus.publish(METERING_READING, body, key="connector.1")
        self._answer_ring(now)
        return min([self.next_s, *(at_s for at_s, _ in self.asked)])


class Settings(Neighbour):
    def on_start(self, now: Now) -> None:
        self.say()

    def say(self) -> None:
        self.cell.revision += 1
        self.bus.publish(SETTINGS_VALUES, SettingsSnapshot(revision=self.cell.revision, values=dict(self.cell.keys)))


class System(Neighbour):
    def on_start(self, now: Now) -> None:
        boot = Boot(start_id=self.cell.start_id, started_wall_s=now.wall_s, reason=self.cell.boot_reason)
        self.bus.publish(SYSTEM_BOOT, boot)
        self.bus.publish(SYSTEM_RESET, Reset())


class Hmi(Neighbour):
    """Whoever wishes something: a person, or the backend by way of `ocpp_link`."""

    def on_message(self, message: Received, now: Now) -> None:
        if isinstance(message.body, Answered):
            self.cell.heard_answers[message.body.request_id] = message.body


class Link(Neighbour):
    """Connected, or not."""

    def on_start(self, now: Now) -> None:
        self.say()

    def say(self) -> None:
        state = LinkState.ONLINE if self.cell.backend.online else LinkState.WAITING
        self.bus.publish(LINK_STATUS, LinkStatus(state=state))

    def on_time(self, now: Now) -> float:
        self.say()
        return now.boot_s + 10.0


@dataclass
class Backend:
    """What it knows and says, with the part of `message_queue` that outlives a kill."""

    online: bool = True
    infos: dict[str, IdTagInfo] = field(default_factory=dict)
    """Of id tags; others are Invalid. Changes count from the next question on."""
    silent: bool = False
    """Authorize is never answered."""
    errs: bool = False
    """Authorize is answered with CALLERROR."""
    start_info: IdTagInfo | None = field(default_factory=lambda: IdTagInfo(status=AuthorizationStatus.ACCEPTED))
    """In the answer to StartTransaction."""
    stop_info: IdTagInfo | None = None
    holds_answers: bool = False
    """StartTransaction and StopTransaction wait for their answer."""
    acknowledges: bool = True
    next_id: int = 1
    asked: list[str] = field(default_factory=list)
    sent: list[SendCallRequest] = field(default_factory=list)
    marks: dict[str, Mark] = field(default_factory=dict)
    taken: list[Fact] = field(default_factory=list)
    """In the order they were taken."""
    answers: list[StartAnswered | StopAnswered] = field(default_factory=list)
    """Facts for `session`, the first has number 1."""
    acknowledged: int = 0
    """How many of them `session` has acknowledged."""
    ids: dict[str, int] = field(default_factory=dict)

    def accept(self, id_tag: str, parent: str = "", expiry_wall_s: float | None = None) -> None:
        status = AuthorizationStatus.ACCEPTED
        self.infos[id_tag] = IdTagInfo(status=status, parent_id_tag=parent, expiry_wall_s=expiry_wall_s)

    def answer(self, body: TransactionStarted | TransactionStopped) -> None:
        if isinstance(body, TransactionStarted):
            number = self.ids.setdefault(body.transaction_id, self.next_id)
            self.next_id = max(self.next_id, number + 1)
            info = self.start_info
            self.answers.append(
                StartAnswered(transaction_id=body.transaction_id, backend_transaction_id=number, id_tag_info=info)
            )
        else:
            self.answers.append(StopAnswered(transaction_id=body.transaction_id, id_tag_info=self.stop_info))


class Queue(Neighbour):
    """Takes every fact once, answers as the backend would, and says what was answered until it is acknowledged."""

    def on_start(self, now: Now) -> None:
        self.say_s = now.boot_s
        self.say_status()

    def say_status(self, **fields: Any) -> None:
        self.bus.publish(QUEUE_STATUS, QueueStatus(**fields))

    def on_message(self, message: Received, now: Now) -> None:
        backend, body = self.cell.backend, message.body
        if message.topic is SESSION_FACT and backend.acknowledges:
            self.take(body)
        elif message.topic is SESSION_ACKNOWLEDGED:
            backend.acknowledged = max(backend.acknowledged, body.mark)
        elif message.topic is QUEUE_AUTHORIZE:
            self.authorize(body.request_id, body.id_tag)
        elif message.topic is QUEUE_SEND:
            backend.sent.append(body)
            self.bus.answer(body.request_id, Answer.ACCEPTED, values={"answer": "{}"})

    def take(self, fact: Fact) -> None:
        backend = self.cell.backend
        verdict = judge(backend.marks.get(fact.stream_id), fact.stream_id, fact.number, fact.lowest_unacknowledged)
        if verdict is Verdict.TAKE:
            backend.marks[fact.stream_id] = Mark(fact.stream_id, fact.number)
            backend.taken.append(fact)
            if not backend.holds_answers and not isinstance(fact.body, TransactionMeterValues):
                backend.answer(fact.body)
                self.say_s = 0.0
        if verdict is not Verdict.IGNORE:
            mark = backend.marks[fact.stream_id].number
            self.bus.publish(QUEUE_ACKNOWLEDGED, Acknowledged(stream_id=fact.stream_id, mark=mark))

    def authorize(self, request_id: str, id_tag: str) -> None:
        backend = self.cell.backend
        backend.asked.append(id_tag)
        if backend.silent:
            return
        if not backend.online or backend.errs:
            self.bus.answer(request_id, Answer.REJECTED, "offline, or CALLERROR")
            return
        info = backend.infos.get(id_tag, IdTagInfo(status=AuthorizationStatus.INVALID))
        values = {"status": info.status.value}
        if info.expiry_wall_s is not None:
            values["expiry_wall_s"] = f"{info.expiry_wall_s:.3f}"
        if info.parent_id_tag:
            values["parent_id_tag"] = info.parent_id_tag
        self.bus.answer(request_id, Answer.ACCEPTED, values=values)

    def on_time(self, now: Now) -> float:
        backend = self.cell.backend
        if now.boot_s >= self.say_s:
            self.say_s = now.boot_s + REPEAT_S
            for number in range(backend.acknowledged + 1, len(backend.answers) + 1):
                body = backend.answers[number - 1]
                fact = QueueFact(
                    stream_id="answers", number=number, lowest_unacknowledged=backend.acknowledged + 1, body=body
                )
                self.bus.publish(QUEUE_FACT, fact)
        return self.say_s


@dataclass
class SessionCell(Cell):
    """See the module. `keys`: configuration keys; changes are published by `set_key`."""

    world: World = field(default_factory=World)
    keys: dict[str, str] = field(default_factory=lambda: {"OperatorCurrentLimit": "16", "ConnectionTimeOut": "45"})
    boot_reason: BootReason = BootReason.FIRST_START
    revision: int = 0
    socket: bool = True
    cable_stays: bool = False
    crash_at: int = 0
    """The crash point at which the session process ends; 0 = never."""
    crash_points: int = 0
    """How many have been passed."""
    counting: bool = True
    """False: the calls made now are no crash points (hours of charging repeat the same ones)."""
    crash_cuts_power: bool = False
    crashes: int = 0
    disk_full: bool = False
    swipes: int = 0
    ring_answers: bool = True
    ring_delay_s: float = 0.0
    backend: Backend = field(default_factory=Backend)
    heard_answers: dict[str, Answered] = field(default_factory=dict)
    """What whoever wishes something has heard, by request id."""
    answers: list[Answered] = field(default_factory=list)
    facts: dict[int, Fact] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.keep_said = False
        self.world.at_s = self.clock.boot_s
        self.world_advance = self.world.advance
        self.hub.taps.append(self._check)

    @property
    def start_id(self) -> str:
        return f"start-{self.start_number}"

    # crashes

    def _point(self) -> None:
        self.crash_points += self.counting
        if self.counting and self.crash_points == self.crash_at:
            raise Killed

    def build_session(self, context: Context) -> SessionService:
        bus, publish = context.bus, context.bus.publish

        def dying_publish(*arguments: Any, **named: Any) -> None:
            self._point()
            publish(*arguments, **named)
            self._point()

        bus.publish = dying_publish  # type: ignore[method-assign]
        path = path_of_store(context, "session")
        return SessionService(bus, context.station, context.start_id, lambda: DyingStore(path, self))

    def _turn(self, process: Any) -> None:
        try:
            super()._turn(process)
        except Killed:
            self._die()

    def settle(self) -> None:
        """A request is published again while it is delivered: the process may die there too."""
        while True:
            try:
                super().settle()
            except Killed:
                self._die()
            else:
                return

    def _die(self) -> None:
        self.crashes += 1
        if self.crash_cuts_power:
            self.power_cut()
        else:
            self.kill("session")
            self.start("session")

    def start(self, owner: str) -> None:
        try:
            super().start(owner)
        except Killed:
            self.crashes += 1
            if self.crash_cuts_power:
                self.power_cut()
            else:
                self.processes.pop(owner, None)
                self.hub.leave(owner)
                super().start(owner)

    def power_cut(self, reason: BootReason = BootReason.POWER_LOSS) -> None:
        """Everything is dead at once, and starts again 20 s later for this reason."""
        for owner in list(self.processes):
            self.kill(owner)
        self.world.closed_a = 0.0
        self.boot_reason = reason
        self.clock.move_to(self.clock.boot_s + 20.0)
        self.world.advance(self.clock.boot_s)
        self.power_up()

    # people

    def plug(self) -> None:
        self.world.connected = True
        self.world.plugs += 1
        self._poke("safety")

    def unplug(self) -> None:
        self.world.connected = False
        self._poke("safety")

    def swipe(self, id_tag: str = "CARD-A") -> None:
        self.swipes += 1
        card = CardPresented(
            presentation_id=f"p{self.swipes}", id_tag=id_tag, reader="1", presented_s=self.clock.boot_s
        )
        self.processes["hmi"].endpoint.publish(HMI_CARD, card)
        self.settle()

    def set_key(self, key: str, value: str) -> None:
        self.keys[key] = value
        if "settings" in self.processes:
            self.processes["settings"].service.say()  # type: ignore[attr-defined]
        self.settle()

    def fault(self, *names: str, state: PilotState | None = None) -> None:
        self.world.faults, self.world.state = names, state
        self._poke("safety")

    def ask_stop(self, transaction_id: str = "", connector: int = 0, reason: StopReason = StopReason.REMOTE) -> str:
        bus = self.processes["hmi"].endpoint
        request_id = bus.new_id()
        request = StopTransactionRequest(
            request_id=request_id,
            expires_s=self.clock.boot_s + 5.0,
            connector=connector,
            transaction_id=transaction_id,
            reason=reason,
        )
        bus.request(SESSION_STOP_TRANSACTION, request)
        self._poke("hmi")
        return request_id

    def ask_start(self, id_tag: str = "CARD-A", connector: int = 1) -> str:
        bus = self.processes["hmi"].endpoint
        request_id = bus.new_id()
        request = StartTransactionRequest(
            request_id=request_id, expires_s=self.clock.boot_s + 5.0, connector=connector, id_tag=id_tag
        )
        bus.request(SESSION_START_TRANSACTION, request)
        self._poke("hmi")
        return request_id

    # the backend, by way of ocpp_link

    def command(self, topic: Topic[Any], kind: type[Request], seconds: float = 20.0, **fields: Any) -> str:
        """Asks and lets happen what happens at once; returns the request id."""
        bus = self.processes["hmi"].endpoint
        request_id = bus.new_id()
        bus.request(topic, kind(request_id=request_id, expires_s=self.clock.boot_s + seconds, **fields))
        self._poke("hmi")
        return request_id

    def outcome(self, request_id: str) -> Answer | None:
        """None = not answered yet."""
        answered = self.heard_answers.get(request_id)
        return None if answered is None else answered.outcome

    def remote_start(self, id_tag: str = "APP", connector: int | None = 1) -> str:
        return self.command(SESSION_REMOTE_START, RemoteStartRequest, id_tag=id_tag, connector=connector)

    def remote_stop(self, backend_id: int, seconds: float = 20.0) -> str:
        return self.command(SESSION_REMOTE_STOP, RemoteStopRequest, seconds, backend_transaction_id=backend_id)

    def change_availability(self, connector: int, operative: bool) -> str:
        kind = ChangeAvailabilityRequest
        return self.command(SESSION_CHANGE_AVAILABILITY, kind, connector=connector, operative=operative)

    def unlock(self, connector: int = 1) -> str:
        return self.command(SESSION_UNLOCK_CONNECTOR, UnlockConnectorRequest, 25.0, connector=connector)

    def clear_cache(self) -> str:
        return self.command(SESSION_CLEAR_CACHE, ClearCacheRequest)

    def trigger_meter_values(self, connector: int | None = None) -> str:
        return self.command(SESSION_TRIGGER_METER_VALUES, TriggerMeterValuesRequest, connector=connector)

    def set_online(self, online: bool) -> None:
        self.backend.online = online
        self.processes["ocpp_link"].service.say()  # type: ignore[attr-defined]
        self.settle()

    def queue_says(self, **fields: Any) -> None:
        self.processes["message_queue"].service.say_status(**fields)  # type: ignore[attr-defined]
        self.settle()

    def reset_pending(self, reason: BootReason | None) -> None:
        self.processes["system"].endpoint.publish(SYSTEM_RESET, Reset(pending=reason))
        self.settle()

    def _poke(self, owner: str) -> None:
        if owner in self.processes:
            self.processes[owner].deadline_s = self.clock.boot_s
        self.settle()

    # looking

    @property
    def service(self) -> SessionService:
        service = self.processes["session"].service
        assert isinstance(service, SessionService)
        return service

    @property
    def connector(self) -> SessionConnector:
        body = self.last(SESSION_CONNECTOR, "1")
        assert isinstance(body, SessionConnector)
        return body

    @property
    def station_says(self) -> SessionStation:
        body = self.last(SESSION_STATION)
        assert isinstance(body, SessionStation)
        return body

    @property
    def status(self) -> str:
        body = self.last(SESSION_CONNECTOR, "1")
        return "" if body is None else str(body.status)

    @property
    def lease(self) -> Permission | None:
        body = self.last(SESSION_PERMISSION, "1")
        assert body is None or isinstance(body, Permission)
        return body

    def journal(self) -> list[Transaction]:
        return self.service.store.all_transactions()

    def started(self) -> list[TransactionStarted]:
        return [f.body for _, f in sorted(self.facts.items()) if isinstance(f.body, TransactionStarted)]

    def stopped(self) -> list[TransactionStopped]:
        return [f.body for _, f in sorted(self.facts.items()) if isinstance(f.body, TransactionStopped)]

    def metered(self) -> list[TransactionMeterValues]:
        return [f.body for _, f in sorted(self.facts.items()) if isinstance(f.body, TransactionMeterValues)]

    def _check(self, owner: str, frame: bytes) -> None:
        """What must hold whenever anything is said."""
        if owner != "session":
            return
        message = decode(frame)
        if message.topic is SESSION_FACT:
            fact = message.body
            known = self.facts.setdefault(fact.number, fact)
            assert known.body == fact.body, "a fact never changes"
            assert known.stream_id == fact.stream_id
        elif message.topic is SESSION_PERMISSION and message.body.may_charge and "session" in self.processes:
            if not message.resent and self.station.connectors[1].meter != "none":
                active = [t for t in self.journal() if t.stop is None]
                assert len(active) == 1, "permission without an open transaction in the journal"

        elif message.topic.name == "session.answered":
            self.answers.append(message.body)

    def check_stream(self) -> None:
        """Facts contiguous from 1; Started before Stopped, each once; never two open; the register never falls."""
        assert sorted(self.facts) == list(range(1, len(self.facts) + 1))
        open_id, last_wh = "", 0
        seen: set[str] = set()
        for _, fact in sorted(self.facts.items()):
            body = fact.body
            if isinstance(body, TransactionStarted):
                assert not open_id, "two transactions open at once"
                assert body.transaction_id not in seen
                seen.add(body.transaction_id)
                open_id, start_wh = body.transaction_id, body.meter_start_wh
                assert start_wh >= last_wh
                last_wh = start_wh
            elif isinstance(body, TransactionMeterValues):
                assert body.transaction_id == open_id, "meter values outside their transaction"
            else:
                assert body.transaction_id == open_id
                assert body.meter_stop_wh >= last_wh
                open_id, last_wh = "", body.meter_stop_wh
        rows = self.journal()
        assert [t.transaction_id for t in rows] == [s.transaction_id for s in self.started()]
        assert len([t for t in rows if t.meter_stop_wh is None]) == (1 if open_id else 0)


class DyingStore(Store):
    """The real store, which the process may not survive, on a disk that may be full."""

    def __init__(self, path: Path, cell: SessionCell) -> None:
        self._cell = cell
        super().__init__(path, MIGRATIONS)

    @contextlib.contextmanager
    def commit(self) -> Iterator[Any]:
        self._cell._point()
        with super().commit() as connection:
            yield connection
            if self._cell.disk_full:
                raise StoreError("database or disk is full")
        self._cell._point()


def make_cell(
    home: Path, *, meter: str = "eastron_sdm630_v2", cable: str = "socket", backend: bool = False, **keys: str
) -> SessionCell:
    """A station with one connector, powered up; with a backend, or without one and what speaks to it."""

    def neighbour(kind: type[Neighbour], hears: tuple[Any, ...] = ()) -> Wiring:
        asks = WISHES if kind is Hmi else ()
        return Wiring(hears, asks, lambda context: kind(context.bus, cell))

    wirings = {
        "safety": neighbour(Safety, (SESSION_PERMISSION,)),
        "metering": neighbour(Metering),
        "settings": neighbour(Settings),
        "system": neighbour(System),
        "hmi": neighbour(Hmi),
        "session": Wiring(HEARS, ASKS, lambda context: cell.build_session(context)),
    }
    cell = SessionCell(Home(home), STATION.format(meter=meter, cable=cable), wirings, socket=cable == "socket")
    if backend:
        wirings["message_queue"] = neighbour(Queue, (SESSION_FACT, SESSION_ACKNOWLEDGED))
        wirings["ocpp_link"] = neighbour(Link)
        cell.keys["OCPPBackendJSONURL"] = "ws://backend.example/ocpp/"
    cell.keys.update(keys)
    cell.power_up()
    cell.settle()
    return cell
