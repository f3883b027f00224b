"""The wire to a meter, against a real Modbus TCP server and against a hostile one."""

import asyncio
import contextlib
import json
import select
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from bus.clock import Now
from hardware.interfaces import RegisterAnswer
from schemas.metering import MeterReading, Quality
from schemas.station import Station
from services.clock import StationClock
from services.metering.acquisition import Acquisition
from services.metering.addresses import Address, mounted_meters
from services.metering.modbus import ModbusLink, port_in_use
from services.metering.registers import MODELS, plan
from tests.metering_words import SERIAL, charging_words, dead_words

pytestmark = pytest.mark.contract

EXCHANGE_S = 0.2
DEADLINE_S = 10.0
READS = plan(MODELS["eastron_sdm630_v2"])
Words = tuple[tuple[int, ...], ...]


class RealMeter:
    """pymodbus' own server, unit 1, in a thread. Set `words`, `refuses`, `late_s`."""

    def __init__(self, port: int = 0) -> None:
        self.words: Words = charging_words(1000)
        self.refuses: ExcCodes | None = None
        self.late_s = 0.0
        self.port = port
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self._thread.start()
        assert self._ready.wait(DEADLINE_S)

    async def _serve(self) -> None:
        bits = [SimData(0, values=False, datatype=DataType.BITS)]
        holding = [SimData(0xFC00, count=2, values=0, datatype=DataType.REGISTERS)]
        inputs = [SimData(0, count=400, values=0, datatype=DataType.REGISTERS)]
        device = SimDevice(1, simdata=(bits, bits, holding, inputs), action=self._answer)
        server = ModbusTcpServer(device, address=("127.0.0.1", self.port))
        await server.serve_forever(background=True)
        self.port = server.transport.sockets[0].getsockname()[1]  # type: ignore[attr-defined]
        self._ready.set()
        await self._stop.wait()
        await server.shutdown()  # type: ignore[no-untyped-call]

    async def _answer(
        self, function: int, start: int, address: int, count: int, registers: list[int], _written: object
    ) -> ExcCodes | None:
        if self.late_s:
            await asyncio.sleep(self.late_s)
        if self.refuses is not None:
            return self.refuses
        words = self.words[0] if function == 4 else self.words[1]
        registers[address - start : address - start + count] = words[:count]
        return None

    def close(self) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(DEADLINE_S)
            self._loop.close()


class HostileMeter:
    """Answers every request with what `script(request)` makes of it: pieces to send one after the other.

    A piece is bytes, or a float: seconds to wait (ended at once by `close`). After the last piece of a request for
    which `hangs_up` is set the connection is closed.
    """

    def __init__(self, script: Callable[[bytes], list[bytes | float]], hangs_up: bool = False) -> None:
        self.script = script
        self.hangs_up = hangs_up
        self.connections = 0
        self._closing = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        self._listener.settimeout(0.05)
        while not self._closing.is_set():
            with contextlib.suppress(TimeoutError):
                connection, _ = self._listener.accept()
                self.connections += 1
                thread = threading.Thread(target=self._converse, args=(connection,))
                thread.start()
                self._threads.append(thread)

    def _converse(self, connection: socket.socket) -> None:
        connection.settimeout(0.05)
        with connection, contextlib.suppress(OSError):
            while not self._closing.is_set():
                try:
                    request = connection.recv(260)
                except TimeoutError:
                    continue
                if not request:
                    return
                for piece in self.script(request):
                    if isinstance(piece, float):
                        self._closing.wait(piece)
                    else:
                        connection.sendall(piece)
                if self.hangs_up:
                    return

    def close(self) -> None:
        self._closing.set()
        for thread in self._threads:
            thread.join(DEADLINE_S)
        self._listener.close()


Meter = RealMeter | HostileMeter


@pytest.fixture
def meters() -> Iterator[list[Meter]]:
    started: list[Meter] = []
    yield started
    for meter in started:
        meter.close()


@pytest.fixture
def links() -> Iterator[list[ModbusLink]]:
    opened: list[ModbusLink] = []
    yield opened
    for link in opened:
        link.close()


def connect(meter: Meter, links: list[ModbusLink], unit: int = 1) -> ModbusLink:
    link = ModbusLink(lambda: Address("127.0.0.1", meter.port, unit), StationClock(), EXCHANGE_S)
    links.append(link)
    return link


