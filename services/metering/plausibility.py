"""Whether to believe a meter. Pure: samples and times in, a verdict out.

Energy is never made here: a register is believed or not, and what is published is always a value the meter said.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

from schemas.metering import Quality
from services.metering.registers import MeterModel, Quantity, Sample, resolution_wh

MARGIN = 1.25
"""Overload and tolerance on the rated power before a rise of the register is called a jump."""
FLOWING_W = 100.0
"""From here on a register that rests is suspicious."""
FROZEN_AFTER_S = 10.0
FROZEN_STEPS = 3.0
"""Steps of the register that the measured power must have made due while it rested."""
CONTINUOUS_S = 2.5
"""Samples further apart say nothing about the time between them."""
APPARENT_MARGIN = 1.1
APPARENT_ALLOWANCE_W = 50.0

RANGES: dict[Quantity, tuple[float, float, str]] = {
    Quantity.ENERGY_IMPORT: (0.0, 1e12, "Wh"),
    Quantity.POWER: (-1e6, 1e6, "W"),
    Quantity.CURRENT: (-1000.0, 1000.0, "A"),
    Quantity.VOLTAGE: (0.0, 1000.0, "V"),
    Quantity.POWER_FACTOR: (-1.001, 1.001, ""),
    Quantity.FREQUENCY: (0.0, 1000.0, "Hz"),
    Quantity.PHASE_SEQUENCE: (-1.0, 1.0, ""),
}
"""What a number can be at all (the bounds of `schemas/units.py`; a power factor may be out by its rounding)."""


class Verdict(NamedTuple):
    quality: Quality
    detail: str = ""


GOOD = Verdict(Quality.GOOD)


def impossible(sample: Sample, needs_serial: bool) -> str:
    """What is wrong with a sample by itself, for a person; empty = nothing."""
    for (quantity, phase), value in sample.values.items():
        name = quantity.value.replace("_", " ") + (f" L{phase}" if phase else "")
        low, high, unit = RANGES[quantity]
        if not math.isfinite(value):
            return f"{name} is not a number"
        if not low <= value <= high:
            return f"{name} {value:g} {unit} is out of range"
    if needs_serial and sample.serial in ("", "0"):
        return "no serial number"
    power, current, voltage = (
        sample.of(Quantity.POWER),
        sample.phases(Quantity.CURRENT),
        sample.phases(Quantity.VOLTAGE),
    )
    if power is not None and current is not None and voltage is not None:
        apparent_va = sum(abs(amperes) * volts for amperes, volts in zip(current, voltage, strict=True))
        if abs(power) > apparent_va * APPARENT_MARGIN + APPARENT_ALLOWANCE_W:
            return f"power {power:.0f} W does not fit to voltage times current, {apparent_va:.0f} VA"
    return ""


def energy_wh(sample: Sample) -> int | None:
    """The register as whole watt-hours, to the nearest."""
    value = sample.of(Quantity.ENERGY_IMPORT)
    return None if value is None else round(value)


@dataclass
class Judge:
    """Remembers what was believed of one meter."""

    model: MeterModel
    rated_w: float
    """What the connection can carry."""
    serial: str = ""
    """Of the meter that is believed now; empty before its first sample."""
    _good: tuple[int, float] | None = None
    """Register and time of the last sample believed."""
    _jumped_wh: int | None = None
    """Where a register that jumped landed: a later sample from there on is the same jump, however long ago."""
    _resting: tuple[int, float] | None = None
    """Register and time since when it has not moved."""
    _frozen: bool = False
    """A register that catches up when it moves again may have counted all the while."""
    _due_wh: float = 0.0
    """Energy that the power measured since then stands for."""
    _previous: tuple[float, float] | None = None
    """Time and power of the sample before."""

    def judge(self, sample: Sample, asked_s: float, answered_s: float) -> Verdict:
        """Boot-clock times of question and answer."""
        reason = impossible(sample, self.model.serial is not None)
        if reason:
            return Verdict(Quality.IMPLAUSIBLE, reason)
        if self.serial and sample.serial != self.serial:
            old = self.serial
            self._forget()
            self.serial = sample.serial
            return Verdict(Quality.EXCHANGED, f"serial number {sample.serial} instead of {old}")
        self.serial = sample.serial
        register_wh = energy_wh(sample)
        if register_wh is None:
            return GOOD
        reason = self._broken_continuity(register_wh, answered_s)
        if reason:
            return Verdict(Quality.IMPLAUSIBLE, reason)
        self._frozen = self._rests(register_wh, sample.of(Quantity.POWER), asked_s)
        if self._frozen:
            return Verdict(Quality.FROZEN, f"register rests at {register_wh} Wh while {FLOWING_W:.0f} W and more flow")
        self._good = (register_wh, asked_s)
        self._jumped_wh = None
        return GOOD

    def _broken_continuity(self, register_wh: int, answered_s: float) -> str:
        if self._good is None:
            return ""
        good_wh, good_s = self._good
        if register_wh < good_wh:
            return f"register went back from {good_wh} to {register_wh} Wh; restart metering to accept it"
        since_s = self._resting[1] if self._frozen and self._resting is not None else good_s
        possible_wh = self.rated_w * MARGIN * max(0.0, answered_s - since_s) / 3600.0
        ceiling_wh = good_wh + possible_wh + resolution_wh(self.model, register_wh)
        on_the_jump = self._jumped_wh is not None and register_wh >= self._jumped_wh
        if register_wh > ceiling_wh or on_the_jump:
            if not on_the_jump:
                self._jumped_wh = register_wh
            return f"register jumped from {good_wh} to {register_wh} Wh; restart metering to accept it"
        return ""

    def _rests(self, register_wh: int, power_w: float | None, asked_s: float) -> bool:
        """Keeps account of a register that rests; True when it should have moved."""
        previous, self._previous = self._previous, None if power_w is None else (asked_s, power_w)
        flows = power_w is not None and power_w >= FLOWING_W
        # without power a register may rest: it must be believed again, or no charge could ever begin and move it
        if self._resting is None or self._resting[0] != register_wh or not flows:
            self._resting = (register_wh, asked_s)
            self._due_wh = 0.0
            return False
        if previous is not None and power_w is not None and asked_s - previous[0] <= CONTINUOUS_S:
            self._due_wh += max(0.0, min(previous[1], power_w)) * (asked_s - previous[0]) / 3600.0
        steps = FROZEN_STEPS * resolution_wh(self.model, register_wh)
        return self._due_wh >= steps and asked_s - self._resting[1] >= FROZEN_AFTER_S

    def _forget(self) -> None:
        self._good = self._jumped_wh = self._resting = self._previous = None
        self._frozen = False
        self._due_wh = 0.0
