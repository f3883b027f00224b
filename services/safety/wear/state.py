"""What is known of wear between two steps, beside the counters in `memory.py`."""

from dataclasses import dataclass

from services.safety.region import Region


@dataclass(slots=True)
class WearState(Region):
    pass
