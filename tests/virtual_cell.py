"""Services in one process with a clock turned by hand: the moving parts, without knowing any service."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.envelope import Received, decode
from bus.memory import Hub
from bus.topics import HEARTBEATS, SYSTEM_CLOCK, Topic
from schemas.base import Heartbeat
from services.home import Home, parse_station
from services.runner import Context, Service
from tests.virtual_clock import OffsetClock, VirtualClock

HEARTBEAT_S = 1.0
SHORTEST_STEP_S = 1e-6
MOST_TURNS_AT_ONCE = 2000


@dataclass
class Process:
    """One running service."""

    endpoint: Endpoint
    service: Service
    clock: OffsetClock
    deadline_s: float = 0.0
    heartbeat_s: float = 0.0
    pid: int = 0
    has_hardware: bool = False
    """Woken by every physical change."""


class Wiring:
    """How one owner is built in the virtual station."""

    def __init__(
        self, hears: tuple[Topic[Any], ...], asks: tuple[Topic[Any], ...], build: Callable[[Context], Service]
    ) -> None:
        self.hears, self.asks, self.build = hears, asks, build


@dataclass
class Cell:
    """The moving parts, without knowing any service: what `VirtualStation` and tests of a few services stand on."""

    home: Home
    text: str
    wirings: dict[str, Wiring]
    clock: VirtualClock = field(default_factory=VirtualClock)
    hub: Hub = field(default_factory=Hub)
    processes: dict[str, Process] = field(default_factory=dict)
    start_number: int = 0
    said: list[Received] = field(default_factory=list)
    """Everything that was published, in order."""
    keep_said: bool = True
    _pids: Iterator[int] = field(default_factory=lambda: iter(range(1000, 10**9)))
    world_next_s: Callable[[], float] = lambda: math.inf
    world_advance: Callable[[float], int] = lambda _now_s: 0
    """Lets the hardware happen until now; returns a number that changes when a reading may have."""
    _world_seen: int = -1

    def __post_init__(self) -> None:
        self.home.make_directories()
        self.station = parse_station(self.text)
        self.hub.taps.append(self._tap)

    # processes

    def power_up(self) -> None:
        """`chargectl up`: a new start of the whole station."""
        self.start_number += 1
        for owner in self.wirings:
            self.start(owner)

    def start(self, owner: str) -> None:
        wiring = self.wirings[owner]
        clock = OffsetClock(self.clock)
        pid = next(self._pids)
        hears = wiring.hears if SYSTEM_CLOCK in wiring.hears or owner == "system" else (*wiring.hears, SYSTEM_CLOCK)
        counter = iter(range(10**9))
        endpoint = Endpoint(
            owner,
            clock,
            run_id=f"run{pid}",
            hears=hears,
            asks=wiring.asks,
            ids=lambda: f"{int(clock.now().boot_s * 1000):012d}-{pid:06d}-{next(counter):08d}",
        )
        context = Context(self.home, self.station, endpoint, clock, f"start-{self.start_number}")  # type: ignore[arg-type]
        service = wiring.build(context)
        self.processes[owner] = process = Process(endpoint, service, clock, self.clock.boot_s, self.clock.boot_s, pid)
        process.has_hardware = any(True for _ in service.sources())
        self.hub.join(endpoint)
        service.on_start(clock.now())
        self._turn(process)

    def kill(self, owner: str) -> None:
        """kill -9: nothing is said, nothing is finished."""
        process = self.processes.pop(owner)
        self.hub.leave(owner)
        abandon = getattr(process.service, "abandon", None)
        if abandon is not None:
            abandon()

    def stop(self, owner: str) -> None:
        """SIGTERM."""
        process = self.processes.pop(owner)
        process.service.on_stop(process.clock.now())
        self.hub.deliver()
        self.hub.leave(owner)

    def restart(self, owner: str) -> None:
        self.stop(owner)
        self.start(owner)

    # time

    def advance(self, seconds: float) -> None:
        end_s = self.clock.boot_s + seconds
        self.settle()
        while self.clock.boot_s < end_s:
            self._step(end_s)

    def until(self, condition: Callable[[], bool], within_s: float) -> float:
        """Turns the clock until the condition holds; returns how long it took. Fails after `within_s`."""
        begin_s = self.clock.boot_s
        self.settle()
        while not condition():
            if self.clock.boot_s >= begin_s + within_s:
                raise AssertionError(f"not within {within_s} s; {self.picture()}")
            self._step(begin_s + within_s)
        return self.clock.boot_s - begin_s

    def picture(self) -> str:
        """For the message of a failed test."""
        return f"at {self.clock.boot_s:.3f} s with {', '.join(self.processes)}"

    def settle(self) -> None:
        """Lets everything happen that happens now."""
        for _ in range(MOST_TURNS_AT_ONCE):
            woken = self.world_advance(self.clock.boot_s)
            self.hub.deliver()
            ready = [p for p in self.processes.values() if self._is_due(p, woken != self._world_seen)]
            self._world_seen = woken
            if not ready:
                return
            for process in ready:
                self._turn(process)
        raise AssertionError(f"the services never come to rest {self.picture()}")

    def _is_due(self, process: Process, woken: bool) -> bool:
        now_s = self.clock.boot_s
        if process.endpoint.inbox or process.deadline_s <= now_s or process.heartbeat_s <= now_s:
            return True
        return woken and process.has_hardware

    def _step(self, end_s: float) -> None:
        times = [min(p.deadline_s, p.heartbeat_s) for p in self.processes.values()]
        next_s = min([*times, self.world_next_s(), end_s])
        self.clock.move_to(min(end_s, max(next_s, self.clock.boot_s + SHORTEST_STEP_S)))
        self.settle()

    def _turn(self, process: Process) -> None:
        inbox = process.endpoint.inbox
        while inbox:
            message = inbox.popleft()
            if message.topic is SYSTEM_CLOCK:
                process.clock.offset_s = message.body.offset_s
            process.service.on_message(message, process.clock.now())
        for source in process.service.sources():
            source.receive()
        now = process.clock.now()
        wanted_s = min(process.service.on_time(now), process.endpoint.on_time())
        process.deadline_s = max(wanted_s, now.boot_s + SHORTEST_STEP_S)
        self._heartbeat(process, now)

    def _heartbeat(self, process: Process, now: Now) -> None:
        if now.boot_s >= process.heartbeat_s:
            process.heartbeat_s = now.boot_s + HEARTBEAT_S
            owner = process.endpoint.owner
            beat = Heartbeat(
                pid=process.pid,
                state="running",
                version="test",
                started_wall_s=0.0,
                settings_revision=process.service.settings_revision,
            )
            process.endpoint.publish(HEARTBEATS[owner], beat)

    def _tap(self, _owner: str, frame: bytes) -> None:
        if self.keep_said:
            self.said.append(decode(frame))

    # looking

    def last(self, topic: Topic[Any], key: str = "") -> Any:
        """The latest body published on a topic, None before the first."""
        owner = self.processes.get(topic.owner)
        return owner.endpoint.latest(topic, key).body if owner is not None else None

    def bodies(self, topic: Topic[Any], key: str = "") -> list[Any]:
        """Everything published on a topic and key, resends left out."""
        return [m.body for m in self.said if m.topic is topic and m.key == key and not m.resent]
