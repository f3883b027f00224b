"""The wire to one meter over Modbus TCP; the frames are in `frames.py`.

The socket blocks, so each meter has one worker thread of its own; the loop only ever looks whether the answer has come.
pymodbus would bring asyncio and 4 MiB into this process: docs/decisions/0018-metering-reads-its-own-frames.md.
"""

import contextlib
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from bus.clock import Clock
from hardware.interfaces import RegisterAnswer, RegisterStep, RegisterWrite
from services.metering import frames
from services.metering.addresses import Address

EXCHANGE_S = 1.0
"""Time for one read or write, and for connecting."""
LAST_TRANSACTION = 0xFFFF
LARGEST_BACKLOG = 1024
"""Bytes a meter may send for one read (an answer has at most 260): more is noise."""
LARGEST_PORTS_FILE = 16 * 1024

FindAddress = Callable[[], Address | None]
"""Asked again before every connection; None = nobody listens yet."""


class LinkBroken(Exception):
    """Nothing that still comes on this connection can be trusted; the text says why."""


class RefusedByMeter(Exception):
    """The meter answered in time, with a Modbus exception; the connection is sound."""


class ModbusLink:
    """A `MeterLink`. After any failure the connection is closed, so that a late answer has nowhere to arrive."""

    def __init__(self, find_address: FindAddress, clock: Clock, exchange_s: float = EXCHANGE_S) -> None:
        self._find_address = find_address
        self._clock = clock
        self._exchange_s = exchange_s
        self._questions: SimpleQueue[tuple[RegisterStep, ...] | None] = SimpleQueue()
        self._answers: SimpleQueue[RegisterAnswer] = SimpleQueue()
        self._asked_s: float | None = None
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._worker: threading.Thread | None = None
        self._wire = _Wire(find_address, exchange_s)

    def fileno(self) -> int:
        return self._wake

    def receive(self) -> None:
        if self._wake >= 0:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._wake)

    def ask(self, steps: Sequence[RegisterStep]) -> bool:
        if self._wake < 0 or self._asked_s is not None:
            return False
        if self._worker is None:
            self._worker = threading.Thread(target=self._work, name="modbus", daemon=True)
            self._worker.start()
        self._asked_s = self._clock.now().boot_s
        self._questions.put(tuple(steps))
        return True

    def answer(self) -> RegisterAnswer | None:
        if self._asked_s is None:
            return None
        ended = self._worker is None or not self._worker.is_alive()
        if not self._answers.empty():
            self._asked_s = None
            return self._answers.get()
        if not ended:
            return None
        asked_s, self._asked_s, self._worker = self._asked_s, None, None
        self._wire = _Wire(self._find_address, self._exchange_s)
        return RegisterAnswer(asked_s, self._clock.now().boot_s, (), "the link's worker ended; a new one begins")

    def close(self, wait_s: float = 3.0) -> None:
        """Ends the worker; an exchange under way may take until its time-out."""
        if self._worker is not None:
            self._questions.put(None)
            self._worker.join(wait_s)
        if self._wake >= 0 and (self._worker is None or not self._worker.is_alive()):
            os.close(self._wake)
        self._wake = -1

    def _work(self) -> None:
        wake = self._wake
        while (steps := self._questions.get()) is not None:
            asked_s = self._clock.now().boot_s
            words: tuple[tuple[int, ...], ...] = ()
            error, refused = "", False
            try:
                words = tuple(self._wire.exchange(step) for step in steps)
            except (RefusedByMeter, LinkBroken) as problem:
                error, refused = str(problem), isinstance(problem, RefusedByMeter)
            self._answers.put(RegisterAnswer(asked_s, self._clock.now().boot_s, words, error, refused))
            os.eventfd_write(wake, 1)
        self._wire.close()


class _Wire:
    """The blocking side, used by the worker only."""

    def __init__(self, find_address: FindAddress, exchange_s: float) -> None:
        self._find_address = find_address
        self._exchange_s = exchange_s
        self._socket: socket.socket | None = None
        self._unit = 1
        self._transaction = 0
        """Counts on over reconnects: an answer to a question of the connection before never fits."""
        self._heard = bytearray()
        """Of this connection, and not yet a whole frame."""

    def exchange(self, step: RegisterStep) -> tuple[int, ...]:
        """One read, or one write (no words). Raises RefusedByMeter, or LinkBroken after closing the connection."""
        try:
            connection = self._connect()
            self._transaction = self._transaction % LAST_TRANSACTION + 1
            until_s = time.monotonic() + self._exchange_s
            connection.settimeout(self._exchange_s)
            connection.sendall(frames.question(step, self._transaction, self._unit))
            return frames.answer(step, self._answer(connection, until_s))
        except frames.Refused as refused:
            raise RefusedByMeter(f"refused {_words_of(step)}: {refused}") from refused
        except ConnectionError as error:
            self.close()
            raise LinkBroken("no answer: the meter has closed the connection") from error
        except (frames.Malformed, OSError) as error:
            self.close()
            raise LinkBroken(f"no answer: {error}") from error

    def _answer(self, connection: socket.socket, until_s: float) -> bytes:
        """Frames with another number, or of another unit, are not ours. Raises Malformed, OSError (TimeoutError)."""
        came = 0
        while True:
            while (frame := frames.take_frame(self._heard)) is not None:
                if (frame.transaction, frame.unit) == (self._transaction, self._unit):
                    return frame.pdu
            if came > LARGEST_BACKLOG:
                raise frames.Malformed(f"{came} bytes of noise")
            left_s = until_s - time.monotonic()
            if left_s <= 0.0:
                raise TimeoutError(f"nothing that fits within {self._exchange_s:g} s")
            connection.settimeout(left_s)
            data = connection.recv(LARGEST_BACKLOG)
            if not data:
                raise ConnectionResetError
            came += len(data)
            self._heard += data

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        self._heard.clear()

    def _connect(self) -> socket.socket:
        if self._socket is not None:
            return self._socket
        address = self._find_address()
        if address is None:
            raise LinkBroken("the meter's port is not known yet")
        try:
            place: Any = (_name(address.host), address.port)
            self._socket = socket.create_connection(place, self._exchange_s)
        except (OSError, UnicodeError) as error:
            raise LinkBroken(f"cannot connect to {address.host} port {address.port}: {error}") from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unit = address.unit
        return self._socket


def _name(host: str) -> bytes:
    """As bytes: a text makes Python import its tables of international names, a megabyte."""
    return host.encode("ascii" if host.isascii() else "idna")


def _words_of(step: RegisterStep) -> str:
    if isinstance(step, RegisterWrite):
        return f"to write {len(step.words)} words at {step.address}"
    return f"to read {step.count} words at {step.address}"


def port_in_use(ports_file: Path) -> int | None:
    """The simulated meters' port from `run/ports.json`; None while the file is missing or unreadable."""
    try:
        with ports_file.open("rb") as file:
            port = json.loads(file.read(LARGEST_PORTS_FILE)).get("world_modbus")
    except (OSError, ValueError, AttributeError, RecursionError):
        return None
    return port if type(port) is int and 1 <= port <= 65535 else None
