"""One simulated site: connectors, vehicles, grid, meters, cards. Pure: time comes in, nothing is read from outside.

Event-driven and exact: between two events every current is constant, so energies are products, not approximations.
"""

from random import Random
from typing import Any

from hardware.interfaces import CardSeen
from hardware.sim.site import report, survival
from hardware.sim.site.board_side import BoardSide
from hardware.sim.site.car import Ev
from hardware.sim.site.cards import Cards
from hardware.sim.site.connector import Connector, Refusal
from hardware.sim.site.description import SIGNING_MODELS, SITE_METER, SiteDescription, meter_name
from hardware.sim.site.faults import FAULTS, checked_value, unknown_fault
from hardware.sim.site.grid import NOMINAL, ZERO, Flow, added, connector_voltage_v, on_grid
from hardware.sim.site.memory import METER_FIELDS
from hardware.sim.site.meter import LARGEST_SERIAL, Meter, derived_serial
from hardware.sim.site.monoflop import Monoflop
from hardware.sim.site.thermal import CLIMATE_DEVICES, Thermal
from hardware.sim.site.wiring import Inputs, Outputs

ENERGY_FIELDS = ("energy_wh", "jump_wh", "backwards_wh")
IDLE = Flow(NOMINAL, ZERO, 1.0)
AMBIENT_C = (-60.0, 80.0)
SUN_K = (0.0, 60.0)


class Site(BoardSide):
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
        models = {meter_name(n): each.meter for n, each in description.connectors.items() if each.meter != "none"}
        self.meters = {
            name: Meter(name, derived_serial(description.serial, name), model in SIGNING_MODELS)
            for name, model in (*models.items(), (SITE_METER, ""))
        }
        self.cards = Cards()
        self.inputs = Inputs(description.inputs, self.connectors)
        self.outputs = Outputs(description.outputs, self.connectors)
        faults = {number: connector.faults for number, connector in self.connectors.items()}
        self.thermal = Thermal(description.temperatures, faults, description.fan)
        self.network_up = True
        self.lights: dict[int, tuple[float, float, float, float]] = {}
        self.displays: dict[int, tuple[str, ...]] = {}
        self.flows = dict.fromkeys(self.connectors, IDLE)
        self._currents = dict.fromkeys(self.connectors, ZERO)
        self._due = dict.fromkeys(self.connectors, float("inf"))
        self._rested = (float("-inf"), 0)
        """Time and revision at which nothing more was due."""
        if memory is not None:
            survival.load(self, memory)
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
        if self._happen(touched):
            # What all connectors share may have changed with it: pins, sensors, the supply.
            self.outputs.settle(self.now_s)
            self.thermal.disturbed()
            touched = list(self.connectors)
            self._happen(touched)
        self._measure()
        for number, connector in self.connectors.items():
            if number in touched or self._currents[number] is not ZERO:
                self._due[number] = max(self.now_s, connector.next_event_s(self.now_s, self.flows[number].power_w))

    def _happen(self, touched: list[int]) -> bool:
        """True = a fault came or went."""
        changed = [self.connectors[number].happen(self.monoflop.energised[number], self.now_s) for number in touched]
        return any(changed)

    @property
    def energy_flows(self) -> bool:
        return any(current is not ZERO for current in self._currents.values())

    def _measure(self) -> None:
        """Currents, voltages and power factors from now on."""
        self._currents = {number: connector.current_a() for number, connector in self.connectors.items()}
        drawn = [
            on_grid(current, self.connectors[number].supply.rotation)
            for number, current in self._currents.items()
            if current is not ZERO
        ]
        total = added(drawn) if drawn else ZERO
        power_w = 0.0
        for number, connector in self.connectors.items():
            own = self._currents[number]
            voltage = connector_voltage_v(total, own, connector.supply.source_v, connector.supply.rotation)
            flow = Flow(voltage, own, connector.car.power_factor if connector.car is not None else 1.0)
            self.flows[number] = flow
            if own is not ZERO:
                power_w += flow.power_w
            if (meter := self.meters.get(meter_name(number))) is not None:
                meter.flow, meter.frequency_hz, meter.dark = flow, connector.supply.frequency_hz, connector.meter_dark
                if meter.signer is not None:
                    meter.signer.silent = connector.faults.active("sign_silent")
                    meter.signer.refuses = connector.faults.active("sign_refused")
        voltage = connector_voltage_v(total, ZERO, NOMINAL)
        apparent_va = sum(volts * amps for volts, amps in zip(voltage, total, strict=True))
        # The meter at the grid connection counts the sum of all connectors, whatever the lines between them lose.
        self.meters[SITE_METER].flow = Flow(voltage, total, power_w / apparent_va if apparent_va > 0.0 else 1.0)
        self.thermal.climate_on = self.outputs.pins.get("climate", False)
        self.thermal.heat(self._currents, self.monoflop.energised, self.now_s)

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
        self,
        name: str,
        connector: int | str,
        on: bool,
        value: float | None = None,
        after_s: float | None = None,
        for_s: float | None = None,
    ) -> None:
        """`after_s`: so long after charging began, instead of at once. `for_s`: it then ends by itself."""
        target = self.connector(connector)
        try:
            checked = checked_value(name, value) if on else self._known(name)
        except ValueError as error:
            raise Refusal(str(error)) from error
        lasts_s = float("inf") if for_s is None else for_s
        target.set_fault(name, on, checked, after_s, lasts_s, self.now_s)
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

    def set_input(self, name: str, on: bool | None) -> None:
        """Hold a wired contact active or not, whatever it is wired to; None lets go."""
        self.inputs.set(name, on)
        self.revision += 1

    def wire(self, name: str, source: str) -> None:
        """What an input, or the output `auxiliary`, is wired to; see `wiring.py`."""
        if name == "auxiliary":
            self.outputs.wire(source)
        else:
            self.inputs.wire(name, source)
        self.revision += 1

    def weather(self, ambient_c: float | None = None, sun_k: float | None = None, climate: str | None = None) -> None:
        """Air around the station, what the sun adds to the housing, and what hangs on the output `climate`."""
        ambient_c = self.thermal.ambient_c if ambient_c is None else ambient_c
        sun_k = self.thermal.sun_k if sun_k is None else sun_k
        if not AMBIENT_C[0] <= ambient_c <= AMBIENT_C[1] or not SUN_K[0] <= sun_k <= SUN_K[1]:
            raise Refusal("ambient_c is -60 to 80, sun_k 0 to 60")
        if climate not in (None, *CLIMATE_DEVICES):
            raise Refusal(f"climate is one of {', '.join(CLIMATE_DEVICES)}")
        self.thermal.ambient_c, self.thermal.sun_k = ambient_c, sun_k
        self.thermal.climate_device = climate or self.thermal.climate_device
        self.thermal.disturbed()
        self._settle(list(self.connectors))

    def network(self, up: bool) -> None:
        self.network_up = up

    # -- reports ----------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Everything physical, as JSON-able values."""
        return report.state(self)

    def dump(self) -> dict[str, Any]:
        """What survives a power cut, as JSON-able values."""
        return survival.dump(self)
