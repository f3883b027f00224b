"""The link's connection to a scripted backend in the same process."""

from collections.abc import Sequence

from services.ocpp_link.connection import Binary, Closed, Event, Failed, Opened, Pong, Target, Text
from tests.backend.scripted import ScriptedBackend


class DirectConnection:
    """One per start of `ocpp_link`. A killed process leaves it with `vanish`."""

    def __init__(self, backend: ScriptedBackend) -> None:
        self._backend = backend
        self._events: list[Event] = []
        self._wire: _Wire | None = None
        self.dialling = False
        """An attempt hangs, and was not given up."""
        self.pings = 0
        self.pongs = True
        """Whether pings are answered."""

    def open(self, target: Target, timeout_s: float) -> None:
        self.close()
        if self._backend.hanging:
            self.dialling = True
            return
        wire = _Wire(self)
        refusal = self._backend.accept(wire, target)
        if refusal is not None:
            self._events.append(Failed(*refusal))
            return
        self._wire = wire
        self._events.append(Opened("ocpp1.6"))

    def send(self, text: str) -> None:
        if self._wire is not None:
            self._backend.receive(self._wire, text)

    def ping(self) -> None:
        self.pings += 1
        if self.pongs:
            self._events.append(Pong())

    def close(self, reason: str = "") -> None:
        self._events.clear()
        self.dialling = False
        self.vanish()

    def poll(self) -> Sequence[Event]:
        events, self._events = self._events, []
        return events

    def fileno(self) -> int:
        return -1

    def receive(self) -> None:
        """Everything is delivered already."""

    def vanish(self) -> None:
        """kill -9: the kernel closes the socket."""
        wire, self._wire = self._wire, None
        if wire is not None:
            self._backend.lost(wire)

    def heard(self, wire: "_Wire", event: Event) -> None:
        if wire is self._wire:
            if isinstance(event, Closed):
                self._wire = None
            self._events.append(event)


class _Wire:
    """The backend's end."""

    def __init__(self, connection: DirectConnection) -> None:
        self._connection = connection

    def deliver(self, text: str | bytes) -> None:
        self._connection.heard(self, Text(text) if isinstance(text, str) else Binary(len(text)))

    def hang_up(self, reason: str) -> None:
        self._connection.heard(self, Closed(reason))
