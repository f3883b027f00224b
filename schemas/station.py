"""One station, described once: the content of `$CHARGE_HOME/station.toml`. Loaded by `services/home.py`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field, structs

from schemas.board import GpioSection, LinuxSection, McuSection

Port = Annotated[int, Meta(ge=0, le=65535)]


INPUTS = {
    "rcd": "the residual current device has tripped",
    "mcb": "the circuit breaker has tripped",
    "monitoring_relay": "a relay that watches RCD and MCB together reports a trip",
    "line": "230 V sensed at the output, behind the contactor",
    "protective_earth": "protective earth is connected",
    "overcurrent": "the board's own overcurrent detection has struck",
    "opto_1": "first free input",
    "opto_2": "second free input",
    "energy_management": "an external contact limits the current",
    "spd": "the surge protection device is spent",
    "tamper": "the housing is open",
    "tilt": "the station stands askew",
    "water": "there is water in the station",
    "emergency_stop": "the emergency stop is pressed",
    "schuko_mcb": "the circuit breaker of the domestic socket has tripped",
}
"""Digital inputs a board may have, and what an active one says. Those up to `overcurrent` are of one connector: that of
connector 2 is called `rcd.2`."""

CONNECTOR_INPUTS = tuple(INPUTS)[: tuple(INPUTS).index("opto_1")]

OUTPUTS = {
    "auxiliary": "the auxiliary relay: shunt trip, RCD reclosure or the domestic socket, as the settings say",
    "relay_2": "K2: an indicator light, or a second contactor in series",
    "output_1": "first free output",
    "output_2": "second free output",
    "climate": "fan or heater",
    "ventilation": "the room's ventilation, for vehicles that demand it (state D)",
}
"""Digital outputs a board may have."""

TEMPERATURES = {
    "housing": "air inside the housing",
    "cpu": "processor board",
    "rfid": "card reader",
    "relay": "contactor or relay",
    "plug_1": "first pin of the plug",
    "plug_2": "second pin of the plug",
}
"""Temperature sensors a board may have; plug and relay sensors of connector 2 are called `plug_1.2`."""

CONNECTOR_TEMPERATURES = ("relay", "plug_1", "plug_2")
"""Those of one connector; the others are the station's."""


class StationSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    board: Literal["simulated", "mcu", "direct-gpio"] = "simulated"
    """"mcu": a microcontroller owns pilot and contactor; "direct-gpio": lines of this computer do (laboratory only)."""
    vendor: Annotated[str, Meta(min_length=1, max_length=20)] = "Open Charge"
    model: Annotated[str, Meta(min_length=1, max_length=20)] = "Simulated AC"
    serial: Annotated[str, Meta(min_length=1, max_length=25)] = "SIM-0001"
    realtime: bool = False
    """Grants `safety` SCHED_FIFO and locked memory. Without it the process runs at ordinary priority."""


class ConnectorSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    cable: Literal["socket", "fixed", "schuko"] = "socket"
    """"schuko": a domestic socket on the output `auxiliary`, a connector of its own without pilot and lock."""
    lock: bool | None = None
    """Default: a socket has a lock, a fixed cable has none."""
    mirror_contact: bool = True
    """Whether the contactor reports its main contacts by a mirror contact (IEC 60947-4-1 annex F)."""
    mirror_contact_type: Literal["normally open", "normally closed"] = "normally open"
    """How it is wired: an auxiliary contact that closes with the main contacts, or one that opens with them."""
    residual_current: Literal["none", "rdc-dd"] = "rdc-dd"
    """A residual current module with outputs for 6 mA DC and 30 mA RMS and a test input."""
    output_sense: bool = False
    """Voltage of each phase is measured behind the contactor."""
    phase_switching: bool = False
    """A relay of its own switches L2 and L3: charging with one phase or three."""
    lock_actuator: Literal["with feedback", "without feedback", "with emergency release"] = "with feedback"
    phases: Annotated[int, Meta(ge=1, le=3)] = 3
    max_current_a: Annotated[int, Meta(ge=6, le=80)] = 32
    meter: str = "eastron_sdm630_v2"
    """Model of the primary meter, a name in the register tables; "none" = no meter."""
    meter_address: str = ""
    """`tcp:HOST:PORT/UNIT`; empty on the simulated board: its own meter of this connector."""

    @property
    def mounted(self) -> "ConnectorSection":
        """A domestic socket has none of what a connector for vehicles has, one phase and at most 16 A."""
        if self.cable != "schuko":
            return self
        return structs.replace(
            self,
            lock=False,
            mirror_contact=False,
            residual_current="none",
            output_sense=False,
            phase_switching=False,
            phases=1,
            max_current_a=min(self.max_current_a, 16),
        )

    @property
    def has_lock(self) -> bool:
        return self.lock if self.lock is not None else self.cable == "socket"


class PortsSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """0 = any free port; the port in use stands in `run/ports.json`."""

    world_modbus: Port = 0
    """The simulated meters' Modbus TCP server."""


class EquipmentSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is connected to the board's inputs and outputs, by the names of INPUTS, OUTPUTS and TEMPERATURES."""

    inputs: dict[str, Literal["normally open", "normally closed"]] = {}
    """The contacts that are wired; every one that is not listed is not there."""
    outputs: tuple[str, ...] = ("auxiliary", "relay_2", "output_1", "output_2", "climate")
    temperatures: tuple[str, ...] = ("housing", "cpu", "rfid")
    fan: bool = False
    """The fan's speed is measured."""


class CardsSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    local: tuple[Annotated[str, Meta(min_length=1, max_length=20)], ...] = ()
    """Id tags accepted without a backend."""


class Station(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    station: StationSection = StationSection()
    connector: dict[str, ConnectorSection] = field(default_factory=lambda: {"1": ConnectorSection()})
    ports: PortsSection = PortsSection()
    equipment: EquipmentSection = EquipmentSection()
    cards: CardsSection = CardsSection()
    mcu: McuSection | None = None
    gpio: GpioSection | None = None
    linux: LinuxSection = LinuxSection()
    settings: dict[str, str | int | float | bool] = {}
    """Factory values of configuration keys by OCPP name."""

    @property
    def outlet(self) -> int | None:
        """The connector that is a domestic socket; None = there is none."""
        return next((int(name) for name, section in self.connector.items() if section.cable == "schuko"), None)

    @property
    def connectors(self) -> dict[int, ConnectorSection]:
        numbered = sorted(self.connector.items(), key=lambda item: int(item[0]))
        return {int(name): section.mounted for name, section in numbered}
