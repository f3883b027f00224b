"""What one connector has heard: pilot and plug, meter, and what follows from a message at once. No decisions."""

import math

from bus.clock import Now
from schemas.metering import MeterReading, Quality, Reading
from schemas.safety import SafetyConnector
from services.session.authorization.flow import Pending
from services.session.connectors.readings import Readings
from services.session.keys import Keys
from services.session.limits import effective
from services.session.transactions import rules
from services.session.transactions.record import Phase, Plug, Sample, Transaction
from services.session.transactions.rules import Presence

_LAST_GOOD = frozenset({Quality.GOOD, Quality.SILENT, Quality.IMPLAUSIBLE})
"""What these carry was a good sample when it was taken (`sampled_s`)."""


class Senses:
    def __init__(self) -> None:
        self.safety: SafetyConnector | None = None
        """The latest message that knew the pilot."""
        self.presence = Presence.UNKNOWN
        self.plugged_s = 0.0
        """When the vehicle that is there came, or was first heard of."""
        self.sample: Sample | None = None
        self.latest: Reading | None = None
        """What else the meter said with `sample`."""
        self.readings = Readings()
        self.last_in_force_a: float | None = None
        """What the vehicle was told when `safety` was first heard after the start."""
        self._plug: Plug | None = None
        self._reading: MeterReading | None = None
        self._reading_s = -math.inf

    def hear_safety(self, body: SafetyConnector, transaction: Transaction | None, now: Now) -> None:
        """A message that does not know the pilot changes nothing: `safety` has just started."""
        if not rules.knows_the_pilot(body):
            return
        if self.safety is None:
            stored_a = transaction.limit_a if transaction is not None else None
            self.last_in_force_a = effective.last_in_force(body.offered_a, stored_a)
        seen = self._plug or (transaction.plug if transaction is not None else None)
        found = rules.presence(body, seen)
        self.safety = body
        if found is Presence.PRESENT:
            if self._plug is None or self.presence is Presence.GONE or rules.was_replaced(self._plug, body):
                self.plugged_s = now.boot_s
            self._plug = rules.plug_of(body)
        if found is not Presence.UNKNOWN:
            self.presence = found

    def hear_reading(self, body: MeterReading, now: Now) -> None:
        self._reading, self._reading_s = body, now.boot_s
        if body.quality in _LAST_GOOD and body.reading is not None:
            self.hear_sample(body.reading, body.serial)
            if body.quality is Quality.GOOD:
                self.readings.hear(body.reading, body.serial)

    def hear_ring(self, readings: tuple[Reading, ...]) -> None:
        """What was sampled while nobody listened."""
        for reading in readings:
            self.hear_sample(reading, self.serial)
            self.readings.hear(reading, self.serial)

    def hear_sample(self, reading: Reading, serial: str) -> None:
        """The newest good one counts, whichever way it came."""
        newest = self.sample is None or reading.sampled_s > self.sample.sampled_s
        if reading.energy_import_wh is not None and newest:
            self.sample = Sample(reading.sampled_s, reading.energy_import_wh, serial)
            self.latest = reading

    def presence_at(
        self, outlet: bool, transaction: Transaction | None, pending: Pending | None, keys: Keys | None
    ) -> Presence:
        """A domestic socket (`outlet`) sees no plug: it is in use while somebody is authorized there, or charging is
        free."""
        if not outlet or self.presence is not Presence.PRESENT:
            return self.presence
        runs = transaction is not None and transaction.phase is not Phase.ENDED
        is_free = keys is not None and keys.free_charging and transaction is None
        return Presence.PRESENT if runs or pending is not None or is_free else Presence.GONE

    @property
    def meter_heard(self) -> bool:
        return self._reading is not None

    @property
    def signs(self) -> bool:
        """The meter makes signed records."""
        return self._reading is not None and self._reading.signs

    @property
    def serial(self) -> str:
        """Of the meter whose good samples `metering` keeps; empty = not known, or another one just now."""
        reading = self._reading
        return reading.serial if reading is not None and reading.quality in _LAST_GOOD else ""

    def sample_good(self, now_s: float) -> bool:
        """The meter's latest message was good and has not been silent since."""
        reading = self._reading
        good = reading is not None and reading.quality is Quality.GOOD
        return good and now_s - self._reading_s <= rules.READING_AGE_S
