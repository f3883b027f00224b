"""The simulated meter answers the same over Modbus TCP, asked with a codec of this file's own, and in one process."""

import json
import math
import socket
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from hardware.interfaces import RegisterAnswer, RegisterRead
from hardware.sim.direct import DirectMeterLink
from hardware.sim.link import boot_s
from hardware.sim.site import ConnectorDescription, Site, SiteDescription
from hardware.sim.site.description import meter_unit
from schemas.station import ConnectorSection, PortsSection, Station
from services.home import BadStationFile, Home
from services.world.station import World, describe

pytestmark = pytest.mark.contract

STATION = Station(connector={"1": ConnectorSection(), "2": ConnectorSection(meter="none")})
ENERGY = RegisterRead(4, 0x48, 2)
SERIAL = RegisterRead(3, 0xFC00, 2)
PATIENCE_S = 5.0


class NoAnswer(Exception):
    pass


class Refused(Exception):
    pass


class Bench(Protocol):
    site: Site

    def ask(self, read: RegisterRead, meter: str = "connector.1", timeout_s: float = PATIENCE_S) -> tuple[int, ...]:
        """Raises NoAnswer, or Refused for an exception and for a damaged answer."""


class DirectBench:
    def __init__(self) -> None:
        self.now_s = 1000.0
        self.site = Site(SiteDescription({1: ConnectorDescription()}), now_s=self.now_s)

    def ask(self, read: RegisterRead, meter: str = "connector.1", timeout_s: float = PATIENCE_S) -> tuple[int, ...]:
        link = DirectMeterLink(self.site, meter, lambda: self.now_s, timeout_s)
        assert link.ask([read])
        assert not link.ask([read])
        self.now_s = link.next_event_s()
        answer = link.answer()
        assert isinstance(answer, RegisterAnswer)
        assert link.answer() is None
        if answer.error:
            raise NoAnswer if "no answer" in answer.error else Refused(answer.error)
        return answer.words[0]


class TcpBench:
    def __init__(self, path: Path) -> None:
        home = Home(path)
        home.make_directories()
        self.world = World(home, STATION, boot_s)
        self.site = self.world.site
        assert json.loads((home.run / "ports.json").read_text()) == {"world_modbus": self.world.port}
        self.connection = socket.create_connection(("127.0.0.1", self.world.port))
        self.transaction = 0

    def send(self, read: RegisterRead, unit: int) -> int:
        self.transaction += 1
        self.connection.sendall(
            struct.pack(">HHHBBHH", self.transaction, 0, 6, unit, read.function, read.address, read.count)
        )
        return self.transaction

    def receive(self, timeout_s: float = PATIENCE_S) -> tuple[int, int, bytes]:
        """(transaction, unit, pdu)."""
        self.connection.settimeout(timeout_s)
        try:
            head = self.connection.recv(7, socket.MSG_WAITALL)
            transaction, _, length, unit = struct.unpack(">HHHB", head)
            return transaction, unit, self.connection.recv(length - 1, socket.MSG_WAITALL)
        except TimeoutError:
            raise NoAnswer from None

    def ask(self, read: RegisterRead, meter: str = "connector.1", timeout_s: float = PATIENCE_S) -> tuple[int, ...]:
        sent = self.send(read, meter_unit(meter))
        transaction, unit, pdu = self.receive(timeout_s)
        assert (transaction, unit) == (sent, meter_unit(meter))
        if pdu[0] != read.function or pdu[1] != len(pdu) - 2:
            raise Refused(pdu.hex())
        return struct.unpack(f">{pdu[1] // 2}H", pdu[2:])


@pytest.fixture(params=["direct", "tcp"])
def bench(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bench]:
    if request.param == "direct":
        yield DirectBench()
        return
    made = TcpBench(tmp_path)
    yield made
    made.connection.close()
    made.world.close()


