"""What an endpoint does with what it hears: gaps, repeats, runs, silence, leases, strangers, garbage."""

import contextlib
import math
from typing import Any

import msgpack
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bus.endpoint import AHEAD_S, MOST_KEYS, Endpoint, Heard
from bus.envelope import LARGEST_FRAME, REQUEST_MARK, BadFrame, address, decode, encode, subscription
from bus.memory import Hub
from bus.topics import (
    HMI_CARD,
    METERING_READING,
    METERING_RING_REQUEST,
    SAFETY_CONNECTOR,
    SESSION_PERMISSION,
    SESSION_START_TRANSACTION,
    SETTINGS_VALUES,
    TOPICS,
    Topic,
)
from schemas.hmi import CardPresented
from schemas.metering import MeterReading, Quality
from schemas.session import Permission
from schemas.settings import SettingsSnapshot
from tests.schema_samples import envelope, key_of, samples
from tests.virtual_clock import VirtualClock

pytestmark = pytest.mark.unit


def a_permission(until_s: float, connector: int = 1) -> Permission:
    return Permission(connector=connector, may_charge=True, limit_a=16.0, hold_cable=True, until_s=until_s)


def a_reading(serial: str = "") -> MeterReading:
    return MeterReading(meter="connector.1", model="paper", serial=serial, quality=Quality.GOOD, reading=None)


def a_card(presentation_id: str) -> CardPresented:
    return CardPresented(presentation_id=presentation_id, id_tag="CARD", reader="front", presented_s=1.0)


class Pair:
    """`session` listens to `metering`, `settings` and `hmi`; frames go by hand or by the hub."""

    def __init__(self) -> None:
        self.clock = VirtualClock()
        self.hub = Hub()
        self.session = Endpoint("session", self.clock, run_id="s1", hears=(METERING_READING, SETTINGS_VALUES, HMI_CARD))
        self.metering = self.another_run("m1")
        self.hub.join(self.session)
        self.hub.join(self.metering)
        self.hub.deliver()

    def another_run(self, run_id: str) -> Endpoint:
        return Endpoint("metering", self.clock, run_id=run_id)

    def says(self, serial: str) -> None:
        self.metering.publish(METERING_READING, a_reading(serial), key="connector.1")
        self.hub.deliver()

    def restart(self, run_id: str) -> None:
        self.hub.leave("metering")
        self.metering = self.another_run(run_id)
        self.hub.join(self.metering)

    def heard(self) -> list[str]:
        found = [message.body.serial for message in self.session.inbox]
        self.session.inbox.clear()
        return found

    def frames(self, count: int) -> list[bytes]:
        """The frames of `count` readings that nobody got yet."""
        kept: list[bytes] = []
        self.hub.fate = lambda _sender, _receiver, frame: kept.append(frame) or 0  # type: ignore[func-returns-value]
        for number in range(1, count + 1):
            self.says(str(number))
        self.hub.fate = lambda *_: 1
        return kept


def test_what_is_said_is_heard_with_topic_key_and_sender() -> None:
    pair = Pair()
    pair.says("a")
    (message,) = pair.session.inbox
    assert (message.topic, message.key, message.sender) == (METERING_READING, "connector.1", "metering")
    assert (message.run_id, message.sequence, message.resent) == ("m1", 1, False)
    assert (pair.session.received, pair.session.gaps, pair.session.ignored) == (1, 0, 0)


def test_a_repeated_frame_is_heard_once() -> None:
    pair = Pair()
    pair.hub.fate = lambda *_: 2
    pair.says("a")
    pair.says("b")
    assert pair.heard() == ["a", "b"]
    assert pair.session.gaps == 0


def test_a_lost_frame_is_counted_as_a_gap_by_topic_and_key() -> None:
    pair = Pair()
    for number, frame in enumerate(pair.frames(6), 1):
        if number not in (3, 4):
            pair.session.from_owner(frame)
    assert pair.heard() == ["1", "2", "5", "6"]
    assert pair.session.gaps == 2
    pair.metering.publish(METERING_READING, a_reading("other"), key="connector.2")
    pair.hub.deliver()
    assert pair.session.gaps == 2


