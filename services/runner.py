"""Drives one service as a process: bus, clock, signals, heartbeat, log levels, last words, all of it here, once."""

import contextlib
import ctypes
import gc
import logging
import os
import select
import signal
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.envelope import Received
from bus.ids import new_run_id
from bus.socket import BusSocket
from bus.topics import HEARTBEATS, SETTINGS_VALUES, SYSTEM_CLOCK, Topic
from schemas.base import Heartbeat
from schemas.station import Station
from services import log
from services.clock import StationClock
from services.exit_codes import ExitCode
from services.home import BadHome, Home
from services.lock import AlreadyRunning, OwnerLock
from services.store_errors import NewerStore, StoreError
from services.version import VERSION as VERSION

HEARTBEAT_S = 1.0
LATE_S = 0.010
"""A turn that comes later than this after its deadline is counted as missed."""
MOST_EVENTS = 64
"""Descriptors reported by one wait; the rest by the next."""
PR_SET_PDEATHSIG = 1
MCL_CURRENT_AND_FUTURE = 3
REALTIME_PRIORITY = 50


class Source(Protocol):
    """Something outside the bus that wakes the service: a driver, a socket, a worker's result."""

    def fileno(self) -> int:
        """-1 while there is nothing to wait for; it may change from turn to turn."""

    def receive(self) -> None: ...


class Service(Protocol):
    """What every process is. `now` comes in; nothing in here reads a clock or blocks.

    `on_time` is called after every turn (messages, sources, deadline) and says by when it wants the next call.
    """

    settings_revision: int

    def on_start(self, now: Now) -> None: ...
    def on_message(self, message: Received, now: Now) -> None: ...
    def on_time(self, now: Now) -> float: ...
    def on_stop(self, now: Now) -> None: ...
    def sources(self) -> Iterable[Source]: ...


