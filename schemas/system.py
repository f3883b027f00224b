"""What `system` says: boots, clock, faults, events."""

from msgspec import Struct

from schemas.base import ActiveFault, Message, Open, Request
from schemas.units import SignedSeconds, WallSeconds


class BootReason(Open):
    """Why the station's processes were started as a whole."""

    UNKNOWN = "unknown"
    FIRST_START = "first start"
    POWER_LOSS = "power loss"
    """Nothing announced the end of the previous run."""
    SHUTDOWN = "shutdown"
    """A person ended the previous run."""
    SOFT_RESET = "soft reset"
    HARD_RESET = "hard reset"
    WATCHDOG = "watchdog"


class Boot(Message, frozen=True, kw_only=True):
    """`system.boot`, retained: which start of the whole station this is."""

    start_id: str
    """Made by `chargectl up`, handed to every process: a restarted service sees the same one."""
    started_wall_s: WallSeconds
    reason: BootReason
    detail: str = ""


class StationClock(Message, frozen=True, kw_only=True):
    """`system.clock`, retained: station wall time = CLOCK_REALTIME + offset."""

    offset_s: SignedSeconds
    synchronized: bool = False


class ShownFault(Struct, frozen=True, kw_only=True, gc=False):
    """An active fault with everything a person needs."""

    fault: ActiveFault
    owner: str
    text: str
    instruction: str
    error_code: str
    internal_code: str


class StationFaults(Message, frozen=True, kw_only=True):
    """`system.faults`, retained: the faults of all owners, worst first."""

    faults: tuple[ShownFault, ...] = ()


class Event(Struct, frozen=True, kw_only=True, gc=False):
    wall_s: WallSeconds
    code: str
    text: str
    connector: int = 0


class EventHistory(Message, frozen=True, kw_only=True):
    """`system.events`, retained: the latest events and faults, newest first."""

    events: tuple[Event, ...] = ()


class EventRequest(Request, frozen=True, kw_only=True):
    """`system.event`: something worth remembering happened at another owner (a replaced store, a refused file)."""

    code: str
    text: str
    connector: int = 0


class RebootRequest(Request, frozen=True, kw_only=True):
    """`system.reboot`: end and start all processes of the station, with this reason kept."""

    reason: BootReason
    detail: str = ""
    unless_charging: bool = False
    """REJECTED while a transaction runs: whoever asks can wait, and asks again."""


class Reset(Message, frozen=True, kw_only=True):
    """`system.reset`, retained: the station is about to reboot; transactions end with this reason first."""

    pending: BootReason | None = None
    """None = no reboot is pending."""


class SetClockRequest(Request, frozen=True, kw_only=True):
    """`system.set_clock`: make the station's wall time `wall_s` now."""

    wall_s: WallSeconds
