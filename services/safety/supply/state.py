"""What is known of voltages and currents between two steps."""

from dataclasses import dataclass

from services.safety.region import Region


@dataclass(slots=True)
class SupplyState(Region):
    pass
