"""The backend's CALLs on their way to their owners and back, by the tables in `actions/`."""

import json
import logging
import math
from collections.abc import Callable
from typing import Any

import msgspec

from bus.clock import Now
from bus.endpoint import Endpoint
from schemas.base import Answer, Answered, Request
from services.ocpp_link.actions import core, data_transfer, remote_trigger
from services.ocpp_link.actions.rule import Payload, Refusal, Rule, When
from services.ocpp_link.codec import Code
from services.ocpp_link.endpoint import Asked, OcppEndpoint, Ticket
from services.ocpp_link.registration import Registration, Stage

TRIGGER_HOLD_S = 2.0
"""While TriggerMessage waits for its owner, CALLs of the queue wait so long: the answer goes out before the triggered
message (OCPP 1.6, 5.17)."""
_RULES = (*core.RULES.values(), *remote_trigger.ASKED.values(), *data_transfer.MESSAGES.values())
TOPICS = tuple({rule.topic.name: rule.topic for rule in _RULES}.values())
"""Every request this may lead to."""

_logger = logging.getLogger("ocpp_link")


class Desk:
    """`send` puts a frame on the open connection; `trigger` sends BootNotification or Heartbeat."""

    def __init__(
        self, bus: Endpoint, endpoint: OcppEndpoint, send: Callable[[str], None], trigger: Callable[[str], None]
    ) -> None:
        self._bus = bus
        self._endpoint = endpoint
        self._send = send
        self._trigger = trigger
        self._waiting: dict[str, tuple[Ticket, Rule]] = {}
        self.hold_until_s = math.inf
        """Boot clock; infinite = nothing is held."""

    def take(self, asked: Asked, registration: Registration, now: Now) -> None:
        ticket, payload = asked.ticket, asked.payload
        _logger.info("the backend asks: %s", ticket.action)
        if not registration.allows(ticket.action):
            self._answer(ticket, {"status": "Rejected"})
        elif ticket.action == "DataTransfer":
            self._take_data(ticket, payload, now)
        elif ticket.action == "TriggerMessage":
            self._take_trigger(ticket, payload, registration, now)
        else:
            self._ask(ticket, payload, core.RULES[ticket.action], now)

    def heard(self, answered: Answered) -> None:
        """An owner answered, or its time is over. Anything else this service asked is not looked at here."""
        ticket, rule = self._waiting.pop(answered.request_id, (None, None))
        if ticket is None or rule is None:
            return
        if ticket.action == "TriggerMessage" and not self._triggers_wait():
            self.hold_until_s = math.inf
        if answered.outcome is Answer.EXPIRED:
            self._refuse(ticket, Code.INTERNAL_ERROR, "the part of the station that does this did not answer in time")
            return
        try:
            self._answer(ticket, rule.answer(answered))
        except Refusal as refusal:
            self._refuse(ticket, refusal.code, refusal.why)

    @property
    def owes(self) -> bool:
        """The backend waits for an answer."""
        return bool(self._waiting)

    def disconnected(self) -> None:
        """Nobody waits for the answers any more; the owners act all the same."""
        self._waiting.clear()
        self.hold_until_s = math.inf

    def holds(self, now_s: float) -> bool:
        """Whether CALLs of the queue wait for the answer to a TriggerMessage."""
        if now_s >= self.hold_until_s:
            self.hold_until_s = math.inf
        return self.hold_until_s < math.inf

    # inside

    def _take_trigger(self, ticket: Ticket, payload: Payload, registration: Registration, now: Now) -> None:
        wanted = payload["requestedMessage"]
        if wanted in remote_trigger.OWN:
            self._answer(ticket, {"status": "Accepted"})
            self._trigger(wanted)
        elif wanted not in remote_trigger.ASKED:
            self._answer(ticket, {"status": "NotImplemented"})
        elif registration.stage is not Stage.ACCEPTED:
            self._answer(ticket, {"status": "Rejected"})
        else:
            self._ask(ticket, payload, remote_trigger.ASKED[wanted], now)
            if self._triggers_wait():
                self.hold_until_s = now.boot_s + TRIGGER_HOLD_S

    def _take_data(self, ticket: Ticket, payload: Payload, now: Now) -> None:
        refused = data_transfer.refusal(payload)
        if refused is not None:
            self._answer(ticket, refused)
        else:
            self._ask(ticket, payload, data_transfer.MESSAGES[payload["messageId"]], now)

    def _triggers_wait(self) -> bool:
        return any(ticket.action == "TriggerMessage" for ticket, _ in self._waiting.values())

    def _ask(self, ticket: Ticket, payload: Payload, rule: Rule, now: Now) -> None:
        request = _possible(rule.compose(payload, When(self._bus.new_id(), now.boot_s + rule.timeout_s)))
        if request is None and rule.impossible is not None:
            self._answer(ticket, rule.impossible)
        elif request is None:
            self._refuse(ticket, Code.PROPERTY_CONSTRAINT, "a value is out of range")
        else:
            self._waiting[request.request_id] = (ticket, rule)
            self._bus.request(rule.topic, request)

    def _answer(self, ticket: Ticket, payload: Payload) -> None:
        self._put(self._endpoint.answer(ticket, json.dumps(payload, separators=(",", ":"))))

    def _refuse(self, ticket: Ticket, code: str, why: str) -> None:
        _logger.warning("%s is answered with %s: %s", ticket.action, code, why)
        self._put(self._endpoint.refuse(ticket, code, why))

    def _put(self, frame: str | None) -> None:
        if frame is not None:
            self._send(frame)


def _possible(request: Request) -> Request | None:
    """None where a value is beyond what its owner could ever take."""
    kind: type[Any] = type(request)
    try:
        checked: Request = msgspec.msgpack.decode(msgspec.msgpack.encode(request), type=kind)
    except (msgspec.ValidationError, OverflowError):
        return None
    return checked
