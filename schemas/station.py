"""One station, described once: the content of `$CHARGE_HOME/station.toml`. Loaded by `services/home.py`."""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

Port = Annotated[int, Meta(ge=0, le=65535)]


class StationSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    board: Literal["simulated"] = "simulated"
    vendor: Annotated[str, Meta(min_length=1, max_length=20)] = "Open Charge"
    model: Annotated[str, Meta(min_length=1, max_length=20)] = "Simulated AC"
    serial: Annotated[str, Meta(min_length=1, max_length=25)] = "SIM-0001"
    realtime: bool = False
    """Grants `safety` SCHED_FIFO and locked memory. Without it the process runs at ordinary priority."""


class ConnectorSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    cable: Literal["socket", "fixed"] = "socket"
    lock: bool | None = None
    """Default: a socket has a lock, a fixed cable has none."""
    mirror_contact: bool = True
    """Whether the contactor reports its main contacts by a mirror contact (IEC 60947-4-1 annex F)."""
    phases: Annotated[int, Meta(ge=1, le=3)] = 3
    max_current_a: Annotated[int, Meta(ge=6, le=80)] = 32
    meter: str = "eastron_sdm630_v2"
    """Model of the primary meter, a name in the register tables; "none" = no meter."""
    meter_address: str = ""
    """`tcp:HOST:PORT/UNIT`; empty on the simulated board: its own meter of this connector."""

    @property
    def has_lock(self) -> bool:
        return self.lock if self.lock is not None else self.cable == "socket"


class PortsSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """0 = any free port; the port in use stands in `run/ports.json`."""

    world_modbus: Port = 0
    """The simulated meters' Modbus TCP server."""


class CardsSection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    local: tuple[Annotated[str, Meta(min_length=1, max_length=20)], ...] = ()
    """Id tags accepted without a backend."""


class Station(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    station: StationSection = StationSection()
    connector: dict[str, ConnectorSection] = field(default_factory=lambda: {"1": ConnectorSection()})
    ports: PortsSection = PortsSection()
    cards: CardsSection = CardsSection()
    settings: dict[str, str | int | float | bool] = {}
    """Factory values of configuration keys by OCPP name."""

    @property
    def connectors(self) -> dict[int, ConnectorSection]:
        return {int(name): section for name, section in sorted(self.connector.items(), key=lambda item: int(item[0]))}
