"""Real drivers on simulated hardware: a pty with a microcontroller, or a site behind a socket.

Everything runs in real time on the boot clock, beside the test in a thread of the rig.
"""

import contextlib
import os
import pty
import select
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from hardware.interfaces import SafetyBoard
from hardware.linux.clock import boot_s
from hardware.mcu.board import McuSafetyBoard
from hardware.sim.board import SimulatedSafetyBoard, fitted_of
from hardware.sim.direct import DirectSafetyBoard
from hardware.sim.mcu import SimulatedMcu
from hardware.sim.mcu_sample import Fitted
from hardware.sim.site import Site
from schemas.station import Station
from services.home import Home, parse_station
from services.world.station import World, describe

PATIENCE_S = 10.0
MOUNTED = """
[connector.1]
output_sense = true
phase_switching = true
meter_address = "tcp:127.0.0.1:502/1"
[equipment]
inputs = { emergency_stop = "normally open", rcd = "normally open" }
outputs = ["auxiliary", "relay_2"]
temperatures = ["housing"]
fan = true
"""


class Rig(Protocol):
    """A board, the site it stands on, and what may happen to the way between them."""

    board: SafetyBoard

    def do(self, act: Callable[[Site], Any]) -> None:
        """Something happens on the site, now."""

    def vanish(self) -> None: ...
    def come_back(self) -> None: ...
    def close(self) -> None: ...


class Turning:
    """A thread that turns something every millisecond, under one lock."""

    def __init__(self, turn: Callable[[], None]) -> None:
        self.lock = threading.RLock()
        self._turn = turn
        self._ended = threading.Event()
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            while not self._ended.is_set():
                with self.lock:
                    self._turn()
                self._ended.wait(0.001)
        except BaseException as error:
            self.failure = error
            raise

    def stop(self) -> None:
        self._ended.set()
        self._thread.join()
        if self.failure is not None:
            raise self.failure


class SocketRig:
    def __init__(self, path: Path) -> None:
        self.home = Home(path)
        self.home.make_directories()
        self.station = parse_station(MOUNTED)
        self._begin()
        sections = self.station.connectors.items()
        fitted = {number: fitted_of(each) for number, each in sections}
        socket_path = self.home.socket_directory() / "board.sock"
        self.board: SafetyBoard = SimulatedSafetyBoard(socket_path, fitted, self.station.equipment)

    def _begin(self) -> None:
        self.world = World(self.home, self.station, boot_s)
        self.turning = Turning(self._turn)

    def _turn(self) -> None:
        self.world.on_clock(boot_s())
        self.world.receive()

    def do(self, act: Callable[[Site], Any]) -> None:
        with self.turning.lock:
            self.world.site.advance(boot_s())
            act(self.world.site)

    def vanish(self) -> None:
        self.turning.stop()
        self.world.close()

    def come_back(self) -> None:
        self._begin()

    def close(self) -> None:
        self.board.close()
        self.vanish()


class PtyLine:
    """A serial line: `path` is what the driver opens, `master` the other end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.master = -1
        self._slave = -1
        self.plug()

    def plug(self) -> None:
        self.master, self._slave = pty.openpty()
        os.set_blocking(self.master, False)
        self.path.unlink(missing_ok=True)
        self.path.symlink_to(os.ttyname(self._slave))

    def unplug(self) -> None:
        os.close(self.master)
        os.close(self._slave)
        self.path.unlink()
        self.master = -1

    def read(self) -> bytes:
        with contextlib.suppress(OSError):
            return os.read(self.master, 65536) if self.master >= 0 else b""
        return b""

    def write(self, data: bytes) -> None:
        """What does not fit is lost, as on a real line without flow control."""
        with contextlib.suppress(OSError):
            if self.master >= 0:
                os.write(self.master, data)


def mcu_text(port: Path) -> str:
    return f'[station]\nboard = "mcu"\nmodel = "Bench AC"\nserial = "BENCH-1"\n[mcu]\nport = "{port}"\n{MOUNTED}'


def electrics(station: Station, now_s: Callable[[], float]) -> tuple[Site, DirectSafetyBoard]:
    """The site of a station, and the pins of a board on it."""
    site = Site(describe(station), None, now_s())
    return site, DirectSafetyBoard(site, now_s)


def fitted_for_mcu(station: Station) -> dict[int, Fitted]:
    return {
        number: Fitted(
            mirror=each.mirror_contact,
            phase_relay=each.phase_switching,
            lock_feedback=each.lock_actuator != "without feedback",
            release_energy=each.lock_actuator == "with emergency release",
            outlet=number == station.outlet,
        )
        for number, each in station.connectors.items()
    }


class McuBench:
    """A microcontroller on a site, at the end of a pty; the driver is somebody else's."""

    def __init__(self, path: Path, text_of: Callable[[Path], str] = mcu_text) -> None:
        self.line = PtyLine(path / "ttyMCU")
        self.text = text_of(self.line.path)
        self.station = parse_station(self.text)
        self.site, self.pins = electrics(self.station, boot_s)
        self.mcu = self._microcontroller(1)
        self.to_host: Callable[[bytes], bytes] = lambda data: data
        """What the line does to the bytes on their way."""
        self.to_mcu: Callable[[bytes], bytes] = lambda data: data
        self.heard_s = 0.0
        """When the line brought something last."""
        self.turning = Turning(self._turn)

    def _microcontroller(self, boot_id: int) -> SimulatedMcu:
        return SimulatedMcu(
            self.pins,
            lambda data: self.line.write(self.to_host(data)),
            now_s=boot_s(),
            fitted=fitted_for_mcu(self.station),
            clock_rate=1.004,
            start_us=0xFFFFFFFF - 2_000_000,
            boot_id=boot_id,
        )

    def reset(self) -> None:
        """The microcontroller begins anew."""
        with self.turning.lock:
            self.mcu = self._microcontroller(self.mcu.boot_id + 1)

    def _turn(self) -> None:
        data = self.line.read()
        if data:
            self.heard_s = boot_s()
            self.mcu.receive(self.to_mcu(data), boot_s())
        self.mcu.turn(boot_s())

    def do(self, act: Callable[[Site], Any]) -> None:
        with self.turning.lock:
            self.site.advance(boot_s())
            act(self.site)

    def end(self) -> None:
        self.turning.stop()


class McuRig(McuBench):
    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.board: SafetyBoard = McuSafetyBoard(self.station)

    def vanish(self) -> None:
        with self.turning.lock:
            self.line.unplug()

    def come_back(self) -> None:
        with self.turning.lock:
            self.line.plug()

    def close(self) -> None:
        self.board.close()
        self.end()


def turn(rig: Rig) -> None:
    """Some milliseconds of the safety loop."""
    select.select([rig.board], [], [], 0.005)
    rig.board.receive()


def until(rig: Rig, condition: Callable[[], bool], feed: bool = False, flush: bool = False) -> float:
    """Turn until it is so; returns how long it took. Feeds or flushes at every turn if asked to."""
    start_s = boot_s()
    while not condition():
        assert boot_s() < start_s + PATIENCE_S, f"it never came true; trouble: {rig.board.trouble or 'none'}"
        if feed:
            rig.board.feed.feed(boot_s())
        if feed or flush:
            rig.board.flush()
        turn(rig)
    return boot_s() - start_s


def hold(rig: Rig, seconds: float, feed: bool = False) -> None:
    """Turn for so long."""
    end_s = boot_s() + seconds
    until(rig, lambda: boot_s() >= end_s, feed=feed, flush=True)
