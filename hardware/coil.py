"""The rule of every coil command: what was lost is not switched on again by itself. Pure."""


class CoilCommand:
    """After the hardware was lost, "on" is passed on only when "off" was commanded in between."""

    def __init__(self) -> None:
        self.energised = False
        """What may be driven now."""
        self._must_fall = False

    def command(self, closed: bool) -> None:
        if not closed:
            self._must_fall = False
        self.energised = closed and not self._must_fall

    def lost(self) -> None:
        """Whoever holds the coil knows nothing of our commands any more."""
        self._must_fall = self._must_fall or self.energised
        self.energised = False


class FreshFeed:
    """Which feeds may reach the monoflop: each stamp once, none older than `LATE_S`, so that the coil never holds
    longer than the monoflop's time and this after the step that decided so."""

    LATE_S = 0.050

    def __init__(self) -> None:
        self._wanted_s: float | None = None
        self._last_s = float("-inf")

    def feed(self, stamp_s: float) -> None:
        self._wanted_s = stamp_s

    def take(self, now_s: float) -> bool:
        """True = feed now; the wish is used up in any case."""
        stamp_s, self._wanted_s = self._wanted_s, None
        if stamp_s is None or stamp_s <= self._last_s or not now_s - self.LATE_S <= stamp_s:
            return False
        self._last_s = min(stamp_s, now_s)
        return True
