"""What the drivers of PWM, ADC, temperature, fan, LED and watchdog promise, on the kernel's own drivers."""

import contextlib
import errno
import fcntl
import math
import os
import struct
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from hardware.interfaces import Light
from hardware.linux.adc import AdcChannel
from hardware.linux.clock import boot_s
from hardware.linux.led import LedIndicator
from hardware.linux.pwm import PERIOD_NS, PwmChannel, PwmState
from hardware.linux.sysfs import Sysfs
from hardware.linux.temperature import LinuxTachometer, LinuxTemperature, celsius_of
from hardware.linux.watchdog import Watchdog
from schemas.board import LedSection
from tests.kernels.board_rig import Chips
from tests.kernels.chip import CONFIGFS
from tests.kernels.i2c import ADCS, PCA9685_PRESCALE, PWM

WDIOC_GETTIMEOUT = 0x80045707
STEPS = 4096
"""Of the PCA9685."""
PATIENCE_S = 10.0


def _refused(act: Callable[[], object]) -> int | None:
    """The errno of the kernel's refusal."""
    try:
        act()
    except OSError as error:
        return error.errno
    return None


def pwm(chips: Chips) -> str:
    """Set up, changed, read back; the kernel's refusals; a second process does not interrupt it; gone and back."""
    sysfs = Sysfs()
    path = f"sys/class/pwm/{chips.pwm}/pwm0"
    channel = PwmChannel(sysfs, f"{chips.pwm}/0", inverted=False)
    chips.bus.put_byte(PWM, PCA9685_PRESCALE, 0)
    sysfs.write(f"sys/class/pwm/{chips.pwm}/export", "0")
    refused = _refused(lambda: sysfs.write(f"{path}/enable", "0"))
    assert refused == errno.EINVAL, "with a period that the chip cannot have"
    channel.open()
    assert chips.bus.duty() == 1.0, "constantly on: X1"
    assert channel.state() == PwmState(1.0, 0.0)
    worst = 0.0
    for wanted in (0.1, 0.1667, 0.2667, 0.5333, 0.8, 0.96, 0.05, 1.0):
        channel.set(wanted)
        assert channel.state().duty == int(wanted * PERIOD_NS + 1e-6) / PERIOD_NS
        worst = max(worst, abs(chips.bus.duty() - wanted))
    assert worst <= 1.0 / STEPS
    assert _refused(lambda: sysfs.write(f"{path}/duty_cycle", str(PERIOD_NS + 1))) == errno.EINVAL
    assert _refused(lambda: sysfs.write(f"{path}/period", "0")) == errno.EINVAL
    assert _refused(lambda: sysfs.write(f"{path}/polarity", "inversed")) is not None, "never while it is on"
    channel.set(0.25)
    again = PwmChannel(sysfs, f"{chips.pwm}/0", inverted=False)
    again.open()
    assert chips.bus.duty() == 1.0
    inverted = PwmChannel(sysfs, f"{chips.pwm}/1", inverted=True)
    assert _refused(inverted.open) == errno.EINVAL, "this chip has one polarity, and that is told, not ignored"
    assert not inverted.is_open
    chips.vanish()
    assert _refused(lambda: again.set(0.5)) == errno.ENOENT
    assert not again.is_open
    chips.appear()
    again.set(0.5)
    assert abs(chips.bus.duty() - 0.5) <= 1.0 / STEPS
    return f"ok; the kernel's driver for the PCA9685 rounds up to 1/{STEPS}: at most {worst:.5f} beside what was set"


def adc(chips: Chips) -> str:
    """By number; scale of the kernel's; a name that two devices have; a device that goes away and comes back."""
    sysfs = Sysfs()
    one, other = (AdcChannel(sysfs, f"{each}/in_voltage0") for each in chips.adcs[:2])
    for volts in (0.0, 0.001, 1.234, 2.047, -0.5):
        chips.bus.put_volts(ADCS[0], volts)
        chips.bus.put_volts(ADCS[1], -volts)
        assert abs(one.read_v() - volts) < 0.0006
        assert abs(other.read_v() + volts) < 0.0006
    begun = time.perf_counter()
    for _ in range(100):
        one.read_v()
    read_us = (time.perf_counter() - begun) / 100 * 1e6
    assert _refused(AdcChannel(sysfs, "ads1015/in_voltage0").read_v) == errno.ENOTUNIQ
    chips.vanish()
    assert _refused(one.read_v) == errno.ENOENT
    chips.appear()
    chips.bus.put_volts(ADCS[0], 1.0)
    assert abs(one.read_v() - 1.0) < 0.0006
    return f"ok; {read_us:.0f} us per reading"


