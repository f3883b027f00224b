"""One simulated site: connectors, vehicles, grid, meters, cards. Pure: time comes in, nothing is read from outside.

Event-driven and exact: between two events every current is constant, so energies are products, not approximations.
"""

import re
from random import Random
from typing import Any

import msgspec

from hardware.interfaces import CardSeen, LockDrive, PilotLevels, PilotMode
from hardware.sim.site import report
from hardware.sim.site.car import Ev
from hardware.sim.site.cards import Cards
from hardware.sim.site.connector import Connector, Refusal
from hardware.sim.site.description import SITE_METER, SiteDescription, meter_name
from hardware.sim.site.faults import FAULTS, checked_value, unknown_fault
from hardware.sim.site.grid import NOMINAL_V, ZERO, Flow, added, connector_voltage_v
from hardware.sim.site.memory import MeterMemory, SiteMemory
from hardware.sim.site.meter import LARGEST_SERIAL, Meter, derived_serial
from hardware.sim.site.monoflop import Monoflop
from hardware.sim.site.pilot import output

MOST_INPUTS = 64
ENERGY_FIELDS = ("energy_wh", "jump_wh", "backwards_wh")
METER_FIELDS = ("serial", "freeze_energy", "timeout", "late_s", "corrupt", "nan")
IDLE = Flow((NOMINAL_V, NOMINAL_V, NOMINAL_V), ZERO, 1.0)


