"""What must survive the process: lockouts, trips, what waits for an unplug, counters. Written by `journal.py`."""

from dataclasses import dataclass, field, replace


@dataclass(slots=True)
class Memory:
    """Of one connector."""

    lockout: str = ""
    """Code of the fault that keeps it out of service; only service resets it."""
    latched: tuple[str, ...] = ()
    """Faults that wait for an unplug."""
    active_faults: tuple[str, ...] = ()
    """Those that are active: after a restart they are awaited before they count as gone."""
    recoveries: int = 0
    """Automatic recoveries since the vehicle was plugged in."""
    hold_until_s: float = 0.0
    """Boot-clock time before which the contactor stays open after a fault."""
    closings: tuple[float, ...] = ()
    """Boot-clock times of the closings of this plug-in within the last hour."""
    trips: dict[str, int] = field(default_factory=dict)
    """How often each fault has stopped power, ever."""
    contactor_cycles: int = 0
    contactor_load_cycles: int = 0
    """Openings under load."""
    plug_cycles: int = 0
    residual_proven: bool = False
    """The residual current module has passed its self-test since the last state A."""
    residual_tested_s: float = 0.0
    """When it passed last, boot clock."""
    reclosures: int = 0
    """Attempts to re-arm the RCD since it last stayed closed."""
    rcd_open: bool = False
    """The RCD was seen tripped, and has not been seen closed since."""
    rcd_by_dc: bool = False
    """A direct current fault may have opened the RCD: only a person closes it."""
    orders: dict[str, str] = field(default_factory=dict)
    """By place of an action key: the last order that was carried out or passed over."""
    orders_heard: bool = False
    """`orders` is known; False = nothing was ever kept."""
    cable_in: bool = False
    """The plug that is in now has been counted."""
    cable_released: bool = False
    """The session has held or released the plug that is in: from then on its word alone counts."""
    vehicle_awake: bool = False
    """The vehicle that is connected has asked for power, or was woken."""
    lock_stuck: bool = False
    """The feedback of the lock did not follow its motor when that was tried last."""
    tilted: bool = False
    """The station was seen standing askew; only service says that it stands again."""
    flooded: bool = False
    """Water was seen in the station; only service says that it is dry again."""
    outputs: dict[str, bool] = field(default_factory=dict)
    """Free outputs of the station as the backend wants them; kept with the first connector."""
    outputs_for: str = ""
    """The start of the station in which it asked for that: they are off after the next one."""
    pilot_calibration: tuple[float, float] | None = None
    """Gain and offset in volts; None = never measured."""
    calibrated_for: str = ""
    """The start of the station in which that was tried last."""
    restarted_for: str = ""
    """The start of the station, after a power loss, whose random wait is over."""
    wait_until_s: float = 0.0
    """Boot-clock time at which the random wait after a power loss or an undervoltage ends; 0 = there is none."""
    wait_start: str = ""
    """The start of the station in which it began; empty = that was not known."""
    last_close_wall_s: float = 0.0
    """Station wall time of the last closing, for people."""
    settings: dict[str, str] = field(default_factory=dict)
    """The keys of `settings.py` as last heard: they hold after a restart until `settings` has spoken."""

    def copy(self) -> "Memory":
        twin = replace(self, trips=dict(self.trips), settings=dict(self.settings), orders=dict(self.orders))
        twin.outputs = dict(self.outputs)
        return twin


def cleared(memory: Memory) -> Memory:
    """Service has put the connector right: no lockout, nothing latched, RCD attempts anew; the counters stay."""
    return replace(
        memory,
        lockout="",
        latched=(),
        active_faults=(),
        recoveries=0,
        reclosures=0,
        trips=dict(memory.trips),
        tilted=False,
        flooded=False,
    )


def unreadable() -> Memory:
    """Nothing is known of the past: locked out until the contacts are proven open."""
    return Memory(lockout="journal_unreadable")
