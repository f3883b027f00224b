"""Signed readings over the wire: the driver against the simulated meter's Modbus server, and against one that lies.

Whether a record is genuine is decided by OpenSSL, with the key that the meter shows.
"""

import select
import shutil
import struct
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from hardware.interfaces import RegisterAnswer, RegisterRead, RegisterStep, RegisterWrite
from hardware.sim.link import boot_s
from hardware.sim.site import ecdsa
from schemas.metering import Quality, SignContext
from schemas.station import ConnectorSection, Station
from services.clock import StationClock
from services.home import Home
from services.metering.acquisition import Acquisition
from services.metering.addresses import Address, mounted_meters
from services.metering.modbus import ModbusLink
from services.metering.registers import HOLDING, MODELS
from services.metering.signing import Job, Signed
from services.world.station import World
from tests.contract.test_modbus_link import HostileMeter
from tests.signed_records import SPKI_WORDS, is_genuine, take_apart

pytestmark = pytest.mark.contract

MODEL = MODELS["carlo_gavazzi_em580"]
STATION = Station(connector={"1": ConnectorSection(meter="carlo_gavazzi_em580"), "2": ConnectorSection()})
KEY_DER = 0x2600
DEADLINE_S = 10.0


class Wire:
    """One link, waited for as the service's loop does."""

    def __init__(self, port: int, unit: int = 1, exchange_s: float = 1.0) -> None:
        self.link = ModbusLink(lambda: Address("127.0.0.1", port, unit), StationClock(), exchange_s)

    def ask(self, steps: Sequence[RegisterStep]) -> RegisterAnswer:
        assert self.link.ask(steps)
        ends_s = time.monotonic() + DEADLINE_S
        while (answer := self.link.answer()) is None:
            assert time.monotonic() < ends_s, "no answer"
            select.select([self.link], [], [], 0.2)
            self.link.receive()
        return answer

    def sign(self, context: SignContext, transaction_id: str, id_tag: str, serial: str, within_s: float) -> Signed:
        assert MODEL.signing is not None
        job = Job(MODEL.signing, context, transaction_id, id_tag, boot_s() + within_s)
        while (over := job.give_up(boot_s())) is None:
            if (pause_s := job.next_s - boot_s()) > 0.0:
                select.select([], [], [], pause_s)
                continue
            over = job.take(self.ask(job.question()), serial, boot_s())
            if over is not None:
                break
        return over


def make_world(path: Path) -> World:
    home = Home(path)
    home.make_directories()
    return World(home, STATION, boot_s)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = make_world(tmp_path)
    made.site.meter("connector.1", energy_wh=9_876.0)
    yield made
    made.close()


@pytest.fixture
def wire(world: World) -> Iterator[Wire]:
    made = Wire(world.port)
    yield made
    made.link.close()


