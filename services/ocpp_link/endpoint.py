"""Both ends of OCPP-J in one connection: frames in, frames and outcomes out. Pure, never raises for what came in.

One CALL of ours is in flight at a time (OCPP-J 4.1.1). CALLs of the backend may cross it, several at once; each is
answered at most once, and only on the connection it came by.
"""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.ocpp_link import Outcome
from services.ocpp_link import codec
from services.ocpp_link.codec import Code
from services.ocpp_link.validators import Invalid, Payload, Strictness, known_actions, validator

MOST_PENDING = 20
"""CALLs of the backend that wait for their owner; one more is answered with GenericError."""
MOST_IDS_KNOWN = 1000
"""Message ids of the backend remembered per connection, to answer a repeated one once."""


class InFlight(NamedTuple):
    message_id: str
    action: str
    deadline_s: float
    sent_s: float


class Ticket(NamedTuple):
    """One CALL of the backend; it names the connection that asked."""

    connection: int
    message_id: str
    action: str


@dataclass(frozen=True)
class Reply:
    """A frame to send."""

    frame: str


@dataclass(frozen=True)
class Asked:
    """A valid CALL of the backend, to be answered with its ticket."""

    ticket: Ticket
    payload: Payload


@dataclass(frozen=True, kw_only=True)
class Ended:
    """What became of our CALL."""

    message_id: str
    action: str
    sent_s: float
    outcome: Outcome
    payload: str = ""
    """JSON object in its plainest spelling; valid for the action."""
    error_code: str = ""
    error_description: str = ""


Effect = Reply | Asked | Ended


