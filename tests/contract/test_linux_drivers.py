"""The drivers on interfaces of the Linux kernel, with what the kernel does when it refuses, stalls or goes away."""

import errno
import itertools
import logging
import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hardware.interfaces import Light, PilotMode
from hardware.linux.adc import AdcChannel, resistance_ohm
from hardware.linux.clock import LOOKS, KernelTime, boot_s
from hardware.linux.led import LedIndicator
from hardware.linux.people import LinuxPeopleBoard
from hardware.linux.pwm import PERIOD_NS, PwmChannel
from hardware.linux.sampler import Sampler
from hardware.linux.sysfs import Sysfs
from hardware.linux.temperature import LinuxTachometer, LinuxTemperature, celsius_of
from hardware.linux.watchdog import Watchdog
from schemas.board import LedSection
from services.home import parse_station
from tests.board_rigs import hold, until

gpiod = pytest.importorskip("gpiod", reason="gpiod has no wheel here, only for x86-64 and ARM Linux")

from hardware.linux.gpio import Gpio, LineUse, place_of  # noqa: E402
from hardware.linux.gpio_library import ChipPlace  # noqa: E402
from tests.kernel_rig import CHIP, FakeChips, FakeSysfs, GpioRig, Pins  # noqa: E402

pytestmark = pytest.mark.contract


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[GpioRig]:
    made = GpioRig(tmp_path)
    until(made, lambda: made.board.connectors[1].pilot.levels() is not None, flush=True)
    yield made
    made.close()


def put(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, encoding="ascii")


# -- GPIO lines ------------------------------------------------------------------


def test_the_tests_chip_takes_what_the_real_library_gives(rig: GpioRig) -> None:
    """The settings and events are the library's own; only chip and request are the test's."""
    assert {"request_lines", "line_offset_from_id", "get_line_info"} <= set(dir(gpiod.Chip))
    used = {"get_values", "set_values", "wait_edge_events", "read_edge_events", "release", "fd"}
    assert used <= set(dir(gpiod.LineRequest))
    request = rig.chips.requests[0]
    settings = {each: request._config[each] for each in request._config}
    assert all(isinstance(each, gpiod.LineSettings) for each in settings.values())
    mirror = settings[3]
    assert mirror.edge_detection is gpiod.line.Edge.BOTH
    assert mirror.event_clock is gpiod.line.Clock.MONOTONIC
    assert mirror.debounce_period.total_seconds() == 0.002
    assert settings[8].active_low, "lock_feedback = '!LOCKED'"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("COIL", (CHIP, "COIL", False)),
        ("!17", (CHIP, "17", True)),
        ("/dev/gpiochip4:3", ("/dev/gpiochip4", "3", False)),
        ("!/dev/gpiochip4:PP EN", ("/dev/gpiochip4", "PP EN", True)),
    ],
)
def test_a_line_is_named_by_chip_and_name_or_number(text: str, expected: tuple[str, str, bool]) -> None:
    assert place_of(text, CHIP) == expected


def test_an_edge_carries_the_kernels_time_in_boot_time(rig: GpioRig) -> None:
    before_s = boot_s()
    rig.do(lambda site: site.set_input("emergency_stop", True))
    stop = rig.board.inputs["emergency_stop"]
    until(rig, lambda: (read := stop.state()) is not None and read.closed)
    read = stop.state()
    assert read is not None
    assert before_s <= read.sampled_s <= boot_s()


def test_kernel_time_is_boot_time_less_the_time_that_the_computer_slept(monkeypatch: pytest.MonkeyPatch) -> None:
    clocks = {time.CLOCK_BOOTTIME: 5000.0, time.CLOCK_MONOTONIC: 3000.0}
    monkeypatch.setattr(time, "clock_gettime", clocks.__getitem__)
    kernel = KernelTime()
    assert kernel.boot_s(2999.5) == 4999.5
    clocks[time.CLOCK_BOOTTIME] += 60.0
    assert kernel.boot_s(3000.0) == 5060.0, "suspended once more"


