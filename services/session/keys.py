"""The configuration keys that `session` obeys, read from the settings snapshot. Pure."""

import math
from collections.abc import Mapping
from typing import NamedTuple

from schemas.settings import SettingsSnapshot, place

FREE_ID_TAG = "FREE"
"""Id tag of free charging while `RfidTagFreeCharging` is not set."""
LONGEST_ID_TAG = 20
MOST_CONNECTORS = 100
"""Their numbers have two digits (`schemas/units.py` ConnectorNumber)."""
ENERGY = "Energy.Active.Import.Register"
NO_BACKEND = "No Backend"
DISABLED = "Disabled"
OPERATOR_LIMIT = "OperatorCurrentLimit"
IMMEDIATELY = "ImmediatelyWhenPlugged"
"""Of `AllowOfflineTxForUnknownId`: without a connection plugging in begins a transaction, as in free charging."""
LONGEST_AUTHORIZE_S = 30.0
"""Nobody stands in front of a reader longer, whatever `BackendConnectionTimeout` says."""


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
    backend: bool = False
    """There is one to ask: `ConnectionType` is not "No Backend", and `OCPPBackendJSONURL` is set."""
    authorize_s: float = LONGEST_AUTHORIZE_S
    """How long the backend has to answer an Authorize."""
    cache: bool = True
    """`AuthorizationCacheEnabled`."""
    local_pre_authorize: bool = False
    local_authorize_offline: bool = True
    unknown_offline: bool = False
    """`AllowOfflineTxForUnknownId` is not Off."""
    open_offline: bool = False
    """It is ImmediatelyWhenPlugged."""
    authorize_remote: bool = True
    """`AuthorizeRemoteTxRequests`."""
    stop_on_invalid_id: bool = True
    queue_full_pauses: bool = False
    """`OcppQueueFullAsErrorState`."""
    sample_interval_s: float = 0.0
    """`MeterValueSampleInterval`; 0 = no samples."""
    sampled_data: tuple[str, ...] = (ENERGY,)
    stop_sampled_data: tuple[str, ...] = (ENERGY,)
    """`StopTxnSampledData`; empty = no values in StopTransaction (OCPP 1.6 section 3.16.5)."""
    installation_limit_a: float | None = None
    """`InstallationCurrentLimit`: what the supply line carries; None = no such bound."""
    phase_switching: bool = False
    """`PhaseSwitchingFunction` is not Disabled."""
    phase_switching_supported: bool = False
    """`ConnectorSwitch3to1PhaseSupported`."""
    own_operator_limits_a: tuple[tuple[int, float], ...] = ()
    """`OperatorCurrentLimit[2]` and so on: (connector, amperes), of those that have one of their own."""

    def operator_a(self, connector: int) -> float | None:
        """The bound of this connector; None = none."""
        return dict(self.own_operator_limits_a).get(connector, self.operator_limit_a)


def read_keys(snapshot: SettingsSnapshot) -> Keys:
    """A key that is missing or unreadable has its factory value: `settings` refuses wrong values, not we."""
    values = snapshot.values
    tag = values.get("RfidTagFreeCharging", "").strip()
    operator_a = _number(values, OPERATOR_LIMIT, math.nan)
    installation_a = _number(values, "InstallationCurrentLimit", math.nan)
    url = values.get("OCPPBackendJSONURL", "").strip()
    return Keys(
        revision=snapshot.revision,
        free_charging=_switch(values, "FreeCharging", False),
        free_id_tag=tag if 0 < len(tag) <= LONGEST_ID_TAG else FREE_ID_TAG,
        stop_on_unplug=_switch(values, "StopTransactionOnEVSideDisconnect", True),
        unlock_on_unplug=_switch(values, "UnlockConnectorOnEVSideDisconnect", True),
        connection_time_out_s=_number(values, "ConnectionTimeOut", 45.0),
        restart_after_power_loss=_switch(values, "RestartTransAfterPowerLoss", False),
        operator_limit_a=operator_a if math.isfinite(operator_a) else None,
        installation_limit_a=installation_a if math.isfinite(installation_a) else None,
        backend=bool(url) and values.get("ConnectionType", "").strip().lower() != NO_BACKEND.lower(),
        authorize_s=min(max(1.0, _number(values, "BackendConnectionTimeout", 60.0)), LONGEST_AUTHORIZE_S),
        cache=_switch(values, "AuthorizationCacheEnabled", True),
        local_pre_authorize=_switch(values, "LocalPreAuthorize", False),
        local_authorize_offline=_switch(values, "LocalAuthorizeOffline", True),
        unknown_offline=_switch(values, "AllowOfflineTxForUnknownId", False) or _opens_offline(values),
        open_offline=_opens_offline(values),
        authorize_remote=_switch(values, "AuthorizeRemoteTxRequests", True),
        stop_on_invalid_id=_switch(values, "StopTransactionOnInvalidId", True),
        queue_full_pauses=_switch(values, "OcppQueueFullAsErrorState", False),
        sample_interval_s=_number(values, "MeterValueSampleInterval", 0.0),
        # An empty list means the register (test case TC_070).
        sampled_data=_list(values, "MeterValuesSampledData", ENERGY) or (ENERGY,),
        stop_sampled_data=_list(values, "StopTxnSampledData", ENERGY),
        phase_switching=values.get("PhaseSwitchingFunction", DISABLED).strip().lower() not in ("", DISABLED.lower()),
        phase_switching_supported=_switch(values, "ConnectorSwitch3to1PhaseSupported", False),
        own_operator_limits_a=_own_numbers(values, OPERATOR_LIMIT),
    )


def _switch(values: Mapping[str, str], key: str, default: bool) -> bool:
    word = values.get(key, "").strip().lower()
    if word in ("true", "1", "on", "yes"):
        return True
    return False if word in ("false", "0", "off", "no") else default


def _opens_offline(values: Mapping[str, str]) -> bool:
    return values.get("AllowOfflineTxForUnknownId", "").strip().lower() == IMMEDIATELY.lower()


def _number(values: Mapping[str, str], key: str, default: float) -> float:
    try:
        number = float(values.get(key, ""))
    except ValueError:
        return default
    return number if math.isfinite(number) and number >= 0.0 else default


def _own_numbers(values: Mapping[str, str], key: str) -> tuple[tuple[int, float], ...]:
    """Of the places `Name[2]`; an unreadable one is not there, and `Name` holds."""
    found = ((connector, _number(values, place(key, connector), math.nan)) for connector in range(2, MOST_CONNECTORS))
    return tuple((connector, number) for connector, number in found if math.isfinite(number))


def _list(values: Mapping[str, str], key: str, default: str) -> tuple[str, ...]:
    items = (item.strip() for item in values.get(key, default).split(","))
    return tuple(dict.fromkeys(item for item in items if item))
