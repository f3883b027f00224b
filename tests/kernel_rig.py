"""Chips and files of a Linux kernel on the simulated site: what the real drivers of `hardware/linux` open in a test.

The chips have the shape of libgpiod 2 with its errors; the files stand in a directory, and the PWM's enforce the
kernel's rules.
"""

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gpiod
from gpiod.line import Direction, Edge, Value

from hardware.interfaces import LockDrive, PilotMode, SafetyBoard
from hardware.linux.board import DirectGpioBoard
from hardware.linux.clock import boot_s
from hardware.linux.sysfs import Sysfs
from hardware.sim.site import Site
from services.home import parse_station
from tests.board_rigs import MOUNTED, Turning, electrics
from tests.gpio_station import NAMES, gpio_station

SCALE_MV = 0.805664
"""12 bits of 3.3 V."""
FACTOR, OFFSET_V = 8.0, -13.0
"""From the ADC to the pilot."""
SENSE_FACTOR = 150.0
SUPPLY_V, PULL_UP_OHM = 3.3, 1000.0
CHIP = "/dev/gpiochip0"
CHANNELS = (
    f'{{ channel = "evse-adc/in_voltage0", factor = {FACTOR}, offset_v = {OFFSET_V} }}',
    f'{{ channel = "iio:device0/in_voltage1", factor = {FACTOR}, offset_v = {OFFSET_V} }}',
    f'{{ channel = "evse-adc/in_voltage2", supply_v = {SUPPLY_V}, pull_up_ohm = {PULL_UP_OHM} }}',
    *(f'{{ channel = "evse-adc/in_voltage{place}", factor = {SENSE_FACTOR} }}' for place in (3, 4, 5)),
)
WIRING = gpio_station(CHIP, "pwmchip0", CHANNELS, "hwmon:nct/fan1", "hwmon:nct/temp1")


class Pins:
    """Electrical levels of the chip's lines (True = high), on the pins of the simulated board."""

    def __init__(self, board: SafetyBoard) -> None:
        self.board = board
        self.high = dict.fromkeys(NAMES, False)
        self.stuck: dict[str, bool] = {}
        self.pwm_duty = 0.0
        self.fed = 0

    def drive(self, name: str, high: bool) -> None:
        fed = name == "FEED" and self.high[name] != high
        self.high[name] = high
        connector = self.board.connectors[1]
        if fed:
            self.fed += 1
            self.board.feed.feed(boot_s())
        elif name == "COIL":
            connector.contactor.command(high)
        elif name == "PHASES":
            connector.contactor.select_phases(3 if high else 1)
        elif name == "RCM_TEST" and connector.residual is not None:
            connector.residual.test(high)
        elif name in ("LOCK", "UNLOCK") and connector.lock is not None:
            on = {"LOCK": LockDrive.LOCK, "UNLOCK": LockDrive.UNLOCK}
            driven = [drive for each, drive in on.items() if self.high[each]]
            connector.lock.drive(driven[0] if len(driven) == 1 else LockDrive.STOP)
        elif name in ("AUX", "K2"):
            self.board.outputs["auxiliary" if name == "AUX" else "relay_2"].drive(high)
        self.drive_pilot()

    def drive_pilot(self) -> None:
        pilot = self.board.connectors[1].pilot
        if self.high["CP_NEGATIVE"]:
            pilot.drive(PilotMode.F, 1.0)
        elif self.pwm_duty >= 1.0:
            pilot.drive(PilotMode.X1, 1.0)
        else:
            pilot.drive(PilotMode.PWM, self.pwm_duty)
        self.board.flush()

    def level(self, name: str) -> bool:
        """What a read of the line gives."""
        connector = self.board.connectors[1]
        residual, lock = connector.residual, connector.lock
        status = residual.status() if residual is not None else None
        read = {
            "MIRROR": connector.contactor.mirror(),
            "PHASES_BACK": connector.contactor.phase_relay(),
            "ESTOP": self.board.inputs["emergency_stop"].state(),
            "RCD": self.board.inputs["rcd"].state(),
        }
        if name in self.stuck:
            return self.stuck[name]
        if name in read:
            feedback = read[name]
            return feedback is not None and feedback.closed
        if name == "LOCKED":
            locked = lock.feedback() if lock is not None else None
            return not (locked is not None and locked.closed)
        flags = {"RCM_DC": "dc_tripped", "RCM_RMS": "rms_tripped", "RCM_ERROR": "device_error"}
        if name in flags:
            return bool(status is not None and getattr(status, flags[name]))
        return self.high[name]


class FakeChips:
    """`/dev/gpiochip0` by libgpiod's calls. `gone`: ENODEV for who holds lines, ENOENT for who opens; `busy`: EBUSY."""

    def __init__(self, pins: Pins) -> None:
        self.pins = pins
        self.gone = self.busy = False
        self.no_interrupts = False
        self.opened = 0
        self.requests: list[FakeRequest] = []

    def open(self, path: str) -> "FakeChip":
        self.opened += 1
        if self.gone or path != CHIP:
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        return FakeChip(self)

    def turn(self) -> None:
        for request in self.requests:
            request.notice()


