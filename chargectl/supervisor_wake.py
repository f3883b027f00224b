"""A plug-in for supervisord: the end of a process wakes it at once.

Stock supervisord polls once a second and looks for work before it looks for ended processes, so a killed process
comes back after more than a second. Here SIGCHLD interrupts the poll, and one more pass follows it. With the pauses
between passes gone, the back-off of a crash loop would grow 1, 2, 3 ... seconds without end: it is held at 1 s, which
with the poll of 1 s makes at most 2 s.

Named in `supervisord.conf` as [rpcinterface:wake]; it offers no remote calls.
"""

import os
import signal
import time
from typing import Any

from supervisor import events

LONGEST_BACK_OFF_S = 1.0
PASSES = 2
"""The first pass reaps the ended process, the second starts it again (or stops the next one)."""


class Wake:
    """Looks like one of supervisord's own file dispatchers, for the reading end of the pipe that signals write to."""

    closed = False

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._passes_left = PASSES

    def fileno(self) -> int:
        return self._read

    def attach(self, socket_map: dict[int, Any]) -> None:
        socket_map[self._read] = self
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        self.again()

    def again(self) -> None:
        """One more pass without waiting."""
        os.write(self._write, b"\0")

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return False

    def handle_read_event(self) -> None:
        # signals write their number; a zero is our own wish for one more pass
        if any(os.read(self._read, 4096)):
            self._passes_left = PASSES
        self._passes_left -= 1
        if self._passes_left > 0:
            self.again()

    def handle_error(self) -> None:
        """Nothing to mend: the next signal writes again."""


class _NoCalls:
    """supervisord wants an object whose methods it can offer; there are none."""


def hold_back_off(event: Any) -> None:
    """Called for every process that ended too soon after its start."""
    process = event.process
    process.backoff = 1
    process.delay = min(process.delay, time.time() + LONGEST_BACK_OFF_S)


def make_interface(supervisord: Any, **_config: str) -> _NoCalls:
    wake = Wake()
    wake.attach(supervisord.options.get_socket_map())
    events.subscribe(events.ProcessStateBackoffEvent, hold_back_off)
    return _NoCalls()
