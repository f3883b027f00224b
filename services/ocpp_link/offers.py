"""The CALLs of `message_queue`: sent once per attempt, outcomes told until settled (`bus/handover.py`)."""

import logging
import math

from bus import handover
from bus.clock import Now
from bus.endpoint import Endpoint
from bus.handover import LinkMemory
from bus.topics import LINK_OUTCOME
from schemas.message_queue import Offer, Settled
from schemas.ocpp_link import CallOutcome, Outcome
from services.ocpp_link.codec import Code
from services.ocpp_link.endpoint import Ended, OcppEndpoint
from services.ocpp_link.validators import Invalid

OURS = frozenset({"BootNotification", "Heartbeat"})
"""Nobody but this service sends these."""
LONGEST_PAYLOAD = 20_000
"""Characters of an answer that the bus carries (`schemas.units.LongText`)."""
_TOLD = {
    Outcome.ANSWERED: handover.Outcome.ANSWERED,
    Outcome.ERROR: handover.Outcome.ERROR,
    Outcome.INVALID: handover.Outcome.ERROR,
    Outcome.TIMED_OUT: handover.Outcome.TIMED_OUT,
    Outcome.CONNECTION_LOST: handover.Outcome.CONNECTION_LOST,
}

_logger = logging.getLogger("ocpp_link")


class Offers:
    def __init__(self, bus: Endpoint, endpoint: OcppEndpoint) -> None:
        self._bus = bus
        self._endpoint = endpoint
        self._memory = LinkMemory()
        self._outcomes: dict[handover.Call, CallOutcome] = {}
        self._offer: Offer | None = None
        self._repeat_s = math.inf
        self.broken = ""
        """What was wrong with the last CALL that could not be sent, for people; the reader empties it."""

    def heard(self, offer: Offer) -> None:
        self._offer = offer if offer.message_id else None

    def settled(self, settled: Settled) -> None:
        """The queue has stored the outcome: nothing of this attempt is sent or told again."""
        call = handover.Call(settled.message_id, settled.attempt)
        self._memory = handover.settled(self._memory, call)
        self._outcomes = {report.call: self._outcomes[report.call] for report in self._memory.unsettled}
        offer = self._offer
        if offer is not None and offer.message_id == call.message_id and offer.attempt <= call.attempt:
            self._offer = None

    def next_frame(self, now: Now, timeout_s: float) -> str | None:
        """The frame to send now, if the queue offers something new. Nothing is in flight, and the line is free."""
        offer = self._offer
        if offer is None:
            return None
        call = handover.Call(offer.message_id, offer.attempt)
        decided = handover.offered(self._memory, call)
        if isinstance(decided, handover.Report):
            self._offer = None
            self._tell(decided.call)
        if not isinstance(decided, handover.Send):
            return None
        self._offer = None
        self._memory = handover.sent(self._memory, call)
        try:
            if offer.action in OURS:
                raise Invalid(Code.NOT_SUPPORTED, f"{offer.action} is not for the queue to send")
            return self._endpoint.call(offer.message_id, offer.action, offer.payload, now.boot_s, timeout_s)
        except Invalid as error:
            self.broken = f"{offer.action} {offer.message_id} was not sent: {error.why}"
            _logger.error("%s", self.broken)
            self._end(Outcome.INVALID, "", error.code, error.why, now)
            return None

    def ended(self, ended: Ended, now: Now) -> None:
        """The CALL in flight was one of the queue's."""
        if len(ended.payload) > LONGEST_PAYLOAD:
            self._end(Outcome.ERROR, "", Code.GENERIC_ERROR, f"an answer of {len(ended.payload)} characters", now)
        else:
            self._end(ended.outcome, ended.payload, ended.error_code, ended.error_description, now)

    @property
    def in_flight(self) -> bool:
        return self._memory.in_flight is not None

    def repeat(self, now: Now) -> float:
        """Tells every unsettled outcome again when it is time; returns when it will be."""
        if now.boot_s >= self._repeat_s:
            for report in self._memory.unsettled:
                self._tell(report.call)
            self._repeat_s = now.boot_s + handover.REPEAT_S
        if not self._memory.unsettled:
            self._repeat_s = math.inf
        return self._repeat_s

    def _end(self, outcome: Outcome, payload: str, code: str, why: str, now: Now) -> None:
        self._memory, report = handover.ended(self._memory, _TOLD[outcome])
        assert report is not None
        self._outcomes[report.call] = CallOutcome(
            message_id=report.call.message_id,
            attempt=report.call.attempt,
            outcome=outcome,
            payload=payload,
            error_code=code,
            error_description=why[:500],
            ended_wall_s=now.wall_s,
        )
        self._repeat_s = min(self._repeat_s, now.boot_s + handover.REPEAT_S)
        self._tell(report.call)

    def _tell(self, call: handover.Call) -> None:
        self._bus.publish(LINK_OUTCOME, self._outcomes[call])
