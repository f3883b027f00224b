"""One meter over time: when to ask it, what to say of it, when to complain. Pure."""

from dataclasses import dataclass, field

from bus.clock import Now
from hardware.interfaces import RegisterAnswer, RegisterRead
from schemas.base import ActiveFault
from schemas.metering import MeterReading, Quality, Reading
from services.metering.addresses import MountedMeter
from services.metering.plausibility import Judge, energy_wh
from services.metering.registers import Quantity, Sample, decode, plan
from services.metering.ring import Ring

PERIOD_S = 1.0
SILENT_AFTER_S = 5.0
CLEAR_AFTER = 2
"""Good samples in a row that clear every fault."""

FAULT_OF = {
    Quality.SILENT: "meter_silent",
    Quality.IMPLAUSIBLE: "meter_implausible",
    Quality.FROZEN: "meter_frozen",
    Quality.EXCHANGED: "meter_exchanged",
}


@dataclass
class Acquisition:
    """`name` is the key of its topic. Time is given in every call; the meter is asked by the caller."""

    name: str
    mounted: MountedMeter
    ring: Ring = field(default_factory=Ring)

    def __post_init__(self) -> None:
        self.reads: tuple[RegisterRead, ...] = plan(self.mounted.model)
        self.faults: dict[str, ActiveFault] = {}
        self._judge = Judge(self.mounted.model, self.mounted.rated_w)
        self._quality = Quality.UNKNOWN
        self._detail = "not asked yet"
        self._error = ""
        self._reading: Reading | None = None
        self._understood_s: float | None = None
        """When the youngest answer that could be understood was asked for, or the first question."""
        self._latest_s = float("-inf")
        """When the youngest answer of any kind was asked for."""
        self._next_s: float | None = None
        self._owed = False
        self._good_in_a_row = 0

    @property
    def next_s(self) -> float:
        """When the next question is due."""
        return float("-inf") if self._next_s is None else self._next_s

    def begin_second(self, now: Now) -> MeterReading | None:
        """Call when `next_s` has come, then ask the meter.

        Returns what is still to be said of the second before, which brought no answer.
        """
        late = self.report(now) if self._owed else None
        if self._understood_s is None:
            self._understood_s = now.boot_s
        last_s = now.boot_s if self._next_s is None else self._next_s
        self._next_s = last_s + PERIOD_S if now.boot_s < last_s + PERIOD_S else now.boot_s + PERIOD_S
        self._owed = True
        return late

    def take(self, answer: RegisterAnswer, now: Now) -> MeterReading | None:
        """An answer counts for its own question only, whenever it comes; returns what is to be said now."""
        if answer.asked_s <= self._latest_s:
            return None
        self._latest_s = answer.asked_s
        self._error = answer.error
        if not answer.error:
            self._understand(answer, now)
        else:
            self._good_in_a_row = 0
        return self.report(now) if self._owed else None

    def report(self, now: Now) -> MeterReading:
        """What is known of this meter now; settles this second."""
        self._owed = False
        silent = self._understood_s is not None and now.boot_s - self._understood_s > SILENT_AFTER_S
        detail = self._error or self._detail
        if silent:
            self._good_in_a_row = 0
            detail = f"silent for {now.boot_s - (self._understood_s or 0.0):.0f} s: {self._error or 'no answer'}"
        quality = Quality.SILENT if silent else self._quality
        self._follow_faults(quality, detail, now)
        return MeterReading(
            meter=self.name,
            model=self.mounted.model.name,
            serial=self._judge.serial,
            quality=quality,
            reading=self._reading,
            detail=detail[:500],
            signs=self.mounted.model.signing is not None,
        )

    @property
    def serial(self) -> str:
        """Of the meter that is believed now; empty = none yet."""
        return self._judge.serial

    def _understand(self, answer: RegisterAnswer, now: Now) -> None:
        try:
            sample = decode(self.mounted.model, answer.words)
        except ValueError as error:
            self._good_in_a_row = 0
            self._error = str(error)
            return
        self._understood_s = answer.asked_s
        self._quality, self._detail = self._judge.judge(sample, answer.asked_s, answer.answered_s)
        if self._quality is Quality.EXCHANGED:
            self._reading = None
            self.ring.clear()
        if self._quality is Quality.GOOD:
            self._good_in_a_row += 1
            self._reading = _reading(sample, answer.asked_s, now)
            self.ring.add(self._reading)
        else:
            self._good_in_a_row = 0

    def _follow_faults(self, quality: Quality, detail: str, now: Now) -> None:
        code = FAULT_OF.get(quality)
        if code is not None and code not in self.faults:
            self.faults[code] = ActiveFault(
                code=code,
                connector=self.mounted.connector,
                since_wall_s=now.wall_s,
                detail=f"{self.name}: {detail}"[:500],
            )
        elif self._good_in_a_row >= CLEAR_AFTER:
            self.faults.clear()


def _reading(sample: Sample, asked_s: float, now: Now) -> Reading:
    current = sample.phases(Quantity.CURRENT)
    power_factor, sequence = sample.of(Quantity.POWER_FACTOR), sample.of(Quantity.PHASE_SEQUENCE)
    return Reading(
        sampled_s=asked_s,
        sampled_wall_s=max(0.0, now.wall_s - (now.boot_s - asked_s)),
        energy_import_wh=energy_wh(sample),
        power_w=sample.of(Quantity.POWER),
        # meters that count both ways sign the current by the direction of the power
        current_a=None if current is None else (abs(current[0]), abs(current[1]), abs(current[2])),
        voltage_v=sample.phases(Quantity.VOLTAGE),
        power_factor=None if power_factor is None else max(-1.0, min(1.0, power_factor)),
        frequency_hz=sample.of(Quantity.FREQUENCY),
        phase_order=None if sequence is None else -1 if sequence < 0.0 else 1,
    )
