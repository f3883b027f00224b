"""An endpoint on ZeroMQ: one XPUB bound on `ipc://` for what we say, one XSUB per owner we listen to or ask.

The descriptors are edge-triggered: after every send and receive the socket's own EVENTS count, not the descriptor.
"""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import zmq

from bus.endpoint import Endpoint
from bus.envelope import LARGEST_FRAME

RECONNECT_MS = 10
RECONNECT_MOST_MS = 200
LONGEST_PATH = 100
"""Bytes; the kernel's limit for a Unix socket's path is 107."""
MOST_AT_ONCE = 500
"""Frames taken from one socket before the others get their turn."""
_EVENTS, _POLLIN, _NOBLOCK = int(zmq.EVENTS), int(zmq.POLLIN), int(zmq.NOBLOCK)
"""As plain numbers: the enumeration costs a microsecond at every use."""


class BusSocket:
    """The caller holds the owner's lock: a second bind would succeed silently.

    Raises OSError when the path cannot be bound.
    """

    def __init__(self, endpoint: Endpoint, directory: Path, *, listen: bool = True) -> None:
        self.endpoint = endpoint
        self._directory = directory
        self._context = zmq.Context(io_threads=1)
        self._up: dict[str, tuple[zmq.Socket[bytes], int]] = {}
        self._down: tuple[zmq.Socket[bytes], int] | None = None
        self._readers: dict[int, tuple[zmq.Socket[bytes], Callable[[bytes], None]]] = {}
        self._touched: set[int] = set()
        """Sockets used since their EVENTS were last looked at: using one may swallow its descriptor's signal."""
        try:
            if listen:
                self._down = self._bind()
            for peer in sorted(endpoint.peers()):
                self._up[peer] = self._connect(peer)
        except zmq.ZMQError as error:
            self.close()
            raise OSError(error.errno, f"cannot open the bus in {directory}: {error.strerror}") from error
        endpoint.attach(self)

    def filenos(self) -> list[int]:
        return list(self._readers)

    def drain(self, ready: Iterable[tuple[int, int]] | None = None) -> bool:
        """Moves what has arrived into the endpoint's inbox; True while some is left for the next turn.

        `ready`: what poll or epoll returned: only those sockets are looked at, and those used since. None: all are.
        """
        touched = self._touched
        if ready is None:
            touched.update(self._readers)
        else:
            for descriptor, _ in ready:
                self._take_first(descriptor)
        left = False
        for descriptor in [*touched]:
            socket, take = self._readers[descriptor]
            for _ in range(MOST_AT_ONCE):
                if not int(socket.get(_EVENTS)) & _POLLIN:
                    touched.discard(descriptor)
                    break
                take(socket.recv(_NOBLOCK))
            else:
                left = True
        return left

    def _take_first(self, descriptor: int) -> None:
        """A readable descriptor nearly always means a frame: taken without asking for EVENTS first."""
        reader = self._readers.get(descriptor)
        if reader is not None:
            self._touched.add(descriptor)
            try:
                frame = reader[0].recv(_NOBLOCK)
            except zmq.Again:
                return
            reader[1](frame)

    def send_down(self, frame: bytes) -> None:
        if self._down is not None:
            self._send(*self._down, frame)

    def send_up(self, owner: str, frame: bytes) -> None:
        wanted = self._up.get(owner)
        if wanted is None:
            raise ValueError(f"{self.endpoint.owner} asks {owner}, but names none of its requests in `asks`")
        self._send(*wanted, frame)

    def _send(self, socket: "zmq.Socket[bytes]", descriptor: int, frame: bytes) -> None:
        self._touched.add(descriptor)
        try:
            socket.send(frame, _NOBLOCK)
        except zmq.Again:
            return

    def close(self, linger_ms: int = 200) -> None:
        """What was said last (the last words) gets `linger_ms` to leave; subscriptions to absent owners do not wait."""
        for socket, _ in self._up.values():
            socket.close(linger=0)
        if self._down is not None:
            self._down[0].close(linger=linger_ms)
        self._readers.clear()
        self._context.term()

    def _path(self, owner: str) -> str:
        path = str(self._directory / f"{owner}.sock")
        if len(os.fsencode(path)) > LONGEST_PATH:
            raise OSError(f"{path} is too long for a socket: reach the directory through a shorter path")
        return f"ipc://{path}"

    def _socket(self, kind: int) -> "zmq.Socket[bytes]":
        socket = self._context.socket(kind)
        socket.setsockopt(zmq.MAXMSGSIZE, LARGEST_FRAME + 1024)
        socket.setsockopt(zmq.RECONNECT_IVL, RECONNECT_MS)
        socket.setsockopt(zmq.RECONNECT_IVL_MAX, RECONNECT_MOST_MS)
        socket.setsockopt(zmq.LINGER, 0)
        return socket

    def _bind(self) -> "tuple[zmq.Socket[bytes], int]":
        socket = self._socket(zmq.XPUB)
        socket.setsockopt(zmq.XPUB_VERBOSE, 1)
        try:
            socket.bind(self._path(self.endpoint.owner))
        except (zmq.ZMQError, OSError):
            socket.close()
            raise
        return socket, self._read(socket, self.endpoint.from_subscriber)

    def _connect(self, peer: str) -> "tuple[zmq.Socket[bytes], int]":
        socket = self._socket(zmq.XSUB)
        socket.connect(self._path(peer))
        for prefix in self.endpoint.subscriptions(peer):
            socket.send(b"\x01" + prefix)
        return socket, self._read(socket, self.endpoint.from_owner)

    def _read(self, socket: "zmq.Socket[bytes]", take: Callable[[bytes], None]) -> int:
        descriptor = socket.fileno()
        self._readers[descriptor] = (socket, take)
        self._touched.add(descriptor)
        return descriptor
