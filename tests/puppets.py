"""Stand-ins for services in tests of a few real ones: they say what the test wants and remember what they heard."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.envelope import Received
from bus.topics import Topic
from schemas.base import Answered, Message, Request
from services.home import Home
from services.runner import Source
from tests.virtual_cell import Cell, Wiring

FAR_S = 1e9


class Puppet:
    """`hears` and `asks` are given to `wiring`."""

    settings_revision = 0

    def __init__(self, bus: Endpoint) -> None:
        self.bus = bus
        self.answers: dict[str, Answered] = {}

    def on_start(self, now: Now) -> None: ...

    def on_message(self, message: Received, now: Now) -> None:
        if isinstance(message.body, Answered):
            self.answers[message.body.request_id] = message.body

    def on_time(self, now: Now) -> float:
        return FAR_S

    def on_stop(self, now: Now) -> None: ...

    def sources(self) -> Iterable[Source]:
        return ()


def puppet(hears: tuple[Topic[Any], ...] = (), asks: tuple[Topic[Any], ...] = ()) -> Wiring:
    return Wiring(hears, asks, lambda context: Puppet(context.bus))


def cell(root: Path, wirings: dict[str, Wiring], text: str = "") -> Cell:
    """A running cell below `root`."""
    result = Cell(Home(root / "home"), text, wirings)
    result.home.station_file.parent.mkdir(parents=True, exist_ok=True)
    result.home.station_file.write_text(text, encoding="utf-8")
    result.power_up()
    result.settle()
    return result


def say(cell: Cell, topic: Topic[Any], body: Message, key: str = "") -> None:
    cell.processes[topic.owner].endpoint.publish(topic, body, key)
    cell.settle()


def ask(cell: Cell, asker: str, topic: Topic[Any], request: Request, within_s: float = 5.0) -> Answered:
    """Sends a request and turns the clock until it is answered."""
    process = cell.processes[asker]
    assert isinstance(process.service, Puppet)
    process.endpoint.request(topic, request)
    process.deadline_s = min(process.deadline_s, process.endpoint.on_time())
    answers = process.service.answers
    cell.until(lambda: request.request_id in answers, within_s)
    return answers[request.request_id]


def id_and_end(cell: Cell, asker: str, seconds: float = 5.0) -> dict[str, Any]:
    """`request_id` and `expires_s` of a new request."""
    endpoint = cell.processes[asker].endpoint
    return {"request_id": endpoint.new_id(), "expires_s": cell.clock.boot_s + seconds}
