"""Everything a board may have, on the board in one process and on the board over a socket: the same readings."""

import math
import select
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from hardware.interfaces import LockDrive, PilotMode, SafetyBoard
from hardware.sim.board import SimulatedSafetyBoard, fitted_of
from hardware.sim.direct import DirectSafetyBoard
from hardware.sim.protocol import LARGEST_PACKET, Hello, Readings, decode_from_world, encode
from hardware.sim.site import Ev, Site
from schemas.station import OUTPUTS, TEMPERATURES, ConnectorSection, EquipmentSection, Station
from services.home import Home
from services.world.board import BoardServer
from services.world.poll import Poll
from services.world.station import World, describe

pytestmark = pytest.mark.contract

START_S = 5000.0
PATIENCE_S = 30.0
FULL = Station(
    connector={
        "1": ConnectorSection(output_sense=True, phase_switching=True, lock_actuator="with emergency release"),
        "2": ConnectorSection(cable="fixed", mirror_contact_type="normally closed", residual_current="none"),
    },
    equipment=EquipmentSection(
        inputs={
            "rcd": "normally closed",
            "mcb": "normally open",
            "line": "normally open",
            "protective_earth": "normally open",
            "emergency_stop": "normally closed",
            "rcd.2": "normally open",
        },
        outputs=tuple(OUTPUTS),
        temperatures=(*TEMPERATURES, "relay.2"),
        fan=True,
    ),
)


class Pair:
    """The same site twice, in step, by a clock turned by hand."""

    def __init__(self, path: Path) -> None:
        self.now_s = START_S
        home = Home(path)
        home.make_directories()
        self.site = Site(describe(FULL), now_s=START_S)
        self.direct: SafetyBoard = DirectSafetyBoard(self.site, lambda: self.now_s)
        self.world = World(home, FULL, lambda: self.now_s)
        fitted = {number: fitted_of(section) for number, section in FULL.connectors.items()}
        path_of_socket = home.socket_directory() / "board.sock"
        self.far = SimulatedSafetyBoard(path_of_socket, fitted, FULL.equipment)
        self.wait(0.3)

    def drive(self, act: Callable[[SafetyBoard], Any]) -> None:
        for board in (self.direct, self.far):
            act(board)
            board.flush()
        self._let_world_hear()

    def do(self, act: Callable[[Site], Any]) -> None:
        self.site.advance(self.now_s)
        act(self.site)
        self.world.on_clock(self.now_s)
        act(self.world.site)
        self.world.on_clock(self.now_s)

    def wait(self, seconds: float) -> None:
        """Fed all the time."""
        end_s = self.now_s + seconds
        while self.now_s < end_s - 1e-9:
            self.now_s = min(end_s, self.now_s + 0.05)
            for board in (self.direct, self.far):
                board.feed.feed(self.now_s)
                board.flush()
            self._let_world_hear()
            self.direct.receive()
            self.far.receive()

    def _let_world_hear(self) -> None:
        for _ in range(3):
            self.world.receive()
        self.world.on_clock(self.now_s)

    def close(self) -> None:
        self.far.close()
        self.world.close()


def readings(board: SafetyBoard) -> dict[str, Any]:
    """Everything but the time stamps."""
    shown: dict[str, Any] = {"trouble": board.trouble}
    for number, each in board.connectors.items():
        lock, residual, sense, proximity = each.lock, each.residual, each.output_sense, each.proximity
        shown[str(number)] = {
            "pilot": _values(each.pilot.levels()),
            "proximity": None if proximity is None else _values(proximity.resistance()),
            "mirror": _values(each.contactor.mirror()),
            "relay": _values(each.contactor.phase_relay()),
            "lock": None if lock is None else (_values(lock.feedback()), _values(lock.release_energy())),
            "residual": None if residual is None else (_values(residual.status()), residual.version()),
            "sense": None if sense is None else _values(sense.voltages()),
        }
    shown["inputs"] = {name: _values(each.state()) for name, each in board.inputs.items()}
    shown["outputs"] = {name: _values(each.readback()) for name, each in board.outputs.items()}
    shown["temperatures"] = {name: _values(each.read()) for name, each in board.temperatures.items()}
    shown["fan"] = {name: _values(each.read()) for name, each in board.tachometers.items()}
    return shown


def _values(read: Any) -> Any:
    return None if read is None else tuple("nan" if value != value else value for value in read[:-1])


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    yield made
    made.close()


