"""Both ends of OCPP-J in one connection, as frames in and out."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.ocpp_link import Outcome
from services.ocpp_link.actions import supported
from services.ocpp_link.codec import Code
from services.ocpp_link.endpoint import MOST_PENDING, Asked, Ended, OcppEndpoint, Reply, Ticket
from services.ocpp_link.validators import Invalid
from tests.unit.test_ocpp_link_codec import FRAMES

pytestmark = pytest.mark.unit
ACTIONS = supported(frozenset({"Core", "RemoteTrigger"}))
RESET = '{"type":"Hard"}'


def opened() -> OcppEndpoint:
    endpoint = OcppEndpoint(ACTIONS)
    endpoint.connected()
    return endpoint


def code_of(effects: tuple[object, ...]) -> str:
    (reply,) = effects
    assert isinstance(reply, Reply)
    code: str = json.loads(reply.frame)[2]
    return code


def ask(endpoint: OcppEndpoint, message_id: str = "b-1", action: str = "Reset", payload: str = RESET) -> Ticket:
    (asked,) = endpoint.receive(f'[2,"{message_id}","{action}",{payload}]')
    assert isinstance(asked, Asked)
    return asked.ticket


def test_a_call_is_answered_with_what_it_means() -> None:
    endpoint = opened()
    frame = endpoint.call("m-1", "Heartbeat", "{}", 10.0, 60.0)
    assert json.loads(frame) == [2, "m-1", "Heartbeat", {}]
    (ended,) = endpoint.receive('[3,"m-1",{"currentTime":"2026-11-20T10:00:00Z","extra":1}]')
    assert isinstance(ended, Ended)
    assert (ended.outcome, ended.payload, ended.sent_s) == (
        Outcome.ANSWERED, '{"currentTime":"2026-11-20T10:00:00Z"}', 10.0
    )  # fmt: skip
    assert endpoint.in_flight is None


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ('[4,"m-1","GenericError","no",{}]', "GenericError"),
        ('[4,"m-1","Whatever"]', "Whatever"),
        ('[3,"m-1",{}]', Code.PROTOCOL_ERROR),
        ('[3,"m-1"]', Code.FORMATION_VIOLATION),
        ('[3,"m-1",[]]', Code.FORMATION_VIOLATION),
    ],
)
def test_an_error_or_a_broken_answer_ends_the_call_as_an_error(answer: str, code: str) -> None:
    endpoint = opened()
    endpoint.call("m-1", "Heartbeat", "{}", 0.0, 60.0)
    (ended,) = endpoint.receive(answer)
    assert isinstance(ended, Ended)
    assert (ended.outcome, ended.error_code) == (Outcome.ERROR, code)


def test_late_and_foreign_answers_are_ignored_and_counted() -> None:
    endpoint = opened()
    endpoint.call("m-1", "Heartbeat", "{}", 0.0, 60.0)
    assert endpoint.receive('[3,"m-0",{}]') == ()
    ended = endpoint.timed_out(60.0)
    assert ended is not None
    assert ended.outcome is Outcome.TIMED_OUT
    assert endpoint.receive('[3,"m-1",{"currentTime":"2026-11-20T10:00:00Z"}]') == ()
    assert endpoint.ignored == 2


def test_a_call_has_until_its_deadline_and_not_longer() -> None:
    endpoint = opened()
    endpoint.call("m-1", "Heartbeat", "{}", 100.0, 60.0)
    assert endpoint.timed_out(159.9) is None
    assert endpoint.timed_out(160.0) is not None
    assert endpoint.timed_out(161.0) is None


def test_a_lost_connection_fails_the_call_at_once() -> None:
    endpoint = opened()
    endpoint.call("m-1", "Heartbeat", "{}", 0.0, 60.0)
    ended = endpoint.disconnected()
    assert ended is not None
    assert (ended.message_id, ended.outcome) == ("m-1", Outcome.CONNECTION_LOST)
    assert endpoint.disconnected() is None


@pytest.mark.parametrize(
    ("action", "payload", "message_id", "code"),
    [
        ("StatusNotification", "{}", "m-1", Code.PROTOCOL_ERROR),
        ("NoSuchThing", "{}", "m-1", Code.NOT_IMPLEMENTED),
        ("Heartbeat", "{", "m-1", Code.FORMATION_VIOLATION),
        ("Heartbeat", "{}", "m" * 37, Code.PROTOCOL_ERROR),
        ("Heartbeat", "{}", "", Code.PROTOCOL_ERROR),
    ],
)
def test_a_wrong_call_of_ours_never_leaves(action: str, payload: str, message_id: str, code: str) -> None:
    endpoint = opened()
    with pytest.raises(Invalid) as refused:
        endpoint.call(message_id, action, payload, 0.0, 60.0)
    assert refused.value.code == code
    assert endpoint.in_flight is None


def test_the_backend_is_answered_while_we_wait_for_it() -> None:
    endpoint = opened()
    endpoint.call("m-1", "Heartbeat", "{}", 0.0, 60.0)
    ticket = ask(endpoint)
    assert json.loads(endpoint.answer(ticket, '{"status":"Accepted"}') or "") == [3, "b-1", {"status": "Accepted"}]
    assert endpoint.in_flight is not None


def test_an_answer_goes_only_to_the_connection_that_asked() -> None:
    endpoint = opened()
    ticket = ask(endpoint)
    endpoint.disconnected()
    endpoint.connected()
    again = ask(endpoint)
    assert endpoint.answer(ticket, '{"status":"Accepted"}') is None
    assert endpoint.answer(again, '{"status":"Accepted"}') is not None


def test_a_call_is_answered_once() -> None:
    endpoint = opened()
    ticket = ask(endpoint)
    assert endpoint.refuse(ticket, Code.INTERNAL_ERROR, "late") is not None
    assert endpoint.answer(ticket, '{"status":"Accepted"}') is None


@pytest.mark.parametrize("settled", [True, False])
def test_a_repeated_message_id_is_not_acted_on_again(settled: bool) -> None:
    endpoint = opened()
    ticket = ask(endpoint)
    if settled:
        endpoint.answer(ticket, '{"status":"Accepted"}')
    assert endpoint.receive(f'[2,"b-1","Reset",{RESET}]') == ()
    endpoint.disconnected()
    endpoint.connected()
    assert len(endpoint.receive(f'[2,"b-1","Reset",{RESET}]')) == 1, "another connection, another message"


def test_a_wrong_answer_of_ours_is_told_as_an_internal_error() -> None:
    endpoint = opened()
    frame = endpoint.answer(ask(endpoint), '{"status":"Perhaps"}')
    assert json.loads(frame or "")[2] == Code.INTERNAL_ERROR


@pytest.mark.parametrize(
    ("action", "code"),
    [
        ("SetChargingProfile", Code.NOT_SUPPORTED),
        ("ReserveNow", Code.NOT_SUPPORTED),
        ("InstallCertificate", Code.NOT_SUPPORTED),
        ("Heartbeat", Code.NOT_SUPPORTED),
        ("reset", Code.NOT_IMPLEMENTED),
        ("MakeCoffee", Code.NOT_IMPLEMENTED),
        ("", Code.NOT_IMPLEMENTED),
    ],
)
def test_known_and_unknown_actions_have_different_codes(action: str, code: str) -> None:
    assert code_of(opened().receive(f'[2,"b-1","{action}",{{}}]')) == code


def test_a_missing_profile_takes_its_actions_with_it() -> None:
    endpoint = OcppEndpoint(supported(frozenset({"Core", "SmartCharging"})))
    endpoint.connected()
    assert code_of(endpoint.receive('[2,"1","TriggerMessage",{"requestedMessage":"Heartbeat"}]')) == Code.NOT_SUPPORTED
    assert code_of(endpoint.receive('[2,"2","ClearChargingProfile",{}]')) == Code.NOT_SUPPORTED


def test_twenty_calls_may_wait_and_the_next_hears_an_error() -> None:
    endpoint = opened()
    tickets = [ask(endpoint, f"b-{number}") for number in range(MOST_PENDING)]
    assert code_of(endpoint.receive(f'[2,"one more","Reset",{RESET}]')) == Code.GENERIC_ERROR
    endpoint.answer(tickets[0], '{"status":"Accepted"}')
    ask(endpoint, "room again")


def test_ten_thousand_calls_leave_the_memory_bounded() -> None:
    endpoint = opened()
    for number in range(10_000):
        endpoint.receive(f'[2,"b-{number}","Reset",{RESET}]')
    assert len(endpoint._seen) <= 1000
    assert len(endpoint._pending) <= MOST_PENDING


def test_a_rejected_station_does_not_answer() -> None:
    endpoint = opened()
    endpoint.deaf = True
    assert endpoint.receive(f'[2,"b-1","Reset",{RESET}]') == ()
    assert endpoint.receive('[2,"b-2","Reset"]') == ()


def test_fields_that_nobody_knows_are_left_out_of_a_request() -> None:
    (asked,) = opened().receive('[2,"b-1","Reset",{"type":"Soft","vendor":{"x":[1]}}]')
    assert isinstance(asked, Asked)
    assert asked.payload == {"type": "Soft"}


@given(st.lists(FRAMES.map(json.dumps) | st.text(max_size=50), max_size=12), st.booleans())
def test_whatever_comes_in_nothing_raises_and_every_reply_is_a_frame(texts: list[str], deaf: bool) -> None:
    endpoint = opened()
    endpoint.deaf = deaf
    endpoint.call("m-1", "Heartbeat", "{}", 0.0, 60.0)
    for text in texts:
        for effect in endpoint.receive(text):
            if isinstance(effect, Reply):
                assert json.loads(effect.frame)[0] == 4
    endpoint.disconnected()
    assert endpoint.in_flight is None
