"""`bench start`: from `chargectl up` to every first heartbeat and to the yes of the backend, and back after a kill.

The peer is what supervision alone costs: ten bare Python services under the same supervisord with the same plug-in.
Both ends stamp their own start, so that nobody's waiting adds to it.
"""

import os
import signal
import time
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bus.topics import HEARTBEATS, LINK_STATUS
from chargectl.bench.bare import BareServices, bare_services
from chargectl.bench.effort import BenchError, Effort
from chargectl.bench.figures import paired_ratio
from chargectl.bench.report import Figure
from chargectl.bench.slices import boot_s
from chargectl.bench.stations import SERVICES, RunningStation, demo_backend, make_home, running
from chargectl.bus_client import BusClient
from chargectl.demo.backend import URL
from chargectl.demo.station_file import with_settings
from chargectl.init import DEFAULT_STATION
from schemas.ocpp_link import LinkState

START_LIMIT, BACK_LIMIT_S, ACCEPTED_LIMIT_S = 2.0, 0.5, 3.0
SETTLED_S = 1.3
"""A service is RUNNING a second after its start; killed earlier, it would come back after a back-off."""
BACK_WITHIN_S = 20.0


def measure(effort: Effort) -> list[Figure]:
    starts = 1 if effort.quick else 3
    rounds = 1 if effort.quick else 2
    ours: list[list[float]] = []
    theirs: list[list[float]] = []
    executed: list[list[float]] = []
    accepted: list[list[float]] = []
    back: dict[str, list[list[float]]] = {service: [] for service in SERVICES}
    bare_back: list[list[float]] = []
    numbers = count()
    with TemporaryDirectory(prefix="bench-") as directory:
        for _ in range(effort.repeats):
            pairs = [_start_all(Path(directory) / f"start{next(numbers)}") for _ in range(starts)]
            theirs.append([each[0] for each in pairs])
            ours.append([each[1] for each in pairs])
            executed.append([each[2] for each in pairs])
            accepted.append([_accepted_s(Path(directory) / f"backend{next(numbers)}") for _ in range(starts)])
            where = Path(directory) / f"kill{next(numbers)}"
            with bare_services(where / "bare") as bare, running(make_home(where / "home")) as station:
                bare_back.append(_kill_bare(bare, rounds))
                for service, times in _kill_each(station, rounds).items():
                    back[service].append(times)
    return [
        _start_figure(ours, theirs),
        _executed_figure(executed, theirs),
        _accepted_figure(accepted, ours),
        _back_figure(back, bare_back),
        *_each(back),
    ]


def _start_all(where: Path) -> tuple[float, float, float]:
    """Seconds of the bare services, of ours, and of ours when each executes an interpreter of its own."""
    with bare_services(where / "bare") as bare:
        theirs_s = max(started_s for _, started_s in bare.first_starts().values()) - bare.started_s
    return theirs_s, _healthy_s(where / "home", preload=True), _healthy_s(where / "executed", preload=False)


def _healthy_s(where: Path, *, preload: bool) -> float:
    with running(make_home(where), preload=preload) as station:
        return max(sent_s for _, sent_s in station.first_heartbeats().values()) - station.started_s


def _accepted_s(where: Path) -> float:
    """Seconds to the BootNotification that a demo backend, which runs already, has accepted."""
    home = make_home(where)
    with demo_backend(home) as url, running(make_home(where, with_settings(DEFAULT_STATION, {URL: url}))) as station:
        return station.first(LINK_STATUS, lambda said: said.state is LinkState.ONLINE) - station.started_s


def _kill_bare(bare: BareServices, rounds: int) -> list[float]:
    processes = {number: process for number, (process, _) in bare.first_starts().items()}
    times: list[float] = []
    for _ in range(rounds):
        time.sleep(SETTLED_S)
        for number in sorted(processes)[: len(SERVICES)]:
            killed_s = boot_s()
            os.kill(processes[number], signal.SIGKILL)
            number, process, started_s = bare.next_start()
            processes[number] = process
            times.append(started_s - killed_s)
    return times


