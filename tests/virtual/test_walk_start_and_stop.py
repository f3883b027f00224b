"""The walk: StartTransaction and StopTransaction with kill -9 after each step, seen from the backend.

One message id per transaction and action; a repeat only with the same text after its connection broke unanswered; the
last answer wins; every watt-hour is billed once.
"""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bus.topics import METERING_READING as _READING
from schemas.message_queue import StartAnswered, StopAnswered
from schemas.session import TransactionStarted, TransactionStopped
from tests.backend.scripted import ScriptedBackend
from tests.conformance.backend_station import RFID
from tests.parts import sample
from tests.virtual.charging_station import Status
from tests.virtual.walk_station import Point, WalkStation, drive, finish, has_ended, one_right_charge, trace_of

pytestmark = pytest.mark.virtual

Step = Callable[[list[Point]], int]
START, STOP = "StartTransaction", "StopTransaction"
BILLED = {"start": (START, TransactionStarted, StartAnswered), "stop": (STOP, TransactionStopped, StopAnswered)}


# where each step is


def first(points: list[Point], fits: Callable[[Point], bool], after: int = 0) -> int:
    return next(place for place in range(after, len(points)) if fits(points[place]))


def published(owner: str, topic: str, phase: str, about: Callable[[Any], bool] = lambda _body: True) -> Step:
    def fits(point: Point) -> bool:
        named = (point.owner, point.kind, point.phase, point.name) == (owner, "publish", phase, topic)
        return named and about(point.body)

    return lambda points: first(points, fits)


def commit_before(step: Step, phase: str) -> Step:
    """The commit of the same process just before that step."""

    def found(points: list[Point]) -> int:
        place = step(points)
        owner = points[place].owner
        places = (each for each in range(place, -1, -1) if points[each][:3] == (owner, "commit", phase))
        return next(places)

    return found


def first_commit_after_note(owner: str, name: str, phase: str) -> Step:
    def found(points: list[Point]) -> int:
        noted = first(points, lambda point: point.kind == "note" and point.name == name)
        return first(points, lambda point: point[:3] == (owner, "commit", phase), noted)

    return found


def sent(action: str, phase: str) -> Step:
    def fits(point: Point) -> bool:
        return (point.kind, point.phase) == ("send", phase) and json.loads(point.body)[2] == action

    return lambda points: first(points, fits)


def steps_of(which: str) -> dict[str, Step]:
    """Of StartTransaction or StopTransaction, in their order."""
    action, fact, answer = BILLED[which]

    def fact_said(phase: str) -> Step:
        return published("session", "session.fact", phase, lambda body: isinstance(body.body, fact))

    def offered(phase: str) -> Step:
        return published("message_queue", "message_queue.offer", phase, lambda body: body.action == action)

    def queue_fact_said(phase: str) -> Step:
        return published("message_queue", "message_queue.fact", phase, lambda body: isinstance(body.body, answer))

    def in_queue(phase: str) -> Step:
        """The commit of row and mark comes just before the acknowledgement of this fact."""

        def found(points: list[Point]) -> int:
            said = fact_said("after")(points)
            return first(points, lambda point: point[:3] == ("message_queue", "commit", phase), said)

        return found

    def acknowledged(phase: str) -> Step:
        def found(points: list[Point]) -> int:
            wanted = ("message_queue", "publish", phase, "message_queue.acknowledged")
            return first(points, lambda point: point[:4] == wanted, fact_said("after")(points))

        return found

    def taken(kind: str, phase: str) -> Step:
        """`session` takes the backend's answer."""

        def found(points: list[Point]) -> int:
            said = queue_fact_said("after")(points)
            name = "session.acknowledged" if kind == "publish" else ""
            return first(points, lambda point: point[:4] == ("session", kind, phase, name), said)

        return found

    def outcome(phase: str) -> Step:
        def found(points: list[Point]) -> int:
            on_the_wire = sent(action, "after")(points)
            wanted = ("ocpp_link", "publish", phase, "ocpp_link.outcome")
            return first(points, lambda point: point[:4] == wanted, on_the_wire)

        return found

    return {
        "before_the_commit_of_transaction_and_fact": commit_before(fact_said("before"), "before"),
        "after_the_commit_of_transaction_and_fact": commit_before(fact_said("before"), "after"),
        "after_the_fact_was_published": fact_said("after"),
        "before_the_queue_commits_row_and_mark": in_queue("before"),
        "after_the_queue_committed_row_and_mark": in_queue("after"),
        "before_the_acknowledgement": acknowledged("before"),
        "after_the_acknowledgement": acknowledged("after"),
        "before_the_call_is_offered": offered("before"),
        "after_the_call_was_offered": offered("after"),
        "before_the_frame": sent(action, "before"),
        "with_the_answer_in_the_buffer_of_the_link": sent(action, "after"),
        "before_the_link_reports": outcome("before"),
        "after_the_link_reported": outcome("after"),
        "before_the_queue_commits_the_outcome": commit_before(queue_fact_said("before"), "before"),
        "after_the_queue_committed_the_outcome": commit_before(queue_fact_said("before"), "after"),
        "after_the_queue_told_session": queue_fact_said("after"),
        "before_session_commits_the_answer": taken("commit", "before"),
        "after_session_committed_the_answer": taken("commit", "after"),
        "after_session_acknowledged_the_answer": taken("publish", "after"),
    }


