"""The story of the demo and its picture."""

import pytest

from chargectl.demo.join_in import join_in
from chargectl.demo.picture import LONGEST_SAID, Paint, fitted, link_words, one_line, picture, queue_words
from chargectl.demo.story import PATIENCE_S, Story
from chargectl.demo.view import BackendView, ConnectorView, ServiceView, View
from schemas.message_queue import QueueStatus
from schemas.metering import MeterReading, Quality, Reading
from schemas.ocpp_link import LinkState, LinkStatus
from schemas.safety import Contactor, Lock, PilotState, SafetyConnector
from schemas.session import ConnectorStatus, Limit, LimitSource, SessionConnector
from services.home import Home

pytestmark = pytest.mark.unit


def view(
    status: ConnectorStatus = ConnectorStatus.AVAILABLE,
    *,
    car: bool = False,
    up: bool = True,
    transaction: str = "",
    number: int | None = None,
    backend: BackendView = BackendView(),  # noqa: B008
    starting: bool = False,
) -> View:
    safety = SafetyConnector(
        connector=1,
        state=PilotState.BOOT if starting else PilotState.C2 if car else PilotState.A,
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
        backend_transaction_id=number,
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
    connectors = (ConnectorView(1, safety, session, meter),)
    return View("SIM-0001", services, connectors, "12:00:00 Station started", backend=backend)


ONLINE = BackendView(LinkStatus(state=LinkState.ONLINE, url="ws://h/S"), QueueStatus(), None, ("12:00:01 S Heartbeat",))


def refused(next_try_in_s: float | None = 7.0) -> BackendView:
    link = LinkStatus(state=LinkState.WAITING, url="ws://h/S", failures=1, last_error="h:80: Connection refused")
    return BackendView(link, QueueStatus(waiting=2, waits_because="not registered"), next_try_in_s)


def test_no_car_comes_while_the_station_tries_its_lock() -> None:
    story = Story("A", "")
    assert [story.turn(view(starting=True), float(second)) for second in range(30)] == [None] * 30
    assert story.caption == "The station tries its lock and tests its sensors first."
    assert story.turn(view(), 31.0) == {"op": "plug_in", "connector": 1}


def swiped(story: Story, backend: BackendView) -> list[str]:
    """The cards that a whole story holds to the reader."""
    cards, status, car = [], ConnectorStatus.AVAILABLE, False
    for second in range(60):
        operation = story.turn(view(status, car=car, backend=backend), float(second))
        if operation is not None:
            car = True
            status = ConnectorStatus.PREPARING if operation["op"] == "plug_in" else ConnectorStatus.CHARGING
            cards += [operation["id_tag"]] if operation["op"] == "swipe" else []
    return cards


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
        "up: safety session",
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


def test_after_a_power_cut_all_services_are_named_together() -> None:
    seen = View("S", (ServiceView("safety", True, 1, 4.0), ServiceView("hmi", True, 2, 3.0)), ())
    assert "Services   all restarted 3 s ago" in picture(seen, "", 0.0, [], Paint(False))


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


def test_the_card_of_the_backend_is_used_while_it_can_be_asked() -> None:
    assert swiped(Story("LOCAL", asked_card="ASKED", waits_for_backend=True), ONLINE) == ["ASKED"]
    assert swiped(Story("LOCAL", asked_card="ASKED", waits_for_backend=True), refused()) == ["LOCAL"]
    assert swiped(Story("LOCAL"), BackendView()) == ["LOCAL"]


def test_the_story_waits_for_the_backend_but_not_for_ever() -> None:
    story = Story("LOCAL", asked_card="ASKED", waits_for_backend=True)
    connecting = BackendView(LinkStatus(state=LinkState.CONNECTING))
    assert story.turn(view(backend=connecting), 0.0) is None
    assert "registers" in story.caption
    story.turn(view(backend=connecting), PATIENCE_S + 1)
    assert "without it" in story.caption


def test_the_number_of_the_backend_is_in_the_story_the_picture_and_the_command() -> None:
    seen = view(ConnectorStatus.CHARGING, car=True, transaction="t", number=17, backend=ONLINE)
    text = "\n".join(
        picture(seen, "", 0.0, join_in(Home("/h"), "C", seen.backend_transaction, backend=True), Paint(False))
    )
    assert "transaction 17 at the backend" in text
    assert "backend send stop 17" in text
    assert view(number=17).backend_transaction is None, "it has ended"
    assert "backend send" not in "".join(join_in(Home("/h"), "C", backend=False))


def test_the_transaction_number_zero_is_a_number() -> None:
    seen = view(ConnectorStatus.CHARGING, car=True, transaction="t", number=0, backend=ONLINE)
    assert "transaction 0 at the backend" in "\n".join(picture(seen, "", 0.0, [], Paint(False)))


def test_the_backend_part_shows_link_queue_and_what_the_backend_said() -> None:
    text = "\n".join(picture(view(backend=ONLINE), "", 0.0, [], Paint(False)))
    for words in ("online, ws://h/S", "everything is delivered", "12:00:01 S Heartbeat"):
        assert words in text
    long = BackendView(ONLINE.link, ONLINE.queue, None, ("x" * 500,))
    assert max(map(len, picture(view(backend=long), "", 0.0, [], Paint(False)))) <= LONGEST_SAID + 2


def test_a_backend_that_is_not_reached_says_why_and_when_it_is_tried_again() -> None:
    assert link_words(refused()) == "waiting, ws://h/S - h:80: Connection refused; next try in 7 s"
    assert "2 messages wait: not registered" in one_line(view(backend=refused()), "")
    assert "alone" in link_words(BackendView(LinkStatus(state=LinkState.OFF)))
    assert "too long" in link_words(BackendView(LinkStatus(state=LinkState.OFF, last_error="the URL is too long")))
    assert "silent" in link_words(BackendView())
    assert queue_words(QueueStatus(waiting=1)) == "1 message waits"
    assert "3 given up" in queue_words(QueueStatus(given_up=3))


def test_empty_lines_go_first_where_room_is_short() -> None:
    assert fitted(["a", "", "b", "", "c"], columns=80, rows=5) == ["a", "b", "c"]