@pytest.fixture
def tcp(tmp_path: Path) -> Iterator[TcpBench]:
    made = TcpBench(tmp_path)
    yield made
    made.connection.close()
    made.world.close()


def send_for_ever(connection: socket.socket, data: bytes) -> None:
    """Ends by an exception of the connection."""
    gives_up = time.monotonic() + PATIENCE_S
    while time.monotonic() < gives_up:
        connection.sendall(data)


def number(words: tuple[int, ...]) -> float:
    value: float = struct.unpack(">f", struct.pack(">2H", *words))[0]
    return value


def test_energy_and_serial_number_are_what_was_preset(bench: Bench) -> None:
    bench.site.meter("connector.1", energy_wh=1_234_567.0, serial=4_000_000_001)
    assert round(number(bench.ask(ENERGY)) * 1000) == 1_234_567
    high, low = bench.ask(SERIAL)
    assert high << 16 | low == 4_000_000_001


def test_the_values_are_those_of_the_moment_of_the_question(bench: Bench) -> None:
    assert number(bench.ask(ENERGY)) == 0.0
    bench.site.meter("connector.1", jump_wh=7.0)
    assert round(number(bench.ask(ENERGY)) * 1000) == 7


def test_the_meter_of_the_site_is_another_meter(bench: Bench) -> None:
    bench.site.meter("site", energy_wh=5000.0)
    assert round(number(bench.ask(ENERGY, "site")) * 1000) == 5000
    assert number(bench.ask(ENERGY)) == 0.0
    assert bench.ask(SERIAL, "site") != bench.ask(SERIAL)


def test_all_voltages_currents_and_powers_come_in_one_read(bench: Bench) -> None:
    words = bench.ask(RegisterRead(4, 0, 80))
    assert len(words) == 80
    assert [number(words[at : at + 2]) for at in (0, 2, 4, 6, 70)] == [230.0, 230.0, 230.0, 0.0, 50.0]


@pytest.mark.parametrize(
    "read",
    [RegisterRead(4, 1, 2), RegisterRead(4, 0, 3), RegisterRead(4, 0x182, 2), RegisterRead(3, 0, 2),
     RegisterRead(4, 0, 82), RegisterRead(1, 0, 1), RegisterRead(2, 0, 1)],
)  # fmt: skip
def test_a_wrong_question_gets_an_exception_and_the_next_one_an_answer(bench: Bench, read: RegisterRead) -> None:
    with pytest.raises(Refused):
        bench.ask(read)
    assert number(bench.ask(RegisterRead(4, 0, 2))) == 230.0


def test_a_silent_meter_does_not_answer_until_it_is_back(bench: Bench) -> None:
    bench.site.meter("connector.1", timeout=True)
    with pytest.raises(NoAnswer):
        bench.ask(ENERGY, timeout_s=0.2)
    bench.site.meter("connector.1", timeout=False)
    assert number(bench.ask(ENERGY)) == 0.0


def test_a_late_answer_comes_as_late_as_that(bench: Bench) -> None:
    bench.site.meter("connector.1", late_s=0.3)
    with pytest.raises(NoAnswer):
        bench.ask(ENERGY, timeout_s=0.1)


def test_a_damaged_answer_is_no_answer_to_the_question(bench: Bench) -> None:
    bench.site.meter("connector.1", corrupt=True)
    with pytest.raises(Refused):
        bench.ask(ENERGY)


def test_a_meter_gone_mad_answers_not_a_number(bench: Bench) -> None:
    bench.site.meter("connector.1", nan=True)
    assert math.isnan(number(bench.ask(ENERGY)))


def test_a_late_answer_keeps_the_transaction_id_of_its_question(tcp: TcpBench) -> None:
    tcp.site.meter("connector.1", late_s=0.2)
    first = tcp.send(ENERGY, 1)
    second = tcp.send(SERIAL, 1)
    answers = {transaction: pdu for transaction, _, pdu in (tcp.receive(), tcp.receive())}
    assert set(answers) == {first, second}
    assert answers[second][2:] == struct.pack(">I", tcp.site.meters["connector.1"].serial)


