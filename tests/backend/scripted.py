"""A backend that does what a test says, and writes down everything.

    backend = ScriptedBackend()
    backend.answers("StartTransaction", {"transactionId": 7, "idTagInfo": {"status": "Invalid"}}, times=1)
    backend.fails("MeterValues", "InternalError", times=2)
    backend.ignores("StopTransaction", times=1)          # never answers
    backend.hangs_up_on("StartTransaction", times=1)     # closes instead of answering
    reply = backend.call("RemoteStartTransaction", {"idTag": "CARD-1", "connectorId": 1})
    reply.payload / reply.error_code

It holds every frame against OCPP-J and the official schemas, and the station against its duties: one CALL at a time,
nothing before BootNotification was accepted, a message id never used for two different messages. What it finds is in
`violations`; `check()` fails with them. It never sleeps: `advance(now_s)` lets happen what is due.
"""

import heapq
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from tests.backend.judge import complaints, judge_frame

Payload = dict[str, Any]
Answer = Payload | Callable[[Payload], Payload]


class Wire(Protocol):
    """The backend's end of one connection."""

    def deliver(self, text: str | bytes) -> None: ...
    def hang_up(self, reason: str) -> None: ...


@dataclass(frozen=True)
class Heard:
    """One CALL of the station."""

    at_s: float
    connection: int
    message_id: str
    action: str
    payload: Payload
    text: str


@dataclass
class Reply:
    """What the station answered to a CALL of the backend."""

    message_id: str
    action: str
    payload: Payload | None = None
    error_code: str = ""
    error_description: str = ""
    lost: bool = False
    """The connection ended first."""
    answers: int = 0

    @property
    def done(self) -> bool:
        return self.payload is not None or bool(self.error_code) or self.lost


@dataclass
class _Reaction:
    kind: str
    """answer, error, ignore, close, raw"""
    payload: Any = None
    code: str = ""
    delay_s: float = 0.0
    times: float = float("inf")


