"""How a packet of driven outputs reaches the site."""

from hardware.sim.protocol import Outputs
from hardware.sim.site.site import Site


def apply(site: Site, outputs: Outputs) -> None:
    """Drive the site: the feed first, so that a command in the same packet finds the coil enabled."""
    if outputs.feed_s is not None:
        site.feed(outputs.feed_s)
    for number, each in outputs.connectors.items():
        if number not in site.connectors:
            continue
        if each.pilot is not None:
            site.drive_pilot(number, *each.pilot)
        if each.contactor is not None:
            site.command_contactor(number, each.contactor)
        if each.lock is not None:
            site.drive_lock(number, each.lock)
        if each.phases is not None:
            site.select_phases(number, each.phases)
        if each.residual_test is not None:
            site.test_residual(number, each.residual_test)
    for name, on in outputs.station.items():
        site.drive_output(name, on)
