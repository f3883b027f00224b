"""`bench stop`: how fast `safety` opens a contactor, with 16 connectors and both cores loaded.

The world stamps the edge when it sends it, `safety` stamps the coil command after it wrote it; the filter time that the
state table prescribes is taken off. The peer is a bare loop that sleeps to every 10 ms in the same scheduling class on
the same loaded cores. With SIGSTOP of `safety` only the modelled monoflop is left to open the contactors.
"""

import os
import random
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle as repeated
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from chargectl.bench.children import Child
from chargectl.bench.effort import Effort
from chargectl.bench.figures import quantile
from chargectl.bench.load import busy_loops
from chargectl.bench.machine import processors, realtime_refusal
from chargectl.bench.report import Figure, not_measured
from chargectl.bench.slices import boot_s
from chargectl.bench.stop_cycle import CHARGES_WITHIN_S, FILTER_S, Cast, Stop, cycle
from chargectl.bench.stop_rig import CONNECTORS, StopRig, stop_rig
from schemas.safety import Contactor
from services.runner import REALTIME_PRIORITY

REACTION_LIMIT_MS, STALL_LIMIT_MS = 10.0, 200.0
SEED = 61851
STOPPED_S = 0.6
"""`safety` stays stopped this long: three times what the monoflop may take."""


@dataclass
class Run:
    """One repeat in one scheduling class."""

    stops: list[Stop] = field(default_factory=list)
    bare_p99_s: float = 0.0
    missed_deadlines: int = 0
    stalls_s: list[float] = field(default_factory=list)
    """Last feed to open contacts, of every connector that was charging when `safety` was stopped."""
    unasked: int = 0

    def take(self, stop: Stop | None) -> None:
        if stop is None:
            self.unasked += 1
        else:
            self.stops.append(stop)


def measure(effort: Effort) -> list[Figure]:
    wanted = 32 if effort.quick else 64
    refusal = realtime_refusal()
    fifo: list[Run] = []
    ordinary: list[Run] = []
    with TemporaryDirectory(prefix="bench-") as directory:
        for repeat in range(effort.repeats):
            if not refusal:
                fifo.append(_run(Path(directory) / f"fifo{repeat}", wanted, SEED + repeat, realtime=True))
            where = Path(directory) / f"ordinary{repeat}"
            ordinary.append(_run(where, wanted, SEED + repeat, realtime=False, world_first=not refusal))
    return figures_of(fifo, ordinary, refusal)


def _run(root: Path, wanted: int, seed: int, *, realtime: bool, world_first: bool = True) -> Run:
    run = Run()
    with (
        stop_rig(root, realtime=realtime, world_first=world_first) as rig,
        busy_loops(processors()),
        Child("chargectl.bench.lateness", str(REALTIME_PRIORITY if realtime else 0)) as bare,
    ):
        bare.hear(20.0)
        missed_before = rig.missed_deadlines
        scripts = [cycle(rig, number, _kinds(seed, number), _chance(seed, number), run.take) for number in CONNECTORS]
        cast = Cast(rig, scripts)
        while len(run.stops) < wanted:
            cast.turn()
        run.missed_deadlines = rig.missed_deadlines - missed_before
        bare.tell("stop")
        run.bare_p99_s = bare.hear(20.0)["p99_s"]
        run.stalls_s = _stall(rig)
    return run


def _kinds(seed: int, number: int) -> Iterator[str]:
    """Every connector begins with another kind and goes round."""
    kinds = list(FILTER_S)
    shift = (seed + number) % len(kinds)
    return repeated([*kinds[shift:], *kinds[:shift]])


def _chance(seed: int, number: int) -> random.Random:
    return random.Random(seed * 100 + number)


