"""The world's people side and its memory: operations, hostile input, kills, a full disk."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from hardware.interfaces import PilotMode
from hardware.sim.board import SimulatedSafetyBoard
from hardware.sim.drivers import Fitted
from hardware.sim.link import boot_s
from hardware.sim.protocol import ConnectorOutputs, Hello, Outputs, encode
from hardware.sim.site import Ev
from schemas.station import ConnectorSection, EquipmentSection, Station
from services.home import BadHome, Home
from services.world.control import LONGEST_LINE, MOST_CLIENTS, understand
from services.world.operations import ARGUMENTS, AnyOperation
from services.world.station import World

pytestmark = pytest.mark.contract

STATION = Station(
    connector={"1": ConnectorSection(), "2": ConnectorSection(cable="fixed")},
    equipment=EquipmentSection(inputs={"tamper": "normally open"}),
)
FITTED = {1: Fitted(proximity=True, lock=True), 2: Fitted(proximity=False, lock=False)}
PATIENCE_S = 30.0


class Bench:
    """A world with its loop in a thread, and a person at `world.sock`."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.world = World(home, STATION, boot_s)
        self._ends = False
        self._thread = threading.Thread(target=self._turn, daemon=True)
        self._thread.start()

    def _turn(self) -> None:
        while not self._ends:
            wait_s = self.world.on_clock(boot_s()) - boot_s()
            select.select([self.world], [], [], min(0.01, max(0.0, wait_s)))
            self.world.receive()

    def connect(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE_S)
        connection.connect(str(self.home.socket_directory() / "world.sock"))
        return connection

    def raw(self, data: bytes) -> dict[str, Any]:
        with self.connect() as connection:
            connection.sendall(data)
            answer: dict[str, Any] = json.loads(connection.makefile().readline())
            return answer

    def do(self, op: str, **arguments: Any) -> dict[str, Any]:
        return self.raw(json.dumps({"op": op, **arguments}).encode() + b"\n")

    def stop(self) -> None:
        self._ends = True
        self._thread.join()

    def close(self) -> None:
        self.stop()
        self.world.close()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path)
    made.make_directories()
    return made


@pytest.fixture
def bench(home: Home) -> Iterator[Bench]:
    made = Bench(home)
    yield made
    made.close()


def send_for_ever(connection: socket.socket, data: bytes) -> None:
    """Ends by an exception of the connection."""
    gives_up = time.monotonic() + PATIENCE_S
    while time.monotonic() < gives_up:
        connection.sendall(data)


def until(condition: Callable[[], bool]) -> None:
    gives_up = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < gives_up, "it never came true"
        select.select([], [], [], 0.005)


def test_every_operation_is_described_with_all_its_arguments() -> None:
    operations = {operation.__struct_config__.tag: operation for operation in get_args(AnyOperation)}
    assert set(operations) == set(ARGUMENTS)
    for name, operation in operations.items():
        for field in operation.__struct_fields__:
            assert field in ARGUMENTS[name]
    assert all(field in ARGUMENTS["plug_in"] for field in Ev.__struct_fields__)