def test_frames_that_overtake_each_other_count_as_a_gap_and_the_old_one_is_dropped() -> None:
    pair = Pair()
    first, second, third = pair.frames(3)
    for frame in (first, third, second):
        pair.session.from_owner(frame)
    assert pair.heard() == ["1", "3"]
    assert pair.session.gaps == 1


def test_what_was_said_before_one_listened_is_no_gap() -> None:
    pair = Pair()
    *_, last = pair.frames(100)
    pair.session.from_owner(last)
    assert (pair.heard(), pair.session.gaps) == (["100"], 0)


def test_a_retained_value_reaches_a_subscriber_that_appears_later_marked_as_such() -> None:
    clock, hub = VirtualClock(), Hub()
    settings = Endpoint("settings", clock, run_id="r")
    hub.join(settings)
    settings.publish(SETTINGS_VALUES, SettingsSnapshot(revision=1, values={}))
    settings.publish(SETTINGS_VALUES, SettingsSnapshot(revision=2, values={}))
    late = Endpoint("session", clock, run_id="s", hears=(SETTINGS_VALUES,))
    hub.join(late)
    hub.deliver()
    (message,) = late.inbox
    assert (message.body.revision, message.resent) == (2, True)
    assert late.gaps == 0


def test_a_resent_value_is_neither_news_nor_a_gap_for_those_who_have_it() -> None:
    pair = Pair()
    pair.says("a")
    pair.heard()
    pair.metering.from_subscriber(b"\x01" + subscription(METERING_READING))
    pair.hub.deliver()
    assert pair.heard() == []
    pair.says("b")
    assert (pair.heard(), pair.session.gaps) == (["b"], 0)


def test_a_resent_value_that_was_missed_is_news_and_no_gap() -> None:
    pair = Pair()
    pair.says("a")
    pair.frames(3)
    pair.metering.from_subscriber(b"\x01" + subscription(METERING_READING))
    pair.hub.deliver()
    assert (pair.heard(), pair.session.gaps) == (["a", "3"], 0)


def test_the_next_value_after_a_missed_one_that_was_resent_is_no_gap_either() -> None:
    pair = Pair()
    pair.says("a")
    pair.frames(3)
    pair.metering.from_subscriber(b"\x01" + subscription(METERING_READING))
    pair.says("b")
    assert pair.session.gaps == 0


def test_events_are_not_retained() -> None:
    clock, hub = VirtualClock(), Hub()
    hmi = Endpoint("hmi", clock, run_id="r")
    hub.join(hmi)
    hmi.publish(HMI_CARD, a_card("1"))
    late = Endpoint("session", clock, run_id="s", hears=(HMI_CARD,))
    hub.join(late)
    hub.deliver()
    assert list(late.inbox) == []
    assert late.latest(HMI_CARD).status is Heard.NEVER


def test_a_restarted_sender_begins_anew_and_that_is_no_gap() -> None:
    pair = Pair()
    pair.says("a")
    pair.says("b")
    pair.clock.move_to(pair.clock.boot_s + 1.0)
    pair.restart("m2")
    pair.says("c")
    assert (pair.heard(), pair.session.gaps) == (["a", "b", "c"], 0)
    assert pair.session.latest(METERING_READING, "connector.1").sender_run == "m2"


def test_a_straggler_of_an_ended_run_is_dropped() -> None:
    pair = Pair()
    *_, straggler = pair.frames(3)
    pair.clock.move_to(pair.clock.boot_s + 1.0)
    pair.restart("m2")
    pair.says("new")
    pair.session.from_owner(straggler)
    pair.says("newer")
    assert (pair.heard(), pair.session.gaps) == (["new", "newer"], 0)


