"""The bytes of every topic: written by one library, read by the other, and kept, so that a change of them is seen.

After a wanted change: `python -m tests.contract.test_bus_golden` writes `golden/topics.json` anew; read its diff.
"""

import json
from enum import Enum
from pathlib import Path
from typing import Any

import msgpack
import msgspec
import pytest
from msgspec import inspect

from bus.envelope import BadFrame, Envelope, address, decode, encode
from bus.topics import SAFETY_CONNECTOR, TOPICS, Topic
from tests.schema_samples import envelope, key_of, open_enumerations, samples, types_in

pytestmark = pytest.mark.contract

GOLDEN = Path(__file__).parent / "golden" / "topics.json"
EVERY = [
    pytest.param(topic, each, id=name) for topic in TOPICS.values() for name, each in sorted(samples(topic).items())
]


def frame_of(topic: Topic[Any], each: Envelope[Any]) -> bytes:
    return encode(each, topic, key_of(topic))


def map_of(frame: bytes) -> dict[str, Any]:
    """Envelope and body as the `msgpack` package reads them."""
    read: dict[str, Any] = msgpack.unpackb(frame.partition(b"\0")[2], strict_map_key=True, use_list=False)
    return read


def golden() -> dict[str, dict[str, Any]]:
    """What the file has to say now: the frame in hexadecimal, and its body as a person reads it."""
    found = {}
    for topic in TOPICS.values():
        for name, each in samples(topic).items():
            frame = frame_of(topic, each)
            found[name] = {"frame": frame.hex(), "body": map_of(frame)["b"]}
    return dict(sorted(found.items()))


@pytest.mark.parametrize(("topic", "each"), EVERY)
def test_what_msgspec_writes_the_msgpack_package_reads(topic: Topic[Any], each: Envelope[Any]) -> None:
    frame = frame_of(topic, each)
    assert frame.startswith(address(topic, key_of(topic)) + b"\0")
    assert map_of(frame) == msgspec.to_builtins(each)


@pytest.mark.parametrize(("topic", "each"), EVERY)
def test_what_the_msgpack_package_writes_msgspec_reads(topic: Topic[Any], each: Envelope[Any]) -> None:
    frame = address(topic, key_of(topic)) + b"\0" + msgpack.packb(msgspec.to_builtins(each))
    assert frame == frame_of(topic, each)
    received = decode(frame)
    assert received.topic is topic
    assert received.key == key_of(topic)
    assert received.body == each.body
    assert (received.sender, received.run_id, received.sequence) == (each.sender, each.run_id, each.sequence)
    assert (received.sent_s, received.sent_wall_s) == (each.sent_s, each.sent_wall_s)
    assert (received.trace_id, received.resent) == (each.trace_id, each.resent)


def test_the_bytes_are_the_ones_kept() -> None:
    kept = json.loads(GOLDEN.read_text(encoding="utf-8"))
    now = json.loads(json.dumps(golden()))
    assert sorted(kept) == sorted(now), f"topics came or went: {__doc__}"
    changed = [name for name in now if now[name] != kept[name]]
    assert changed == [], f"other bytes than before: {__doc__}"


@pytest.mark.parametrize(("topic", "each"), EVERY)
def test_fields_of_a_newer_version_are_ignored(topic: Topic[Any], each: Envelope[Any]) -> None:
    read = map_of(frame_of(topic, each))
    read["b"]["from_the_future"] = {"deep": [1, 2, 3]}
    read["zz"] = "also from there"
    frame = address(topic, key_of(topic)) + b"\0" + msgpack.packb(read)
    assert decode(frame).body == each.body


@pytest.mark.parametrize(("topic", "each"), EVERY)
def test_fields_with_a_default_may_be_missing(topic: Topic[Any], each: Envelope[Any]) -> None:
    """An older sender does not have them yet."""
    read = map_of(frame_of(topic, each))
    info = inspect.type_info(topic.body)
    assert isinstance(info, inspect.StructType)
    required = {field.encode_name for field in info.fields if field.required}
    read["b"] = {name: value for name, value in read["b"].items() if name in required}
    body = decode(address(topic, key_of(topic)) + b"\0" + msgpack.packb(read)).body
    assert type(body) is topic.body
    for name in required:
        del read["b"][name]
        with pytest.raises(BadFrame, match="missing required field"):
            decode(address(topic, key_of(topic)) + b"\0" + msgpack.packb(read))
        break


def test_every_number_with_a_fraction_is_bounded() -> None:
    """An unbounded float lets NaN and infinity in."""
    infos = [(topic.name, inspect.type_info(topic.body)) for topic in TOPICS.values()]
    infos.append(("the envelope", inspect.type_info(Envelope[SAFETY_CONNECTOR.body])))  # type: ignore[name-defined]
    unbounded = {
        path
        for _, info in infos
        for path, one in types_in(info)
        if isinstance(one, inspect.FloatType) and (one.ge is None or one.le is None)
    }
    assert unbounded == set()


def test_every_enumeration_is_open() -> None:
    found = {
        one.cls
        for topic in TOPICS.values()
        for _, one in types_in(inspect.type_info(topic.body))
        if isinstance(one, inspect.EnumType)
    }
    assert found
    assert found <= open_enumerations()
    for cls in open_enumerations():
        assert issubclass(cls, Enum)
        assert "UNKNOWN" in cls.__members__, f"{cls.__name__} needs UNKNOWN for the words of newer services"
        assert msgspec.convert("a word of a newer version", cls) is cls.__members__["UNKNOWN"]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("place", ["t", "w"])
def test_a_time_that_is_no_number_is_refused_in_the_envelope(value: float, place: str) -> None:
    (each,) = samples(SAFETY_CONNECTOR).values()
    read = map_of(frame_of(SAFETY_CONNECTOR, each)) | {place: value}
    with pytest.raises(BadFrame):
        decode(b"safety.connector/1\0" + msgpack.packb(read))


def test_a_body_outside_its_own_schema_never_leaves() -> None:
    (each,) = samples(SAFETY_CONNECTOR).values()
    for field, value in (("offered_a", float("nan")), ("offered_a", 1001.0), ("connector", 0), ("plug_count", -1)):
        body = msgspec.structs.replace(each.body, **{field: value})
        with pytest.raises(ValueError, match=r"\$\.b\."):
            encode(envelope(SAFETY_CONNECTOR, body), SAFETY_CONNECTOR, "1")


if __name__ == "__main__":
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(golden(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{len(golden())} messages written to {GOLDEN.name}")
