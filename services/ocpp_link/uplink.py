"""Is there a network? On the simulated site its file `run/uplink` says so; a real board has none: always up."""

import contextlib
import ctypes
import os
from pathlib import Path

NAME = "uplink"
IN_CLOSE_WRITE, IN_MOVED_TO, IN_DELETE = 0x8, 0x80, 0x200


class UplinkFile:
    """Woken by the kernel (inotify) when the file changes; without inotify it is looked at in every turn."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME
        self._notice = _watch(directory)
        self.up = self._look()

    def fileno(self) -> int:
        return self._notice

    def receive(self) -> None:
        if self._notice >= 0:
            with contextlib.suppress(BlockingIOError):
                while os.read(self._notice, 64 * 1024):
                    pass
        self.up = self._look()

    def on_time(self) -> None:
        """Called at every turn: looks where nothing notices changes."""
        if self._notice < 0:
            self.up = self._look()

    def _look(self) -> bool:
        try:
            return self._path.read_text(encoding="ascii", errors="replace").strip() != "down"
        except OSError:
            return True


def _watch(directory: Path) -> int:
    """A descriptor; -1 where the kernel grants none."""
    libc = ctypes.CDLL(None, use_errno=True)
    notice = int(libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
    if notice < 0:
        return -1
    if libc.inotify_add_watch(notice, os.fsencode(directory), IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE) < 0:
        os.close(notice)
        return -1
    return notice
