"""The serial port: raw, non-blocking, never raising because the other end is gone, coming back by itself."""

import contextlib
import errno
import fcntl
import os
import select
import struct
import termios
from collections.abc import Callable

RETRY_S = 1.0
MOST_BYTES_AT_ONCE = 4096
MOST_UNSENT_BYTES = 512
"""More waiting in the kernel means that the line does not keep up: nothing is added, so that nothing arrives late."""
TIOCEXCL = 0x540C
SPEEDS = {
    115200: termios.B115200,
    230400: termios.B230400,
    460800: termios.B460800,
    921600: termios.B921600,
}


class SerialPort:
    """`fileno` stays the same across reconnects: it is an epoll that holds the present descriptor."""

    def __init__(self, path: str, baud: int, clock: Callable[[], float]) -> None:
        self._path, self._baud, self._clock = path, baud, clock
        self._poll = select.epoll()
        self._descriptor = -1
        self._next_try_s = float("-inf")
        self.connections = 0
        """Openings so far."""
        self.trouble = ""
        self.open()

    @property
    def is_open(self) -> bool:
        return self._descriptor >= 0

    def fileno(self) -> int:
        return self._poll.fileno()

    def open(self) -> bool:
        """Try again if it is time to. True = open."""
        if self._descriptor >= 0:
            return True
        now_s = self._clock()
        if now_s < self._next_try_s:
            return False
        self._next_try_s = now_s + RETRY_S
        descriptor = -1
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
            self._make_raw(descriptor)
        except (OSError, termios.error) as error:
            if descriptor >= 0:
                os.close(descriptor)
            self.trouble = f"{self._path}: {_words(error)}"
            return False
        self._descriptor = descriptor
        self._poll.register(descriptor, select.EPOLLIN)
        self.connections += 1
        self.trouble = ""
        return True

    def _make_raw(self, descriptor: int) -> None:
        """8 data bits, no parity, one stop bit, no flow control. Raises OSError and termios.error."""
        fcntl.ioctl(descriptor, TIOCEXCL)
        attributes = termios.tcgetattr(descriptor)
        speed = SPEEDS[self._baud]
        attributes[0] = attributes[1] = attributes[3] = 0
        attributes[2] = termios.CS8 | termios.CREAD | termios.CLOCAL
        attributes[4] = attributes[5] = speed
        attributes[6][termios.VMIN] = 1
        attributes[6][termios.VTIME] = 0
        termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
        termios.tcflush(descriptor, termios.TCIOFLUSH)

    def read(self) -> bytes:
        """What has arrived, at most 4096 bytes; empty = nothing."""
        if not self.open():
            return b""
        try:
            data = os.read(self._descriptor, MOST_BYTES_AT_ONCE)
        except BlockingIOError:
            return b""
        except OSError as error:
            self._hang_up(error)
            return b""
        if not data:
            self._hang_up(OSError(errno.EIO, "hung up"))
        return data

    def write(self, data: bytes) -> bool:
        """False = not, or not wholly, written: the line does not keep up, or is gone. Only `read` opens it again."""
        if self._descriptor < 0:
            return False
        try:
            if self._unsent() > MOST_UNSENT_BYTES:
                return False
            return os.write(self._descriptor, data) == len(data)
        except BlockingIOError:
            return False
        except OSError as error:
            self._hang_up(error)
            return False

    def _unsent(self) -> int:
        """Bytes that the kernel has not sent yet."""
        answer = fcntl.ioctl(self._descriptor, termios.TIOCOUTQ, b"\0\0\0\0")
        count: int = struct.unpack("i", answer)[0]
        return count

    def _hang_up(self, error: OSError) -> None:
        self.trouble = f"{self._path}: {_words(error)}"
        self._next_try_s = self._clock() + RETRY_S
        self._drop()

    def _drop(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                self._poll.unregister(descriptor)
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def close(self) -> None:
        self._drop()
        self._poll.close()


def _words(error: OSError | termios.error) -> str:
    number = error.errno if isinstance(error, OSError) else error.args[0]
    known = {
        errno.ENOENT: "there is no such port; look with: ls /dev/tty*",
        errno.EACCES: "no permission; add the user of this service to the group that owns it (dialout)",
        errno.EBUSY: "in use by another program",
        errno.ENOTTY: "not a serial port",
        errno.EISDIR: "a directory, and not a serial port",
        errno.EIO: "the link is interrupted",
        errno.ENODEV: "the port is gone",
        errno.ENXIO: "the port is gone",
    }
    return known.get(number or 0, str(error))