class FakeChip:
    def __init__(self, chips: FakeChips) -> None:
        self._chips = chips

    def __enter__(self) -> "FakeChip":
        return self

    def __exit__(self, *_error: object) -> None:
        """Closed; its requests live on."""

    def get_info(self) -> Any:
        return SimpleNamespace(name="gpiochip0", label="bench", num_lines=len(NAMES))

    def line_offset_from_id(self, id: str) -> int:
        if id and id in NAMES:
            return NAMES.index(id)
        if not id.isdecimal():
            raise FileNotFoundError(errno.ENOENT, "No such file or directory")
        if int(id) >= len(NAMES):
            raise ValueError("line offset of out range")
        return int(id)

    def get_line_info(self, line: int) -> Any:
        return SimpleNamespace(used=self._chips.busy and NAMES[line] == "COIL", consumer="gpioset")

    def request_lines(
        self, config: dict[int, gpiod.LineSettings], consumer: str, event_buffer_size: int
    ) -> "FakeRequest":
        if self._chips.busy:
            raise OSError(errno.EBUSY, "Device or resource busy")
        if self._chips.no_interrupts and any(each.edge_detection is not Edge.NONE for each in config.values()):
            raise OSError(errno.ENXIO, "No such device or address")
        request = FakeRequest(self._chips, config)
        self._chips.requests.append(request)
        return request


class FakeRequest:
    def __init__(self, chips: FakeChips, config: dict[int, gpiod.LineSettings]) -> None:
        self._chips, self._config = chips, config
        self.fd = os.eventfd(0, os.EFD_NONBLOCK)
        self._events: list[gpiod.EdgeEvent] = []
        self._known = {offset: self._value(offset) for offset in config}
        self._released = False
        for offset, settings in config.items():
            if settings.direction is Direction.OUTPUT:
                self._set(offset, settings.output_value)

    def _value(self, offset: int) -> Value:
        high = self._chips.pins.level(NAMES[offset])
        return Value.ACTIVE if high is not self._config[offset].active_low else Value.INACTIVE

    def _set(self, offset: int, value: Value) -> None:
        self._chips.pins.drive(NAMES[offset], (value is Value.ACTIVE) is not self._config[offset].active_low)

    def _check(self) -> None:
        if self._chips.gone:
            raise OSError(errno.ENODEV, "No such device")
        if self._released:
            raise gpiod.RequestReleasedError

    def notice(self) -> None:
        """The kernel's interrupt."""
        for offset, settings in self._config.items():
            value = self._value(offset)
            if settings.edge_detection is not Edge.NONE and value is not self._known[offset]:
                self._known[offset] = value
                kind = gpiod.EdgeEvent.Type.RISING_EDGE if value is Value.ACTIVE else gpiod.EdgeEvent.Type.FALLING_EDGE
                self._events.append(gpiod.EdgeEvent(kind.value, time.monotonic_ns(), offset, 1, 1))
                os.eventfd_write(self.fd, 1)

    def get_values(self) -> list[Value]:
        self._check()
        return [self._value(offset) for offset in self._config]

    def set_values(self, values: dict[int | str, Value]) -> None:
        self._check()
        for offset, value in values.items():
            assert isinstance(offset, int)
            self._set(offset, value)

    def wait_edge_events(self, timeout: float) -> bool:
        self._check()
        return bool(self._events)

    def read_edge_events(self, max_events: int | None = None) -> list[gpiod.EdgeEvent]:
        self._check()
        events, self._events = self._events[:max_events], self._events[max_events:]
        if not self._events:
            os.eventfd_read(self.fd)
        return events

    def release(self) -> None:
        """The kernel lets outputs fall."""
        if self._released:
            raise AssertionError("released twice")
        self._released = True
        self._chips.requests.remove(self)
        for offset, settings in self._config.items():
            if settings.direction is Direction.OUTPUT:
                self._chips.pins.drive(NAMES[offset], False)
        os.close(self.fd)


