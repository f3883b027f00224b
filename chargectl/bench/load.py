"""Load on purpose, and where processes run."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_SPIN = "while True: pass"


@contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """So many Python processes that want a whole core each, at ordinary priority."""
    with _spinning(count, os.SCHED_OTHER):
        yield


@contextmanager
def awake_cores() -> Iterator[None]:
    """Keeps every core from going to sleep; whoever else wants a core has it at once (SCHED_IDLE)."""
    with _spinning(len(os.sched_getaffinity(0)), os.SCHED_IDLE):
        yield


@contextmanager
def _spinning(count: int, policy: int) -> Iterator[None]:
    spinners = [subprocess.Popen([sys.executable, "-I", "-S", "-c", _SPIN]) for _ in range(count)]
    try:
        for spinner in spinners:
            os.sched_setscheduler(spinner.pid, policy, os.sched_param(0))
        yield
    finally:
        for spinner in spinners:
            spinner.kill()
        for spinner in spinners:
            spinner.wait()


def place(process: int, processors: Iterable[int]) -> None:
    """Every thread of a process may run on these processors only."""
    allowed = set(processors)
    for thread in (Path("/proc") / str(process) / "task").iterdir():
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), allowed)
