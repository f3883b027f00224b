"""What the driver of the serial link takes for life, for a loss and for a reading; frames and clock are the test's."""

import pytest

from hardware.interfaces import LockDrive, PilotLevels
from hardware.mcu.board import McuSafetyBoard
from hardware.mcu.frame import FrameReader
from hardware.mcu.link import TIMED_S, Outgoing, microseconds
from hardware.mcu.messages import (
    NOT_FITTED,
    Ability,
    ConnectorReading,
    Drive,
    DriveConnector,
    Hello,
    Identity,
    IdentityConnector,
    Kind,
    State,
    StationConnector,
    StationReading,
    Status,
    Valid,
    packed,
    unpacked,
    unpacked_parts,
)
from services.home import parse_station

pytestmark = pytest.mark.unit

TEXT = """[station]
board = "mcu"
model = "Bench AC"
serial = "BENCH-1"
[mcu]
port = "/dev/ttyTEST"
[connector.1]
[equipment]
outputs = ["auxiliary"]
temperatures = []
"""
BLANK = ConnectorReading(1, *(0,) * (len(ConnectorReading._fields) - 1))


class Port:
    connections, trouble = 1, ""

    def __init__(self) -> None:
        self.incoming, self.outgoing = b"", b""

    def fileno(self) -> int:
        return -1

    def read(self) -> bytes:
        data, self.incoming = self.incoming, b""
        return data

    def write(self, data: bytes) -> bool:
        self.outgoing += data
        return True

    def close(self) -> None:
        """Nothing to let go of."""


class Bench:
    """The test is the microcontroller; its counter is the boot clock."""

    def __init__(self) -> None:
        self.now_s = 1000.0
        self.port, self.numbers, self.reader = Port(), Outgoing(), FrameReader()
        self.board = McuSafetyBoard(parse_station(TEXT), port=self.port, clock=lambda: self.now_s)
        self.run_id, self.boot_id, self.coils, self.host_us = 0, 7, 0, 0
        self.driven = DriveConnector()
        self.turn()
        self.identity()
        self.live(0.1)
        assert self.board.trouble == ""

    def turn(self, coil: bool | None = None) -> None:
        """Of the safety loop."""
        self.board.receive()
        if coil is not None:
            self.board.connectors[1].contactor.command(coil)
        self.board.flush()
        data, self.port.outgoing = self.port.outgoing, b""
        for frame in self.reader.take(data):
            if frame.kind == Kind.HELLO:
                self.run_id, self.host_us = unpacked(Hello, frame.payload)
            else:
                head, (self.driven,) = unpacked_parts(Drive, DriveConnector, frame.payload)
                self.host_us = head.host_us

    def say(self, kind: int, payload: bytes) -> None:
        self.port.incoming += self.numbers.frame(kind, payload)

    def identity(self) -> None:
        head = Identity(self.run_id, self.boot_id, b"firmware", b"board", 0, 0, 3, 0, 0, 1)
        self.say(Kind.IDENTITY, packed(head, (IdentityConnector(sum(Ability), 0, 0, b""),)))

    def status(self, state: State = State.READY) -> None:
        now_us = microseconds(self.now_s)
        self.say(Kind.STATUS, packed(Status(now_us, self.host_us, 0, state, 0, self.coils, 0, 0, 0, 0, 0)))

    def connector(self, high_mv: int = 9000, stamp_us: int | None = None) -> None:
        now_us = microseconds(self.now_s) if stamp_us is None else stamp_us
        part = self.driven
        read = BLANK._replace(pilot=part.pilot, driven_duty=part.duty, coil=part.coil, lock=part.lock)
        self.say(Kind.CONNECTOR, packed(read._replace(valid=Valid.PILOT, pilot_us=now_us, high_mv=high_mv)))

    def live(self, seconds: float, coil: bool | None = None, high_mv: int = 9000) -> None:
        """Everything as it should be."""
        end_s = self.now_s + seconds
        while self.now_s < end_s:
            self.now_s += 0.01
            self.status()
            self.connector(high_mv)
            self.turn(coil)
            self.coils = self.driven.coil

    def pass_by(self, seconds: float, coil: bool | None = None) -> None:
        """Nothing arrives."""
        end_s = self.now_s + seconds
        while self.now_s < end_s - 1e-6:
            self.now_s += 0.01
            self.turn(coil)

    def levels(self) -> PilotLevels:
        levels = self.board.connectors[1].pilot.levels()
        assert levels is not None
        return levels


@pytest.mark.parametrize(
    ("kind", "payload"), [(0xF0, b"of a later release"), (Kind.DRIVE, b"our own, sent back"), (Kind.STATUS, b"short")]
)
def test_what_is_not_understood_is_no_sign_of_life(kind: int, payload: bytes) -> None:
    bench = Bench()
    for _ in range(60):
        bench.now_s += 0.01
        bench.say(kind, payload)
        bench.turn()
    assert "no valid frame from the microcontroller" in bench.board.trouble


def test_the_silence_of_a_line_is_trouble_after_50_ms_with_a_coil_on_and_after_500_without() -> None:
    for coil in (True, False):
        bench = Bench()
        bench.live(0.1, coil)
        bench.pass_by(0.05, coil)
        assert bench.board.trouble == ""
        bench.pass_by(0.01, coil)
        assert ("silent for more than 50 ms while a coil was on" in bench.board.trouble_of(1)) is coil
        bench.live(0.5, False)
        assert ("silent for more than 50 ms" in bench.board.trouble) is coil, "told although it speaks again"
        bench.live(0.7, False)
        assert bench.board.trouble == ""


