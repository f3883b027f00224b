"""What people and tests may do with the world: one Struct per operation, checked before anything happens."""

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, structs

from hardware.sim.site import Ev
from hardware.sim.site.faults import FAULTS
from hardware.sim.site.meter import LARGEST_SERIAL
from hardware.sim.site.site import Site

ConnectorName = Annotated[str, Meta(max_length=8)] | int
Seconds = Annotated[float, Meta(ge=0.0, le=1e6)]
WattHours = Annotated[float, Meta(ge=0.0, le=1e9)]


class Operation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="op"):
    """Each has `run`, which acts at once, never waits for anything, and returns what the answer says besides ok."""


class PlugIn(Operation, frozen=True, tag="plug_in"):
    connector: ConnectorName
    ev: Ev = Ev()
    cable_a: int | None = None

    def run(self, site: Site) -> dict[str, Any]:
        site.plug_in(self.connector, self.ev, self.cable_a)
        return {}


class PlugOut(Operation, frozen=True, tag="plug_out"):
    connector: ConnectorName
    force: bool = False
    cable_stays: bool = False

    def run(self, site: Site) -> dict[str, Any]:
        site.plug_out(self.connector, self.force, self.cable_stays)
        return {}


class EvPause(Operation, frozen=True, tag="ev_pause"):
    connector: ConnectorName

    def run(self, site: Site) -> dict[str, Any]:
        site.ev_pause(self.connector)
        return {}


class EvResume(Operation, frozen=True, tag="ev_resume"):
    connector: ConnectorName

    def run(self, site: Site) -> dict[str, Any]:
        site.ev_resume(self.connector)
        return {}


class Swipe(Operation, frozen=True, tag="swipe"):
    id_tag: Annotated[str, Meta(min_length=1, max_length=64)]
    reader: Annotated[str, Meta(min_length=1, max_length=32)] = "reader"
    connectors: Annotated[tuple[Annotated[int, Meta(ge=1, le=99)], ...], Meta(max_length=16)] = ()
    hold_s: Annotated[float, Meta(ge=0.0, le=3600.0)] = 0.0

    def run(self, site: Site) -> dict[str, Any]:
        return {"presentation_id": site.swipe(self.id_tag, self.reader, self.connectors, self.hold_s)}


class Fault(Operation, frozen=True, tag="fault"):
    name: Annotated[str, Meta(max_length=64)]
    connector: ConnectorName
    on: bool
    value: Annotated[float, Meta(ge=-1e9, le=1e9)] | None = None
    after_s: Seconds | None = None
    for_s: Seconds | None = None

    def run(self, site: Site) -> dict[str, Any]:
        site.fault(self.name, self.connector, self.on, self.value, self.after_s, self.for_s)
        return {}


class Faults(Operation, frozen=True, tag="faults"):
    def run(self, site: Site) -> dict[str, Any]:
        del site
        return {
            "faults": {
                name: {"effect": each.effect, "value": each.value, "range": each.range_words}
                for name, each in FAULTS.items()
            }
        }


class Network(Operation, frozen=True, tag="network"):
    up: bool

    def run(self, site: Site) -> dict[str, Any]:
        site.network(self.up)
        return {}


class Meter(Operation, frozen=True, tag="meter"):
    meter: Annotated[str, Meta(max_length=32)]
    energy_wh: WattHours | UnsetType = UNSET
    jump_wh: Annotated[float, Meta(ge=-1e9, le=1e9)] | UnsetType = UNSET
    backwards_wh: WattHours | UnsetType = UNSET
    freeze_energy: bool | UnsetType = UNSET
    timeout: bool | UnsetType = UNSET
    late_s: Annotated[float, Meta(ge=0.0, le=60.0)] | UnsetType = UNSET
    serial: (
        Annotated[int, Meta(ge=0, le=LARGEST_SERIAL)] | Annotated[str, Meta(pattern="^[0-9]{1,10}$")] | UnsetType
    ) = UNSET
    corrupt: bool | UnsetType = UNSET
    nan: bool | UnsetType = UNSET

    def run(self, site: Site) -> dict[str, Any]:
        fields = {name: value for name, value in structs.asdict(self).items() if value is not UNSET and name != "meter"}
        if "serial" in fields:
            fields["serial"] = int(fields["serial"])
        site.meter(self.meter, **fields)
        return {}


class Input(Operation, frozen=True, tag="input"):
    name: Annotated[str, Meta(max_length=32)]
    on: bool | None
    """null = let go: as the contact is wired."""

    def run(self, site: Site) -> dict[str, Any]:
        site.set_input(self.name, self.on)
        return {}


class Wire(Operation, frozen=True, tag="wire"):
    name: Annotated[str, Meta(max_length=32)]
    to: Annotated[str, Meta(max_length=32)]

    def run(self, site: Site) -> dict[str, Any]:
        site.wire(self.name, self.to)
        return {}


class Weather(Operation, frozen=True, tag="weather"):
    ambient_c: float | None = None
    sun_k: float | None = None
    climate: Literal["fan", "heater"] | None = None

    def run(self, site: Site) -> dict[str, Any]:
        site.weather(self.ambient_c, self.sun_k, self.climate)
        return {}


class State(Operation, frozen=True, tag="state"):
    def run(self, site: Site) -> dict[str, Any]:
        return site.state()


AnyOperation = (
    PlugIn | PlugOut | EvPause | EvResume | Swipe | Fault | Faults | Network | Meter | Input | Wire | Weather | State
)  # fmt: skip

ARGUMENTS = {
    "plug_in": "connector, optional ev {phases, max_current_a, ready_after_s, battery_wh, soc_percent, obeys_pwm, "
    "simplified, needs_ventilation, asleep, opens_s2_after_s, draws_after_s, standby_a, mac}, optional cable_a (13, "
    "20, 32, 63)",
    "plug_out": "connector, optional force, cable_stays",
    "ev_pause": "connector",
    "ev_resume": "connector",
    "swipe": "id_tag, optional reader, connectors, hold_s",
    "fault": "name, connector, on, optional value, after_s, for_s",
    "faults": "nothing",
    "network": "up",
    "meter": "meter, and what to preset: energy_wh, jump_wh, backwards_wh, freeze_energy, timeout, late_s, serial, "
    "corrupt, nan",
    "input": "name, on (true, false, or null to let go)",
    "wire": "name of an input, to: the signal it shows; or auxiliary, to: protection, recloser, shunt trip, none",
    "weather": "optional ambient_c, sun_k, climate (fan, heater)",
    "state": "nothing",
}
