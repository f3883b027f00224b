"""One real `safety` process and a simulated world with 16 connectors; the bench speaks as `session` and `settings`."""

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bus.endpoint import Endpoint
from bus.ids import new_run_id
from bus.socket import BusSocket
from bus.topics import HEARTBEATS, SAFETY_CONNECTOR, SESSION_PERMISSION, SETTINGS_VALUES
from chargectl.bench.children import end, environment
from chargectl.bench.effort import BenchError
from chargectl.bench.slices import boot_s
from chargectl.bench.stations import make_home, wait_until
from chargectl.bench.world_client import WorldClient
from schemas.safety import Lock, PilotState, SafetyConnector
from schemas.session import Permission
from schemas.settings import SettingsSnapshot
from services.clock import StationClock
from services.home import Home

CONNECTORS = range(1, 17)
LEASE_S, RENEW_S = 10.0, 1.0
LIMIT_A = 16.0
WORLD_PRIORITY = 60
"""The simulated hardware comes before `safety`: hardware is never late because a computer is busy."""
START_S = 20.0


OF_CONNECTORS = {"rcd": "normally open", "protective_earth": "normally open", "overcurrent": "normally open"}
OF_STATION = ("emergency_stop", "tilt", "water", "tamper", "spd", "energy_management")
KEYS = {
    "HardwareCurrentLimit": "32",
    "RCDENABLE": "On",
    "WeldCheckAuxRelay": "On",
    "CheckCarOverCurrent": "On",
    "TamperDetectionInputEnable": "On",
    "SPDCFG": "On",
    "EnergyManInputPowerLimitCfg": "Enable",
    "RCMBDelta": "10",
    "TempDelta": "1",
    "VentHeatingCtrlMode": "Fan (temperature)",
}
"""Everything that makes work for a step is switched on."""


def station_file(realtime: bool) -> str:
    """Every sensor there is; half of the connectors with a socket and a lock, half with a fixed cable."""
    lines = [f"[station]\nrealtime = {str(realtime).lower()}\n"]
    for number in CONNECTORS:
        cable = "socket" if number % 2 else "fixed"
        lines.append(f'[connector.{number}]\ncable = "{cable}"\noutput_sense = true\nphase_switching = true\n')
    wired = {_named(name, number): kind for number in CONNECTORS for name, kind in OF_CONNECTORS.items()}
    wired.update(dict.fromkeys(OF_STATION, "normally open"))
    sensors = ["housing", "cpu", "rfid"]
    sensors += [_named(name, number) for number in CONNECTORS for name in ("relay", "plug_1", "plug_2")]
    inputs = ", ".join(f'"{name}" = "{kind}"' for name, kind in wired.items())
    lines.append(f"[equipment]\ninputs = {{ {inputs} }}\ntemperatures = {sensors}\nfan = true\n")
    return "".join(lines)


def _named(name: str, number: int) -> str:
    """Those of connector 1 have no number."""
    return name if number == 1 else f"{name}.{number}"


class StopRig:
    def __init__(self, home: Home, safety: int, world: WorldClient) -> None:
        self.safety = safety
        """Its process."""
        self.world = world
        clock = StationClock()
        hears = (SAFETY_CONNECTOR, HEARTBEATS["safety"])
        self._session = Endpoint("session", clock, run_id=new_run_id(), hears=hears)
        self._settings = Endpoint("settings", clock, run_id=new_run_id())
        directory = home.socket_directory("bus")
        self._sockets = [BusSocket(self._session, directory), BusSocket(self._settings, directory)]
        self._poll = select.poll()
        for wire in self._sockets:
            for descriptor in wire.filenos():
                self._poll.register(descriptor, select.POLLIN)
        self._renew_s = 0.0
        self._settings.publish(SETTINGS_VALUES, SettingsSnapshot(revision=1, values=KEYS))

    def connector(self, number: int) -> SafetyConnector | None:
        """What `safety` said last; None before its first word."""
        return self._session.latest(SAFETY_CONNECTOR, str(number)).body

    @property
    def missed_deadlines(self) -> int:
        beat = self._session.latest(HEARTBEATS["safety"]).body
        return beat.missed_deadlines if beat is not None else 0

    def turn(self, wait_s: float) -> None:
        """Renews every permission when it is time, and takes in what `safety` says; waits at most so long for it."""
        now_s = boot_s()
        if now_s >= self._renew_s:
            self._renew_s = now_s + RENEW_S
            for number in CONNECTORS:
                self._permit(number, now_s + LEASE_S)
        for wire in self._sockets:
            wire.drain()
        if not self._session.inbox:
            self._poll.poll(wait_s * 1000.0)
            for wire in self._sockets:
                wire.drain()
        self._session.inbox.clear()

    def _permit(self, number: int, until_s: float) -> None:
        permission = Permission(connector=number, may_charge=True, limit_a=LIMIT_A, hold_cable=True, until_s=until_s)
        self._session.publish(SESSION_PERMISSION, permission, str(number))

    def wait(self, happened: Callable[[], bool], what: str, within_s: float) -> None:
        """Raises BenchError when it does not happen in time."""
        deadline_s = boot_s() + within_s
        while not happened():
            if boot_s() > deadline_s:
                raise BenchError(f"not within {within_s:g} s: {what}")
            self.turn(0.02)

    def close(self) -> None:
        for wire in self._sockets:
            wire.close()


def _is_ready(rig: StopRig, number: int) -> bool:
    """The self-tests of lock and residual current module are over, and a plug can go in."""
    said = rig.connector(number)
    return said is not None and said.state is PilotState.A and said.lock in (Lock.NONE, Lock.UNLOCKED)


@contextmanager
def stop_rig(root: Path, *, realtime: bool, world_first: bool) -> Iterator[StopRig]:
    """`realtime`: `safety` asks for SCHED_FIFO. `world_first`: the simulated world gets it too."""
    home = make_home(root, station_file(realtime))
    with ExitStack() as stack:
        world_process = stack.enter_context(_service("world", home))
        if world_first:
            os.sched_setscheduler(world_process.pid, os.SCHED_FIFO, os.sched_param(WORLD_PRIORITY))
        wait_until((home.run / "world.sock").exists, "the simulated world listens", START_S)
        safety_process = stack.enter_context(_service("safety", home))
        world = WorldClient(home.socket_directory() / "world.sock")
        stack.callback(world.close)
        rig = StopRig(home, safety_process.pid, world)
        stack.callback(rig.close)
        try:
            rig.wait(lambda: all(_is_ready(rig, number) for number in CONNECTORS), "safety is ready", START_S)
            yield rig
        except BenchError as error:
            logs = [f"{log.stem}: {log.read_text(errors='replace')[-600:]}" for log in sorted(home.log.glob("*.log"))]
            raise BenchError("\n".join([str(error), *logs])) from error


@contextmanager
def _service(name: str, home: Home) -> Iterator["subprocess.Popen[bytes]"]:
    with (home.log / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", f"services.{name}"],
            env=environment(CHARGE_HOME=str(home.root), CHARGE_START_ID="bench"),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
        end(process)
