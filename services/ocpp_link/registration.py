"""BootNotification (OCPP 1.6, 4.2): is this station registered, when does it ask again, what may be said? Pure.

A plain reconnect needs no new BootNotification (OCPP-J 5.4): the backend knows the station by its connection. Needed is
one after every start of the station, when its content or the address changed, and when the backend asks for one.
"""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, Protocol

OWN_INTERVAL_S = 60.0
"""Between two BootNotifications when the backend leaves it to us (interval 0), or answered with an error."""
LONGEST_INTERVAL_S = 86_400.0
"""A longer one is a mistake of the backend: nobody wants a station that is away for years."""


class Stage(str, Enum):
    UNREGISTERED = "unregistered"
    PENDING = "pending"
    REJECTED = "rejected"
    ACCEPTED = "accepted"


class Kept(NamedTuple):
    """What outlives this process, but not this start of the station."""

    start_id: str
    fingerprint: str
    stage: str
    next_boot_s: float


class Memory(Protocol):
    """What is known of the registration after a restart of this process."""

    def load(self) -> Kept | None: ...
    def keep(self, kept: Kept) -> None: ...


class BootContent(NamedTuple):
    """BootNotification.req; empty fields are left out."""

    vendor: str
    model: str
    charge_point_serial: str
    charge_box_serial: str
    firmware: str

    def payload(self) -> dict[str, str]:
        fields = {
            "chargePointVendor": self.vendor[:20],
            "chargePointModel": self.model[:20],
            "chargePointSerialNumber": self.charge_point_serial[:25],
            "chargeBoxSerialNumber": self.charge_box_serial[:25],
            "firmwareVersion": self.firmware[:50],
        }
        return {name: value for name, value in fields.items() if value or name in _REQUIRED}


_REQUIRED = ("chargePointVendor", "chargePointModel")
_NOT_YET_ALLOWED = frozenset({"RemoteStartTransaction", "RemoteStopTransaction"})


@dataclass
class Registration:
    start_id: str
    fingerprint: str = ""
    """Address and content of the last BootNotification that was answered."""
    stage: Stage = Stage.UNREGISTERED
    next_boot_s: float = 0.0
    """Boot clock; meaningful unless accepted."""
    triggered: bool = False

    @classmethod
    def resumed(cls, start_id: str, kept: Kept | None) -> "Registration":
        """After a restart of this process alone, the station is registered as before."""
        if kept is None or kept.start_id != start_id or not start_id:
            return cls(start_id)
        try:
            stage = Stage(kept.stage)
        except ValueError:
            return cls(start_id)
        return cls(start_id, kept.fingerprint, stage, kept.next_boot_s)

    def kept(self) -> Kept:
        return Kept(self.start_id, self.fingerprint, self.stage.value, self.next_boot_s)

    def connected(self, fingerprint: str, now_s: float) -> None:
        """A connection opened, to an address and with a content that `fingerprint` stands for."""
        if fingerprint != self.fingerprint:
            self.fingerprint, self.stage, self.next_boot_s = fingerprint, Stage.UNREGISTERED, now_s
        elif self.stage is Stage.UNREGISTERED:
            self.next_boot_s = now_s
        elif self.stage is not Stage.ACCEPTED:
            self.next_boot_s = min(max(self.next_boot_s, now_s), now_s + LONGEST_INTERVAL_S)

    def trigger(self) -> None:
        """TriggerMessage(BootNotification)."""
        self.triggered = True

    def boot_s(self) -> float:
        """When the next BootNotification is due."""
        if self.triggered:
            return 0.0
        return float("inf") if self.stage is Stage.ACCEPTED else self.next_boot_s

    def sent(self) -> None:
        self.triggered = False

    def answered(self, status: str, interval_s: int, now_s: float) -> None:
        """BootNotification.conf."""
        self.stage = Stage(status.lower())
        wait_s = min(float(interval_s), LONGEST_INTERVAL_S) if interval_s > 0 else OWN_INTERVAL_S
        self.next_boot_s = now_s + wait_s
        if self.stage is Stage.REJECTED:
            self.triggered = False

    def failed(self, now_s: float) -> None:
        """CALLERROR: whether the backend knows this station is not known."""
        if self.stage is not Stage.ACCEPTED:
            self.next_boot_s = now_s + OWN_INTERVAL_S

    @property
    def may_send(self) -> bool:
        """Anything but BootNotification."""
        return self.stage is Stage.ACCEPTED

    @property
    def may_answer(self) -> bool:
        return self.stage is not Stage.REJECTED

    def allows(self, action: str) -> bool:
        """Whether the backend may ask for this now."""
        return self.stage is Stage.ACCEPTED or action not in _NOT_YET_ALLOWED
