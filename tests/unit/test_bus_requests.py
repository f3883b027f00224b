"""Requests: asked until answered, acted on once, given up in an orderly way."""

import math
from typing import Any

import msgpack
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bus.endpoint import Endpoint
from bus.envelope import LARGEST_FRAME, REQUEST_MARK, Received
from bus.memory import Hub
from bus.requests import MOST_REMEMBERED, PATIENCE_S, REMEMBER_S, REPEAT_S, WITHDRAWALS
from bus.topics import SETTINGS_CHANGE, SYSTEM_EVENT, WITHDRAWN
from schemas.base import Answer, Answered, Withdrawn
from schemas.settings import ChangeSettingRequest
from schemas.system import EventRequest
from tests.schema_samples import envelope
from tests.virtual_clock import VirtualClock

pytestmark = pytest.mark.unit

EXPIRES_IN_S = 5.0


class Counter:
    """`chargectl` asks, `settings` owns; a tap sees what is published."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.hub = Hub()
        self.published: list[bytes] = []
        self.hub.taps.append(lambda _owner, frame: self.published.append(frame))
        self.asker = Endpoint("chargectl", self.clock, run_id="a", asks=(SETTINGS_CHANGE,))
        self.hub.join(self.asker)
        self.begin("o1")

    def begin(self, run_id: str) -> None:
        self.owner = Endpoint("settings", self.clock, run_id=run_id)
        self.hub.join(self.owner)
        self.hub.deliver()

    def a_request(self, **changed: Any) -> ChangeSettingRequest:
        values: dict[str, Any] = {"request_id": self.asker.new_id(), "expires_s": self.clock.boot_s + EXPIRES_IN_S}
        return ChangeSettingRequest(**(values | {"key": "FreeCharging", "value": "true"} | changed))

    def ask(self) -> str:
        body = self.a_request()
        self.asker.request(SETTINGS_CHANGE, body)
        self.hub.deliver()
        return body.request_id

    def wait(self, seconds: float) -> None:
        """Lets time pass from deadline to deadline of the asker."""
        end_s = self.clock.boot_s + seconds
        while True:
            next_s = self.asker.on_time()
            self.hub.deliver()
            if next_s >= end_s:
                break
            self.clock.move_to(next_s)
        self.clock.move_to(end_s)
        self.asker.on_time()
        self.hub.deliver()

    def got(self) -> list[Received]:
        """What the owner was asked to do since the last look."""
        found = list(self.owner.inbox)
        self.owner.inbox.clear()
        return found

    def answers(self) -> list[Answered]:
        found = [message.body for message in self.asker.inbox]
        self.asker.inbox.clear()
        return found

    def said(self, name: str) -> int:
        return sum(frame.startswith(name.encode() + b"\0") for frame in self.published)


def lost(*_: object) -> int:
    return 0


def test_a_request_is_acted_on_once_republished_and_answered() -> None:
    counter = Counter()
    request_id = counter.ask()
    (message,) = counter.got()
    assert (message.topic, message.sender, message.body.key) == (SETTINGS_CHANGE, "chargectl", "FreeCharging")
    assert counter.said("settings.change") == 1
    counter.owner.answer(request_id, Answer.REBOOT_REQUIRED, "because", {"a": "b"})
    counter.hub.deliver()
    (answer,) = counter.answers()
    expected = Answered(request_id=request_id, outcome=Answer.REBOOT_REQUIRED, reason="because", values={"a": "b"})
    assert answer == expected
    assert counter.asker.on_time() == math.inf


def test_the_request_is_repeated_every_250_ms_and_acted_on_once() -> None:
    counter = Counter()
    up: list[bytes] = []
    counter.hub.fate = lambda _sender, receiver, frame: up.append(frame) or 1 if receiver == "settings" else 1  # type: ignore[func-returns-value]
    counter.ask()
    counter.wait(2.0)
    assert len(up) == 1 + round(2.0 / REPEAT_S)
    assert len(counter.got()) == 1
    assert counter.said("settings.change") == 1


def test_a_lost_request_is_heard_at_its_repeat() -> None:
    counter = Counter()
    counter.hub.fate = lost
    counter.ask()
    assert counter.got() == []
    counter.hub.fate = lambda *_: 1
    counter.wait(REPEAT_S)
    assert len(counter.got()) == 1


def test_a_lost_answer_is_given_again_without_acting() -> None:
    counter = Counter()
    request_id = counter.ask()
    assert len(counter.got()) == 1
    counter.hub.fate = lost
    counter.owner.answer(request_id, Answer.ACCEPTED)
    counter.hub.deliver()
    counter.hub.fate = lambda *_: 1
    counter.wait(REPEAT_S)
    assert [answer.outcome for answer in counter.answers()] == [Answer.ACCEPTED]
    assert counter.got() == []


def test_an_answer_is_heard_once_however_often_it_comes() -> None:
    counter = Counter()
    request_id = counter.ask()
    counter.hub.fate = lambda *_: 3
    counter.owner.answer(request_id, Answer.ACCEPTED)
    counter.owner.answer(request_id, Answer.ACCEPTED)
    counter.hub.deliver()
    assert len(counter.answers()) == 1


def test_an_answer_to_somebody_elses_request_is_not_delivered() -> None:
    counter = Counter()
    counter.owner.answer("somebody else's", Answer.ACCEPTED)
    counter.hub.deliver()
    assert counter.answers() == []


def test_a_remembered_answer_of_before_the_restart_is_given_again_without_acting() -> None:
    counter = Counter()
    request_id = counter.ask()
    counter.got()
    counter.hub.leave("settings")
    counter.begin("o2")
    counter.owner.remember(
        Answered(request_id=request_id, outcome=Answer.ACCEPTED), until_s=counter.clock.boot_s + 60.0
    )
    counter.wait(REPEAT_S)
    assert [answer.outcome for answer in counter.answers()] == [Answer.ACCEPTED]
    assert counter.got() == []


def test_without_a_remembered_answer_a_restarted_owner_acts() -> None:
    counter = Counter()
    counter.ask()
    counter.got()
    counter.hub.leave("settings")
    counter.begin("o2")
    counter.wait(REPEAT_S)
    assert len(counter.got()) == 1


def test_nobody_acts_on_a_request_after_its_end() -> None:
    counter = Counter()
    held: list[bytes] = []
    counter.hub.fate = lambda _sender, _receiver, frame: held.append(frame) or 0  # type: ignore[func-returns-value]
    counter.ask()
    counter.hub.fate = lambda *_: 1
    counter.clock.move_to(counter.clock.boot_s + EXPIRES_IN_S)
    counter.owner.from_subscriber(held[0])
    assert counter.got() == []
    assert counter.said("settings.change") == 0
    assert counter.said("settings.answered") == 0


def test_just_before_its_end_a_request_is_acted_on() -> None:
    counter = Counter()
    body = counter.a_request(expires_s=counter.clock.boot_s + 0.001)
    counter.asker.request(SETTINGS_CHANGE, body)
    counter.hub.deliver()
    assert len(counter.got()) == 1


def test_a_request_that_nobody_answers_expires_two_seconds_after_its_end_and_is_withdrawn() -> None:
    counter = Counter()
    request_id = counter.ask()
    counter.got()
    counter.wait(EXPIRES_IN_S + PATIENCE_S - 0.01)
    assert counter.answers() == []
    counter.wait(0.02)
    (answer,) = counter.answers()
    assert (answer.request_id, answer.outcome) == (request_id, Answer.EXPIRED)
    assert answer.reason
    withdrawn = counter.got()
    assert [(message.topic, message.body) for message in withdrawn] == [
        (WITHDRAWN["settings"], Withdrawn(request_id=request_id))
    ]


def test_an_answer_may_still_come_in_the_two_seconds_after_the_end() -> None:
    counter = Counter()
    request_id = counter.ask()
    counter.got()
    counter.wait(EXPIRES_IN_S + 1.9)
    counter.owner.answer(request_id, Answer.ACCEPTED)
    counter.hub.deliver()
    counter.wait(10.0)
    assert [answer.outcome for answer in counter.answers()] == [Answer.ACCEPTED]
    assert counter.got() == []


def test_a_withdrawal_is_repeated_and_then_over() -> None:
    counter = Counter()
    counter.ask()
    counter.got()
    counter.wait(60.0)
    assert [message.topic for message in counter.got()] == [WITHDRAWN["settings"]] * WITHDRAWALS
    assert counter.asker.on_time() == math.inf


def test_an_answer_after_giving_up_is_no_answer_and_the_withdrawal_goes_on() -> None:
    """The first withdrawal was lost: without the repeats the owner would keep an effect nobody wants."""
    counter = Counter()
    request_id = counter.ask()
    counter.got()
    counter.hub.fate = lost
    counter.wait(EXPIRES_IN_S + PATIENCE_S)
    counter.hub.fate = lambda *_: 1
    counter.owner.answer(request_id, Answer.ACCEPTED)
    counter.hub.deliver()
    counter.wait(10.0)
    assert [answer.outcome for answer in counter.answers()] == [Answer.EXPIRED]
    assert [message.topic for message in counter.got()] == [WITHDRAWN["settings"]] * (WITHDRAWALS - 1)


def test_a_withdrawal_of_something_never_heard_of_is_not_delivered() -> None:
    counter = Counter()
    counter.hub.fate = lost
    counter.ask()
    counter.wait(EXPIRES_IN_S + PATIENCE_S - 0.01)
    counter.hub.fate = lambda *_: 1
    counter.wait(10.0)
    assert counter.got() == []


def test_a_known_id_is_remembered_a_minute_beyond_its_end() -> None:
    counter = Counter()
    body = counter.a_request()
    frame = up(SETTINGS_CHANGE, body)
    counter.owner.from_subscriber(frame)
    counter.got()
    counter.owner.answer(body.request_id, Answer.ACCEPTED)
    counter.clock.move_to(body.expires_s + REMEMBER_S)
    counter.owner.from_subscriber(frame)
    assert counter.said("settings.answered") == 2
    counter.clock.move_to(body.expires_s + REMEMBER_S + 0.01)
    counter.owner.from_subscriber(frame)
    assert (counter.said("settings.answered"), counter.got()) == (2, [])


def test_remembered_answers_are_bounded() -> None:
    counter = Counter()
    for number in range(MOST_REMEMBERED + 1):
        counter.owner.answer(str(number), Answer.ACCEPTED)
    frame_of_first = up(SETTINGS_CHANGE, counter.a_request(request_id="0"))
    counter.owner.from_subscriber(frame_of_first)
    assert len(counter.got()) == 1


def up(topic: Any, body: Any, **changed: Any) -> bytes:
    """A request as it comes up, made by the other library."""
    read = msgspec.to_builtins(envelope(topic, body, **changed))
    payload: bytes = msgpack.packb(read)
    return REQUEST_MARK + bytes(topic.name.encode()) + b"\0" + payload


def test_a_request_that_breaks_its_schema_is_rejected_with_the_reason() -> None:
    counter = Counter()
    counter.ask()
    (asked,) = counter.got()
    counter.owner.from_subscriber(_broken(asked.body, key="k" * 65))
    counter.hub.deliver()
    (answer,) = counter.answers()
    assert answer.outcome is Answer.REJECTED
    assert "key" in answer.reason
    assert counter.got() == []
    assert counter.owner.ignored == 1


def _broken(body: Any, **changed: Any) -> bytes:
    read = msgspec.to_builtins(envelope(SETTINGS_CHANGE, body))
    read["b"] |= changed
    return REQUEST_MARK + b"settings.change\0" + bytes(msgpack.packb(read))


@pytest.mark.parametrize("expires_s", [math.nan, math.inf, -math.inf, -1.0, 1e300])
def test_a_request_without_an_end_is_rejected(expires_s: float) -> None:
    """It would be remembered for ever."""
    counter = Counter()
    counter.ask()
    (asked,) = counter.got()
    counter.owner.from_subscriber(_broken(asked.body, expires_s=expires_s))
    counter.hub.deliver()
    assert [answer.outcome for answer in counter.answers()] == [Answer.REJECTED]
    assert counter.got() == []


@pytest.mark.parametrize(
    "frame",
    [
        REQUEST_MARK + b"nobody.knows\0\x80",
        REQUEST_MARK + b"settings.change\0\x80",
        REQUEST_MARK + b"settings.change",
        REQUEST_MARK + b"settings.values\0\x80",
        REQUEST_MARK,
        b"\x03settings.change\0",
        b"settings.change\0",
    ],
)
def test_what_is_no_request_of_ours_is_counted_and_left_alone(frame: bytes) -> None:
    counter = Counter()
    counter.owner.from_subscriber(frame)
    assert counter.got() == []
    assert counter.owner.ignored == 1
    assert counter.said("settings.answered") == 0


def test_a_request_sent_to_the_wrong_owner_is_left_alone() -> None:
    counter = Counter()
    body = EventRequest(request_id="x", expires_s=counter.clock.boot_s + 5.0, code="c", text="t")
    counter.owner.from_subscriber(up(SYSTEM_EVENT, body))
    assert counter.got() == []
    assert "sent up to settings" in counter.owner.last_ignored
    assert counter.said("settings.answered") == 0


def test_an_empty_frame_is_an_unsubscription_at_most() -> None:
    counter = Counter()
    counter.owner.from_subscriber(b"")
    counter.owner.from_subscriber(b"\0settings.values\0")
    assert counter.got() == []


@pytest.mark.parametrize("length", [65, 1000, LARGEST_FRAME - 300, LARGEST_FRAME - 180, LARGEST_FRAME + 100])
def test_a_request_as_large_as_the_bus_carries_never_stops_its_owner(length: int) -> None:
    """What the owner has to say about it would be larger still."""
    clock = VirtualClock()
    system = Endpoint("system", clock, run_id="a long run id of the owner")
    for field in ("request_id", "code", "text"):
        values: dict[str, Any] = {"request_id": "x", "code": "c", "text": "t"} | {field: "y" * length}
        system.from_subscriber(up(SYSTEM_EVENT, EventRequest(expires_s=clock.boot_s + 5.0, **values), run_id="r"))
        system.from_subscriber(_too_short(values))


def test_a_request_that_fits_but_would_not_fit_when_it_is_published_is_rejected() -> None:
    clock, hub = VirtualClock(), Hub()
    system = Endpoint("system", clock, run_id="a long run id of the owner")
    asker = Endpoint("chargectl", clock, run_id="a", asks=(SYSTEM_EVENT,))
    hub.join(system)
    hub.join(asker)
    body = EventRequest(request_id="x", expires_s=clock.boot_s + 5.0, code="c", text="")
    asker.request(SYSTEM_EVENT, body)
    room = LARGEST_FRAME + 1 - len(up(SYSTEM_EVENT, body, run_id="r", trace_id=""))
    frame = up(SYSTEM_EVENT, msgspec.structs.replace(body, text="y" * (room - 4)), run_id="r", trace_id="")
    assert len(frame) == LARGEST_FRAME + 1, "as large as is let in"
    system.from_subscriber(frame)
    hub.deliver()
    assert [message.body.outcome for message in asker.inbox] == [Answer.REJECTED]
    assert list(system.inbox) == []


def _too_short(values: dict[str, Any]) -> bytes:
    read = {"v": 1, "s": "x", "r": "r", "n": 1, "t": 1.0, "w": 1.0, "b": {"request_id": values["request_id"]}}
    return REQUEST_MARK + b"system.event\0" + bytes(msgpack.packb(read))


def test_a_request_can_be_asked_only_of_owners_named_in_asks() -> None:
    counter = Counter()
    assert counter.asker.peers() == {"settings"}
    assert counter.asker.subscriptions("settings") == [b"settings.answered\0"]


@given(st.lists(st.sampled_from(["ask", "answer", "wait", "lose", "keep", "restart"]), max_size=30))
def test_whatever_is_lost_every_request_ends_once(steps: list[str]) -> None:
    counter = Counter()
    asked: list[str] = []
    ended: list[str] = []
    acted: list[str] = []
    durable: dict[str, Answered] = {}
    for step in [*steps, "keep", "answer", "wait", "wait"]:
        match step:
            case "ask":
                asked.append(counter.ask())
            case "answer":
                for message in counter.got():
                    if message.topic is SETTINGS_CHANGE and counter.clock.boot_s < message.body.expires_s:
                        acted.append(message.body.request_id)
                        durable[message.body.request_id] = counter.owner.answer(
                            message.body.request_id, Answer.ACCEPTED
                        )
                counter.hub.deliver()
            case "wait":
                counter.wait(4.0)
            case "lose":
                counter.hub.fate = lost
            case "keep":
                counter.hub.fate = lambda *_: 1
            case "restart":
                counter.hub.leave("settings")
                counter.begin(f"o{len(ended)}-{counter.clock.boot_s}")
                for answered in durable.values():
                    counter.owner.remember(answered, counter.clock.boot_s + 600.0)
        ended += [answer.request_id for answer in counter.answers()]
    assert sorted(ended) == sorted(asked)
    assert len(acted) == len(set(acted)), "acted twice"
