"""One process on the bus: bytes in, messages out, and the other way. Pure but for its transport.

It numbers what is said, notices what was lost, keeps the latest of everything heard, resends retained values to new
subscribers, and carries both ends of requests. `socket.py` puts it on ZeroMQ, `memory.py` into one process with others.
"""

import math
from collections import deque
from collections.abc import Iterable
from enum import Enum
from typing import Generic, NamedTuple, Protocol, TypeVar

import msgspec

from bus.clock import Clock
from bus.envelope import (
    MAJOR_VERSION,
    REQUEST_MARK,
    BadFrame,
    Envelope,
    Received,
    address,
    decode,
    encode,
    subscription,
)
from bus.ids import IdSource, id_source
from bus.requests import Desk, Outgoing, expired
from bus.topics import ANSWERED, TOPICS, WITHDRAWN, Kind, Topic
from schemas.base import Answer, Answered, Message, Request, Withdrawn
from schemas.units import Identifier

T = TypeVar("T", bound=Message)
MOST_KEYS = 256
AHEAD_S = 1.0
"""All processes of a station read one boot clock: a message sent later than this from now is wrong."""


class Transport(Protocol):
    def send_down(self, frame: bytes) -> None:
        """To every subscriber of its prefix."""

    def send_up(self, owner: str, frame: bytes) -> None:
        """To one owner."""


class Heard(Enum):
    NEVER = "never heard"
    FRESH = "fresh"
    SILENT = "silent"
    """Heard, but its owner has been quiet for longer than is healthy: it may be down."""
    EXPIRED = "expired"
    """A lease whose end has come, whoever is up or down."""


class Latest(NamedTuple, Generic[T]):
    """`body` is None exactly when the status is NEVER."""

    status: Heard
    body: T | None
    sent_s: float
    sender_run: str

    @property
    def fresh(self) -> T | None:
        return self.body if self.status is Heard.FRESH else None


_NEVER: Latest[Message] = Latest(Heard.NEVER, None, 0.0, "")