def test_who_is_held_up_between_the_two_clocks_does_not_take_a_later_edge_for_an_earlier_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = itertools.count(1000.0, 0.5)
    looks = itertools.count()

    def read(clock: int) -> float:
        """Every look but one takes half a second from the first clock to the second."""
        calm = next(looks) // 2 == LOOKS - 1
        return 1000.0 if calm else next(now)

    monkeypatch.setattr(time, "clock_gettime", read)
    kernel = KernelTime()
    assert [kernel.boot_s(moment) for moment in (7.0, 7.25, 7.5)] == [7.0, 7.25, 7.5]


def test_a_chip_that_is_busy_at_the_start_is_told_with_its_user_and_tried_again(tmp_path: Path) -> None:
    """F78."""
    rig = GpioRig(tmp_path)
    try:
        rig.board.close()
        rig.chips.busy = True
        rig.board = type(rig.board)(rig.station, sysfs=rig.sysfs, open_chip=rig._open)  # type: ignore[call-arg]
        assert "line 2 (connector 1 contactor) is in use by 'gpioset'; end that first" in rig.board.trouble
        rig.chips.busy = False
        assert until(rig, lambda: rig.board.trouble == "", flush=True) < 1.5
    finally:
        rig.close()


def test_a_chip_that_vanishes_is_trouble_at_the_next_turn_and_tried_again_every_second(rig: GpioRig) -> None:
    """F78."""
    hold(rig, 1.1)
    with rig.turning.lock:
        rig.chips.gone = True
        opened = rig.chips.opened
    assert until(rig, lambda: f"{CHIP}: the chip is gone" in rig.board.trouble, flush=True) < 0.5
    hold(rig, 0.5)
    assert rig.chips.opened == opened, "a chip that flaps is not opened at every turn"
    with rig.turning.lock:
        rig.chips.gone = False
    assert until(rig, lambda: rig.board.trouble == "", flush=True) < 1.5
    rig.board.outputs["auxiliary"].drive(True)
    until(rig, lambda: rig.pins.high["AUX"], flush=True)


class _Chips:
    """Device files and the labels of the chips behind them."""

    def __init__(self, **labels: str) -> None:
        self.labels = {f"/dev/{name}": label for name, label in labels.items()}
        self.open_now: list[str] = []

    def open(self, path: str) -> Any:
        if path not in self.labels:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        self.open_now.append(path)
        return _Labelled(self, path)


class _Labelled:
    def __init__(self, chips: _Chips, path: str) -> None:
        self._chips, self._path = chips, path

    def __enter__(self) -> "_Labelled":
        return self

    def __exit__(self, *_error: object) -> None:
        self._chips.open_now.remove(self._path)

    def get_info(self) -> SimpleNamespace:
        return SimpleNamespace(label=self._chips.labels[self._path], num_lines=8)


def _known_place(chips: _Chips) -> ChipPlace:
    place = ChipPlace("/dev/gpiochip0", chips.open, lambda: sorted(chips.labels))
    with place.open():
        place.remember()
    return place


def test_a_chip_that_comes_back_under_another_number_is_found_by_its_label() -> None:
    """F78."""
    chips = _Chips(gpiochip0="soc", gpiochip1="expander")
    place = _known_place(chips)
    chips.labels = {"/dev/gpiochip0": "usb", "/dev/gpiochip1": "expander", "/dev/gpiochip4": "soc"}
    with place.open():
        assert chips.open_now == ["/dev/gpiochip4"]
    assert place.path == "/dev/gpiochip4"


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ({"gpiochip0": "usb"}, "another chip has this number now"),
        ({"gpiochip1": "usb"}, "No such file"),
        ({}, "No such file"),
        ({"gpiochip0": "usb", "gpiochip2": "soc", "gpiochip3": "soc"}, "another chip has this number now"),
    ],
)
def test_a_chip_in_the_place_of_ours_is_left_alone_and_nothing_stays_open(labels: dict[str, str], words: str) -> None:
    chips = _Chips(gpiochip0="soc")
    place = _known_place(chips)
    chips.labels = {f"/dev/{name}": label for name, label in labels.items()}
    with pytest.raises(OSError, match=words):
        place.open()
    assert chips.open_now == []
    chips.labels = {"/dev/gpiochip0": "soc"}
    with place.open():
        assert chips.open_now == ["/dev/gpiochip0"]


