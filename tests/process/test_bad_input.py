"""Nonsense from every side while a car charges at a real station, whose home has a very long path with spaces: each
gets a clear error, and the car keeps charging.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
import zmq

from bus.envelope import LARGEST_FRAME, MAJOR_VERSION
from bus.topics import FAULTS, HEARTBEATS, SESSION_CONNECTOR, SYSTEM_FAULTS
from chargectl.sim import ask_world
from schemas.base import Heartbeat
from services.exit_codes import ExitCode
from tests.process.driving import Driver, Status, one_right_bill
from tests.running_station import STATION, RunningStation, chargectl, environment, wait_until

pytestmark = pytest.mark.process
MakeStation = Callable[..., RunningStation]

LONG_NAME = "/".join(["a very long name of a directory, 100% legal"] * 4)


@pytest.fixture(scope="module")
def charging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """A car charges with full current, before and after each test."""
    station = RunningStation(tmp_path_factory.mktemp("bad") / LONG_NAME)
    try:
        driver = Driver(station.start())
        driver.charge()
        driver.until_full_current()
        yield driver
    finally:
        station.clean_up()


@contextlib.contextmanager
def nothing_noticed(driver: Driver) -> Iterator[None]:
    """By the car, and no service has died."""
    before = driver.what_the_car_noticed(), [each.pid for each in driver.station.programs().values()]
    yield
    after = driver.what_the_car_noticed(), [each.pid for each in driver.station.programs().values()]
    assert after == before, driver.station.logs()
    driver.until_status(Status.CHARGING)


# world.sock


GARBAGE = {
    "no JSON": b"plug it in please\n",
    "half a text": b"\xff\xfe\x00\n",
    "no object": b"[1, 2, 3]\n",
    "no operation": b'{"hello": "world"}\n',
    "an unknown operation": b'{"op": "explode"}\n',
    "a wrong type": b'{"op": "plug_out", "connector": [1]}\n',
    "an unknown connector": b'{"op": "plug_out", "connector": "7"}\n',
    "an unknown fault": b'{"op": "fault", "name": "earthquake", "connector": "1", "on": true}\n',
    "an impossible value": b'{"op": "fault", "name": "proximity", "connector": "1", "on": true, "value": 1e99}\n',
    "a number that is none": b'{"op": "meter", "meter": "connector.1", "energy_wh": NaN}\n',
    "endless depth": b"[" * 60_000 + b"\n",
    "an endless line": b'{"op": "' + b"x" * 80_000,
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_at_world_sock_is_answered_with_words(charging: Driver, name: str) -> None:
    with nothing_noticed(charging), socket.socket(socket.AF_UNIX) as client:
        client.settimeout(10)
        client.connect(str(charging.station.home.socket_directory() / "world.sock"))
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(GARBAGE[name])
        answer = json.loads(client.makefile("rb").readline())
    assert answer["ok"] is False
    assert len(answer["error"]) > 10
    assert ask_world(charging.station.home, {"op": "state"})["ok"]


def test_clients_that_say_nothing_and_read_nothing_do_not_starve_the_others(charging: Driver) -> None:
    path = str(charging.station.home.socket_directory() / "world.sock")
    with nothing_noticed(charging), contextlib.ExitStack() as stack:
        for _ in range(14):
            client = stack.enter_context(socket.socket(socket.AF_UNIX))
            client.setblocking(False)
            client.connect(path)
            with contextlib.suppress(BlockingIOError, BrokenPipeError):
                client.send(b'{"op": "state"}\n' * 4000)
        assert ask_world(charging.station.home, {"op": "state"})["ok"]


# the bus


class Envelope(msgspec.Struct):
    """As `bus/envelope.py`, written down a second time, without its checks."""

    v: int
    s: str
    r: str
    n: int
    t: float
    w: float
    b: object


def frame(topic: str, body: object, version: int = MAJOR_VERSION, sender: str = "stranger") -> bytes:
    return topic.encode() + b"\0" + msgspec.msgpack.encode(Envelope(version, sender, "run", 1, 1.0, 1.0, body))


def heartbeat(driver: Driver, owner: str) -> Heartbeat:
    found: Heartbeat = driver.station.until(HEARTBEATS[owner], lambda _beat: True)
    return found


@pytest.mark.parametrize("owner", ["session", "safety", "settings"])
def test_frames_of_a_stranger_oversized_or_of_another_version_are_counted_and_ignored(
    charging: Driver, owner: str
) -> None:
    request = {"session": "session.stop_transaction", "settings": "settings.change"}.get(owner, "safety.connector")
    stop = {"request_id": "x" * 36, "expires_s": 1e9, "connector": 1}
    frames = [
        b"\x02" + os.urandom(200),
        b"\x02",
        b"hello",
        b"\x02" + frame("no.such_topic", {}),
        b"\x02" + frame(request, {"request_id": 5}),
        b"\x02" + frame(request, stop, version=MAJOR_VERSION + 1),
        b"\x02" + frame("session.permission", {"connector": 1, "may_charge": False}),
        b"\x02" + frame("safety.heartbeat", {}),
        b"\x02" + frame(request, {"deep": _deep(200)}),
        b"\x02" + b"x" * (LARGEST_FRAME + 10),
        b"\x02" + b"x" * (4 * LARGEST_FRAME),
    ]
    ignored = heartbeat(charging, owner).ignored
    with nothing_noticed(charging):
        context = zmq.Context()
        for one in frames:
            stranger = context.socket(zmq.XSUB)
            stranger.setsockopt(zmq.LINGER, 200)
            stranger.connect(f"ipc://{charging.station.home.socket_directory('bus')}/{owner}.sock")
            stranger.send(one)
            stranger.close()
        context.term()
        said = charging.station.until(HEARTBEATS[owner], lambda beat: beat.ignored >= ignored + 8, seconds=10.0)
    assert said.detail, "the last one is explained"


def _deep(levels: int) -> object:
    nested: object = 1
    for _ in range(levels):
        nested = [nested]
    return nested


# the station file and a second instance


def test_a_station_file_broken_while_running_is_named_when_a_service_restarts_and_mended_without_loss(
    charging: Driver,
) -> None:
    station = charging.station
    before = charging.what_the_car_noticed()
    station.home.station_file.write_text(STATION.replace("cable =", "cabel ="), encoding="utf-8")
    process = station.kill("hmi")
    log = station.home.log / "hmi.log"
    wait_until(lambda: "did you mean 'cable'" in log.read_text(), "the log names what is wrong")
    assert "line 4" in log.read_text()
    assert "Traceback" not in log.read_text()
    assert charging.what_the_car_noticed() == before
    station.home.station_file.write_text(STATION, encoding="utf-8")
    station.wait_replaced("hmi", process)
    station.wait_healthy()
    assert charging.what_the_car_noticed() == before


def test_a_second_instance_of_the_station_and_of_one_service_is_refused(charging: Driver) -> None:
    home = charging.station.home
    with nothing_noticed(charging):
        second = chargectl("up", home=home.root)
        assert second.returncode == ExitCode.ALREADY_RUNNING
        for owner in ("session", "safety", "world"):
            alone = subprocess.run(
                [sys.executable, "-P", "-m", f"services.{owner}"],
                env={**environment(), "CHARGE_HOME": str(home.root), "CHARGE_START_ID": "second"},
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
            said = alone.stdout + alone.stderr
            assert alone.returncode == ExitCode.ALREADY_RUNNING, said
            assert f"runs as process {charging.station.process(owner)}" in said
            assert "Traceback" not in said


# the meter


def test_a_meter_that_sends_nonsense_is_told_and_believed_again_when_it_makes_sense(charging: Driver) -> None:
    """Damaged frames, then numbers that are none. More of its kind: tests/virtual/test_faults_meter.py."""
    with nothing_noticed(charging):
        for nonsense, code in (("corrupt", "meter_silent"), ("nan", "meter_implausible")):
            charging.station.sim("meter", meter="connector.1", **{nonsense: True})
            said = charging.station.until(FAULTS["metering"], lambda s: [f.code for f in s.faults] == [code])  # noqa: B023
            assert said.faults[0].detail
            charging.station.sim("meter", meter="connector.1", **{nonsense: False})
            charging.station.until(FAULTS["metering"], lambda s: not s.faults)


# the disk


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "none", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("this user may not mount a small disk to fill: run the tests as root for this one")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def fill(disk: Path) -> Path:
    """To the last byte."""
    ballast = disk / "ballast"
    with ballast.open("ab", buffering=0) as file:
        for size in (65_536, 512, 1):
            with contextlib.suppress(OSError):
                while file.write(b"\0" * size) == size:
                    pass
    return ballast


def codes(body: object) -> list[str]:
    return [shown.fault.code for shown in body.faults]  # type: ignore[attr-defined]


def test_on_a_full_disk_the_car_goes_on_its_end_waits_and_nothing_new_begins(small_disk: Path) -> None:
    station = RunningStation(small_disk / "home")
    try:
        driver = Driver(station.start())
        driver.charge()
        driver.until_full_current()
        before = driver.what_the_car_noticed()
        ballast = fill(small_disk)
        driver.swipe()
        wait_until(lambda: driver.connector()["contactor"] == "open", "power is withdrawn although nothing is stored")
        assert driver.what_the_car_noticed()["contactor_closings"] == before["contactor_closings"]
        station.until(SYSTEM_FAULTS, lambda said: "disk_full" in codes(said), seconds=30.0)
        assert not driver.ended()
        assert all(program.state == "RUNNING" for program in station.programs().values())
        ballast.unlink()
        wait_until(driver.ended, "the end is stored as soon as there is room", 45.0)
        station.until(SYSTEM_FAULTS, lambda said: "disk_full" not in codes(said), seconds=30.0)
        one_right_bill(driver, 0)
        driver.leave()
        fill(small_disk)
        driver.plug_in()
        driver.until_status(Status.PREPARING)
        driver.swipe()
        refused = station.until(SESSION_CONNECTOR, lambda said: said.card_rejected_until_s > 0.0 or said.reason)
        assert refused.status is Status.PREPARING
        assert len(driver.transactions()) == 1
        assert driver.connector()["contactor"] == "open"
    finally:
        station.clean_up()
