"""What is known of wear between two steps, beside the counters in `memory.py`."""

from dataclasses import dataclass

from services.safety.region import Region


@dataclass(slots=True)
class WearState(Region):
    absent_s: float | None = None
    """Since when no plug is seen in the socket, or no vehicle at the fixed cable."""

    def begin(self, now_s: float) -> None:  # noqa: ARG002
        self.absent_s = None