def test_a_chip_is_remembered_only_when_its_lines_were_granted() -> None:
    chips = _Chips(gpiochip0="usb")
    place = ChipPlace("/dev/gpiochip0", chips.open, lambda: sorted(chips.labels))
    with place.open():
        pass
    chips.labels = {"/dev/gpiochip0": "soc"}
    with place.open():
        assert chips.open_now == ["/dev/gpiochip0"]


def test_a_chip_without_interrupts_is_polled(tmp_path: Path) -> None:
    rig = GpioRig(tmp_path)
    try:
        rig.board.close()
        rig.chips.no_interrupts = True
        rig.board = type(rig.board)(rig.station, sysfs=rig.sysfs, open_chip=rig._open)  # type: ignore[call-arg]
        stop = rig.board.inputs["emergency_stop"]
        until(rig, lambda: (read := stop.state()) is not None and not read.closed, flush=True)
        until(rig, lambda: rig.board.trouble == "", flush=True)
        rig.do(lambda site: site.set_input("emergency_stop", True))
        assert until(rig, lambda: (read := stop.state()) is not None and read.closed, flush=True) < 0.5
    finally:
        rig.close()


def test_an_output_that_reads_back_otherwise_is_trouble_by_name(rig: GpioRig) -> None:
    """F79."""
    hold(rig, 0.05)
    rig.pins.stuck["COIL"] = True
    words = f"{CHIP}: connector 1 contactor reads back on although the opposite is driven"
    assert until(rig, lambda: words in rig.board.trouble, flush=True) < 0.5
    rig.pins.stuck.clear()
    until(rig, lambda: rig.board.trouble == "", flush=True)


def test_a_line_that_is_not_there_is_told_by_name(tmp_path: Path) -> None:
    gpio = Gpio({"feed": LineUse("NO_SUCH", True)}, CHIP, 0.0, boot_s, FakeChips(_pins(tmp_path)).open)
    gpio.chips[0].open()
    assert gpio.chips[0].trouble == f"{CHIP} has no line 'NO_SUCH' (feed); see: gpioinfo"


def test_a_number_and_a_name_of_the_same_line_are_found_out(tmp_path: Path) -> None:
    uses = {"feed": LineUse("FEED", True), "connector 1 contactor": LineUse("0", True)}
    gpio = Gpio(uses, CHIP, 0.0, boot_s, FakeChips(_pins(tmp_path)).open)
    gpio.chips[0].open()
    assert "are the same line" in gpio.chips[0].trouble


def test_a_chip_that_is_not_there_says_how_to_look(tmp_path: Path) -> None:
    gpio = Gpio({"feed": LineUse("FEED", True)}, "/dev/gpiochip9", 0.0, boot_s, FakeChips(_pins(tmp_path)).open)
    gpio.chips[0].open()
    assert gpio.chips[0].trouble == "/dev/gpiochip9: there is no such chip; see: gpiodetect"


def _pins(path: Path) -> Pins:
    rig = GpioRig(path)
    rig.close()
    return rig.pins


def test_each_feed_is_one_edge_and_a_late_one_is_none(rig: GpioRig) -> None:
    hold(rig, 0.05)
    fed = rig.pins.fed
    for _ in range(5):
        rig.board.feed.feed(boot_s())
        rig.board.flush()
    assert rig.pins.fed == fed + 5
    rig.board.feed.feed(boot_s() - 0.06)
    rig.board.flush()
    rig.board.flush()
    assert rig.pins.fed == fed + 5


def test_the_lock_motor_is_never_driven_both_ways(rig: GpioRig) -> None:
    from hardware.interfaces import LockDrive

    lock = rig.board.connectors[1].lock
    assert lock is not None
    for direction in (LockDrive.LOCK, LockDrive.UNLOCK, LockDrive.LOCK, LockDrive.STOP):
        lock.drive(direction)
        rig.board.flush()
        assert not (rig.pins.high["LOCK"] and rig.pins.high["UNLOCK"])
        assert rig.pins.high["LOCK"] is (direction is LockDrive.LOCK)


