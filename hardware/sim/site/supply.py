"""The grid at one connector, as its faults make it."""

from typing import NamedTuple

from hardware.sim.site.faults import ActiveFaults
from hardware.sim.site.grid import FREQUENCY_HZ, NOMINAL, NOMINAL_V, ROTATIONS, STRAIGHT, Phases, Rotation


class Supply(NamedTuple):
    source_v: Phases = NOMINAL
    """Before RCD and circuit breaker."""
    frequency_hz: float = FREQUENCY_HZ
    rotation: Rotation = STRAIGHT
    coil_share: float = 1.0
    """Of its nominal voltage that the contactor's coil gets; it hangs on L1 before the RCD."""


def supply_of(faults: ActiveFaults) -> Supply:
    values = faults.values
    all_v = values.get("undervoltage", values.get("overvoltage", NOMINAL_V))
    volts = [values.get(f"voltage_l{phase}", all_v) for phase in (1, 2, 3)]
    lost = faults.value("phase_loss")
    if lost is not None:
        volts[int(lost) - 1] = 0.0
    if faults.active("mains_loss"):
        volts = [0.0, 0.0, 0.0]
    return Supply(
        source_v=(volts[0], volts[1], volts[2]),
        frequency_hz=values.get("frequency", FREQUENCY_HZ),
        rotation=ROTATIONS.get(int(values.get("phase_rotation", 0.0)), STRAIGHT),
        coil_share=volts[0] / NOMINAL_V * values.get("coil_brownout", 100.0) / 100.0,
    )
