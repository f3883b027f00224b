"""The driver of the serial link on bad lines, with microcontrollers that reset, do not fit, or do not follow."""

import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from hardware.interfaces import PilotMode
from hardware.linux.clock import boot_s
from hardware.mcu.board import McuSafetyBoard
from hardware.mcu.frame import Frame, encode
from hardware.mcu.messages import ConnectorReading, Kind, packed
from hardware.mcu.port import MOST_UNSENT_BYTES, SerialPort
from hardware.sim.site import Ev
from services.home import parse_station
from tests.board_rigs import McuRig, PtyLine, hold, mcu_text, until

pytestmark = pytest.mark.contract

SECOND = """
[connector.2]
meter_address = "tcp:127.0.0.1:502/2"
"""


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[McuRig]:
    made = McuRig(tmp_path)
    until(made, lambda: made.board.connectors[1].pilot.levels() is not None, flush=True)
    yield made
    made.close()


def mirror_closed(rig: McuRig) -> bool:
    mirror = rig.board.connectors[1].contactor.mirror()
    return mirror is not None and mirror.closed


def close_contactor(rig: McuRig) -> None:
    command = rig.board.connectors[1].contactor.command
    for _ in range(10):
        command(False)
        hold(rig, 0.02)
        command(True)
        gives_up_s = boot_s() + 0.5
        until(rig, lambda: mirror_closed(rig) or boot_s() > gives_up_s, feed=True)  # noqa: B023
        if mirror_closed(rig):
            return
    raise AssertionError("it never closed")


def test_on_a_line_that_loses_and_damages_frames_nothing_is_invented(rig: McuRig) -> None:
    """F77: every fifth portion is lost, every fifth has a flipped bit, every fifth comes twice."""
    chance = random.Random(11)

    def bad(data: bytes) -> bytes:
        what = chance.random()
        if what < 0.2:
            return b""
        if what < 0.4:
            place = chance.randrange(len(data))
            return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]
        return data + data if what < 0.6 else data

    rig.to_host = rig.to_mcu = bad
    rig.do(lambda site: site.plug_in(1, Ev(), 20))
    end_s = boot_s() + 1.5
    seen = set()
    while boot_s() < end_s:
        hold(rig, 0.02)
        levels = rig.board.connectors[1].pilot.levels()
        assert levels is not None
        seen.add(round(levels.high_v, 1))
        assert levels.sampled_s <= boot_s()
    assert seen <= {12.0, 9.0}
    assert 9.0 in seen
    assert not mirror_closed(rig)
    assert rig.board.trouble == "", "the link holds: what was lost is repeated by the next"


def test_frames_cut_into_single_bytes_arrive(rig: McuRig) -> None:
    waiting = bytearray()

    def trickle(data: bytes) -> bytes:
        waiting.extend(data)
        portion = bytes(waiting[:7])
        del waiting[:7]
        return portion

    rig.to_mcu = trickle
    rig.board.connectors[1].pilot.drive(PilotMode.PWM, 0.5)
    until(rig, lambda: (read := rig.board.connectors[1].pilot.levels()) is not None and read.duty == 0.5, flush=True)


def test_a_flood_of_garbage_costs_bounded_time_and_is_told_when_nothing_else_comes(rig: McuRig) -> None:
    noise = random.Random(3)
    garbage = bytes(noise.randrange(1, 256) for _ in range(2048))
    rig.to_host = lambda _data: garbage
    board = rig.board
    assert isinstance(board, McuSafetyBoard)

    def troubled() -> bool:
        begun_s = boot_s()
        board.receive()
        assert boot_s() - begun_s < 0.5, "at most 64 KB are taken in at one turn"
        return "no valid frame" in board.trouble

    assert until(rig, troubled, flush=True) < 2.0
    rig.to_host = lambda data: data
    until(rig, lambda: board.trouble == "", flush=True)


def test_a_silent_microcontroller_is_trouble_within_a_second_and_what_was_read_grows_old(rig: McuRig) -> None:
    close_contactor(rig)
    rig.to_host = lambda _data: b""
    assert until(rig, lambda: "no valid frame" in rig.board.trouble, feed=True) < 1.0
    levels = rig.board.connectors[1].pilot.levels()
    assert levels is not None
    assert boot_s() - levels.sampled_s > 0.4


def test_a_deaf_microcontroller_is_trouble_and_opens_by_itself(rig: McuRig) -> None:
    close_contactor(rig)
    begun_s = boot_s()
    rig.to_mcu = lambda _data: b""
    until(rig, lambda: not mirror_closed(rig), feed=True)
    assert boot_s() - begun_s < 0.4
    rig.board.connectors[1].contactor.command(False)
    until(rig, lambda: "does not do what is driven" in rig.board.trouble, feed=True)
    rig.to_mcu = lambda data: data
    until(rig, lambda: rig.board.trouble == "", flush=True)


def test_a_microcontroller_that_takes_frames_and_does_nothing_is_found_out(rig: McuRig) -> None:
    rig.mcu.stubborn = True
    rig.board.connectors[1].pilot.drive(PilotMode.F, 0.0)
    until(rig, lambda: "connector 1: the microcontroller does not do what is driven" in rig.board.trouble, flush=True)
    rig.mcu.stubborn = False
    until(rig, lambda: rig.board.trouble == "", flush=True)


def test_a_microcontroller_that_resets_leaves_its_coil_off_until_an_off_and_an_on(rig: McuRig) -> None:
    close_contactor(rig)
    rig.reset()
    until(rig, lambda: not mirror_closed(rig), feed=True)
    until(rig, lambda: rig.mcu.run_id != 0, feed=True)
    for _ in range(50):
        rig.board.connectors[1].contactor.command(True)
        hold(rig, 0.01, feed=True)
    assert not mirror_closed(rig)
    close_contactor(rig)


