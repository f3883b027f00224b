"""What stands on a simulated site: connectors and meters. No state, no time."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

METER_MODELS = ("eastron_sdm630_v2", "carlo_gavazzi_em580")
"""Meter models whose register map the site can answer."""

SIGNING_MODELS = ("carlo_gavazzi_em580",)
"""Those that sign what they have counted."""

SITE_METER = "site"
SITE_METER_UNIT = 100
"""Modbus unit id of the meter at the grid connection; connector n has unit id n."""


class ConnectorDescription(NamedTuple):
    fixed_cable: bool = False
    lock: bool = True
    mirror_contact: bool = True
    phases: int = 3
    max_current_a: int = 32
    meter: str = METER_MODELS[0]
    """Model of the meter; "none" = no meter on this connector."""
    mirror_normally_closed: bool = False
    """The mirror contact opens with the main contacts."""
    residual_module: bool = True
    output_sense: bool = False
    phase_switching: bool = False
    lock_feedback: bool = True
    lock_release: bool = False
    """An energy store unlocks when the supply is lost."""
    domestic: bool = False
    """A socket without pilot on the auxiliary output: what is plugged in draws whenever there is voltage."""


class SiteDescription(NamedTuple):
    connectors: Mapping[int, ConnectorDescription]
    serial: str = "SIM-0001"
    """Of the station: the serial numbers of the meters are derived from it."""
    seed: int = 1
    """Of every random travel and reaction time."""
    inputs: Mapping[str, bool] = MappingProxyType({})
    """What is wired: name -> it is a normally closed contact."""
    outputs: tuple[str, ...] = ()
    temperatures: tuple[str, ...] = ()
    fan: bool = False


def meter_name(connector: int) -> str:
    return f"connector.{connector}"


def meter_unit(name: str) -> int:
    """Modbus unit id of a meter."""
    return SITE_METER_UNIT if name == SITE_METER else int(name.partition(".")[2])
