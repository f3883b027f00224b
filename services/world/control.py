"""The people's side: the server of `world.sock`. One JSON object per line, one JSON line as answer."""

import json
import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from hardware.sim.site import Refusal
from services.world.operations import ARGUMENTS, AnyOperation
from services.world.poll import Poll

LONGEST_LINE = 64 * 1024
MOST_CLIENTS = 16
MOST_UNREAD = 1024 * 1024
"""Bytes of answers that a client may leave unread before it is hung up on."""
MOST_LINES_AT_ONCE = 64

logger = logging.getLogger(__name__)
_decode = msgspec.json.Decoder(AnyOperation).decode


def understand(line: bytes) -> AnyOperation:
    """Raises Refusal, naming what is allowed."""
    try:
        operation: AnyOperation = _decode(line)
        return operation
    except (msgspec.DecodeError, RecursionError) as error:
        raise Refusal(f"{error}; {_allowed(line)}") from error


def _allowed(line: bytes) -> str:
    """What to send instead, as closely as the line lets us tell."""
    try:
        op = json.loads(line)["op"]
    except (ValueError, TypeError, KeyError, RecursionError):
        op = None
    if isinstance(op, str) and op in ARGUMENTS:
        return f"{op} takes: {ARGUMENTS[op]}"
    return f'send one JSON object per line, {{"op": ...}} with one of: {", ".join(ARGUMENTS)}'


class _Client:
    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.received = bytearray()
        self.unsent = bytearray()
        self.ends = False
        """Hang up once everything is sent."""


class ControlServer:
    """`act` runs an operation and returns the fields of its answer; it raises Refusal."""

    def __init__(self, path: Path, poll: Poll, act: Callable[[AnyOperation], dict[str, Any]]) -> None:
        self._poll = poll
        self._act = act
        self._clients: dict[int, _Client] = {}
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        self._listener.bind(str(path))
        self._listener.listen(MOST_CLIENTS)
        poll.add(self._listener.fileno(), self._accept)

    def _accept(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except OSError:
            return
        connection.setblocking(False)
        client = _Client(connection)
        descriptor = connection.fileno()
        self._clients[descriptor] = client
        self._poll.add(descriptor, lambda: self._ready(client))
        if len(self._clients) > MOST_CLIENTS:
            self._refuse(client, f"{MOST_CLIENTS} connections are open already; close one and try again")

    def _ready(self, client: _Client) -> None:
        try:
            data = client.connection.recv(LONGEST_LINE)
        except BlockingIOError:
            data = None
        except OSError:
            data = b""
        if data == b"":
            self._hang_up(client)
            return
        if data and not client.ends:
            client.received += data
            self._lines(client)
        self._send(client)

    def _lines(self, client: _Client) -> None:
        while (end := client.received.find(b"\n")) >= 0 and not client.ends:
            line = bytes(client.received[:end])
            del client.received[: end + 1]
            if line.strip():
                client.unsent += self._answer(line)
            if len(client.unsent) > MOST_UNREAD:
                self._hang_up(client)
                return
        if len(client.received) >= LONGEST_LINE:
            self._refuse(client, f"a line has at most {LONGEST_LINE} bytes")

    def _answer(self, line: bytes) -> bytes:
        try:
            answer: dict[str, Any] = {"ok": True, **self._act(understand(line))}
        except Refusal as refusal:
            answer = {"ok": False, "error": str(refusal)[:2000]}
        return json.dumps(answer).encode() + b"\n"

    def _refuse(self, client: _Client, error: str) -> None:
        client.unsent += json.dumps({"ok": False, "error": error}).encode() + b"\n"
        client.ends = True
        client.received.clear()
        self._send(client)

    def _send(self, client: _Client) -> None:
        descriptor = client.connection.fileno()
        if descriptor < 0:
            return
        try:
            while client.unsent:
                del client.unsent[: client.connection.send(client.unsent)]
        except BlockingIOError:
            self._poll.want_write(descriptor, True)
            return
        except OSError:
            self._hang_up(client)
            return
        self._poll.want_write(descriptor, False)
        if client.ends:
            self._hang_up(client)

    def _hang_up(self, client: _Client) -> None:
        descriptor = client.connection.fileno()
        if descriptor >= 0:
            self._poll.remove(descriptor)
            self._clients.pop(descriptor, None)
            client.connection.close()

    def close(self) -> None:
        for client in list(self._clients.values()):
            self._hang_up(client)
        self._poll.remove(self._listener.fileno())
        self._listener.close()
