"""The one table of all simulated faults, and the set of those that are active on one connector.

A fault of something that all connectors share (a sensor of the housing, the fan, an output, the board) may stand at any
of them.

Adding a fault: one row here, and one question to `ActiveFaults` in the part that it breaks.
"""

from typing import NamedTuple

from schemas.station import OUTPUTS, TEMPERATURES


class SimulatedFault(NamedTuple):
    effect: str
    value: str = ""
    """What the optional value means and in which unit; empty = takes none."""
    default: float = 0.0
    lowest: float = 0.0
    highest: float = 0.0
    value_required: bool = False

    @property
    def range_words(self) -> str:
        """Bounds and default of the value; empty = takes none."""
        if not self.value:
            return ""
        otherwise = "must be given" if self.value_required else f"otherwise {self.default:g}"
        return f"{self.lowest:g} to {self.highest:g}, {otherwise}"


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
    "pilot_stuck_b": SimulatedFault("something holds the positive pilot level at +9 V (state B)"),
    "pilot_adc_offset": SimulatedFault("the pilot's sampling reads so much too high", "V", 0.3, -3.0, 3.0),
    "pilot_adc_gain": SimulatedFault("the pilot's sampling reads so much too far from 0 V", "%", 2.0, -20.0, 20.0),
    "pilot_bounce": SimulatedFault("the plug bounces once: B, nothing, B, within", "ms", 60.0, 1.0, 5000.0),
    "weld": SimulatedFault("the main contacts stay closed; open ones weld at the next closing"),
    "weld_l1": SimulatedFault("the contact of L1 stays closed; an open one welds at the next closing"),
    "weld_l2": SimulatedFault("the contact of L2 stays closed; an open one welds at the next closing"),
    "weld_l3": SimulatedFault("the contact of L3 stays closed; an open one welds at the next closing"),
    "contactor_no_close": SimulatedFault("the contactor does not pull in"),
    "contactor_drops": SimulatedFault("the contactor falls off although its coil is energised"),
    "contactor_slow": SimulatedFault("the contactor takes this much longer", "ms", 60.0, 1.0, 1000.0),
    "contactor_slow_open": SimulatedFault("the contactor takes this much longer to open", "ms", 90.0, 1.0, 1000.0),
    "contactor_bounce": SimulatedFault("mirror contact and main contacts bounce three times 8 ms on closing"),
    "coil_brownout": SimulatedFault(
        "the coil gets so much of its voltage: it falls off below 60 %, pulls from 75 %", "%", 50.0, 0.0, 100.0
    ),
    "phase_relay_stuck": SimulatedFault("the relay of L2 and L3 stays where it is"),
    "lock": SimulatedFault("the lock's motor is blocked"),
    "lock_opens": SimulatedFault("the lock's feedback opens although the bolt is in place"),
    "lock_lies": SimulatedFault("the lock's feedback always says locked"),
    "release_empty": SimulatedFault("the energy store of the emergency release is empty"),
    "residual_dc": SimulatedFault("smooth direct residual current while the output is live", "mA", 6.0, 0.0, 1000.0),
    "residual_rms": SimulatedFault("residual current while the output is live, RMS", "mA", 30.0, 0.0, 1000.0),
    "residual_dead": SimulatedFault("the residual current module's outputs stay low, whatever flows and in a test"),
    "residual_stuck": SimulatedFault("the residual current module's outputs stay high"),
    "residual_device_error": SimulatedFault("the residual current module reports an error of its own"),
    "residual_glitch": SimulatedFault(
        "the residual current module's outputs pulse whenever the contacts switch", "ms", 1.0, 0.1, 1000.0
    ),
    "rcd_trip": SimulatedFault(
        "the RCD trips; it can be re-armed (0), or then trips again (1). Off: repaired and switched on",
        "0 = transient, 1 = permanent",
        0.0,
        0.0,
        1.0,
    ),
    "rcd_meter_dark": SimulatedFault("the meter is behind RCD and circuit breaker: it falls silent with them"),
    "mcb_trip": SimulatedFault("the circuit breaker trips. Off: switched on again"),
    "pe_break": SimulatedFault("protective earth is interrupted"),
    "sign_silent": SimulatedFault("a meter that signs takes its commands and never finishes a record"),
    "sign_refused": SimulatedFault("a meter that signs refuses its commands"),
    "undervoltage": SimulatedFault("the grid sags to a given voltage at this connector", "V", 180.0, 0.0, 230.0),
    "overvoltage": SimulatedFault("the grid rises to a given voltage at this connector", "V", 265.0, 230.0, 440.0),
    "voltage_l1": SimulatedFault("L1 has a given voltage at this connector", "V", 180.0, 0.0, 440.0),
    "voltage_l2": SimulatedFault("L2 has a given voltage at this connector", "V", 180.0, 0.0, 440.0),
    "voltage_l3": SimulatedFault("L3 has a given voltage at this connector", "V", 180.0, 0.0, 440.0),
    "phase_loss": SimulatedFault("a phase is lost at this connector", "1, 2 or 3", 2.0, 1.0, 3.0),
    "phase_rotation": SimulatedFault(
        "the phases are wired wrongly: L1 on L2, L2 on L3, L3 on L1 (1), L1 on L3, L2 on "
        "L1, L3 on L2 (2), L2 and L3 swapped (3)",
        "1, 2 or 3",
        3.0,
        1.0,
        3.0,
    ),
    "frequency": SimulatedFault("the grid has another frequency", "Hz", 51.5, 40.0, 70.0),
    "mains_loss": SimulatedFault(
        "the mains of this connector are gone: contactor, lock motor and meter without supply"
    ),
    "overdraw": SimulatedFault("the vehicle draws so much more than it is offered", "%", 15.0, 0.0, 500.0),
    "short_circuit": SimulatedFault("so much current flows from L1 while the output is live", "A", 200.0, 1.0, 5000.0),
    "s2_chatter": SimulatedFault("the vehicle's S2 opens and closes", "Hz", 5.0, 0.1, 50.0),
    "bcb_toggle": SimulatedFault(
        "a vehicle without an offer closes S2 for so long, every 3 s", "ms", 300.0, 50.0, 2000.0
    ),
    "ventilation": SimulatedFault("the vehicle asks for ventilation: state D instead of C"),
    "fan_stuck": SimulatedFault("the fan stands still although it is on"),
    "output_stuck": SimulatedFault(
        "an output stays as it is, and reads back so",
        ", ".join(f"{place} = {name}" for place, name in enumerate(OUTPUTS, 1)),
        1.0,
        1.0,
        float(len(OUTPUTS)),
    ),
    "board_away": SimulatedFault("the driver loses its hardware: nothing is read, nothing that is driven arrives"),
    **{
        f"temperature_{name}": SimulatedFault(
            f"the temperature sensor {name!r} shows a given value", "degrees C", 90.0, -60.0, 200.0
        )
        for name in TEMPERATURES
    },
    **{f"sensor_open_{name}": SimulatedFault(f"the temperature sensor {name!r} is open") for name in TEMPERATURES},
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
    for_s: float = float("inf")
    """How long it then lasts."""


