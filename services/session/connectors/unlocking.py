"""UnlockConnector (OCPP 1.6 section 5.18): what became of it. Pure."""

from typing import NamedTuple

from schemas.base import Answer
from schemas.safety import Lock
from schemas.session import StopReason
from services.session.connectors.situation import Situation
from services.session.transactions.record import Phase

PATIENCE_S = 10.0
"""So long a lock may take, a transaction that ends first included."""
ONE_TRY_S = 6.0
"""A fault from before says nothing: `safety` tries again every 5 s."""
ANSWER_BEFORE_S = 0.5
"""The answer leaves so long before the end of its request."""
REASON = StopReason.UNLOCK_COMMAND
FAULT = "unlock_failed"


class Unlock(NamedTuple):
    request_id: str
    begun_s: float
    until_s: float
    """Boot clock, both."""


class Outcome(NamedTuple):
    answer: Answer
    reason: str = ""


def begin(request_id: str, now_s: float, expires_s: float) -> Unlock:
    return Unlock(request_id, now_s, min(now_s + PATIENCE_S, expires_s - ANSWER_BEFORE_S))


def outcome(s: Situation, unlock: Unlock) -> Outcome | None:
    """None = wait. The lease that no longer holds the cable has been given when this is asked."""
    safety, is_over = s.seeing, s.now.boot_s >= unlock.until_s
    if s.phase is Phase.ACTIVE:
        words = s.disk or "the transaction could not be ended in time"
        return Outcome(Answer.REJECTED, words) if is_over else None
    if safety is not None and safety.lock is Lock.UNLOCKED:
        return Outcome(Answer.ACCEPTED)
    if safety is not None and safety.lock is Lock.NONE:
        return Outcome(Answer.NOT_SUPPORTED, "this connector has no lock")
    failed = safety is not None and (safety.lock is Lock.FAILED or FAULT in safety.faults)
    if failed and s.now.boot_s - unlock.begun_s >= ONE_TRY_S:
        return Outcome(Answer.REJECTED, "the lock does not open; push the plug towards the socket and try again")
    return Outcome(Answer.REJECTED, "the lock did not open in time") if is_over else None