def wait(link: ModbusLink) -> RegisterAnswer:
    """Sleeps on the descriptor as the runner does."""
    deadline_s = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline_s:
        answer = link.answer()
        if answer is not None:
            return answer
        select.select([link.fileno()], [], [], 0.5)
        link.receive()
    raise AssertionError("no answer and no error in time")


def ask(link: ModbusLink) -> RegisterAnswer:
    assert link.ask(READS)
    return wait(link)


def reply(request: bytes, words: tuple[int, ...], transaction: int | None = None) -> bytes:
    """The right answer to a read."""
    (number,) = struct.unpack(">H", request[:2])
    data = struct.pack(f">{len(words)}H", *words)
    body = bytes((request[6], request[7], len(data))) + data
    return struct.pack(">HHH", number if transaction is None else transaction, 0, len(body)) + body


def right(request: bytes, energy_wh: int = 1000) -> bytes:
    words = charging_words(energy_wh)
    return reply(request, words[0] if request[7] == 4 else words[1])


def another_function(request: bytes) -> list[bytes | float]:
    return [reply(request[:7] + b"\x03", (0,) * 74)] if request[7] == 4 else [right(request)]


def test_it_brings_the_words_and_the_times_of_question_and_answer(meters: list[Meter], links: list[ModbusLink]) -> None:
    meters.append(meter := RealMeter())
    link = connect(meter, links)
    before_s = StationClock().now().boot_s
    answer = ask(link)
    assert answer.words == charging_words(1000)
    assert answer.error == ""
    assert before_s <= answer.asked_s <= answer.answered_s <= StationClock().now().boot_s


def test_an_answer_is_given_once_and_wakes_whoever_waits(meters: list[Meter], links: list[ModbusLink]) -> None:
    meters.append(meter := RealMeter())
    link = connect(meter, links)
    ask(link)
    assert link.answer() is None
    link.receive()
    assert select.select([link.fileno()], [], [], 0)[0] == []


def test_there_is_one_question_at_a_time(meters: list[Meter], links: list[ModbusLink]) -> None:
    meters.append(meter := RealMeter())
    meter.late_s = 0.1
    link = connect(meter, links)
    assert link.ask(READS)
    assert not link.ask(READS)
    assert wait(link).error == ""
    assert link.ask(READS)
    wait(link)


def test_asking_never_blocks_the_loop_even_if_the_meter_does(meters: list[Meter], links: list[ModbusLink]) -> None:
    """The question is out and unanswered while the caller already has control again."""
    meters.append(meter := HostileMeter(lambda request: [DEADLINE_S, right(request)]))
    link = connect(meter, links)
    assert link.ask(READS)
    assert link.answer() is None
    assert "no answer" in wait(link).error


def test_an_exception_answer_is_an_error_with_its_code_and_keeps_the_connection(
    meters: list[Meter], links: list[ModbusLink]
) -> None:
    meters.append(meter := RealMeter())
    link = connect(meter, links)
    for code in (ExcCodes.ILLEGAL_ADDRESS, ExcCodes.DEVICE_FAILURE, ExcCodes.GATEWAY_NO_RESPONSE):
        meter.refuses = code
        answer = ask(link)
        assert answer.words == ()
        assert f"exception_code={int(code)}" in answer.error
    meter.refuses = None
    assert ask(link).words == charging_words(1000)


def test_no_answer_is_an_error_after_the_time_out_and_the_next_question_is_answered(
    meters: list[Meter], links: list[ModbusLink]
) -> None:
    silent = True

    def script(request: bytes) -> list[bytes | float]:
        return [] if silent else [right(request)]

    meters.append(meter := HostileMeter(script))
    link = connect(meter, links)
    answer = ask(link)
    assert "no answer" in answer.error
    assert EXCHANGE_S <= answer.answered_s - answer.asked_s < 5.0
    silent = False
    assert ask(link).words == charging_words(1000)
    assert meter.connections == 2


