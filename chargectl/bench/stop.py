"""`bench stop`: how fast `safety` opens a contactor, with 16 connectors, everything fitted and both cores loaded.

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
from typing import Any

from chargectl.bench.children import Child
from chargectl.bench.effort import BenchError, Effort
from chargectl.bench.figures import quantile
from chargectl.bench.histogram import histogram
from chargectl.bench.load import busy_loops
from chargectl.bench.machine import processors, realtime_refusal
from chargectl.bench.report import Figure, not_measured
from chargectl.bench.slices import boot_s
from chargectl.bench.stop_cycle import (
    BY_SAMPLE,
    CHARGES_WITHIN_S,
    FILTER_S,
    ROWS,
    Cast,
    Stop,
    charges_or_never_will,
    cycle,
)
from chargectl.bench.stop_rig import CONNECTORS, StopRig, stop_rig
from services.runner import REALTIME_PRIORITY

REACTION_LIMIT_MS, STALL_LIMIT_MS = 10.0, 200.0
SEED = 61851
HELD_S, STOPPED_S = 0.3, 0.6
"""`safety` stays stopped this long: longer than what the monoflop may take."""
STAYS_OPEN_S = 2.0
"""After it goes on: nothing closes for 5 s after the start (`services/safety/timings.py`)."""
UNASKED_PER_STOP = 4
"""More contactors that fall without being asked to: the machine is too busy to measure anything."""
STALLS = ("loop held up for 300 ms", "SIGSTOP", "SIGKILL")


@dataclass
class Run:
    """One repeat in one scheduling class."""

    stops: list[Stop] = field(default_factory=list)
    bare_p99_s: float = 0.0
    missed_deadlines: int = 0
    stalls_s: dict[str, list[float]] = field(default_factory=dict)
    """By stall: last feed to open contacts, of every connector that was charging. inf = it stayed or became closed."""
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
            where, seed = Path(directory), SEED + repeat
            which = f"repeat {repeat + 1} of {effort.repeats}, {wanted} stops"
            if not refusal:
                effort.say(f"{which} with SCHED_FIFO ...")
                fifo.append(_run(where / f"fifo{repeat}", wanted, seed, realtime=True))
            effort.say(f"{which} with ordinary priority ...")
            ordinary.append(_run(where / f"ordinary{repeat}", wanted, seed, realtime=False, world_first=not refusal))
    if effort.keep is not None:
        effort.keep.write_text(kept(fifo, ordinary), encoding="utf-8")
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
            if run.unasked > UNASKED_PER_STOP * wanted:
                raise BenchError(
                    f"{run.unasked} contactors fell unasked and {len(run.stops)} when asked: the machine is too busy; "
                    "stop what else it does and try again"
                )
        run.missed_deadlines = rig.missed_deadlines - missed_before
        bare.tell("stop")
        run.bare_p99_s = bare.hear(20.0)["p99_s"]
        run.stalls_s = {how: _stall(rig, how) for how in STALLS}
    return run


def _kinds(seed: int, number: int) -> Iterator[str]:
    """Every connector begins with another kind and goes round."""
    kinds = list(FILTER_S)
    shift = (seed + number) % len(kinds)
    return repeated([*kinds[shift:], *kinds[:shift]])


def _chance(seed: int, number: int) -> random.Random:
    return random.Random(seed * 100 + number)


def _stall(rig: StopRig, how: str) -> list[float]:
    """Every car charges; then `safety` is held up, stopped or killed. The kill is the last thing that can be done."""
    charging = _all_charge(rig)
    if how == "SIGKILL":
        os.kill(rig.safety, signal.SIGKILL)
        _pass(rig, STOPPED_S)
        return list(_opening_times_s(rig.world.ask("state"), charging).values())
    os.kill(rig.safety, signal.SIGSTOP)
    _pass(rig, STOPPED_S if how == "SIGSTOP" else HELD_S)
    state = rig.world.ask("state")
    os.kill(rig.safety, signal.SIGCONT)
    times_s = _opening_times_s(state, charging)
    _pass(rig, STAYS_OPEN_S)
    after = rig.world.ask("state")["connectors"]
    closed_again = {name for name, each in after.items() if each["contactor"] != "open"}
    return [float("inf") if name in closed_again else times_s[name] for name in charging]


def _all_charge(rig: StopRig) -> list[str]:
    """Names of the connectors whose contacts are closed."""
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
    rig.wait(lambda: all(charges_or_never_will(rig, n) for n in CONNECTORS), "all cars charge", CHARGES_WITHIN_S)
    _pass(rig, 1.0)
    return [name for name, each in rig.world.ask("state")["connectors"].items() if each["contactor"] == "closed"]


def _opening_times_s(state: dict[str, Any], charging: list[str]) -> dict[str, float]:
    """By connector: from the last feed to open contacts; inf = they are still closed."""
    fed_s, connectors = float(state["feed_stamp_s"]), state["connectors"]
    return {
        name: connectors[name]["contactor_opened_s"] - fed_s
        if connectors[name]["contactor"] == "open"
        else float("inf")
        for name in charging
    }


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
        *(_stall_figure(how, [*fifo, *ordinary]) for how in STALLS),
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


def _stall_figure(how: str, runs: list[Run]) -> Figure:
    name = f"{how} of safety: last feed to open contacts, the slowest"
    stalls_ms = [[1000.0 * value for value in run.stalls_s[how]] for run in runs if run.stalls_s[how]]
    pooled = [value for each in stalls_ms for value in each]
    if not pooled:
        return not_measured(name, "ms", STALL_LIMIT_MS, "no car charged: the machine is too busy for this bench")
    return Figure(
        name=name,
        value=max(pooled),
        unit="ms",
        limit=STALL_LIMIT_MS,
        reason=f"{len(pooled)} contactors in {len(stalls_ms)} stalls, as the world saw it",
        runs=tuple(max(each) for each in stalls_ms),
    )


def _label(kind: str) -> str:
    then = ", then the next sample" if kind in BY_SAMPLE else ""
    return f"{ROWS[kind]} {kind} (filter {1000.0 * FILTER_S[kind]:g} ms{then})"


def kept(fifo: list[Run], ordinary: list[Run]) -> str:
    """The histogram of all stops, by scheduling class and kind."""
    lines = ["Reaction of safety minus the filter time that the state table prescribes, `chargectl bench stop`", ""]
    for words, runs in (("SCHED_FIFO", fifo), ("ordinary priority", ordinary)):
        stops = [stop for run in runs for stop in run.stops]
        for kind in FILTER_S:
            times_ms = [1000.0 * stop.reaction_s for stop in stops if stop.kind == kind]
            if times_ms:
                heading = f"{words}, {_label(kind)}: {len(times_ms)} stops, "
                heading += f"p50 {quantile(times_ms, 0.5):.2f} ms, p99 {quantile(times_ms, 0.99):.2f} ms"
                lines += [heading, *histogram(times_ms), ""]
    return "\n".join(lines)


def _reported(words: str, runs: list[Run]) -> list[Figure]:
    figures = [] if words == "SCHED_FIFO" else [_reaction(f"reaction minus filter time, p99, {words}", runs, None)]
    for kind in FILTER_S:
        times = [[1000.0 * stop.reaction_s for stop in run.stops if stop.kind == kind] for run in runs]
        pooled = [value for each in times for value in each]
        if pooled:
            runs_p50 = tuple(median(each) for each in times if each)
            figures.append(Figure(name=f"{words}: {_label(kind)}, p50", value=median(pooled), unit="ms", runs=runs_p50))
            figures.append(Figure(name=f"{words}: {_label(kind)}, p99", value=quantile(pooled, 0.99), unit="ms"))
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
