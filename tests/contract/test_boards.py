"""What every board promises, whatever is between the driver and the contactor: a socket to the simulated site, a
serial line to a microcontroller, or lines and files of the kernel."""

import math
from collections.abc import Iterator
from pathlib import Path

import pytest

from hardware.interfaces import Feedback, LockDrive, PilotLevels, PilotMode
from hardware.linux.clock import boot_s
from hardware.sim.site import Ev
from tests.board_rigs import McuRig, Rig, SocketRig, hold, until

pytestmark = pytest.mark.contract


def make(kind: str, path: Path) -> Rig:
    if kind == "socket":
        return SocketRig(path)
    if kind == "mcu":
        return McuRig(path)
    pytest.importorskip("gpiod", reason="gpiod has no wheel here, only for x86-64 and ARM Linux")
    from tests.kernel_rig import GpioRig

    return GpioRig(path)


@pytest.fixture(params=["socket", "mcu", "gpio"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    made = make(request.param, tmp_path)
    until(made, lambda: made.board.connectors[1].pilot.levels() is not None, flush=True)
    yield made
    made.close()


def levels(rig: Rig) -> PilotLevels:
    read = rig.board.connectors[1].pilot.levels()
    assert read is not None
    return read


def near(value: float, expected: float) -> bool:
    return abs(value - expected) < 0.05


def mirror(rig: Rig) -> Feedback:
    read = rig.board.connectors[1].contactor.mirror()
    assert read is not None
    return read


def is_locked(rig: Rig) -> bool | None:
    lock = rig.board.connectors[1].lock
    assert lock is not None
    read = lock.feedback()
    return None if read is None else read.closed


def ohm(rig: Rig) -> float:
    proximity = rig.board.connectors[1].proximity
    assert proximity is not None
    read = proximity.resistance()
    return math.nan if read is None else read.ohm


def close_contactor(rig: Rig) -> None:
    """Tries again if this test was held up for longer than the feed."""
    command = rig.board.connectors[1].contactor.command
    for _ in range(10):
        command(False)
        hold(rig, 0.02)
        rig.board.feed.feed(boot_s())
        command(True)
        rig.board.flush()
        gives_up_s = boot_s() + 0.5
        until(rig, lambda: mirror(rig).closed or boot_s() > gives_up_s, feed=True)  # noqa: B023
        if mirror(rig).closed:
            return
    raise AssertionError("it never closed")


def test_an_empty_connector_reads_as_empty(rig: Rig) -> None:
    until(rig, lambda: near(levels(rig).high_v, 12.0), flush=True)
    assert levels(rig).low_v == levels(rig).high_v
    assert (levels(rig).duty, levels(rig).frequency_hz) == (1.0, 0.0)
    until(rig, lambda: ohm(rig) == math.inf)
    until(rig, lambda: rig.board.connectors[1].contactor.mirror() is not None)
    assert not mirror(rig).closed
    until(rig, lambda: is_locked(rig) is False)
    assert rig.board.trouble == ""


def test_samples_are_renewed_and_their_stamps_are_never_of_the_future(rig: Rig) -> None:
    rig.board.connectors[1].pilot.sample_every(0.02)
    rig.board.flush()
    stamps = set()
    end_s = boot_s() + 0.6
    while boot_s() < end_s:
        hold(rig, 0.01)
        now_s = boot_s()
        for read in (levels(rig), rig.board.connectors[1].contactor.mirror()):
            assert read is None or read.sampled_s <= now_s
        stamps.add(levels(rig).sampled_s)
    assert len(stamps) >= 10, "30 would be perfect; a busy machine may lose some"
    assert boot_s() - max(stamps) < 0.3


def test_a_plug_shows_at_pilot_and_proximity(rig: Rig) -> None:
    rig.do(lambda site: site.plug_in(1, Ev(), 20))
    until(rig, lambda: 8.0 < levels(rig).high_v < 10.0, flush=True)
    until(rig, lambda: abs(ohm(rig) - 680.0) < 10.0, flush=True)


def test_a_driven_duty_is_read_back_and_the_vehicle_answers_it(rig: Rig) -> None:
    rig.do(lambda site: site.plug_in(1, Ev(ready_after_s=0.1)))
    until(rig, lambda: levels(rig).high_v < 10.0, flush=True)
    rig.board.connectors[1].pilot.drive(PilotMode.PWM, 0.2667)
    rig.board.flush()
    until(rig, lambda: levels(rig).high_v < 7.0, flush=True)
    assert (levels(rig).duty, levels(rig).frequency_hz) == (0.2667, 1000.0)
    assert near(levels(rig).low_v, -12.0)
    assert near(levels(rig).high_v, 5.99)
    rig.board.connectors[1].pilot.drive(PilotMode.F, 0.0)
    rig.board.flush()
    until(rig, lambda: near(levels(rig).high_v, -12.0), flush=True)
    assert (levels(rig).duty, levels(rig).frequency_hz) == (0.0, 0.0)
    rig.board.connectors[1].pilot.drive(PilotMode.X1, 1.0)
    rig.board.flush()
    until(rig, lambda: levels(rig).high_v > 0.0 and levels(rig).duty == 1.0, flush=True)


def test_nothing_is_driven_before_the_flush(rig: Rig) -> None:
    until(rig, lambda: near(levels(rig).high_v, 12.0), flush=True)
    rig.board.connectors[1].pilot.drive(PilotMode.F, 0.0)
    end_s = boot_s() + 0.05
    until(rig, lambda: boot_s() >= end_s)
    assert near(levels(rig).high_v, 12.0)
    rig.board.flush()
    until(rig, lambda: near(levels(rig).high_v, -12.0), flush=True)
    assert rig.board.flushed_s > 0.0


def test_command_and_feed_of_one_step_close_the_contactor(rig: Rig) -> None:
    close_contactor(rig)
    volts = rig.board.connectors[1].output_sense
    assert volts is not None

    def live() -> bool:
        read = volts.voltages()
        return read is not None and read.l1_v > 200.0

    until(rig, live, feed=True)
    rig.board.connectors[1].contactor.command(False)
    rig.board.flush()
    until(rig, lambda: not mirror(rig).closed, feed=True)


def test_without_a_feed_a_command_does_nothing(rig: Rig) -> None:
    rig.board.connectors[1].contactor.command(True)
    hold(rig, 0.3)
    assert not mirror(rig).closed


def test_when_the_feed_ends_the_contactor_opens_and_a_late_feed_does_not_close_it(rig: Rig) -> None:
    close_contactor(rig)
    last_s = boot_s()
    rig.board.feed.feed(last_s)
    rig.board.flush()
    until(rig, lambda: not mirror(rig).closed, flush=True)
    assert mirror(rig).sampled_s - last_s < 0.25, "at most 150 ms, drop-out, and what a busy machine adds"
    hold(rig, 0.3, feed=True)
    assert not mirror(rig).closed
    close_contactor(rig)


def test_an_old_feed_keeps_nothing_closed(rig: Rig) -> None:
    close_contactor(rig)
    stale_s = boot_s()

    def opens() -> bool:
        rig.board.feed.feed(stale_s)
        rig.board.flush()
        return not mirror(rig).closed

    until(rig, opens)


def test_the_lock_travels_and_reports(rig: Rig) -> None:
    lock = rig.board.connectors[1].lock
    assert lock is not None
    lock.drive(LockDrive.LOCK)
    assert until(rig, lambda: is_locked(rig) is True, flush=True) > 0.25
    lock.drive(LockDrive.UNLOCK)
    until(rig, lambda: is_locked(rig) is False, flush=True)


def test_the_residual_current_module_trips_and_is_tested(rig: Rig) -> None:
    residual = rig.board.connectors[1].residual
    assert residual is not None
    until(rig, lambda: residual.status() is not None, flush=True)
    status = residual.status()
    assert status is not None
    assert not status.dc_tripped
    assert not status.rms_tripped
    residual.test(True)
    until(rig, lambda: (read := residual.status()) is not None and read.dc_tripped and read.rms_tripped, flush=True)
    residual.test(False)
    until(rig, lambda: (read := residual.status()) is not None and not read.dc_tripped, flush=True)
    rig.do(lambda site: site.fault("residual_stuck", 1, True))
    until(rig, lambda: (read := residual.status()) is not None and read.dc_tripped, flush=True)


def test_the_phase_relay_follows(rig: Rig) -> None:
    contactor = rig.board.connectors[1].contactor
    for phases in (1, 3, 1):
        contactor.select_phases(phases)
        wanted = phases == 3
        until(
            rig,
            lambda: (read := contactor.phase_relay()) is not None and read.closed is wanted,  # noqa: B023
            flush=True,
        )


def test_inputs_arrive_and_outputs_are_read_back(rig: Rig) -> None:
    stop, fault = rig.board.inputs["emergency_stop"], rig.board.inputs["rcd"]
    until(rig, lambda: stop.state() is not None and fault.state() is not None, flush=True)
    rig.do(lambda site: site.set_input("emergency_stop", True))
    until(rig, lambda: (read := stop.state()) is not None and read.closed, flush=True)
    assert (read := fault.state()) is not None
    assert not read.closed
    rig.do(lambda site: site.set_input("emergency_stop", False))
    until(rig, lambda: (read := stop.state()) is not None and not read.closed, flush=True)
    for on in (True, False):
        rig.board.outputs["relay_2"].drive(on)
        until(
            rig,
            lambda: (back := rig.board.outputs["relay_2"].readback()) is not None and back.closed is on,  # noqa: B023
            flush=True,
        )


def test_temperatures_and_fan_are_read(rig: Rig) -> None:
    housing, fan = rig.board.temperatures["housing"], rig.board.tachometers["fan"]
    until(rig, lambda: (read := housing.read()) is not None and 0.0 < read.celsius < 60.0, flush=True)
    until(rig, lambda: fan.read() is not None, flush=True)
    warm = housing.read()
    assert warm is not None
    assert boot_s() - warm.sampled_s < 3.0


def test_without_its_hardware_a_board_says_so_and_its_readings_grow_old(rig: Rig) -> None:
    close_contactor(rig)
    rig.vanish()

    def troubled() -> bool:
        rig.board.connectors[1].pilot.drive(PilotMode.PWM, 0.5)
        return rig.board.trouble != ""

    assert until(rig, troubled, feed=True) < 1.5
    hold(rig, 0.2, feed=True)
    read = rig.board.connectors[1].pilot.levels()
    assert read is None or boot_s() - read.sampled_s > 0.15
    assert boot_s() - mirror(rig).sampled_s > 0.15
    rig.come_back()
    until(rig, lambda: rig.board.trouble == "", feed=True)
    until(rig, lambda: (new := rig.board.connectors[1].pilot.levels()) is not None and new != read, feed=True)
    until(rig, lambda: not mirror(rig).closed, flush=True)


@pytest.mark.parametrize("rig", ["mcu", "gpio"], indirect=True)
def test_a_coil_that_was_on_before_the_loss_is_not_switched_on_by_repeating_the_command(rig: Rig) -> None:
    """The simulated board sends what is driven from then on instead: the core drives off on trouble."""
    close_contactor(rig)
    rig.vanish()
    command = rig.board.connectors[1].contactor.command
    until(rig, lambda: rig.board.trouble != "", feed=True)
    rig.come_back()
    until(rig, lambda: rig.board.trouble == "", feed=True)
    for _ in range(20):
        command(True)
        hold(rig, 0.02, feed=True)
    assert not mirror(rig).closed
    close_contactor(rig)
