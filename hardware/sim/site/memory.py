"""The facts of a site that survive a kill or a power cut, as plain values."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from hardware.sim.site.car import Ev
from hardware.sim.site.meter import LARGEST_SERIAL
from hardware.sim.site.thermal import AMBIENT_C

Finite = Annotated[float, Meta(ge=-1e12, le=1e12)]
NotNegative = Annotated[float, Meta(ge=0.0, le=1e12)]
Text = Annotated[str, Meta(max_length=4096)]
VERSION = 1
METER_FIELDS = ("serial", "freeze_energy", "timeout", "late_s", "corrupt", "nan")
"""Behaviours of a meter that a person presets."""


class CarMemory(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    ev: Ev
    soc_percent: Annotated[float, Meta(ge=0.0, le=100.0)]
    paused: bool = False
    awake: bool = False
    """It was asleep when it came, and is no longer."""


class ConnectorMemory(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    energy_wh: NotNegative = 0.0
    cable_a: int | None = None
    car: CarMemory | None = None
    welded: bool = False
    closings: Annotated[int, Meta(ge=0)] = 0
    lock_position: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0
    faults: dict[str, Finite] = {}
    armed: dict[str, tuple[Finite, NotNegative]] = {}
    lasting: dict[str, NotNegative] = {}
    """Faults that end by themselves: seconds that remain, or that an armed one will last."""
    pole_welds: tuple[bool, bool, bool] = (False, False, False)
    release_charged: bool = True
    three_phases: bool = True
    """Where the relay of L2 and L3 stands."""
    rcd_closed: bool = True
    mcb_closed: bool = True


class SignerMemory(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of a meter that signs. A record that was not finished is begun again."""

    id_tag: Text = ""
    tariff: Text = ""
    point: Text = ""
    is_open: bool = False
    pagination: Annotated[int, Meta(ge=0, le=2**53)] = 0
    record: Text = ""
    pending: Text = ""


class MeterMemory(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    serial: Annotated[int, Meta(ge=0, le=LARGEST_SERIAL)]
    energy_wh: NotNegative = 0.0
    phase_wh: tuple[NotNegative, NotNegative, NotNegative] = (0.0, 0.0, 0.0)
    freeze_energy: bool = False
    timeout: bool = False
    late_s: NotNegative = 0.0
    corrupt: bool = False
    nan: bool = False
    signer: SignerMemory | None = None


class SiteMemory(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    version: Annotated[int, Meta(ge=VERSION, le=VERSION)] = VERSION
    connectors: dict[str, ConnectorMemory] = {}
    meters: dict[str, MeterMemory] = {}
    inputs: dict[str, bool] = {}
    """Set by hand."""
    wiring: dict[str, Annotated[str, Meta(max_length=32)]] = {}
    """Inputs, and the output `auxiliary`, that are wired to something else than usual."""
    ambient_c: Finite = AMBIENT_C
    sun_k: Finite = 0.0
    climate: Literal["fan", "heater"] = "fan"
    rises_k: dict[str, Finite] = {}
    """How much warmer than what surrounds them the parts are."""
    network_up: bool = True
    cards: Annotated[int, Meta(ge=0)] = 0
    """Presentations so far: their numbers never repeat."""
