"""The physics of one simulated site: pure, event-driven, exact. Start at `site.py`."""

from hardware.sim.site.car import Ev
from hardware.sim.site.connector import Refusal
from hardware.sim.site.description import ConnectorDescription, SiteDescription
from hardware.sim.site.site import Site

__all__ = ["ConnectorDescription", "Ev", "Refusal", "Site", "SiteDescription"]
