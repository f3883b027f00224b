"""Tells `system` what people should find in the history of events, and repeats it until `system` has it."""

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.topics import SYSTEM_EVENT
from schemas.base import Answer, Answered
from schemas.system import EventRequest

PATIENCE_S = 30.0
MOST_UNTOLD = 50
"""While `system` is down; the oldest are dropped."""


class Events:
    def __init__(self, bus: Endpoint) -> None:
        self._bus = bus
        self._asked: dict[str, tuple[str, str, int]] = {}

    def tell(self, code: str, text: str, now: Now, connector: int = 0) -> None:
        request = EventRequest(
            request_id=self._bus.new_id(),
            expires_s=now.boot_s + PATIENCE_S,
            code=code,
            text=text,
            connector=connector,
        )
        self._asked[request.request_id] = (code, text, connector)
        while len(self._asked) > MOST_UNTOLD:
            del self._asked[next(iter(self._asked))]
        self._bus.request(SYSTEM_EVENT, request)

    def answered(self, body: Answered, now: Now) -> None:
        told = self._asked.pop(body.request_id, None)
        if told is not None and body.outcome is Answer.EXPIRED:
            code, text, connector = told
            self.tell(code, text, now, connector)
