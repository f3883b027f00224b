"""The session service with a meter that signs, as `session_cell.py` has one that does not.

The stand-in for `metering` signs as little as possible: a record is the transaction's id, its kind and the register.
What the meter keeps outlives every process.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from msgspec import structs

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.envelope import Received, decode
from bus.topics import METERING_SIGN, SESSION_PERMISSION
from schemas.base import Answer
from schemas.metering import MeterReading, SignContext, SignRequest
from services.session.transactions.signed import FORMAT
from tests.virtual.session_cell import Metering, SessionCell, make_cell
from tests.virtual_station import Wiring

SIGNS_FOR_S = 0.4


@dataclass
class SigningMeter:
    open_id: str = ""
    records: dict[tuple[str, SignContext], str] = field(default_factory=dict)
    begun: list[str] = field(default_factory=list)
    """Every transaction that it has begun."""
    refuses: bool = False

    def sign(self, request: SignRequest, register_wh: int) -> str:
        """Empty: refused."""
        key = (request.transaction_id, request.context)
        if self.refuses:
            return ""
        if key not in self.records:
            if request.context is SignContext.BEGIN:
                self.begun.append(request.transaction_id)
                self.open_id = request.transaction_id
            elif self.open_id != request.transaction_id:
                return ""
            self.records[key] = f"{request.transaction_id} {request.context} {register_wh}"
        return self.records[key]


class _Signs:
    """Everything the meter says carries that it signs."""

    def __init__(self, bus: Endpoint) -> None:
        self._bus = bus

    def __getattr__(self, name: str) -> Any:
        return getattr(self._bus, name)

    def publish(self, topic: Any, body: Any, **named: Any) -> None:
        self._bus.publish(topic, structs.replace(body, signs=True) if isinstance(body, MeterReading) else body, **named)


class SigningMetering(Metering):
    def __init__(self, bus: Endpoint, cell: SessionCell, meter: SigningMeter) -> None:
        super().__init__(_Signs(bus), cell)  # type: ignore[arg-type]
        self.meter = meter
        self.jobs: list[tuple[float, SignRequest]] = []

    def on_message(self, message: Received, now: Now) -> None:
        super().on_message(message, now)
        if message.topic is METERING_SIGN:
            self.jobs.append((now.boot_s + SIGNS_FOR_S, message.body))

    def on_time(self, now: Now) -> float:
        next_s = super().on_time(now)
        while self.jobs and now.boot_s >= self.jobs[0][0]:
            request = self.jobs.pop(0)[1]
            record = self.meter.sign(request, self.world.shown_wh)
            if record:
                self.bus.answer(request.request_id, Answer.ACCEPTED, values={"record": record})
            else:
                self.bus.answer(request.request_id, Answer.REJECTED, "the meter refuses")
        return min([next_s, *(at_s for at_s, _ in self.jobs)])


def make_signing_cell(home: Path, **keys: str) -> tuple[SessionCell, SigningMeter]:
    meter = SigningMeter()
    cell = make_cell(home, **keys)
    cell.kill("metering")
    cell.wirings["metering"] = Wiring((), (), lambda context: SigningMetering(context.bus, cell, meter))
    cell.start("metering")
    cell.kill("session")
    cell.start("session")

    def is_recorded(owner: str, frame: bytes) -> None:
        """No power before the begin record is stored."""
        if owner != "session" or (message := decode(frame)).topic is not SESSION_PERMISSION:
            return
        if message.body.may_charge and not message.resent and "session" in cell.processes:
            samples = cell.service.store.samples_of(message.body.transaction_id)
            assert samples, "permission without a begin record in the journal"
            assert samples[0].values[0].format == FORMAT, "permission without a begin record in the journal"

    cell.hub.taps.append(is_recorded)
    return cell, meter
