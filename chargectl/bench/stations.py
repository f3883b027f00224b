"""A station of the bench's own, under `chargectl up`, and the heartbeats by which it is known to be healthy."""

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bus.topics import HEARTBEATS, Topic
from chargectl.bench.children import environment
from chargectl.bench.effort import BenchError
from chargectl.bench.slices import boot_s
from chargectl.bus_client import BusClient
from chargectl.demo.backend import DemoBackend
from chargectl.init import DEFAULT_STATION
from chargectl.station import processes_of
from chargectl.supervisor import CONFIGURATION, Program, Supervisor
from services.home import Home

HEALTHY_S = 60.0
END_S = 30.0
WORLD = "world"


def shipped_services() -> tuple[str, ...]:
    """Every service that `chargectl up` runs, in the order of the shipped supervisord.conf."""
    return tuple(re.findall(r"^\[program:(\w+)\]", CONFIGURATION.read_text(encoding="utf-8"), re.MULTILINE))


SERVICES = shipped_services()
STATION_SERVICES = tuple(name for name in SERVICES if name != WORLD)
"""Those that also run on a real board."""


def make_home(root: Path, text: str = DEFAULT_STATION) -> Home:
    home = Home(root)
    home.make_directories()
    home.station_file.write_text(text, encoding="utf-8")
    return home


class RunningStation:
    """`chargectl up` in the background. Use `running`, which ends it."""

    def __init__(self, home: Home, *, preload: bool = True) -> None:
        self.home = home
        self.started_s = boot_s()
        """Boot clock, just before the command was run."""
        self._log = home.log / "up.log"
        with self._log.open("wb") as log:
            self._up = subprocess.Popen(
                [sys.executable, "-m", "chargectl", "up", "--home", str(home.root)],
                env=environment() if preload else environment(CHARGE_PRELOAD="0"),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def first_heartbeats(self) -> dict[str, tuple[int, float]]:
        """Process and boot-clock time of the first heartbeat of every service, as its sender stamped it."""
        beats: dict[str, tuple[int, float]] = {}
        with BusClient(self.home, hears=tuple(HEARTBEATS.values())) as client:
            for received in client.messages(self.started_s + HEALTHY_S):
                known = received.sender in SERVICES
                if known and received.sent_s >= self.started_s and received.body.state == "running":
                    beats.setdefault(received.sender, (received.body.pid, received.sent_s))
                if len(beats) == len(SERVICES):
                    return beats
                if self._up.poll() is not None:
                    break
        missing = ", ".join(sorted(set(SERVICES) - beats.keys()))
        raise BenchError(f"not healthy within {HEALTHY_S:g} s: {missing}\n{self.last_words()}")

    def first(self, topic: Topic[Any], condition: Callable[[Any], bool]) -> float:
        """Boot-clock time at which its owner stamped the first body that meets the condition. Raises BenchError."""
        with BusClient(self.home, hears=(topic,)) as client:
            for received in client.messages(self.started_s + HEALTHY_S):
                if received.sent_s >= self.started_s and condition(received.body):
                    return received.sent_s
        raise BenchError(f"not within {HEALTHY_S:g} s: {topic.name}\n{self.last_words()}")

    def last_words(self) -> str:
        logs = [self._log, *sorted(self.home.log.glob("*.log"))]
        return "\n".join(f"{log.name}: {_tail(log)}" for log in dict.fromkeys(logs))

    def programs(self) -> dict[str, Program]:
        return {program.name: program for program in Supervisor(self.home).programs()}

    def supervisord(self) -> int:
        return Supervisor(self.home).process_id()

    def wait_running(self) -> dict[str, Program]:
        """Until supervisord calls every service RUNNING (a second after its start)."""
        wait_until(
            lambda: all(program.state == "RUNNING" for program in self.programs().values()), "all services RUNNING"
        )
        return self.programs()

    def end(self) -> None:
        self._up.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._up.wait(END_S)
        for process in processes_of(self.home):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        if self._up.poll() is None:
            self._up.kill()
            self._up.wait()


@contextmanager
def running(home: Home, *, preload: bool = True) -> Iterator[RunningStation]:
    """`preload` False: every service executes an interpreter of its own."""
    station = RunningStation(home, preload=preload)
    try:
        yield station
    finally:
        station.end()


@contextmanager
def demo_backend(home: Home) -> Iterator[str]:
    """A demo backend of the bench's own; its address."""
    backend = DemoBackend(home)
    try:
        yield backend.start()
    finally:
        backend.stop()


def wait_until(happened: Callable[[], bool], what: str, within_s: float = HEALTHY_S) -> None:
    """Raises BenchError when it does not happen in time."""
    deadline_s = boot_s() + within_s
    while not happened():
        if boot_s() > deadline_s:
            raise BenchError(f"not within {within_s:g} s: {what}")
        time.sleep(0.02)


def _tail(log: Path) -> str:
    try:
        return log.read_text(encoding="utf-8", errors="replace")[-400:].strip()
    except OSError:
        return ""