STEPS = {f"{which}_{name}": step for which in BILLED for name, step in steps_of(which).items()} | {
    "the_card_before_it_is_kept": first_commit_after_note("session", "card", "before"),
    "the_card_after_it_was_kept": first_commit_after_note("session", "card", "after"),
    "stop_before_the_decision_is_committed": first_commit_after_note("session", "card to end", "before"),
    "stop_after_the_decision_was_committed": first_commit_after_note("session", "card to end", "after"),
}


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> list[Point]:
    return trace_of(tmp_path_factory.mktemp("undisturbed"), drive)


def walk(tmp_path: Path, dies_at: int, **options: Any) -> WalkStation:
    station = WalkStation(tmp_path, **options)
    station.dies_at = dies_at
    return station


# each step


def test_undisturbed_every_message_is_sent_once(tmp_path: Path) -> None:
    station = WalkStation(tmp_path)
    drive(station)
    one_right_charge(station)
    assert [len(station.backend.calls(action)) for action in (START, STOP)] == [1, 1]
    assert station.backend.connections == 1


@pytest.mark.parametrize("step", sample(STEPS, 3))
def test_killed(tmp_path: Path, points: list[Point], step: str) -> None:
    station = walk(tmp_path, STEPS[step](points))
    drive(station)
    assert station.deaths == 1
    one_right_charge(station)


@pytest.mark.parametrize("which", BILLED)
def test_killed_with_the_frame_on_the_socket_and_no_answer_yet(tmp_path: Path, which: str) -> None:
    """The backend answers half a second later: to nobody."""
    action = BILLED[which][0]
    station = WalkStation(tmp_path)
    usual = {"idTagInfo": {"status": "Accepted"}}
    answer = {"transactionId": 70, **usual} if which == "start" else usual
    station.backend.answers(action, answer, times=1, delay_s=0.5)
    station.plug_in()
    station.advance(1.0)
    station.swipe(RFID)
    if which == "stop":
        station.until_current_flows()
        station.swipe(RFID)
    station.until(lambda: len(station.backend.calls(action)) == 1, within_s=20.0)
    station.die("ocpp_link")
    station.until(lambda: len(station.backend.calls(action)) == 2, within_s=20.0)
    if which == "start":
        station.until_current_flows()
    finish(station)
    one_right_charge(station)
    calls = station.backend.calls(action)
    assert len({(one.message_id, one.text) for one in calls}) == 1
    assert calls[0].connection < calls[1].connection


