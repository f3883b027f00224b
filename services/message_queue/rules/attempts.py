"""How often a message of class transaction or security is tried, and when again (the guide, 9.13 to 9.15). Pure."""

from typing import NamedTuple

from bus.handover import Outcome as HandoverOutcome
from schemas.ocpp_link import Outcome
from services.message_queue.keys import Keys
from services.message_queue.rules.message import Waiting

FOR_EVER = 0
LONGEST_WAIT_S = 43_200.0
"""With endless attempts the interval grows with every send; it stops growing at the 12 h of the guide's back-off."""

_AS_ERROR = {Outcome.UNKNOWN, Outcome.ERROR, Outcome.INVALID}


def most_attempts(message: Waiting, keys: Keys) -> int:
    """FOR_EVER or a number. Eichrecht has a limit of its own, for messages of a meter that signs."""
    if message.signed and keys.eichrecht_attempts >= 0:
        return keys.eichrecht_attempts
    return keys.attempts


def consumes(outcome: Outcome) -> bool:
    """A CALLERROR or a time-out on a living connection does; a connection that broke does not."""
    return outcome is not Outcome.CONNECTION_LOST


def attempts_left(message: Waiting, outcome: Outcome, keys: Keys) -> bool:
    """Whether it is tried again after one more failure with this outcome."""
    if outcome is Outcome.INVALID:
        # It would be invalid every time.
        return False
    most = most_attempts(message, keys)
    return most == FOR_EVER or message.consumed + 1 < most


def wait_before_s(sends: int, keys: Keys) -> float:
    """After a failure, before the next send (OCPP 1.6 section 3.7.1): the interval times the number of sends."""
    return min(LONGEST_WAIT_S, keys.retry_interval_s * sends)


def as_handover(outcome: Outcome) -> HandoverOutcome:
    """In the words of the hand-over's rules: what is not known there ends an attempt like a CALLERROR."""
    return HandoverOutcome.ERROR if outcome in _AS_ERROR else HandoverOutcome(outcome.value)


class Failure(NamedTuple):
    """How one attempt ended, for people."""

    number: int
    ended_wall_s: float
    outcome: str
    detail: str
