"""The configuration keys that `session` obeys, read from the settings snapshot. Pure."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from schemas.settings import SettingsSnapshot

FREE_ID_TAG = "FREE"
"""Id tag of free charging while `RfidTagFreeCharging` is not set."""
LONGEST_ID_TAG = 20


class Keys(NamedTuple):
    revision: int
    free_charging: bool
    free_id_tag: str
    stop_on_unplug: bool
    unlock_on_unplug: bool
    connection_time_out_s: float
    """0 = a card accepted before the vehicle came waits for ever."""
    restart_after_power_loss: bool
    operator_limit_a: float | None
    """None = no such bound."""


def read_keys(snapshot: SettingsSnapshot) -> Keys:
    """A key that is missing or unreadable has its factory value: `settings` refuses wrong values, not we."""
    values = snapshot.values
    tag = values.get("RfidTagFreeCharging", "").strip()
    operator_a = _number(values, "OperatorCurrentLimit", math.nan)
    return Keys(
        revision=snapshot.revision,
        free_charging=_switch(values, "FreeCharging", False),
        free_id_tag=tag if 0 < len(tag) <= LONGEST_ID_TAG else FREE_ID_TAG,
        stop_on_unplug=_switch(values, "StopTransactionOnEVSideDisconnect", True),
        unlock_on_unplug=_switch(values, "UnlockConnectorOnEVSideDisconnect", True),
        connection_time_out_s=_number(values, "ConnectionTimeOut", 45.0),
        restart_after_power_loss=_switch(values, "RestartTransAfterPowerLoss", False),
        operator_limit_a=operator_a if math.isfinite(operator_a) else None,
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
    return number if math.isfinite(number) and number >= 0.0 else default
