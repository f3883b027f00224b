"""An endpoint on ZeroMQ: one XPUB bound on `ipc://` for what we say, one XSUB per owner we listen to or ask.

The descriptors are edge-triggered: after every send and receive the socket's own EVENTS count, not the descriptor.
"""

import contextlib
import os
from collections.abc import Callable
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


class BusSocket:
    """The caller holds the owner's lock: a second bind would succeed silently.

    Raises OSError when the path cannot be bound.
    """

    def __init__(self, endpoint: Endpoint, directory: Path, *, listen: bool = True) -> None:
        self.endpoint = endpoint
        self._directory = directory
        self._context = zmq.Context(io_threads=1)
        self._up: dict[str, zmq.Socket[bytes]] = {}
        self._down: zmq.Socket[bytes] | None = None
        self._readers: list[tuple[zmq.Socket[bytes], Callable[[bytes], None]]] = []
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
        return [socket.fileno() for socket, _ in self._readers]

    def drain(self) -> bool:
        """Moves what has arrived into the endpoint's inbox; True while some is left for the next turn."""
        left = False
        for socket, take in self._readers:
            for _ in range(MOST_AT_ONCE):
                if not int(socket.get(zmq.EVENTS)) & zmq.POLLIN:
                    break
                take(socket.recv(zmq.NOBLOCK))
            else:
                left = True
        return left

    def send_down(self, frame: bytes) -> None:
        if self._down is not None:
            with contextlib.suppress(zmq.Again):
                self._down.send(frame, zmq.NOBLOCK)

    def send_up(self, owner: str, frame: bytes) -> None:
        socket = self._up.get(owner)
        if socket is None:
            raise ValueError(f"{self.endpoint.owner} asks {owner}, but names none of its requests in `asks`")
        with contextlib.suppress(zmq.Again):
            socket.send(frame, zmq.NOBLOCK)

    def close(self, linger_ms: int = 200) -> None:
        """What was said last (the last words) gets `linger_ms` to leave."""
        for socket in (*self._up.values(), *([self._down] if self._down is not None else [])):
            socket.close(linger=linger_ms)
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

    def _bind(self) -> "zmq.Socket[bytes]":
        socket = self._socket(zmq.XPUB)
        socket.setsockopt(zmq.XPUB_VERBOSE, 1)
        try:
            socket.bind(self._path(self.endpoint.owner))
        except (zmq.ZMQError, OSError):
            socket.close()
            raise
        self._readers.append((socket, self.endpoint.from_subscriber))
        return socket

    def _connect(self, peer: str) -> "zmq.Socket[bytes]":
        socket = self._socket(zmq.XSUB)
        socket.connect(self._path(peer))
        for prefix in self.endpoint.subscriptions(peer):
            socket.send(b"\x01" + prefix)
        self._readers.append((socket, self.endpoint.from_owner))
        return socket
