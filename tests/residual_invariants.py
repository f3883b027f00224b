"""The books of `tests/invariants.py` about residual current (invariants 3 and 33): what went in, what came out."""

from dataclasses import dataclass

from hardware.interfaces import ResidualCurrent
from services.safety.residual.state import Neighbour
from services.safety.settings import SafetySettings
from services.safety.state import Outputs, Readings

TINY = 1e-5
TOLD_WITHIN_S = 2.5
"""A trip that lasts, after a self-test or a start: a second of proof for each, and a quarter between two edges."""
DAY_S = 86_400.0


@dataclass
class ResidualBook:
    tested_s: float | None = None
    """When a self-test passed that still counts; None = none does."""
    fresh_s: float = -1e9
    dc_s: float | None = None
    """Stamp of the first sample of a trip."""
    rms_s: float | None = None
    error: bool = False
    a_since_s: float | None = None
    phase: str = ""
    """Of a self-test: "on", "off"."""
    both_tripped: bool = False
    begins: bool = False
    in_a: bool = False
    pulse_s: float | None = None
    pulse_begins: bool = False
    blind_s: float | None = None
    """When a direct current last flowed, or was a fault, that may have opened the RCD."""
    rcd_closed_s: float | None = None
    """Since when the RCD has been seen closed."""
    unjudged_s: float = -1e9
    """The last step of a self-test, or of a start."""

    def see(self, now_s: float, sample: ResidualCurrent | None, outputs: Outputs, in_a: bool, started: bool) -> None:
        if started:
            self.fresh_s, self.dc_s, self.rms_s, self.error = -1e9, None, None, False
            self.a_since_s, self.phase, self.both_tripped, self.pulse_s = None, "", False, None
            self.rcd_closed_s = None
        self.in_a = in_a
        self.a_since_s = None if not in_a else now_s if self.a_since_s is None else self.a_since_s
        gone = self.a_since_s is not None and now_s - self.a_since_s > 1.0 + TINY
        if gone and self.tested_s is not None and self.a_since_s is not None and self.tested_s < self.a_since_s:
            self.tested_s = None
        if self.tested_s is not None and self.tested_s > now_s:
            self.tested_s = 0.0
        if sample is not None and sample.sampled_s > self.fresh_s:
            self._take_in(sample, now_s)
        self._outputs(outputs, now_s)

    def _take_in(self, sample: ResidualCurrent, now_s: float) -> None:
        self.fresh_s, self.error = sample.sampled_s, sample.device_error
        self.dc_s = None if not sample.dc_tripped else sample.sampled_s if self.dc_s is None else self.dc_s
        self.rms_s = None if not sample.rms_tripped else sample.sampled_s if self.rms_s is None else self.rms_s
        if self.phase == "on" and sample.dc_tripped and sample.rms_tripped:
            self.both_tripped = True
        elif self.phase == "off" and not sample.dc_tripped and not sample.rms_tripped:
            self.tested_s = now_s if self.both_tripped and not sample.device_error else None
            self.phase = ""

    def _outputs(self, outputs: Outputs, now_s: float) -> None:
        self.begins = outputs.residual_test and self.phase != "on"
        if self.begins:
            self.phase, self.both_tripped, self.tested_s = "on", False, None
        elif not outputs.residual_test and self.phase == "on":
            self.phase = "off"
        self.pulse_begins = outputs.reclose and self.pulse_s is None
        self.pulse_s = None if not outputs.reclose else now_s if self.pulse_s is None else self.pulse_s

    def watch_rcd(
        self, now_s: float, readings: Readings, settings: SafetySettings, told: bool, flowed_s: float
    ) -> None:
        """`told`: a direct current is a fault. `flowed_s`: when power may have flowed last."""
        trips = self.dc_s is not None and now_s - self.dc_s > 0.05 + TINY and now_s - flowed_s < 1.0 - TINY
        of_vehicle = trips and not self.in_a and not self.phase
        if settings.rcd != "Off" and (told or of_vehicle):
            self.blind_s = now_s
        closed = _rcd_is_closed(now_s, readings, settings.rcd)
        if closed is False:
            self.rcd_closed_s = None
        elif closed and self.rcd_closed_s is None:
            self.rcd_closed_s = now_s
        since_s = max(self.blind_s or -1e9, self.rcd_closed_s or -1e9)
        if closed and now_s - since_s > 10.0 - TINY:
            # A meter is found silent up to 10 s after.
            self.blind_s = None

    def untold(self, now_s: float, rms_stops: bool) -> str:
        """Which trip should have become a fault by now; empty = none."""
        for name, since_s in (("DC", self.dc_s), ("RMS", self.rms_s if rms_stops else None)):
            if since_s is not None and now_s - max(since_s, self.unjudged_s) > TOLD_WITHIN_S:
                return f"{name} output trips for {now_s - since_s:.3f} s, and nobody told"
        return ""

    def forbids(self, now_s: float, switched_s: float, rms_stops: bool) -> str:
        """Why the coil may not be on; empty = it may. In the step in which it closes no trip is a glitch."""
        if now_s - self.fresh_s > 0.5 + TINY:
            return "residual current module not read"
        if self.error:
            return "residual current module reports an error"
        for since_s in (self.dc_s, self.rms_s if rms_stops else None):
            blanked = 0.0 < now_s - switched_s < 1.0 - TINY and since_s is not None and now_s - since_s < 0.05 + TINY
            if since_s is not None and not blanked:
                return "residual current"
        if self.tested_s is None:
            return "no self-test since state A"
        return "self-test older than 24 h" if now_s - self.tested_s > DAY_S + TINY else ""

    def misuse(self, now_s: float, contacts_open: bool, neighbours: tuple[Neighbour, ...]) -> str:
        """Why winding or reclosing output may not be driven; empty = they may."""
        if self.begins and not (self.in_a and contacts_open):
            return "self-test begins outside of state A, or with closed contacts"
        if self.pulse_s is not None and not contacts_open:
            return "RCD closed with closed contacts"
        if self.pulse_begins and not all(each.dead for each in neighbours):
            return "RCD closed with closed contacts of another connector"
        if self.pulse_begins and (self.blind_s is not None or any(each.by_dc for each in neighbours)):
            return "RCD closed after direct current"
        return "RCD output driven for too long" if self.pulse_s is not None and now_s - self.pulse_s > 0.51 else ""


def _rcd_is_closed(now_s: float, readings: Readings, rcd: str) -> bool | None:
    """None = not known."""
    name = {"On": "rcd", "Opto input": "opto_1"}.get(rcd)
    if name is None:
        by_meter = readings.meter if rcd == "Meter communication loss" else None
        return None if by_meter is None else by_meter.answers
    contact = readings.inputs.get(name)
    return None if contact is None or now_s - contact.sampled_s > 0.5 + TINY else not contact.closed
