"""What the link needs of a connection to the backend. `websocket.py` is the real one; tests have one in the process."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from services.ocpp_link.trust import Trust
from services.ocpp_link.url import Proxy


@dataclass(frozen=True, kw_only=True)
class Target:
    """Whom to dial, and how. Two equal targets are the same connection."""

    url: str
    """ws or wss, with the identity, without credentials."""
    secure: bool
    host: str
    port: int
    resource: str
    """Path and query, percent-encoded."""
    user: str = ""
    password: str = field(default="", repr=False)
    """Basic authentication (OCPP-J 6.2.2); empty = none."""
    proxy: Proxy | None = None
    """An HTTP proxy to CONNECT through. Never taken from the environment."""
    profile: int = 0
    """`SecurityProfile`: another one begins a connection of its own (security whitepaper, A05)."""
    trust: Trust = field(default_factory=Trust)
    """How strictly a secure backend is checked."""


@dataclass(frozen=True)
class Opened:
    subprotocol: str
    """`ocpp1.6`, or empty when the backend named none."""


@dataclass(frozen=True)
class Text:
    text: str


@dataclass(frozen=True)
class Binary:
    size: int
    """Bytes. OCPP-J has no binary messages."""


@dataclass(frozen=True)
class Pong:
    """The other end answered a ping."""


@dataclass(frozen=True)
class Closed:
    """An open connection ended; nothing more comes of it."""

    reason: str


@dataclass(frozen=True)
class Failed:
    """It did not open."""

    reason: str
    """For a person: what happened and what to do next."""
    status: int = 0
    """The HTTP status the backend answered with; 0 = none."""


Event = Opened | Text | Binary | Pong | Closed | Failed


class Connection(Protocol):
    """At most one connection at a time. No call blocks, none raises for what the other end does."""

    def open(self, target: Target, timeout_s: float) -> None:
        """Begins to dial; `Opened` or `Failed` follows within `timeout_s`. What was open before is dropped."""

    def send(self, text: str) -> None:
        """Queues one text message; if the other end reads too slowly, the connection ends with `Closed`."""

    def ping(self) -> None: ...

    def close(self, reason: str = "") -> None:
        """Ends it from our side, at once; no event follows."""

    def poll(self) -> Sequence[Event]:
        """What happened since the last call, in order."""

    def fileno(self) -> int: ...

    def receive(self) -> None: ...


class Uplink(Protocol):
    """Whether the station has a network at all."""

    up: bool

    def on_time(self) -> None: ...
    def fileno(self) -> int: ...
    def receive(self) -> None: ...