class Endpoint:
    """`hears`: topics to subscribe to, with all their keys. `asks`: request topics this process sends."""

    def __init__(
        self,
        owner: str,
        clock: Clock,
        *,
        run_id: str,
        hears: Iterable[Topic[Message]] = (),
        asks: Iterable[Topic[Message]] = (),
        ids: IdSource | None = None,
    ) -> None:
        self.owner = owner
        self.clock = clock
        self.run_id = run_id
        self.new_id: IdSource = ids or id_source(clock)
        self.hears = tuple(hears)
        self.asks = tuple(asks)
        self.inbox: deque[Received] = deque()
        self.received = self.gaps = self.ignored = 0
        self.last_ignored = ""
        self._transport: Transport | None = None
        self._sequences: dict[tuple[str, str], int] = {}
        self._retained: dict[bytes, tuple[Topic[Message], str, Envelope[Message]]] = {}
        self._last: dict[tuple[str, str], Received] = {}
        self._outgoing = Outgoing()
        self._desk = Desk()
        self._heard_names = {topic.name for topic in self.hears}
        self._answer_names = {ANSWERED[topic.owner].name for topic in self.asks}

    # who to talk to

    def attach(self, transport: Transport) -> None:
        self._transport = transport

    def peers(self) -> set[str]:
        return {topic.owner for topic in (*self.hears, *self.asks)} - {self.owner}

    def subscriptions(self, peer: str) -> list[bytes]:
        topics = [topic for topic in self.hears if topic.owner == peer]
        if any(topic.owner == peer for topic in self.asks):
            topics.append(ANSWERED[peer])
        return sorted({subscription(topic) for topic in topics})

    # speaking

    def publish(self, topic: Topic[T], body: T, key: str = "", trace_id: str = "") -> None:
        """Raises ValueError for a body outside its own schema, or for a topic of another owner."""
        if topic.owner != self.owner:
            raise ValueError(f"{self.owner} may not say {topic.name}: {topic.owner} owns it")
        envelope = self._envelope(topic.name, key, body, trace_id)
        frame = encode(envelope, topic, key)
        if topic.retained:
            self._retained[address(topic, key) + b"\0"] = (topic, key, envelope)  # type: ignore[assignment]
        self._down(frame)

    def request(self, topic: Topic[T], body: T, trace_id: str = "") -> None:
        """Sends `body` (its topic is in `asks`) until it is answered or expires; the answer comes by the inbox."""
        assert isinstance(body, Request)
        frame = REQUEST_MARK + encode(self._envelope(topic.name, "", body, trace_id), topic, "")
        self._outgoing.ask(topic.owner, body, frame, self.clock.now().boot_s)
        self.on_time()

    def answer(
        self, request_id: str, outcome: Answer, reason: str = "", values: dict[str, str] | None = None
    ) -> Answered:
        """Answers a request that came by the inbox; a repeat of it is answered again from here."""
        answered = Answered(request_id=request_id, outcome=outcome, reason=reason[:500], values=values or {})
        self._desk.answer(answered, self.clock.now().boot_s)
        self.publish(ANSWERED[self.owner], answered)
        return answered

    def remember(self, answered: Answered, until_s: float) -> None:
        """An answer kept by the owner's store from before this start."""
        self._desk.remember(answered, until_s)

    def on_time(self) -> float:
        """Repeats what is due; returns the boot-clock time of the next repeat."""
        if not self._outgoing:
            return math.inf
        now_s = self.clock.now().boot_s
        repeats, withdrawn, given_up = self._outgoing.due(now_s)
        for owner, frame in repeats:
            self._up(owner, frame)
        for owner, request_id in withdrawn:
            topic = WITHDRAWN[owner]
            body = Withdrawn(request_id=request_id)
            self._up(owner, REQUEST_MARK + encode(self._envelope(topic.name, "", body, ""), topic, ""))
        for owner, request_id in given_up:
            self.inbox.append(self._local(owner, expired(request_id)))
        return self._outgoing.next_s()

    # listening

    def latest(self, topic: Topic[T], key: str = "") -> Latest[T]:
        """The last value heard (or said, of a topic of our own), and whether it still counts."""
        if topic.owner == self.owner:
            return self._own(topic, key)
        last = self._last.get((topic.name, key))
        if last is None:
            return _NEVER  # type: ignore[return-value]
        now_s = self.clock.now().boot_s
        status = Heard.FRESH
        if topic.kind is Kind.LEASE:
            status = Heard.EXPIRED if now_s >= last.body.until_s else Heard.FRESH
        elif topic.silence_s is not None and now_s - last.sent_s > topic.silence_s:
            status = Heard.SILENT
        return Latest(status, last.body, last.sent_s, last.run_id)

    def _own(self, topic: Topic[T], key: str) -> Latest[T]:
        kept = self._retained.get(address(topic, key) + b"\0")
        if kept is None:
            return _NEVER  # type: ignore[return-value]
        return Latest(Heard.FRESH, kept[2].body, kept[2].sent_s, self.run_id)  # type: ignore[arg-type]

    def keys(self, topic: Topic[T]) -> list[str]:
        """The keys heard of a topic."""
        return sorted(key for name, key in self._last if name == topic.name)

    def from_owner(self, frame: bytes) -> None:
        """A frame that an owner published; what matters of it lands in the inbox."""
        try:
            received = decode(frame)
        except BadFrame as error:
            self._ignore(str(error))
            return
        name = received.topic.name
        if name in self._answer_names:
            if self._outgoing.heard(received.body):
                self._deliver(received)
            return
        if name not in self._heard_names:
            self._ignore(f"{name}: not subscribed")
            return
        ahead_s = received.sent_s - self.clock.now().boot_s
        if ahead_s > AHEAD_S:
            self._ignore(f"{name}: sent {ahead_s:.0f} s in the future")
        elif self._is_news(received):
            self._deliver(received)

    def from_subscriber(self, frame: bytes) -> None:
        """A frame that came up: a subscription (answered with retained values) or a request."""
        mark, rest = frame[:1], frame[1:]
        if mark == b"\x01":
            self._resend(rest)
        elif mark == REQUEST_MARK:
            self._take_request(rest)
        elif mark != b"\0":
            self._ignore(f"a frame beginning with {frame[:1]!r}")

    # inside

    def _envelope(self, name: str, key: str, body: T, trace_id: str) -> Envelope[T]:
        place = (name, key)
        self._sequences[place] = sequence = self._sequences.get(place, 0) + 1
        now = self.clock.now()
        return Envelope(
            version=MAJOR_VERSION,
            sender=self.owner,
            run_id=self.run_id,
            sequence=sequence,
            sent_s=now.boot_s,
            sent_wall_s=now.wall_s,
            trace_id=trace_id,
            body=body,
        )

    def _local(self, owner: str, answered: Answered) -> Received:
        """What `owner` would have answered."""
        now = self.clock.now()
        return Received(ANSWERED[owner], "", answered, self.owner, self.run_id, 0, now.boot_s, now.wall_s, "", False)

    def _down(self, frame: bytes) -> None:
        if self._transport is not None:
            self._transport.send_down(frame)

    def _up(self, owner: str, frame: bytes) -> None:
        if self._transport is not None:
            self._transport.send_up(owner, frame)

    def _ignore(self, why: str) -> None:
        self.ignored += 1
        self.last_ignored = why[:200]

    def _deliver(self, received: Received) -> None:
        self.received += 1
        self.inbox.append(received)

    def _is_news(self, received: Received) -> bool:
        """Counts gaps; drops repeats, and stragglers of a run that has ended."""
        place = (received.topic.name, received.key)
        last = self._last.get(place)
        if last is None and received.topic.key and len(self.keys(received.topic)) >= MOST_KEYS:
            self._ignore(f"{received.topic.name}: more than {MOST_KEYS} keys")
            return False
        if last is not None and last.run_id == received.run_id:
            if received.sequence <= last.sequence:
                return False
            if not received.resent:
                self.gaps += received.sequence - last.sequence - 1
        elif last is not None and received.sent_s < last.sent_s:
            return False
        self._last[place] = received
        return True

    def _resend(self, prefix: bytes) -> None:
        for head, (topic, key, envelope) in self._retained.items():
            if head.startswith(prefix) or not prefix:
                self._down(encode(msgspec.structs.replace(envelope, resent=True), topic, key))

    def _take_request(self, frame: bytes) -> None:
        try:
            received = decode(frame)
        except BadFrame as error:
            self._ignore(str(error))
            self._refuse(frame, str(error))
            return
        topic = received.topic
        if topic.owner != self.owner or topic.kind is not Kind.REQUEST:
            self._ignore(f"{topic.name} sent up to {self.owner}")
            return
        if isinstance(received.body, Withdrawn):
            if self._desk.knows(received.body.request_id):
                self._deliver(received)
            return
        judged = self._desk.arrives(received.body, self.clock.now().boot_s)
        if isinstance(judged, Answered):
            self.publish(ANSWERED[self.owner], judged)
        elif judged:
            try:
                self.publish(topic, received.body, trace_id=received.trace_id)
            except ValueError as error:
                self._ignore(str(error))
                self.answer(received.body.request_id, Answer.REJECTED, str(error))
                return
            self._deliver(received)

    def _refuse(self, frame: bytes, why: str) -> None:
        """A request that breaks its schema, but from which an id can be read, hears what was wrong with it."""
        name, _, payload = frame.partition(b"\0")
        topic = TOPICS.get(name.decode("utf-8", "replace"))
        if topic is None or topic.owner != self.owner:
            return
        try:
            request_id = msgspec.msgpack.decode(payload, type=_OnlyId).b.request_id
        except (ValueError, RecursionError):
            return
        self.publish(ANSWERED[self.owner], Answered(request_id=request_id, outcome=Answer.REJECTED, reason=why[:500]))


class _RequestId(msgspec.Struct, gc=False):
    request_id: Identifier


class _OnlyId(msgspec.Struct, gc=False):
    b: _RequestId
