"""One connector: plug, pilot, proximity, contactor, lock and the vehicle at its cable."""

import math
from random import Random

from hardware.interfaces import LockDrive, PilotLevels, PilotMode
from hardware.sim.site.car import Car, Ev
from hardware.sim.site.contactor import Contactor
from hardware.sim.site.description import ConnectorDescription
from hardware.sim.site.faults import ActiveFaults, ArmedFault
from hardware.sim.site.grid import ZERO, Flow, Phases
from hardware.sim.site.lock import Lock
from hardware.sim.site.phase_relay import PhaseRelay
from hardware.sim.site.pilot import PilotOutput, output
from hardware.sim.site.pilot_wire import PilotWire
from hardware.sim.site.residual import ResidualModule
from hardware.sim.site.supply import Supply, supply_of
from hardware.sim.site.upstream import Upstream

CABLE_OHM = {13: 1500.0, 20: 680.0, 32: 220.0, 63: 100.0}
"""Coding resistor of a cable by its ampacity (IEC 61851-1 table B.2)."""
NEVER = float("inf")
Live = tuple[bool, bool, bool]


class Refusal(ValueError):
    """The site cannot do what was asked; the text tells a person why and what to do."""


class Connector:
    def __init__(self, number: int, description: ConnectorDescription, random: Random) -> None:
        self.number = number
        self.description = description
        self.faults = ActiveFaults()
        self.contactor = Contactor(self.faults, random)
        self.phase_relay = PhaseRelay(self.faults) if description.phase_switching else None
        self.upstream = Upstream(self.faults, float(description.max_current_a))
        self.residual = ResidualModule(self.faults) if description.residual_module else None
        self.lock = Lock(self.faults, random, description.lock_release) if description.lock else None
        self.cable_a: int | None = None
        """Ampacity of the cable in the socket; None = no cable, or a fixed one."""
        self.car: Car | None = None
        self.energy_wh = 0.0
        """Physical energy delivered, whatever the meter shows."""
        self.supply = Supply()
        self.wire = PilotWire(self.faults)
        if description.domestic:
            # An appliance knows no pilot: its stand-in is offered what the socket carries, always.
            self.wire.drive(output(PilotMode.PWM, description.max_current_a / 60.0))
        self.plugged_s = self.unplugged_s = 0.0
        self._random = random
        self._was_closed = False
        self._changed = False

    # -- what people do -------------------------------------------------------

    def plug_in(self, ev: Ev, cable_a: int | None, now_s: float) -> None:
        if self.car is not None:
            raise Refusal(f"connector {self.number}: a vehicle is plugged in already; plug_out first")
        if self.description.fixed_cable and cable_a is not None:
            raise Refusal(f"connector {self.number} has a fixed cable: leave out cable_a")
        if not self.description.fixed_cable:
            self._insert_cable(cable_a)
        self.car = self.make_car(ev)
        self.plugged_s = now_s
        self.wire.plug_in(now_s)

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
        self.wire.plug_out()
        if pulls_plug:
            self.cable_a = None

    def make_car(self, ev: Ev) -> Car:
        return Car(ev, self.faults, self._random)

    def vehicle(self) -> Car:
        if self.car is None:
            raise Refusal(f"connector {self.number}: no vehicle is plugged in")
        return self.car

    def set_fault(self, name: str, on: bool, value: float, after_s: float | None, for_s: float, now_s: float) -> None:
        self.faults.armed.pop(name, None)
        if not on:
            self.faults.forget(name)
            self.upstream.repaired(name)
        elif after_s is None:
            self.faults.begin(name, value, for_s, now_s)
        else:
            self.faults.armed[name] = ArmedFault(value, after_s, for_s)
        self._faults_changed(now_s)

    def _faults_changed(self, now_s: float) -> None:
        self._changed = True
        self.wire.reconsider(self._vehicle_ohm(), now_s)
        self.supply = supply_of(self.faults)
        self.contactor.coil_supply = self.supply.coil_share
        self.contactor.reconsider(now_s)
        self.upstream.reconsider()
        if self.phase_relay is not None:
            self.phase_relay.reconsider(now_s)
        if self.lock is not None:
            self.lock.reconsider(now_s)

    @property
    def meter_dark(self) -> bool:
        """Its meter has no supply."""
        behind = self.faults.active("rcd_meter_dark") and not self.upstream.closed
        return behind or self.faults.active("mains_loss")

    # -- what the board drives ------------------------------------------------

    def drive_pilot(self, driven: PilotOutput) -> None:
        self.wire.drive(driven)

    def drive_lock(self, direction: LockDrive, now_s: float) -> None:
        if self.lock is not None:
            self.lock.drive(direction, now_s)

    def select_phases(self, phases: int, now_s: float) -> None:
        if self.phase_relay is not None:
            self.phase_relay.select(phases, now_s)

    def test_residual(self, on: bool, now_s: float) -> None:
        if self.residual is not None:
            self.residual.drive_test(on, now_s)

    # -- what the board reads -------------------------------------------------

    def _vehicle_ohm(self) -> float:
        return math.inf if self.car is None else self.car.pilot_ohm

    def pilot_levels(self, now_s: float) -> PilotLevels:
        return self.wire.levels(self._vehicle_ohm(), now_s)

    def proximity_ohm(self) -> float:
        """inf = open."""
        if self.faults.active("proximity_open"):
            return math.inf
        value = self.faults.value("proximity")
        if value is not None:
            return value
        return math.inf if self.cable_a is None else CABLE_OHM[self.cable_a]

    def live(self) -> Live:
        """Which phases have voltage behind the contactor."""
        poles = self.contactor.poles
        both = self.phase_relay is None or self.phase_relay.closed
        first, second, third = (
            self.upstream.closed
            and poles[phase]
            and (phase == 0 or both)
            and phase < self.description.phases
            and self.supply.source_v[phase] > 0.0
            for phase in range(3)
        )
        return first, second, third

    def output_v(self) -> Phases:
        """Behind the contactor, without the drop of the line."""
        first, second, third = (
            volts if live else 0.0 for volts, live in zip(self.supply.source_v, self.live(), strict=True)
        )
        return first, second, third

    # -- time -----------------------------------------------------------------

    @property
    def charging_since_s(self) -> float | None:
        """Since when the fault clock `after_s` runs: the first current of this plug-in."""
        return None if self.car is None else self.car.charging_since_s

    def next_event_s(self, now_s: float, power_w: float) -> float:
        return min(
            self.wire.next_event_s(),
            self.contactor.next_event_s(),
            NEVER if self.lock is None else self.lock.next_event_s(),
            NEVER if self.car is None else self.car.next_event_s(now_s, power_w),
            self.upstream.next_event_s(),
            NEVER if self.residual is None else self.residual.next_event_s(now_s),
            NEVER if self.phase_relay is None else self.phase_relay.next_event_s(),
            self.faults.due_s(self.charging_since_s),
        )

    def happen(self, coil: bool, now_s: float) -> bool:
        """Everything that is due, and what follows from it at the same instant. True = a fault came or went."""
        if self.faults.strike(now_s, self.charging_since_s):
            self._faults_changed(now_s)
        self.wire.happen(now_s)
        self.contactor.energise(coil, now_s)
        self.contactor.happen(now_s)
        if self.phase_relay is not None:
            self.phase_relay.happen(self.contactor.closed, now_s)
        if self.lock is not None:
            self.lock.happen(now_s)
        self.upstream.happen(now_s)
        live = self.live()
        if self.car is not None:
            self.car.see(self.wire.arrives(), now_s)
            self.car.supply(live, now_s)
            self.car.happen(now_s)
        self._leak(any(live), now_s)
        changed, self._changed = self._changed, False
        return changed

    def _leak(self, live: bool, now_s: float) -> None:
        """Residual currents flow as long as a phase behind the contactor has voltage."""
        dc_ma = self.faults.values.get("residual_dc", 0.0) if live else 0.0
        rms_ma = self.faults.values.get("residual_rms", 0.0) if live else 0.0
        self.upstream.see(rms_ma, max(self.current_a()), now_s)
        if self.residual is not None:
            if self.contactor.closed != self._was_closed:
                self.residual.contacts_moved(now_s)
            self.residual.see(dc_ma, rms_ma, now_s)
            self.residual.happen(now_s)
        self._was_closed = self.contactor.closed

    def current_a(self) -> Phases:
        live = self.live()
        drawn = ZERO if self.car is None else self.car.currents_a(live)
        short_a = self.faults.value("short_circuit")
        if short_a is None or not live[0]:
            return drawn
        return drawn[0] + short_a, drawn[1], drawn[2]

    def absorb(self, flow: Flow, duration_s: float) -> None:
        drawn_wh = flow.power_w * duration_s / 3600.0
        self.energy_wh += drawn_wh
        if self.car is not None:
            self.car.battery.absorb(drawn_wh)

    def put_back(self, car: Car | None, cable_a: int | None, now_s: float) -> None:
        """What stood here before a kill or a power cut; its faults are active already."""
        self.cable_a = None if self.description.fixed_cable else cable_a
        if car is not None:
            self.car = car
            self.wire.restore()
            self.plugged_s = now_s
        self._faults_changed(now_s)
