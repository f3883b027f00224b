"""Keys that show the present state."""

from typing import Any

import msgspec
import pytest

from bus.topics import SAFETY_CONNECTOR, SYSTEM_EVENTS, SYSTEM_FAULTS, Topic
from schemas.base import ActiveFault, Message
from schemas.safety import Contactor, Lock, PilotState, SafetyConnector
from schemas.system import Event, EventHistory, ShownFault, StationFaults
from services.settings.live import LIVE, joined, live_values, socket_words
from services.settings.raised import RaisedFaults
from services.settings.table import KEYS

pytestmark = pytest.mark.unit


def connector(
    lock: Lock, vehicle: bool = False, cable: bool = False, contactor: Contactor = Contactor.OPEN
) -> SafetyConnector:
    return SafetyConnector(
        connector=1,
        state=PilotState.A,
        contactor=contactor,
        lock=lock,
        vehicle_connected=vehicle,
        cable_plugged=cable,
        offered_a=15.96,
    )


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (connector(Lock.UNLOCKED), "empty, unlocked"),
        (connector(Lock.UNLOCKED, cable=True), "plug inserted, unlocked"),
        (connector(Lock.LOCKED, True, True), "vehicle connected, locked"),
        (connector(Lock.LOCKED, True, True, Contactor.CLOSED), "vehicle connected, power on, locked"),
        (connector(Lock.FAILED, True, True), "vehicle connected, lock failed"),
        (connector(Lock.NONE, cable=True), "no vehicle"),
        (connector(Lock.NONE, True, True), "vehicle connected"),
    ],
)
def test_the_socket_state_is_told_in_words(state: SafetyConnector, words: str) -> None:
    assert socket_words(state) == words


def shown(
    connector: SafetyConnector | None = None, faults: StationFaults | None = None, events: EventHistory | None = None
) -> dict[str, str]:
    said: dict[Topic[Any], Message | None] = {SAFETY_CONNECTOR: connector, SYSTEM_FAULTS: faults, SYSTEM_EVENTS: events}
    return live_values(lambda topic, _key: said.get(topic))


def test_what_is_not_heard_has_no_value() -> None:
    assert {name: value for name, value in shown().items() if value != "unknown"} == {}
    assert shown()["SocketType2State"] == "unknown"


def test_every_connector_has_its_own_values() -> None:
    said = {"1": connector(Lock.UNLOCKED), "2": connector(Lock.LOCKED, True, True)}
    values = live_values(lambda topic, key: said.get(key) if topic is SAFETY_CONNECTOR else None, connectors=2)
    assert values["SocketType2State"] == "empty, unlocked"
    assert values["SocketType2State[2]"] == "vehicle connected, locked"
    assert values["SignaledCurrentLimit[2]"] == "16"


def test_every_live_row_is_a_live_key_and_the_other_way() -> None:
    assert {row.name for row in LIVE} == {name for name, key in KEYS.items() if key.live}
    for row in LIVE:
        assert row.topic.key or not KEYS[row.name].per_connector, row.name


def test_a_key_that_not_every_connector_has_shows_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    single = msgspec.structs.replace(KEYS["SignaledCurrentLimit"], per_connector=False)
    monkeypatch.setitem(KEYS, single.name, single)
    values = live_values(lambda topic, _key: connector(Lock.NONE) if topic is SAFETY_CONNECTOR else None, connectors=2)
    assert "SignaledCurrentLimit" in values
    assert "SignaledCurrentLimit[2]" not in values


def test_errors_and_resolutions_stand_in_the_same_order() -> None:
    def fault(code: str, number: int) -> ShownFault:
        return ShownFault(
            fault=ActiveFault(code=code, connector=number),
            owner="safety",
            text=f"text of {code}",
            instruction=f"do {code}",
            error_code="OtherError",
            internal_code="02-01-001",
        )

    values = shown(connector(Lock.NONE), StationFaults(faults=(fault("a", 1), fault("b", 0))))
    assert values["ErrorsList"] == "02-01-001 text of a (connector 1); 02-01-001 text of b"
    assert values["ErrorResolution"] == "do a; do b"
    assert values["SignaledCurrentLimit"] == "16"


def test_events_have_their_time_and_fit_into_a_value() -> None:
    events = tuple(Event(wall_s=1_800_000_000.5, code="x", text=f"event number {n}") for n in range(50))
    value = shown(events=EventHistory(events=events))["EventsList"]
    assert value.startswith("2027-01-15T08:00:00.500Z event number 0; ")
    assert len(value) <= 500
    assert value.endswith("more")


def test_one_item_that_is_too_long_is_counted_not_cut() -> None:
    assert joined(["x" * 600]) == "and 1 more"
    assert joined([]) == ""


def test_a_fault_is_raised_once_keeps_its_time_and_is_cleared_once() -> None:
    faults = RaisedFaults()
    assert faults.told().faults == ()
    faults.show("disk_full", "no room", 10.0)
    assert faults.changed
    assert faults.told().faults[0].since_wall_s == 10.0
    faults.show("disk_full", "no room", 20.0)
    assert not faults.changed
    faults.show("disk_full", "no room at all", 30.0)
    assert faults.told().faults[0].since_wall_s == 10.0
    faults.show("disk_full", "", 40.0)
    assert faults.changed
    assert faults.told().faults == ()
    faults.show("disk_full", "", 50.0)
    assert not faults.changed
