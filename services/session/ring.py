"""Fetches from metering's ring what was sampled while `session` was down."""

from collections.abc import Mapping

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.topics import METERING_RING_REQUEST
from schemas.base import Answered
from schemas.metering import RingPage, RingRequest
from services.session.connectors.connector import Connector

EXPIRES_S = 5.0
PATIENCE_S = 8.0
"""The requester itself says after 7 s that nobody answered."""


class Ring:
    def __init__(self, bus: Endpoint, connectors: Mapping[int, Connector]) -> None:
        self._bus = bus
        self._connectors = connectors
        self._wanted: dict[str, float] = {}
        """By meter: from when on, boot clock."""
        self._asked: dict[str, Connector] = {}

    def want(self, connector: Connector, start_id: str) -> None:
        """Another start of the station has another ring."""
        one = connector.running
        if one is not None and one.start_id == start_id:
            self._wanted[connector.meter] = min(one.sampled_s, one.grid_s)

    def ask(self, connector: Connector, now: Now) -> None:
        """Its meter has spoken: `metering` is up."""
        from_s = self._wanted.pop(connector.meter, None)
        if from_s is None or from_s >= now.boot_s:
            return
        request = RingRequest(
            request_id=self._bus.new_id(),
            expires_s=now.boot_s + EXPIRES_S,
            meter=connector.meter,
            from_s=from_s,
            to_s=now.boot_s,
        )
        self._asked[request.request_id] = connector
        connector.senses.readings.ring_until_s = now.boot_s + PATIENCE_S
        self._bus.request(METERING_RING_REQUEST, request)

    def take(self, page: RingPage, now: Now) -> None:
        for connector in self._connectors.values():
            if connector.meter == page.meter and connector.senses.serial and page.readings:
                connector.senses.hear_ring(page.readings)
                connector.keep_sign_of_life(now)
                connector.step(now)

    def answered(self, body: Answered, now: Now) -> None:
        """All pages are here, or none will come."""
        connector = self._asked.pop(body.request_id, None)
        if connector is not None:
            connector.senses.readings.ring_until_s = 0.0
            connector.step(now)