def test_each_operation_has_its_effect_in_the_state(bench: Bench) -> None:
    assert bench.do("plug_in", connector=1, ev={"phases": 1, "max_current_a": 16, "mac": "AA:BB"}) == {"ok": True}
    assert bench.do("plug_in", connector="2", ev={"ready_after_s": 0}) == {"ok": True}
    assert bench.do("ev_pause", connector=1) == {"ok": True}
    assert bench.do("fault", name="diode", connector=1, on=True) == {"ok": True}
    assert bench.do("fault", name="weld", connector=1, on=True, after_s=60) == {"ok": True}
    assert bench.do("meter", meter="connector.1", energy_wh=42, serial="87654321", late_s=0.1) == {"ok": True}
    assert bench.do("input", name="tamper", on=True) == {"ok": True}
    assert bench.do("wire", name="tamper", to="mirror.2") == {"ok": True}
    assert bench.do("weather", ambient_c=31.5, sun_k=2) == {"ok": True}
    assert bench.do("fault", name="voltage_l2", connector=2, on=True, for_s=3600) == {"ok": True}
    assert bench.do("network", up=False) == {"ok": True}
    assert bench.do("swipe", id_tag="04CAFE")["presentation_id"]
    state = bench.do("state")
    assert state["ok"] is True
    first = state["connectors"]["1"]
    assert first["plugged"]
    assert first["vehicle"]["paused"]
    assert (first["vehicle"]["phases"], first["vehicle"]["mac"]) == (1, "AA:BB")
    assert first["faults"] == {"diode": 0.0}
    assert first["armed_faults"] == {"weld": [0.0, 60.0]}
    assert first["meter_wh"] == 42
    assert state["meters"]["connector.1"]["serial"] == "87654321"
    assert state["connectors"]["2"]["plugged"]
    assert state["inputs"] == {"tamper": True}
    assert state["ambient_c"] == 31.5
    assert state["connectors"]["2"]["voltage_v"] == [230.0, 180.0, 230.0]
    assert bench.do("input", name="tamper", on=None) == {"ok": True}
    assert bench.do("state")["inputs"] == {"tamper": False}, "as connector 2's mirror contact"
    assert state["network_up"] is False
    assert (bench.home.run / "uplink").read_text() == "down"
    assert bench.do("ev_resume", connector=1) == {"ok": True}
    assert bench.do("plug_out", connector=1) == {"ok": True}
    assert bench.do("network", up=True) == {"ok": True}
    assert (bench.home.run / "uplink").read_text() == "up"
    assert not bench.do("state")["connectors"]["1"]["plugged"]
    faults = bench.do("faults")["faults"]
    assert faults["weld"] == {
        "effect": "the main contacts stay closed; open ones weld at the next closing", "value": "", "range": "",
    }  # fmt: skip
    assert faults["residual_dc"]["range"] == "0 to 1000, otherwise 6"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"garbage\n", "one JSON object per line"),
        (b"\xff\xfe\x00\n", "one JSON object per line"),
        (b"[]\n", "one JSON object per line"),
        (b"{}\n", "plug_in, plug_out"),
        (b'{"op": "explode"}\n', "plug_in, plug_out"),
        (b'{"op": 5}\n', "plug_in, plug_out"),
        (b'{"op": "plug_in"}\n', "plug_in takes: connector"),
        (b'{"op": "plug_in", "connector": 1, "colour": "red"}\n', "unknown field `colour`"),
        (b'{"op": "plug_in", "connector": 1, "ev": {"phases": 7}}\n', "$.ev.phases"),
        (b'{"op": "plug_in", "connector": 1, "ev": {"wheels": 4}}\n', "unknown field `wheels`"),
        (b'{"op": "plug_in", "connector": 7}\n', "there are 1, 2"),
        (b'{"op": "plug_in", "connector": 1, "cable_a": 5}\n', "13, 20, 32, 63"),
        (b'{"op": "fault", "name": "nonsense", "connector": 1, "on": true}\n', "pilot_short"),
        (b'{"op": "fault", "name": "pilot_gap", "connector": 1, "on": true, "value": 1e308}\n', "$.value"),
        (b'{"op": "meter", "meter": "connector.1", "energy_wh": 1e999}\n', "meter takes"),
        (b'{"op": "meter", "meter": "connector.1", "serial": "9999999999"}\n', "4294967295"),
        (b'{"op": "meter", "meter": "connector.1", "serial": "12a"}\n', "$.serial"),
        (b'{"op": "meter", "meter": "kitchen"}\n', "no meter 'kitchen'"),
        (b'{"op": "swipe", "id_tag": ""}\n', "$.id_tag"),
        (b'{"op": "input", "name": "door", "on": true}\n', "no input 'door' is wired; wired are tamper"),
        (b'{"op": "wire", "name": "tamper", "to": "moon"}\n', "can be wired to rcd, mcb"),
        (b'{"op": "wire", "name": "auxiliary", "to": "moon"}\n', "can be wired to protection, recloser"),
        (b'{"op": "weather", "ambient_c": 1e999}\n', "weather takes: optional ambient_c"),
        (b'{"op": "weather", "ambient_c": 300}\n', "-60 to 80"),
        (b'{"op": "fault", "name": "weld", "connector": 1, "on": true, "for_s": -1}\n', "$.for_s"),
        (b"[" * 60_000 + b"\n", "one JSON object per line"),
        (b'{"op": ' * 8_000 + b"\n", "one JSON object per line"),
    ],
)
def test_garbage_gets_an_error_that_names_what_is_allowed_and_the_world_goes_on(
    bench: Bench, line: bytes, words: str
) -> None:
    answer = bench.raw(line)
    assert answer["ok"] is False
    assert words in answer["error"]
    assert bench.do("state")["ok"]


