"""A real station under `chargectl up`, for process tests.

station.plug_in()
station.sim("swipe", id_tag=CARD)
station.until(SESSION_CONNECTOR, lambda body: body.status is ConnectorStatus.CHARGING)
station.kill("session")
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from bus.topics import HEARTBEATS, Topic
from chargectl.bus_client import BusClient
from chargectl.health import Health, look
from chargectl.output import Failure
from chargectl.sim import ask_world
from chargectl.station import processes_of
from chargectl.supervisor import Program, Supervisor
from services.home import Home
from tests import recorded_steps
from tests.invariants_of_recordings import BusWatch

ROOT = Path(__file__).parent.parent
CARD = "04C0FFEE123456"
STATION = f"""\
[station]
board = "simulated"
[connector.1]
cable = "socket"
[cards]
local = ["{CARD}"]
"""
START_S = 30.0
STOP_S = 60.0


def environment() -> dict[str, str]:
    """Of a process that shall find this checkout, without a station's variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CHARGE_")}
    return {**kept, "PYTHONPATH": f"{ROOT / 'tests' / 'step_recorder'}:{ROOT}"}


def chargectl(*words: str, home: Path | None = None, seconds: float = 30.0) -> "subprocess.CompletedProcess[str]":
    """The command as a person calls it."""
    place = ["--home", str(home)] if home is not None else []
    return subprocess.run(
        [sys.executable, "-P", "-m", "chargectl", *words, *place],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )


def wait_until(happened: Callable[[], bool], what: str, seconds: float = 20.0, every_s: float = 0.02) -> None:
    deadline_s = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline_s, f"not within {seconds:g} s: {what}"
        time.sleep(every_s)


class RunningStation:
    def __init__(self, root: Path, station_text: str = STATION) -> None:
        self.home = Home(root)
        self.text = station_text
        self.up: subprocess.Popen[str] | None = None
        self.watch: BusWatch | None = None
        """Holds what is said on the bus against the safety invariants, from the first start until `clean_up`."""

    # its life

    def start(self) -> "RunningStation":
        """Makes the home if there is none, runs `chargectl up`, waits until every service is healthy."""
        self.launch()
        self.wait_healthy()
        return self

    def launch(self) -> None:
        """`chargectl up`, without waiting for anything."""
        if not self.home.station_file.exists():
            self.home.root.mkdir(parents=True, exist_ok=True)
            self.home.station_file.write_text(self.text, encoding="utf-8")
        self.up = subprocess.Popen(
            [sys.executable, "-P", "-m", "chargectl", "up", "--home", str(self.home.root)],
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.watch = self.watch or BusWatch(self.home)

    def stop(self) -> int:
        """As Ctrl-C does; returns the exit code of `chargectl up`."""
        assert self.up is not None
        if self.up.poll() is None:
            self.up.send_signal(signal.SIGINT)
        return self.up.wait(STOP_S)

    def clean_up(self) -> None:
        """Whatever a test has left of it."""
        if self.up is not None:
            try:
                self.stop()
            except subprocess.TimeoutExpired:
                self.up.kill()
            if self.up.stdout is not None:
                self.up.stdout.close()
        for process in processes_of(self.home):
            os.kill(process, signal.SIGKILL)
        if self.watch is not None:
            self.watch.end()
            self.watch.check()
        recorded_steps.check(self.home.root)

    def power_cut(self) -> None:
        done = chargectl("sim", "power-cut", home=self.home.root)
        assert done.returncode == 0, done.stderr

    def wait_healthy(self, seconds: float = START_S) -> Health:
        seen: list[Health] = []

        def healthy() -> bool:
            assert self.up is not None
            assert self.up.poll() is None, f"chargectl up has ended: {self.output()}"
            try:
                seen.append(self.status())
            except Failure:
                return False
            return seen[-1].healthy

        try:
            wait_until(healthy, "all services healthy", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{seen[-1].services if seen else ''}\n{self.logs()}") from None
        return seen[-1]

    # looking at it

    def output(self) -> str:
        """What `chargectl up` has said; only after its end."""
        assert self.up is not None
        assert self.up.stdout is not None
        return self.up.stdout.read()

    def logs(self) -> str:
        files = sorted(self.home.log.glob("*.log"))
        return "\n".join(f"--- {file.stem}\n{file.read_text(errors='replace')[-1500:]}" for file in files)

    def status(self) -> Health:
        return look(self.home)

    def programs(self) -> dict[str, Program]:
        return {program.name: program for program in Supervisor(self.home).programs()}

    def names(self) -> list[str]:
        return sorted(self.programs())

    def process(self, name: str) -> int:
        """Its process id; 0 while it has none."""
        return self.programs()[name].pid

    def processes(self) -> list[int]:
        return processes_of(self.home)

    def bus(self, hears: Sequence[Topic[Any]] = (), asks: Sequence[Topic[Any]] = ()) -> BusClient:
        return BusClient(self.home, hears=hears, asks=asks)

    def until(self, topic: Topic[Any], condition: Callable[[Any], bool], key: str = "1", seconds: float = 20.0) -> Any:
        """The first body of the topic that meets the condition."""
        with self.bus(hears=(topic,)) as client:
            last = None
            for received in client.messages(client.clock.now().boot_s + seconds):
                if received.key == (key if topic.key else ""):
                    last = received.body
                    if condition(last):
                        return last
        raise AssertionError(f"{topic} did not come to this within {seconds:g} s; last: {last}\n{self.logs()}")

    # doing something to it

    def sim(self, op: str, **fields: Any) -> dict[str, Any]:
        return ask_world(self.home, {"op": op, **fields})

    def plug_in(self, **vehicle: Any) -> None:
        """Again while the empty socket is locked: after a start the lock is tried out."""
        wait_until(lambda: self._plugs_in(vehicle), "the socket takes the plug", 20.0)

    def _plugs_in(self, vehicle: dict[str, Any]) -> bool:
        try:
            self.sim("plug_in", connector="1", ev={"ready_after_s": 0.2, **vehicle})
        except Failure as refusal:
            if "locked" not in str(refusal):
                raise
            return False
        return True

    def kill(self, name: str) -> int:
        """kill -9; returns the process that died."""
        process = self.process(name)
        assert process, f"{name} does not run"
        os.kill(process, signal.SIGKILL)
        return process

    def wait_replaced(self, name: str, process: int, seconds: float = 10.0) -> None:
        """Until another process than `process` is heard as `name`."""
        self.until(HEARTBEATS[name], lambda beat: beat.pid != process and beat.state == "running", seconds=seconds)
