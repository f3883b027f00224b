"""One process per owner and home: a lock file, taken over from a process whose supervisor is gone."""

import contextlib
import fcntl
import os
import signal
import time
from pathlib import Path
from typing import IO

TAKE_OVER_S = 3.0


class AlreadyRunning(Exception):
    """The text names the process and what to do."""


class OwnerLock:
    """Held for the life of the process; the kernel releases it however the process ends.

    Raises AlreadyRunning while a living process with a living parent holds it; ends a holder whose parent is gone
    (a zombie counts as gone) and takes over.
    """

    def __init__(self, path: Path) -> None:
        self._file: IO[str] = path.open("a+", encoding="ascii")
        if not self._try():
            self._take_over(path)
        self._file.seek(0)
        self._file.truncate()
        self._file.write(f"{os.getpid()} {os.getppid()}\n")
        self._file.flush()

    def close(self) -> None:
        self._file.close()

    def _try(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _take_over(self, path: Path) -> None:
        process, parent = holder(path)
        if not self._is_open_in(process):
            process = 0
        if process == 0 or (parent_of(process) == parent and is_alive(parent)):
            self._file.close()
            raise AlreadyRunning(
                f"{path.stem} of this home already runs as process {process or '(starting)'}. "
                "Stop that station first (chargectl status shows it), or use another home."
            )
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
        deadline_s = time.monotonic() + TAKE_OVER_S
        while not self._try():
            if time.monotonic() > deadline_s:
                self._file.close()
                raise AlreadyRunning(f"process {process} holds {path} and does not end; look at it with: ps {process}")
            time.sleep(0.01)

    def _is_open_in(self, process: int) -> bool:
        """Whether the process written in the file is the one that has it open: numbers are given again."""
        mine = os.fstat(self._file.fileno())
        try:
            entries = list(os.scandir(f"/proc/{process}/fd"))
        except OSError:
            return False
        for entry in entries:
            with contextlib.suppress(OSError):
                if os.path.samestat(mine, entry.stat()):
                    return True
        return False


def holder(path: Path) -> tuple[int, int]:
    """(process, its parent when it took the lock); (0, 0) when it has not been written yet."""
    try:
        words = path.read_text(encoding="ascii").split()
        return int(words[0]), int(words[1])
    except (OSError, ValueError, IndexError):
        return 0, 0


def parent_of(process: int) -> int:
    """0 when the process is gone."""
    state_and_parent = _stat(process)
    return state_and_parent[1] if state_and_parent else 0


def is_alive(process: int) -> bool:
    """A zombie is not."""
    state_and_parent = _stat(process)
    return state_and_parent is not None and state_and_parent[0] not in "ZX"


def _stat(process: int) -> tuple[str, int] | None:
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[1])