class FakeSysfs(Sysfs):
    """Files in a directory; ADC values come from the pins, and PWM attributes refuse what the kernel refuses."""

    def __init__(self, root: Path, pins: Pins, lock: Callable[[], Any]) -> None:
        super().__init__(root)
        self._pins, self._lock = pins, lock
        self.pwm_present = True
        self.writes: list[tuple[str, str]] = []
        self._make("sys/bus/iio/devices/iio:device0/name", "evse-adc")
        self._make("sys/bus/iio/devices/iio:device0/in_voltage_scale", str(SCALE_MV))
        for channel in range(6):
            self._make(f"sys/bus/iio/devices/iio:device0/in_voltage{channel}_raw", "0")
        self._make("sys/bus/iio/devices/iio:device0/in_voltage1_offset", "-7")
        self._make("sys/class/pwm/pwmchip0/export", "")
        self._make("sys/class/hwmon/hwmon3/name", "nct")
        self._make("sys/class/hwmon/hwmon3/temp1_input", "0")
        self._make("sys/class/hwmon/hwmon3/fan1_input", "0")

    def _make(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="ascii")

    def _volts(self, channel: int) -> float:
        connector = self._pins.board.connectors[1]
        levels = connector.pilot.levels()
        assert levels is not None
        if channel == 0:
            return (max(0.0, levels.high_v) - OFFSET_V) / FACTOR
        if channel == 1:
            return (min(0.0, levels.low_v) - OFFSET_V) / FACTOR
        if channel == 2:
            assert connector.proximity is not None
            read = connector.proximity.resistance()
            ohm = 1e9 if read is None else min(1e9, read.ohm)
            return SUPPLY_V * ohm / (ohm + PULL_UP_OHM)
        assert connector.output_sense is not None
        volts = connector.output_sense.voltages()
        return 0.0 if volts is None else volts[channel - 3] / SENSE_FACTOR

    def read(self, path: str) -> str:
        text = super().read(path)
        with self._lock():
            if path.endswith("_raw"):
                channel = int(path.removesuffix("_raw")[-1])
                return str(round(self._volts(channel) * 1000.0 / SCALE_MV) - (-7 if channel == 1 else 0))
            if path.endswith("temp1_input"):
                warm = self._pins.board.temperatures["housing"].read()
                return str(round(warm.celsius * 1000.0)) if warm is not None else "0"
            if path.endswith("fan1_input"):
                speed = self._pins.board.tachometers["fan"].read()
                return str(round(speed.rpm)) if speed is not None else "0"
        return text

    def write(self, path: str, text: str) -> None:
        self.writes.append((path, text))
        if not self.exists(path):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", path)
        if "/pwmchip0/" in path:
            with self._lock():
                self._write_pwm(path, text)
        else:
            super().write(path, text)

    def _write_pwm(self, path: str, text: str) -> None:
        base = "sys/class/pwm/pwmchip0"
        if path == f"{base}/export":
            for name, value in (("period", "0"), ("duty_cycle", "0"), ("enable", "0"), ("polarity", "normal")):
                self._make(f"{base}/pwm{text}/{name}", value)
            return
        name = path.rpartition("/")[2]
        now = {each: super(FakeSysfs, self).read(f"{base}/pwm0/{each}") for each in ("period", "duty_cycle", "enable")}
        period, duty, enabled = (int(now[each]) for each in ("period", "duty_cycle", "enable"))
        refused = {
            "period": name == "period" and int(text) < max(1, duty),
            "duty_cycle": name == "duty_cycle" and int(text) > period,
            "enable": False,
            "polarity": enabled == 1 or text not in ("normal", "inversed"),
        }
        if refused[name] or (name != "period" and period == 0):
            raise OSError(errno.EINVAL, "Invalid argument", path)
        super().write(path, text)
        self._drive(base)

    def _drive(self, base: str) -> None:
        read = {each: super(FakeSysfs, self).read(f"{base}/pwm0/{each}") for each in ("period", "duty_cycle", "enable")}
        period = int(read["period"])
        self._pins.pwm_duty = int(read["duty_cycle"]) / period if read["enable"] == "1" and period else 0.0
        self._pins.drive_pilot()


class GpioRig:
    def __init__(self, path: Path, text: str = WIRING + MOUNTED) -> None:
        self.station = parse_station(text)
        self.site, self.electrics = electrics(self.station, boot_s)
        self.pins = Pins(self.electrics)
        self.chips = FakeChips(self.pins)
        self.electrics.receive()
        self.turning = Turning(self._turn)
        self.sysfs = FakeSysfs(path / "root", self.pins, lambda: self.turning.lock)
        self._hidden = path / "hidden"
        self.board: SafetyBoard = DirectGpioBoard(self.station, sysfs=self.sysfs, open_chip=self._open)

    def _open(self, path: str) -> Any:
        with self.turning.lock:
            return _Locked(self.chips.open(path), self.turning)

    def _turn(self) -> None:
        self.electrics.receive()
        self.electrics.flush()
        self.chips.turn()

    def do(self, act: Callable[[Site], Any]) -> None:
        with self.turning.lock:
            self.site.advance(boot_s())
            act(self.site)

    def vanish(self) -> None:
        with self.turning.lock:
            self.chips.gone = True
            (self.sysfs.root / "sys").rename(self._hidden)

    def come_back(self) -> None:
        with self.turning.lock:
            self._hidden.rename(self.sysfs.root / "sys")
            self.chips.gone = False

    def close(self) -> None:
        self.board.close()
        self.turning.stop()


class _Locked:
    """Calls of the driver and turns of the rig never overlap."""

    def __init__(self, inner: Any, turning: Turning) -> None:
        self._inner, self._turning = inner, turning

    def __enter__(self) -> "_Locked":
        return self

    def __exit__(self, *_error: object) -> None:
        """As the chip inside."""

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._inner, name)
        if not callable(value):
            return value

        def call(*arguments: Any, **named: Any) -> Any:
            with self._turning.lock:
                answer = value(*arguments, **named)
            return _Locked(answer, self._turning) if isinstance(answer, FakeRequest) else answer

        return call
