"""Runs the GPIO drivers on a real kernel with simulated chips (gpio-sim), in User-Mode Linux: no root, no hardware.

    python -m tests.gpio_sim [--kernel FILE]

The kernel is FILE, or $CHARGE_UML, or `linux.uml` of the PATH. It needs, besides HOSTFS: GPIOLIB, GPIO_CDEV, GPIO_SIM,
CONFIGFS_FS; where it has LEDS_USER, IIO_SIMPLE_DUMMY (with IIO_SW_DEVICE) or SOFT_WATCHDOG, those parts are tried too.
User-Mode Linux 6.1 grants no interrupts to gpio-sim: there the lines are polled, and edges are tried only by the tests
with simulated chips.
"""

import argparse
import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONFIGFS = Path("/sys/kernel/config")
LONGEST_RUN_S = 120.0
NO_GPIO_SIM = "this kernel has no gpio-sim"
DONE = "gpio-sim: done"
LINES = ("FEED", "COIL", "MIRROR", "ESTOP")


class NotHere(Exception):
    """It cannot be tried on this machine; the text says what is missing."""


def kernel() -> Path:
    """Raises NotHere."""
    named = os.environ.get("CHARGE_UML") or shutil.which("linux.uml")
    if not named or not Path(named).is_file():
        raise NotHere("no User-Mode Linux kernel: name one by CHARGE_UML (see tests/gpio_sim.py for its options)")
    return Path(named)


