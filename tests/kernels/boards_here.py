"""`tests/contract/test_boards.py` on the drivers of this kernel. Run inside a machine of `tests/kernels/machine.py`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.contract.test_boards")

from hardware.interfaces import PilotMode  # noqa: E402
from hardware.linux.clock import boot_s  # noqa: E402
from tests.board_rigs import hold, until  # noqa: E402
from tests.contract.test_boards import *  # noqa: E402, F403
from tests.gpio_station import NAMES  # noqa: E402
from tests.kernels.board_rig import Chips, KernelRig  # noqa: E402
from tests.kernels.chip import SimulatedChip  # noqa: E402


@pytest.fixture(scope="module")
def chip() -> SimulatedChip:
    return SimulatedChip("board", NAMES)


@pytest.fixture(scope="module")
def chips() -> Chips:
    return Chips()


@pytest.fixture(params=["gpio"])
def rig(tmp_path: Path, chip: SimulatedChip, chips: Chips) -> Iterator[KernelRig]:
    """In the place of the fixture of the same name."""
    made = KernelRig(tmp_path, chip, chips)
    until(made, lambda: made.board.connectors[1].pilot.levels() is not None, flush=True)
    yield made
    made.close()


def test_every_feed_is_an_edge_of_its_line_and_without_feeds_it_rests(rig: KernelRig) -> None:
    hold(rig, 0.1)
    before = rig.edges
    hold(rig, 0.2)
    assert rig.edges == before
    for number in range(20):
        rig.board.feed.feed(boot_s())
        rig.board.flush()
        until(rig, lambda: rig.edges == before + number + 1)  # noqa: B023


def test_a_closed_board_drives_nothing(rig: KernelRig) -> None:
    rig.board.outputs["auxiliary"].drive(True)
    rig.board.flush()
    until(rig, lambda: rig.pins.high["AUX"])
    rig.board.close()
    assert not rig.chip.high(NAMES.index("AUX"))
    rig.board = type(rig.board)(rig.station)  # type: ignore[call-arg]
    assert rig.board.trouble == "", "the lines are free again"


def _drive_half(rig: KernelRig) -> None:
    rig.board.connectors[1].pilot.drive(PilotMode.PWM, 0.5)
    rig.board.flush()
    until(rig, lambda: rig.chips.bus.duty() == 0.5)


def test_a_pwm_that_went_away_and_came_back_is_set_up_anew_without_a_new_command(rig: KernelRig) -> None:
    _drive_half(rig)
    with rig.turning.lock:
        rig.chips.vanish()
    until(rig, lambda: rig.board.trouble != "", flush=True)
    with rig.turning.lock:
        rig.chips.appear()
        assert rig.chips.bus.duty() == 0.0
    until(rig, lambda: rig.board.trouble == "", flush=True)
    until(rig, lambda: rig.chips.bus.duty() == 0.5, flush=True)


def test_when_the_lines_were_lost_the_pilot_offers_nothing_until_it_is_driven_again(rig: KernelRig) -> None:
    _drive_half(rig)
    with rig.turning.lock:
        rig.chip.vanish()
    until(rig, lambda: "the chip is gone" in rig.board.trouble, flush=True)
    with rig.turning.lock:
        rig.chip.appear()
    until(rig, lambda: rig.board.trouble == "", flush=True)
    until(rig, lambda: rig.chips.bus.duty() == 1.0, flush=True)
