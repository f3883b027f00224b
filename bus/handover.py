"""The hand-over of one CALL from `message_queue` to `ocpp_link`, and of its outcome back. Pure.

The queue offers a message (id and attempt) until it hears the outcome, writes the outcome in one commit, then says that
it is settled. The link sends each (id, attempt) once, nothing while something is in flight, and remembers every outcome
until it is settled. So a repeat on the wire is possible only where the link or its connection died between send and
answer, or where attempts after an error or a time-out are configured. `ocpp_link` keeps its memory in the process, the
queue keeps its attempts in its store. Offers and settlements arrive in the order they were published, though some may
be lost: both go down the same connection. A link that keeps an offer for later drops it when it is settled; a queue
replaces a retained offer in the step that settles it.
"""

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

REPEAT_S = 2.0
"""How often the queue offers again, and the link reports again."""


class Call(NamedTuple):
    message_id: str
    """OCPP message id: fixed when the message is queued, the same in every attempt."""
    attempt: int
    """Counts from 1."""


class Outcome(str, Enum):
    ANSWERED = "answered"
    ERROR = "error"
    """CALLERROR."""
    TIMED_OUT = "timed out"
    CONNECTION_LOST = "connection lost"
    """Between send and answer: nobody knows whether the backend has it."""


class Report(NamedTuple):
    call: Call
    outcome: Outcome


class LinkMemory(NamedTuple):
    """What the link knows; empty after every start of its process."""

    in_flight: Call | None = None
    unsettled: tuple[Report, ...] = ()
    """Reported again every 2 s, and whenever they are offered again."""


@dataclass(frozen=True)
class Send:
    call: Call


def offered(memory: LinkMemory, call: Call) -> Send | Report | None:
    """What the link does with an offer: send it (then `sent`), report its outcome again, or let it wait."""
    for report in memory.unsettled:
        known = report.call
        if known.message_id == call.message_id and (
            known.attempt >= call.attempt or report.outcome is Outcome.ANSWERED
        ):
            return report
    return Send(call) if memory.in_flight is None else None


def sent(memory: LinkMemory, call: Call) -> LinkMemory:
    """Just before the first byte leaves."""
    return memory._replace(in_flight=call)


def ended(memory: LinkMemory, outcome: Outcome) -> tuple[LinkMemory, Report | None]:
    """What was in flight has its outcome, to be reported."""
    if memory.in_flight is None:
        return memory, None
    report = Report(memory.in_flight, outcome)
    return memory._replace(in_flight=None, unsettled=(*memory.unsettled, report)), report


def settled(memory: LinkMemory, call: Call) -> LinkMemory:
    """The queue has the outcomes of this message up to this attempt in its store."""
    rest = tuple(
        report
        for report in memory.unsettled
        if report.call.message_id != call.message_id or report.call.attempt > call.attempt
    )
    return memory._replace(unsettled=rest)


@dataclass(frozen=True)
class Complete:
    """Commit the outcome and what follows from it, take the message out of the queue; then settle `call`."""

    call: Call


@dataclass(frozen=True)
class Retry:
    """Commit `next_attempt`; then settle `call` and offer the message again."""

    call: Call
    next_attempt: int


@dataclass(frozen=True)
class Settle:
    """The store has this outcome: only say again that it is settled."""

    call: Call


def heard(stored_attempt: int | None, report: Report, attempts_left: bool = False) -> Complete | Retry | Settle:
    """What the queue does with a report.

    `stored_attempt`: the one its store has for this message; None = the message is done, or was never queued.
    `attempts_left`: whether one more attempt is configured after an error or a time-out of this message.
    """
    call, outcome = report
    if stored_attempt is None:
        return Settle(call)
    if outcome is Outcome.ANSWERED:
        return Complete(call)
    if call.attempt < stored_attempt:
        return Settle(call)
    if outcome is Outcome.CONNECTION_LOST or attempts_left:
        return Retry(call, call.attempt + 1)
    return Complete(call)
