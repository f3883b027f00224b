"""The machine and its load, stated with every figure."""

import os
import platform
from pathlib import Path
from typing import Any

from services.clock import StationClock, iso_utc


def load_1min() -> float:
    return round(os.getloadavg()[0], 2)


def processors() -> int:
    return len(os.sched_getaffinity(0))


def describe() -> dict[str, Any]:
    """Taken before the measurement; `with_load_after` adds the end."""
    return {
        "date": iso_utc(StationClock().now().wall_s),
        "loadavg_before": load_1min(),
        "nproc": processors(),
        "cpu": _cpu_model(),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def with_load_after(machine: dict[str, Any]) -> dict[str, Any]:
    return {**machine, "loadavg_after": load_1min(), "date_after": iso_utc(StationClock().now().wall_s)}


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def realtime_refusal() -> str:
    """Empty when this process may use SCHED_FIFO; otherwise why not."""
    before, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except PermissionError:
        return "SCHED_FIFO is not permitted to this user (needs CAP_SYS_NICE or `ulimit -r`)"
    os.sched_setscheduler(0, before, parameters)
    return ""
