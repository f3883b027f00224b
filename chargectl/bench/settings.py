"""`bench settings`: answering for the whole table, changing one key, and starting with all of them.

Composing the answer to GetConfiguration is compared with only encoding the same answer, slice by slice in this process.
A change goes over the bus of a running station, from the request until its consumer (`session`) has said the new
limit; beside it stands what the disk alone takes (append + fdatasync). A start of `settings` is compared with that of a
service that does nothing on the same runner, one after the other; each executes an interpreter of its own.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from bus.envelope import MAJOR_VERSION, Envelope, encode
from bus.topics import ANSWERED, HEARTBEATS, SESSION_CONNECTOR, SETTINGS_CHANGE, SETTINGS_GET_CONFIGURATION
from chargectl.bench.bare_owner import OWNER as BARE
from chargectl.bench.children import end, environment
from chargectl.bench.effort import BenchError, Effort
from chargectl.bench.figures import paired_ratio, quantile
from chargectl.bench.report import Figure
from chargectl.bench.slices import boot_s
from chargectl.bench.stations import RunningStation, make_home, running
from chargectl.bus_client import BusClient
from schemas.base import Answer, Answered
from schemas.settings import ChangeSettingRequest, GetConfigurationRequest
from services.home import parse_station
from services.settings.configuration import Configuration
from services.settings.factory import board_of, factory_values
from services.settings.table import KEYS
from services.settings.values import Values, begin

ANSWER_LIMIT_MS, ENCODE_LIMIT, CHANGE_LIMIT_MS, START_LIMIT = 100.0, 5.0, 50.0, 1.5
LIMIT, LEAST_A, MOST_A = "OperatorCurrentLimit", 8, 31
IN_TIME_S = 5.0


def measure(effort: Effort) -> list[Figure]:
    asks, changes, starts, slices = (20, 40, 3, 10) if effort.quick else (100, 200, 8, 40)
    encoded = [_composed_and_encoded(slices) for _ in range(effort.repeats)]
    answered: list[list[float]] = []
    changed: list[list[float]] = []
    disk: list[list[float]] = []
    started: list[tuple[list[float], list[float]]] = []
    # Where a station's home would be: a file system in memory brings nothing to a disk.
    with TemporaryDirectory(prefix="bench-settings-", dir=os.environ.get("CHARGE_HOME") or Path.cwd()) as directory:
        where = Path(directory)
        with running(make_home(where / "home")) as station:
            station.first_heartbeats()
            for _ in range(effort.repeats):
                answered.append(_asked(station, asks))
                changed.append(_changed(station, changes))
                disk.append(_synced(where / "append", changes))
        for number in range(effort.repeats):
            # the first start makes the store
            pairs = [_start_pair(where / f"start{number}", turn) for turn in range(starts + 1)][1:]
            started.append(([pair[0] for pair in pairs], [pair[1] for pair in pairs]))
    return [
        _answer_figure(answered),
        _encode_figure(encoded),
        _change_figure(changed, disk),
        _start_figure(started),
    ]


# the answer to GetConfiguration


def _values() -> Values:
    station = parse_station("[connector.1]\n[connector.2]\n")
    return begin(factory_values(station), board_of(station), {}, {}).started()


def _configuration() -> Configuration:
    values = _values()
    return Configuration(values.in_force, values.board.dictated, values.board.connectors)


def _composed_and_encoded(slices: int) -> tuple[list[float], list[float]]:
    """Seconds of one composed answer, always the first after a change, and of one only encoded, by slice."""
    values, told = _values().in_force, _configuration()
    lists = told.answer((), {})
    plain = {name: json.loads(text) for name, text in lists.items()}

    def compose() -> None:
        _frame(told.after(values).answer((), {}))

    def encode() -> None:
        _frame({name: msgspec.json.encode(each).decode() for name, each in plain.items()})

    composed: list[float] = []
    encoded: list[float] = []
    for number in range(slices + 1):
        pair: list[tuple[list[float], Callable[[], None]]] = [(encoded, encode)]
        pair.insert(number % 2, (composed, compose))
        for times, act in pair:
            times.append(_each_s(act))
    return composed[1:], encoded[1:]


def _again_s() -> float:
    """Seconds of an answer that is asked for again, nothing having changed."""
    told = _configuration()
    told.answer((), {})
    return _each_s(lambda: _frame(told.answer((), {})))


def _frame(lists: dict[str, str]) -> bytes:
    """As it goes onto the bus."""
    body = Answered(request_id="r" * 36, outcome=Answer.ACCEPTED, values=lists)
    envelope = Envelope(
        version=MAJOR_VERSION, sender="settings", run_id="r", sequence=1, sent_s=1.0, sent_wall_s=1.0, body=body
    )
    return encode(envelope, ANSWERED["settings"], "")


def _each_s(act: Callable[[], object], times: int = 20) -> float:
    """CPU time: what else the machine does meanwhile does not count."""
    began_s = time.thread_time()
    for _ in range(times):
        act()
    return (time.thread_time() - began_s) / times


def _asked(station: RunningStation, count: int) -> list[float]:
    """Seconds from the request for every key to its answer, over the bus."""
    times = []
    with BusClient(station.home, asks=(SETTINGS_GET_CONFIGURATION,)) as client:
        for number in range(count + 1):
            began_s = boot_s()
            client.ask(SETTINGS_GET_CONFIGURATION, GetConfigurationRequest)
            if number:
                times.append(boot_s() - began_s)
    return times


# a change


def _changed(station: RunningStation, count: int) -> list[float]:
    """Seconds from the request until its consumer has said the new limit; the answer comes after the commit."""
    times = []
    with BusClient(station.home, hears=(SESSION_CONNECTOR,), asks=(SETTINGS_CHANGE,)) as client:
        client.wait_for([(SESSION_CONNECTOR, "1")], IN_TIME_S)
        for number in range(count + 1):
            took_s = _one_change(client, LEAST_A + number % (MOST_A - LEAST_A))
            if number:
                times.append(took_s)
    return times


def _one_change(client: BusClient, limit_a: int) -> float:
    began_s = boot_s()
    request = ChangeSettingRequest(
        request_id=client.bus.new_id(), expires_s=began_s + IN_TIME_S, key=LIMIT, value=str(limit_a), actor="bench"
    )
    client.bus.request(SETTINGS_CHANGE, request)
    durable = applied = False
    for received in client.messages(began_s + IN_TIME_S):
        body: Any = received.body
        if isinstance(body, Answered) and body.request_id == request.request_id:
            if body.outcome is not Answer.ACCEPTED:
                raise BenchError(f"settings refuses {limit_a} A: {body.reason}")
            durable = True
        elif received.topic is SESSION_CONNECTOR and received.key == "1":
            applied = applied or any(limit.limit_a == limit_a for limit in body.limits)
        if durable and applied:
            return boot_s() - began_s
    raise BenchError(f"a change was not {'applied' if durable else 'kept'} within {IN_TIME_S:g} s")


def _synced(path: Path, count: int) -> list[float]:
    times = []
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for _ in range(count):
            began_s = time.perf_counter()
            os.write(file, b"OperatorCurrentLimit=16\n")
            os.fdatasync(file)
            times.append(time.perf_counter() - began_s)
    finally:
        os.close(file)
    return times


# a start


def _start_pair(where: Path, turn: int) -> tuple[float, float]:
    """Seconds from the execution to the first heartbeat: of `settings`, of a service that does nothing."""
    if turn % 2:
        bare_s = _start_s(where / "bare", "chargectl.bench.bare_owner", BARE)
        return _start_s(where / "ours", "services.settings", "settings"), bare_s
    ours_s = _start_s(where / "ours", "services.settings", "settings")
    return ours_s, _start_s(where / "bare", "chargectl.bench.bare_owner", BARE)


def _start_s(where: Path, module: str, owner: str) -> float:
    home = make_home(where)
    with BusClient(home, hears=(HEARTBEATS[owner],)) as client:
        began_s = boot_s()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", module],
            env=environment(CHARGE_HOME=str(home.root)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            for received in client.messages(began_s + 30.0):
                if received.sender == owner and received.body.state == "running":
                    return received.sent_s - began_s
        finally:
            end(process)
    raise BenchError(f"{module} did not start within 30 s: run it by hand in {where}")


# figures


def _answer_figure(answered: list[list[float]]) -> Figure:
    runs = tuple(quantile(times, 0.99) * 1e3 for times in answered)
    return Figure(
        name="GetConfiguration of everything over the bus, p99",
        value=median(runs),
        unit="ms",
        limit=ANSWER_LIMIT_MS,
        subject=median(each for times in answered for each in times) * 1e3,
        reason=f"{len(KEYS)} keys; subject: the median, ms",
        runs=runs,
    )


def _encode_figure(encoded: list[tuple[list[float], list[float]]]) -> Figure:
    runs = tuple(paired_ratio(ours, theirs) for ours, theirs in encoded)
    return Figure(
        name="composing and encoding the answer / encoding it",
        value=median(runs),
        unit="x",
        limit=ENCODE_LIMIT,
        baseline=median(each for _, theirs in encoded for each in theirs) * 1e3,
        subject=median(each for ours, _ in encoded for each in ours) * 1e3,
        reason="each time the first answer after a change of a setting; asked for again it takes "
        f"{median(_again_s() for _ in range(20)) * 1e3:.2g} ms; baseline and subject in ms, in one process",
        runs=runs,
    )


def _change_figure(changed: list[list[float]], disk: list[list[float]]) -> Figure:
    runs = tuple(quantile(times, 0.99) * 1e3 for times in changed)
    return Figure(
        name="a change durable and applied by its consumer, p99",
        value=median(runs),
        unit="ms",
        limit=CHANGE_LIMIT_MS,
        baseline=median(quantile(times, 0.99) for times in disk) * 1e3,
        subject=median(each for times in changed for each in times) * 1e3,
        reason="until session says the new limit; baseline: append + fdatasync, p99, ms; subject: the median, ms",
        runs=runs,
    )


def _start_figure(started: list[tuple[list[float], list[float]]]) -> Figure:
    runs = tuple(paired_ratio(ours, theirs) for ours, theirs in started)
    return Figure(
        name="start of settings with the full table / a service that does nothing",
        value=median(runs),
        unit="x",
        limit=START_LIMIT,
        baseline=median(each for _, theirs in started for each in theirs),
        subject=median(each for ours, _ in started for each in ours),
        reason="to the first heartbeat, each in an interpreter of its own; baseline and subject in s",
        runs=runs,
    )