# -- names of devices ------------------------------------------------------------------


def test_a_name_that_two_devices_have_is_refused_and_their_numbers_are_not(tmp_path: Path) -> None:
    for number, millivolts in ((0, 100), (10, 200)):
        put(tmp_path, f"sys/bus/iio/devices/iio:device{number}/name", "ads1015")
        put(tmp_path, f"sys/bus/iio/devices/iio:device{number}/in_voltage0_raw", str(millivolts))
        put(tmp_path, f"sys/bus/iio/devices/iio:device{number}/in_voltage_scale", "1.0")
        put(tmp_path, f"sys/class/hwmon/hwmon{number}/name", "lm75")
        put(tmp_path, f"sys/class/hwmon/hwmon{number}/temp1_input", "25000")
    sysfs = Sysfs(tmp_path)
    with pytest.raises(OSError, match="iio:device0 and iio:device10 have the same name 'ads1015': use one of these"):
        AdcChannel(sysfs, "ads1015/in_voltage0").read_v()
    assert AdcChannel(sysfs, "iio:device10/in_voltage0").read_v() == 0.2
    with pytest.raises(OSError, match="hwmon0 and hwmon10"):
        celsius_of(sysfs, "hwmon:lm75/temp1")
    assert celsius_of(sysfs, "hwmon:hwmon10/temp1") == 25.0


# -- PWM ---------------------------------------------------------------------------


