"""The scripted backend notices what a station does wrong: a judge that cannot find anything proves nothing."""

import json

import pytest

from tests.backend.scripted import ScriptedBackend

pytestmark = pytest.mark.unit
BOOT = '[2,"1","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}]'
BEAT = '[2,"2","Heartbeat",{}]'


class Wire:
    def __init__(self) -> None:
        self.texts: list[str | bytes] = []
        self.ended = ""

    def deliver(self, text: str | bytes) -> None:
        self.texts.append(text)

    def hang_up(self, reason: str) -> None:
        self.ended = reason


def talk(*texts: str, backend: ScriptedBackend | None = None) -> tuple[ScriptedBackend, Wire]:
    backend, wire = backend or ScriptedBackend(), Wire()
    assert backend.accept(wire) is None
    for text in texts:
        backend.receive(wire, text)
    return backend, wire


def test_a_good_station_is_not_accused() -> None:
    backend, wire = talk(BOOT, BEAT)
    backend.check()
    assert [json.loads(text)[0] for text in wire.texts] == [3, 3]
    assert backend.actions() == ["BootNotification", "Heartbeat"]


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["hello"], "not JSON"),
        (["{}"], "not a JSON array"),
        (['[2,"1","Heartbeat"]'], "3 elements"),
        ([BOOT.replace('"1"', '"' + "x" * 37 + '"')], "message id"),
        ([BOOT.replace("chargePointModel", "model")], "chargePointModel"),
        ([BEAT], "before BootNotification"),
        ([BOOT, '[2,"2","Reset",{"type":"Hard"}]'], "does not send"),
        ([BOOT, BEAT.replace('"2"', '"1"')], "used for two messages"),
        ([BOOT, '[3,"nobody",{}]'], "answer to nothing"),
        ([BOOT, '[4,"nobody","FormatViolation","",{}]'], "error code"),
        ([BOOT, '[4,"nobody","GenericError","",[]]'], "not an object"),
    ],
)
def test_each_breach_is_written_down(texts: list[str], words: str) -> None:
    backend, _ = talk(*texts)
    with pytest.raises(AssertionError, match=words):
        backend.check()


def test_two_calls_at_once_are_a_breach() -> None:
    backend = ScriptedBackend()
    backend.answers("Heartbeat", {"currentTime": "2026-11-20T10:00:00Z"}, delay_s=5.0)
    talk(BOOT, BEAT, '[2,"3","Heartbeat",{}]', backend=backend)
    with pytest.raises(AssertionError, match="not answered"):
        backend.check()


def test_answers_are_held_against_their_schemas_and_counted() -> None:
    backend, wire = talk(BOOT)
    reply = backend.call("ClearCache")
    backend.receive(wire, f'[3,"{reply.message_id}",{{"status":"Accepted"}}]')
    backend.check()
    backend.receive(wire, f'[3,"{reply.message_id}",{{"status":"Perhaps"}}]')
    with pytest.raises(AssertionError, match="twice"):
        backend.check()
    assert any("Perhaps" in words for words in backend.violations)


def test_a_rejected_station_must_be_silent() -> None:
    backend = ScriptedBackend()
    backend.answers("BootNotification", {"status": "Rejected", "currentTime": "", "interval": 10})
    _, wire = talk(BOOT, backend=backend)
    reply = backend.call("ClearCache")
    backend.receive(wire, f'[3,"{reply.message_id}",{{"status":"Accepted"}}]')
    with pytest.raises(AssertionError, match="rejected"):
        backend.check()


def test_scripts_are_used_up_in_their_order() -> None:
    backend = ScriptedBackend()
    backend.fails("Heartbeat", "InternalError", times=1)
    backend.ignores("Heartbeat", times=1)
    backend.hangs_up_on("Heartbeat", times=1)
    _, wire = talk(BOOT, BEAT, backend=backend)
    assert json.loads(wire.texts[-1])[:3] == [4, "2", "InternalError"]
    backend.receive(wire, '[2,"3","Heartbeat",{}]')
    assert len(wire.texts) == 2
    backend.receive(wire, '[2,"4","Heartbeat",{}]')
    assert wire.ended
    _, again = talk('[2,"5","Heartbeat",{}]', backend=backend)
    assert json.loads(again.texts[-1])[0] == 3


def test_a_delayed_answer_comes_when_its_time_has_come_and_only_on_its_connection() -> None:
    backend = ScriptedBackend()
    backend.advance(100.0)
    backend.answers("Heartbeat", {"currentTime": ""}, delay_s=5.0)
    _, wire = talk(BOOT, BEAT, backend=backend)
    assert backend.next_event_s() == 105.0
    backend.advance(104.9)
    assert len(wire.texts) == 1
    backend.advance(105.0)
    assert len(wire.texts) == 2
    backend.receive(wire, '[2,"3","Heartbeat",{}]')
    backend.hang_up()
    _, other = talk(backend=backend)
    backend.advance(200.0)
    assert other.texts == []