@pytest.mark.parametrize("which", BILLED)
@pytest.mark.parametrize("down_s", [0.4, 7.0])
def test_the_link_reports_while_the_queue_is_down(
    tmp_path: Path, points: list[Point], which: str, down_s: float
) -> None:
    step = STEPS[f"{which}_before_the_link_reports"]
    station = walk(tmp_path, step(points))
    station.victim, station.restart_after_s = "message_queue", down_s
    drive(station)
    assert station.deaths == 1
    one_right_charge(station)
    assert [len(station.backend.calls(action)) for action in (START, STOP)] == [1, 1], "nothing is sent again"


@pytest.mark.parametrize("topic", [
    "session.fact", "message_queue.acknowledged", "message_queue.offer", "ocpp_link.outcome", "message_queue.settled",
    "message_queue.fact", "session.acknowledged",
])  # fmt: skip
@pytest.mark.parametrize("copies", [0, 2], ids=["lost", "doubled"])
def test_any_frame_of_the_hand_over_may_be_lost_or_doubled(tmp_path: Path, topic: str, copies: int) -> None:
    """Every first of two is lost, or all arrive twice."""
    station = WalkStation(tmp_path)
    numbers = itertools.count()

    def fate(_sender: str, _receiver: str, frame: bytes) -> int:
        if not frame.startswith(topic.encode()):
            return 1
        return copies if copies == 2 or next(numbers) % 2 == 0 else 1

    station.hub.fate = fate
    drive(station)
    one_right_charge(station)
    assert [len(station.backend.calls(action)) for action in (START, STOP)] == [1, 1], "nothing is sent again"


@pytest.mark.parametrize("moment", ["contactor_open", "register_read"])
def test_killed_at_the_end_when(tmp_path: Path, moment: str) -> None:
    station = WalkStation(tmp_path)
    station.plug_in()
    station.advance(1.0)
    station.swipe(RFID)
    station.until_current_flows()
    station.advance(2.5)
    station.swipe(RFID)
    station.until_open(within_s=5.0)
    opened_s = station.clock.boot_s
    if moment == "register_read":
        station.until(lambda: _has_read_since(station, opened_s), within_s=5.0)
    station.die("session")
    station.until(lambda: has_ended(station), within_s=40.0)
    finish(station)
    one_right_charge(station)


def _has_read_since(station: WalkStation, opened_s: float) -> bool:
    reading = station.processes["metering"].endpoint.latest(_READING, "connector.1").body
    return reading is not None and reading.reading is not None and reading.reading.sampled_s > opened_s


# what the answers mean


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_invalid_card_stops_the_charge_although_session_dies_at_the_answer(
    tmp_path: Path, points: list[Point], when: str
) -> None:
    word = "before_session_commits" if when == "before" else "after_session_committed"
    backend = ScriptedBackend()
    backend.answers(START, {"transactionId": 8, "idTagInfo": {"status": "Invalid"}})
    station = walk(tmp_path, STEPS[f"start_{word}_the_answer"](points), backend=backend)
    station.plug_in()
    station.advance(1.0)
    station.swipe(RFID)
    station.until(lambda: has_ended(station), within_s=60.0)
    station.until_told_all()
    assert station.deaths == 1
    stop = station.only(STOP)
    assert (stop["reason"], stop["transactionId"]) == ("DeAuthorized", 8)
    station.check()
    # The cache has learned it: offline the card starts nothing.
    station.offline()
    station.unplug()
    station.until_status(Status.AVAILABLE)
    station.advance(3.0)
    station.plug_in()
    station.advance(1.0)
    station.swipe(RFID)
    station.advance(15.0)
    assert (len(station.bills()), station.flows()) == (1, False)


def test_the_last_answer_wins(tmp_path: Path, points: list[Point]) -> None:
    """The first answer died with the link; the backend gives another number to the repeat."""
    station = walk(tmp_path, STEPS["start_with_the_answer_in_the_buffer_of_the_link"](points))
    drive(station)
    one_right_charge(station)
    assert len(station.backend.calls(START)) == 2
    assert station.only(STOP)["transactionId"] == 2


