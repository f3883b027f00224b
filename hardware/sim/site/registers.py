"""The register map of an Eastron SDM630 V2 (function 4: float32, big-endian; serial number in holding 0xFC00).

Other models have a file of their own; asked by name, each meter answers as its model does.
"""

import math
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING

from hardware.sim.site import em580
from hardware.sim.site.meter import Meter
from hardware.sim.site.refusal import ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, ILLEGAL_VALUE, ModbusRefusal

if TYPE_CHECKING:
    from hardware.sim.site.site import Site

READ_HOLDING = 3
READ_INPUT = 4
WRITE = 16
MAX_WORDS = 80
LAST_INPUT_ADDRESS = 0x0182
SERIAL_ADDRESS = 0xFC00

__all__ = ["ModbusRefusal", "meter_words", "spans", "words", "write_words"]


def _input_values(meter: Meter) -> dict[int, float]:
    """Address -> value in the meter's own unit (facts: kWh for energies)."""
    flow = meter.flow
    power = flow.phase_power_w
    apparent = tuple(volts * amps for volts, amps in zip(flow.voltage_v, flow.current_a, strict=True))
    sine = math.sqrt(max(0.0, 1.0 - flow.power_factor**2))
    energy_kwh = meter.register_wh / 1000.0
    values = {
        0x0034: sum(power),
        0x0038: sum(apparent),
        0x003C: sum(apparent) * sine,
        0x003E: flow.power_factor,
        0x0046: meter.frequency_hz,
        0x0048: energy_kwh,
        0x0156: energy_kwh,
    }
    for phase in range(3):
        step = 2 * phase
        values[0x0000 + step] = flow.voltage_v[phase]
        values[0x0006 + step] = flow.current_a[phase]
        values[0x000C + step] = power[phase]
        values[0x0012 + step] = apparent[phase]
        values[0x0018 + step] = apparent[phase] * sine
        values[0x001E + step] = flow.power_factor
        values[0x015A + step] = int(meter.phase_wh[phase]) / 1000.0
    return values


def meter_words(meter: Meter, function: int, address: int, count: int) -> tuple[int, ...]:
    """The words of one read. Raises ModbusRefusal where the real meter answers with an exception."""
    if function not in (READ_HOLDING, READ_INPUT):
        raise ModbusRefusal(ILLEGAL_FUNCTION)
    if not 1 <= count <= MAX_WORDS or count % 2:
        raise ModbusRefusal(ILLEGAL_VALUE)
    if function == READ_HOLDING:
        if (address, count) != (SERIAL_ADDRESS, 2):
            raise ModbusRefusal(ILLEGAL_ADDRESS)
        return meter.serial >> 16, meter.serial & 0xFFFF
    if address % 2 or not 0 <= address <= LAST_INPUT_ADDRESS - count:
        raise ModbusRefusal(ILLEGAL_ADDRESS)
    values = _input_values(meter)
    wanted = [math.nan if meter.nan else values.get(address + step, 0.0) for step in range(0, count, 2)]
    return struct.unpack(f">{count}H", struct.pack(f">{count // 2}f", *wanted))


def words(site: "Site", meter: str, function: int, address: int, count: int) -> tuple[int, ...]:
    """The same by name, at the site's present time. Raises KeyError for an unknown meter."""
    asked = site.meters[meter]
    if asked.signer is not None and function in (READ_HOLDING, READ_INPUT):
        return em580.read(asked, function == READ_HOLDING, address, count, site.now_s)
    return meter_words(asked, function, address, count)


def write_words(site: "Site", meter: str, address: int, written: Sequence[int]) -> None:
    """One write, at the site's present time. Raises ModbusRefusal where the real meter answers with an exception."""
    asked = site.meters[meter]
    if asked.signer is None:
        raise ModbusRefusal(ILLEGAL_FUNCTION)
    em580.write(asked, address, written, site.now_s)


def spans(signs: bool) -> tuple[tuple[int, int], tuple[int, int]]:
    """First address and the one after the last, of input and of holding registers."""
    if signs:
        return em580.INPUTS, em580.HOLDINGS
    return (0, LAST_INPUT_ADDRESS), (SERIAL_ADDRESS, SERIAL_ADDRESS + 2)
