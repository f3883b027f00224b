"""What is known of temperatures between two steps."""

from dataclasses import dataclass

from services.safety.region import Region


@dataclass(slots=True)
class ThermalState(Region):
    pass