def test_concurrent_tx_answered_to_a_repeat_counts_as_accepted(tmp_path: Path, points: list[Point]) -> None:
    backend = ScriptedBackend()
    answers = iter([("Accepted", 5), ("ConcurrentTx", 5)])

    def answer(_payload: dict[str, Any]) -> dict[str, Any]:
        status, number = next(answers)
        return {"transactionId": number, "idTagInfo": {"status": status}}

    backend.answers(START, answer)
    station = walk(tmp_path, STEPS["start_with_the_answer_in_the_buffer_of_the_link"](points), backend=backend)
    drive(station)
    one_right_charge(station)
    assert len(backend.calls(START)) == 2
    stop = station.only(STOP)
    assert (stop["transactionId"], stop["reason"]) == (5, "Local")


def test_concurrent_tx_answered_to_the_first_start_stops_the_charge(tmp_path: Path) -> None:
    backend = ScriptedBackend()
    backend.answers(START, {"transactionId": 5, "idTagInfo": {"status": "ConcurrentTx"}})
    station = WalkStation(tmp_path, backend=backend)
    station.plug_in()
    station.advance(1.0)
    station.swipe(RFID)
    station.until(lambda: has_ended(station), within_s=60.0)
    station.until_told_all()
    assert station.only(STOP)["reason"] == "DeAuthorized"
    station.check()


@pytest.mark.parametrize("which", BILLED)
def test_a_call_that_was_answered_with_an_error_is_sent_again_with_the_same_id_and_text(
    tmp_path: Path, which: str
) -> None:
    station = WalkStation(tmp_path)
    action = BILLED[which][0]
    station.backend.fails(action, "InternalError", times=2)
    drive(station)
    station.check(attempts=True)
    calls = station.backend.calls(action)
    assert len(calls) == 3
    assert len({(one.message_id, one.text) for one in calls}) == 1


@pytest.mark.parametrize("which", BILLED)
def test_the_backend_hangs_up_instead_of_answering_and_hears_the_same_again(tmp_path: Path, which: str) -> None:
    station = WalkStation(tmp_path)
    station.backend.hangs_up_on(BILLED[which][0], times=1)
    station.plug_in()
    station.advance(1.0)
    station.swipe(RFID)
    station.until_current_flows()
    station.swipe(RFID)
    station.until_ended()
    station.until(lambda: len(station.backend.calls(STOP)) > (which == "stop"), within_s=200.0)
    finish(station)
    one_right_charge(station)
    assert len(station.backend.calls(BILLED[which][0])) == 2


# every step


NAMES = frozenset({
    "session.fact", "session.acknowledged", "message_queue.acknowledged", "message_queue.offer",
    "message_queue.settled", "message_queue.fact", "message_queue.answered", "ocpp_link.outcome",
})  # fmt: skip


def matters(point: Point) -> bool:
    return point.kind in ("commit", "send") or (point.kind == "publish" and point.name in NAMES)


@pytest.mark.parametrize("part", sample(range(12), 6))
def test_killed_at_any_commit_frame_or_word_of_the_hand_over(tmp_path: Path, points: list[Point], part: int) -> None:
    """Every twelfth."""
    places = [place for place, point in enumerate(points) if matters(point)]
    assert len(places) > 100
    for place in places[part::12]:
        station = walk(tmp_path / str(place), place)
        drive(station)
        assert station.deaths == 1, points[place]
        one_right_charge(station)


@pytest.mark.long
@pytest.mark.parametrize("part", range(12))
def test_killed_at_anything_said_at_all(tmp_path: Path, points: list[Point], part: int) -> None:
    places = [place for place, point in enumerate(points) if not matters(point) and point.kind != "note"]
    for place in places[part::12]:
        station = walk(tmp_path / str(place), place)
        drive(station)
        assert station.deaths == 1, points[place]
        one_right_charge(station)