@dataclass
class OcppEndpoint:
    """`supported`: the actions that have an owner; a known one besides these is answered with NotSupported."""

    supported: frozenset[str]
    deaf: bool = False
    """Rejected by the backend: its CALLs are not answered (OCPP 1.6, 4.2)."""
    in_flight: InFlight | None = None
    connection: int = 0
    """Counts the connections; 0 before the first."""
    is_open: bool = False
    ignored: int = 0
    last_ignored: str = ""
    _pending: set[Ticket] = field(default_factory=set)
    _seen: OrderedDict[str, None] = field(default_factory=OrderedDict)

    # the connection

    def connected(self) -> None:
        self.connection += 1
        self.is_open = True
        self._pending.clear()
        self._seen.clear()

    def disconnected(self) -> Ended | None:
        """Fails the CALL in flight at once."""
        self.is_open = False
        self._pending.clear()
        return self._end(Outcome.CONNECTION_LOST) if self.in_flight is not None else None

    # our CALLs

    def call(self, message_id: str, action: str, payload: str, now_s: float, timeout_s: float) -> str:
        """The frame to send. Raises Invalid for a payload that breaks its schema; nothing is in flight then."""
        assert self.in_flight is None
        assert self.is_open
        try:
            check = validator(action, Strictness.SENT)
        except KeyError:
            raise Invalid(Code.NOT_IMPLEMENTED, f"OCPP 1.6 has no action {action!r}") from None
        if not 0 < len(message_id) <= codec.LONGEST_ID:
            raise Invalid(Code.PROTOCOL_ERROR, "the message id has not 1 to 36 characters")
        check.check(payload)
        self.in_flight = InFlight(message_id, action, now_s + timeout_s, now_s)
        return codec.call(message_id, action, payload)

    def timed_out(self, now_s: float) -> Ended | None:
        """The CALL in flight, when its time is over. The caller closes the connection: it is not to be trusted."""
        if self.in_flight is None or now_s < self.in_flight.deadline_s:
            return None
        return self._end(Outcome.TIMED_OUT)

    # the backend's CALLs

    def answer(self, ticket: Ticket, payload: str) -> str | None:
        """The frame to send; None when nobody waits for it any more. A payload that breaks its schema is our defect:
        the backend hears InternalError."""
        try:
            validator(ticket.action, Strictness.SENT, response=True).check(payload)
        except Invalid as error:
            self._ignore(f"our own answer to {ticket.action} is wrong: {error.why}")
            return self.refuse(ticket, Code.INTERNAL_ERROR, "the answer could not be composed")
        return codec.call_result(ticket.message_id, payload) if self._settle(ticket) else None

    def refuse(self, ticket: Ticket, code: str, why: str) -> str | None:
        return codec.call_error(ticket.message_id, code, why) if self._settle(ticket) else None

    # what comes in

    def receive(self, text: str) -> tuple[Effect, ...]:
        """One text message of the open connection."""
        frame = codec.parse(text)
        match frame:
            case codec.CallFrame() | codec.Answerable():
                return self._take_call(frame)
            case codec.ResultFrame() | codec.ErrorFrame() | codec.BrokenAnswer():
                return self._take_answer(frame)
            case codec.Unanswerable(why=why):
                return self._ignore(why)

    def binary(self, size: int) -> None:
        self._ignore(f"a binary message of {size} bytes")

    def _take_call(self, frame: codec.CallFrame | codec.Answerable) -> tuple[Effect, ...]:
        if self.deaf:
            return self._ignore("a CALL while the backend rejects this station")
        if frame.message_id in self._seen:
            return self._ignore("a CALL with a message id of before")
        self._seen[frame.message_id] = None
        if len(self._seen) > MOST_IDS_KNOWN:
            self._seen.popitem(last=False)
        if isinstance(frame, codec.Answerable):
            return (Reply(codec.call_error(frame.message_id, frame.code, frame.why)),)
        if frame.action not in self.supported:
            known = frame.action in known_actions()
            code = Code.NOT_SUPPORTED if known else Code.NOT_IMPLEMENTED
            words = "this station does not support it" if known else "OCPP 1.6 does not have it"
            return (Reply(codec.call_error(frame.message_id, code, words)),)
        if len(self._pending) >= MOST_PENDING:
            words = f"{MOST_PENDING} requests wait already; OCPP-J 4.1.1 allows one at a time"
            return (Reply(codec.call_error(frame.message_id, Code.GENERIC_ERROR, words)),)
        try:
            payload = validator(frame.action, Strictness.ASKED).fields(frame.payload)
        except Invalid as error:
            return (Reply(codec.call_error(frame.message_id, error.code, error.why)),)
        ticket = Ticket(self.connection, frame.message_id, frame.action)
        self._pending.add(ticket)
        return (Asked(ticket, payload),)

    def _take_answer(self, frame: codec.ResultFrame | codec.ErrorFrame | codec.BrokenAnswer) -> tuple[Effect, ...]:
        asked = self.in_flight
        if asked is None or asked.message_id != frame.message_id:
            return self._ignore("an answer that nothing waits for")
        if isinstance(frame, codec.ErrorFrame):
            return (self._end(Outcome.ERROR, code=frame.code, why=frame.description or ""),)
        if isinstance(frame, codec.BrokenAnswer):
            return (self._end(Outcome.ERROR, code=Code.FORMATION_VIOLATION, why=f"broken answer: {frame.why}"),)
        try:
            payload = validator(asked.action, Strictness.ANSWERED, response=True).text(frame.payload)
        except Invalid as error:
            return (self._end(Outcome.ERROR, code=error.code, why=f"the answer breaks its schema: {error.why}"),)
        return (self._end(Outcome.ANSWERED, payload=payload),)

    # inside

    def _end(self, outcome: Outcome, payload: str = "", code: str = "", why: str = "") -> Ended:
        asked = self.in_flight
        assert asked is not None
        self.in_flight = None
        return Ended(
            message_id=asked.message_id,
            action=asked.action,
            sent_s=asked.sent_s,
            outcome=outcome,
            payload=payload,
            error_code=code[:64],
            error_description=why[:500],
        )

    def _settle(self, ticket: Ticket) -> bool:
        if ticket not in self._pending:
            return False
        self._pending.discard(ticket)
        return True

    def _ignore(self, why: str) -> tuple[Effect, ...]:
        self.ignored += 1
        self.last_ignored = why[:200]
        return ()
