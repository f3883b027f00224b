"""The real connection: dialled by a short-lived thread, then a non-blocking socket on the service's own loop."""

import contextlib
import logging
import os
import select
import socket
import ssl
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from websockets.frames import CloseCode, Frame, Opcode
from websockets.protocol import State

from services.ocpp_link.codec import LONGEST_FRAME
from services.ocpp_link.connection import Binary, Closed, Event, Failed, Opened, Pong, Target, Text
from services.ocpp_link.dial import DialError, Dialled, dial

RECEIVE_SIZE = 64 * 1024
MOST_RECEIVES = 8
"""Per turn of the loop: bus and clock get theirs in between, whatever the backend sends."""
LARGEST_BACKLOG = 1024 * 1024
"""Bytes that the backend has not read yet; more, and it never will."""
MOST_DIALLERS = 3
"""Threads that hang in a name server; then the next attempts fail at once until one comes back."""

_logger = logging.getLogger("ocpp_link")


class WebSocketConnection:
    """`authority`: where an installed CA file would be; looked at for each attempt."""

    def __init__(self, authority: Path) -> None:
        self._authority = authority
        self._poll = select.epoll()
        self._bell = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._poll.register(self._bell, select.EPOLLIN)
        self._lock = threading.Lock()
        self._results: deque[tuple[int, Dialled | DialError]] = deque()
        self._attempt = 0
        self._diallers: list[threading.Thread] = []
        self._open: Dialled | None = None
        self._unsent = bytearray()
        self._message = bytearray()
        self._opcode: Opcode | None = None
        self._events: list[Event] = []

    # the protocol of connection.py

    def open(self, target: Target, timeout_s: float) -> None:
        self.close()
        self._diallers = [thread for thread in self._diallers if thread.is_alive()]
        if len(self._diallers) >= MOST_DIALLERS:
            self._events.append(Failed(f"no name server answers about {target.host}: check the station's DNS server"))
            self._ring()
            return
        authority = self._authority if self._authority.exists() else None
        thread = threading.Thread(
            target=self._dial, args=(self._attempt, target, timeout_s, authority), name="dial", daemon=True
        )
        self._diallers.append(thread)
        thread.start()

    def send(self, text: str) -> None:
        if self._open is not None and self._open.protocol.state is State.OPEN:
            self._open.protocol.send_text(text.encode())
            self._write()

    def ping(self) -> None:
        if self._open is not None and self._open.protocol.state is State.OPEN:
            self._open.protocol.send_ping(b"")
            self._write()

    def close(self, reason: str = "") -> None:
        self._attempt += 1
        opened = self._open
        if opened is not None and opened.protocol.state is State.OPEN:
            opened.protocol.send_close(CloseCode.NORMAL_CLOSURE, reason[:100])
            self._write()
        self._drop()
        self._events.clear()

    def poll(self) -> Sequence[Event]:
        events, self._events = self._events, []
        return events

    def fileno(self) -> int:
        return self._poll.fileno()

    def receive(self) -> None:
        """Whatever is ready: a dialler's result, bytes to read, room to write."""
        self._hear_bell()
        if self._open is not None and self._unsent:
            self._write()
        for _ in range(MOST_RECEIVES):
            if self._open is None or not self._read(self._open):
                return
        if self._open is not None and isinstance(self._open.socket, ssl.SSLSocket) and self._open.socket.pending():
            self._ring()  # decrypted already: epoll would not say so

    # dialling

    def _dial(self, attempt: int, target: Target, timeout_s: float, authority: Path | None) -> None:
        """Runs in the thread."""
        result: Dialled | DialError
        try:
            result = dial(target, timeout_s, authority)
        except DialError as error:
            result = error
        with self._lock:
            self._results.append((attempt, result))
        self._ring()

    def _ring(self) -> None:
        os.eventfd_write(self._bell, 1)

    def _hear_bell(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._bell)
        with self._lock:
            results = [*self._results]
            self._results.clear()
        for attempt, result in results:
            if attempt != self._attempt:
                if isinstance(result, Dialled):
                    result.socket.close()
            elif isinstance(result, DialError):
                self._events.append(Failed(str(result), result.status))
            else:
                self._take_over(result)

    def _take_over(self, dialled: Dialled) -> None:
        self._open = dialled
        self._poll.register(dialled.socket.fileno(), select.EPOLLIN)
        self._events.append(Opened(dialled.protocol.subprotocol or ""))
        for frame in dialled.frames:
            self._take(frame)
        self._write()
        if self._open is not None and dialled.protocol.state is not State.OPEN:
            self._lose(_closed_words(dialled))

    # reading

    def _read(self, opened: Dialled) -> bool:
        """Whether there may be more."""
        try:
            received = opened.socket.recv(RECEIVE_SIZE)
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError, InterruptedError):
            return False
        except OSError as error:
            self._lose(f"the connection broke: {error.strerror or error}")
            return False
        if received:
            opened.protocol.receive_data(received)
        else:
            opened.protocol.receive_eof()
        for event in opened.protocol.events_received():
            if isinstance(event, Frame):
                self._take(event)
        self._write()
        if self._open is not None and opened.protocol.state is not State.OPEN:
            self._lose(_closed_words(opened))
        return bool(received)

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PONG:
            self._events.append(Pong())
        elif frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            if frame.opcode is not Opcode.CONT:
                self._opcode = frame.opcode
                self._message.clear()
            self._message += frame.data
            if frame.fin:
                self._deliver(bytes(self._message))
                self._message.clear()

    def _deliver(self, message: bytes) -> None:
        if self._opcode is Opcode.BINARY:
            self._events.append(Binary(len(message)))
            return
        try:
            text = message.decode("utf-8")
        except UnicodeDecodeError:
            if self._open is not None:
                self._open.protocol.fail(CloseCode.INVALID_DATA, "text is not UTF-8")
            return
        self._events.append(Text(text))

    # writing

    def _write(self) -> None:
        opened = self._open
        if opened is None:
            return
        for part in opened.protocol.data_to_send():
            self._unsent += part
        if len(self._unsent) > LARGEST_BACKLOG:
            self._lose("the backend does not read what is sent to it")
            return
        try:
            while self._unsent:
                del self._unsent[: opened.socket.send(self._unsent)]
        except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError, InterruptedError):
            pass
        except OSError as error:
            self._lose(f"the connection broke: {error.strerror or error}")
            return
        wanted = select.EPOLLIN | (select.EPOLLOUT if self._unsent else 0)
        self._poll.modify(opened.socket.fileno(), wanted)

    # the end

    def _lose(self, reason: str) -> None:
        self._drop()
        self._events.append(Closed(reason))

    def _drop(self) -> None:
        opened, self._open = self._open, None
        self._unsent.clear()
        self._message.clear()
        if opened is not None:
            with contextlib.suppress(OSError):
                self._poll.unregister(opened.socket.fileno())
            with contextlib.suppress(OSError):
                opened.socket.shutdown(socket.SHUT_WR)
            opened.socket.close()


def _closed_words(opened: Dialled) -> str:
    received, error = opened.protocol.close_rcvd, opened.protocol.parser_exc
    if received is not None:
        return f"the backend closed the connection ({received.code} {received.reason[:100]})".replace(" )", ")")
    if opened.protocol.close_sent is not None and opened.protocol.close_sent.code == CloseCode.MESSAGE_TOO_BIG:
        return f"the backend sent a message larger than {LONGEST_FRAME} bytes"
    if isinstance(error, EOFError) or error is None:
        return "the backend broke off the connection"
    return f"the backend broke the WebSocket protocol: {error}"[:200]
