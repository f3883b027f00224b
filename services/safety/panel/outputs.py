"""What the outputs beside the connectors do, from what the connectors' rules want. Pure."""

from collections.abc import Iterable

from services.safety.state import Outputs


def wanted(connectors: Iterable[Outputs]) -> dict[str, bool]:
    """By name of the output; one that is not wired is simply not driven. The auxiliary relay serves all connectors."""
    auxiliary = ventilation = False
    for outputs in connectors:
        auxiliary = auxiliary or outputs.shunt_trip or outputs.reclose
        ventilation = ventilation or outputs.ventilation
    return {"auxiliary": auxiliary, "ventilation": ventilation}
