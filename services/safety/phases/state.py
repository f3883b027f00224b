"""What is known of the relay of L2 and L3 between two steps."""

from dataclasses import dataclass, field, replace

from services.safety.region import Region, SwitchSight

NEVER_S = -1e9


@dataclass(slots=True)
class PhaseState(Region):
    sight: SwitchSight = field(default_factory=SwitchSight)
    """The relay's own contact: closed = L2 and L3 are connected."""
    commanded: int = 0
    """1 or 3; 0 = nothing was commanded since the start."""
    changing: bool = False
    """The relay is to be switched as soon as the contacts are open."""
    switched_s: float = NEVER_S
    """When the relay was switched last by this process."""
    begun_s: float = NEVER_S

    def copy(self) -> "PhaseState":
        return replace(self, sight=self.sight.copy())

    def begin(self, now_s: float) -> None:
        """The process before may have switched the relay just before its end."""
        self.sight, self.commanded, self.changing = SwitchSight(), 0, False
        self.switched_s, self.begun_s = NEVER_S, now_s