def test_a_silence_is_told_when_the_reader_of_its_readings_has_switched_off_meanwhile() -> None:
    bench = Bench()
    bench.live(0.1, True)
    bench.pass_by(0.04, True)
    bench.pass_by(0.02, False)
    assert "silent for more than 50 ms while a coil was on" in bench.board.trouble


def test_a_silence_that_begins_after_the_coil_went_off_is_not_the_coils() -> None:
    bench = Bench()
    bench.live(0.1, True)
    bench.live(0.05, False)
    bench.pass_by(0.2, False)
    assert bench.board.trouble == ""


def test_a_stall_of_this_computer_is_no_silence_of_the_line() -> None:
    bench = Bench()
    bench.live(0.1, True)
    bench.now_s += 0.3
    bench.status()
    bench.connector()
    bench.turn(True)
    assert bench.board.trouble == ""


@pytest.mark.parametrize("words", ["began anew", "has forgotten us"])
def test_a_microcontroller_that_knows_nothing_of_us_is_trouble_at_once_and_its_coil_needs_an_off(words: str) -> None:
    bench = Bench()
    bench.live(0.1, True)
    assert bench.driven.coil == 1
    if words == "began anew":
        bench.boot_id += 1
    bench.run_id += 1
    bench.identity()
    bench.turn(True)
    assert bench.board.trouble == f"the microcontroller {words} while a coil was on"
    bench.identity()
    bench.live(0.2, True)
    assert bench.driven.coil == 0
    bench.live(0.1, False)
    bench.live(0.1, True)
    assert bench.driven.coil == 1


def test_with_the_coil_off_it_may_begin_anew_without_being_trouble() -> None:
    bench = Bench()
    bench.boot_id += 1
    bench.identity()
    bench.turn()
    assert bench.board.trouble == ""


def test_without_status_no_reading_counts_and_the_old_one_keeps_its_stamp() -> None:
    bench = Bench()
    bench.live(0.1, high_mv=9000)
    timed_s = bench.now_s
    while bench.now_s < timed_s + 2.0:
        bench.now_s += 0.01
        bench.connector(high_mv=6000)
        bench.turn()
    assert bench.levels().high_v == 6.0
    assert timed_s + TIMED_S - 0.05 < bench.levels().sampled_s <= timed_s + TIMED_S
    assert "no STATUS of the microcontroller" in bench.board.trouble
    bench.live(0.1)
    assert bench.board.trouble == ""


@pytest.mark.parametrize("away_us", [70_000_000, -5_000_000])
def test_a_message_with_a_stamp_that_cannot_be_is_dropped_and_told(away_us: int) -> None:
    bench = Bench()
    before = bench.levels()
    for _ in range(3):
        bench.status()
        bench.connector(6000, (microseconds(bench.now_s) - away_us) % 2**32)
        bench.turn()
    assert bench.levels() == before
    assert "CONNECTOR of the microcontroller cannot be used: a stamp is more than" in bench.board.trouble


def test_stamps_of_what_is_not_measured_do_not_matter() -> None:
    bench = Bench()
    read = StationReading(microseconds(bench.now_s), 0, 0, 1, 0, *(NOT_FITTED,) * 3, 0, 0xFFFF, 1)
    for _ in range(3):
        bench.say(Kind.STATION, packed(read, (StationConnector(*(NOT_FITTED,) * 3),)))
    bench.turn()
    assert bench.board.trouble == ""
    back = bench.board.outputs["auxiliary"].readback()
    assert back is not None
    assert back.closed


def test_a_plug_is_not_unlocked_while_its_coil_is_on() -> None:
    bench = Bench()
    lock = bench.board.connectors[1].lock
    assert lock is not None
    lock.drive(LockDrive.UNLOCK)
    bench.live(0.1)
    assert bench.driven.lock == 2
    for _ in range(10):
        bench.coils = 1
        bench.live(0.01)
    assert bench.driven.lock == 0
    lock.drive(LockDrive.LOCK)
    bench.coils = 1
    bench.live(0.01)
    assert bench.driven.lock == 1
    lock.drive(LockDrive.UNLOCK)
    bench.live(0.1)
    assert bench.driven.lock == 2


def test_the_link_and_the_microcontroller_are_told_in_words() -> None:
    bench = Bench()
    bench.port.incoming += b"\0damaged\0"
    bench.numbers.frame(Kind.STATUS, b"lost")
    bench.say(Kind.STATUS, b"short")
    said = Status(microseconds(bench.now_s), 0, 0, State.READY, 4, 0, 0, 5, 6, 7, 3723)
    bench.say(Kind.STATUS, packed(said))
    bench.turn()
    assert bench.board.report() == [
        ("microcontroller", "firmware firmware, board board"),
        ("frames from the microcontroller", "1 damaged, 1 lost, 0 repeated, 1 not understood"),
        ("frames to the microcontroller", "5 damaged, 6 lost, 7 repeated"),
        ("microcontroller runs for", "1 h 2 min 3 s, reset reason 4, restarts heard: 0"),
    ]
    bench.boot_id += 1
    bench.identity()
    bench.turn()
    assert bench.board.report()[3][1].endswith("restarts heard: 1")
