"""The mains fail, or a process dies, at any step of a charge, online or not: the right messages after that."""

import itertools
from pathlib import Path

import pytest

from schemas.session import StopReason
from tests.conformance.backend_station import RFID
from tests.parts import sample
from tests.virtual.charging_station import Cut, Status
from tests.virtual.test_walk_start_and_stop import START, STOP, matters
from tests.virtual.walk_station import Point, WalkStation, drive, finish, has_ended, one_right_charge, trace_of

pytestmark = pytest.mark.virtual

EVERY = 4
"""Of the places to cut at, without `--all`."""


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> list[Point]:
    return trace_of(tmp_path_factory.mktemp("undisturbed"), drive)


def come_back_and_end(station: WalkStation) -> None:
    """Mains are back; whoever still charges ends it with the card, and leaves."""
    station.come_back()
    station.advance(5.0)
    if station.bills() and not has_ended(station):
        station.until(lambda: station.flows() or has_ended(station), within_s=60.0)
    if station.bills() and not has_ended(station):
        station.until_current_flows()
        station.swipe_until(lambda: has_ended(station), RFID)
    station.until_told_all()
    if station.connector().car is not None:
        station.unplug()
    station.until_told(Status.AVAILABLE)
    station.until_told_all()


def cut_at(path: Path, place: int, restart: bool) -> None:
    station = WalkStation(path, RestartTransAfterPowerLoss=str(restart).lower())
    station.dies_at, station.cuts_power = place, True
    try:
        drive(station)
    except Cut:
        station.power_cut()
    assert station.deaths == 1
    come_back_and_end(station)
    station.check()
    assert len(station.bills()) <= 1, "nobody held a second card to the reader"
    assert len(station.sent(START)) == len(station.sent(STOP)) == len(station.bills())
    for bill in station.bills():
        assert bill.stopped is not None
        assert (bill.started.meter_start_wh, bill.stopped.meter_stop_wh) == (0, station.register_wh())
        reasons = (StopReason.LOCAL,) if restart else (StopReason.LOCAL, StopReason.POWER_LOSS)
        assert bill.stopped.reason in reasons


@pytest.mark.parametrize("restart", [False, True], ids=["off", "on"])
@pytest.mark.parametrize("part", sample(range(6), 6))
def test_a_power_cut_at_some_step_tells_the_backend_everything_once(
    tmp_path: Path, points: list[Point], part: int, restart: bool
) -> None:
    places = [place for place, point in enumerate(points) if matters(point)][2 * restart :: EVERY]
    for place in places[part::6]:
        cut_at(tmp_path / str(place), place, restart)


@pytest.mark.long
@pytest.mark.parametrize("restart", [False, True], ids=["off", "on"])
@pytest.mark.parametrize("part", range(6))
def test_a_power_cut_at_every_step_tells_the_backend_everything_once(
    tmp_path: Path, points: list[Point], part: int, restart: bool
) -> None:
    places = [place for place, point in enumerate(points) if point.kind != "note"]
    for place in places[part::6]:
        cut_at(tmp_path / str(place), place, restart)


@pytest.mark.parametrize("answered", [True, False], ids=["answered", "unanswered"])
@pytest.mark.parametrize("restart", [False, True], ids=["off", "on"])
def test_a_power_cut_while_charging(tmp_path: Path, restart: bool, answered: bool) -> None:
    """Off: StopTransaction PowerLoss after the next start. On: no message at all, until the card."""
    station = WalkStation(tmp_path, RestartTransAfterPowerLoss=str(restart).lower())
    if not answered:
        station.backend.ignores(START)
    station.plug_in()
    station.advance(1.0)
    station.swipe(RFID)
    station.until_current_flows()
    station.advance(10.0)
    station.power_cut()
    station.backend.forget_script(START)
    since = station.mark()
    come_back_and_end(station)
    station.check()
    (stop,) = station.sent(STOP)
    assert stop["reason"] == ("Local" if restart else "PowerLoss")
    again = [one.action for one in station.backend.heard[since:]]
    assert again[0] == "BootNotification"
    assert again.count(START) == (0 if answered else 1)
    assert again.count(STOP) == 1


