"""The metering service: asks every meter once a second and says what came of it. It routes; the rules are elsewhere."""

import logging
from collections.abc import Iterable, Mapping

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.envelope import Received
from bus.topics import (
    FAULTS,
    METERING_READING,
    METERING_RING_PAGE,
    METERING_RING_REQUEST,
    METERING_SIGN,
    SETTINGS_VALUES,
)
from hardware.interfaces import MeterLink
from schemas.base import ActiveFaults, Answer
from schemas.metering import MeterReading, RingPage, RingRequest
from schemas.station import Station
from services.metering.acquisition import Acquisition
from services.metering.addresses import mounted_meters
from services.metering.signing import Job
from services.metering.signing_desk import SigningDesk

HEARS = (SETTINGS_VALUES,)
ASKS = ()

logger = logging.getLogger("metering")


class Metering:
    """`links`: the wire to each meter of `mounted_meters(station)`, by its name."""

    def __init__(self, bus: Endpoint, station: Station, links: Mapping[str, MeterLink]) -> None:
        self.settings_revision = 0
        self._bus = bus
        self._links = links
        self._meters = {name: Acquisition(name, mounted) for name, mounted in mounted_meters(station).items()}
        self._signing = SigningDesk(bus, self._meters)
        self._signs: dict[str, Job] = {}
        """By meter: whose question its link has now."""
        self._waiting: set[str] = set()
        """Meters whose question of this second waits for the end of another."""
        self._said_faults: tuple[tuple[int, str], ...] | None = None

    def on_start(self, now: Now) -> None:  # noqa: ARG002
        self._say_faults()

    def on_message(self, message: Received, now: Now) -> None:
        if message.topic is SETTINGS_VALUES:
            self.settings_revision = message.body.revision
        elif message.topic is METERING_RING_REQUEST:
            self._answer_ring(message.body, now)
        elif message.topic is METERING_SIGN:
            self._signing.take(message.body, now)

    def on_time(self, now: Now) -> float:
        for name, meter in self._meters.items():
            link = self._links[name]
            self._take(meter, link, now)
            if now.boot_s >= meter.next_s:
                self._say(meter.begin_second(now))
                if not link.ask(meter.reads) and name in self._signs:
                    self._waiting.add(name)
                self._take(meter, link, now)
            if meter.mounted.model.signing is not None:
                self._sign(meter, link, now)
        self._say_faults()
        times = [min(meter.next_s, self._sign_s(name, now)) for name, meter in self._meters.items()]
        return min([self._signing.on_time(now), *times])

    def on_stop(self, now: Now) -> None:
        pass

    def sources(self) -> Iterable[MeterLink]:
        return self._links.values()

    def _take(self, meter: Acquisition, link: MeterLink, now: Now) -> None:
        answer = link.answer()
        if answer is None:
            return
        job = self._signs.pop(meter.name, None)
        if job is None:
            self._say(meter.take(answer, now))
        else:
            self._signing.answered(meter.name, job, answer, now)

    def _sign(self, meter: Acquisition, link: MeterLink, now: Now) -> None:
        """Questions for a signed reading, as far as they are answered at once; the second's reading comes first."""
        while meter.name not in self._signs:
            if meter.name in self._waiting:
                self._waiting.discard(meter.name)
                link.ask(meter.reads)
                self._take(meter, link, now)
            question = self._signing.question(meter.name, now)
            if question is None or not link.ask(question[1]):
                return
            self._signs[meter.name] = question[0]
            self._take(meter, link, now)

    def _sign_s(self, name: str, now: Now) -> float:
        """While its link is busy the answer wakes us."""
        due_s = self._signing.due_s(name)
        return due_s if due_s > now.boot_s else float("inf")

    def _say(self, reading: MeterReading | None) -> None:
        if reading is not None:
            self._bus.publish(METERING_READING, reading, key=reading.meter)

    def _say_faults(self) -> None:
        faults = [fault for meter in self._meters.values() for fault in meter.faults.values()]
        known = tuple(sorted((fault.connector, fault.code) for fault in faults))
        if known != self._said_faults:
            before, self._said_faults = set(self._said_faults or ()), known
            for fault in faults:
                if (fault.connector, fault.code) not in before:
                    logger.warning("%s raised: %s", fault.code, fault.detail)
            for connector, code in sorted(before - set(known)):
                logger.info("%s of connector.%d cleared", code, connector)
            self._bus.publish(FAULTS["metering"], ActiveFaults(faults=tuple(faults)))

    def _answer_ring(self, request: RingRequest, now: Now) -> None:
        if now.boot_s >= request.expires_s:
            return
        meter = self._meters.get(request.meter)
        if meter is None or request.to_s < request.from_s:
            known = ", ".join(self._meters) or "none"
            reason = f"no meter {request.meter!r}; meters: {known}" if meter is None else "to_s lies before from_s"
            self._bus.answer(request.request_id, Answer.REJECTED, reason)
            return
        pages = meter.ring.pages(request.from_s, max(request.from_s, min(request.to_s, now.boot_s)))
        for number, page in enumerate(pages, 1):
            body = RingPage(
                meter=request.meter,
                request_id=request.request_id,
                page=number,
                pages=len(pages),
                readings=page.readings,
                gaps=page.gaps,
            )
            self._bus.publish(METERING_RING_PAGE, body, key=request.meter)
        self._bus.answer(request.request_id, Answer.ACCEPTED, values={"pages": str(len(pages))})