class ScriptedBackend:
    """`reachable` False or `refusal` (reason, HTTP status): connection attempts fail."""

    def __init__(self, *, interval_s: int = 300) -> None:
        self.interval_s = interval_s
        self.reachable = True
        self.hanging = False
        """Connection attempts neither work nor fail."""
        self.refusal: tuple[str, int] | None = None
        self.heard: list[Heard] = []
        self.targets: list[Any] = []
        """Of every connection attempt."""
        self.violations: list[str] = []
        self.registered = False
        self.rejected = False
        self.silent = False
        """Nothing is answered at all."""
        self.connections = 0
        self.revision = 0
        self.lock = threading.RLock()
        self._wire: Wire | None = None
        self._outstanding: Heard | None = None
        self._calls: dict[str, Reply] = {}
        self._by_id: dict[str, tuple[str, str]] = {}
        self._reactions: dict[str, list[_Reaction]] = {}
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers: Iterator[int] = itertools.count(1)
        self._triggered: list[str] = []
        self._now_s = 0.0
        self.wall_minus_now_s = 1_800_000_000.0
        self.transactions: Iterator[int] = itertools.count(1)
        self.frames: list[tuple[str, str]] = []
        """("station" or "backend", text), in order."""

    # the script

    def answers(self, action: str, payload: Answer, *, times: float = float("inf"), delay_s: float = 0.0) -> None:
        """Scripts of one action are used up in the order they were given; then the usual answer is given."""
        self._script(action, _Reaction("answer", payload, delay_s=delay_s, times=times))

    def fails(self, action: str, code: str, *, times: float = float("inf"), delay_s: float = 0.0) -> None:
        self._script(action, _Reaction("error", code=code, delay_s=delay_s, times=times))

    def ignores(self, action: str, *, times: float = float("inf")) -> None:
        self._script(action, _Reaction("ignore", times=times))

    def hangs_up_on(self, action: str, *, times: float = 1, delay_s: float = 0.0) -> None:
        self._script(action, _Reaction("close", delay_s=delay_s, times=times))

    def says(self, action: str, text: str, *, times: float = 1) -> None:
        """Answers with this text as it stands; `{id}` becomes the message id."""
        self._script(action, _Reaction("raw", text, times=times))

    def forget_script(self, action: str) -> None:
        with self.lock:
            self._reactions.pop(action, None)

    def call(self, action: str, payload: Payload | None = None, *, message_id: str = "") -> Reply:
        """Sends a CALL now; the reply is filled in when the station answers."""
        with self.lock:
            assert self._wire is not None, "no station is connected"
            reply = Reply(message_id or f"csms-{next(self._numbers):06d}", action)
            self._calls[reply.message_id] = reply
            if action == "TriggerMessage" and payload is not None:
                self._triggered.append(payload.get("requestedMessage", ""))
            self._deliver(json.dumps([2, reply.message_id, action, payload if payload is not None else {}]))
            return reply

    def send(self, text: str | bytes) -> None:
        """Sends anything at all."""
        with self.lock:
            self._deliver(text)

    def hang_up(self, reason: str = "closed by the test") -> None:
        with self.lock:
            wire = self._wire
            self._forget_wire()
            if wire is not None:
                wire.hang_up(reason)
            self.revision += 1

    def forget_registration(self) -> None:
        """The station restarts: its next CALL has to be BootNotification."""
        with self.lock:
            self.registered = False

    # looking

    @property
    def connected(self) -> bool:
        return self._wire is not None

    def calls(self, action: str = "") -> list[Heard]:
        with self.lock:
            return [one for one in self.heard if action in ("", one.action)]

    def payloads(self, action: str) -> list[Payload]:
        return [one.payload for one in self.calls(action)]

    def actions(self) -> list[str]:
        return [one.action for one in self.calls()]

    def check(self) -> None:
        """Fails when the station broke a rule."""
        with self.lock:
            assert not self.violations, "\n".join(self.violations[:20])

    # the connection

    def accept(self, wire: Wire, target: Any = None) -> tuple[str, int] | None:
        """A station connects; the result is why not, and the HTTP status."""
        with self.lock:
            self.targets.append(target)
            self.revision += 1
            if not self.reachable:
                return ("the backend cannot be reached", 0)
            if self.refusal is not None:
                return self.refusal
            self._forget_wire()
            self._wire = wire
            self.connections += 1
            return None

    def lost(self, wire: Wire) -> None:
        """The station's end is gone."""
        with self.lock:
            if wire is self._wire:
                self._forget_wire()

    def receive(self, wire: Wire, text: str) -> None:
        with self.lock:
            if wire is not self._wire:
                return
            self.frames.append(("station", text))
            frame, wrong = judge_frame(text)
            self.violations.extend(f"{each} in {text[:200]}" for each in wrong)
            if frame is None or wrong:
                return
            if frame[0] == 2:
                self._take_call(frame, text)
            else:
                self._take_answer(frame)

    # time

    def advance(self, now_s: float) -> int:
        """Lets happen what is due; returns a number that changes whenever something was sent."""
        with self.lock:
            self._now_s = now_s
            while self._events and self._events[0][0] <= now_s:
                heapq.heappop(self._events)[2]()
            return self.revision

    def next_event_s(self) -> float:
        with self.lock:
            return self._events[0][0] if self._events else float("inf")

    def after(self, delay_s: float, act: Callable[[], None]) -> None:
        """Something to do later."""
        with self.lock:
            heapq.heappush(self._events, (self._now_s + delay_s, next(self._numbers), act))

    def time_words(self) -> str:
        told = datetime.fromtimestamp(self._now_s + self.wall_minus_now_s, UTC)
        return told.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"

    # inside: CALLs of the station

    def _take_call(self, frame: list[Any], text: str) -> None:
        _, message_id, action, payload = frame
        heard = Heard(self._now_s, self.connections, message_id, action, payload, text)
        self.violations.extend(complaints(action, payload))
        if self._outstanding is not None:
            self.violations.append(f"{action} while {self._outstanding.action} is not answered")
        if self._by_id.setdefault(message_id, (action, text)) != (action, text):
            self.violations.append(f"message id {message_id} used for two messages: {text[:200]}")
        if not self.registered and action != "BootNotification" and action not in self._triggered:
            self.violations.append(f"{action} before BootNotification was accepted")
        self.heard.append(heard)
        self._outstanding = heard
        self._react(heard)

    def _react(self, heard: Heard) -> None:
        reaction = _Reaction("ignore") if self.silent else self._next_reaction(heard.action)
        wire = self._wire

        def act() -> None:
            if self._wire is wire:
                self._do(reaction, heard)

        if reaction.delay_s > 0:
            self.after(reaction.delay_s, act)
        else:
            act()

    def _next_reaction(self, action: str) -> _Reaction:
        scripted = self._reactions.get(action, [])
        while scripted:
            scripted[0].times -= 1
            if scripted[0].times >= 0:
                return scripted[0]
            scripted.pop(0)
        return _Reaction("answer", self._usual)

    def _do(self, reaction: _Reaction, heard: Heard) -> None:
        if reaction.kind == "ignore":
            return
        self._outstanding = None
        if reaction.kind == "close":
            self.hang_up("closed instead of answering")
        elif reaction.kind == "error":
            self._deliver(json.dumps([4, heard.message_id, reaction.code, "as the test says", {}]))
        elif reaction.kind == "raw":
            self._deliver(reaction.payload.replace("{id}", heard.message_id))
        else:
            usual = reaction.payload == self._usual
            given = self._usual(heard) if usual else reaction.payload
            payload = given(heard.payload) if callable(given) else given
            if heard.action == "BootNotification":
                self.registered = payload.get("status") == "Accepted"
                self.rejected = payload.get("status") == "Rejected"
            self._deliver(json.dumps([3, heard.message_id, payload]))

    def _usual(self, heard: Heard) -> Payload:
        accepted = {"status": "Accepted"}
        usual: dict[str, Callable[[], Payload]] = {
            "BootNotification": lambda: {
                "status": "Accepted", "currentTime": self.time_words(), "interval": self.interval_s
            },
            "Heartbeat": lambda: {"currentTime": self.time_words()},
            "Authorize": lambda: {"idTagInfo": accepted},
            "StartTransaction": lambda: {"transactionId": next(self.transactions), "idTagInfo": accepted},
            "StopTransaction": lambda: {"idTagInfo": accepted} if "idTag" in heard.payload else {},
            "DataTransfer": lambda: accepted,
            "SignCertificate": lambda: accepted,
        }  # fmt: skip
        return usual.get(heard.action, dict)()

    # inside: answers of the station

    def _take_answer(self, frame: list[Any]) -> None:
        reply = self._calls.get(frame[1])
        if reply is None or reply.lost:
            if frame[1] != "-1":
                self.violations.append(f"an answer to nothing: {json.dumps(frame)[:200]}")
            return
        if self.rejected:
            self.violations.append(f"{reply.action} was answered although the station is rejected")
        reply.answers += 1
        if reply.answers > 1:
            self.violations.append(f"{reply.action} {reply.message_id} was answered twice")
        if frame[0] == 4:
            reply.error_code, reply.error_description = frame[2], frame[3]
        else:
            self.violations.extend(complaints(f"{reply.action}Response", frame[2]))
            reply.payload = frame[2]

    # inside

    def _script(self, action: str, reaction: _Reaction) -> None:
        with self.lock:
            self._reactions.setdefault(action, []).append(reaction)

    def _deliver(self, text: str | bytes) -> None:
        if self._wire is not None:
            self.frames.append(("backend", text if isinstance(text, str) else repr(text)))
            self._wire.deliver(text)
            self.revision += 1

    def _forget_wire(self) -> None:
        self._wire = None
        self._outstanding = None
        for reply in self._calls.values():
            reply.lost = reply.lost or not reply.done
