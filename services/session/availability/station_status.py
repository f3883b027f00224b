"""The OCPP status of the station as a whole, connector 0: Available, Unavailable or Faulted (section 4.9). Pure."""

from schemas.faults import FAULTS
from schemas.session import ConnectorStatus, SessionStation

LONGEST_INFO = 50
"""OCPP 1.6 StatusNotification.req info: CiString50."""
QUEUE_FULL = "message_queue_full"


def message(*, closed: bool, fault: str, queue_refuses: bool) -> SessionStation:
    """`fault`: name in the catalogue of what keeps the whole station from charging; empty = nothing does."""
    code = fault or (QUEUE_FULL if queue_refuses else "")
    status = ConnectorStatus.UNAVAILABLE if closed else ConnectorStatus.AVAILABLE
    if not code:
        return SessionStation(status=status)
    known = FAULTS[code]
    return SessionStation(
        status=ConnectorStatus.FAULTED, error_code=known.error_code, info=known.text[:LONGEST_INFO], fault=code
    )
