"""One frame per message: topic[/key], NUL, and a MessagePack map of envelope and body.

The NUL is there because subscriptions match by prefix. Rules never see an envelope.
"""

from functools import lru_cache
from typing import Annotated, Any, Generic, TypeVar

import msgspec

from bus.topics import TOPICS, Kind, Topic
from schemas.units import BootSeconds, WallSeconds

T = TypeVar("T")

MAJOR_VERSION = 1
LARGEST_FRAME = 256 * 1024
REQUEST_MARK = b"\x02"
"""First byte of a frame that a subscriber sends up to an owner (0 and 1 are ZeroMQ's own subscription marks)."""
LARGEST_KEY = 64


class Envelope(
    msgspec.Struct,
    Generic[T],
    frozen=True,
    kw_only=True,
    gc=False,
    rename={
        "version": "v",
        "sender": "s",
        "run_id": "r",
        "sequence": "n",
        "sent_s": "t",
        "sent_wall_s": "w",
        "trace_id": "i",
        "resent": "h",
        "body": "b",
    },
):
    version: int
    sender: str
    run_id: str
    """Changes with every start of the sender."""
    sequence: Annotated[int, msgspec.Meta(ge=1)]
    """Counts from 1 per topic and key within one run."""
    sent_s: BootSeconds
    """Boot clock."""
    sent_wall_s: WallSeconds
    trace_id: str = ""
    resent: bool = False
    """A retained value, sent again because a subscriber appeared: never counts as a gap."""
    body: T


class Received(msgspec.Struct, frozen=True, gc=False):
    """A message as a service gets it."""

    topic: Topic[Any]
    key: str
    body: Any
    sender: str
    run_id: str
    sequence: int
    sent_s: float
    sent_wall_s: float
    trace_id: str
    resent: bool


class BadFrame(Exception):
    """A frame that is not understood; the text says why. It is counted and left alone."""


_encoder = msgspec.msgpack.Encoder()
_decoders: dict[str, msgspec.msgpack.Decoder[Envelope[Any]]] = {}


def _decoder(topic: Topic[Any]) -> msgspec.msgpack.Decoder[Envelope[Any]]:
    """Made at the first use: a process uses a few topics of the table."""
    decoder = _decoders.get(topic.name)
    if decoder is None:
        decoder = _decoders[topic.name] = msgspec.msgpack.Decoder(Envelope[topic.body])  # type: ignore[name-defined]
    return decoder


@lru_cache(maxsize=1024)
def address(topic: Topic[Any], key: str) -> bytes:
    """What stands before the NUL."""
    if bool(key) != bool(topic.key) or len(key) > LARGEST_KEY or "/" in key or "\0" in key:
        raise ValueError(f"{topic.name} needs {'a ' + topic.key + ' as key' if topic.key else 'no key'}, not {key!r}")
    return f"{topic.name}/{key}".encode() if key else topic.name.encode()


def subscription(topic: Topic[Any]) -> bytes:
    """The prefix that matches this topic with every key, and no other topic."""
    return topic.name.encode() + (b"/" if topic.key else b"\0")


def encode(envelope: Envelope[Any], topic: Topic[Any], key: str) -> bytes:
    """The frame. It is decoded once before it leaves: msgspec checks bounds on decoding only.

    Raises ValueError (msgspec.ValidationError is one) for a body outside its own schema.
    """
    payload = _encoder.encode(envelope)
    _decoder(topic).decode(payload)
    frame = address(topic, key) + b"\0" + payload
    if len(frame) > LARGEST_FRAME:
        raise ValueError(f"{topic.name} is {len(frame)} bytes long; the bus carries at most {LARGEST_FRAME}")
    return frame


@lru_cache(maxsize=1024)
def _place(head: bytes) -> tuple[Topic[Any], str, msgspec.msgpack.Decoder[Envelope[Any]], str | None]:
    """Topic, key, decoder, and who alone may say it (None: anyone). Raises BadFrame."""
    name, _, key = head.decode("utf-8", "replace").partition("/")
    topic = TOPICS.get(name)
    if topic is None:
        raise BadFrame(f"unknown topic {name[:40]!r}")
    if bool(key) != bool(topic.key) or len(key) > LARGEST_KEY:
        raise BadFrame(f"{name} with key {key[:40]!r}")
    return topic, key, _decoder(topic), None if topic.kind is Kind.REQUEST else topic.owner


def decode(frame: bytes) -> Received:
    """Raises BadFrame for anything but a valid message of this table and major version."""
    if len(frame) > LARGEST_FRAME:
        raise BadFrame(f"{len(frame)} bytes, at most {LARGEST_FRAME} are allowed")
    head, separator, payload = frame.partition(b"\0")
    if not separator:
        raise BadFrame("no NUL after the topic")
    topic, key, decoder, sender = _place(head)
    try:
        envelope = decoder.decode(payload)
    except (ValueError, RecursionError) as error:
        raise BadFrame(f"{topic.name}: {error}") from error
    if envelope.version != MAJOR_VERSION:
        raise BadFrame(
            f"{topic.name}: major version {envelope.version} from {envelope.sender[:40]}, mine is {MAJOR_VERSION}"
        )
    if sender is not None and envelope.sender != sender:
        raise BadFrame(f"{topic.name} from {envelope.sender[:40]!r}, but {sender} owns it")
    return Received(
        topic,
        key,
        envelope.body,
        envelope.sender,
        envelope.run_id,
        envelope.sequence,
        envelope.sent_s,
        envelope.sent_wall_s,
        envelope.trace_id,
        envelope.resent,
    )
