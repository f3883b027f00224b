"""A domestic socket of the board `direct-gpio`: a relay on a line, under the board's monoflop."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.home import BadStationFile, parse_station
from tests.board_rigs import MOUNTED, hold, until

pytest.importorskip("gpiod", reason="gpiod has no wheel here, only for x86-64 and ARM Linux")

from tests.kernel_rig import WIRING, GpioRig

pytestmark = pytest.mark.contract

SOCKET = '[connector.2]\ncable = "schuko"\nmeter_address = "tcp:127.0.0.1:502/2"\n'
TEXT = WIRING + SOCKET + MOUNTED


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[GpioRig]:
    made = GpioRig(tmp_path, TEXT)
    until(made, lambda: made.board.connectors[1].pilot.levels() is not None, flush=True)
    yield made
    made.close()


def drive(rig: GpioRig, on: bool, seconds: float = 0.1) -> None:
    rig.board.outputs["auxiliary"].drive(on)
    hold(rig, seconds, feed=True)


def test_its_relay_is_driven_and_read_back_and_it_has_no_pilot(rig: GpioRig) -> None:
    socket = rig.board.connectors[2]
    assert (socket.pilot.levels(), socket.contactor.mirror(), socket.lock, socket.proximity) == (None,) * 4
    for on in (True, False):
        drive(rig, on)
        assert rig.pins.high["AUX"] is on
        read = rig.board.outputs["auxiliary"].readback()
        assert read is not None
        assert read.closed is on
    assert rig.board.trouble == ""


def test_after_its_chip_was_away_it_is_on_only_after_an_off_and_an_on(rig: GpioRig) -> None:
    hold(rig, 1.1)
    drive(rig, True)
    with rig.turning.lock:
        rig.chips.gone = True
    until(rig, lambda: rig.board.trouble != "", flush=True)
    with rig.turning.lock:
        rig.chips.gone = False
    until(rig, lambda: rig.board.trouble == "", flush=True)
    drive(rig, True)
    assert not rig.pins.high["AUX"]
    drive(rig, False, 0.05)
    drive(rig, True)
    assert rig.pins.high["AUX"]


def test_lines_of_a_pilot_for_a_socket_are_refused() -> None:
    assert parse_station(TEXT).outlet == 2
    lines = 'pilot_pwm = "pwmchip0/1"\npilot_negative = "N2"\ncontactor = "C2"\n'
    levels = 'pilot_high = { channel = "a/in_voltage0" }\npilot_low = { channel = "a/in_voltage1" }\n'
    with pytest.raises(BadStationFile, match=r"\[connector.2\] is a domestic socket"):
        parse_station(f"{TEXT}[gpio.connector.2]\n{lines}{levels}")
