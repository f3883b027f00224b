"""What an Eastron SDM630 answers, made by hand for tests: independent of the tables of `services/metering`."""

import math
import struct

SERIAL = 12345678


def sdm630_words(
    energy_kwh: float = 0.0,
    power_w: float = 0.0,
    current_a: tuple[float, float, float] = (0.0, 0.0, 0.0),
    voltage_v: tuple[float, float, float] = (230.0, 230.0, 230.0),
    power_factor: float = 1.0,
    frequency_hz: float = 50.0,
    serial: int = SERIAL,
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Input registers 0 to 73, and the serial number at 0xFC00."""
    values = dict.fromkeys(range(0, 74, 2), 0.0)
    for phase in range(3):
        values[2 * phase] = voltage_v[phase]
        values[6 + 2 * phase] = current_a[phase]
    values |= {52: power_w, 62: power_factor, 70: frequency_hz, 72: energy_kwh}
    raw = b"".join(struct.pack(">f", value) for _, value in sorted(values.items()))
    return struct.unpack(">74H", raw), (serial >> 16, serial & 0xFFFF)


def charging_words(
    energy_wh: int, power_w: float = 11_040.0, serial: int = SERIAL
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Three phases, current to match the power."""
    amperes = power_w / 690.0
    return sdm630_words(energy_wh / 1000.0, power_w, (amperes, amperes, amperes), serial=serial)


def dead_words() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Every measured value is not a number."""
    nan = (math.nan, math.nan, math.nan)
    return sdm630_words(math.nan, math.nan, nan, nan, math.nan, math.nan)
