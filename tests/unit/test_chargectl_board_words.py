"""The board's trouble stands behind its own fault, and behind nothing else."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace

from bus.endpoint import Endpoint
from bus.memory import Hub
from bus.topics import SAFETY_CONNECTOR, SAFETY_STATION, SESSION_CONNECTOR, SYSTEM_FAULTS
from chargectl import health, safety
from chargectl.board_words import with_trouble
from chargectl.bus_client import BusClient
from schemas.base import ActiveFault
from schemas.safety import SafetyStation
from schemas.system import StationFaults
from services.system.faults import FaultBook
from tests.schema_samples import samples
from tests.virtual_clock import VirtualClock

pytestmark = pytest.mark.unit

TROUBLE = "/dev/ttyS1: no permission"
FAULT = "Board does not answer"
WORDS = f"{FAULT}: {TROUBLE}"


@pytest.mark.parametrize(
    ("text", "trouble", "told"),
    [(FAULT, TROUBLE, WORDS), (FAULT, "", FAULT), ("Contactor welded", TROUBLE, "Contactor welded"), ("", TROUBLE, "")],
)
def test_trouble_explains_only_that_the_board_does_not_answer(text: str, trouble: str, told: str) -> None:
    assert with_trouble(text, trouble) == told


@pytest.fixture
def client() -> BusClient:
    """On the bus of a station whose board is in trouble."""
    clock, hub = VirtualClock(), Hub()
    hears = (SAFETY_CONNECTOR, SAFETY_STATION, SESSION_CONNECTOR, SYSTEM_FAULTS)
    owners = {name: Endpoint(name, clock, run_id=name) for name in ("safety", "session", "system")}
    client = SimpleNamespace(
        bus=Endpoint("chargectl-1", clock, run_id="c", hears=hears),
        clock=clock,
        ask=lambda *_, **__: SimpleNamespace(values={}),
    )
    for endpoint in (*owners.values(), client.bus):
        hub.join(endpoint)
    book = FaultBook()
    book.report("safety", [("safety", ActiveFault(code="board_trouble", connector=1))], 1.0)
    says: dict[Any, Any] = {
        SAFETY_CONNECTOR: replace(_sample(SAFETY_CONNECTOR), faults=("board_trouble",), reason=FAULT),
        SAFETY_STATION: SafetyStation(trouble=TROUBLE),
        SESSION_CONNECTOR: replace(_sample(SESSION_CONNECTOR), reason=FAULT),
        SYSTEM_FAULTS: StationFaults(faults=book.shown()),
    }
    hub.deliver()
    for topic, body in says.items():
        owners[topic.owner].publish(topic, body, key="1" if topic.key else "")
    hub.deliver()
    return cast(BusClient, client)


def _sample(topic: Any) -> Any:
    (found,) = samples(topic).values()
    return found.body


def test_status_and_doctor_show_why_the_board_does_not_answer(client: BusClient) -> None:
    (told,) = health._faults(client)
    assert told.startswith(f"{WORDS} (safety, connector 1): Charging resumes by itself")
    assert health._connector(client, 1)["reason"] == WORDS


def test_safety_shows_why_the_board_does_not_answer(client: BusClient) -> None:
    looked = safety._connector(client, 1)
    assert [fault["text"] for fault in looked["faults"]] == [WORDS]
    lines = safety._text("1", looked).splitlines()
    assert any(line.strip().startswith(f"power does not flow: {WORDS}") for line in lines)
    assert any(line.endswith(f" {WORDS} (board_trouble)") for line in lines)
