"""What `hmi` knows about one connector at one moment. Pure."""

from typing import NamedTuple

from schemas.faults import FAULTS, Fault, FaultClass
from schemas.safety import Contactor, SafetyConnector
from schemas.session import SessionConnector
from schemas.system import ShownFault

_BLOCKING = (FaultClass.STOP, FaultClass.LATCH, FaultClass.LOCKOUT)


class View(NamedTuple):
    session: SessionConnector | None
    """None: never heard, or silent for too long to be believed."""
    safety: SafetyConnector | None
    faults: tuple[ShownFault, ...]
    """Of this connector and of the whole station, worst first."""
    power_w: float | None
    """None: not measured, or not now."""
    now_s: float
    """Boot clock."""
    wall_s: float
    backend_lost: bool = False
    """And people shall see it like an error (`DisplayDisconnectAsError`)."""

    @property
    def shows_lost_backend(self) -> bool:
        """Not on a connector that charges or has a transaction: its driver has no use for a red light."""
        busy = self.power_flows or (self.session is not None and bool(self.session.transaction_id))
        return self.backend_lost and not busy

    @property
    def power_flows(self) -> bool | None:
        """None: `safety` is not heard."""
        return None if self.safety is None else self.safety.contactor is Contactor.CLOSED

    @property
    def vehicle_connected(self) -> bool:
        return self.safety is not None and self.safety.vehicle_connected

    @property
    def rejected(self) -> bool:
        return self.session is not None and self.now_s < self.session.card_rejected_until_s

    def blocking_fault(self) -> str:
        """Words of the worst fault that keeps power away; empty = none."""
        return self._worst(_BLOCKING)

    def pausing_fault(self) -> str:
        return self._worst((FaultClass.PAUSE,))

    def _worst(self, classes: tuple[FaultClass, ...]) -> str:
        codes = [*(self.safety.faults if self.safety is not None else ()), *(each.fault.code for each in self.faults)]
        known: list[Fault] = [FAULTS[code] for code in codes if code in FAULTS]
        return next((fault.text for fault in known if fault.fault_class in classes), "")
