"""`bench queue`: what it costs to queue a billing message durably, against appending it to a file.

The subject is the store of `message_queue` itself: one commit per message, with the mark of its stream. The limit is
the same bytes appended to a file and brought to the disk (fdatasync). Both are done alternately, one by one, on the
same disk, and each is compared with its neighbour: what else the disk does at that moment slows both. Bytes written
are what the process hands to the kernel (`/proc/self/io`): the write-ahead log, and the checkpoints that carry it into
the file.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from bus.ids import id_source
from bus.streams import Mark
from chargectl.bench.effort import Effort
from chargectl.bench.figures import paired_ratio, quantile
from chargectl.bench.report import Figure, not_measured
from schemas.session import MeterSample, SampledValue, TransactionMeterValues
from services.clock import StationClock
from services.message_queue.rules import composing
from services.message_queue.rules.message import METER_VALUES, Waiting
from services.message_queue.storage.store import QueueStore, opener

TIME_LIMIT, BYTES_LIMIT = 1.25, 6.0
TIME = "durable enqueue / append + fdatasync"
BYTES = "bytes written per byte of payload"
LEAST_SYNC_S = 50e-6
"""A disk that brings bytes to safety faster than this does not do it at all."""
COUNTERS = Path("/proc/self/io")


def measure(effort: Effort) -> list[Figure]:
    messages = 200 if effort.quick else 1000
    repeats = []
    for _ in range(effort.repeats):
        # Where a station's home would be: a file system in memory brings nothing to a disk.
        with TemporaryDirectory(prefix="bench-queue-", dir=os.environ.get("CHARGE_HOME") or Path.cwd()) as directory:
            repeats.append(Repeat(Path(directory), messages))
    return figures(repeats)


class Repeat:
    """One fresh store and one fresh file, filled alternately."""

    def __init__(self, directory: Path, messages: int) -> None:
        self.payload = typical_payload()
        self.ours_s: list[float] = []
        self.theirs_s: list[float] = []
        self.written = 0
        """Bytes, for all messages; 0 where the kernel does not tell."""
        self._clock = StationClock()
        self._new_id = id_source(self._clock)
        self._line = self.payload.encode() + b"\n"
        store = QueueStore(opener(directory / "queue.db"), "bench", self._new_id)
        file = os.open(directory / "append", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            store.open(self._clock.now())
            before = bytes_written()
            for number in range(1, messages + 1):
                pair: list[Callable[[], None]] = [lambda: self._append(file)]
                pair.insert(number % 2, lambda: self._enqueue(store, number))  # noqa: B023
                for turn in pair:
                    turn()
            after = bytes_written()
            if before is not None and after is not None:
                self.written = after - before - messages * len(self._line)
        finally:
            os.close(file)
            store.close()

    def _enqueue(self, store: QueueStore, number: int) -> None:
        message = Waiting(
            position=0,
            message_id=self._new_id(),
            action=METER_VALUES,
            queued_wall_s=self._clock.now().wall_s,
            connector=1,
            transaction_id="0192f0c1-5e3a-7c42-9d10-3b1f6a7c8d9e",
        )
        mark = Mark("the stream of session", number)
        began_s = time.perf_counter()
        store.take(self._clock.now(), mark, message, self.payload)
        self.ours_s.append(time.perf_counter() - began_s)

    def _append(self, file: int) -> None:
        began_s = time.perf_counter()
        os.write(file, self._line)
        os.fdatasync(file)
        self.theirs_s.append(time.perf_counter() - began_s)

    @property
    def ratio(self) -> float:
        return paired_ratio(self.ours_s, self.theirs_s)

    @property
    def bytes_ratio(self) -> float:
        return self.written / (len(self.ours_s) * len(self.payload.encode()))


def typical_payload() -> str:
    """MeterValues as a station sends them: energy, power and the three currents."""
    values = [("Energy.Active.Import.Register", "", "1234567", "Wh"), ("Power.Active.Import", "", "11040", "W")]
    values += [("Current.Import", phase, "16.0", "A") for phase in ("L1", "L2", "L3")]
    sampled = tuple(
        SampledValue(measurand=what, phase=phase, value=value, unit=unit) for what, phase, value, unit in values
    )
    sample = MeterSample(sampled_wall_s=1_800_000_000.0, values=sampled)
    body = composing.meter_values(TransactionMeterValues(transaction_id="t", connector=1, samples=(sample,)))
    assert body is not None
    return composing.text(body)


def bytes_written() -> int | None:
    """By this process since its start; None where the kernel does not tell."""
    try:
        lines = COUNTERS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.partition(":")[2]) for line in lines if line.startswith("wchar")), None)


def figures(repeats: list[Repeat]) -> list[Figure]:
    size = len(repeats[0].payload.encode())
    return [_time(repeats), _bytes(repeats, size), *(_micro(repeats, share) for share in (0.5, 0.99))]


def _time(repeats: list[Repeat]) -> Figure:
    theirs_s = median(each for repeat in repeats for each in repeat.theirs_s)
    if theirs_s < LEAST_SYNC_S:
        return not_measured(TIME, "x", TIME_LIMIT, f"fdatasync takes {theirs_s * 1e6:.0f} us: this is no disk")
    runs = tuple(repeat.ratio for repeat in repeats)
    return Figure(
        name=TIME,
        value=median(runs),
        unit="x",
        limit=TIME_LIMIT,
        baseline=theirs_s * 1e6,
        subject=median(each for repeat in repeats for each in repeat.ours_s) * 1e6,
        reason="baseline and subject in us",
        runs=runs,
    )


def _bytes(repeats: list[Repeat], size: int) -> Figure:
    if not all(repeat.written for repeat in repeats):
        return not_measured(BYTES, "x", BYTES_LIMIT, f"{COUNTERS} cannot be read")
    runs = tuple(repeat.bytes_ratio for repeat in repeats)
    return Figure(
        name=BYTES,
        value=median(runs),
        unit="x",
        limit=BYTES_LIMIT,
        baseline=float(size),
        subject=median(runs) * size,
        reason=f"payload of {size} bytes; log and checkpoints together",
        runs=runs,
    )


def _micro(repeats: list[Repeat], share: float) -> Figure:
    runs = tuple(quantile(repeat.ours_s, share) * 1e6 for repeat in repeats)
    theirs = median(quantile(repeat.theirs_s, share) for repeat in repeats) * 1e6
    return Figure(
        name=f"durable enqueue, p{share * 100:.0f}",
        value=median(runs),
        unit="us",
        baseline=theirs,
        reason="baseline: append + fdatasync",
        runs=runs,
    )
