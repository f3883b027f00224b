"""The invariants of the station's contacts and of a second contactor in series."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.invariants import Checker, Record

STOPPING = ("emergency_stop", "tilt", "water")
TINY = 1e-5


def unread_or_active(checker: "Checker", record: "Record") -> str:
    """Of 27 and 19: with the coil on, every wired contact that stops power is read, and at rest."""
    if not record.outputs.coil:
        return ""
    for name in STOPPING:
        if name in checker.equipment.inputs:
            read = record.readings.inputs.get(name)
            if read is None or record.now_s - read.sampled_s > 0.5 + TINY:
                return f"coil on, and {name} is not read"
            if read.closed:
                return f"coil on with {name} active"
    return ""


def thirty_nine(checker: "Checker", record: "Record") -> str:
    """Outputs follow their commands where they carry power: the second contactor closes 50 ms before the first one and
    opens 100 ms after it, and the first one never closes while the second is read open."""
    in_series = record.settings.relay_2_pattern == "On while charging" and "relay_2" in checker.equipment.outputs
    if not in_series:
        return "" if not record.outputs.series else "a second contactor that is not there"
    before = checker.before
    was_on = before is not None and before.outputs.series
    if record.outputs.coil and not was_on and not record.started:
        return "the main contactor is on before the second one"
    if record.outputs.coil and checker.on_s == record.now_s:
        driven = record.readings.outputs.get("relay_2")
        if driven is None or not driven.on or record.now_s - driven.since_s < 0.05 - TINY:
            return "the main contactor closes less than 50 ms after the second one"
        if driven.readback is not None and not driven.readback.closed:
            return "the main contactor closes with the second one open"
    # After a gap of the loop the monoflop has opened the main contactor, and everything begins anew.
    begins = any(event.name == "restarted" for event in record.events)
    falls = was_on and not record.outputs.series and not begins
    if falls and (
        record.outputs.coil or (checker.off_s > checker.start_s and record.now_s - checker.off_s < 0.1 - TINY)
    ):
        return "the second contactor opens before the first one, or with it"
    return ""
