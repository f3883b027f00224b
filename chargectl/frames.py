"""Frames for people: the raw bus, filters, and one line per message."""

import math
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from bus.endpoint import Endpoint
from bus.ids import new_run_id
from bus.recorder import Decoded, RecordError, Recording, decode, topic_of
from bus.topics import OWNERS, TOPICS
from chargectl.bus_client import Wire
from chargectl.output import Failure
from services.clock import StationClock, iso_utc
from services.exit_codes import ExitCode
from services.home import Home


def recording_rule(name: str) -> Recording:
    """By the topic table. A topic that this version does not know is redacted: it may be secret."""
    topic = TOPICS.get(name)
    if topic is not None and not topic.recorded:
        return Recording.SKIPPED
    return Recording.WHOLE if topic is not None and not topic.secret else Recording.REDACTED


def is_hidden(name: str) -> bool:
    topic = TOPICS.get(name)
    return topic is None or topic.secret


class Filter:
    """By prefix of `topic` or `topic/key`; without words everything passes."""

    def __init__(self, prefixes: Iterable[str]) -> None:
        self._prefixes = tuple(prefixes)

    def passes(self, frame: bytes) -> bool:
        return not self._prefixes or frame.partition(b"\0")[0].decode("utf-8", "replace").startswith(self._prefixes)

    def check(self) -> None:
        """Raises Failure for a word that no topic can begin with."""
        for prefix in self._prefixes:
            name = prefix.partition("/")[0]
            if not any(topic.startswith(name) for topic in TOPICS):
                raise Failure(f"no topic begins with {prefix!r}; topics: {', '.join(sorted(TOPICS))}", ExitCode.USAGE)


class _Everything(Endpoint):
    """Hears every frame of every owner, undecoded."""

    def __init__(self, clock: StationClock, take: Callable[[bytes], None], name: str) -> None:
        super().__init__(name, clock, run_id=new_run_id())
        self._take = take

    def peers(self) -> set[str]:
        return set(OWNERS)

    def subscriptions(self, peer: str) -> list[bytes]:
        return [f"{peer}.".encode()]

    def from_owner(self, frame: bytes) -> None:
        self._take(frame)


def listen(home: Home, until: Callable[[float], bool]) -> Iterator[tuple[float, bytes]]:
    """(boot-clock time, frame) of everything said, until `until(boot-clock time)`; looks at least every 0.2 s."""
    clock = StationClock()
    frames: list[bytes] = []
    wire = Wire(home, _Everything(clock, frames.append, "chargectl-tap"))
    try:
        while True:
            now_s = clock.now().boot_s
            if until(now_s):
                return
            wire.turn(now_s + 0.2, lambda: bool(frames))
            heard_s = clock.now().boot_s
            taken = frames.copy()
            frames.clear()
            for frame in taken:
                yield heard_s, frame
    finally:
        wire.close()


def as_line(frame: bytes) -> str:
    """Time, topic, sequence, body; one line."""
    try:
        decoded = decode(frame)
    except RecordError as error:
        return f"(not understood) {error}"
    envelope = decoded.envelope
    mark = " again" if envelope.get("h") else ""
    return f"{_time(envelope)} {_place(decoded)} #{envelope.get('n', '?')}{mark} {_body(decoded)}"


def as_json(frame: bytes, heard_s: float) -> dict[str, Any]:
    try:
        decoded = decode(frame)
    except RecordError as error:
        return {"heard_s": heard_s, "error": str(error)}
    envelope = decoded.envelope
    return {
        "heard_s": heard_s,
        "topic": decoded.topic,
        "key": decoded.key,
        "sender": plain(envelope.get("s")),
        "run_id": plain(envelope.get("r")),
        "sequence": plain(envelope.get("n")),
        "sent_s": plain(envelope.get("t")),
        "sent": _time(envelope),
        "trace_id": plain(envelope.get("i", "")),
        "resent": bool(envelope.get("h")),
        "body": "(secret)" if is_hidden(decoded.topic) else plain(envelope.get("b")),
    }


def as_raw(frame: bytes) -> str:
    """Topic and the bytes behind the NUL in hexadecimal; of a secret topic only the topic."""
    head, _, payload = frame.partition(b"\0")
    text = head.decode("utf-8", "replace")
    return f"{text} (secret)" if is_hidden(topic_of(frame)) else f"{text} {payload.hex()}"


def plain(value: Any) -> Any:
    """As JSON can say it, whatever a stranger has sent: names are text, bytes are hexadecimal."""
    if isinstance(value, dict):
        return {name if isinstance(name, str) else str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, bytes):
        return value.hex()
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def check_readable(path: Path) -> None:
    if not path.is_file():
        raise Failure(f"there is no file {path}", ExitCode.USAGE)


def _time(envelope: dict[str, Any]) -> str:
    wall_s = envelope.get("w")
    try:
        return iso_utc(float(wall_s)) if isinstance(wall_s, int | float) else "?"
    except (ValueError, OverflowError, OSError):
        return "?"


def _place(decoded: Decoded) -> str:
    return f"{decoded.topic}/{decoded.key}" if decoded.key else decoded.topic


def _body(decoded: Decoded) -> str:
    if is_hidden(decoded.topic):
        return "(secret)"
    body = decoded.envelope.get("b")
    if not isinstance(body, dict):
        return str(body)
    return " ".join(f"{name}={_short(value)}" for name, value in body.items())


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    return str(value) if not isinstance(value, str) or (value and " " not in value) else repr(value)
