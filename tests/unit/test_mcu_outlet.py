"""A domestic socket behind the serial link: its relay follows the rules of a coil, and its number is no connector."""

from dataclasses import dataclass

import pytest

from hardware.interfaces import Feedback
from hardware.linux.sysfs import Sysfs
from hardware.mcu import messages
from hardware.mcu.board import McuSafetyBoard
from hardware.mcu.fitted import missing
from hardware.mcu.link import Outgoing, microseconds
from hardware.mcu.messages import (
    FEED,
    OUTLET,
    Drive,
    DriveConnector,
    Hello,
    Identity,
    IdentityConnector,
    Kind,
    State,
    StationConnector,
    StationReading,
    packed,
)
from hardware.mcu.panel import McuPanel
from hardware.outlet import FedOutput
from hardware.sim.direct import DirectSafetyBoard
from hardware.sim.mcu import SimulatedMcu
from hardware.sim.mcu_sample import Fitted
from hardware.sim.site import ConnectorDescription, Site, SiteDescription
from schemas.board import McuSection
from schemas.station import ConnectorSection, EquipmentSection, Station
from services.home import BadStationFile, parse_station

pytestmark = pytest.mark.unit

STATION = Station(
    connector={"1": ConnectorSection(cable="fixed"), "2": ConnectorSection(cable="schuko")},
    equipment=EquipmentSection(outputs=("auxiliary", "climate"), temperatures=()),
    mcu=McuSection(port="/dev/ttyNONE"),
)
CLIMATE = 1 << messages.OUTPUTS.index("climate")


class Bench:
    """A microcontroller with a vehicle's connector and a domestic socket; the test is the computer."""

    def __init__(self) -> None:
        self.now_s = 100.0
        described = {1: ConnectorDescription(), 2: ConnectorDescription(fixed_cable=True, domestic=True)}
        self.site = Site(SiteDescription(described, outputs=("auxiliary", "climate")), None, self.now_s)
        self.outgoing = Outgoing()
        pins = DirectSafetyBoard(self.site, lambda: self.now_s)
        fitted = {2: Fitted(outlet=True)}
        self.mcu = SimulatedMcu(pins, lambda _data: None, now_s=self.now_s, fitted=fitted)
        self.mcu.receive(self.outgoing.frame(Kind.HELLO, packed(Hello(5, microseconds(self.now_s)))), self.now_s)

    def drive(self, outputs: int, feed: bool = True) -> None:
        head = Drive(microseconds(self.now_s), FEED if feed else 0, outputs, 1)
        self.mcu.receive(self.outgoing.frame(Kind.DRIVE, packed(head, (DriveConnector(),))), self.now_s)

    def keep(self, outputs: int, seconds: float, feed: bool = True) -> None:
        end_s = self.now_s + seconds
        while self.now_s < end_s - 1e-9:
            self.drive(outputs, feed)
            for _ in range(10):
                self.now_s += 0.001
                self.mcu.turn(self.now_s)

    @property
    def pins(self) -> dict[str, bool]:
        return self.site.outputs.pins


def test_the_relay_is_energised_by_the_edge_of_its_bit_while_the_feed_lasts() -> None:
    bench = Bench()
    bench.keep(0, 0.05, feed=False)
    bench.keep(OUTLET, 0.05, feed=False)
    assert not bench.pins["auxiliary"]
    bench.keep(OUTLET, 0.05)
    assert not bench.pins["auxiliary"], "there was no edge while it was fed"
    bench.keep(CLIMATE, 0.05)
    bench.keep(OUTLET | CLIMATE, 0.05)
    assert bench.pins == {"auxiliary": True, "climate": True}
    bench.drive(CLIMATE)
    assert bench.pins == {"auxiliary": False, "climate": True}


def test_it_falls_100_to_150_ms_after_the_last_feed_and_the_other_outputs_stay() -> None:
    bench = Bench()
    bench.keep(OUTLET | CLIMATE, 0.05)
    bench.drive(OUTLET | CLIMATE)
    fed_s = bench.now_s
    while bench.pins["auxiliary"]:
        bench.keep(OUTLET | CLIMATE, 0.01, feed=False)
        assert bench.now_s < fed_s + 1.0
    assert 0.100 <= bench.now_s - fed_s <= 0.150
    assert bench.pins["climate"]
    assert bench.mcu.state is State.NO_FEED
    bench.keep(OUTLET, 0.3)
    assert not bench.pins["auxiliary"], "feeding again does not bring it back"
    bench.keep(0, 0.02)
    bench.keep(OUTLET, 0.02)
    assert bench.pins["auxiliary"]
    assert bench.mcu.state is State.READY


