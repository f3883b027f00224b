"""Memory and CPU of processes, read from /proc."""

from collections.abc import Iterable
from pathlib import Path

from chargectl.bench.effort import BenchError

MEBIBYTE = 1024 * 1024


def pss_mib(process: int) -> float:
    """Proportional set size: what is shared counts by its share. Raises BenchError for a process that is gone."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii", errors="replace")
    except OSError as error:
        raise BenchError(f"process {process} ended while its memory was read: {error}") from error
    kibibytes = [int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:")]
    if not kibibytes:
        raise BenchError(f"/proc/{process}/smaps_rollup has no Pss")
    return kibibytes[0] * 1024 / MEBIBYTE


class CpuMeter:
    """CPU time that processes spend from now on, all their threads together, to the nanosecond (schedstat).

    A thread that ends in between takes what it spent with it: the tick-exact total of its process is then the floor.
    """

    def __init__(self, processes: Iterable[int]) -> None:
        self._processes = list(processes)
        self._before = {process: _spent(process) for process in self._processes}

    def spent_s(self) -> dict[int, float]:
        """By process. Raises BenchError for a process that is gone."""
        spent: dict[int, float] = {}
        for process in self._processes:
            threads, total_s = _spent(process)
            threads_before, total_before_s = self._before[process]
            by_threads_s = sum(now_s - threads_before.get(thread, 0.0) for thread, now_s in threads.items())
            ended = threads_before.keys() - threads.keys()
            spent[process] = max(by_threads_s, total_s - total_before_s) if ended else by_threads_s
        return spent


TICKS_PER_S = 100
"""USER_HZ: the unit of /proc/PID/stat on every Linux."""


def _spent(process: int) -> tuple[dict[str, float], float]:
    """(seconds by thread, seconds of the whole process in ticks)."""
    root = Path(f"/proc/{process}")
    threads: dict[str, float] = {}
    try:
        for task in (root / "task").iterdir():
            try:
                threads[task.name] = int((task / "schedstat").read_text(encoding="ascii").split()[0]) / 1e9
            except FileNotFoundError:
                continue
        fields = (root / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError as error:
        raise BenchError(f"process {process} ended while its CPU time was read: {error}") from error
    return threads, (int(fields[11]) + int(fields[12])) / TICKS_PER_S