@pytest.mark.parametrize("ahead_s", [AHEAD_S, AHEAD_S + 0.001, 1e6])
def test_a_message_from_the_future_makes_nobody_deaf_to_those_that_follow(ahead_s: float) -> None:
    pair = Pair()
    pair.says("a")
    pair.session.from_owner(wire(METERING_READING, "connector.1", r="future", t=pair.clock.boot_s + ahead_s))
    assert pair.session.ignored == (ahead_s > AHEAD_S)
    pair.clock.move_to(pair.clock.boot_s + AHEAD_S)
    pair.says("b")
    pair.restart("m2")
    pair.says("c")
    assert [text for text in pair.heard() if text] == ["a", "b", "c"]
    pair.clock.move_to(pair.clock.boot_s + 60.0)
    assert pair.session.latest(METERING_READING, "connector.1").status is Heard.SILENT


def test_never_fresh_and_silent_are_three_answers() -> None:
    pair = Pair()
    never = pair.session.latest(METERING_READING, "connector.1")
    assert (never.status, never.body, never.fresh) == (Heard.NEVER, None, None)
    pair.says("a")
    begin_s = pair.clock.boot_s
    pair.clock.move_to(begin_s + 5.0)
    fresh = pair.session.latest(METERING_READING, "connector.1")
    assert fresh.status is Heard.FRESH
    assert fresh.fresh is not None
    pair.clock.move_to(begin_s + 5.001)
    silent = pair.session.latest(METERING_READING, "connector.1")
    assert (silent.status, silent.fresh) == (Heard.SILENT, None)
    assert silent.body is not None
    assert silent.sent_s == begin_s


def test_a_resend_does_not_make_an_old_value_young() -> None:
    pair = Pair()
    pair.says("a")
    pair.hub.leave("session")
    pair.clock.move_to(pair.clock.boot_s + 60.0)
    late = Endpoint("session", pair.clock, run_id="s2", hears=(METERING_READING,))
    pair.hub.join(late)
    pair.hub.deliver()
    assert late.latest(METERING_READING, "connector.1").status is Heard.SILENT


def test_a_state_that_may_stay_quiet_is_never_silent() -> None:
    clock, hub = VirtualClock(), Hub()
    settings, session = (
        Endpoint("settings", clock, run_id="r"),
        Endpoint("session", clock, run_id="s", hears=(SETTINGS_VALUES,)),
    )
    hub.join(settings)
    hub.join(session)
    settings.publish(SETTINGS_VALUES, SettingsSnapshot(revision=1, values={}))
    hub.deliver()
    clock.move_to(clock.boot_s + 1e6)
    assert session.latest(SETTINGS_VALUES).status is Heard.FRESH


def test_a_lease_ends_at_its_end_whether_it_is_heard_of_again_or_not() -> None:
    clock, hub = VirtualClock(), Hub()
    session = Endpoint("session", clock, run_id="s")
    safety = Endpoint("safety", clock, run_id="f", hears=(SESSION_PERMISSION,))
    hub.join(session)
    hub.join(safety)
    until_s = clock.boot_s + 10.0
    session.publish(SESSION_PERMISSION, a_permission(until_s), key="1")
    hub.deliver()
    clock.move_to(until_s - 0.001)
    assert safety.latest(SESSION_PERMISSION, "1").status is Heard.FRESH
    clock.move_to(until_s)
    session.from_subscriber(b"\x01" + subscription(SESSION_PERMISSION))
    hub.deliver()
    ended = safety.latest(SESSION_PERMISSION, "1")
    assert (ended.status, ended.fresh) == (Heard.EXPIRED, None)
    assert ended.body is not None


def test_a_resent_lease_is_never_longer() -> None:
    clock, hub = VirtualClock(), Hub()
    session = Endpoint("session", clock, run_id="s")
    hub.join(session)
    session.publish(SESSION_PERMISSION, a_permission(clock.boot_s + 10.0), key="1")
    until_s = clock.boot_s + 10.0
    clock.move_to(clock.boot_s + 9.0)
    late = Endpoint("safety", clock, run_id="f", hears=(SESSION_PERMISSION,))
    hub.join(late)
    hub.deliver()
    body = late.latest(SESSION_PERMISSION, "1").body
    assert body is not None
    assert body.until_s == until_s


