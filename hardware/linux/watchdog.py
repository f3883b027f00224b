"""The computer's watchdog (`/dev/watchdog`): it resets the machine when nobody writes to it for its time-out."""

import contextlib
import fcntl
import logging
import os
import struct

WDIOC_SETTIMEOUT = 0xC0045706
KICK_EVERY_S = 1.0
RETRY_S = 1.0

logger = logging.getLogger(__name__)


class Watchdog:
    """Never raises. `close` disarms it ("magic close"); a process that is killed does not, which is its purpose."""

    def __init__(self, path: str, timeout_s: int) -> None:
        self._path, self._timeout_s = path, timeout_s
        self._descriptor = -1
        self._next_s = float("-inf")
        self._complained = False
        self.kicks = 0

    def kick(self, now_s: float) -> None:
        """At most once a second; call it as often as you like."""
        if now_s < self._next_s:
            return
        self._next_s = now_s + (KICK_EVERY_S if self._open() else RETRY_S)
        if self._descriptor < 0:
            return
        try:
            os.write(self._descriptor, b"\0")
            self.kicks += 1
        except OSError as error:
            self._complain(error)
            self._drop()

    def _open(self) -> bool:
        if self._descriptor >= 0:
            return True
        try:
            self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            self._complain(error)
            return False
        try:
            fcntl.ioctl(self._descriptor, WDIOC_SETTIMEOUT, struct.pack("i", self._timeout_s))
        except OSError as error:
            logger.warning("%s keeps its own time-out: %s", self._path, error.strerror)
        self._complained = False
        return True

    def _complain(self, error: OSError) -> None:
        if not self._complained:
            self._complained = True
            logger.error("watchdog %s is not armed: %s; trying again every second", self._path, error.strerror)

    def _drop(self) -> None:
        descriptor, self._descriptor = self._descriptor, -1
        with contextlib.suppress(OSError):
            os.close(descriptor)

    def close(self) -> None:
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):
                os.write(self._descriptor, b"V")
            self._drop()
