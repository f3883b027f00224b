"""`bench bus`: one validated message between two services, against what it could cost at best.

Every transport has its sender and its receiver as two processes of their own, alive for the whole run. Slices of some
hundred messages at 1 kHz alternate between the transports; ratios are taken slice against neighbouring slice.
The stamp is taken before the message is encoded and compared after it was decoded, validated and delivered.

Where the two ends run decides what a hop costs: a datagram to a process on the same core costs a quarter of one to
another core, and waking a halted core of a virtual machine more than the hop itself. So the limits are for one defined
case, senders on one core and receivers on another, both kept from sleeping; what comes out where the scheduler may put
them anywhere is reported beside it.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from chargectl.bench import broker, machine
from chargectl.bench.children import Child
from chargectl.bench.effort import BenchError, Effort
from chargectl.bench.figures import paired_ratio, rotated
from chargectl.bench.load import awake_cores, place
from chargectl.bench.our_hop import frame_bytes
from chargectl.bench.report import Figure, not_measured
from chargectl.bench.slices import PERIOD_S, Slice
from services.home import Home

DATAGRAM_LIMIT, MQTT_LIMIT, CPU_LIMIT = 3.5, 0.6, 1.5
READY_S = 15.0
OURS, DATAGRAM, ZMQ, MQTT = "ours", "datagram", "zmq", "mqtt"
WORDS = {OURS: "our bus", DATAGRAM: "raw Unix datagram", ZMQ: "blocking pyzmq", MQTT: "MQTT QoS 0"}
WARM_UP = 0
"""Number of the slice that is thrown away."""


@dataclass(frozen=True)
class Hop:
    """One transport: its two ends."""

    sender: Child
    receiver: Child
    count: int

    def slice(self, number: int) -> Slice:
        self.sender.tell(str(number))
        told = Slice(**self.receiver.hear(self.count * PERIOD_S + 10.0))
        if told.received < self.count * 0.99:
            raise BenchError(f"{self.receiver.name} got {told.received} of {self.count} messages")
        return told


Measured = dict[str, list[Slice]]
"""Slices of one repeat by transport, in the order of the turns."""


def measure(effort: Effort) -> list[Figure]:
    count, turns = (150, 4) if effort.quick else (250, 8)
    cores = sorted(os.sched_getaffinity(0))
    apart: list[Measured] = []
    free: list[Measured] = []
    with TemporaryDirectory(prefix="bench-") as directory, _hops(Path(directory), count) as hops:
        numbers = iter(range(WARM_UP + 1, 1_000_000))
        for hop in hops.values():
            hop.slice(WARM_UP)
        for _ in range(effort.repeats):
            if len(cores) > 1:
                _place(hops, [cores[0]], [cores[-1]])
                with awake_cores():
                    apart.append(_repeat(hops, turns, numbers))
            _place(hops, cores, cores)
            free.append(_repeat(hops, turns // 2, numbers))
    return [*limited(apart, broker.refusal()), *free_figures(free)]


def _place(hops: dict[str, Hop], senders: list[int], receivers: list[int]) -> None:
    for hop in hops.values():
        place(hop.sender.pid, senders)
        place(hop.receiver.pid, receivers)


def _repeat(hops: dict[str, Hop], turns: int, numbers: Iterator[int]) -> Measured:
    measured: Measured = {name: [] for name in hops}
    for turn in range(turns):
        number = next(numbers)
        for name in rotated(list(hops), turn):
            measured[name].append(hops[name].slice(number))
    return measured


@contextmanager
def _hops(directory: Path, count: int) -> Iterator[dict[str, Hop]]:
    home = Home(directory / "home")
    home.make_directories()
    home.station_file.write_text("[connector.1]\n", encoding="ascii")
    size = frame_bytes()
    with ExitStack() as stack:
        addresses = {DATAGRAM: str(directory / "datagram"), ZMQ: str(directory / "zmq")}
        if not broker.refusal():
            addresses[MQTT] = str(stack.enter_context(broker.broker(directory)))
        hops = {name: _peer(stack, name, address, count, size) for name, address in addresses.items()}
        hops[OURS] = _ours(stack, home, count)
        yield hops


def _peer(stack: ExitStack, transport: str, address: str, count: int, size: int) -> Hop:
    """A datagram's receiver must be bound first; the others find each other in any order."""
    ends: dict[str, Child] = {}
    for role in ("receive", "send"):
        arguments = (transport, role, address, str(count), str(size))
        ends[role] = stack.enter_context(Child("chargectl.bench.peers", *arguments))
        ends[role].hear(READY_S)
    return Hop(ends["send"], ends["receive"], count)


def _ours(stack: ExitStack, home: Home, count: int) -> Hop:
    ends: dict[str, Child] = {}
    for role in ("send", "receive"):
        child = Child("chargectl.bench.our_hop", role, str(count), CHARGE_HOME=str(home.root))
        ends[role] = stack.enter_context(child)
        ends[role].hear(READY_S)
    return Hop(ends["send"], ends["receive"], count)


def limited(repeats: Sequence[Measured], no_mqtt: str) -> list[Figure]:
    """The promises, and all that was measured with the ends on two cores. Without repeats: there is only one core."""
    wanted = [
        ("one-way p50 / raw Unix datagram", DATAGRAM, "p50_s", DATAGRAM_LIMIT, ""),
        ("one-way p50 / MQTT QoS 0", MQTT, "p50_s", MQTT_LIMIT, no_mqtt),
        ("receiver CPU per message at 1 kHz / blocking pyzmq", ZMQ, "cpu_s", CPU_LIMIT, ""),
    ]
    refusal = "" if repeats else f"needs two processors, this process may use {machine.processors()}"
    figures = [
        not_measured(name, "x", limit, refusal or why_not)
        if refusal or why_not
        else _ratio(name, repeats, peer, field, limit)
        for name, peer, field, limit, why_not in wanted
    ]
    for transport in repeats[0] if repeats else ():
        for field, shown in (("p50_s", "one-way p50"), ("p99_s", "one-way p99"), ("cpu_s", "receiver CPU per message")):
            figures.append(_absolute(f"{WORDS[transport]}: {shown}", repeats, transport, field))
    return figures


def free_figures(repeats: Sequence[Measured]) -> list[Figure]:
    """Placed by the scheduler, cores asleep between messages: no limit, because it is another hop on every machine."""
    return [
        _ratio(f"placed by the scheduler: one-way p50 / {WORDS[peer]}", repeats, peer, "p50_s", None)
        for peer in repeats[0]
        if peer != OURS
    ]


def _values(measured: Measured, name: str, field: str) -> list[float]:
    return [float(getattr(each, field)) * 1e6 for each in measured[name]]


def _ratio(name: str, repeats: Sequence[Measured], peer: str, field: str, limit: float | None) -> Figure:
    runs = [paired_ratio(_values(each, OURS, field), _values(each, peer, field)) for each in repeats]
    return Figure(
        name=name,
        value=median(runs),
        unit="x",
        limit=limit,
        baseline=median([value for each in repeats for value in _values(each, peer, field)]),
        subject=median([value for each in repeats for value in _values(each, OURS, field)]),
        reason="baseline and subject in us",
        runs=tuple(runs),
    )


def _absolute(name: str, repeats: Sequence[Measured], transport: str, field: str) -> Figure:
    runs = tuple(median(_values(each, transport, field)) for each in repeats)
    return Figure(name=name, value=median(runs), unit="us", runs=runs)
