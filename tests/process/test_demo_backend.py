"""Whole charges of a real station against the demo backend, over a real WebSocket."""

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bus.topics import LINK_STATUS, QUEUE_STATUS, SESSION_CONNECTOR
from chargectl.station import processes_of
from schemas.ocpp_link import LinkState
from schemas.session import ConnectorStatus
from services.exit_codes import ExitCode
from services.home import Home
from tests.running_station import CARD, STATION, RunningStation, chargectl, environment, wait_until

pytestmark = pytest.mark.process
MakeStation = Callable[..., RunningStation]

ASKED_CARD = "04BACC0FFEE001"
"""In no list of the station: only the backend can say yes."""
SETTINGS = """\
[settings]
OCPPBackendJSONURL = "ws://127.0.0.1:{port}/ocpp/"
BackendConnectionTimeout = 3
"""


class Backend:
    """The demo backend as a process; started again it has the same port and a new memory."""

    def __init__(self, directory: Path) -> None:
        self.socket = directory / "s"
        self._port_file, self._log = directory / "port", directory / "log"
        self.port = 0
        self.start()

    def start(self) -> None:
        self._port_file.unlink(missing_ok=True)
        words = ["--port", str(self.port), "--port-file", str(self._port_file), "--socket", str(self.socket)]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "chargectl", "backend", *words],
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        wait_until(self._port_file.exists, "the backend listens")
        self.port = int(self._port_file.read_text())

    def end(self, number: int) -> None:
        self.process.send_signal(number)
        self.process.wait(10)

    def heard(self, pattern: str) -> list[str]:
        """Its lines that match, since the first start."""
        return [line for line in self._log.read_text().splitlines() if re.search(pattern, line)]

    def until(self, pattern: str, seconds: float = 20.0) -> str:
        wait_until(lambda: bool(self.heard(pattern)), f"{pattern}\n{self._log.read_text()}", seconds)
        return self.heard(pattern)[-1]

    def send(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return chargectl("backend", "send", *words, "--socket", str(self.socket), seconds=40.0)


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Backend]:
    directory = tmp_path / "b"
    directory.mkdir()
    started = Backend(directory)
    yield started
    if started.process.poll() is None:
        started.end(signal.SIGTERM)


@pytest.fixture
def station(make_station: MakeStation, backend: Backend) -> RunningStation:
    return make_station(text=STATION + SETTINGS.format(port=backend.port)).start()


def until_online(station: RunningStation, seconds: float = 20.0) -> None:
    station.until(LINK_STATUS, lambda said: said.state is LinkState.ONLINE, seconds=seconds)


def charge(station: RunningStation, card: str) -> None:
    station.plug_in()
    station.until(SESSION_CONNECTOR, lambda said: said.status is ConnectorStatus.PREPARING)
    station.sim("swipe", id_tag=card)
    station.until(SESSION_CONNECTOR, lambda said: said.status is ConnectorStatus.CHARGING, seconds=40.0)


def until_all_is_delivered(station: RunningStation) -> None:
    station.until(QUEUE_STATUS, lambda said: said.waiting == 0, seconds=40.0)


def test_the_backend_accepts_the_station_and_its_card_and_ends_the_charge(
    station: RunningStation, backend: Backend
) -> None:
    backend.until(r"SIM-0001 BootNotification .*: accepted")
    until_online(station)
    charge(station, ASKED_CARD)
    backend.until(rf"Authorize {ASKED_CARD}: Accepted")
    backend.until(rf"StartTransaction connector 1, {ASKED_CARD}, \d+ Wh: transaction 1, Accepted")
    station.until(SESSION_CONNECTOR, lambda said: said.backend_transaction_id == 1)
    assert re.search(r"the backend calls it +1\n", chargectl("session", "show", home=station.home.root).stdout)
    text = chargectl("status", home=station.home.root).stdout
    assert f"backend: online, ws://127.0.0.1:{backend.port}/ocpp/SIM-0001, since 20" in text
    assert "queue: " in text
    unknown = backend.send("stop", "99")
    assert (unknown.returncode, "Rejected" in unknown.stderr) == (ExitCode.REFUSED, True)
    assert backend.send("stop", "1").stdout == "SIM-0001 stop: status Accepted\n"
    assert ", Remote, " in backend.until(r"StopTransaction 1: \d+ Wh")
    backend.until(r"StatusNotification connector 1: Finishing")
    until_all_is_delivered(station)
    for once in ("BootNotification", "Authorize", "StartTransaction", "StopTransaction"):
        assert len(backend.heard(once)) == 1, backend.heard(".")