def dummy_adc(chips: Chips) -> str:
    """The kernel's example device, by its name: an offset, a scale in microvolts; back under another number."""
    dummy = CONFIGFS / "iio" / "devices" / "dummy"
    if not dummy.is_dir():
        return "no IIO_SIMPLE_DUMMY"
    (dummy / "evse").mkdir()
    channel = AdcChannel(Sysfs(), "evse/in_voltage0")
    expected_v = (73 + 7) * 0.001333 / 1000.0
    assert abs(channel.read_v() - expected_v) < 1e-7
    (dummy / "evse").rmdir()
    assert _refused(channel.read_v) == errno.ENOENT
    chips.vanish()
    (dummy / "evse").mkdir()
    assert abs(channel.read_v() - expected_v) < 1e-7, "under the number of another device"
    (dummy / "evse").rmdir()
    chips.appear()
    return "ok"


def temperature_and_fan(chips: Chips) -> str:
    sysfs = Sysfs()
    sensor = LinuxTemperature(sysfs, "hwmon:lm75/temp1", boot_s)
    fan = LinuxTachometer(sysfs, "hwmon:max6650/fan1", boot_s)
    for celsius in (-10.0, 0.0, 23.5, 85.0):
        chips.bus.put_celsius(celsius)
        _until(lambda: abs(celsius_of(sysfs, "hwmon:lm75/temp1") - celsius) < 0.01)  # noqa: B023
    chips.bus.put_rpm(2400)
    _until(lambda: (fan.sample(), (read := fan.read()) is not None and read.rpm == 2400)[-1])
    chips.vanish()
    sensor.sample()
    assert (read := sensor.read()) is not None
    assert math.isnan(read.celsius)
    chips.appear()
    return "ok"


def _until(condition: Callable[[], bool]) -> None:
    """Drivers of hwmon keep a value for a while."""
    end_s = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.05)


def led(_chips: Chips) -> str:
    """Steady, blinking by the kernel's timer, off."""
    if not Path("/dev/uleds").exists():
        return "no LEDS_USER"
    device = os.open("/dev/uleds", os.O_RDWR | os.O_NONBLOCK)
    with _closing(device):
        os.write(device, b"charge".ljust(64, b"\0") + (255).to_bytes(4, sys.byteorder))
        sysfs = Sysfs()
        lights = LedIndicator(sysfs, {1: LedSection(green="charge")}, boot_s)
        lights.show(1, Light(0.0, 1.0, 0.0))
        assert lights.trouble == "", lights.trouble
        assert sysfs.number("sys/class/leds/charge/brightness") == 255
        lights.show(1, Light(0.0, 0.5, 0.0, blink_hz=2.0))
        assert lights.trouble == "", lights.trouble
        assert "[timer]" in sysfs.read("sys/class/leds/charge/trigger")
        assert sysfs.number("sys/class/leds/charge/delay_on") == 250
        seen: set[int] = set()
        _until(lambda: (seen.update(_brightness(device)), {0, 128} <= seen)[-1])
        lights.show(1, Light(0.0, 0.0, 0.0))
        assert sysfs.number("sys/class/leds/charge/brightness") == 0
        assert "[none]" in sysfs.read("sys/class/leds/charge/trigger")
    lights.show(1, Light(0.0, 1.0, 0.0))
    assert "No such file" in lights.trouble
    return "ok"


def _brightness(device: int) -> Iterator[int]:
    with contextlib.suppress(BlockingIOError):
        yield int.from_bytes(os.read(device, 4), sys.byteorder)


@contextlib.contextmanager
def _closing(descriptor: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(descriptor)


def watchdog(_chips: Chips) -> str:
    """Armed with its time-out, held by one, disarmed by an orderly end."""
    if not Path("/dev/watchdog").exists():
        return "no watchdog"
    dog = Watchdog("/dev/watchdog", 2)
    dog.kick(1.0)
    assert dog.kicks == 1
    assert struct.unpack("i", fcntl.ioctl(dog._descriptor, WDIOC_GETTIMEOUT, b"\0\0\0\0"))[0] == 2
    second = Watchdog("/dev/watchdog", 2)
    second.kick(1.0)
    assert second.kicks == 0, "only one may hold it"
    dog.kick(2.5)
    assert dog.kicks == 2
    dog.close()
    # there is nothing to wait for: a watchdog that is still armed ends the machine within these seconds
    time.sleep(3.0)
    return "ok; disarmed by an orderly end: three seconds later this machine still runs"