def test_pwm_attributes_are_written_in_the_kernels_order(tmp_path: Path) -> None:
    rig = GpioRig(tmp_path)
    try:
        rig.board.connectors[1].pilot.drive(PilotMode.PWM, 0.5)
        rig.board.flush()
        assert rig.board.trouble == ""
        names = [path.rpartition("/")[2] for path, _ in rig.sysfs.writes]
        assert names == ["export", "enable", "duty_cycle", "period", "duty_cycle", "enable", "duty_cycle"]
        assert rig.sysfs.writes[-1][1] == str(PERIOD_NS // 2)
    finally:
        rig.close()


def test_a_pwm_whose_period_was_never_set_refuses_everything_else_and_is_set_up_all_the_same(tmp_path: Path) -> None:
    sysfs = FakeSysfs(tmp_path / "root", _pins(tmp_path / "pins"), threading.RLock)
    path = "sys/class/pwm/pwmchip0/pwm0"
    sysfs.write("sys/class/pwm/pwmchip0/export", "0")
    for attribute, text in (("enable", "0"), ("duty_cycle", "0"), ("polarity", "normal")):
        with pytest.raises(OSError, match="Invalid argument"):
            sysfs.write(f"{path}/{attribute}", text)
    PwmChannel(sysfs, "pwmchip0/0", inverted=False).set(0.5)
    assert sysfs.read(f"{path}/duty_cycle") == "500000"


def test_a_pwm_left_running_by_a_process_before_is_not_interrupted(tmp_path: Path) -> None:
    sysfs = FakeSysfs(tmp_path / "root", _pins(tmp_path / "pins"), threading.RLock)
    first = PwmChannel(sysfs, "pwmchip0/0", inverted=False)
    first.set(0.25)
    sysfs.writes.clear()
    PwmChannel(sysfs, "pwmchip0/0", inverted=False).set(0.5)
    assert [(path.rpartition("/")[2], text) for path, text in sysfs.writes] == [
        ("duty_cycle", "1000000"),
        ("enable", "1"),
        ("duty_cycle", "500000"),
    ]


def test_an_inverting_stage_is_set_while_the_pwm_is_off(tmp_path: Path) -> None:
    sysfs = FakeSysfs(tmp_path / "root", _pins(tmp_path / "pins"), threading.RLock)
    channel = PwmChannel(sysfs, "pwmchip0/0", inverted=True)
    channel.set(0.25)
    assert sysfs.read("sys/class/pwm/pwmchip0/pwm0/polarity") == "inversed"
    assert channel.state() == (0.25, 1000.0)


@pytest.mark.parametrize("duty", [0.1, 0.26666, 0.5333, 0.9599, 1.0])
def test_a_duty_is_never_rounded_up(tmp_path: Path, duty: float) -> None:
    sysfs = FakeSysfs(tmp_path / "root", _pins(tmp_path / "pins"), threading.RLock)
    channel = PwmChannel(sysfs, "pwmchip0/0", inverted=False)
    channel.set(duty)
    assert duty - 1e-6 <= channel.state().duty <= duty + 1e-12


def test_a_pwm_that_vanishes_and_comes_back_is_set_up_anew(rig: GpioRig) -> None:
    rig.board.connectors[1].pilot.drive(PilotMode.PWM, 0.5)
    until(rig, lambda: (read := rig.board.connectors[1].pilot.levels()) is not None and read.duty == 0.5, flush=True)
    pwm = rig.sysfs.root / "sys/class/pwm/pwmchip0"
    with rig.turning.lock:
        pwm.rename(tmp := rig.sysfs.root / "gone")
    until(rig, lambda: rig.board.connectors[1].pilot.levels() is None, flush=True)
    assert "pilot of connector 1" in rig.board.trouble
    assert rig.board.trouble_of(1) == rig.board.trouble
    assert rig.board.trouble_of(2) == "", "the pilot of one connector is no trouble of another"
    with rig.turning.lock:
        for name in ("period", "duty_cycle", "enable", "polarity"):
            (tmp / "pwm0" / name).unlink()
        (tmp / "pwm0").rmdir()
        tmp.rename(pwm)
    until(rig, lambda: rig.board.trouble == "", flush=True)
    until(rig, lambda: (read := rig.board.connectors[1].pilot.levels()) is not None and read.duty == 0.5, flush=True)


# -- ADC ---------------------------------------------------------------------------


def test_volts_are_raw_and_offset_times_scale(tmp_path: Path) -> None:
    base = "sys/bus/iio/devices/iio:device0"
    for name, text in (("name", "dummy"), ("in_voltage0_raw", "73"), ("in_voltage0_offset", "7")):
        put(tmp_path, f"{base}/{name}", f"{text}\n")
    put(tmp_path, f"{base}/in_voltage0_scale", "0.001333\n")
    put(tmp_path, f"{base}/in_voltage1_raw", "1000\n")
    put(tmp_path, f"{base}/in_voltage_scale", "2.5\n")
    sysfs = Sysfs(tmp_path)
    assert AdcChannel(sysfs, "iio:device0/in_voltage0").read_v() == pytest.approx(80 * 0.001333 / 1000)
    assert AdcChannel(sysfs, "dummy/in_voltage1").read_v() == 2.5


@pytest.mark.parametrize("text", ["", "nan", "inf", "12 V", "1e99"])
def test_a_channel_that_says_nonsense_is_an_error_and_never_a_voltage(tmp_path: Path, text: str) -> None:
    base = "sys/bus/iio/devices/iio:device0"
    put(tmp_path, f"{base}/in_voltage0_raw", text)
    put(tmp_path, f"{base}/in_voltage0_scale", "1")
    with pytest.raises(ValueError, match=r".*"):
        AdcChannel(Sysfs(tmp_path), "iio:device0/in_voltage0").read_v()


def test_a_device_that_comes_back_under_another_number_is_found_by_its_name(tmp_path: Path) -> None:
    devices = "sys/bus/iio/devices"
    put(tmp_path, f"{devices}/iio:device0/name", "adc")
    put(tmp_path, f"{devices}/iio:device0/in_voltage0_raw", "5")
    put(tmp_path, f"{devices}/iio:device0/in_voltage0_scale", "1000")
    channel = AdcChannel(Sysfs(tmp_path), "adc/in_voltage0")
    assert channel.read_v() == 5.0
    (tmp_path / devices / "iio:device0").rename(tmp_path / devices / "iio:device2")
    with pytest.raises(FileNotFoundError):
        channel.read_v()
    assert channel.read_v() == 5.0


@pytest.mark.parametrize(
    ("volts", "ohm"),
    [(1.65, 1000.0), (0.0, 0.0), (3.29, math.inf), (3.3, math.inf), (0.59507, 220.0), (-0.1, 0.0)],
)
def test_the_proximity_divider(volts: float, ohm: float) -> None:
    assert resistance_ohm(volts, 3.3, 1000.0) == pytest.approx(ohm, abs=0.1)


@pytest.mark.parametrize("volts", [math.nan, -0.5, 4.0])
def test_an_impossible_proximity_voltage_is_no_resistance(volts: float) -> None:
    assert math.isnan(resistance_ohm(volts, 3.3, 1000.0))


def test_one_failed_read_is_forgiven_and_a_channel_that_stays_away_is_trouble(rig: GpioRig) -> None:
    raw = rig.sysfs.root / "sys/bus/iio/devices/iio:device0/in_voltage0_raw"
    hidden = rig.sysfs.root / "hidden_raw"
    before = rig.board.connectors[1].pilot.levels()
    raw.rename(hidden)
    took_s = until(rig, lambda: "in_voltage0_raw: No such file or directory" in rig.board.trouble, flush=True)
    assert 0.05 < took_s < 1.0
    assert before is not None
    assert rig.board.connectors[1].pilot.levels() is None
    hidden.rename(raw)
    until(rig, lambda: rig.board.trouble == "", flush=True)


def test_a_read_that_hangs_does_not_delay_the_loop_and_its_value_grows_old(rig: GpioRig) -> None:
    rig.board.connectors[1].pilot.sample_every(0.02)
    hold(rig, 0.1)
    release = threading.Event()
    ordinary = rig.sysfs.read

    def hangs(path: str) -> str:
        if path.endswith("in_voltage0_raw"):
            release.wait(5.0)
        return ordinary(path)

    rig.sysfs.read = hangs  # type: ignore[method-assign]
    begun_s = boot_s()
    for _ in range(100):
        rig.board.feed.feed(boot_s())
        rig.board.receive()
        rig.board.flush()
    assert boot_s() - begun_s < 2.0
    hold(rig, 0.2)
    levels = rig.board.connectors[1].pilot.levels()
    assert levels is not None
    assert boot_s() - levels.sampled_s > 0.15
    release.set()
    until(rig, lambda: (new := rig.board.connectors[1].pilot.levels()) is not None and new != levels, flush=True)
    late = rig.board.connectors[1].pilot.levels()
    assert late is not None


def test_what_a_slow_read_delivers_has_the_time_before_it_began() -> None:
    stamps: list[float] = []

    class Slow:
        period_s = 10.0

        def sample(self) -> None:
            stamps.append(boot_s())

    sampler = Sampler("slow", [Slow()], boot_s)
    sampler.start()
    sampler.start()
    _wait_for(lambda: len(stamps) == 1)
    sampler.hurry()
    _wait_for(lambda: len(stamps) == 2)
    sampler.close()


def test_a_sampling_thread_has_the_priority_of_the_loop_that_starts_it() -> None:
    """Otherwise one that holds the interpreter is held up by ordinary processes, and the loop with it."""
    seen: list[int] = []
    refused: list[str] = []

    class Look:
        period_s = 10.0

        def sample(self) -> None:
            seen.append(os.sched_getscheduler(0))

    def loop() -> None:
        try:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        except PermissionError as error:
            refused.append(str(error))
            return
        sampler = Sampler("look", [Look()], boot_s)
        sampler.start()
        _wait_for(lambda: bool(seen))
        sampler.close()

    thread = threading.Thread(target=loop)
    thread.start()
    thread.join()
    if refused:
        pytest.skip(f"this user may not use SCHED_FIFO ({refused[0]}): run as root, or raise `ulimit -r`")
    assert seen[0] == os.SCHED_FIFO


def _wait_for(condition: Callable[[], bool]) -> None:
    gives_up = time.monotonic() + 10.0
    while not condition():
        assert time.monotonic() < gives_up
        threading.Event().wait(0.001)


# -- temperatures, fan -----------------------------------------------------------------


def test_every_kind_of_temperature_sensor_is_read_in_degrees(tmp_path: Path) -> None:
    put(tmp_path, "sys/class/hwmon/hwmon0/name", "other\n")
    put(tmp_path, "sys/class/hwmon/hwmon4/name", "tmp102\n")
    put(tmp_path, "sys/class/hwmon/hwmon4/temp1_input", "23437\n")
    put(tmp_path, "sys/class/thermal/thermal_zone1/type", "cpu-thermal\n")
    put(tmp_path, "sys/class/thermal/thermal_zone1/temp", "51000\n")
    put(tmp_path, "sys/bus/iio/devices/iio:device1/name", "bme280\n")
    put(tmp_path, "sys/bus/iio/devices/iio:device1/in_temp_input", "-12500\n")
    put(tmp_path, "sys/bus/iio/devices/iio:device2/in_temp_raw", "200\n")
    put(tmp_path, "sys/bus/iio/devices/iio:device2/in_temp_offset", "100\n")
    put(tmp_path, "sys/bus/iio/devices/iio:device2/in_temp_scale", "125\n")
    one_wire = "72 01 4b 46 7f ff 0e 10 57 : crc=57 YES\n72 01 4b 46 7f ff 0e 10 57 t=23125\n"
    put(tmp_path, "sys/bus/w1/devices/28-0001/w1_slave", one_wire)
    sysfs = Sysfs(tmp_path)
    sensors = {
        "hwmon:tmp102/temp1": 23.437,
        "thermal:cpu-thermal": 51.0,
        "iio:bme280/in_temp": -12.5,
        "iio:iio:device2/in_temp": 37.5,
        "w1:28-0001": 23.125,
    }
    assert {name: celsius_of(sysfs, name) for name in sensors} == sensors


def test_a_sensor_that_cannot_be_read_is_not_a_number_and_one_with_a_wrong_checksum_neither(tmp_path: Path) -> None:
    put(tmp_path, "sys/bus/w1/devices/28-0001/w1_slave", "00 : crc=57 NO\n00 t=23125\n")
    for name in ("w1:28-0001", "hwmon:nobody/temp1", "thermal:nothing"):
        sensor = LinuxTemperature(Sysfs(tmp_path), name, boot_s)
        assert sensor.read() is None
        sensor.sample()
        read = sensor.read()
        assert read is not None
        assert math.isnan(read.celsius)


def test_a_fan_that_cannot_be_read_any_more_keeps_its_old_stamp(tmp_path: Path) -> None:
    put(tmp_path, "sys/class/hwmon/hwmon0/name", "nct")
    put(tmp_path, "sys/class/hwmon/hwmon0/fan2_input", "1450")
    fan = LinuxTachometer(Sysfs(tmp_path), "hwmon:nct/fan2", boot_s)
    fan.sample()
    first = fan.read()
    assert first is not None
    assert first.rpm == 1450.0
    (tmp_path / "sys/class/hwmon/hwmon0/fan2_input").unlink()
    fan.sample()
    assert fan.read() == first


# -- lights ------------------------------------------------------------------------------


def led(root: Path, name: str, highest: int = 255) -> None:
    for attribute, text in (("brightness", "0"), ("max_brightness", str(highest)), ("trigger", "none")):
        put(root, f"sys/class/leds/{name}/{attribute}", text)
    for attribute in ("delay_on", "delay_off"):
        put(root, f"sys/class/leds/{name}/{attribute}", "0")


def value(root: Path, path: str) -> str:
    return (root / "sys/class/leds" / path).read_text(encoding="ascii")


def test_a_light_of_one_led_per_colour_shows_and_blinks(tmp_path: Path) -> None:
    for name in ("r", "g", "b"):
        led(tmp_path, name, 100)
    lights = LedIndicator(Sysfs(tmp_path), {1: LedSection(red="r", green="g", blue="b")}, boot_s)
    lights.show(1, Light(0.0, 0.5, 1.0, 2.0))
    assert [value(tmp_path, f"{name}/brightness") for name in ("r", "g", "b")] == ["0", "50", "100"]
    assert [value(tmp_path, f"{name}/trigger") for name in ("r", "g", "b")] == ["none", "timer", "timer"]
    assert value(tmp_path, "g/delay_on") == value(tmp_path, "g/delay_off") == "250"
    lights.show(1, Light(1.0, 0.0, 0.0))
    assert [value(tmp_path, f"{name}/trigger") for name in ("r", "g", "b")] == ["none", "none", "none"]


def test_a_light_with_several_colours_uses_their_order(tmp_path: Path) -> None:
    led(tmp_path, "rgb:status")
    put(tmp_path, "sys/class/leds/rgb:status/multi_index", "green blue red")
    put(tmp_path, "sys/class/leds/rgb:status/multi_intensity", "0 0 0")
    lights = LedIndicator(Sysfs(tmp_path), {1: LedSection(multi="rgb:status")}, boot_s)
    lights.show(1, Light(1.0, 0.2, 0.0))
    assert value(tmp_path, "rgb:status/multi_intensity") == "51 0 255"
    assert value(tmp_path, "rgb:status/brightness") == "255"


def test_a_light_that_fails_is_tried_again_and_never_raises(tmp_path: Path) -> None:
    now = [100.0]
    lights = LedIndicator(Sysfs(tmp_path), {1: LedSection(red="r")}, lambda: now[0])
    lights.show(1, Light(1.0, 0.0, 0.0))
    lights.show(7, Light(1.0, 0.0, 0.0))
    assert "light of connector 1" in lights.trouble
    led(tmp_path, "r")
    lights.again()
    assert value(tmp_path, "r/brightness") == "0", "not before a second has passed"
    now[0] += 1.0
    lights.again()
    assert value(tmp_path, "r/brightness") == "255"
    assert lights.trouble == ""


MCU_WITH_A_LAMP = """[station]
board = "mcu"
model = "Bench AC"
serial = "BENCH-1"
[mcu]
port = "/dev/ttyS1"
[linux.leds.1]
red = "r"
"""


def test_the_side_of_a_real_board_that_people_see(tmp_path: Path) -> None:
    led(tmp_path, "r")
    station = parse_station(MCU_WITH_A_LAMP)
    board = LinuxPeopleBoard(station, Sysfs(tmp_path))
    board.indicator.show(1, Light(1.0, 0.0, 0.0))
    board.display.show(1, ("hello",))
    board.receive()
    assert value(tmp_path, "r/brightness") == "255"
    assert board.reader.cards() == ()
    assert board.fileno() == -1


# -- watchdog ------------------------------------------------------------------------------


def test_the_watchdog_is_fed_once_a_second_and_disarmed_only_by_an_orderly_end(tmp_path: Path) -> None:
    path = tmp_path / "watchdog"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    dog = Watchdog(str(path), 15)
    for tenth in range(30):
        dog.kick(100.0 + tenth / 10.0)
    assert os.read(reader, 100) == b"\0\0\0"
    dog.close()
    assert os.read(reader, 100) == b"V"
    os.close(reader)


def test_a_watchdog_that_cannot_be_opened_is_told_once_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "watchdog"
    dog = Watchdog(str(path), 15)
    with caplog.at_level(logging.ERROR):
        for second in range(5):
            dog.kick(100.0 + second)
    assert [record.message for record in caplog.records] == [
        f"watchdog {path} is not armed: {os.strerror(errno.ENOENT)}; trying again every second"
    ]
    path.write_bytes(b"")
    dog.kick(110.0)
    assert dog.kicks == 1
    dog.close()
    assert path.read_bytes() == b"\0V"


def test_the_watchdog_is_not_fed_while_the_hardware_is_in_trouble(tmp_path: Path) -> None:
    from tests.board_rigs import MOUNTED
    from tests.kernel_rig import WIRING

    path = tmp_path / "watchdog"
    path.write_bytes(b"")
    rig = GpioRig(tmp_path, WIRING.replace("[linux]", f'[linux]\nwatchdog = "{path}"') + MOUNTED)
    try:
        until(rig, lambda: path.read_bytes() == b"\0", flush=True)
        with rig.turning.lock:
            rig.chips.gone = True
        until(rig, lambda: rig.board.trouble != "", flush=True)
        kicks = path.read_bytes()
        hold(rig, 1.3)
        assert path.read_bytes() == kicks
        with rig.turning.lock:
            rig.chips.gone = False
        until(rig, lambda: path.read_bytes() > kicks, flush=True)
    finally:
        rig.close()
    assert path.read_bytes().endswith(b"V")
