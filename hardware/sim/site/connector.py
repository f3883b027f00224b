"""One connector: plug, pilot, proximity, contactor, lock and the vehicle at its cable."""

import math
from random import Random

from hardware.interfaces import LockDrive, PilotLevels, PilotMode
from hardware.sim.site.car import Car, Ev
from hardware.sim.site.contactor import Contactor
from hardware.sim.site.description import ConnectorDescription
from hardware.sim.site.faults import ActiveFaults, ArmedFault
from hardware.sim.site.grid import NOMINAL_V, ZERO, Flow, Phases
from hardware.sim.site.lock import Lock
from hardware.sim.site.memory import CarMemory, ConnectorMemory
from hardware.sim.site.pilot import PilotOutput, levels_v, output

CABLE_OHM = {13: 1500.0, 20: 680.0, 32: 220.0, 63: 100.0}
"""Coding resistor of a cable by its ampacity (IEC 61851-1 table B.2)."""
PILOT_TOUCHES_AFTER_S = 0.020
"""Proximity leads and pilot follows when a plug goes in (IEC 62196-1)."""
NEVER = float("inf")


class Refusal(ValueError):
    """The site cannot do what was asked; the text tells a person why and what to do."""


class Connector:
    def __init__(self, number: int, description: ConnectorDescription, random: Random) -> None:
        self.number = number
        self.description = description
        self.faults = ActiveFaults()
        self.contactor = Contactor(self.faults, random)
        self.lock = Lock(self.faults, random) if description.lock else None
        self.cable_a: int | None = None
        """Ampacity of the cable in the socket; None = no cable, or a fixed one."""
        self.car: Car | None = None
        self.energy_wh = 0.0
        """Physical energy delivered, whatever the meter shows."""
        self.source_v = NOMINAL_V
        self.driven = output(PilotMode.X1, 1.0)
        self.output = self.driven
        self.plugged_s = self.unplugged_s = 0.0
        self._random = random
        self._pilot_touches_at = NEVER
        self._pilot_connected = False
        self._frozen: PilotLevels | None = None

    # -- what people do -------------------------------------------------------

    def plug_in(self, ev: Ev, cable_a: int | None, now_s: float) -> None:
        if self.car is not None:
            raise Refusal(f"connector {self.number}: a vehicle is plugged in already; plug_out first")
        if self.description.fixed_cable and cable_a is not None:
            raise Refusal(f"connector {self.number} has a fixed cable: leave out cable_a")
        if not self.description.fixed_cable:
            self._insert_cable(cable_a)
        self.car = Car(ev, self.faults, self._random)
        self.plugged_s = now_s
        self._pilot_touches_at = now_s + PILOT_TOUCHES_AFTER_S

    def _insert_cable(self, cable_a: int | None) -> None:
        if self.cable_a is not None:
            if cable_a not in (None, self.cable_a):
                raise Refusal(f"connector {self.number}: a {self.cable_a} A cable is in the socket; plug_out first")
            return
        if self.lock is not None and self.lock.locked:
            raise Refusal(f"connector {self.number}: the empty socket is locked, no plug goes in")
        chosen = cable_a if cable_a is not None else (63 if self.description.max_current_a > 32 else 32)
        if chosen not in CABLE_OHM:
            raise Refusal(f"cable_a is one of {', '.join(map(str, CABLE_OHM))}")
        self.cable_a = chosen

    def plug_out(self, cable_stays: bool, force: bool, now_s: float) -> None:
        """Raises Refusal when nothing is plugged, or the bolt holds the plug and no force is used."""
        if self.car is None and (self.cable_a is None or cable_stays):
            raise Refusal(f"connector {self.number}: nothing is plugged in")
        pulls_plug = not self.description.fixed_cable and not cable_stays
        if pulls_plug and self.lock is not None and self.lock.locked and not force:
            raise Refusal(f'connector {self.number} is locked; stop the session, or pull with "force": true')
        if self.car is not None:
            self.unplugged_s = now_s
        self.car = None
        self._pilot_connected = False
        self._pilot_touches_at = NEVER
        if pulls_plug:
            self.cable_a = None

    def vehicle(self) -> Car:
        if self.car is None:
            raise Refusal(f"connector {self.number}: no vehicle is plugged in")
        return self.car

    def set_fault(self, name: str, on: bool, value: float, after_s: float | None, now_s: float) -> None:
        self.faults.armed.pop(name, None)
        if not on:
            self.faults.values.pop(name, None)
        elif after_s is None:
            self.faults.values[name] = value
        else:
            self.faults.armed[name] = ArmedFault(value, after_s)
        self._faults_changed(now_s)

    def _faults_changed(self, now_s: float) -> None:
        if self.faults.active("pilot_frozen"):
            self._frozen = self._frozen or self._sample(now_s)
        else:
            self._frozen = None
        self.source_v = self.faults.values.get("undervoltage", NOMINAL_V)
        self.drive_pilot(self.driven)
        self.contactor.reconsider(now_s)
        if self.lock is not None:
            self.lock.reconsider(now_s)

    # -- what the board drives ------------------------------------------------

    def drive_pilot(self, driven: PilotOutput) -> None:
        self.driven = driven
        if self.faults.active("pwm_stuck"):
            return
        hertz = self.faults.value("pwm_frequency")
        self.output = driven._replace(frequency_hz=hertz) if hertz and driven.mode is PilotMode.PWM else driven

    def drive_lock(self, direction: LockDrive, now_s: float) -> None:
        if self.lock is not None:
            self.lock.drive(direction, now_s)

    # -- what the board reads -------------------------------------------------

    def _load_ohm(self) -> float:
        if self.car is None or not self._pilot_connected or self.faults.active("pilot_open"):
            return math.inf
        return self.car.pilot_ohm

    def _sample(self, now_s: float) -> PilotLevels:
        high, low = levels_v(self.output, self._load_ohm(), self.faults.active("diode"))
        if self.faults.active("pilot_short"):
            high = low = 0.0
        gap = self.faults.value("pilot_gap")
        if gap is not None:
            high, low = gap, low if self.output.mode is PilotMode.PWM else gap
        if self.faults.active("pilot_nan"):
            high = low = math.nan
        return PilotLevels(high, low, self.output.duty, self.output.frequency_hz, now_s)

    def pilot_levels(self, now_s: float) -> PilotLevels:
        return self._frozen or self._sample(now_s)

    def proximity_ohm(self) -> float:
        """inf = open."""
        if self.faults.active("proximity_open"):
            return math.inf
        value = self.faults.value("proximity")
        if value is not None:
            return value
        return math.inf if self.cable_a is None else CABLE_OHM[self.cable_a]

    # -- time -----------------------------------------------------------------

    @property
    def charging_since_s(self) -> float | None:
        """Since when the fault clock `after_s` runs: the first current of this plug-in."""
        return None if self.car is None else self.car.charging_since_s

    def next_event_s(self, now_s: float, power_w: float) -> float:
        return min(
            self._pilot_touches_at,
            self.contactor.next_event_s(),
            NEVER if self.lock is None else self.lock.next_event_s(),
            NEVER if self.car is None else self.car.next_event_s(now_s, power_w),
            self.faults.due_s(self.charging_since_s),
        )

    def happen(self, coil: bool, now_s: float) -> None:
        """Everything that is due, and what follows from it at the same instant."""
        since_s = self.charging_since_s
        if since_s is not None and self.faults.strike(now_s, since_s):
            self._faults_changed(now_s)
        if now_s >= self._pilot_touches_at:
            self._pilot_touches_at = NEVER
            self._pilot_connected = True
        self.contactor.energise(coil, now_s)
        self.contactor.happen(now_s)
        if self.lock is not None:
            self.lock.happen(now_s)
        if self.car is not None:
            lost = not self._pilot_connected or self.faults.active("pilot_open") or self.faults.active("pilot_short")
            self.car.see(None if lost else self.output, now_s)
            self.car.supply(self.contactor.closed and self.source_v > 0.0, now_s)
            self.car.happen(now_s)

    def current_a(self) -> Phases:
        return ZERO if self.car is None else self.car.currents_a(self.description.phases)

    def absorb(self, flow: Flow, duration_s: float) -> None:
        drawn_wh = flow.power_w * duration_s / 3600.0
        self.energy_wh += drawn_wh
        if self.car is not None:
            self.car.battery.absorb(drawn_wh)

    # -- what survives --------------------------------------------------------

    def dump(self) -> ConnectorMemory:
        car = self.car
        return ConnectorMemory(
            energy_wh=self.energy_wh,
            cable_a=self.cable_a,
            car=None if car is None else CarMemory(ev=car.ev, soc_percent=car.battery.soc_percent, paused=car.paused),
            welded=self.contactor.welded,
            closings=self.contactor.closings,
            lock_position=0.0 if self.lock is None else self.lock.position,
            faults=dict(self.faults.values),
            armed={name: (fault.value, fault.after_s) for name, fault in self.faults.armed.items()},
        )

    def load(self, memory: ConnectorMemory, now_s: float) -> None:
        self.energy_wh = memory.energy_wh
        self.cable_a = None if self.description.fixed_cable else memory.cable_a
        self.faults.values.update(memory.faults)
        self.faults.armed.update({name: ArmedFault(*fault) for name, fault in memory.armed.items()})
        self.contactor.restore(memory.welded, memory.closings)
        if self.lock is not None:
            self.lock.position = memory.lock_position
        if memory.car is not None:
            self.car = Car(memory.car.ev, self.faults, self._random)
            self.car.battery.soc_percent = memory.car.soc_percent
            self.car.paused = memory.car.paused
            self._pilot_connected = True
            self.plugged_s = now_s
        self._faults_changed(now_s)
