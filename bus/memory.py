"""The bus inside one process: the same endpoints and the same bytes, delivered in order, by hand.

Tests lose, repeat and delay frames here (`Hub.fate`).
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from bus.endpoint import Endpoint

Fate = Callable[[str, str, bytes], int]
"""(from, to, frame) -> how many copies arrive: 0 = lost, 1 = as usual, 2 = twice."""


def _once(_sender: str, _receiver: str, _frame: bytes) -> int:
    return 1


@dataclass
class Hub:
    fate: Fate = _once
    taps: list[Callable[[str, bytes], None]] = field(default_factory=list)
    """Called with (owner, frame) for everything published."""
    _endpoints: dict[str, Endpoint] = field(default_factory=dict)
    _wanted: dict[tuple[str, str], tuple[bytes, ...]] = field(default_factory=dict)
    _moving: deque[Callable[[], None]] = field(default_factory=deque)

    def join(self, endpoint: Endpoint) -> None:
        """The process starts: it and its peers find each other."""
        self._endpoints[endpoint.owner] = endpoint
        self._wanted = {place: wanted for place, wanted in self._wanted.items() if place[0] != endpoint.owner}
        endpoint.attach(_Wire(self, endpoint.owner))
        for other in list(self._endpoints.values()):
            if other is not endpoint:
                self._introduce(endpoint, other)
                self._introduce(other, endpoint)

    def leave(self, owner: str) -> None:
        """The process is gone; what was on the way to it is lost."""
        self._endpoints.pop(owner, None)

    def deliver(self) -> int:
        """Moves everything that is on the way, and what that causes inside the endpoints; returns how many frames."""
        moved = 0
        while self._moving:
            self._moving.popleft()()
            moved += 1
        return moved

    def _introduce(self, subscriber: Endpoint, owner: Endpoint) -> None:
        if owner.owner in subscriber.peers():
            for prefix in subscriber.subscriptions(owner.owner):
                self._moving.append(partial(self._up, subscriber.owner, owner, b"\x01" + prefix))

    def send_down(self, sender: str, frame: bytes) -> None:
        for tap in self.taps:
            tap(sender, frame)
        for endpoint in list(self._endpoints.values()):
            if endpoint.owner != sender and frame.startswith(self._wanted_of(endpoint, sender)):
                for _ in range(self.fate(sender, endpoint.owner, frame)):
                    self._moving.append(partial(self._down, endpoint, frame))

    def _wanted_of(self, endpoint: Endpoint, sender: str) -> tuple[bytes, ...]:
        """What it subscribes to there; that never changes while it lives."""
        place = (endpoint.owner, sender)
        if place not in self._wanted:
            self._wanted[place] = tuple(endpoint.subscriptions(sender))
        return self._wanted[place]

    def send_up(self, sender: str, owner: str, frame: bytes) -> None:
        endpoint = self._endpoints.get(owner)
        if endpoint is not None:
            for _ in range(self.fate(sender, owner, frame)):
                self._moving.append(partial(self._up, sender, endpoint, frame))

    def _down(self, endpoint: Endpoint, frame: bytes) -> None:
        if self._endpoints.get(endpoint.owner) is endpoint:
            endpoint.from_owner(frame)

    def _up(self, _sender: str, endpoint: Endpoint, frame: bytes) -> None:
        if self._endpoints.get(endpoint.owner) is endpoint:
            endpoint.from_subscriber(frame)


@dataclass
class _Wire:
    hub: Hub
    owner: str

    def send_down(self, frame: bytes) -> None:
        self.hub.send_down(self.owner, frame)

    def send_up(self, owner: str, frame: bytes) -> None:
        self.hub.send_up(self.owner, owner, frame)