def test_two_connections_are_served_side_by_side_while_one_meter_is_late(tcp: TcpBench) -> None:
    tcp.site.meter("connector.1", late_s=1.0)
    tcp.send(ENERGY, 1)
    other = socket.create_connection(("127.0.0.1", tcp.world.port))
    tcp.connection, late = other, tcp.connection
    assert number(tcp.ask(RegisterRead(4, 0, 2), "site", timeout_s=0.9)) == 230.0
    late.close()


@pytest.mark.parametrize("unit", [0, 2, 3, 99, 255])
def test_a_unit_that_is_not_there_gets_the_gateway_exception(tcp: TcpBench, unit: int) -> None:
    tcp.send(ENERGY, unit)
    _, answered_unit, pdu = tcp.receive()
    assert (answered_unit, pdu) == (unit, bytes((0x84, 0x0B)))


def test_writing_is_refused(tcp: TcpBench) -> None:
    tcp.connection.sendall(struct.pack(">HHHBBHH", 1, 0, 6, 1, 6, 0xFC00, 7))
    assert tcp.receive()[2] == bytes((0x86, 0x01))
    assert tcp.ask(SERIAL)[1] != 7


@pytest.mark.parametrize(
    "garbage", [b"\0" * 300, b"GET / HTTP/1.1\r\n\r\n", bytes(range(256)) * 8, b"\0\1\0\0\xff\xff\1\4"]
)
def test_garbage_does_not_keep_others_from_their_answers(tcp: TcpBench, garbage: bytes) -> None:
    tcp.connection.sendall(garbage)
    other = socket.create_connection(("127.0.0.1", tcp.world.port))
    tcp.connection, garbled = other, tcp.connection
    assert number(tcp.ask(RegisterRead(4, 0, 2))) == 230.0
    garbled.close()


@pytest.mark.parametrize("nonsense", [b"\xff" * 4096, b"\xff" * 100, b"\0\1\0\0\xff\xff\1\4" * 50])
def test_endless_nonsense_is_hung_up_on(tcp: TcpBench, nonsense: bytes) -> None:
    tcp.connection.settimeout(PATIENCE_S)
    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        send_for_ever(tcp.connection, nonsense)


def test_connections_beyond_the_limit_are_hung_up_on_and_the_first_ones_go_on(tcp: TcpBench) -> None:
    crowd = [socket.create_connection(("127.0.0.1", tcp.world.port)) for _ in range(40)]
    crowd[-1].settimeout(PATIENCE_S)
    assert crowd[-1].recv(1) == b""
    assert number(tcp.ask(RegisterRead(4, 0, 2))) == 230.0
    for connection in crowd:
        connection.close()


def test_the_port_stays_the_same_over_a_restart_and_moves_when_it_is_taken(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make_directories()

    def port_of_a_run() -> int:
        world = World(home, STATION, boot_s)
        try:
            return world.port
        finally:
            world.close()

    first = port_of_a_run()
    assert port_of_a_run() == first
    taken = socket.create_server(("127.0.0.1", first))
    other = port_of_a_run()
    taken.close()
    assert other != first
    assert json.loads((home.run / "ports.json").read_text()) == {"world_modbus": other}


def test_a_given_port_that_is_taken_stops_the_start_with_words(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.make_directories()
    taken = socket.create_server(("127.0.0.1", 0))
    station = Station(ports=PortsSection(world_modbus=taken.getsockname()[1]))
    with pytest.raises(OSError, match="cannot listen on"):
        World(home, station, boot_s)
    taken.close()


def test_a_meter_model_that_cannot_be_simulated_is_refused_with_the_names_of_those_that_can() -> None:
    with pytest.raises(BadStationFile, match="eastron_sdm630_v2"):
        describe(Station(connector={"1": ConnectorSection(meter="abb_b23")}))