def test_a_backend_that_dies_during_the_charge_and_comes_back_hears_everything_once(
    station: RunningStation, backend: Backend
) -> None:
    until_online(station)
    charge(station, ASKED_CARD)
    station.until(SESSION_CONNECTOR, lambda said: said.backend_transaction_id == 1)
    until_all_is_delivered(station)
    backend.end(signal.SIGKILL)
    station.until(LINK_STATUS, lambda said: said.state is LinkState.WAITING)
    station.until(SESSION_CONNECTOR, lambda said: said.status is ConnectorStatus.CHARGING)
    station.sim("swipe", id_tag=ASKED_CARD)
    station.until(SESSION_CONNECTOR, lambda said: not said.transaction_id)
    station.until(QUEUE_STATUS, lambda said: said.transaction == 1)
    station.until(LINK_STATUS, lambda said: "Connection refused" in said.last_error)
    backend.start()
    backend.until(r"StopTransaction 1: \d+ Wh, Local", 40.0)
    until_all_is_delivered(station)
    for once in ("BootNotification", "StartTransaction", "StopTransaction"):
        assert len(backend.heard(once)) == 1, backend.heard(".")
    assert len(backend.heard(r"StatusNotification connector 1: Finishing")) == 1


def demo(home: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "chargectl", "demo", "--home", str(home), *words],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def until_it_charges(running: "subprocess.Popen[str]") -> str:
    """What the demo said so far."""
    assert running.stdout is not None
    lines: list[str] = []
    deadline_s = time.monotonic() + 60
    for line in running.stdout:
        lines.append(line)
        if "connector 1: Charging" in line:
            return "".join(lines)
        assert time.monotonic() < deadline_s, "".join(lines)
    raise AssertionError("".join(lines))


def test_the_demo_has_a_backend_that_says_yes_takes_commands_and_ends_with_it(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    running = demo(home.root)
    try:
        text = until_it_charges(running)
        log = home.log / "backend.log"
        assert f"Authorize {ASKED_CARD}: Accepted" in log.read_text()
        assert f"sim swipe {ASKED_CARD}" in text
        assert "backend online" in text
        wait_until(lambda: "StartTransaction" in log.read_text(), "the start is told")
        stopped = chargectl("backend", "send", "stop", "1", home=home.root)
        assert stopped.returncode == ExitCode.OK, stopped.stderr
        wait_until(lambda: "StopTransaction 1" in log.read_text(), "the end is told")
        running.send_signal(signal.SIGINT)
        rest, _ = running.communicate(timeout=40)
    finally:
        running.kill()
    assert running.returncode == ExitCode.OK, rest
    assert processes_of(home) == []
    assert chargectl("backend", "send", "help", home=home.root).returncode == ExitCode.NOT_RUNNING
    assert "OCPPBackendJSONURL" not in home.station_file.read_text()


def test_a_backend_that_is_not_there_is_told_in_clear_words_and_the_local_list_charges_on(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    running = demo(home.root, "--backend", "ws://127.0.0.1:1/steve/")
    try:
        text = until_it_charges(running)
        assert f"The card {CARD} is held to the reader: the station knows it" in text
        assert "backend waiting - 127.0.0.1:1: Connection refused; next try in " in text
        status = chargectl("status", home=home.root).stdout
        assert "backend: waiting, ws://127.0.0.1:1/steve/SIM-0001, since 20" in status
        assert "127.0.0.1:1: Connection refused; next try in" in status
        assert re.search(r"queue: \d+ waiting, the oldest since 20", status)
        told = json.loads(chargectl("status", "--json", home=home.root).stdout)
        assert told["backend"]["failures"] >= 1
        assert told["queue"]["transaction"] >= 1
        assert not (home.run / "backend.sock").exists(), "no backend of its own"
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=40)
    finally:
        running.kill()
    assert running.returncode == ExitCode.OK
    assert "OCPPBackendJSONURL" not in home.station_file.read_text()


@pytest.mark.parametrize("url", ["nonsense", "http://host/", "ws://user:secret@host/", "ws://host/SIM-0001"])
def test_an_address_that_cannot_be_right_is_refused_at_once(tmp_path: Path, url: str) -> None:
    done = chargectl("demo", "--backend", url, home=tmp_path / "home")
    assert done.returncode == ExitCode.USAGE
    assert "OCPPBackendJSONURL" in done.stderr
    assert "Traceback" not in done.stderr