def test_begin_and_end_are_signed_by_the_meters_key_and_by_no_other(world: World, wire: Wire, tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("the program openssl, which checks the signatures, is not installed: install the package openssl")
    meter = Acquisition("connector.1", mounted_meters(STATION)["connector.1"])
    said = meter.take(wire.ask(meter.reads), StationClock().now()) or meter.report(StationClock().now())
    assert (said.quality, said.signs) == (Quality.GOOD, True)
    assert said.reading is not None
    assert said.reading.energy_import_wh == 9_876
    assert said.reading.voltage_v == (230.0, 230.0, 230.0)
    begin = wire.sign(SignContext.BEGIN, "transaction-1", "CARD|1", said.serial, 5.0)
    world.site.meter("connector.1", jump_wh=1_500.0)
    last = wire.sign(SignContext.END, "transaction-1", "CARD|1", said.serial, 5.0)
    words = wire.ask([RegisterRead(HOLDING, KEY_DER, SPKI_WORDS)]).words[0]
    key = struct.pack(f">{SPKI_WORDS}H", *words)
    for signed, kind, register_wh in ((begin, "B", 9_876), (last, "E", 11_376)):
        record = take_apart(signed.record)
        assert (record.kind, record.register_wh, record.payload["ID"]) == (kind, register_wh, "CARD_1")
        assert is_genuine(record, key, tmp_path)
        assert not is_genuine(record, ecdsa.public_key_der(ecdsa.private_key("another meter")), tmp_path)
        forged = record._replace(text=record.text.replace(f"{register_wh // 1000}.", f"{register_wh // 1000 + 1}."))
        assert forged.signed_bytes != record.signed_bytes
        assert not is_genuine(forged, key, tmp_path)


def test_a_simulated_record_says_so_in_every_name_it_has(wire: Wire, world: World) -> None:
    serial = f"SIM-{world.site.meters['connector.1'].serial}"
    payload = take_apart(wire.sign(SignContext.BEGIN, "one", "", serial, 5.0).record).payload
    for name in ("GI", "GV", "MV", "MM"):
        assert "SIMULATED" in payload[name]
    assert payload["MS"] == payload["GS"] == serial
    assert payload["RD"][0]["TM"].startswith("1970-")
    assert payload["RD"][0]["TM"].endswith(" U")


def test_what_the_meter_has_begun_survives_the_end_of_its_world(tmp_path: Path) -> None:
    records = []
    for context in (SignContext.BEGIN, SignContext.BEGIN, SignContext.END):
        world = make_world(tmp_path)
        wire = Wire(world.port)
        serial = f"SIM-{world.site.meters['connector.1'].serial}"
        records.append(take_apart(wire.sign(context, "one", "CARD", serial, 5.0).record))
        wire.link.close()
        world.close()
    assert records[0] == records[1]
    assert [(record.kind, record.pagination) for record in records] == [("B", 1), ("B", 1), ("E", 2)]


def test_a_refused_command_is_known_for_what_it_is(world: World, wire: Wire) -> None:
    world.site.fault("sign_refused", "1", True)
    signed = wire.sign(SignContext.BEGIN, "one", "CARD", "SIM-1", 5.0)
    assert signed.reason.startswith("the meter refuses to sign: refused to write 1 words at 28736")


def test_a_meter_that_does_not_sign_takes_no_command(world: World) -> None:
    wire = Wire(world.port, unit=2)
    try:
        answer = wire.ask([RegisterWrite(0x7040, (0x42,))])
        assert answer.refused
        assert answer.error
    finally:
        wire.link.close()


@pytest.mark.parametrize(
    ("steps", "refused"),
    [
        ([RegisterWrite(0x7040, (0x45,))], True),  # nothing is open
        ([RegisterWrite(0x7041, (0x42,))], True),
        ([RegisterWrite(0x7007, (0x4142,))], True),
        ([RegisterRead(3, 0x70FF, 4)], True),
        ([RegisterRead(3, 0x7110, 125)], False),
        ([RegisterRead(4, 0x0500, 4), RegisterWrite(0x6900, (0x4142, 0)), RegisterRead(3, 0x6900, 2)], False),
    ],
)
def test_the_simulated_meter_takes_what_the_map_knows_and_refuses_the_rest(
    wire: Wire, steps: list[RegisterStep], refused: bool
) -> None:
    answer = wire.ask(steps)
    assert answer.refused is refused
    assert bool(answer.error) is refused
    if len(steps) == 3:
        assert answer.words == ((9_876, 0, 0, 0), (), (0x4142, 0))


def _confirms(pdu: bytes, unit: int = 1) -> HostileMeter:
    """Answers every request with this."""
    return HostileMeter(lambda request: [request[:4] + struct.pack(">HB", len(pdu) + 1, unit) + pdu])


@pytest.mark.parametrize(
    "pdu",
    [
        bytes((16, 0x70, 0x40, 0, 2)),  # another count
        bytes((16, 0x70, 0x41, 0, 1)),  # another address
        bytes((3, 2, 0, 0x42)),  # the answer to a read
        bytes((6, 0x70, 0x40, 0, 0x42)),  # the answer to a write of one register
        b"\x10",
    ],
)
def test_a_write_is_only_done_when_just_it_was_confirmed(pdu: bytes) -> None:
    meter = _confirms(pdu)
    wire = Wire(meter.port, exchange_s=0.2)
    try:
        answer = wire.ask([RegisterWrite(0x7040, (0x42,))])
        assert (answer.words, answer.refused) == ((), False)
        assert answer.error
    finally:
        wire.link.close()
        meter.close()


def test_an_exception_to_a_write_is_a_refusal() -> None:
    meter = _confirms(bytes((0x90, 4)))
    wire = Wire(meter.port, exchange_s=0.2)
    try:
        answer = wire.ask([RegisterWrite(0x7040, (0x42,))])
        assert answer.refused
        assert "28736" in answer.error
    finally:
        wire.link.close()
        meter.close()
