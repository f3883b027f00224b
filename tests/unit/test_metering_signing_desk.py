"""Signed readings beside the reading of every second, on the in-memory bus: who has the wire, and who is answered."""

from collections.abc import Sequence

import pytest

from bus.endpoint import Endpoint
from bus.memory import Hub
from bus.topics import METERING_READING, METERING_SIGN
from hardware.interfaces import RegisterAnswer, RegisterStep
from hardware.sim.direct import DirectMeterLink
from hardware.sim.site import ConnectorDescription, Site, SiteDescription
from schemas.base import Answer, Answered
from schemas.metering import MeterReading, SignContext, SignRequest
from schemas.station import ConnectorSection, Station
from services.metering.station import ASKS, HEARS, Metering
from tests.virtual_clock import VirtualClock

pytestmark = pytest.mark.unit

MODEL = "carlo_gavazzi_em580"
METER = "connector.1"


class HeldLink:
    """The simulated meter; its answers are held back while `holds`."""

    def __init__(self, link: DirectMeterLink) -> None:
        self.asked: list[Sequence[RegisterStep]] = []
        self.holds = False
        self.holds_at = -1
        """From the next question on that asks for this register."""
        self._link = link

    def ask(self, steps: Sequence[RegisterStep]) -> bool:
        taken = self._link.ask(steps)
        if taken:
            self.asked.append(steps)
            self.holds = self.holds or any(step.address == self.holds_at for step in steps)
        return taken

    def answer(self) -> RegisterAnswer | None:
        return None if self.holds else self._link.answer()

    def fileno(self) -> int:
        return -1

    def receive(self) -> None:
        pass


class Cell:
    def __init__(self) -> None:
        self.clock, self.hub = VirtualClock(), Hub()
        site = Site(SiteDescription({1: ConnectorDescription(meter=MODEL)}), now_s=self.clock.boot_s)
        self.link = HeldLink(DirectMeterLink(site, METER, lambda: self.clock.boot_s))
        self.client = Endpoint("session", self.clock, run_id="client", hears=(METERING_READING,), asks=(METERING_SIGN,))
        self.endpoint = Endpoint("metering", self.clock, run_id="run", hears=HEARS, asks=ASKS)
        self.hub.join(self.client)
        station = Station(connector={"1": ConnectorSection(meter=MODEL)})
        self.service = Metering(self.endpoint, station, {METER: self.link})
        self.hub.join(self.endpoint)
        self.service.on_start(self.clock.now())
        self.readings: list[MeterReading] = []
        self.answers: dict[str, Answered] = {}
        self.turn()

    @property
    def reads(self) -> Sequence[RegisterStep]:
        """The question of every second."""
        return self.link.asked[0]

    def turn(self, after_s: float = 0.0) -> float:
        self.clock.move_to(self.clock.boot_s + after_s)
        self.client.on_time()
        self.hub.deliver()
        while self.endpoint.inbox:
            self.service.on_message(self.endpoint.inbox.popleft(), self.clock.now())
        next_s = self.service.on_time(self.clock.now())
        self.hub.deliver()
        while self.client.inbox:
            body = self.client.inbox.popleft().body
            if isinstance(body, MeterReading):
                self.readings.append(body)
            elif isinstance(body, Answered):
                self.answers[body.request_id] = body
        return next_s

    def ask(self, transaction_id: str, context: SignContext = SignContext.BEGIN, within_s: float = 13.0) -> str:
        request = SignRequest(
            request_id=self.client.new_id(),
            expires_s=self.clock.boot_s + within_s,
            meter=METER,
            transaction_id=transaction_id,
            context=context,
        )
        self.client.request(METERING_SIGN, request)
        return request.request_id


def test_the_reading_of_the_second_waits_for_the_wire_and_then_comes_first() -> None:
    cell = Cell()
    cell.ask("one")
    cell.link.holds = True
    cell.turn(0.7)
    assert cell.link.asked[-1] != cell.reads
    cell.turn(0.4)
    cell.link.holds = False
    before = len(cell.link.asked)
    cell.turn(0.1)
    assert cell.link.asked[before] == cell.reads
    assert cell.readings[-1].reading is not None
    assert cell.readings[-1].reading.sampled_s == cell.clock.boot_s


def test_it_never_turns_in_circles_while_it_waits() -> None:
    cell = Cell()
    request_id = cell.ask("one")
    cell.turn()
    cell.link.holds = True
    for _ in range(100):
        assert cell.turn(0.03) > cell.clock.boot_s
    cell.link.holds = False
    for _ in range(40):
        assert cell.turn(0.1) > cell.clock.boot_s
    assert cell.answers[request_id].outcome is Answer.ACCEPTED


def test_a_new_request_takes_over_and_an_answer_to_the_one_before_counts_for_nobody() -> None:
    cell = Cell()
    cell.ask("one")
    for _ in range(40):
        cell.turn(0.1)
    cell.link.holds_at = 0x7110
    first = cell.ask("one")
    cell.turn()
    assert cell.link.holds, "the record is being read"
    second = cell.ask("two")
    cell.turn(0.3)
    assert cell.answers[first].outcome is Answer.REJECTED
    cell.link.holds, cell.link.holds_at = False, -1
    for _ in range(60):
        cell.turn(0.1)
    assert '"TT":"two"' in cell.answers[second].values["record"]


def test_a_request_for_nothing_known_is_rejected_with_words() -> None:
    cell = Cell()
    request_id = cell.ask("one", SignContext.UNKNOWN)
    cell.turn()
    assert cell.answers[request_id].outcome is Answer.REJECTED
    assert cell.answers[request_id].reason == "neither the begin nor the end of a transaction"


def test_a_meter_that_does_not_answer_is_a_refusal_before_the_end_of_the_request() -> None:
    cell = Cell()
    request_id = cell.ask("one", within_s=3.0)
    cell.turn()
    cell.link.holds = True
    for _ in range(29):
        cell.turn(0.1)
    assert cell.answers[request_id].outcome is Answer.REJECTED
    assert cell.answers[request_id].reason == "the meter has not signed in time"


def test_the_meter_says_that_it_signs() -> None:
    cell = Cell()
    cell.turn(1.0)
    assert cell.readings[-1].signs