def _kill_each(station: RunningStation, rounds: int) -> dict[str, list[float]]:
    """Seconds from the kill to the first heartbeat of the new process, by service."""
    processes = {service: process for service, (process, _) in station.first_heartbeats().items()}
    times: dict[str, list[float]] = {service: [] for service in SERVICES}
    with BusClient(station.home, hears=tuple(HEARTBEATS.values())) as client:
        client.listen(0.5)
        for _ in range(rounds):
            station.wait_running()
            client.listen(SETTLED_S)
            for service in SERVICES:
                killed_s = boot_s()
                os.kill(processes[service], signal.SIGKILL)
                processes[service], sent_s = _next_process(client, service, processes[service], station)
                times[service].append(sent_s - killed_s)
    return times


def _next_process(client: BusClient, service: str, before: int, station: RunningStation) -> tuple[int, float]:
    for received in client.messages(boot_s() + BACK_WITHIN_S):
        body = received.body
        if received.sender == service and body.pid != before and body.state == "running":
            return int(body.pid), received.sent_s
    raise BenchError(f"{service} did not come back within {BACK_WITHIN_S:g} s\n{station.last_words()}")


def _start_figure(ours: list[list[float]], theirs: list[list[float]]) -> Figure:
    runs = tuple(paired_ratio(subject, baseline) for subject, baseline in zip(ours, theirs, strict=True))
    return Figure(
        name="chargectl up to all services healthy / ten bare supervised services",
        value=median(runs),
        unit="x",
        limit=START_LIMIT,
        baseline=median(_flat(theirs)),
        subject=median(_flat(ours)),
        reason=f"baseline and subject in s; ours are {len(SERVICES)} services, the simulated world among them",
        runs=runs,
    )


def _executed_figure(executed: list[list[float]], theirs: list[list[float]]) -> Figure:
    runs = tuple(paired_ratio(subject, baseline) for subject, baseline in zip(executed, theirs, strict=True))
    return Figure(
        name="the same without preloading / ten bare supervised services",
        value=median(runs),
        unit="x",
        baseline=median(_flat(theirs)),
        subject=median(_flat(executed)),
        reason="CHARGE_PRELOAD=0: every service executes an interpreter of its own",
        runs=runs,
    )


def _accepted_figure(accepted: list[list[float]], healthy: list[list[float]]) -> Figure:
    runs = tuple(median(times) for times in accepted)
    return Figure(
        name="chargectl up to accepted BootNotification",
        value=median(runs),
        unit="s",
        limit=ACCEPTED_LIMIT_S,
        baseline=median(_flat(healthy)),
        subject=median(_flat(accepted)),
        reason="warm, the demo backend runs already; baseline: all services healthy, subject: accepted, medians",
        runs=runs,
    )


def _back_figure(back: dict[str, list[list[float]]], bare: list[list[float]]) -> Figure:
    runs = tuple(max(_flat(repeat)) for repeat in zip(*back.values(), strict=True))
    slowest = max(back, key=lambda service: max(_flat(back[service])))
    everything = [seconds for repeats in back.values() for times in repeats for seconds in times]
    return Figure(
        name="a killed service is back, the slowest of all kills",
        value=max(runs),
        unit="s",
        limit=BACK_LIMIT_S,
        baseline=median(_flat(bare)),
        subject=median(everything),
        reason=f"{len(everything)} kills, the slowest of {slowest}; "
        "baseline: a bare supervised service, subject: ours, both the median",
        runs=runs,
    )


def _each(back: dict[str, list[list[float]]]) -> list[Figure]:
    return [
        Figure(
            name=f"{service} is back (median)",
            value=median(_flat(repeats)),
            unit="s",
            runs=tuple(median(times) for times in repeats),
        )
        for service, repeats in back.items()
    ]


def _flat(nested: Iterable[Iterable[float]]) -> list[float]:
    return [value for each in nested for value in each]
