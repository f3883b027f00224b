"""Record files: what is kept, what is left out, and what a reader makes of a damaged file."""

import random
from pathlib import Path

import msgpack
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.memory import Hub
from bus.recorder import (
    MAGIC,
    Entry,
    Recorder,
    RecordError,
    Recording,
    decode,
    read,
    read_all,
    read_header,
    redacted,
    topic_of,
)
from bus.topics import SETTINGS_CHANGE, SYSTEM_CLOCK, TOPICS
from chargectl.frames import recording_rule
from schemas.settings import ChangeSettingRequest
from schemas.system import StationClock

pytestmark = pytest.mark.contract


class Clock:
    def now(self) -> Now:
        return Now(100.0, 1_700_000_000.0)


def spoken(values: int) -> list[bytes]:
    """Frames as the bus carries them."""
    hub = Hub()
    frames: list[bytes] = []
    hub.taps.append(lambda _owner, frame: frames.append(frame))
    system = Endpoint("system", Clock(), run_id="run")
    hub.join(system)
    for number in range(values):
        system.publish(SYSTEM_CLOCK, StationClock(offset_s=float(number)))
    return frames


def recorder(path: Path, **bounds: int) -> Recorder:
    return Recorder(path, recording_rule, boot_s=100.0, wall_s=1_700_000_000.0, **bounds)


def recorded(path: Path, frames: list[bytes], **bounds: int) -> None:
    made = recorder(path, **bounds)
    for number, frame in enumerate(frames):
        made.add(100.0 + number, frame)
    made.close()


def test_what_was_recorded_is_read_back_byte_for_byte(tmp_path: Path) -> None:
    frames = spoken(3)
    recorded(tmp_path / "r", frames)
    assert list(read(tmp_path / "r")) == [Entry(100.0 + number, "system", frame) for number, frame in enumerate(frames)]
    assert read_header(tmp_path / "r") == {"format": 1, "started_boot_s": 100.0, "started_wall_s": 1_700_000_000.0}


def test_a_record_can_be_read_without_any_schema(tmp_path: Path) -> None:
    recorded(tmp_path / "r", spoken(1))
    decoded = decode(next(iter(read(tmp_path / "r"))).frame)
    assert (decoded.topic, decoded.key) == ("system.clock", "")
    assert decoded.envelope["b"] == {"offset_s": 0.0, "synchronized": False}
    assert decoded.envelope["s"] == "system"


def test_a_record_can_be_said_again_to_an_endpoint(tmp_path: Path) -> None:
    recorded(tmp_path / "r", spoken(3))
    listener = Endpoint("hmi", Clock(), run_id="x", hears=(SYSTEM_CLOCK,))
    for entry in read(tmp_path / "r"):
        listener.from_owner(entry.frame)
    assert [message.body.offset_s for message in listener.inbox] == [0.0, 1.0, 2.0]


def test_topics_that_are_not_recorded_leave_nothing(tmp_path: Path) -> None:
    made = recorder(tmp_path / "r")
    assert not made.add(1.0, b"system.heartbeat\0" + msgpack.packb({"b": {"pid": 1}}))
    made.close()
    assert list(read(tmp_path / "r")) == []


def test_the_body_of_a_secret_or_unknown_topic_never_reaches_the_file(tmp_path: Path) -> None:
    for name, frame in (
        ("secret", b"x.secret\0" + msgpack.packb({"s": "x", "b": {"key": "a-pass-word"}})),
        ("unreadable", b"x.other\0a-pass-word"),
    ):
        made = Recorder(tmp_path / name, lambda _topic: Recording.REDACTED, boot_s=0.0, wall_s=0.0)
        assert made.add(1.0, frame)
        made.close()
        assert b"a-pass-word" not in (tmp_path / name).read_bytes()
        assert decode(next(iter(read(tmp_path / name))).frame).envelope["b"] == "(secret)"
    assert recording_rule("a.topic.of.tomorrow") is Recording.REDACTED


