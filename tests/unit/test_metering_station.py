"""The metering service on the in-memory bus, with meters of paper."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pytest

from bus.endpoint import Endpoint, Heard
from bus.envelope import Received
from bus.memory import Hub
from bus.topics import ANSWERED, FAULTS, METERING_READING, METERING_RING_PAGE, METERING_RING_REQUEST, SETTINGS_VALUES
from hardware.interfaces import RegisterAnswer, RegisterRead
from schemas.base import Answer, Answered
from schemas.metering import Quality, RingPage, RingRequest
from schemas.settings import SettingsSnapshot
from schemas.station import ConnectorSection, Station
from services.metering.station import ASKS, HEARS, Metering
from tests.metering_words import charging_words
from tests.virtual_clock import VirtualClock

pytestmark = pytest.mark.unit

Words = tuple[tuple[int, ...], ...]


@dataclass
class PaperMeter:
    """Answers at once with what `says` returns; None = never."""

    clock: VirtualClock
    says: Callable[[], Words | None]
    asked: int = 0
    _answer: RegisterAnswer | None = None

    def ask(self, reads: Sequence[RegisterRead]) -> bool:
        self.asked += 1
        words = self.says()
        if words is not None:
            now_s = self.clock.boot_s
            self._answer = RegisterAnswer(now_s, now_s, words)
        return True

    def answer(self) -> RegisterAnswer | None:
        answer, self._answer = self._answer, None
        return answer

    def fileno(self) -> int:
        return -1

    def receive(self) -> None:
        pass


@dataclass
class Cell:
    """Metering, one listener, a clock."""

    connectors: int = 1
    clock: VirtualClock = field(default_factory=VirtualClock)
    hub: Hub = field(default_factory=Hub)
    words: dict[str, Words | None] = field(default_factory=dict)
    heard: list[Received] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.station = Station(connector={str(n): ConnectorSection() for n in range(1, self.connectors + 1)})
        self.listener = Endpoint(
            "session",
            self.clock,
            run_id="listener",
            hears=(METERING_READING, METERING_RING_PAGE, FAULTS["metering"]),
            asks=(METERING_RING_REQUEST,),
        )
        self.settings = Endpoint("settings", self.clock, run_id="settings")
        self.hub.join(self.listener)
        self.hub.join(self.settings)
        self.begin("first run")

    def begin(self, run_id: str) -> None:
        names = [f"connector.{number}" for number in range(1, self.connectors + 1)]
        for name in names:
            self.words.setdefault(name, charging_words(1000, power_w=0.0))
        self.links = {name: PaperMeter(self.clock, lambda name=name: self.words[name]) for name in names}  # type: ignore[misc]
        self.endpoint = Endpoint("metering", self.clock, run_id=run_id, hears=HEARS, asks=ASKS)
        self.service = Metering(self.endpoint, self.station, self.links)
        self.hub.join(self.endpoint)
        self.service.on_start(self.clock.now())
        self.turn()

    def turn(self) -> float:
        self.hub.deliver()
        while self.endpoint.inbox:
            self.service.on_message(self.endpoint.inbox.popleft(), self.clock.now())
        next_s = self.service.on_time(self.clock.now())
        self.hub.deliver()
        self.heard += self.listener.inbox
        self.listener.inbox.clear()
        return next_s

    def seconds(self, count: int) -> None:
        for _ in range(count):
            self.clock.move_to(self.turn())
            self.turn()

    def ask_ring(self, meter: str, from_s: float, to_s: float, expires_in_s: float = 5.0) -> str:
        request_id = self.listener.new_id()
        expires_s = self.clock.boot_s + expires_in_s
        body = RingRequest(request_id=request_id, expires_s=expires_s, meter=meter, from_s=from_s, to_s=to_s)
        self.listener.request(METERING_RING_REQUEST, body)
        self.turn()
        return request_id

    def answers(self) -> list[Answered]:
        return [message.body for message in self.heard if message.topic is ANSWERED["metering"]]

    def pages(self) -> list[RingPage]:
        return [message.body for message in self.heard if message.topic is METERING_RING_PAGE]


def test_every_meter_is_asked_and_said_once_a_second() -> None:
    cell = Cell(connectors=3)
    cell.seconds(10)
    for name, link in cell.links.items():
        said = [message for message in cell.heard if message.topic is METERING_READING and message.key == name]
        assert (link.asked, len(said)) == (11, 11)


def test_one_meter_that_never_answers_holds_up_no_other_and_raises_its_own_fault_once() -> None:
    cell = Cell(connectors=2)
    cell.words["connector.2"] = None
    cell.seconds(20)
    first = cell.listener.latest(METERING_READING, "connector.1")
    second = cell.listener.latest(METERING_READING, "connector.2")
    assert first.fresh is not None
    assert second.fresh is not None
    assert (first.fresh.quality, second.fresh.quality) == (Quality.GOOD, Quality.SILENT)
    lists = [m.body.faults for m in cell.heard if m.topic is FAULTS["metering"]]
    assert [[(fault.code, fault.connector) for fault in faults] for faults in lists] == [[], [("meter_silent", 2)]]


def test_a_fault_is_taken_back_after_two_good_samples() -> None:
    cell = Cell()
    cell.words["connector.1"] = None
    cell.seconds(10)
    cell.words["connector.1"] = charging_words(1001, power_w=0.0)
    cell.seconds(3)
    lists = [len(m.body.faults) for m in cell.heard if m.topic is FAULTS["metering"]]
    assert lists == [0, 1, 0]


def test_no_faults_are_said_at_the_start_so_that_old_ones_do_not_stay() -> None:
    cell = Cell()
    cell.words["connector.1"] = None
    cell.seconds(10)
    cell.hub.leave("metering")
    cell.begin("second run")
    body = cell.listener.latest(FAULTS["metering"]).body
    assert body is not None
    assert body.faults == ()


def test_a_ring_request_brings_pages_and_then_its_answer() -> None:
    cell = Cell()
    cell.seconds(300)
    begin_s = cell.clock.boot_s - 200.0
    request_id = cell.ask_ring("connector.1", begin_s, cell.clock.boot_s)
    pages = cell.pages()
    assert [(page.page, page.pages, len(page.readings)) for page in pages] == [(1, 2, 120), (2, 2, 81)]
    assert {page.request_id for page in pages} == {request_id}
    assert pages[0].readings[0].sampled_s == begin_s
    assert [(answer.outcome, answer.values) for answer in cell.answers()] == [(Answer.ACCEPTED, {"pages": "2"})]
    topics = [m.topic for m in cell.heard if m.topic in (METERING_RING_PAGE, ANSWERED["metering"])]
    assert topics == [METERING_RING_PAGE, METERING_RING_PAGE, ANSWERED["metering"]]


def test_a_restart_leaves_a_marked_gap_and_never_a_filled_one() -> None:
    cell = Cell()
    cell.seconds(60)
    begin_s = cell.clock.boot_s - 30.0
    cell.hub.leave("metering")
    cell.clock.move_to(cell.clock.boot_s + 20.0)
    cell.begin("second run")
    restarted_s = cell.clock.boot_s
    cell.seconds(5)
    cell.ask_ring("connector.1", begin_s, cell.clock.boot_s)
    (page,) = cell.pages()
    assert page.gaps == ((begin_s, restarted_s),)
    assert [reading.sampled_s for reading in page.readings] == [restarted_s + second for second in range(6)]


def test_the_time_to_come_is_no_gap() -> None:
    cell = Cell()
    cell.seconds(10)
    cell.ask_ring("connector.1", cell.clock.boot_s - 5.0, cell.clock.boot_s + 1000.0)
    assert [page.gaps for page in cell.pages()] == [()]


@pytest.mark.parametrize(
    ("meter", "from_s", "to_s", "reason"),
    [("connector.9", 0.0, 1.0, "meters: connector.1"), ("connector.1", 5.0, 4.0, "to_s lies before from_s")],
)
def test_a_ring_request_that_makes_no_sense_is_rejected_with_a_reason(
    meter: str, from_s: float, to_s: float, reason: str
) -> None:
    cell = Cell()
    cell.ask_ring(meter, from_s, to_s)
    (answer,) = cell.answers()
    assert answer.outcome is Answer.REJECTED
    assert reason in answer.reason
    assert cell.pages() == []


def test_an_expired_ring_request_is_left_alone() -> None:
    cell = Cell()
    cell.service.on_message(
        Received(
            METERING_RING_REQUEST,
            "",
            RingRequest(
                request_id="x", expires_s=cell.clock.boot_s, meter="connector.1", from_s=0.0, to_s=1.0
            ),
            "session", "listener", 1, 0.0, 0.0, "", False,
        ),
        cell.clock.now(),
    )  # fmt: skip
    cell.turn()
    assert cell.pages() == []


def test_the_applied_settings_revision_is_told() -> None:
    cell = Cell()
    cell.settings.publish(SETTINGS_VALUES, SettingsSnapshot(revision=7, values={}))
    cell.turn()
    assert cell.service.settings_revision == 7


def test_a_station_without_meters_sleeps() -> None:
    clock = VirtualClock()
    endpoint = Endpoint("metering", clock, run_id="r")
    service = Metering(endpoint, Station(connector={"1": ConnectorSection(meter="none")}), {})
    service.on_start(clock.now())
    assert service.on_time(clock.now()) == float("inf")
    assert endpoint.latest(METERING_READING, "connector.1").status is Heard.NEVER
