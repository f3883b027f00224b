"""What is known of voltages and currents between two steps."""

import math
from dataclasses import dataclass

from services.safety.region import Region

NOT_WATCHED = "currents and voltages are not watched: no meter has been heard"


@dataclass(slots=True)
class SupplyState(Region):
    stamp_s: float = -1.0
    """Of the newest sample taken in, boot clock."""
    fresh: bool = False
    """That sample still counts."""
    unwatched: str = NOT_WATCHED
    """What cannot be watched now, for a person; empty = everything is."""
    # overload
    last_offer_a: float = 0.0
    earlier_offers: tuple[tuple[float, float], ...] = ()
    """(amperes, boot-clock time until which a vehicle may still draw them): offers before a decrease."""
    over_s: float | None = None
    """Stamp of the first sample of an overload that lasts."""
    far_over_s: float | None = None
    """The same for CheckCarOverCurrentStopLimit."""
    overloaded: bool = False
    hard: bool = False
    lowered_to_a: float = math.inf
    """Bound of CheckCarOverCurrent."""
    lowered_s: float = 0.0
    behaves_since_s: float | None = None
    """Since when the vehicle has kept to a lowered offer."""
    input_unreadable: bool = False
    """The board's own overcurrent detection is wired and cannot be read."""
    flowing: int = 0
    """Samples in a row that show a current although the coil is off (`flow.py`)."""
    flowing_from_wh: float | None = None
    """Register of the meter at the first of them, and at the last."""
    flowing_wh: float | None = None
    # voltages: stamp of the first bad sample, None = the newest one is good
    low_s: float | None = None
    high_s: float | None = None
    missing_s: float | None = None
    wrong_order_s: float | None = None
    # others
    managed: bool = False
    """The energy management input limits the current."""
    boot_heard: bool = False
    returns: int = 0
    """How often the mains have come back since this process started."""
    was_low: bool = False
    """The fault `undervoltage` was active in the step before."""

    def begin(self, now_s: float) -> None:  # noqa: ARG002
        """Samples count anew. A bound that was set, a voltage that was bad and a wait that began stay."""
        self.stamp_s, self.fresh, self.over_s, self.far_over_s = -1.0, False, None, None
        self.overloaded = self.hard = False
        self.last_offer_a, self.earlier_offers = 0.0, ()
