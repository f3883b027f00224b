"""The configuration keys this service obeys, read from the snapshot of `settings`. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.ocpp_link.registration import BootContent
from services.ocpp_link.trust import NORMAL, Trust, trust_of

NO_BACKEND = "No Backend"
DEFAULT_TIMEOUT_S = 60
DEFAULT_PING_S = 60
DEFAULT_HEARTBEAT_S = 300
_TRUE = ("true", "1", "on", "yes")


@dataclass(frozen=True, kw_only=True)
class Keys:
    connection_type: str
    endpoint: str
    identity: str
    timeout_s: int
    """`BackendConnectionTimeout`: for connecting and for every answer."""
    ping_s: int
    heartbeat_s: int
    profiles: frozenset[str]
    content: BootContent
    heartbeat_forced: bool = False
    """`ForceHeartbeatRequestMessages`."""
    watchdog_s: int = 0
    """`TcpWatchdogTimeout`; 0 = never."""
    proxy: str = ""
    """`WebsocketsProxyURL`."""
    profile: int = 0
    """`SecurityProfile`."""
    trust: Trust = field(default_factory=Trust)

    @property
    def wanted(self) -> bool:
        """Whether there is a backend at all."""
        return self.connection_type != NO_BACKEND and bool(self.endpoint)


def read(values: Mapping[str, str], serial: str, vendor: str, model: str) -> Keys:
    """`serial`, `vendor`, `model` stand in the station file; a key that is set wins over them."""
    identity = values.get("ChargeBoxIdentity") or serial
    return Keys(
        connection_type=values.get("ConnectionType", NO_BACKEND),
        endpoint=values.get("OCPPBackendJSONURL", ""),
        identity=identity,
        timeout_s=_number(values, "BackendConnectionTimeout", DEFAULT_TIMEOUT_S),
        ping_s=_number(values, "WebSocketPingInterval", DEFAULT_PING_S),
        heartbeat_s=_number(values, "HeartbeatInterval", DEFAULT_HEARTBEAT_S),
        profiles=frozenset(
            name.strip() for name in values.get("SupportedFeatureProfiles", "Core,RemoteTrigger").split(",")
        ),
        content=BootContent(
            vendor=values.get("ChargePointVendor") or vendor,
            model=values.get("ChargePointModel") or model,
            charge_point_serial=values.get("ChargePointSerialNumber") or identity,
            charge_box_serial=values.get("ChargeBoxSerialNumber") or serial,
            firmware=values.get("FirmwareVersion", ""),
        ),
        heartbeat_forced=values.get("ForceHeartbeatRequestMessages", "").strip().lower() in _TRUE,
        watchdog_s=_number(values, "TcpWatchdogTimeout", 0),
        proxy=values.get("WebsocketsProxyURL", "").strip(),
        profile=_number(values, "SecurityProfile", 0),
        trust=trust_of(
            values.get("SSLModeClient", NORMAL),
            values.get("OcppConStrictTls", ""),
            values.get("OcppUserCaCertificate", ""),
        ),
    )


def _number(values: Mapping[str, str], key: str, default: int) -> int:
    text = values.get(key, "")
    return int(text) if text.isascii() and text.isdecimal() else default
