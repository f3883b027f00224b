"""Keys that show the present state."""

import pytest

from schemas.base import ActiveFault
from schemas.safety import Contactor, Lock, PilotState, SafetyConnector
from schemas.system import Event, EventHistory, ShownFault, StationFaults
from services.settings.live import joined, live_values, socket_words
from services.settings.raised import RaisedFaults

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


def test_what_is_not_heard_has_no_value() -> None:
    assert live_values(None, None, None) == {"SocketType2State": "unknown"}


def test_errors_and_resolutions_stand_in_the_same_order() -> None:
    def shown(code: str, number: int) -> ShownFault:
        return ShownFault(
            fault=ActiveFault(code=code, connector=number),
            owner="safety",
            text=f"text of {code}",
            instruction=f"do {code}",
            error_code="OtherError",
            internal_code="02-01-001",
        )

    values = live_values(connector(Lock.NONE), StationFaults(faults=(shown("a", 1), shown("b", 0))), None)
    assert values["ErrorsList"] == "02-01-001 text of a (connector 1); 02-01-001 text of b"
    assert values["ErrorResolution"] == "do a; do b"
    assert values["SignaledCurrentLimit"] == "16"


def test_events_have_their_time_and_fit_into_a_value() -> None:
    events = tuple(Event(wall_s=1_800_000_000.5, code="x", text=f"event number {n}") for n in range(50))
    value = live_values(None, None, EventHistory(events=events))["EventsList"]
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