def test_every_secret_topic_of_the_table_is_redacted_or_skipped() -> None:
    assert SETTINGS_CHANGE.secret
    for topic in TOPICS.values():
        rule = recording_rule(topic.name)
        assert (rule is Recording.WHOLE) == (topic.recorded and not topic.secret), topic.name


def test_redaction_keeps_the_envelope() -> None:
    hub = Hub()
    frames: list[bytes] = []
    hub.taps.append(lambda _owner, frame: frames.append(frame))
    owner = Endpoint("settings", Clock(), run_id="run")
    hub.join(owner)
    body = ChangeSettingRequest(request_id="1", expires_s=200.0, key="AuthorizationKey", value="a-pass-word")
    owner.publish(SETTINGS_CHANGE, body)
    assert b"a-pass-word" in frames[0]
    said = redacted(frames[0])
    assert b"a-pass-word" not in said
    assert topic_of(said) == "settings.change"
    assert decode(said).envelope["n"] == 1


def test_a_record_is_bounded_in_size_and_number_and_keeps_the_latest(tmp_path: Path) -> None:
    frames = spoken(400)
    recorded(tmp_path / "r", frames, most_bytes=4096, files=3)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["r", "r.1", "r.2"]
    assert all(file.stat().st_size <= 4096 for file in tmp_path.iterdir())
    kept = [entry.frame for entry in read_all(tmp_path / "r")]
    assert kept == frames[-len(kept) :]
    assert len(kept) > 50


def test_a_tail_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    frames = spoken(3)
    recorded(tmp_path / "whole", frames)
    content = (tmp_path / "whole").read_bytes()
    ends = [len(content) - distance for distance in (1, 2, 40)]
    for end in ends:
        (tmp_path / "cut").write_bytes(content[:end])
        assert [entry.frame for entry in read(tmp_path / "cut")] == frames[:2]


def test_what_is_no_record_says_so(tmp_path: Path) -> None:
    for content in (b"", b"hello world, this is a text", MAGIC, MAGIC + b"\0\0\0\2\xff"):
        (tmp_path / "no").write_bytes(content)
        with pytest.raises(RecordError, match=str(tmp_path / "no")):
            list(read(tmp_path / "no"))


def test_a_record_of_a_newer_format_asks_for_an_update(tmp_path: Path) -> None:
    block = msgpack.packb({"format": 99})
    (tmp_path / "new").write_bytes(MAGIC + len(block).to_bytes(4, "big") + block)
    with pytest.raises(RecordError, match="update"):
        list(read(tmp_path / "new"))


def test_damage_in_the_middle_gives_what_came_before_and_the_place(tmp_path: Path) -> None:
    frames = spoken(2)
    recorded(tmp_path / "r", frames)
    for garbage in (b"\xff\xff\xff\xff", b"\0\0\0\1\xc1", b"\0\0\0\1\x01", b"\0\0\0\2\x91\xc0"):
        (tmp_path / "bad").write_bytes((tmp_path / "r").read_bytes() + garbage + bytes(10))
        found: list[bytes] = []
        with pytest.raises(RecordError, match="damaged at byte"):
            collect(tmp_path / "bad", found)
        assert found == frames


def collect(path: Path, into: list[bytes]) -> None:
    for entry in read(path):
        into.append(entry.frame)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), flips=st.integers(1, 8), cut=st.integers(0, 60))
def test_no_damage_whatsoever_raises_anything_but_a_record_error(
    tmp_path: Path, seed: int, flips: int, cut: int
) -> None:
    chance = random.Random(seed)
    if not (tmp_path / "r").exists():
        recorded(tmp_path / "r", spoken(4))
    content = bytearray((tmp_path / "r").read_bytes())
    for _ in range(flips):
        content[chance.randrange(len(content))] = chance.randrange(256)
    (tmp_path / "bad").write_bytes(content[: len(content) - cut])
    try:
        for entry in read(tmp_path / "bad"):
            decode(entry.frame)
    except RecordError:
        return


@given(st.binary(max_size=300))
def test_any_bytes_can_be_looked_at_as_a_frame(frame: bytes) -> None:
    topic_of(frame)
    redacted(frame)
    try:
        decode(frame)
    except RecordError:
        return