def test_another_version_of_the_link_is_told_and_not_understood(tmp_path: Path) -> None:
    line = PtyLine(tmp_path / "tty")
    board = McuSafetyBoard(parse_station(mcu_text(line.path)))
    line.write(encode(Frame(2, Kind.CONNECTOR, 1, b"from the future")))
    board.receive()
    board.flush()
    assert "speaks version 2 of the link, this software 1" in board.trouble
    assert board.connectors[1].pilot.levels() is None
    board.close()
    line.unplug()


def test_what_the_microcontroller_does_not_have_is_told_by_name(tmp_path: Path) -> None:
    rig = McuRig(tmp_path)
    try:
        rig.board.close()
        text = mcu_text(rig.line.path).replace('["auxiliary", "relay_2"]', '["auxiliary", "climate"]')
        rig.board = McuSafetyBoard(parse_station(text.replace('["housing"]', '["housing", "plug_1"]') + SECOND))
        until(rig, lambda: "microcontroller: it has 1 connectors" in rig.board.trouble, flush=True)
        assert "it has no output climate" in rig.board.trouble
        assert "it has no temperature sensor plug_1" in rig.board.trouble
        assert "relay_2" not in rig.board.trouble
    finally:
        rig.close()


def test_a_failed_self_test_is_told_in_words(rig: McuRig) -> None:
    rig.mcu.self_test = 0b100
    until(rig, lambda: "self-test: its ADC reference is wrong" in rig.board.trouble, flush=True)


def test_a_level_that_cannot_be_measured_is_not_a_number(rig: McuRig) -> None:
    rig.do(lambda site: site.fault("pilot_nan", 1, True))

    def is_nan() -> bool:
        levels = rig.board.connectors[1].pilot.levels()
        return levels is not None and levels.high_v != levels.high_v

    until(rig, is_nan, flush=True)


def test_a_frozen_sample_keeps_its_stamp(rig: McuRig) -> None:
    rig.do(lambda site: site.fault("pilot_frozen", 1, True))
    hold(rig, 0.1)
    frozen = rig.board.connectors[1].pilot.levels()
    assert frozen is not None
    hold(rig, 0.4)
    later = rig.board.connectors[1].pilot.levels()
    assert later is not None
    assert later.sampled_s == pytest.approx(frozen.sampled_s, abs=0.02)


def test_messages_of_the_wrong_length_are_counted_and_change_nothing(rig: McuRig) -> None:
    board = rig.board
    assert isinstance(board, McuSafetyBoard)
    with rig.turning.lock:
        rig.mcu._send(Kind.STATUS, b"short")
        rig.mcu._send(Kind.CONNECTOR, bytes(200))
        rig.mcu._send(Kind.CONNECTOR, packed(_reading_of(9)))
        rig.mcu._send(0xF0, b"of a later release")
    until(rig, lambda: board.health.bad_messages == 2, flush=True)
    assert board.trouble == ""


def _reading_of(connector: int) -> ConnectorReading:
    return ConnectorReading(connector, *(0,) * (len(ConnectorReading._fields) - 1))


def test_a_port_that_is_not_there_is_told_with_what_to_do_and_found_later(tmp_path: Path) -> None:
    path = tmp_path / "ttyS9"
    board = McuSafetyBoard(parse_station(mcu_text(path)))
    board.receive()
    board.flush()
    assert "there is no such port; look with: ls /dev/tty*" in board.trouble
    board.close()
    path.write_text("no port")
    board = McuSafetyBoard(parse_station(mcu_text(path)))
    assert "not a serial port" in board.trouble
    board.close()
    path.unlink()
    path.mkdir()
    board = McuSafetyBoard(parse_station(mcu_text(path)))
    assert "a directory, and not a serial port" in board.trouble
    board.close()


def test_a_line_that_does_not_keep_up_is_given_nothing_more(tmp_path: Path) -> None:
    """So that no feed waits in the kernel and keeps a coil closed later."""
    line = PtyLine(tmp_path / "tty")
    port = SerialPort(str(line.path), 115200, boot_s)
    waiting = [MOST_UNSENT_BYTES + 1]
    port._unsent = lambda: waiting[0]  # type: ignore[method-assign]  # a pty has no speed: nothing ever waits there
    assert not port.write(b"late")
    waiting[0] = 100
    assert port.write(b"soon")
    assert line.read() == b"soon"
    del port._unsent
    sent = 0
    while port.write(bytes(100)):
        sent += 100
        assert sent <= 1_000_000
    assert port.is_open, "a full buffer is no error"
    port.close()
    line.unplug()


def test_the_port_is_raw_and_at_its_speed(tmp_path: Path) -> None:
    import termios

    line = PtyLine(tmp_path / "tty")
    port = SerialPort(str(line.path), 230400, boot_s)
    every = bytes(range(256))
    line.write(every)
    assert port.read() == every
    assert port.write(every)
    assert line.read() == every
    attributes = termios.tcgetattr(line.master)
    assert attributes[4] == attributes[5] == termios.B230400
    port.close()
    line.unplug()


def test_the_descriptor_to_wait_for_stays_the_same_across_reconnects(rig: McuRig) -> None:
    descriptor = rig.board.fileno()
    rig.vanish()
    until(rig, lambda: rig.board.trouble != "", flush=True)
    rig.come_back()
    until(rig, lambda: rig.board.trouble == "", flush=True)
    assert rig.board.fileno() == descriptor
    assert os.fstat(descriptor)
