"""What a reading says in the words of OCPP 1.6 (sections 4.7 and 7.43), and when a sample is due. Pure.

A value that the meter does not give is left out: nothing is invented.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from msgspec.structs import asdict

from schemas.metering import Reading
from schemas.session import MeterSample, SampledValue
from services.session.keys import ENERGY

BEGIN, PERIODIC, END, TRIGGER = "Transaction.Begin", "Sample.Periodic", "Transaction.End", "Trigger"
"""OCPP 1.6 section 7.36 ReadingContext."""
NOMINAL_V = 230.0
MOST_VALUES = 120
"""In the transactionData of one StopTransaction: as many as one frame carries."""
_PHASES = ("L1", "L2", "L3")


class Offered(NamedTuple):
    """What the vehicle is told it may draw; None = nobody knows now."""

    current_a: float | None = None
    phases: int = 3
    """That the meter and the vehicle are wired to."""
    given: int = 3
    """Of these, how many the phase relay lets through; 0 = not proven."""


class _Value(NamedTuple):
    number: str
    phase: str = ""


class _Measurand(NamedTuple):
    unit: str
    values: Callable[[Reading, Offered], Sequence[_Value]]


def _one(number: float | None, digits: int = 1) -> Sequence[_Value]:
    return () if number is None else (_Value(f"{number + 0.0:.{digits}f}"),)


def _each_phase(
    numbers: tuple[float, float, float] | None, phases: int, digits: int, suffix: str = ""
) -> Sequence[_Value]:
    if numbers is None:
        return ()
    return [_Value(f"{numbers[place]:.{digits}f}", f"{_PHASES[place]}{suffix}") for place in range(phases)]


def _energy(reading: Reading, _offered: Offered) -> Sequence[_Value]:
    return () if reading.energy_import_wh is None else (_Value(str(reading.energy_import_wh)),)


def _power(reading: Reading, _offered: Offered) -> Sequence[_Value]:
    return _one(None if reading.power_w is None else max(0.0, reading.power_w))


def _power_offered(_reading: Reading, offered: Offered) -> Sequence[_Value]:
    if offered.current_a is None or (offered.given == 0 and offered.current_a > 0.0):
        return ()
    return _one(offered.current_a * NOMINAL_V * min(offered.phases, offered.given))


_MEASURANDS = {
    ENERGY: _Measurand("Wh", _energy),
    "Power.Active.Import": _Measurand("W", _power),
    "Power.Offered": _Measurand("W", _power_offered),
    "Current.Import": _Measurand("A", lambda r, o: _each_phase(r.current_a, o.phases, 2)),
    "Current.Offered": _Measurand("A", lambda _r, o: _one(o.current_a)),
    # The meter measures between phase and neutral.
    "Voltage": _Measurand("V", lambda r, o: _each_phase(r.voltage_v, o.phases, 1, "-N")),
    # Errata 3.86: OCPP 1.6 has no unit for it.
    "Frequency": _Measurand("", lambda r, _o: _one(r.frequency_hz, 2)),
}


def values_of(reading: Reading, measurands: Sequence[str], context: str, offered: Offered) -> tuple[SampledValue, ...]:
    """In the order of the key. `Voltage` gives every phase (section 3.16.3), `Voltage.L1` that one."""
    found: list[SampledValue] = []
    for wanted in measurands:
        name, dot, phase = wanted.rpartition(".")
        if not dot or phase not in _PHASES:
            name, phase = wanted, ""
        measurand = _MEASURANDS.get(name)
        if measurand is None:
            continue
        values = [v for v in measurand.values(reading, offered) if not phase or v.phase.partition("-")[0] == phase]
        found += [_sampled(name, measurand.unit, value, context) for value in values]
    return tuple(found)


def _sampled(measurand: str, unit: str, value: _Value, context: str) -> SampledValue:
    return SampledValue(
        value=value.number,
        context=context,
        format="Raw",
        measurand=measurand,
        phase=value.phase,
        location="Outlet",
        unit=unit,
    )


def sample_of(reading: Reading, measurands: Sequence[str], context: str, offered: Offered) -> MeterSample | None:
    """None where the meter gives nothing of it."""
    values = values_of(reading, measurands, context, offered)
    return MeterSample(sampled_wall_s=reading.sampled_wall_s, values=values) if values else None


def register_sample(register_wh: int, wall_s: float, context: str) -> MeterSample:
    """The register alone."""
    value = _sampled(ENERGY, "Wh", _Value(str(register_wh)), context)
    return MeterSample(sampled_wall_s=wall_s, values=(value,))


def message(connector: int, backend_id: int | None, sample: MeterSample, timestamp: str) -> dict[str, object]:
    """MeterValues.req; without an answered transaction there is no transactionId."""
    values = [{name: text for name, text in asdict(value).items() if text} for value in sample.values]
    body: dict[str, object] = {"connectorId": connector}
    if backend_id is not None:
        body["transactionId"] = backend_id
    return {**body, "meterValue": [{"timestamp": timestamp, "sampledValue": values}]}


def is_due(grid_s: float, interval_s: float, sampled_s: float) -> bool:
    return interval_s > 0.0 and sampled_s - grid_s >= interval_s


def grid_point(grid_s: float, interval_s: float, sampled_s: float) -> float:
    """The point that this sample stands for. Points without any good reading are not made up later."""
    return grid_s + math.floor((sampled_s - grid_s) / interval_s) * interval_s


def to_drop(numbers: Sequence[int], values_each: int) -> list[int]:
    """Every second one, when there are too many; the first stays, and the newest (errata 3.91)."""
    most = max(2, MOST_VALUES // max(1, values_each) - 1)
    return list(numbers[1:-1:2]) if len(numbers) > most else []
