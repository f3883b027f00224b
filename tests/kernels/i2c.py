"""The kernel's i2c-stub: a bus whose chips are only registers. The kernel's drivers sit on one side, a test on the
other: what a driver wrote is read here, what it shall measure is written here.

The addresses are those of the kernel's command line (`machine.py`), all outside the ranges that drivers search by
themselves.
"""

import ctypes
import fcntl
import os
from pathlib import Path

BUSES = Path("/sys/bus/i2c/devices")
STUB = "SMBus stub driver"
PWM, TEMPERATURE, FAN = 0x40, 0x60, 0x1F
ADCS = (0x50, 0x51, 0x52, 0x53, 0x54, 0x55)
"""One per measured value: all channels of an ADS1015 share the register of the result."""
ADDRESSES = (PWM, TEMPERATURE, FAN, *ADCS)
I2C_SLAVE_FORCE, I2C_SMBUS = 0x0706, 0x0720
READ, WRITE = 1, 0
BYTE_DATA, WORD_DATA = 2, 3
PCA9685_PRESCALE = 0xFE


class _Transfer(ctypes.Structure):
    _fields_ = [
        ("read_write", ctypes.c_uint8),
        ("command", ctypes.c_uint8),
        ("size", ctypes.c_uint32),
        ("data", ctypes.c_void_p),
    ]


class StubBus:
    """Raises FileNotFoundError where the kernel has none, and OSError."""

    def __init__(self) -> None:
        found = [each for each in sorted(BUSES.glob("i2c-*")) if (each / "name").read_text().strip() == STUB]
        if not found:
            raise FileNotFoundError(2, "no i2c-stub", str(BUSES))
        self._directory = found[0]
        self._descriptor = os.open(f"/dev/{self._directory.name}", os.O_RDWR)
        # As a PCA9685 wakes up: asleep, at 200 Hz.
        self.put_byte(PWM, 0x00, 0x11)
        self.put_byte(PWM, PCA9685_PRESCALE, 0x1E)

    def place(self, address: int) -> Path:
        """Of the device's directory."""
        return BUSES / f"{self._directory.name.removeprefix('i2c-')}-{address:04x}"

    def plug(self, driver: str, address: int) -> Path:
        """The kernel's driver of this name takes the chip; returns the device's directory."""
        (self._directory / "new_device").write_text(f"{driver} 0x{address:02x}")
        assert (self.place(address) / "driver").exists(), f"{driver} did not take the chip"
        return self.place(address)

    def unplug(self, address: int) -> None:
        (self._directory / "delete_device").write_text(f"0x{address:02x}")

    def _transfer(self, address: int, read_write: int, register: int, size: int, value: int) -> int:
        data = (ctypes.c_uint8 * 34)(*value.to_bytes(2, "little"))
        transfer = _Transfer(read_write, register, size, ctypes.addressof(data))
        fcntl.ioctl(self._descriptor, I2C_SLAVE_FORCE, address)
        fcntl.ioctl(self._descriptor, I2C_SMBUS, transfer)
        return int.from_bytes(bytes(data[: size - 1]), "little")

    def byte(self, address: int, register: int) -> int:
        return self._transfer(address, READ, register, BYTE_DATA, 0)

    def put_byte(self, address: int, register: int, value: int) -> None:
        self._transfer(address, WRITE, register, BYTE_DATA, value)

    def put_word(self, address: int, register: int, value: int) -> None:
        """The most significant byte first, as these chips have it."""
        swapped = int.from_bytes((value & 0xFFFF).to_bytes(2, "big"), "little")
        self._transfer(address, WRITE, register, WORD_DATA, swapped)

    # -- the chips -----------------------------------------------------------------------

    def duty(self) -> float:
        """0..1: what the PCA9685's first output does (its data sheet, LED0_ON and LED0_OFF)."""
        on_high, off_low, off_high = (self.byte(PWM, register) for register in (0x07, 0x08, 0x09))
        if off_high & 0x10:
            return 0.0
        return 1.0 if on_high & 0x10 else ((off_high & 0x0F) << 8 | off_low) / 4096.0

    def put_volts(self, adc: int, volts: float) -> None:
        """At an ADS1015 as it wakes up: 2.048 V full scale, 12 bits, left-aligned."""
        raw = max(-2048, min(2047, round(volts * 1000.0)))
        self.put_word(adc, 0, raw << 4)

    def put_celsius(self, celsius: float) -> None:
        """At an LM75: half degrees in the upper nine bits."""
        self.put_word(TEMPERATURE, 0, round(celsius * 2.0) << 7)

    def put_rpm(self, rpm: float) -> None:
        """At a MAX6650 as it wakes up: pulses in a quarter of a second, two per turn."""
        self.put_byte(FAN, 0x0C, max(0, min(255, round(rpm / 120.0))))