def test_a_line_without_end_is_hung_up_on_with_an_error(bench: Bench) -> None:
    with bench.connect() as connection:
        connection.sendall(b" " * LONGEST_LINE)
        lines = connection.makefile().read().splitlines()
    assert len(lines) == 1
    assert str(LONGEST_LINE) in json.loads(lines[0])["error"]


def test_several_lines_at_once_and_a_line_in_pieces_are_understood(bench: Bench) -> None:
    with bench.connect() as connection:
        reader = connection.makefile()
        connection.sendall(b'{"op":"faults"}\n\n{"op":"state"}\n{"op":"sta')
        assert "faults" in json.loads(reader.readline())
        assert "connectors" in json.loads(reader.readline())
        connection.sendall(b'te"}\n')
        assert "connectors" in json.loads(reader.readline())


def test_one_connection_too_many_is_refused_and_the_others_go_on(bench: Bench) -> None:
    crowd = [bench.connect() for _ in range(MOST_CLIENTS)]
    until(lambda: len(bench.world._control._clients) == MOST_CLIENTS)
    with bench.connect() as late:
        assert "open already" in json.loads(late.makefile().readline())["error"]
    crowd[0].sendall(b'{"op":"state"}\n')
    assert json.loads(crowd[0].makefile().readline())["ok"]
    for connection in crowd:
        connection.close()
    until(lambda: not bench.world._control._clients)
    assert bench.do("state")["ok"]


def test_who_never_reads_the_answers_is_hung_up_on(bench: Bench) -> None:
    with bench.connect() as connection, pytest.raises((BrokenPipeError, ConnectionResetError)):
        send_for_ever(connection, b'{"op":"state"}\n' * 100)
    assert bench.do("state")["ok"]


@pytest.mark.parametrize("packet", [b"garbage", b"\x81\xa4type\xa5hello", b"\xff" * 40_000, b"\x91" * 20_000, b"\xc0"])
def test_a_stranger_at_the_board_socket_is_refused_and_the_driver_goes_on(bench: Bench, packet: bytes) -> None:
    path = bench.home.socket_directory() / "board.sock"
    board = SimulatedSafetyBoard(path, FITTED)
    stranger = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    stranger.settimeout(PATIENCE_S)
    stranger.connect(str(path))
    stranger.send(packet)
    assert b"refused" in stranger.recv(4096)
    assert stranger.recv(4096) == b""
    board.connectors[1].pilot.drive(PilotMode.F, 0.0)
    board.flush()

    def answered() -> bool:
        board.receive()
        levels = board.connectors[1].pilot.levels()
        return levels is not None and levels.high_v == -12.0

    until(answered)
    board.close()
    stranger.close()