def test_a_late_answer_is_never_taken_for_the_next_question(meters: list[Meter], links: list[ModbusLink]) -> None:
    """The first answer leaves after the time-out; it says 1 Wh, the truth by then is 2 Wh."""
    asked = 0

    def script(request: bytes) -> list[bytes | float]:
        nonlocal asked
        asked += 1
        return [2.0 * EXCHANGE_S, right(request, 1)] if asked == 1 else [right(request, 2)]

    meters.append(meter := HostileMeter(script))
    link = connect(meter, links)
    assert "no answer" in ask(link).error
    for _ in range(3):
        assert ask(link).words == charging_words(2)


def test_a_stale_answer_on_the_new_connection_is_recognised_by_its_number(
    meters: list[Meter], links: list[ModbusLink]
) -> None:
    """As behind a gateway that kept the old answer: it arrives first, with the number of the old question."""
    requests: list[bytes] = []

    def script(request: bytes) -> list[bytes | float]:
        requests.append(request)
        if len(requests) == 1:
            return []
        return [right(requests[0], 1) + right(request, 2)] if len(requests) == 2 else [right(request, 2)]

    meters.append(meter := HostileMeter(script))
    link = connect(meter, links)
    assert "no answer" in ask(link).error
    assert ask(link).words == charging_words(2)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(lambda _: [b"\xff" * 300], id="noise"),
        pytest.param(lambda _: [b"\0" * 4000], id="zeroes"),
        pytest.param(lambda request: [right(request)[:20]], id="half an answer"),
        pytest.param(lambda request: [reply(request, (1, 2))[:-1]], id="one byte short"),
        pytest.param(lambda request: [reply(request, (1, 2, 3))], id="too few words"),
        pytest.param(lambda request: [reply(request, (0,) * 120)], id="too many words"),
        pytest.param(lambda request: [reply(request, (0,) * 74, transaction=777)], id="another number"),
        pytest.param(lambda request: [reply(request, (0,) * 74, transaction=0)], id="number 0"),
        pytest.param(lambda request: [right(request[:6] + b"\x09" + request[7:])], id="another unit"),
        pytest.param(another_function, id="another function"),
        pytest.param(lambda request: [request[:6] + b"\x01\x04"], id="no data"),
        pytest.param(lambda request: [bytes((byte,)) for byte in right(request)] + [b"\xff"] * 300, id="crumbs"),
        pytest.param(lambda _: [piece for _ in range(30) for piece in (b"\0", EXCHANGE_S / 4)], id="dribble"),
        pytest.param(lambda request: [request[:2] + b"\0\0\xff\xff\x01\x04" + b"\0" * 65000], id="flood"),
    ],
)
def test_garbage_is_an_error_or_the_right_words_and_soon_over(
    meters: list[Meter], links: list[ModbusLink], script: Callable[[bytes], list[bytes | float]]
) -> None:
    meters.append(meter := HostileMeter(script))
    link = connect(meter, links)
    answer = ask(link)
    assert answer.error or answer.words[0] == charging_words(1000)[0]
    assert answer.answered_s - answer.asked_s < 20.0 * EXCHANGE_S
    meter.script = lambda request: [right(request)]
    assert ask(link).words == charging_words(1000)


def test_more_bytes_than_any_answer_has_are_noise_and_not_collected(
    meters: list[Meter], links: list[ModbusLink]
) -> None:
    meters.append(meter := HostileMeter(lambda request: [request[:4] + b"\xff\xff\x01\x04" + b"\0" * 60_000]))
    link = connect(meter, links)
    assert "bytes of noise" in ask(link).error


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_worker_that_ended_is_told_and_replaced(meters: list[Meter], links: list[ModbusLink]) -> None:
    meters.append(meter := RealMeter())
    broken = True

    def find() -> Address:
        if broken:
            raise RuntimeError("an error nobody thought of")
        return Address("127.0.0.1", meter.port, 1)

    link = ModbusLink(find, StationClock(), EXCHANGE_S)
    links.append(link)
    assert "worker ended" in ask(link).error
    broken = False
    assert ask(link).words == charging_words(1000)