def run(uml: Path) -> str:
    """Boots, tries everything, powers off; returns what was printed. Raises NotHere and AssertionError."""
    with tempfile.TemporaryDirectory() as scratch:
        init = Path(scratch) / "init"
        init.write_text(
            "#!/bin/sh\nmount -t proc proc /proc\nmount -t sysfs sysfs /sys\n"
            "mount -t configfs configfs /sys/kernel/config\nmount -t devtmpfs devtmpfs /dev\n"
            f"cd '{ROOT}' && '{sys.executable}' -B -m tests.gpio_sim --inside\n"
            "echo o > /proc/sysrq-trigger\nsleep 5\n",
            encoding="utf-8",
        )
        init.chmod(0o755)
        options = ["mem=256M", "rootfstype=hostfs", "rootflags=/", "ro", f"init={init}", "con=null", "con0=null,fd:1"]
        try:
            ended = subprocess.run(
                [str(uml), *options], capture_output=True, text=True, timeout=LONGEST_RUN_S, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired as expired:
            raise AssertionError(f"User-Mode Linux did not end: {expired.stdout!r}") from expired
    said = ended.stdout
    if NO_GPIO_SIM in said:
        raise NotHere(f"{uml}: {NO_GPIO_SIM} (GPIOLIB, GPIO_CDEV, GPIO_SIM, CONFIGFS_FS)")
    assert DONE in said, said + ended.stderr
    return said


# -- inside ------------------------------------------------------------------------------


def inside() -> int:
    """As the first process of the simulated machine."""
    if not (CONFIGFS / "gpio-sim").is_dir():
        print(NO_GPIO_SIM, flush=True)
        return 0
    for part in (gpio_lines, led, adc, watchdog):
        print(f"{part.__name__}: {part()}", flush=True)
    print(DONE, flush=True)
    return 0


def _make_chip() -> tuple[str, Path]:
    """(device file, directory of the simulated pins)."""
    device = CONFIGFS / "gpio-sim" / "evse"
    bank = device / "b0"
    bank.mkdir(parents=True)
    (bank / "num_lines").write_text(str(len(LINES)))
    for number, name in enumerate(LINES):
        (bank / f"line{number}").mkdir()
        (bank / f"line{number}" / "name").write_text(name)
    (device / "live").write_text("1")
    chip = (bank / "chip_name").read_text().strip()
    platform = (device / "dev_name").read_text().strip()
    return f"/dev/{chip}", Path("/sys/devices/platform") / platform / chip


def gpio_lines() -> str:
    from hardware.linux.clock import boot_s
    from hardware.linux.gpio import Gpio, LineUse
    from hardware.linux.gpio_chip import real_chip

    path, pins = _make_chip()
    uses = {"feed": LineUse("FEED", True), "coil": LineUse("!COIL", True)}
    uses |= {"mirror": LineUse("MIRROR", False), "stop": LineUse("3", False)}
    gpio = Gpio(uses, path, 0.002, boot_s, real_chip)
    chip = gpio.chips[0]
    assert chip.open(), chip.trouble

    def pin(number: int) -> str:
        return (pins / f"sim_gpio{number}" / "value").read_text().strip()

    def pull(number: int, up: bool) -> None:
        (pins / f"sim_gpio{number}" / "pull").write_text("pull-up" if up else "pull-down")

    assert (pin(0), pin(1)) == ("0", "1"), "outputs begin inactive; the coil's line is active when low"
    gpio.drive("coil", True)
    assert chip.flush()
    assert pin(1) == "0"
    assert chip.write({"feed": True})
    assert pin(0) == "1"
    for up in (True, False):
        pull(2, up)
        _until(lambda: (chip.receive(), chip.poll(), gpio.read("mirror"))[-1], lambda read: read.closed is up)  # noqa: B023
    second = Gpio({"coil": LineUse("COIL", True)}, path, 0.0, boot_s, real_chip)
    assert not second.chips[0].open()
    assert "in use by 'charge-controller'" in second.chips[0].trouble, second.chips[0].trouble
    chip.close()
    words = f"edges {'yes' if chip.has_edges else 'no'}, after release feed={pin(0)}"
    (CONFIGFS / "gpio-sim" / "evse" / "live").write_text("0")
    gone = Gpio({"coil": LineUse("COIL", True)}, path, 0.0, boot_s, real_chip)
    assert not gone.chips[0].open()
    assert "there is no such chip" in gone.chips[0].trouble, gone.chips[0].trouble
    return words


def _until(read: Callable[[], object], condition: Callable[..., bool]) -> None:
    end_s = time.monotonic() + 5.0
    while not (value := read()) or not condition(value):
        assert time.monotonic() < end_s, value


def led() -> str:
    from hardware.interfaces import Light
    from hardware.linux.clock import boot_s
    from hardware.linux.led import LedIndicator
    from hardware.linux.sysfs import Sysfs
    from schemas.board import LedSection

    if not Path("/dev/uleds").exists():
        return "no LEDS_USER"
    device = os.open("/dev/uleds", os.O_RDWR)
    with _closing(device):
        os.write(device, b"charge".ljust(64, b"\0") + (255).to_bytes(4, sys.byteorder))
        lights = LedIndicator(Sysfs(), {1: LedSection(green="charge")}, boot_s)
        lights.show(1, Light(0.0, 1.0, 0.0))
        assert lights.trouble == "", lights.trouble
        assert Sysfs().number("sys/class/leds/charge/brightness") == 255
    return "ok"


@contextlib.contextmanager
def _closing(descriptor: int) -> Iterator[None]:
    try:
        yield
    finally:
        os.close(descriptor)


def adc() -> str:
    from hardware.linux.adc import AdcChannel
    from hardware.linux.sysfs import Sysfs

    dummy = CONFIGFS / "iio" / "devices" / "dummy"
    if not dummy.is_dir():
        return "no IIO_SIMPLE_DUMMY"
    (dummy / "evse").mkdir()
    volts = AdcChannel(Sysfs(), "iio:device0/in_voltage0").read_v()
    assert abs(volts - 80 * 0.001333 / 1000.0) < 1e-7, volts
    return "ok"


def watchdog() -> str:
    from hardware.linux.watchdog import Watchdog

    if not Path("/dev/watchdog").exists():
        return "no watchdog"
    dog = Watchdog("/dev/watchdog", 60)
    dog.kick(1.0)
    assert dog.kicks == 1
    dog.close()
    return "ok"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.gpio_sim")
    parser.add_argument("--kernel", type=Path)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args(arguments)
    if chosen.inside:
        return inside()
    try:
        print(run(chosen.kernel or kernel()))
    except NotHere as missing:
        print(missing, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