@pytest.mark.parametrize("restart", [False, True], ids=["off", "on"])
def test_begun_offline_and_cut_off_the_backend_hears_start_and_stop_in_order(tmp_path: Path, restart: bool) -> None:
    station = WalkStation(tmp_path, cards=(RFID,), RestartTransAfterPowerLoss=str(restart).lower())
    station.offline()
    station.plug_in()
    station.advance(1.0)
    station.swipe(RFID)
    station.until_current_flows()
    station.advance(10.0)
    station.power_cut()
    station.backend.reachable = station.uplink.up = True
    since = station.mark()
    come_back_and_end(station)
    station.check()
    billed = [one.action for one in station.backend.heard[since:] if one.action in (START, STOP)]
    assert billed == [START, STOP]
    assert station.only(STOP)["reason"] == ("Local" if restart else "PowerLoss")


@pytest.mark.parametrize("connectors", [1, 2])
def test_several_power_cuts_offline_lose_nothing(tmp_path: Path, connectors: int) -> None:
    station = WalkStation(tmp_path, cards=(RFID, "CARD-2"), connectors=connectors, RestartTransAfterPowerLoss="false")
    station.offline()
    for number, card in list(enumerate((RFID, "CARD-2"), 1))[:connectors]:
        station.plug_in(number)
        station.advance(1.0)
        station.swipe(card)
        station.until_current_flows(number)
    for _ in range(3):
        station.power_cut()
        station.advance(2.0)
        station.power_up()
        station.advance(8.0)
    station.backend.reachable = station.uplink.up = True
    station.backend.revision += 1
    station.until_online()
    station.until_ended(connectors)
    station.until_told_all()
    assert [stop["reason"] for stop in station.sent(STOP)] == ["PowerLoss"] * connectors
    station.check()


# offline, and whoever dies meanwhile


def drive_offline(station: WalkStation) -> None:
    """A whole transaction while there is no connection."""
    station.offline()
    station.plug_in()
    station.advance(1.0)
    station.swipe_until(lambda: bool(station.bills()), RFID)
    station.until_current_flows(within_s=60.0)
    station.advance(1.0)
    station.swipe_until(lambda: has_ended(station), RFID)
    station.advance(3.0)
    station.reconnect()
    finish(station)


@pytest.mark.parametrize("part", sample(range(4), 4))
def test_a_whole_transaction_offline_and_someone_dies_at_any_step(tmp_path: Path, part: int) -> None:
    points = trace_of(tmp_path / "undisturbed", drive_offline, cards=(RFID,))
    places = [place for place, point in enumerate(points) if matters(point)]
    for place in places[part::12]:
        station = WalkStation(tmp_path / str(place), cards=(RFID,))
        station.dies_at = place
        drive_offline(station)
        assert station.deaths == 1, points[place]
        one_right_charge(station)


def test_two_connectors_offline_and_the_same_id_for_both_although_everyone_dies(tmp_path: Path) -> None:
    station = WalkStation(tmp_path, cards=(RFID, "CARD-2"), connectors=2)
    station.backend.answers(START, {"transactionId": 7, "idTagInfo": {"status": "Accepted"}})
    station.offline()
    for number, card in ((1, RFID), (2, "CARD-2")):
        station.plug_in(number)
        station.advance(1.0)
        station.swipe(card)
        station.until_current_flows(number)
        for owner in ("message_queue", "session", "ocpp_link"):
            station.die(owner)
            station.advance(3.0)
    station.reconnect()
    for count, card in itertools.zip_longest((1, 2), (RFID, "CARD-2")):
        station.swipe(card)
        station.until_ended(count)
    station.until_told_all()
    assert [one["transactionId"] for one in station.sent(STOP)] == [7, 7]
    assert [one["idTag"] for one in station.sent(STOP)] == [RFID, "CARD-2"]
    station.check()