def _stall(rig: StopRig) -> list[float]:
    """Every car charges; then `safety` is stopped by SIGSTOP."""
    before = rig.world.ask("state")["connectors"]
    for number in CONNECTORS:
        for fault in before[str(number)]["faults"]:
            rig.world.ask("fault", name=fault, connector=number, on=False)
        if before[str(number)]["plugged"]:
            rig.world.ask("plug_out", connector=number, force=True)
    rig.wait(lambda: not any(_says(rig, number, "vehicle_connected") for number in CONNECTORS), "all cars leave", 30.0)
    _pass(rig, 2.0)
    for number in CONNECTORS:
        rig.world.ask("plug_in", connector=number, ev={"ready_after_s": 0.2})
    closed = Contactor.CLOSED
    rig.wait(lambda: all(_says(rig, n, "contactor") is closed for n in CONNECTORS), "all cars charge", CHARGES_WITHIN_S)
    _pass(rig, 1.0)
    charging = [name for name, each in rig.world.ask("state")["connectors"].items() if each["contactor"] == "closed"]
    os.kill(rig.safety, signal.SIGSTOP)
    _pass(rig, STOPPED_S)
    state = rig.world.ask("state")
    os.kill(rig.safety, signal.SIGCONT)
    fed_s = float(state["feed_stamp_s"])
    open_now = {name: each for name, each in state["connectors"].items() if each["contactor"] == "open"}
    return [open_now[name]["contactor_opened_s"] - fed_s if name in open_now else float("inf") for name in charging]


def _says(rig: StopRig, number: int, field_name: str) -> object:
    said = rig.connector(number)
    return getattr(said, field_name) if said is not None else None


def _pass(rig: StopRig, seconds: float) -> None:
    until_s = boot_s() + seconds
    while boot_s() < until_s:
        rig.turn(0.02)


def figures_of(fifo: list[Run], ordinary: list[Run], refusal: str) -> list[Figure]:
    name = "reaction minus filter time, p99, SCHED_FIFO"
    figures = [
        _reaction(name, fifo, REACTION_LIMIT_MS) if fifo else not_measured(name, "ms", REACTION_LIMIT_MS, refusal),
        _stall_figure([*fifo, *ordinary]),
    ]
    for words, runs in (("SCHED_FIFO", fifo), ("ordinary priority", ordinary)):
        if runs:
            figures += _reported(words, runs)
    return figures


def _reaction(name: str, runs: list[Run], limit_ms: float | None) -> Figure:
    reactions_ms = [[1000.0 * stop.reaction_s for stop in run.stops] for run in runs]
    pooled = [value for each in reactions_ms for value in each]
    return Figure(
        name=name,
        value=quantile(pooled, 0.99),
        unit="ms",
        limit=limit_ms,
        baseline=1000.0 * median(run.bare_p99_s for run in runs),
        subject=quantile(pooled, 0.99),
        reason=f"{len(pooled)} stops; p50 {quantile(pooled, 0.5):.2f} ms, worst {max(pooled):.2f} ms; "
        "baseline: p99 lateness of a bare 10 ms loop of the same class, in ms",
        runs=tuple(quantile(each, 0.99) for each in reactions_ms),
    )


def _stall_figure(runs: list[Run]) -> Figure:
    stalls_ms = [[1000.0 * value for value in run.stalls_s] for run in runs]
    pooled = [value for each in stalls_ms for value in each]
    return Figure(
        name="SIGSTOP of safety: last feed to open contacts, the slowest",
        value=max(pooled),
        unit="ms",
        limit=STALL_LIMIT_MS,
        reason=f"{len(pooled)} contactors in {len(runs)} stalls, as the world saw it",
        runs=tuple(max(each) for each in stalls_ms),
    )


def _reported(words: str, runs: list[Run]) -> list[Figure]:
    figures = [] if words == "SCHED_FIFO" else [_reaction(f"reaction minus filter time, p99, {words}", runs, None)]
    for kind in FILTER_S:
        times = [[1000.0 * stop.reaction_s for stop in run.stops if stop.kind == kind] for run in runs]
        pooled = [value for each in times for value in each]
        if pooled:
            runs_p50 = tuple(median(each) for each in times if each)
            figures.append(Figure(name=f"{words}: {kind}, p50", value=median(pooled), unit="ms", runs=runs_p50))
    seen = [[1000.0 * (stop.opened_s - stop.edge_s) for stop in run.stops] for run in runs]
    pooled = [value for each in seen for value in each]
    figures.append(
        Figure(
            name=f"{words}: edge to open contacts as the world saw it, p99",
            value=quantile(pooled, 0.99),
            unit="ms",
            reason="filter time and the contactor's own drop-out time included",
            runs=tuple(quantile(each, 0.99) for each in seen),
        )
    )
    for counted, name in (
        ("missed_deadlines", "missed deadlines of safety"),
        ("unasked", "stops that nobody asked for"),
    ):
        counts = tuple(float(getattr(run, counted)) for run in runs)
        figures.append(Figure(name=f"{words}: {name}", value=sum(counts), unit="", runs=counts))
    return figures
