"""The configuration keys that `message_queue` obeys, read from the settings snapshot. Pure."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from schemas.settings import SettingsSnapshot

NO_BACKEND = "no backend"


class Keys(NamedTuple):
    revision: int
    backend: bool
    """There is one to tell: `ConnectionType` is not "No Backend", and `OCPPBackendJSONURL` is set."""
    attempts: int
    """`TransactionMessageAttempts`; 0 = for ever."""
    retry_interval_s: float
    eichrecht_attempts: int
    """`EichrechtTransactionMessageAttempts`; 0 = for ever, -1 = as `attempts`."""
    retransmit_meter_values: bool
    full_stops_charging: bool
    """`OcppQueueFullAsErrorState`."""
    time_out_s: float
    """`BackendConnectionTimeout`: how long a volatile message waits for its turn."""
    errors: bool = True
    """`ErrorStatusNotifications`."""
    informative: bool = False
    """`InfoStatusNotifications`."""
    minimum_status_s: float = 0.0
    """`MinimumStatusDuration`."""
    vendor: str = ""
    """`ChargePointVendor`."""


BEFORE_SETTINGS = Keys(
    revision=0,
    backend=True,
    attempts=0,
    retry_interval_s=0.0,
    eichrecht_attempts=0,
    retransmit_meter_values=True,
    full_stops_charging=False,
    time_out_s=60.0,
)
"""Until `settings` has been heard nothing is given up, left out, or volatile that could be durable."""


def read_keys(snapshot: SettingsSnapshot) -> Keys:
    """A key that is missing or unreadable has its factory value: `settings` refuses wrong values, not we."""
    values = snapshot.values
    way = values.get("ConnectionType", "").strip().lower()
    return Keys(
        revision=snapshot.revision,
        backend=bool(values.get("OCPPBackendJSONURL", "").strip()) and way != NO_BACKEND,
        attempts=max(0, int(_number(values, "TransactionMessageAttempts", 5.0))),
        retry_interval_s=max(0.0, _number(values, "TransactionMessageRetryInterval", 0.0)),
        eichrecht_attempts=max(-1, int(_number(values, "EichrechtTransactionMessageAttempts", 0.0))),
        retransmit_meter_values=_switch(values, "RetransmitMeterValues", False),
        full_stops_charging=_switch(values, "OcppQueueFullAsErrorState", False),
        time_out_s=max(1.0, _number(values, "BackendConnectionTimeout", 60.0)),
        errors=_switch(values, "ErrorStatusNotifications", True),
        informative=_switch(values, "InfoStatusNotifications", False),
        minimum_status_s=max(0.0, _number(values, "MinimumStatusDuration", 0.0)),
        vendor=values.get("ChargePointVendor", "").strip(),
    )


def _switch(values: Mapping[str, str], key: str, default: bool) -> bool:
    word = values.get(key, "").strip().lower()
    if word in ("true", "1", "on", "yes"):
        return True
    return False if word in ("false", "0", "off", "no") else default


def _number(values: Mapping[str, str], key: str, default: float) -> float:
    try:
        number = float(values.get(key, ""))
    except ValueError:
        return default
    return number if math.isfinite(number) else default
