"""What is known of a transaction. Plain values."""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from schemas.session import StopReason
from schemas.units import PhaseCount


class Plug(NamedTuple):
    """Which vehicle: the number of its connection (`plug_count`) within one run of `safety`."""

    run_id: str
    number: int


class Sample(NamedTuple):
    """A good reading of the register."""

    sampled_s: float
    register_wh: int
    serial: str


class Stop(NamedTuple):
    """The decision to end a transaction: made once, never changed."""

    reason: StopReason
    wall_s: float
    id_tag: str = ""


class Phase(Enum):
    ACTIVE = "active"
    STOPPING = "stopping"
    """The end is decided; its register has not been read yet."""
    ENDED = "ended"


@dataclass(frozen=True, kw_only=True, slots=True)
class Transaction:
    transaction_id: str
    connector: int
    id_tag: str
    free: bool
    """Authorized by plugging in."""
    started_wall_s: float
    meter_start_wh: int
    meter_serial: str
    start_id: str
    """The start of the station in which it is, or was last, allowed to charge."""
    plug: Plug
    register_wh: int
    """Last good register stored: never below `meter_start_wh`, never falls."""
    sampled_s: float
    alive_s: float
    """Sign of life, boot clock; `alive_wall_s` is the same moment for people."""
    alive_wall_s: float
    limit_a: float
    """The limit in force at the sign of life."""
    stop: Stop | None = None
    meter_stop_wh: int | None = None
    meter_stop_measured: bool = False
    holds_cable: bool = False
    """After the decision to end: the plug stays locked until the card or a command releases it."""
    departed: bool = False
    """After the end: its vehicle has left."""
    backend_id: int | None = None
    """What the backend calls it; None = it has not answered. Neither positive nor unique."""
    parent_id_tag: str = ""
    """The group of its id tag, as the backend said; empty = none known."""
    invalid: bool = False
    """The backend has not accepted its id tag in the answer to StartTransaction."""
    grid_s: float = 0.0
    """Boot-clock time of the last sample that was due (`MeterValueSampleInterval`); at first the start."""
    phases_wanted: PhaseCount = 0
    """By command: charge with 1 phase or with 3; 0 = nobody wants a number."""
    phases_s: float = 0.0
    """Boot-clock time of the last change of phases that was asked for; 0 = none in this start of the station."""

    signed: bool = False
    """It began with a signed record: its end needs one too."""
    end_signed: bool = False
    sign_until_s: float = 0.0
    """Ended without its record: so long (boot clock) it is asked for."""

    @property
    def phase(self) -> Phase:
        if self.stop is None:
            return Phase.ACTIVE
        return Phase.STOPPING if self.meter_stop_wh is None else Phase.ENDED