class Site:
    """All times are boot-clock seconds. Operations raise `Refusal` with words for a person, and act at `now_s`."""

    def __init__(self, description: SiteDescription, memory: dict[str, Any] | None = None, now_s: float = 0.0) -> None:
        self.description = description
        self.now_s = now_s
        self.started_s = now_s
        self.revision = 0
        """Counts everything that may have changed a reading."""
        self.connectors = {
            number: Connector(number, each, Random(f"{description.seed}/{number}"))
            for number, each in sorted(description.connectors.items())
        }
        self.monoflop = Monoflop(self.connectors)
        names = [meter_name(number) for number, each in description.connectors.items() if each.meter != "none"]
        self.meters = {name: Meter(name, derived_serial(description.serial, name)) for name in (*names, SITE_METER)}
        self.cards = Cards()
        self.inputs: dict[str, bool] = {}
        self.network_up = True
        self.lights: dict[int, tuple[float, float, float, float]] = {}
        self.displays: dict[int, tuple[str, ...]] = {}
        self.flows = dict.fromkeys(self.connectors, IDLE)
        self._currents = dict.fromkeys(self.connectors, ZERO)
        self._due = dict.fromkeys(self.connectors, float("inf"))
        self._rested = (float("-inf"), 0)
        """Time and revision at which nothing more was due."""
        if memory is not None:
            self._load(memory)
        self._settle(list(self.connectors))

    # -- time -----------------------------------------------------------------

    def next_event_s(self) -> float:
        """When something happens by itself next; inf = never."""
        return min(self.monoflop.next_event_s(), *self._due.values())

    def advance(self, until_s: float) -> None:
        """Let everything happen up to and including `until_s`, in order, each at its own time."""
        if (until_s, self.revision) == self._rested:
            return
        while (event_s := self.next_event_s()) <= until_s:
            self._flow_until(event_s)
            coils = self.monoflop.next_event_s() <= event_s
            self.monoflop.happen(self.now_s)
            self._settle([number for number, due in self._due.items() if coils or due <= event_s])
        self._flow_until(until_s)
        self._rested = (until_s, self.revision)

    def _flow_until(self, until_s: float) -> None:
        duration_s = until_s - self.now_s
        if duration_s <= 0.0:
            return
        self.now_s = until_s
        for number, connector in self.connectors.items():
            if self._currents[number] is not ZERO:
                connector.absorb(self.flows[number], duration_s)
        for meter in self.meters.values():
            if meter.flow.current_a is not ZERO:
                meter.absorb(duration_s)

    def _settle(self, touched: list[int]) -> None:
        """What follows at this instant for these connectors."""
        self.revision += 1
        for number in touched:
            self.connectors[number].happen(self.monoflop.energised[number], self.now_s)
        self._measure()
        for number, connector in self.connectors.items():
            if number in touched or self._currents[number] is not ZERO:
                self._due[number] = max(self.now_s, connector.next_event_s(self.now_s, self.flows[number].power_w))

    @property
    def energy_flows(self) -> bool:
        return any(current is not ZERO for current in self._currents.values())

    def _measure(self) -> None:
        """Currents, voltages and power factors from now on."""
        self._currents = {number: connector.current_a() for number, connector in self.connectors.items()}
        drawn = [current for current in self._currents.values() if current is not ZERO]
        total = added(drawn) if drawn else ZERO
        power_w = 0.0
        for number, connector in self.connectors.items():
            own = self._currents[number]
            voltage = connector_voltage_v(total, own, connector.source_v)
            flow = Flow(voltage, own, connector.car.power_factor if connector.car is not None else 1.0)
            self.flows[number] = flow
            if own is not ZERO:
                power_w += flow.power_w
            if (meter := self.meters.get(meter_name(number))) is not None:
                meter.flow = flow
        voltage = connector_voltage_v(total, ZERO, NOMINAL_V)
        apparent_va = sum(volts * amps for volts, amps in zip(voltage, total, strict=True))
        # The meter at the grid connection counts the sum of all connectors, whatever the lines between them lose.
        self.meters[SITE_METER].flow = Flow(voltage, total, power_w / apparent_va if apparent_va > 0.0 else 1.0)

    # -- what people and vehicles do -------------------------------------------

    def connector(self, name: int | str) -> Connector:
        """By number, or by its name as in `state`."""
        number = int(name) if isinstance(name, int) or (name.isascii() and name.isdecimal()) else -1
        if number not in self.connectors:
            raise Refusal(f"no connector {name!r}; there are {', '.join(map(str, self.connectors))}")
        return self.connectors[number]

    def plug_in(self, connector: int | str, ev: Ev | None = None, cable_a: int | None = None) -> None:
        """Cable and vehicle. `cable_a`: 13, 20, 32 or 63; by default one that fits the connector."""
        target = self.connector(connector)
        target.plug_in(ev or Ev(), cable_a, self.now_s)
        self._settle([target.number])

    def plug_out(self, connector: int | str, force: bool = False, cable_stays: bool = False) -> None:
        """`cable_stays`: unplugged at the vehicle, the cable remains in the socket."""
        target = self.connector(connector)
        target.plug_out(cable_stays, force, self.now_s)
        self._settle([target.number])

    def ev_pause(self, connector: int | str) -> None:
        target = self.connector(connector)
        target.vehicle().pause(self.now_s)
        self._settle([target.number])

    def ev_resume(self, connector: int | str) -> None:
        target = self.connector(connector)
        target.vehicle().resume(self.now_s)
        self._settle([target.number])

    def swipe(self, id_tag: str, reader: str = "reader", connectors: tuple[int, ...] = (), hold_s: float = 0.0) -> str:
        """Returns the presentation id."""
        try:
            return self.cards.hold(id_tag, reader, connectors, hold_s, self.now_s)
        except ValueError as error:
            raise Refusal(str(error)) from error

    def take_cards(self) -> list[CardSeen]:
        return self.cards.take(self.now_s)

    def fault(
        self, name: str, connector: int | str, on: bool, value: float | None = None, after_s: float | None = None
    ) -> None:
        """`after_s`: so long after charging began, instead of at once."""
        target = self.connector(connector)
        try:
            checked = checked_value(name, value) if on else self._known(name)
        except ValueError as error:
            raise Refusal(str(error)) from error
        target.set_fault(name, on, checked, after_s, self.now_s)
        self._settle([target.number])

    @staticmethod
    def _known(name: str) -> float:
        if name not in FAULTS:
            raise ValueError(unknown_fault(name))
        return 0.0

    def meter(self, name: str, **fields: Any) -> None:
        """Preset the register (`ENERGY_FIELDS`) or a behaviour (`METER_FIELDS`) of a meter."""
        meter = self.meters.get(name)
        if meter is None:
            raise Refusal(f"no meter {name!r}; there are {', '.join(self.meters)}")
        for field in fields:
            if field not in (*ENERGY_FIELDS, *METER_FIELDS):
                raise Refusal(f"a meter has no {field!r}; it has {', '.join((*ENERGY_FIELDS, *METER_FIELDS))}")
        if not 0 <= fields.get("serial", 0) <= LARGEST_SERIAL:
            raise Refusal(f"the serial number of a meter is 0 to {LARGEST_SERIAL}")
        if any(field in fields for field in ENERGY_FIELDS):
            jump_wh = fields.get("jump_wh", 0.0) - fields.get("backwards_wh", 0.0)
            try:
                meter.preset(fields.get("energy_wh", meter.energy_wh) + jump_wh)
            except ValueError as error:
                raise Refusal(str(error)) from error
        for field in METER_FIELDS:
            setattr(meter, field, fields.get(field, getattr(meter, field)))

    def set_input(self, name: str, on: bool) -> None:
        if not re.fullmatch(r"[a-z0-9_.]{1,32}", name):
            raise Refusal("an input's name is 1 to 32 small letters, digits, dots and underscores")
        if name not in self.inputs and len(self.inputs) >= MOST_INPUTS:
            raise Refusal(f"there are {MOST_INPUTS} inputs already")
        self.inputs[name] = on

    def network(self, up: bool) -> None:
        self.network_up = up

    # -- what the board drives and reads ----------------------------------------

    def feed(self, stamp_s: float) -> None:
        self.monoflop.feed(stamp_s, self.now_s)

    def drive_pilot(self, connector: int, mode: PilotMode, duty: float) -> None:
        self.connectors[connector].drive_pilot(output(mode, duty))
        self._settle([connector])

    def command_contactor(self, connector: int, closed: bool) -> None:
        self.monoflop.command(connector, closed, self.now_s)
        self._settle([connector])

    def drive_lock(self, connector: int, direction: LockDrive) -> None:
        self.connectors[connector].drive_lock(direction, self.now_s)
        self._settle([connector])

    def pilot_levels(self, connector: int) -> PilotLevels:
        return self.connectors[connector].pilot_levels(self.now_s)

    def proximity_ohm(self, connector: int) -> float | None:
        """None = a fixed cable has no proximity contact; inf = open."""
        target = self.connectors[connector]
        return None if target.description.fixed_cable else target.proximity_ohm()

    def mirror(self, connector: int) -> bool | None:
        """None = not fitted."""
        target = self.connectors[connector]
        return target.contactor.mirror_closed if target.description.mirror_contact else None

    def lock_feedback(self, connector: int) -> bool | None:
        """None = no lock mounted."""
        lock = self.connectors[connector].lock
        return None if lock is None else lock.feedback_locked

    def show_light(self, connector: int, light: tuple[float, float, float, float]) -> None:
        self.lights[connector] = light

    def show_text(self, connector: int, lines: tuple[str, ...]) -> None:
        self.displays[connector] = lines

    # -- reports ----------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Everything physical, as JSON-able values."""
        return report.state(self)

    def dump(self) -> dict[str, Any]:
        """What survives a power cut, as JSON-able values."""
        memory = SiteMemory(
            connectors={str(number): connector.dump() for number, connector in self.connectors.items()},
            meters={
                meter.name: MeterMemory(
                    energy_wh=meter.energy_wh,
                    phase_wh=meter.phase_wh,
                    **{field: getattr(meter, field) for field in METER_FIELDS},
                )
                for meter in self.meters.values()
            },
            inputs=dict(self.inputs),
            network_up=self.network_up,
            cards=self.cards.presentations,
        )
        plain: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(memory))
        return plain

    def _load(self, plain: dict[str, Any]) -> None:
        """Raises msgspec.ValidationError. Connectors and meters that are no longer described are forgotten."""
        memory = msgspec.convert(plain, SiteMemory)
        for number, connector in self.connectors.items():
            if str(number) in memory.connectors:
                connector.load(memory.connectors[str(number)], self.now_s)
        for name, meter in self.meters.items():
            if name in memory.meters:
                kept = memory.meters[name]
                meter.energy_wh, meter.phase_wh = kept.energy_wh, kept.phase_wh
                for field in METER_FIELDS:
                    setattr(meter, field, getattr(kept, field))
        self.inputs.update(memory.inputs)
        self.network_up = memory.network_up
        self.cards.presentations = memory.cards
