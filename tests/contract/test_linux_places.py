"""One channel under two names, which only the kernel's files tell: words, and no power."""

import math
from pathlib import Path

import pytest

from hardware.linux.adc import AdcChannel
from hardware.linux.clock import boot_s
from hardware.linux.places import Places
from hardware.linux.slow import SlowSensors
from hardware.linux.sysfs import Sysfs
from schemas.board import LinuxSection
from tests.board_rigs import MOUNTED, until

pytest.importorskip("gpiod", reason="gpiod has no wheel here, only for x86-64 and ARM Linux")

from tests.kernel_rig import WIRING, GpioRig

pytestmark = pytest.mark.contract


@pytest.mark.parametrize(
    ("own", "others", "purpose"),
    [
        ("iio:device0/in_voltage1", "iio:device0/in_voltage0", "pilot_low"),
        ("evse-adc/in_voltage2", "iio:device0/in_voltage0", "proximity"),
        ("evse-adc/in_voltage4", "iio:device0/in_voltage0", "output_sense L2"),
    ],
)
def test_a_name_and_a_number_of_the_same_channel_are_trouble(
    tmp_path: Path, own: str, others: str, purpose: str
) -> None:
    assert own in WIRING
    rig = GpioRig(tmp_path, WIRING.replace(own, others) + MOUNTED)
    both = " and ".join(sorted(("connector 1 pilot_high", f"connector 1 {purpose}")))
    words = f"{both} are the same channel, /sys/bus/iio/devices/iio:device0/in_voltage0: give each its own"
    try:
        until(rig, lambda: rig.board.trouble == words, flush=True)
        assert rig.board.trouble_of(1) == words
        assert rig.board.trouble_of(2) == ""
    finally:
        rig.close()


def test_a_wrong_station_file_is_no_reason_to_reset_the_computer(tmp_path: Path) -> None:
    path = tmp_path / "watchdog"
    path.write_bytes(b"")
    shared = WIRING.replace("evse-adc/in_voltage2", "iio:device0/in_voltage0")
    rig = GpioRig(tmp_path, shared.replace("[linux]", f'[linux]\nwatchdog = "{path}"') + MOUNTED)
    try:
        until(rig, lambda: "are the same channel" in rig.board.trouble, flush=True)
        kicks = path.read_bytes()
        until(rig, lambda: len(path.read_bytes()) >= len(kicks) + 2, flush=True)
    finally:
        rig.close()


def test_a_board_whose_channels_are_all_different_has_no_trouble(tmp_path: Path) -> None:
    rig = GpioRig(tmp_path)
    try:
        until(rig, lambda: rig.board.connectors[1].pilot.levels() is not None, flush=True)
        assert rig.board.trouble == ""
    finally:
        rig.close()


def test_only_those_who_share_a_channel_are_troubled_and_no_longer_than_they_do() -> None:
    places = Places()
    one, two, three = (places.of(f"connector {number} pilot_high") for number in (1, 2, 3))
    assert [one("a"), three("c"), two("a")] == [True, True, False]
    assert [bool(places.troubles_of(f"connector {number}")) for number in (1, 2, 3)] == [True, True, False]
    assert two("b")
    assert places.shared == ()


def test_a_channel_that_is_found_elsewhere_after_an_error_is_told_there(tmp_path: Path) -> None:
    device = tmp_path / "sys/bus/iio/devices/iio:device0"
    device.mkdir(parents=True)
    for name, text in (("name", "adc"), ("in_voltage_scale", "1"), ("in_voltage0_raw", "5")):
        (device / name).write_text(text, encoding="ascii")
    found: list[str] = []

    def tell(path: str) -> bool:
        found.append(path)
        return True

    channel = AdcChannel(Sysfs(tmp_path), "adc/in_voltage0", tell)
    channel.read_v()
    channel.read_v()
    device.rename(device.with_name("iio:device7"))
    with pytest.raises(FileNotFoundError):
        channel.read_v()
    channel.read_v()
    assert found == ["sys/bus/iio/devices/iio:device0/in_voltage0", "sys/bus/iio/devices/iio:device7/in_voltage0"]


def test_two_temperatures_that_are_one_sensor_are_both_not_read_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chip = tmp_path / "sys/class/hwmon/hwmon3"
    chip.mkdir(parents=True)
    for name, text in (("name", "nct"), ("temp1_input", "25000"), ("temp2_input", "30000")):
        (chip / name).write_text(text, encoding="ascii")
    wired = {"cpu": "hwmon:nct/temp1", "housing": "hwmon:hwmon3/temp1", "rfid": "hwmon:nct/temp2"}
    sensors = SlowSensors(LinuxSection(temperatures=wired), Sysfs(tmp_path), boot_s).temperatures
    for _ in range(2):
        for sensor in sensors.values():
            sensor.sample()
    read = {name: sensor.read() for name, sensor in sensors.items()}
    celsius = {name: each.celsius for name, each in read.items() if each is not None}
    assert math.isnan(celsius["cpu"])
    assert math.isnan(celsius["housing"])
    assert celsius["rfid"] == 30.0
    words = "temperature cpu and temperature housing are the same channel, /sys/class/hwmon/hwmon3/temp1_input"
    assert [words in each for each in caplog.messages] == [True]
