"""Bad input: frames no backend should send. The link lives on, and everybody is answered."""

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.ocpp_link import LinkState, Outcome
from tests.unit.test_ocpp_link_codec import FRAMES
from tests.virtual.link_cell import LinkCell

pytestmark = pytest.mark.virtual
HOSTILE: dict[str, str | bytes] = {
    "not JSON": "hello",
    "not an array": '{"a": 1}',
    "empty array": "[]",
    "too deep": "[" * 100_000,
    "too deep in a payload": '[2,"1","DataTransfer",' + '{"a":' * 5000 + "1" + "}" * 5000 + "]",
    "too long": '[2,"1","DataTransfer",{"vendorId":"' + "x" * 300_000 + '"}]',
    "binary": b"\x00\xff" * 100,
    "empty": "",
    "no id": "[2]",
    "number as id": '[2,1,"Reset",{"type":"Hard"}]',
    "list as id": '[2,["1"],"Reset",{"type":"Hard"}]',
    "oversized id": '[2,"' + "i" * 1000 + '","Reset",{"type":"Hard"}]',
    "list as action": '[2,"1",[],{}]',
    "wrong type": '["2","1","Reset",{}]',
    "unknown type": '[7,"1","Reset",{}]',
    "answer to nothing": '[3,"nobody",{}]',
    "error to nothing": '[4,"nobody","GenericError","",{}]',
    "surrogate": '[2,"\\ud800","Reset",{}]',
    "NaN": '[2,"1","RemoteStopTransaction",{"transactionId":NaN}]',
    "huge number": '[2,"1","RemoteStopTransaction",{"transactionId":' + "9" * 5000 + "}]",
    "NUL": '[2,"\\u0000","Reset",{"type":"\\u0000"}]',
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_frame_changes_nothing(tmp_path: Path, name: str) -> None:
    cell = LinkCell(tmp_path).online()
    cell.backend.ignores("StatusNotification", times=1)
    cell.offer("m-1")
    cell.backend.send(HOSTILE[name])
    cell.settle()
    asked = cell.backend.call("ClearCache", {})
    cell.settle()
    assert asked.payload == {"status": "Accepted"}
    assert cell.outcomes() == [], "our own call still waits for its answer"
    assert cell.state is LinkState.ONLINE


def test_a_thousand_calls_in_a_second_are_each_answered_once(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path).online()
    cell.script["session.clear_cache"] = None
    replies = [cell.backend.call("ClearCache", {}) for _ in range(1000)]
    cell.settle()
    refused = [one for one in replies if one.error_code == "GenericError"]
    assert len(refused) == 980
    cell.offer("m-1")
    assert cell.outcomes()[0].outcome is Outcome.ANSWERED, "ours goes out meanwhile"
    cell.advance(25)
    assert all(one.done and one.answers == 1 for one in replies)
    cell.backend.check()


def test_the_same_message_id_a_hundred_times_acts_once(tmp_path: Path) -> None:
    cell = LinkCell(tmp_path).online()
    reply = cell.backend.call("Reset", {"type": "Hard"}, message_id="same")
    for _ in range(99):
        cell.backend.send(json.dumps([2, "same", "Reset", {"type": "Hard"}]))
    cell.settle()
    assert reply.answers == 1
    assert len(cell.asked) == 1


@pytest.mark.parametrize(
    "answer",
    ['[3,"{id}",{"status":"Accepted"}]', '[3,"{id}",{}]', '[3,"{id}",7]', '[4,"{id}"]', '[3,"{id}",{"x":' + "[" * 50],
)
def test_a_broken_answer_ends_the_call_or_times_out_and_never_hangs(tmp_path: Path, answer: str) -> None:
    cell = LinkCell(tmp_path).online()
    cell.backend.says("StatusNotification", answer)
    cell.offer("m-1")
    cell.advance(61)
    (outcome,) = cell.outcomes()
    assert outcome.outcome in (Outcome.ANSWERED, Outcome.ERROR, Outcome.TIMED_OUT)
    cell.settled("m-1")
    cell.online()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(FRAMES.map(json.dumps) | st.text(max_size=40) | st.binary(max_size=20), max_size=25))
def test_no_backend_can_end_the_service(tmp_path_factory: pytest.TempPathFactory, frames: list[str | bytes]) -> None:
    cell = LinkCell(tmp_path_factory.mktemp("fuzz")).online()
    for frame in frames:
        cell.backend.send(frame)
        cell.settle()
    reply = cell.backend.call("ClearCache", {}, message_id="a fresh id")
    cell.settle()
    assert reply.payload == {"status": "Accepted"}
