"""The walk of RemoteStartTransaction and RemoteStopTransaction: what was accepted happens, once, whoever dies."""

from pathlib import Path

import pytest

from tests.conformance.backend_station import RFID
from tests.parts import sample
from tests.virtual.charging_station import Cut, Status
from tests.virtual.walk_station import Point, WalkStation, finish, has_ended, one_right_charge, trace_of

pytestmark = pytest.mark.virtual

NOTE = Point("", "note", "note", "remote start")


def ask(station: WalkStation, action: str, **payload: object) -> str:
    """The status answered; empty when the answer was lost or the station could not say."""
    station.until(lambda: station.backend.registered and station.backend.connected, within_s=100.0)
    reply = station.backend.call(action, payload)
    station.until(lambda: reply.done, within_s=26.0)
    return reply.payload["status"] if reply.payload is not None else ""


def start_remotely(station: WalkStation) -> None:
    """What was accepted comes to something, also if the connection broke while the backend was asked about the id tag.

    Without an answer the backend asks again.
    """
    station.plug_in()
    station.until_told(Status.PREPARING)
    station.points.append(NOTE)
    for _ in range(3):
        if ask(station, "RemoteStartTransaction", idTag=RFID, connectorId=1) == "Accepted":
            break
        station.advance(5.0)
        if station.bills():
            break
    station.until_current_flows(within_s=60.0)
    station.until_told_all()


def drive_remotely(station: WalkStation) -> None:
    start_remotely(station)
    station.advance(1.0)
    for _ in range(3):
        number = list(station.backend_ids().values())[-1]
        if has_ended(station) or ask(station, "RemoteStopTransaction", transactionId=number) == "Accepted":
            break
        station.advance(5.0)
    station.until_ended()
    station.until_told_all()
    finish(station)


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> list[Point]:
    return trace_of(tmp_path_factory.mktemp("undisturbed"), drive_remotely)


def commit_of_the_start(points: list[Point], phase: str) -> int:
    wanted = ("session", "commit", phase)
    return next(place for place in range(points.index(NOTE), len(points)) if points[place][:3] == wanted)


def test_undisturbed_a_remote_start_and_stop_are_one_transaction(tmp_path: Path) -> None:
    station = WalkStation(tmp_path)
    drive_remotely(station)
    one_right_charge(station)
    assert station.only("StopTransaction")["reason"] == "Remote"


@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize("asks", ["true", "false"])
def test_session_dies_at_the_commit_of_a_remote_start(tmp_path: Path, phase: str, asks: str) -> None:
    points = trace_of(tmp_path / "undisturbed", drive_remotely, AuthorizeRemoteTxRequests=asks)
    station = WalkStation(tmp_path / "killed", AuthorizeRemoteTxRequests=asks)
    station.dies_at = commit_of_the_start(points, phase)
    drive_remotely(station)
    assert station.deaths == 1
    one_right_charge(station)


@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_power_cut_at_the_commit_of_a_remote_start_leaves_no_charge_that_nobody_pays(
    tmp_path: Path, points: list[Point], phase: str
) -> None:
    """An authorization ends with the start of the station it was given in."""
    station = WalkStation(tmp_path)
    station.dies_at, station.cuts_power = commit_of_the_start(points, phase), True
    with pytest.raises(Cut):
        start_remotely(station)
    station.power_cut()
    station.come_back()
    station.advance(30.0)
    assert (station.bills(), station.flows()) == ([], False)
    assert ask(station, "RemoteStartTransaction", idTag=RFID, connectorId=1) == "Accepted"
    station.until_current_flows()
    finish(station)
    one_right_charge(station)


@pytest.mark.parametrize("part", sample(range(6), 6))
def test_killed_at_any_step_between_remote_start_and_remote_stop(
    tmp_path: Path, points: list[Point], part: int
) -> None:
    places = [n for n in range(points.index(NOTE) + 1, len(points)) if points[n].kind in ("commit", "send")]
    for place in places[part::6]:
        station = WalkStation(tmp_path / str(place))
        station.dies_at = place
        drive_remotely(station)
        assert station.deaths == 1, points[place]
        one_right_charge(station)


def test_a_remote_stop_waits_for_the_answer_to_our_start(tmp_path: Path) -> None:
    """The backend names the id before we have heard it."""
    station = WalkStation(tmp_path)
    answer = {"transactionId": 31, "idTagInfo": {"status": "Accepted"}}
    station.backend.answers("StartTransaction", answer, delay_s=6.0)
    station.plug_in()
    station.advance(1.0)
    station.swipe(RFID)
    station.until(lambda: bool(station.backend.calls("StartTransaction")), within_s=10.0)
    assert ask(station, "RemoteStopTransaction", transactionId=31) == "Accepted"
    station.until_ended()
    station.until_told_all()
    assert station.only("StopTransaction")["reason"] == "Remote"
    station.check()


def test_a_remote_stop_of_another_id_is_rejected_once_our_start_is_answered(tmp_path: Path) -> None:
    station = WalkStation(tmp_path)
    answer = {"transactionId": 31, "idTagInfo": {"status": "Accepted"}}
    station.backend.answers("StartTransaction", answer, delay_s=6.0)
    station.plug_in()
    station.advance(1.0)
    station.swipe(RFID)
    station.until(lambda: bool(station.backend.calls("StartTransaction")), within_s=10.0)
    assert ask(station, "RemoteStopTransaction", transactionId=32) == "Rejected"
    station.until_current_flows()
    station.check()


def test_while_our_start_is_never_answered_a_remote_stop_is_rejected_before_its_end(tmp_path: Path) -> None:
    station = WalkStation(tmp_path)
    station.backend.ignores("StartTransaction")
    station.plug_in()
    station.advance(1.0)
    station.swipe(RFID)
    station.until(lambda: bool(station.backend.calls("StartTransaction")), within_s=10.0)
    begun_s = station.clock.boot_s
    assert ask(station, "RemoteStopTransaction", transactionId=31) == "Rejected"
    assert 15.0 < station.clock.boot_s - begun_s < 20.0
    assert station.flows()
    station.backend.check()


def test_a_command_that_arrives_twice_is_one_command(tmp_path: Path) -> None:
    """The frame of the request is doubled on the way to `session`."""
    station = WalkStation(tmp_path)
    station.hub.fate = lambda _sender, _receiver, frame: 2 if b"session.remote_" in frame[:40] else 1
    drive_remotely(station)
    one_right_charge(station)
