"""The grid: three phases behind a shared source impedance and each connector's own line."""

from typing import NamedTuple

NOMINAL_V = 230.0
FREQUENCY_HZ = 50.0
SOURCE_OHM = 0.02
"""Shared by all connectors of the site."""
LINE_OHM = 0.15
"""From the distribution to one connector."""

Phases = tuple[float, float, float]
ZERO: Phases = (0.0, 0.0, 0.0)


class Flow(NamedTuple):
    """What passes one point, constant between two events."""

    voltage_v: Phases
    current_a: Phases
    power_factor: float
    """1 without current."""

    @property
    def phase_power_w(self) -> Phases:
        first, second, third = self.voltage_v
        one, two, three = self.current_a
        return first * one * self.power_factor, second * two * self.power_factor, third * three * self.power_factor

    @property
    def power_w(self) -> float:
        return sum(self.phase_power_w)


def added(currents: list[Phases]) -> Phases:
    return (sum(each[0] for each in currents), sum(each[1] for each in currents), sum(each[2] for each in currents))


NOMINAL: Phases = (NOMINAL_V, NOMINAL_V, NOMINAL_V)

Rotation = tuple[int, int, int]
STRAIGHT: Rotation = (0, 1, 2)
ROTATIONS: dict[int, Rotation] = {1: (1, 2, 0), 2: (2, 0, 1), 3: (0, 2, 1)}
"""Grid phase (0..2) that each phase of a wrongly wired connector hangs on; 3 turns the wrong way round."""


def on_grid(own_a: Phases, rotation: Rotation) -> Phases:
    """Currents of a connector as the grid connection sees them."""
    amps = [0.0, 0.0, 0.0]
    for phase, current in enumerate(own_a):
        amps[rotation[phase]] = current
    return amps[0], amps[1], amps[2]


def connector_voltage_v(total_a: Phases, own_a: Phases, source_v: Phases, rotation: Rotation = STRAIGHT) -> Phases:
    """`total_a`: what all connectors draw, by the phases of the grid."""
    first, second, third = (
        max(0.0, source_v[phase] - SOURCE_OHM * total_a[rotation[phase]] - LINE_OHM * own_a[phase])
        for phase in range(3)
    )
    return first, second, third


def power_factor(current_a: float) -> float:
    """Of an on-board charger: poor at standby, 0.95 at 6 A, 0.99 from 10 A."""
    if current_a <= 0.0:
        return 1.0
    if current_a < 1.0:
        return 0.6
    if current_a < 6.0:
        return 0.6 + (current_a - 1.0) * 0.07
    return min(0.99, 0.95 + (current_a - 6.0) * 0.01)
