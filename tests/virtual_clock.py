"""A clock that only moves by hand."""

from bus.clock import Now


class VirtualClock:
    """Boot-clock and wall time of a station in a test. `wall_jump_s` moves wall time alone, as a person would."""

    def __init__(self, boot_s: float = 1000.0, wall_s: float = 1_800_000_000.0) -> None:
        self.boot_s = boot_s
        self._wall_minus_boot_s = wall_s - boot_s
        self.offset_s = 0.0

    def now(self) -> Now:
        return Now(self.boot_s, self.boot_s + self._wall_minus_boot_s + self.offset_s)

    def move_to(self, boot_s: float) -> None:
        if boot_s < self.boot_s:
            raise ValueError(f"the boot clock never goes back: {boot_s} < {self.boot_s}")
        self.boot_s = boot_s

    def wall_jump_s(self, seconds: float) -> None:
        self._wall_minus_boot_s += seconds


class OffsetClock:
    """One process's view: the shared clock, and the wall-time offset this process has heard of."""

    def __init__(self, shared: VirtualClock) -> None:
        self._shared = shared
        self.offset_s = 0.0

    def now(self) -> Now:
        now = self._shared.now()
        return Now(now.boot_s, now.wall_s + self.offset_s)