def test_ones_own_last_word_can_be_looked_up() -> None:
    pair = Pair()
    assert pair.metering.latest(METERING_READING, "connector.1").status is Heard.NEVER
    pair.says("a")
    assert pair.metering.latest(METERING_READING, "connector.1").fresh == a_reading("a")


def test_the_keys_of_a_topic_are_listed() -> None:
    pair = Pair()
    for key in ("connector.2", "site", "connector.1"):
        pair.metering.publish(METERING_READING, a_reading(), key=key)
    pair.hub.deliver()
    assert pair.session.keys(METERING_READING) == ["connector.1", "connector.2", "site"]
    assert pair.session.keys(SETTINGS_VALUES) == []


def test_endless_new_keys_are_refused_and_the_known_ones_go_on() -> None:
    pair = Pair()
    for number in range(MOST_KEYS + 10):
        pair.metering.publish(METERING_READING, a_reading(), key=str(number))
        pair.hub.deliver()
    assert len(pair.session.keys(METERING_READING)) == MOST_KEYS
    assert pair.session.ignored == 10
    pair.session.inbox.clear()
    pair.metering.publish(METERING_READING, a_reading("known"), key="0")
    pair.hub.deliver()
    assert pair.heard() == ["known"]


def test_nobody_says_what_another_owns() -> None:
    pair = Pair()
    with pytest.raises(ValueError, match=r"session may not say .* metering owns it"):
        pair.session.publish(METERING_READING, a_reading(), key="connector.1")


@pytest.mark.parametrize(
    ("topic", "key"),
    [(METERING_READING, ""), (SETTINGS_VALUES, "1"), (METERING_READING, "a/b"), (METERING_READING, "a\0b"),
     (METERING_READING, "k" * 65)],
)  # fmt: skip
def test_a_wrong_key_is_refused_where_it_is_said(topic: Topic[Any], key: str) -> None:
    endpoint = Endpoint(topic.owner, VirtualClock(), run_id="r")
    body = a_reading() if topic is METERING_READING else SettingsSnapshot(revision=1, values={})
    with pytest.raises(ValueError, match=topic.name):
        endpoint.publish(topic, body, key=key)


def test_a_body_outside_its_schema_is_refused_where_it_is_said_and_not_retained() -> None:
    endpoint = Endpoint("session", VirtualClock(), run_id="r")
    with pytest.raises(ValueError, match="until_s"):
        endpoint.publish(SESSION_PERMISSION, a_permission(math.nan), key="1")
    assert endpoint.latest(SESSION_PERMISSION, "1").status is Heard.NEVER


def test_more_than_the_bus_carries_is_refused_where_it_is_said() -> None:
    endpoint = Endpoint("settings", VirtualClock(), run_id="r")
    with pytest.raises(ValueError, match="the bus carries at most"):
        endpoint.publish(SETTINGS_VALUES, SettingsSnapshot(revision=1, values={"k": "v" * LARGEST_FRAME}))


def wire(topic: Topic[Any], key: str, **changed: Any) -> bytes:
    """A frame with a changed envelope, made by the other library."""
    body = a_reading() if topic is METERING_READING else SettingsSnapshot(revision=1, values={})
    read = msgspec.to_builtins(envelope(topic, body)) | changed
    head = f"{topic.name}/{key}" if key else topic.name
    return head.encode() + b"\0" + bytes(msgpack.packb(read))