@dataclass(frozen=True)
class Context:
    """What a service's `build` wires from."""

    home: Home
    station: Station
    bus: Endpoint
    clock: StationClock
    start_id: str
    """Made by `chargectl up`: the same for every process of one start of the station."""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How to run one owner.

    `realtime`: no garbage collection, and SCHED_FIFO and locked memory if the station file grants it.
    """

    owner: str
    hears: tuple[Topic[Any], ...] = ()
    asks: tuple[Topic[Any], ...] = ()
    build: Callable[[Context], Service]
    realtime: bool = False


def run(plan: Plan) -> int:
    """The whole life of the process; returns its exit code."""
    end_with_supervisor()
    clock = StationClock()
    log.set_up(clock)
    logger = logging.getLogger(plan.owner)
    try:
        home = Home(os.environ.get("CHARGE_HOME") or ".")
        station = home.load_station()
        home.make_directories()
        lock = OwnerLock(home.bus / f"{plan.owner}.lock")
    except BadHome as error:
        logger.error("%s", error)
        return ExitCode.BAD_CONFIGURATION
    except AlreadyRunning as error:
        logger.error("%s", error)
        return ExitCode.ALREADY_RUNNING
    except OSError as error:
        logger.error("cannot start: %s", error)
        return ExitCode.CANNOT_WRITE
    try:
        return _Process(plan, home, station, clock, logger).live()
    finally:
        lock.close()


def end_with_supervisor() -> None:
    """Under supervisord, SIGTERM comes when it dies: no service outlives its supervisor (PR_SET_PDEATHSIG)."""
    if os.environ.get("SUPERVISOR_ENABLED"):
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() == 1:
            sys.exit(ExitCode.NOT_RUNNING)


class _Process:
    def __init__(self, plan: Plan, home: Home, station: Station, clock: StationClock, logger: logging.Logger) -> None:
        self._plan = plan
        self._clock = clock
        self._logger = logger
        self._station = station
        self._home = home
        own = {SYSTEM_CLOCK.owner: SYSTEM_CLOCK, SETTINGS_VALUES.owner: SETTINGS_VALUES}
        wanted = [topic for owner, topic in own.items() if owner != plan.owner and topic not in plan.hears]
        self._for_runner = {topic.name for topic in wanted}
        self.bus = Endpoint(plan.owner, clock, run_id=new_run_id(), hears=(*plan.hears, *wanted), asks=plan.asks)
        self._stopping = False
        self._next_heartbeat_s = 0.0
        self._started_wall_s = clock.now().wall_s
        self._levels_revision = -1
        self._missed = 0
        self._wake_in, self._wake_out = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._poll = select.epoll()
        self._registered: set[int] = set()

    def live(self) -> int:
        self._take_signals()
        service: Service | None = None
        try:
            self._socket = BusSocket(self.bus, self._home.socket_directory("bus"))
            context = Context(self._home, self._station, self.bus, self._clock, os.environ.get("CHARGE_START_ID", ""))
            service = self._plan.build(context)
            if self._plan.realtime:
                self._prefer_deadlines()
            service.on_start(self._clock.now())
            self._turn(service)
            code, words = ExitCode.OK, "stopping"
        except (BadHome, NewerStore) as error:
            code, words = ExitCode.BAD_CONFIGURATION, str(error)
        except (OSError, StoreError) as error:
            self._logger.exception("stopped by the system")
            code, words = ExitCode.CANNOT_WRITE, str(error)
        except Exception as error:
            self._logger.exception("stopped by an error in the program")
            code, words = ExitCode.CRASHED, f"{type(error).__name__}: {error}"
        self._end(service, code, words)
        return code

    def _turn(self, service: Service) -> None:
        wake = {*self._socket.filenos(), self._wake_in}
        sources: dict[int, Source] = {}
        ready: list[tuple[int, int]] = []
        while not self._stopping:
            left = self._take_messages(service, ready)
            ready = []
            now = self._clock.now()
            deadline_s = min(service.on_time(now), self.bus.on_time(), self._heartbeat(service, now))
            if self._socket.drain(ready) or self.bus.inbox or left:
                continue
            sources = {source.fileno(): source for source in service.sources() if source.fileno() >= 0}
            self._register(wake | sources.keys())
            wait_s = max(0.0, deadline_s - self._clock.boot_s())
            ready = self._poll.poll(min(wait_s, HEARTBEAT_S), MOST_EVENTS)
            if not ready and self._clock.boot_s() > deadline_s + LATE_S:
                self._missed += 1
            for descriptor, _ in ready:
                if descriptor in sources:
                    sources[descriptor].receive()

    def _take_messages(self, service: Service, ready: list[tuple[int, int]]) -> bool:
        left = self._socket.drain(ready)
        while self.bus.inbox:
            message = self.bus.inbox.popleft()
            if message.topic is SYSTEM_CLOCK:
                self._clock.offset_s = message.body.offset_s
            if message.topic.name not in self._for_runner:
                service.on_message(message, self._clock.now())
        return left

    def _heartbeat(self, service: Service, now: Now, state: str = "running") -> float:
        if now.boot_s >= self._next_heartbeat_s or state != "running":
            self._next_heartbeat_s = now.boot_s + HEARTBEAT_S
            self._follow_levels()
            self.bus.publish(
                HEARTBEATS[self._plan.owner],
                Heartbeat(
                    pid=os.getpid(),
                    state=state,
                    version=VERSION,
                    started_wall_s=self._started_wall_s,
                    settings_revision=service.settings_revision,
                    received=self.bus.received,
                    gaps=self.bus.gaps,
                    ignored=self.bus.ignored,
                    missed_deadlines=self._missed,
                    detail=self.bus.last_ignored,
                ),
            )
        return self._next_heartbeat_s

    def _follow_levels(self) -> None:
        snapshot = self.bus.latest(SETTINGS_VALUES).body
        if snapshot is not None and snapshot.revision != self._levels_revision:
            self._levels_revision = snapshot.revision
            values = snapshot.values
            log.apply_levels(self._plan.owner, values.get("loglevel", "INFO"), values.get("loglevelcomponents", ""))

    def _register(self, wanted: set[int]) -> None:
        if wanted == self._registered:
            return
        for descriptor in self._registered - wanted:
            with contextlib.suppress(OSError):
                self._poll.unregister(descriptor)
        for descriptor in wanted - self._registered:
            self._poll.register(descriptor, select.EPOLLIN)
        self._registered = wanted

    def _take_signals(self) -> None:
        signal.set_wakeup_fd(self._wake_out, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    def _stop(self, _number: int, _frame: object) -> None:
        self._stopping = True

    def _prefer_deadlines(self) -> None:
        gc.collect()
        gc.freeze()
        gc.disable()
        if self._station.station.realtime:
            with contextlib.suppress(PermissionError):
                os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(REALTIME_PRIORITY))
            ctypes.CDLL(None).mlockall(MCL_CURRENT_AND_FUTURE)

    def _end(self, service: Service | None, code: int, words: str) -> None:
        if code != ExitCode.OK:
            self._logger.error("%s", words)
        if service is not None:
            now = self._clock.now()
            try:
                service.on_stop(now)
            except Exception:
                self._logger.exception("on_stop failed")
            state = words if code == ExitCode.OK else f"stopped: {words[:300]}"
            with contextlib.suppress(ValueError, OSError):
                self._heartbeat(service, now, state)
        bus_socket = getattr(self, "_socket", None)
        if bus_socket is not None:
            bus_socket.close()
        signal.set_wakeup_fd(-1)


def path_of_store(context: Context, name: str) -> Path:
    """`$CHARGE_HOME/data/NAME.db`: nobody but its owner opens it."""
    return context.home.data / f"{name}.db"
