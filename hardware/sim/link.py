"""The driver's end of `board.sock`: never blocks, never raises because the world is gone, comes back by itself."""

import contextlib
import logging
import select
import socket
import time
from pathlib import Path
from typing import Literal

import msgspec

from hardware.sim.protocol import LARGEST_PACKET, FromWorld, Hello, Refused, ToWorld, decode_from_world, encode

RECONNECT_EVERY_S = 0.050
MOST_PACKETS_AT_ONCE = 256

logger = logging.getLogger(__name__)


def boot_s() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class WorldLink:
    """`fileno` stays the same across reconnects: it is an epoll that holds the present connection."""

    def __init__(self, path: Path | str, role: Literal["safety", "people"]) -> None:
        self._path = str(path)
        self._role: Literal["safety", "people"] = role
        self._poll = select.epoll()
        self._socket: socket.socket | None = None
        self._next_try_s = 0.0
        self.connections = 0
        """Successful connections so far: a change means that the other side knows nothing of us."""
        self.refused = ""
        """Why the other side hung up last; empty = it did not say, or has spoken to us again."""

    @property
    def connected(self) -> bool:
        return self._socket is not None

    def fileno(self) -> int:
        return self._poll.fileno()

    def connect(self) -> bool:
        """Try again if it is time to. True = connected."""
        if self._socket is not None:
            return True
        now_s = boot_s()
        if now_s < self._next_try_s:
            return False
        self._next_try_s = now_s + RECONNECT_EVERY_S
        attempt = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC)
        try:
            attempt.connect(self._path)
            attempt.send(encode(Hello(role=self._role)))
        except OSError:
            attempt.close()
            return False
        self._socket = attempt
        self._poll.register(attempt.fileno(), select.EPOLLIN)
        self.connections += 1
        return True

    def send(self, packet: ToWorld) -> bool:
        """False = not sent: no world, or one that does not read."""
        if self._socket is None:
            return False
        try:
            self._socket.send(encode(packet))
        except BlockingIOError:
            return False
        except OSError:
            self._hang_up()
            return False
        return True

    def packets(self) -> list[FromWorld]:
        """Everything that has arrived; a broken connection is dropped and tried again."""
        arrived: list[FromWorld] = []
        while self.connect() and self._socket is not None and len(arrived) < MOST_PACKETS_AT_ONCE:
            try:
                data = self._socket.recv(LARGEST_PACKET)
                if not data:
                    raise ConnectionResetError
                packet = decode_from_world(data)
            except BlockingIOError:
                break
            except (OSError, msgspec.DecodeError) as error:
                if isinstance(error, msgspec.DecodeError):
                    logger.warning("the simulated site sent something else than readings: %s", error)
                self._hang_up()
                continue
            if isinstance(packet, Refused):
                if packet.reason != self.refused:
                    logger.warning("the simulated site hangs up: %s", packet.reason)
                self.refused = packet.reason
                self._hang_up()
                self._next_try_s = boot_s() + 1.0
                break
            self.refused = ""
            arrived.append(packet)
        return arrived

    def _hang_up(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._poll.unregister(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def close(self) -> None:
        self._hang_up()
        self._poll.close()