def test_no_bytes_at_all_stop_the_worker(meters: list[Meter], links: list[ModbusLink]) -> None:
    meters.append(meter := HostileMeter(lambda _: [], hangs_up=True))
    link = connect(meter, links)

    @settings(max_examples=100, deadline=None)
    @given(body=st.binary(max_size=40), function=st.integers(0, 255), honest_length=st.booleans())
    def answer_with(body: bytes, function: int, honest_length: bool) -> None:
        def script(request: bytes) -> list[bytes | float]:
            length = len(body) + 2 if honest_length else 6
            return [request[:2] + b"\0\0" + struct.pack(">H", length) + request[6:7] + bytes((function,)) + body]

        meter.script = script
        answer = ask(link)
        assert answer.error
        assert "worker ended" not in answer.error

    answer_with()


def test_a_disconnect_is_an_error_and_the_next_question_reconnects(
    meters: list[Meter], links: list[ModbusLink]
) -> None:
    meters.append(meter := HostileMeter(lambda _: [], hangs_up=True))
    link = connect(meter, links)
    assert "no answer" in ask(link).error
    meter.script, meter.hangs_up = lambda request: [right(request)], False
    assert ask(link).words == charging_words(1000)


def test_it_finds_a_meter_that_came_back_on_another_port(
    meters: list[Meter], links: list[ModbusLink], tmp_path: Path
) -> None:
    ports = tmp_path / "ports.json"

    def find() -> Address | None:
        port = port_in_use(ports)
        return None if port is None else Address("127.0.0.1", port, 1)

    link = ModbusLink(find, StationClock(), EXCHANGE_S)
    links.append(link)
    assert "port is not known yet" in ask(link).error
    meters.append(first := RealMeter())
    ports.write_text(json.dumps({"world_modbus": first.port}), encoding="utf-8")
    assert ask(link).words == charging_words(1000)
    first.close()
    assert ask(link).error
    meters.append(second := RealMeter())
    second.words = charging_words(2000)
    ports.write_text(json.dumps({"world_modbus": second.port}), encoding="utf-8")
    assert ask(link).words == charging_words(2000)


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", "null", "[" * 10_000, '{"world_modbus": "502"}', '{"world_modbus": 0}', '{"world_modbus": 70000}',
     '{"world_modbus": true}', "\udcff"],
)  # fmt: skip
def test_an_unreadable_ports_file_is_a_port_not_yet_known(content: str, tmp_path: Path) -> None:
    ports = tmp_path / "ports.json"
    ports.write_text(content, encoding="utf-8", errors="surrogateescape")
    assert port_in_use(ports) is None


def test_a_meter_where_nobody_listens_is_an_error(links: list[ModbusLink]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    link = ModbusLink(lambda: Address("127.0.0.1", port, 1), StationClock(), EXCHANGE_S)
    links.append(link)
    for _ in range(3):
        assert "cannot connect" in ask(link).error


def test_a_closed_link_takes_no_more_questions(meters: list[Meter]) -> None:
    meters.append(meter := RealMeter())
    link = ModbusLink(lambda: Address("127.0.0.1", meter.port, 1), StationClock(), EXCHANGE_S)
    ask(link)
    link.close()
    assert link.fileno() == -1
    assert not link.ask(READS)
    link.close()


class Station1:
    """A meter on the wire and what metering says of it; time is made, so that a second costs nothing."""

    def __init__(self, link: ModbusLink) -> None:
        self.link = link
        self.meter = Acquisition("connector.1", mounted_meters(Station())["connector.1"])

    def second(self) -> MeterReading:
        now = StationClock().now()
        self.meter.begin_second(now)
        answer = ask(self.link)
        said = self.meter.take(answer, Now(answer.answered_s, now.wall_s + answer.answered_s - now.boot_s))
        assert said is not None
        return said


def test_not_a_number_and_another_serial_number_reach_the_reading_as_its_quality(
    meters: list[Meter], links: list[ModbusLink]
) -> None:
    meters.append(meter := RealMeter())
    station = Station1(connect(meter, links))
    assert station.second().quality is Quality.GOOD
    meter.words = dead_words()
    said = station.second()
    assert said.quality is Quality.IMPLAUSIBLE
    assert said.reading is not None
    assert said.reading.energy_import_wh == 1000
    meter.words = charging_words(5, serial=7)
    assert station.second().quality is Quality.EXCHANGED
    said = station.second()
    assert (said.quality, said.serial) == (Quality.GOOD, "7")
    assert said.reading is not None
    assert said.reading.energy_import_wh == 5
    assert said.serial != str(SERIAL)
