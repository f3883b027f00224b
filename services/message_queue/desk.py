"""Where requests arrive: Authorize, any volatile CALL, StatusNotification by TriggerMessage."""

from collections.abc import Iterable

import msgspec

from bus.clock import Now
from bus.endpoint import Endpoint
from schemas.base import Answer, Answered, Request
from schemas.message_queue import AuthorizeRequest, SendCallRequest, TriggerStatusRequest
from schemas.ocpp_link import CallOutcome, Outcome
from services.message_queue.books.crowd import Crowd
from services.message_queue.books.volatile import Volatile
from services.message_queue.link import Link
from services.message_queue.rules import answers, composing
from services.message_queue.rules.answers import Unreadable
from services.message_queue.rules.message import AUTHORIZE, METER_VALUES, SECURITY_EVENT, START, STATUS, STOP, Waiting
from services.store import StoreError

ANSWER_KEPT_S = 60.0
NOT_FROM_HERE = {START, STOP, STATUS, AUTHORIZE, "BootNotification", "Heartbeat"}
"""These have their own ways."""


class Desk:
    def __init__(self, bus: Endpoint, crowd: Crowd, link: Link, connectors: Iterable[int]) -> None:
        self._bus = bus
        self._crowd = crowd
        self._link = link
        self._connectors = (0, *connectors)

    def authorize(self, request: AuthorizeRequest, now: Now) -> None:
        payload = composing.text(composing.authorize(request.id_tag))
        self._volatile(request, AUTHORIZE, payload, now)

    def send(self, request: SendCallRequest, now: Now) -> None:
        refusal, connector = _checked(request)
        if refusal:
            self._reject(request.request_id, refusal)
        elif request.action == SECURITY_EVENT:
            self._security_event(request, now)
        else:
            self._volatile(request, request.action, request.payload, now, connector)

    def trigger_status(self, request: TriggerStatusRequest, now: Now) -> None:
        if now.boot_s >= request.expires_s:
            return
        wanted = self._connectors if request.connector is None else (request.connector,)
        if not set(wanted) <= set(self._connectors):
            highest = self._connectors[-1]
            self._reject(request.request_id, f"no connector {request.connector}; this station has 0 to {highest}")
        elif not self._link.online:
            self._reject(request.request_id, self._link.why_not)
        elif not self._crowd.statuses.triggered(wanted, now.boot_s, now.wall_s):
            self._reject(request.request_id, "session has not said this status yet: try again in a few seconds")
        else:
            self._bus.answer(request.request_id, Answer.ACCEPTED)

    # outcomes

    def offline(self) -> None:
        """Whoever waits for an answer hears at once that there is no connection."""
        for message in self._crowd.volatile.take_requests():
            self._reject(message.request_id, self._link.why_not)

    def finish(self, message: Volatile, body: CallOutcome) -> None:
        if body.outcome is not Outcome.ANSWERED:
            code = f" {body.error_code} {body.error_description}" if body.error_code else ""
            self._reject(message.request_id, f"{message.action}: {body.outcome}{code}")
            return
        try:
            values = {"answer": body.payload}
            if message.action == AUTHORIZE:
                values = answers.as_values(answers.authorize_answer(body.payload))
        except Unreadable as error:
            self._reject(message.request_id, f"the backend's answer cannot be read: {error}")
            return
        self._bus.answer(message.request_id, Answer.ACCEPTED, values=values)

    # inside

    def _reject(self, request_id: str, reason: str) -> None:
        self._bus.answer(request_id, Answer.REJECTED, reason)

    def _volatile(self, request: Request, action: str, payload: str, now: Now, connector: int = 0) -> None:
        if now.boot_s >= request.expires_s:
            return
        if not self._link.online:
            self._reject(request.request_id, self._link.why_not)
            return
        room = self._crowd.room_for(action, "")
        if not room.admitted:
            self._reject(request.request_id, "too many messages wait already")
            return
        # Nothing durable gives way to a volatile message.
        self._crowd.gave_way(room.given_way)
        self._crowd.volatile.add(
            Volatile(
                message_id=self._bus.new_id(),
                action=action,
                payload=payload,
                queued_wall_s=now.wall_s,
                expires_s=request.expires_s,
                request_id=request.request_id,
                connector=connector,
            )
        )

    def _security_event(self, request: SendCallRequest, now: Now) -> None:
        """Durable: told whenever there is a connection again, so it is answered when it is stored."""
        if now.boot_s >= request.expires_s:
            return
        room = self._crowd.room_for(SECURITY_EVENT, "")
        if not room.admitted:
            self._reject(request.request_id, "the queue is full")
            return
        message = Waiting(position=0, message_id=self._bus.new_id(), action=SECURITY_EVENT, queued_wall_s=now.wall_s)
        answered = Answered(request_id=request.request_id, outcome=Answer.ACCEPTED)
        until_s = request.expires_s + ANSWER_KEPT_S
        try:
            self._crowd.store.take_event(now, message, request.payload, answered, until_s, room.given_way)
        except StoreError as error:
            self._reject(request.request_id, f"nothing can be stored: {error}")
            return
        self._crowd.gave_way(room.given_way)
        self._crowd.queued_s[message.message_id] = now.boot_s
        self._bus.answer(request.request_id, Answer.ACCEPTED)


def _checked(request: SendCallRequest) -> tuple[str, int]:
    """Why it cannot be sent (empty: it can), and the connector it is about. `ocpp_link` knows the whole schema."""
    if request.action in NOT_FROM_HERE:
        return f"{request.action} is not sent by this way", 0
    try:
        payload = msgspec.json.decode(request.payload)
    except (msgspec.DecodeError, RecursionError) as error:
        return f"the payload is not JSON: {error}", 0
    if not isinstance(payload, dict):
        return "the payload is not a JSON object", 0
    connector = payload.get("connectorId", 0)
    if request.action == METER_VALUES and not isinstance(connector, int):
        return "connectorId is not a number", 0
    return "", connector if isinstance(connector, int) else 0
