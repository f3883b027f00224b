"""What is known of the relay of L2 and L3 between two steps."""

from dataclasses import dataclass

from services.safety.region import Region


@dataclass(slots=True)
class PhaseState(Region):
    pass
