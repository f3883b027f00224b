"""`bench ocpp`: one validated MeterValues to the backend and back, against bare websockets and the `ocpp` package.

Each client is a process of its own, alive for the whole run, with the same backend, which answers at once. Slices of
some hundred round trips alternate; ratios are taken slice against neighbouring slice, of CPU time: the wire is fast.
"""

from contextlib import ExitStack
from statistics import median

from chargectl.bench.children import Child
from chargectl.bench.effort import Effort
from chargectl.bench.figures import paired_ratio, rotated
from chargectl.bench.ocpp_drain import MESSAGES, drain_s
from chargectl.bench.report import Figure

CPU_LIMIT = 1.3
READY_S = 30.0
OURS, RAW, LIBRARY = "ours", "raw", "library"
CPU = "CPU of a validated MeterValues round trip / raw websockets + json"
LESS = "CPU of the `ocpp` package / ours"
DRAIN = f"time to drain {MESSAGES} billing messages"

Measured = dict[str, list[float]]
"""CPU seconds per round trip of each slice, by client, for one repeat."""


def measure(effort: Effort) -> list[Figure]:
    count, turns = (100, 4) if effort.quick else (200, 8)
    repeats: list[Measured] = []
    drained: list[float] = []
    with ExitStack() as stack:
        backend = stack.enter_context(Child("chargectl.bench.ocpp_backend"))
        port = int(backend.hear(READY_S)["port"])
        clients = {}
        for name in (OURS, RAW, LIBRARY):
            child = Child("chargectl.bench.ocpp_clients", name, str(port), str(count))
            clients[name] = stack.enter_context(child)
            clients[name].hear(READY_S)
        for _ in range(effort.repeats):
            measured: Measured = {name: [] for name in clients}
            for turn in range(turns):
                for name in rotated(list(clients), turn):
                    clients[name].tell("go")
                    measured[name].append(float(clients[name].hear(READY_S)["cpu_s"]))
            repeats.append(measured)
            drained.append(drain_s(port))
    return figures(repeats, drained)


def figures(repeats: list[Measured], drained: list[float]) -> list[Figure]:
    """From one book per repeat, and the seconds of each drain."""
    ratios = [paired_ratio(one[OURS], one[RAW]) for one in repeats]
    less = [paired_ratio(one[LIBRARY], one[OURS]) for one in repeats]
    cost = {name: median(value for one in repeats for value in one[name]) * 1e6 for name in (OURS, RAW, LIBRARY)}
    return [
        Figure(
            name=CPU,
            value=median(ratios),
            unit="x",
            limit=CPU_LIMIT,
            baseline=cost[RAW],
            subject=cost[OURS],
            reason="microseconds of CPU per round trip, 12 sampled values, both schemas checked",
            runs=tuple(ratios),
        ),
        Figure(
            name=LESS,
            value=median(less),
            unit="x",
            baseline=cost[LIBRARY],
            subject=cost[OURS],
            reason="microseconds of CPU per round trip",
            runs=tuple(less),
        ),
        Figure(
            name=DRAIN,
            value=median(drained),
            unit="s",
            reason="from the connection's registration to the last one settled, each with its own commit; "
            f"{median(drained) / MESSAGES * 1000:.1f} ms per message",
            runs=tuple(drained),
        ),
    ]