def put_out(pair: Pair) -> PilotMode:
    return pair.site.connectors[1].wire.output.mode


def first(board: SafetyBoard) -> Any:
    return board.connectors[1]


SCRIPT: list[tuple[str, Callable[[Pair], None]]] = [
    ("nothing", lambda _: None),
    ("plugged", lambda p: p.do(lambda site: site.plug_in(1, Ev(ready_after_s=0.1), 20))),
    ("locked", lambda p: p.drive(lambda board: first(board).lock.drive(LockDrive.LOCK))),
    ("test winding", lambda p: p.drive(lambda board: first(board).residual.test(True))),
    ("test over", lambda p: p.drive(lambda board: first(board).residual.test(False))),
    ("one phase", lambda p: p.drive(lambda board: first(board).contactor.select_phases(1))),
    ("offer", lambda p: p.drive(lambda board: first(board).pilot.drive(PilotMode.PWM, 0.2667))),
    ("closed", lambda p: p.drive(lambda board: first(board).contactor.command(True))),
    ("leaking", lambda p: p.do(lambda site: site.fault("residual_dc", 1, True, 60.0))),
    ("open", lambda p: p.drive(lambda board: first(board).contactor.command(False))),
    ("three phases", lambda p: p.drive(lambda board: first(board).contactor.select_phases(3))),
    ("RCD", lambda p: p.do(lambda site: site.fault("rcd_trip", 1, True))),
    ("re-armed", lambda p: p.drive(lambda board: board.outputs["auxiliary"].drive(True))),
    ("emergency stop", lambda p: p.do(lambda site: site.set_input("emergency_stop", True))),
    ("no earth", lambda p: p.do(lambda site: site.fault("pe_break", 1, True))),
    ("hot", lambda p: p.do(lambda site: site.fault("temperature_plug_1", 1, True))),
    ("sensor away", lambda p: p.do(lambda site: site.fault("sensor_open_housing", 1, True))),
    ("fan", lambda p: p.drive(lambda board: board.outputs["climate"].drive(True))),
    ("fan stuck", lambda p: p.do(lambda site: site.fault("fan_stuck", 1, True))),
    ("stuck pin", lambda p: p.do(lambda site: site.fault("output_stuck", 1, True, 5.0))),
    ("fan off", lambda p: p.drive(lambda board: board.outputs["climate"].drive(False))),
    ("module broken", lambda p: p.do(lambda site: site.fault("residual_device_error", 1, True))),
    ("no mains", lambda p: p.do(lambda site: site.fault("mains_loss", 1, True))),
    ("calibration off", lambda p: p.do(lambda site: site.fault("pilot_adc_offset", 1, True))),
]


def test_a_scripted_run_reads_the_same_on_both_boards(pair: Pair) -> None:
    seen = []
    for name, act in SCRIPT:
        act(pair)
        pair.wait(1.25)
        direct, far = readings(pair.direct), readings(pair.far)
        assert direct == far, f"after {name!r}"
        seen.append(str(direct))
    unseen = [name for (name, _), before, after in zip(SCRIPT[1:], seen[:-1], seen[1:], strict=True) if before == after]
    assert unseen == ["stuck pin", "fan off"], "a pin that sticks shows only in what it does not do"


def test_everything_mounted_is_read_and_nothing_else_is_there(pair: Pair) -> None:
    shown = readings(pair.far)
    assert shown["1"]["residual"] == ((0.0, 0.0, False, False, False), "SIM-RDC 1.2")
    assert shown["1"]["lock"] == ((False,), (True,))
    assert shown["1"]["relay"] == (True,)
    assert shown["1"]["sense"] == (0.0, 0.0, 0.0)
    assert (shown["2"]["residual"], shown["2"]["sense"], shown["2"]["relay"], shown["2"]["lock"]) == (None,) * 4
    assert shown["2"]["mirror"] == (True,), "a normally closed contact"
    assert shown["inputs"]["rcd"] == (True,), "normally closed, not active"
    assert set(shown["outputs"]) == set(OUTPUTS)
    assert shown["fan"] == {"fan": (0.0,)}


def test_readings_are_never_older_than_their_period(pair: Pair) -> None:
    for _ in range(60):
        pair.wait(0.05)
        for board in (pair.direct, pair.far):
            sensor = board.temperatures["housing"].read()
            state = board.inputs["rcd"].state()
            fan = board.tachometers["fan"].read()
            assert sensor is not None
            assert state is not None
            assert fan is not None
            assert pair.now_s - sensor.sampled_s <= 1.26
            assert pair.now_s - fan.sampled_s <= 1.26
            assert pair.now_s - state.sampled_s <= 0.26


