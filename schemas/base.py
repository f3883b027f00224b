"""What every message has in common."""

from enum import Enum
from typing import Any, Self

from msgspec import Struct

from schemas.units import BootSeconds, Identifier, Sentence, StationOrConnector, WallSeconds, Word


class Message(Struct, frozen=True, kw_only=True, gc=False, dict=False):
    """A body on the bus. Add fields with defaults only: services of neighbouring versions must talk."""


class Open(str, Enum):
    """An enumeration that a newer service may extend.

    Every subclass has UNKNOWN, and a value this version has never heard of reads as that.
    """

    @classmethod
    def _missing_(cls, _value: Any) -> Self | None:
        return cls._member_map_.get("UNKNOWN")  # type: ignore[return-value]

    def __str__(self) -> str:
        return str(self.value)


class Heartbeat(Message, frozen=True, kw_only=True):
    """`<owner>.heartbeat`: the process is alive, and what a field engineer asks first about it."""

    pid: int
    state: str
    """starting, running, stopping; or "stopped: ..." with the last words of a process that gives up."""
    version: str
    started_wall_s: WallSeconds
    settings_revision: int = 0
    """The revision of the settings snapshot that this service has applied."""
    received: int = 0
    gaps: int = 0
    """Messages that are known to have been lost on the way here."""
    ignored: int = 0
    """Frames that were not understood: strangers, oversized, invalid, another major version."""
    missed_deadlines: int = 0
    detail: str = ""


class Answer(Open):
    """The outcome of a request."""

    UNKNOWN = "unknown"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    SCHEDULED = "scheduled"
    REBOOT_REQUIRED = "reboot_required"
    NOT_SUPPORTED = "not_supported"
    EXPIRED = "expired"
    """Made by the requester itself: no answer came before the request's end."""


class Request(Message, frozen=True, kw_only=True):
    """A wish for an owner. The owner publishes each request it accepted, so that everyone can see why it acted."""

    request_id: Identifier
    expires_s: BootSeconds
    """Boot-clock time: the owner does nothing for it afterwards."""


class Answered(Message, frozen=True, kw_only=True):
    """`<owner>.answered`: the only way a request is answered."""

    request_id: Identifier
    outcome: Answer
    reason: str = ""
    """For a person: what was wrong and what to do next."""
    values: dict[str, str] = {}


class Withdrawn(Message, frozen=True, kw_only=True):
    """`<owner>.withdrawn`, sent upwards: the requester gave up; undo what had no outside effect yet."""

    request_id: Identifier


class Acknowledged(Message, frozen=True, kw_only=True):
    """`<receiver>.acknowledged`: the receiver of a numbered stream has every fact up to `mark` in its store."""

    stream_id: str
    mark: int


class ActiveFault(Message, frozen=True, kw_only=True):
    """One raised fault; `code` is a name in `schemas/faults.py`."""

    code: str
    connector: int = 0
    since_wall_s: WallSeconds = 0.0
    detail: str = ""


class ActiveFaults(Message, frozen=True, kw_only=True):
    """`<owner>.faults`: all faults this owner has raised and not cleared."""

    faults: tuple[ActiveFault, ...] = ()


class Notice(Message, frozen=True, kw_only=True):
    """`<owner>.notice/N`: something worth telling while nothing is wrong; composed by `schemas.notices.notice`."""

    connector: StationOrConnector = 0
    code: Word
    """A name in `schemas/notices.py`."""
    text: Sentence
    """As the backend reads it; its first 50 characters are sent."""
    subject: Word = ""
    """Which of several things of the same kind it is about: the name of an input."""
