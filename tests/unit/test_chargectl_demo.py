"""The story of the demo and its picture."""

import pytest

from chargectl.demo.picture import Paint, fitted, one_line, picture
from chargectl.demo.story import PATIENCE_S, Story
from chargectl.demo.view import ConnectorView, ServiceView, View
from schemas.metering import MeterReading, Quality, Reading
from schemas.safety import Contactor, Lock, PilotState, SafetyConnector
from schemas.session import ConnectorStatus, Limit, LimitSource, SessionConnector

pytestmark = pytest.mark.unit


def view(
    status: ConnectorStatus = ConnectorStatus.AVAILABLE, *, car: bool = False, up: bool = True, transaction: str = ""
) -> View:
    safety = SafetyConnector(
        connector=1,
        state=PilotState.C2 if car else PilotState.A,
        contactor=Contactor.CLOSED if status is ConnectorStatus.CHARGING else Contactor.OPEN,
        lock=Lock.LOCKED if car else Lock.UNLOCKED,
        vehicle_connected=car,
        cable_plugged=car,
        offered_a=10.0 if car else 0.0,
    )
    session = SessionConnector(
        connector=1,
        status=status,
        transaction_id=transaction,
        energy_wh=1234 if transaction else None,
        limit_a=10.0,
        limit_source=LimitSource.OPERATOR,
        limits=(
            Limit(source=LimitSource.OPERATOR, limit_a=10.0),
            Limit(source=LimitSource.HARDWARE, limit_a=32.0),
        ),
    )
    reading = Reading(sampled_s=1.0, sampled_wall_s=1.0, power_w=6900.0, current_a=(10.0, 10.0, 10.0))
    meter = MeterReading(meter="connector.1", model="m", serial="1", quality=Quality.GOOD, reading=reading)
    services = (ServiceView("safety", up), ServiceView("session", True, 5, 3.0))
    return View("SIM-0001", services, (ConnectorView(1, safety, session, meter),), "12:00:00 Station started")


def test_the_story_plugs_in_swipes_once_and_ends_with_charging() -> None:
    story = Story("CARD")
    seen = []
    status, car = ConnectorStatus.AVAILABLE, False
    for second in range(30):
        operation = story.turn(view(status, car=car), float(second))
        if operation is not None:
            seen.append(operation)
            car = True
            status = ConnectorStatus.PREPARING if operation["op"] == "plug_in" else ConnectorStatus.CHARGING
    assert seen == [{"op": "plug_in", "connector": 1}, {"op": "swipe", "id_tag": "CARD"}]
    assert story.caption == "It charges."


def test_the_story_waits_until_every_service_is_up() -> None:
    story = Story("CARD")
    assert all(story.turn(view(up=False), float(second)) is None for second in range(60))
    assert "Still waiting for: safety" in story.caption
    assert story.turn(view(up=True), PATIENCE_S + 100) is None
    assert "ready" in story.caption


def test_the_story_goes_on_from_a_charge_that_runs_already() -> None:
    story = Story("CARD")
    for second in range(30):
        assert story.turn(view(ConnectorStatus.CHARGING, car=True, transaction="t"), float(second)) is None
    assert story.caption == "It charges."


def test_the_story_holds_the_card_only_when_the_car_is_seen() -> None:
    story = Story("CARD")
    operations = [story.turn(view(), float(second)) for second in range(20)]
    assert [operation["op"] for operation in operations if operation] == ["plug_in"]


def test_a_start_that_takes_long_says_why() -> None:
    story = Story("CARD")
    for second in range(40):
        story.turn(view(ConnectorStatus.SUSPENDED_EVSE, car=True, transaction="t"), float(second))
    assert "does not charge yet: SuspendedEVSE" in story.caption


def test_without_a_card_the_story_does_not_swipe() -> None:
    story = Story("")
    operations = [story.turn(view(ConnectorStatus.PREPARING, car=True), float(second)) for second in range(20)]
    assert operations == [None] * 20


def test_the_picture_shows_what_a_person_wants_to_know() -> None:
    lines = picture(
        view(ConnectorStatus.CHARGING, car=True, transaction="t"), "It charges.", 65.0, ["join"], Paint(False)
    )
    text = "\n".join(lines)
    for words in (
        "SIM-0001",
        "01:05",
        "Charging",
        "6.90 kW",
        "L3 10.0 A",
        "10.0 A, set by: operator",
        "hardware 32 A",
        "1.234 kWh",
        "safety up",
        "session restarted 3 s ago",
        "Station started",
        "It charges.",
        "join",
    ):
        assert words in text
    assert "\x1b" not in text


def test_a_silent_service_is_seen() -> None:
    silent = View("S", (ServiceView("safety", False),), (ConnectorView(1),))
    text = "\n".join(picture(silent, "", 0.0, [], Paint(True)))
    assert "safety DOWN" in text
    assert "session is silent" in text
    assert "DOWN: safety" in one_line(silent, "")


def test_one_line_says_the_same_for_a_log() -> None:
    line = one_line(view(ConnectorStatus.CHARGING, car=True, transaction="t"), "It charges.")
    assert line.startswith("It charges. | connector 1: Charging, 6.90 kW")
    assert "limit 10.0 A (operator), 1234 Wh" in line
    assert "all services up" in line


def test_a_picture_never_scrolls_a_small_terminal() -> None:
    paint = Paint(True)
    lines = [paint("x" * 100, "31"), *["short"] * 30]
    shown = fitted(lines, columns=80, rows=10)
    assert len(shown) == 1 + 6 + 1, "two rows for the long line, six short ones, the hint, and one row free"
    assert "taller" in shown[-1]
    assert fitted(["a", "b"], 80, 24) == ["a", "b"]
