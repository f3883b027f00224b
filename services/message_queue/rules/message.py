"""What is known of a durable message that waits. Plain values."""

from msgspec import Struct

from schemas.message_queue import CallClass

START = "StartTransaction"
STOP = "StopTransaction"
METER_VALUES = "MeterValues"
STATUS = "StatusNotification"
SECURITY_EVENT = "SecurityEventNotification"
AUTHORIZE = "Authorize"


class Waiting(Struct, frozen=True, kw_only=True, gc=False):
    position: int
    """In the order of queueing."""
    message_id: str
    """OCPP message id: fixed here, the same in every attempt."""
    action: str
    queued_wall_s: float
    connector: int = 0
    transaction_id: str = ""
    """Ours; empty for a security event."""
    stream: int = 0
    """Which stream of facts it came by (`storage/journal.py`); 0 = it is no fact."""
    number: int = 0
    """Its number in that stream."""
    signed: bool = False
    """Its meter signs (Eichrecht)."""
    attempt: int = 1
    """Of the send that comes next, or is on its way: counts every send."""
    consumed: int = 0
    """Attempts that ended in a CALLERROR, or in a time-out on a living connection."""
    offered: bool = False
    """A StartTransaction that may have been on the wire already."""

    @property
    def call_class(self) -> CallClass:
        return CallClass.SECURITY if self.action == SECURITY_EVENT else CallClass.TRANSACTION