class Charging:
    """Keeps a contactor closed as `safety` would; closes it again if this test was held up for longer than the feed."""

    def __init__(self, home: Home) -> None:
        self.board = SimulatedSafetyBoard(home.socket_directory() / "board.sock", FITTED)
        self._closes_again_s = 0.0

    def feed(self) -> None:
        self.board.receive()
        connector = self.board.connectors[1]
        connector.pilot.drive(PilotMode.PWM, 0.2667)
        mirror = connector.contactor.mirror()
        if mirror is not None and not mirror.closed and boot_s() > self._closes_again_s:
            connector.contactor.command(False)
            self.board.flush()
            connector.contactor.command(True)
            self._closes_again_s = boot_s() + 0.5
        self.board.feed.feed(boot_s())
        self.board.flush()


def test_a_world_that_was_held_up_does_not_open_the_contactor_of_a_driver_that_fed_in_time(home: Home) -> None:
    now_s = 5000.0
    world = World(home, STATION, lambda: now_s)
    driver = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    driver.connect(str(home.socket_directory() / "board.sock"))
    driver.send(encode(Hello(role="safety")))
    driver.send(encode(Outputs(sent_s=now_s, feed_s=now_s, connectors={1: ConnectorOutputs(contactor=True)})))
    for _ in range(3):
        world.receive()
    contactor = world.site.connectors[1].contactor

    for _ in range(20):
        now_s += 0.05
        driver.send(encode(Outputs(sent_s=now_s, feed_s=now_s)))
    world.on_clock(now_s)
    assert contactor.closed
    fed_s = now_s
    now_s += 1.0
    driver.send(encode(Outputs(sent_s=now_s, feed_s=fed_s + 0.001)))
    world.on_clock(now_s)
    mirror = world.site.mirror(1)
    assert mirror is False
    assert 0.158 <= contactor.opened_s - fed_s <= 0.170, "150 ms and the drop-out"
    driver.close()
    world.close()


def start_world(home: Home) -> "subprocess.Popen[bytes]":
    (home.root / "station.toml").write_text("[connector.1]\n[connector.2]\ncable = 'fixed'\n")
    return subprocess.Popen([sys.executable, "-m", "services.world"], env={**os.environ, "CHARGE_HOME": str(home.root)})


def ask(home: Home, op: str, **arguments: Any) -> dict[str, Any]:
    """Tries until the world is there."""
    gives_up = time.monotonic() + PATIENCE_S
    while True:
        try:
            with socket.socket(socket.AF_UNIX) as connection:
                connection.settimeout(PATIENCE_S)
                connection.connect(str(home.socket_directory() / "world.sock"))
                connection.sendall(json.dumps({"op": op, **arguments}).encode() + b"\n")
                answer: dict[str, Any] = json.loads(connection.makefile().readline())
                return answer
        except OSError:
            assert time.monotonic() < gives_up, "the world did not come up"
            select.select([], [], [], 0.02)


def test_after_a_kill_the_world_is_as_somebody_saw_it_last_with_the_coil_off(home: Home) -> None:
    process = start_world(home)
    try:
        ask(home, "plug_in", connector=1, ev={"ready_after_s": 0, "soc_percent": 30})
        ask(home, "meter", meter="connector.1", energy_wh=1000.5, serial="11112222")
        ask(home, "network", up=False)
        driver = Charging(home)
        seen: dict[str, Any] = {}

        def charged() -> bool:
            driver.feed()
            seen.update(ask(home, "state"))
            return bool(seen["connectors"]["1"]["meter_wh"] >= 1001)

        until(charged)
        process.send_signal(signal.SIGKILL)
        process.wait()
        driver.board.close()
        process = start_world(home)
        again = ask(home, "state")
        before, after = seen["connectors"]["1"], again["connectors"]["1"]
        assert after["meter_wh"] == before["meter_wh"]
        assert after["energy_wh"] == pytest.approx(before["energy_wh"], abs=1.0)
        assert after["vehicle"]["soc_percent"] == pytest.approx(before["vehicle"]["soc_percent"], abs=0.01)
        assert again["meters"]["connector.1"]["serial"] == "11112222"
        assert again["network_up"] is False
        assert (after["coil"], after["contactor"], after["current_a"]) == (False, "open", [0.0, 0.0, 0.0])
    finally:
        process.kill()
        process.wait()