def test_without_a_computer_and_after_a_new_hello_it_is_off() -> None:
    for silence in (True, False):
        bench = Bench()
        bench.keep(OUTLET, 0.05)
        assert bench.pins["auxiliary"]
        if silence:
            bench.mcu.turn(bench.now_s + 1.1)
        else:
            bench.mcu.receive(bench.outgoing.frame(Kind.HELLO, packed(Hello(6, 0))), bench.now_s)
        assert not bench.pins["auxiliary"]


@dataclass
class Pin:
    on: bool = False

    def drive(self, on: bool) -> None:
        self.on = on

    def readback(self) -> Feedback:
        return Feedback(self.on, 7.0)


def test_an_output_that_is_fed_comes_back_only_after_an_off_and_an_on() -> None:
    pin = Pin()
    output = FedOutput(pin)
    output.drive(True)
    assert pin.on
    output.lost()
    assert not pin.on
    output.drive(True)
    assert not pin.on
    output.drive(False)
    output.drive(True)
    assert pin.on
    assert output.readback() == (True, 7.0)


def test_the_output_auxiliary_goes_out_as_the_bit_of_the_socket() -> None:
    panel = McuPanel(STATION, Sysfs(), lambda: 0.0)
    panel.outputs["auxiliary"].drive(True)
    assert panel.output_bits() == OUTLET
    panel.lost()
    panel.outputs["auxiliary"].drive(True)
    assert panel.output_bits() == 0
    panel.outputs["auxiliary"].drive(False)
    panel.outputs["auxiliary"].drive(True)
    panel.outputs["climate"].drive(True)
    assert panel.output_bits() == OUTLET | CLIMATE
    read = StationReading(1_000_000, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1)
    panel.take_station(read, (StationConnector(0, 0, 0),), lambda us: us / 1e6)
    assert panel.outputs["auxiliary"].readback() == (True, 1.0)


def test_a_socket_is_a_connector_of_the_board_without_pilot_and_no_part_of_the_messages() -> None:
    class Port:
        connections, trouble = 1, ""

        def fileno(self) -> int:
            return -1

        def read(self) -> bytes:
            return b""

        def write(self, data: bytes) -> bool:
            return bool(data)

        def close(self) -> None:
            """Nothing to let go of."""

    board = McuSafetyBoard(STATION, port=Port(), clock=lambda: 1.0)
    assert list(board.connectors) == [1, 2]
    socket = board.connectors[2]
    assert (socket.pilot.levels(), socket.contactor.mirror(), socket.contactor.phase_relay()) == (None, None, None)
    assert (socket.proximity, socket.lock, socket.residual, socket.output_sense) == (None, None, None, None)
    board.close()


FITTED = (IdentityConnector(sum(messages.Ability), 0, 0, b""),)


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        (OUTLET | CLIMATE | 1, []),
        (
            CLIMATE | 1,
            ["it cannot feed the output auxiliary like a coil: its firmware is too old for a domestic socket"],
        ),
    ],
)
def test_a_firmware_that_does_not_know_the_socket_is_told(outputs: int, words: list[str]) -> None:
    identity = Identity(1, 1, b"", b"", 0, 0, outputs, 0, 0, 1)
    assert missing(STATION, identity, FITTED) == words


# the station file

MCU = """[station]
board = "mcu"
model = "Bench AC"
serial = "BENCH-1"
[mcu]
port = "/dev/ttyS1"
[connector.1]
{0}
[connector.2]
{1}
[equipment]
outputs = ["auxiliary"]
"""
SCHUKO = 'cable = "schuko"'


def test_a_socket_is_taken_on_a_board_with_a_microcontroller_as_the_last_connector() -> None:
    assert parse_station(MCU.format("", SCHUKO)).outlet == 2
    assert parse_station(MCU.format("", "")).outlet is None
    with pytest.raises(BadStationFile, match=r"line 8: .*give the socket the last number"):
        parse_station(MCU.format(SCHUKO, ""))