def test_while_the_board_is_away_nothing_is_read_and_nothing_driven_arrives(pair: Pair) -> None:
    pair.drive(lambda board: first(board).pilot.drive(PilotMode.F, 0.0))
    pair.wait(0.3)
    before = [board.connectors[1].pilot.levels() for board in (pair.direct, pair.far)]
    pair.do(lambda site: site.fault("board_away", 1, True))
    pair.do(lambda site: site.plug_in(1))
    pair.wait(0.3)
    pair.drive(lambda board: first(board).pilot.drive(PilotMode.X1, 1.0))
    pair.wait(0.3)
    for board, levels in zip((pair.direct, pair.far), before, strict=True):
        assert "does not answer" in board.trouble
        assert board.connectors[1].pilot.levels() == levels
    for site in (pair.site, pair.world.site):
        assert site.connectors[1].wire.output.mode is PilotMode.F


def test_a_board_that_goes_away_is_noticed_although_nothing_is_driven(pair: Pair) -> None:
    pair.do(lambda site: site.fault("board_away", 1, True))
    for board in (pair.direct, pair.far):
        board.receive()
        assert "does not answer" in board.trouble


def test_after_a_reconnect_a_pin_is_told_again_only_if_it_is_driven_again(pair: Pair) -> None:
    names = ("relay_2", "output_1")
    for name in names:
        pair.drive(lambda board, name=name: board.outputs[name].drive(True))  # type: ignore[misc]
    pair.do(lambda site: site.fault("board_away", 1, True))
    pair.far.receive()
    for name in names:
        pair.do(lambda site, name=name: site.drive_output(name, False))  # type: ignore[misc]
    pair.do(lambda site: site.fault("board_away", 1, False))
    gives_up = time.monotonic() + PATIENCE_S
    while not pair.far._link.connect():
        assert time.monotonic() < gives_up, "it does not try again"
        select.select([], [], [], 0.02)
    pair.far.outputs["relay_2"].drive(True)
    pair.far.flush()
    pair._let_world_hear()
    pins = pair.world.site.outputs.pins
    assert (pins["relay_2"], pins["output_1"]) == (True, False)


def test_a_board_that_comes_back_is_read_again_and_told_only_what_is_driven_then(pair: Pair) -> None:
    pair.do(lambda site: site.fault("board_away", 1, True))
    pair.drive(lambda board: first(board).pilot.drive(PilotMode.F, 0.0))
    pair.wait(0.3)
    pair.do(lambda site: site.fault("board_away", 1, False))
    gives_up = time.monotonic() + PATIENCE_S
    while pair.direct.trouble or pair.far.trouble:
        assert time.monotonic() < gives_up, "it does not try again"
        select.select([], [], [], 0.02)
        pair.wait(0.05)
    pair.wait(1.25)
    assert readings(pair.direct) == readings(pair.far)
    assert put_out(pair) is PilotMode.X1, "driven while it was away"
    pair.drive(lambda board: first(board).pilot.drive(PilotMode.F, 0.0))
    pair.wait(0.3)
    assert readings(pair.direct) == readings(pair.far)
    assert put_out(pair) is PilotMode.F


def test_an_idle_station_sends_five_small_packets_a_second_and_temperatures_in_one_of_them(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make_directories()
    site, poll = Site(describe(Station()), now_s=START_S), Poll()
    now_s = START_S
    server = BoardServer(home.run / "board.sock", site, poll, lambda: now_s, site.advance)
    driver = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
    driver.connect(str(home.run / "board.sock"))
    driver.send(encode(Hello(role="safety")))
    poll.receive()
    poll.receive()
    sizes, temperatures = [], 0
    while now_s < START_S + 10.0:
        now_s = server.next_due_s()
        site.advance(now_s)
        server.publish()
        data = driver.recv(LARGEST_PACKET)
        packet = decode_from_world(data)
        assert isinstance(packet, Readings)
        sizes.append(len(data))
        temperatures += packet.station is not None and bool(packet.station.temperatures)
    assert 50 <= len(sizes) <= 51
    assert temperatures in (10, 11)
    assert sum(sizes) / len(sizes) < 350
    assert math.isclose(site.now_s, now_s)
    driver.close()
    server.close()
    poll.close()
