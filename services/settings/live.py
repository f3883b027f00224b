"""Read-only keys that show what other services say. Pure."""

from schemas.safety import Contactor, Lock, SafetyConnector
from schemas.system import EventHistory, ShownFault, StationFaults
from services.clock import iso_utc
from services.settings.table.key import LONGEST_VALUE

SEPARATOR = "; "


def live_values(
    connector: SafetyConnector | None, faults: StationFaults | None, events: EventHistory | None
) -> dict[str, str]:
    """Values by key. `connector` is connector 1; None = its owner is not heard. A key without a value is left out."""
    values: dict[str, str] = {"SocketType2State": "unknown" if connector is None else socket_words(connector)}
    if connector is not None:
        values["SignaledCurrentLimit"] = f"{round(connector.offered_a, 1):g}"
    if faults is not None:
        values["ErrorsList"] = joined([_error(shown) for shown in faults.faults])
        values["ErrorResolution"] = joined([shown.instruction for shown in faults.faults])
    if events is not None:
        values["EventsList"] = joined([f"{iso_utc(event.wall_s)} {event.text}" for event in events.events])
    return values


def socket_words(connector: SafetyConnector) -> str:
    """What a person in front of connector 1 would call the state of its socket."""
    if connector.contactor is Contactor.CLOSED:
        state = "vehicle connected, power on"
    elif connector.vehicle_connected:
        state = "vehicle connected"
    elif connector.lock is Lock.NONE:
        state = "no vehicle"
    else:
        state = "plug inserted" if connector.cable_plugged else "empty"
    if connector.lock in (Lock.NONE, Lock.UNKNOWN):
        return state
    return f"{state}, {'lock failed' if connector.lock is Lock.FAILED else connector.lock.value}"


def joined(items: list[str]) -> str:
    """As many items as fit into a configuration value, and how many were left out."""
    text = SEPARATOR.join(items)
    kept = len(items)
    while len(text) > LONGEST_VALUE and kept:
        kept -= 1
        text = SEPARATOR.join([*items[:kept], f"and {len(items) - kept} more"])
    return text


def _error(shown: ShownFault) -> str:
    place = f" (connector {shown.fault.connector})" if shown.fault.connector else ""
    return f"{shown.internal_code} {shown.text}".strip() + place