def test_a_register_value_is_saved_before_somebody_sees_it(home: Home) -> None:
    now_s = 5000.0
    world = World(home, STATION, lambda: now_s)
    memory = home.data / "world.json"
    for watt_hours, look in ((7.5, lambda: world._meter_words("connector.1", 4, 0x48, 2)),
                             (9.5, lambda: world._act(understand(b'{"op":"state"}')))):  # fmt: skip
        world.site.meters["connector.1"].energy_wh = watt_hours
        assert json.loads(memory.read_text())["meters"]["connector.1"]["energy_wh"] != watt_hours
        look()
        assert json.loads(memory.read_text())["meters"]["connector.1"]["energy_wh"] == watt_hours
    world.close()


def test_while_energy_flows_it_is_saved_every_two_seconds_and_at_a_weld_at_once(home: Home) -> None:
    now_s = 5000.0
    world = World(home, STATION, lambda: now_s)
    memory = home.data / "world.json"
    world._act(understand(b'{"op":"plug_in","connector":1,"ev":{"simplified":true}}'))
    world.site.feed(now_s)
    world.site.command_contactor(1, True)
    saved = []
    while now_s < 5020.0:
        now_s += 0.1
        world.site.feed(now_s)
        assert world.on_clock(now_s) > now_s
        saved.append(json.loads(memory.read_text())["connectors"]["1"]["energy_wh"])
    assert 8 <= len(set(saved)) <= 12
    world.site.connectors[1].faults.values["weld"] = 0.0
    world.site.connectors[1].contactor.reconsider(now_s)
    world.on_clock(now_s + 0.01)
    assert json.loads(memory.read_text())["connectors"]["1"]["welded"]
    world.close()


def test_a_second_world_on_the_same_home_is_refused(home: Home) -> None:
    process = start_world(home)
    try:
        ask(home, "faults")
        second = start_world(home)
        assert second.wait(PATIENCE_S) != 0
        assert ask(home, "state")["ok"]
    finally:
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b'{"version": 1, "connectors": 5}', b"\xff\xff"])
def test_an_unreadable_memory_is_set_aside_and_the_site_starts_empty(home: Home, content: bytes) -> None:
    (home.data / "world.json").write_bytes(content)
    world = World(home, STATION, boot_s)
    world.close()
    assert (home.data / "world.json.unreadable").read_bytes() == content
    assert json.loads((home.data / "world.json").read_text())["version"] == 1


def test_a_memory_of_a_newer_version_is_refused_and_left_alone(home: Home) -> None:
    (home.data / "world.json").write_text('{"version": 2, "connectors": {}}')
    with pytest.raises(BadHome, match="newer version"):
        World(home, STATION, boot_s)
    assert json.loads((home.data / "world.json").read_text())["version"] == 2


def test_a_disk_that_cannot_be_written_does_not_stop_the_world(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(home)
    (home.data / "world.json.new").unlink(missing_ok=True)
    (home.data / "world.json.new").mkdir()
    assert bench.do("plug_in", connector=1)["ok"]
    assert bench.do("ev_pause", connector=1)["ok"]
    assert len([record for record in caplog.records if "cannot write" in record.message]) == 1
    (home.data / "world.json.new").rmdir()
    assert bench.do("ev_resume", connector=1)["ok"]
    bench.close()
    assert json.loads((home.data / "world.json").read_text())["connectors"]["1"]["car"]


def test_a_home_with_a_very_long_path_works(tmp_path: Path) -> None:
    home = Home(tmp_path / ("long" * 30))
    home.make_directories()
    bench = Bench(home)
    assert bench.do("state")["ok"]
    bench.close()
