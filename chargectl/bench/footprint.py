"""`bench footprint`: memory and idle CPU of the services and supervisord, without the simulated world.

Memory is PSS. Bare interpreters (`python -c "input()"`), as many as there are services, are the peer; they run when the
station does not, so that neither takes a share of the other's pages. CPU is read from the scheduler, all threads.
"""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from chargectl.bench.effort import Effort
from chargectl.bench.processes import CpuMeter, pss_mib
from chargectl.bench.report import Figure
from chargectl.bench.slices import boot_s
from chargectl.bench.stations import STATION_SERVICES, RunningStation, make_home, running

MEMORY_LIMIT_MIB, CPU_LIMIT_PERCENT = 11.0, 1.5
SETTLE_S = 5.0
"""Everything has been said once, and start-up is over."""
BARE_S = 0.5
SUPERVISORD = "supervisord"


@dataclass(frozen=True)
class Footprint:
    """By process name."""

    memory_mib: dict[str, float]
    cpu_percent: dict[str, float]
    """Of one core."""
    bare_mib: float
    """One bare interpreter."""
    executed_mib: float
    """Services and supervisord together, when each service executes an interpreter of its own."""

    @property
    def average_mib(self) -> float:
        return sum(self.memory_mib[service] for service in STATION_SERVICES) / len(STATION_SERVICES)

    @property
    def total_mib(self) -> float:
        return sum(self.memory_mib.values())

    @property
    def total_cpu_percent(self) -> float:
        return sum(self.cpu_percent.values())


def measure(effort: Effort) -> list[Figure]:
    idle_s = 10.0 if effort.quick else 60.0
    with TemporaryDirectory(prefix="bench-") as directory:
        runs = [_once(Path(directory) / str(number), idle_s) for number in range(effort.repeats)]
    return figures_of(runs)


def _once(root: Path, idle_s: float) -> Footprint:
    bare_mib = _bare_interpreter_mib(len(STATION_SERVICES))
    executed_mib = _executed_mib(root / "executed")
    with running(make_home(root / "forked")) as station:
        station.first_heartbeats()
        processes = _counted(station)
        time.sleep(SETTLE_S)
        meter, began_s = CpuMeter(processes.values()), boot_s()
        time.sleep(idle_s)
        spent_s, lasted_s = meter.spent_s(), boot_s() - began_s
        return Footprint(
            memory_mib={name: pss_mib(process) for name, process in processes.items()},
            cpu_percent={name: 100.0 * spent_s[process] / lasted_s for name, process in processes.items()},
            bare_mib=bare_mib,
            executed_mib=executed_mib,
        )


def _executed_mib(root: Path) -> float:
    with running(make_home(root), preload=False) as station:
        station.first_heartbeats()
        processes = _counted(station)
        time.sleep(SETTLE_S)
        return sum(pss_mib(process) for process in processes.values())


def _counted(station: RunningStation) -> dict[str, int]:
    programs = station.wait_running()
    return {**{service: programs[service].pid for service in STATION_SERVICES}, SUPERVISORD: station.supervisord()}


def _bare_interpreter_mib(count: int) -> float:
    command = [sys.executable, "-c", "input()"]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(count)
    ]
    try:
        time.sleep(BARE_S)
        return sum(pss_mib(process.pid) for process in processes) / count
    finally:
        for process in processes:
            process.kill()
            process.communicate()


def figures_of(runs: list[Footprint]) -> list[Figure]:
    memory = tuple(run.average_mib for run in runs)
    multiples = tuple(run.total_mib / (run.bare_mib * len(STATION_SERVICES)) for run in runs)
    cpu = tuple(run.total_cpu_percent for run in runs)
    return [
        Figure(
            name="PSS per service, average",
            value=median(memory),
            unit="MiB",
            limit=MEMORY_LIMIT_MIB,
            baseline=median(run.bare_mib for run in runs),
            subject=median(memory),
            reason=f"{len(STATION_SERVICES)} services, no simulated world; baseline: one bare interpreter, in MiB",
            runs=memory,
        ),
        Figure(
            name="PSS of services and supervisord / as many bare interpreters as services",
            value=median(multiples),
            unit="x",
            baseline=median(run.bare_mib * len(STATION_SERVICES) for run in runs),
            subject=median(run.total_mib for run in runs),
            reason="baseline and subject in MiB",
            runs=multiples,
        ),
        Figure(
            name="PSS of services and supervisord, forked / executed",
            value=median(run.total_mib / run.executed_mib for run in runs),
            unit="x",
            baseline=median(run.executed_mib for run in runs),
            subject=median(run.total_mib for run in runs),
            reason="baseline, with CHARGE_PRELOAD=0, and subject in MiB",
            runs=tuple(run.total_mib / run.executed_mib for run in runs),
        ),
        Figure(
            name="idle CPU of services and supervisord",
            value=median(cpu),
            unit="% of a core",
            limit=CPU_LIMIT_PERCENT,
            reason="without the simulated world; no car is plugged in",
            runs=cpu,
        ),
        *_each(runs),
    ]


def _each(runs: list[Footprint]) -> list[Figure]:
    figures: list[Figure] = []
    for name in (*STATION_SERVICES, SUPERVISORD):
        memory = tuple(run.memory_mib[name] for run in runs)
        cpu = tuple(run.cpu_percent[name] for run in runs)
        figures.append(Figure(name=f"{name}: PSS", value=median(memory), unit="MiB", runs=memory))
        figures.append(Figure(name=f"{name}: idle CPU", value=median(cpu), unit="% of a core", runs=cpu))
    return figures
