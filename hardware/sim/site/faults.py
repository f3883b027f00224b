"""The one table of all simulated faults, and the set of those that are active on one connector.

Adding a fault: one row here, and one question to `ActiveFaults` in the part that it breaks.
"""

from typing import NamedTuple


class SimulatedFault(NamedTuple):
    effect: str
    value: str = ""
    """What the optional value means and in which unit; empty = takes none."""
    default: float = 0.0
    lowest: float = 0.0
    highest: float = 0.0
    value_required: bool = False


FAULTS: dict[str, SimulatedFault] = {
    "diode": SimulatedFault("the vehicle's diode is shorted: the negative pilot level is loaded too"),
    "pilot_short": SimulatedFault("pilot shorted to earth: 0 V (state E)"),
    "pilot_open": SimulatedFault("pilot wire broken: 12 V at the station, nothing at the vehicle"),
    "pilot_gap": SimulatedFault("the positive pilot level reads a given voltage", "V", 7.5, -13.0, 13.0),
    "pilot_frozen": SimulatedFault("the pilot's sampling stops: value and time stamp stand still"),
    "pilot_nan": SimulatedFault("the pilot's sampling delivers not-a-number"),
    "pwm_stuck": SimulatedFault("the pilot's output stays as it is, whatever is driven"),
    "pwm_frequency": SimulatedFault("the pilot's output has another frequency", "Hz", 900.0, 1.0, 10_000.0),
    "proximity": SimulatedFault("the proximity contact reads a given resistance", "ohm", 350.0, 0.0, 1e6, True),
    "proximity_open": SimulatedFault("the proximity contact is interrupted"),
    "weld": SimulatedFault("the main contacts stay closed; open ones weld at the next closing"),
    "contactor_no_close": SimulatedFault("the contactor does not pull in"),
    "contactor_drops": SimulatedFault("the contactor falls off although its coil is energised"),
    "contactor_slow": SimulatedFault("the contactor takes this much longer", "ms", 60.0, 1.0, 1000.0),
    "contactor_bounce": SimulatedFault("mirror contact and main contacts bounce three times 8 ms on closing"),
    "lock": SimulatedFault("the lock's motor is blocked"),
    "lock_opens": SimulatedFault("the lock's feedback opens although the bolt is in place"),
    "s2_chatter": SimulatedFault("the vehicle's S2 opens and closes", "Hz", 5.0, 0.1, 50.0),
    "undervoltage": SimulatedFault("the grid sags to a given voltage at this connector", "V", 180.0, 0.0, 230.0),
}


def unknown_fault(name: str) -> str:
    return f"unknown fault {name!r}; known: {', '.join(sorted(FAULTS))}"


def checked_value(name: str, value: float | None) -> float:
    """The value to use for a fault.

    Raises ValueError, in words for a person, for an unknown name and a missing, superfluous or impossible value.
    """
    fault = FAULTS.get(name)
    if fault is None:
        raise ValueError(unknown_fault(name))
    if value is None:
        if fault.value_required:
            raise ValueError(f"fault {name!r} needs a value: {fault.value}, {fault.lowest:g} to {fault.highest:g}")
        return fault.default
    if not fault.value:
        raise ValueError(f"fault {name!r} takes no value")
    if not fault.lowest <= value <= fault.highest:
        raise ValueError(f"fault {name!r}: value is in {fault.value}, {fault.lowest:g} to {fault.highest:g}")
    return value


class ArmedFault(NamedTuple):
    value: float
    after_s: float
    """Seconds after charging began."""


class ActiveFaults:
    """The faults of one connector: those that act, and those that wait for charging."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.armed: dict[str, ArmedFault] = {}

    def active(self, name: str) -> bool:
        return name in self.values

    def value(self, name: str) -> float | None:
        """The value of an active fault; None when it is not active."""
        return self.values.get(name)

    def due_s(self, charging_since_s: float | None) -> float:
        """When the next armed fault strikes; inf = none, or not charging."""
        if charging_since_s is None or not self.armed:
            return float("inf")
        return charging_since_s + min(fault.after_s for fault in self.armed.values())

    def strike(self, now_s: float, charging_since_s: float) -> bool:
        """Activate every armed fault that is due; True = there was one."""
        due = [name for name, fault in self.armed.items() if charging_since_s + fault.after_s <= now_s]
        for name in due:
            self.values[name] = self.armed.pop(name).value
        return bool(due)