@pytest.mark.parametrize(
    ("frame", "why"),
    [
        (wire(METERING_READING, "connector.1", s="session"), "from 'session', but metering owns it"),
        (wire(METERING_READING, "connector.1", s=""), "metering owns it"),
        (wire(METERING_READING, "connector.1", v=2), "major version 2 from metering"),
        (wire(METERING_READING, "connector.1", n=0), "n"),
        (wire(METERING_READING, "connector.1", b={"meter": 5}), "meter"),
        (wire(METERING_READING, "connector.1", b=[[]]), "Expected `object`"),
        (wire(METERING_READING, ""), "with key ''"),
        (wire(METERING_READING, "k" * 65), "with key"),
        (wire(SETTINGS_VALUES, "1"), "with key '1'"),
        (wire(METERING_READING, "connector.1") + b"\0" * LARGEST_FRAME, "are allowed"),
        (b"nobody.knows\0\x80", "unknown topic 'nobody.knows'"),
        (b"safety.connector/1\0\x80", ""),
        (b"\xff\xfe\xfd\0\x80", "unknown topic"),
        (b"metering.reading/connector.1", "no NUL"),
        (b"metering.reading/connector.1\0", "metering.reading"),
        (b"metering.reading/connector.1\0" + b"\x91" * 100_000, "metering.reading"),
        (b"", "no NUL"),
        (b"\0", "unknown topic ''"),
    ],
)  # fmt: skip
def test_frames_that_are_not_understood_are_counted_named_and_left_alone(frame: bytes, why: str) -> None:
    pair = Pair()
    pair.session.from_owner(frame)
    assert (list(pair.session.inbox), pair.session.ignored, pair.session.received) == ([], 1, 0)
    assert why in pair.session.last_ignored
    assert len(pair.session.last_ignored) <= 200
    pair.says("a")
    assert pair.heard() == ["a"]


def test_a_topic_one_did_not_subscribe_to_is_not_delivered() -> None:
    pair = Pair()
    (each,) = samples(SAFETY_CONNECTOR).values()
    pair.session.from_owner(encode(each, SAFETY_CONNECTOR, "1"))
    assert list(pair.session.inbox) == []
    assert "not subscribed" in pair.session.last_ignored


def test_subscriptions_name_each_topic_with_every_key_and_no_other() -> None:
    endpoint = Endpoint(
        "session",
        VirtualClock(),
        run_id="r",
        hears=(SAFETY_CONNECTOR, SETTINGS_VALUES, METERING_READING),
        asks=(METERING_RING_REQUEST,),
    )
    assert endpoint.peers() == {"safety", "settings", "metering"}
    assert endpoint.subscriptions("safety") == [b"safety.connector/"]
    assert endpoint.subscriptions("settings") == [b"settings.values\0"]
    assert endpoint.subscriptions("metering") == [b"metering.answered\0", b"metering.reading/"]


NAMED_GARBAGE = st.tuples(st.sampled_from(sorted(TOPICS)), st.binary(max_size=200))


@settings(max_examples=300)
@given(st.one_of(st.binary(max_size=300), NAMED_GARBAGE.map(lambda pair: pair[0].encode() + pair[1])))
def test_no_bytes_raise_anything_at_either_end(frame: bytes) -> None:
    clock = VirtualClock()
    for owner in ("session", "settings", "metering"):
        endpoint = Endpoint(owner, clock, run_id="r", hears=tuple(TOPICS.values()))
        endpoint.from_owner(frame)
        endpoint.from_subscriber(frame)
        endpoint.from_subscriber(REQUEST_MARK + frame)
        endpoint.on_time()


@settings(max_examples=200)
@given(name=st.sampled_from(sorted(TOPICS)), cut=st.integers(0, 400), patch=st.binary(min_size=1, max_size=4))
def test_no_damaged_message_raises_anything(name: str, cut: int, patch: bytes) -> None:
    topic = TOPICS[name]
    each = next(iter(samples(topic).values()))
    frame = encode(each, topic, key_of(topic))
    damaged = frame[:cut] + patch + frame[cut + len(patch) :]
    endpoint = Endpoint(topic.owner, VirtualClock(), run_id="r")
    listener = Endpoint("a listener", VirtualClock(), run_id="r", hears=(topic,))
    listener.from_owner(damaged)
    endpoint.from_subscriber(REQUEST_MARK + damaged)
    with contextlib.suppress(BadFrame):
        decode(damaged)


def test_an_address_is_what_stands_before_the_nul() -> None:
    assert address(SAFETY_CONNECTOR, "1") == b"safety.connector/1"
    assert address(SETTINGS_VALUES, "") == b"settings.values"


def test_a_request_topic_may_carry_any_sender() -> None:
    (each,) = samples(SESSION_START_TRANSACTION).values()
    assert decode(encode(each, SESSION_START_TRANSACTION, "")).sender == "chargectl"
