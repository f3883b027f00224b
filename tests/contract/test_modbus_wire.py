"""The wire to a meter over several questions: what belongs to which, and what it does not import."""

import socket
import struct
import subprocess
import sys
from collections.abc import Iterator

import pytest

from hardware.interfaces import RegisterRead, RegisterWrite
from services.clock import StationClock
from services.metering.addresses import Address
from services.metering.modbus import LAST_TRANSACTION, ModbusLink, _name
from tests.contract.test_modbus_link import EXCHANGE_S, READS, HostileMeter, RealMeter, ask, reply, right, wait
from tests.metering_words import charging_words
from tests.running_station import ROOT, environment

pytestmark = pytest.mark.contract

IMPORTS = """
import sys
from services.clock import StationClock
from services.metering.addresses import Address
from services.metering.modbus import _Wire
from hardware.interfaces import RegisterRead
wire = _Wire(lambda: Address("127.0.0.1", int(sys.argv[1]), 1), 5.0)
print(len(wire.exchange(RegisterRead(4, 0, 74))))
print(*{"pymodbus", "asyncio", "encodings.idna", "ssl"} & set(sys.modules))
"""


@pytest.fixture
def meter() -> Iterator[HostileMeter]:
    one = HostileMeter(lambda request: [right(request)])
    yield one
    one.close()


@pytest.fixture
def real() -> Iterator[RealMeter]:
    one = RealMeter()
    yield one
    one.close()


@pytest.fixture
def links() -> Iterator[list[ModbusLink]]:
    opened: list[ModbusLink] = []
    yield opened
    for link in opened:
        link.close()


def connect(meter: HostileMeter | RealMeter, links: list[ModbusLink], host: str = "127.0.0.1") -> ModbusLink:
    link = ModbusLink(lambda: Address(host, meter.port, 1), StationClock(), EXCHANGE_S)
    links.append(link)
    return link


def test_an_answer_that_comes_twice_is_not_the_answer_to_the_next_question(
    meter: HostileMeter, links: list[ModbusLink]
) -> None:
    energy_wh = 0

    def script(request: bytes) -> list[bytes | float]:
        return [right(request, energy_wh) * 2]

    meter.script = script
    link = connect(meter, links)
    for energy_wh in range(1, 6):
        assert ask(link).words == charging_words(energy_wh)
    assert meter.connections == 1


def test_half_of_the_next_frame_waits_for_its_other_half(meter: HostileMeter, links: list[ModbusLink]) -> None:
    kept = b""

    def script(request: bytes) -> list[bytes | float]:
        nonlocal kept
        data, stale = kept + right(request), right(request, 7)
        kept = stale[20:]
        return [data + stale[:20]]

    meter.script = script
    link = connect(meter, links)
    for _ in range(4):
        assert ask(link).words == charging_words(1000)
    assert meter.connections == 1


def test_the_number_of_the_question_begins_again_after_the_last_one(
    meter: HostileMeter, links: list[ModbusLink]
) -> None:
    numbers: list[int] = []

    def script(request: bytes) -> list[bytes | float]:
        numbers.append(int.from_bytes(request[:2], "big"))
        return [right(request)]

    meter.script = script
    link = connect(meter, links)
    link._wire._transaction = LAST_TRANSACTION - 1
    for _ in range(2):
        assert ask(link).words == charging_words(1000)
    assert numbers == [LAST_TRANSACTION, 1, 2, 3]


def test_a_server_of_pymodbus_takes_a_write_and_its_refusal_keeps_the_connection(
    real: RealMeter, links: list[ModbusLink]
) -> None:
    link = connect(real, links)
    wire = link._wire
    assert link.ask((RegisterWrite(0xFC00, (1, 2)),))
    assert wait(link).words == ((),)
    assert link.ask((RegisterWrite(5, (1,)),))
    refused = wait(link)
    assert (refused.refused, refused.words) == (True, ())
    assert "refused to write 1 words at 5: exception_code=2, illegal address" in refused.error
    assert wire._socket is not None
    assert ask(link).words == charging_words(1000)
    assert link.ask((RegisterRead(3, 0, 126),))
    assert "nobody can read 126 words" in wait(link).error


@pytest.mark.parametrize("host", ["localhost", "a" * 70, "ü" * 70, "."], ids=["a name", "long", "long abroad", "a dot"])
def test_a_host_is_a_name_as_well_and_a_strange_one_is_an_error(
    meter: HostileMeter, links: list[ModbusLink], host: str
) -> None:
    link = connect(meter, links, host)
    answer = ask(link)
    if host == "localhost":
        assert answer.words == charging_words(1000)
    else:
        assert f"cannot connect to {host}" in answer.error


def test_it_imports_neither_pymodbus_nor_what_that_needs(real: RealMeter) -> None:
    command = [sys.executable, "-P", "-c", IMPORTS, str(real.port)]
    done = subprocess.run(command, env=environment(), cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["74"]


@pytest.mark.parametrize("reset", [False, True], ids=["closed", "reset"])
def test_a_connection_that_the_meter_lets_fall_is_no_endless_wait(links: list[ModbusLink], reset: bool) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=1) as listener:
        link = ModbusLink(lambda: Address("127.0.0.1", listener.getsockname()[1], 1), StationClock(), EXCHANGE_S)
        links.append(link)
        assert link.ask(READS)
        meter = listener.accept()[0]
        assert meter.recv(260)
        if reset:
            meter.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        meter.close()
        assert wait(link).error == "no answer: the meter has closed the connection"


def test_the_answer_of_another_unit_is_passed_over(meter: HostileMeter, links: list[ModbusLink]) -> None:
    def script(request: bytes) -> list[bytes | float]:
        return [right(request[:6] + b"\x09" + request[7:], 5) + right(request, 6)]

    meter.script = script
    assert ask(connect(meter, links)).words == charging_words(6)


def test_sound_frames_that_are_not_ours_are_noise_when_there_are_too_many(
    meter: HostileMeter, links: list[ModbusLink]
) -> None:
    meter.script = lambda request: [reply(request, (0,) * 100, transaction=777) * 8]
    assert "bytes of noise" in ask(connect(meter, links)).error


def test_a_host_goes_to_the_resolver_as_ascii() -> None:
    assert _name("meter.example") == b"meter.example"
    assert _name("münchen.example") == b"xn--mnchen-3ya.example"