class ActiveFaults:
    """The faults of one connector: those that act, and those that wait for charging."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.armed: dict[str, ArmedFault] = {}
        self.ends_s: dict[str, float] = {}
        """When an active fault is over by itself."""

    def active(self, name: str) -> bool:
        return name in self.values

    def value(self, name: str) -> float | None:
        """The value of an active fault; None when it is not active."""
        return self.values.get(name)

    def begin(self, name: str, value: float, for_s: float, now_s: float) -> None:
        self.values[name] = value
        self.ends_s.pop(name, None)
        if for_s < float("inf"):
            self.ends_s[name] = now_s + for_s

    def forget(self, name: str) -> None:
        """It is over, and does not strike later either."""
        for kept in (self.values, self.armed, self.ends_s):
            kept.pop(name, None)

    def due_s(self, charging_since_s: float | None) -> float:
        """When the next fault strikes or ends by itself; inf = none."""
        ends_s = min(self.ends_s.values(), default=float("inf"))
        if charging_since_s is None or not self.armed:
            return ends_s
        return min(ends_s, charging_since_s + min(fault.after_s for fault in self.armed.values()))

    def strike(self, now_s: float, charging_since_s: float | None) -> bool:
        """End and begin every fault that is due; True = there was one."""
        ended = [name for name, end_s in self.ends_s.items() if end_s <= now_s]
        for name in ended:
            self.forget(name)
        if charging_since_s is None:
            return bool(ended)
        due = [name for name, fault in self.armed.items() if charging_since_s + fault.after_s <= now_s]
        for name in due:
            fault = self.armed.pop(name)
            self.begin(name, fault.value, fault.for_s, now_s)
        return bool(ended or due)
