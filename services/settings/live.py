"""Read-only keys that show what other services say: one row per key. Pure."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from bus.topics import SAFETY_CONNECTOR, SYSTEM_EVENTS, SYSTEM_FAULTS, Topic
from schemas.base import Message
from schemas.safety import Contactor, Lock, SafetyConnector
from schemas.settings import place
from schemas.system import EventHistory, ShownFault, StationFaults
from services.clock import iso_utc
from services.settings.table import KEYS
from services.settings.table.key import LONGEST_VALUE

SEPARATOR = "; "


class Live(NamedTuple):
    """To add one: a row in LIVE, and `live=True` in the key's row of the table."""

    name: str
    topic: Topic[Any]
    """A topic by connector gives a value for each (for connector 1 alone where the key is not per connector), one
    without key the station's value."""
    value: Callable[[Any], str | None]
    """From the topic's body; None = there is no value."""
    silent: str | None = None
    """While the owner is not heard."""


Heard = Callable[[Topic[Any], str], Message | None]
"""What holds now on a topic and key; None = nothing is heard, or its owner is silent."""


def live_values(heard: Heard, connectors: int = 1) -> dict[str, str]:
    """Values by place. A key without a value is left out."""
    values: dict[str, str] = {}
    for row in LIVE:
        for number in _connectors(row, connectors):
            body = heard(row.topic, str(number) if number else "")
            value = row.silent if body is None else row.value(body)
            if value is not None:
                values[place(row.name, number)] = value
    return values


def _connectors(row: Live, connectors: int) -> Iterable[int]:
    """0 = the station; a key that not every connector has for itself shows connector 1."""
    if not row.topic.key:
        return (0,)
    return range(1, connectors + 1) if KEYS[row.name].per_connector else (1,)


def socket_words(connector: SafetyConnector) -> str:
    """What a person in front of the connector would call the state of its socket."""
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


def _signaled(connector: SafetyConnector) -> str:
    return f"{round(connector.offered_a, 1):g}"


def _residual_words(connector: SafetyConnector) -> str:
    """What the guide asks of it: protection state, largest values of the last transaction, present values."""
    if not connector.residual_state:
        return "no residual current sensor"
    largest = _milliamperes(connector.residual_max_dc_ma, connector.residual_max_rms_ma)
    now = _milliamperes(connector.residual_dc_ma, connector.residual_rms_ma)
    return SEPARATOR.join((connector.residual_state, f"last transaction at most {largest}", f"now {now}"))


def _milliamperes(dc_ma: float | None, rms_ma: float | None) -> str:
    values = (("DC", dc_ma), ("RMS", rms_ma))
    return ", ".join(f"{name} {'?' if value is None else f'{value:.1f}'} mA" for name, value in values)


def _largest_rms(connector: SafetyConnector) -> str | None:
    return f"{connector.residual_max_rms_ma:.1f}" if connector.residual_state else None


def _largest_dc(connector: SafetyConnector) -> str | None:
    return f"{connector.residual_max_dc_ma:.1f}" if connector.residual_state else None


def _errors(told: StationFaults) -> str:
    return joined([_error(shown) for shown in told.faults])


def _resolutions(told: StationFaults) -> str:
    return joined([shown.instruction for shown in told.faults])


def _events(told: EventHistory) -> str:
    return joined([f"{iso_utc(event.wall_s)} {event.text}" for event in told.events])


def _error(shown: ShownFault) -> str:
    where = f" (connector {shown.fault.connector})" if shown.fault.connector else ""
    return f"{shown.internal_code} {shown.text}".strip() + where


LIVE: tuple[Live, ...] = (
    Live("SocketType2State", SAFETY_CONNECTOR, socket_words, silent="unknown"),
    Live("SignaledCurrentLimit", SAFETY_CONNECTOR, _signaled),
    Live("RCMB_STATE", SAFETY_CONNECTOR, _residual_words),
    Live("RCMBTransactionMaxRMS", SAFETY_CONNECTOR, _largest_rms),
    Live("RCMBTransactionMaxDC", SAFETY_CONNECTOR, _largest_dc),
    Live("RCMBVersion", SAFETY_CONNECTOR, lambda connector: connector.residual_version),
    Live("ContactorCyclesType2", SAFETY_CONNECTOR, lambda connector: str(connector.contactor_cycles)),
    Live(
        "GetCountContactorCyclesType2UnderLoad",
        SAFETY_CONNECTOR,
        lambda connector: str(connector.contactor_load_cycles),
    ),
    Live("Type2PlugCounter", SAFETY_CONNECTOR, lambda connector: str(connector.plug_cycles)),
    Live("ErrorsList", SYSTEM_FAULTS, _errors),
    Live("ErrorResolution", SYSTEM_FAULTS, _resolutions),
    Live("EventsList", SYSTEM_EVENTS, _events),
)
TOPICS: tuple[Topic[Any], ...] = tuple(dict.fromkeys(row.topic for row in LIVE))
