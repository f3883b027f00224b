"""What is known of residual current, RCD and circuit breaker between two steps."""

from dataclasses import dataclass

from services.safety.region import Region


@dataclass(slots=True)
class ResidualState(Region):
    pass
