"""Other names under which people know the same keys: fields of the parameter reference, and AuthorizationKey. Pure.

A face shows a key, or a part of one, and changes it by the same validation; it keeps nothing itself.
"""

import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from services.settings.one_value import Unacceptable
from services.settings.table.key import Key

URL = "OCPPBackendJSONURL"
PASSWORD = "HTTPBasicAuthPassword"
AUTHORIZATION_KEY = "AuthorizationKey"
MESSAGE_TIMEOUT = "MessageTimeout"
QUEUE_SIZE = 350
"""Section 9 of the guide: messages that wait at most."""
_PARTS = r"(?P<protocol>(?i:wss?)://)(?P<host>\[[^\]]*\]|[^/:?#]*)(?::(?P<port>\d{1,5}))?(?P<path>/.*)?"
_PORTS = {"ws://": "80", "wss://": "443"}
_HEX_KEY = "[0-9a-fA-F]{32,40}"
"""Security whitepaper: 16 to 20 bytes, written as hexadecimal digits."""


class Parts(NamedTuple):
    """Of a backend's URL."""

    protocol: str = "ws://"
    host: str = ""
    port: str = ""
    """Empty = that of the protocol."""
    path: str = "/"


def taken_apart(url: str) -> Parts:
    found = re.fullmatch(_PARTS, url.strip())
    if found is None:
        return Parts()
    return Parts(found["protocol"].lower(), found["host"], found["port"] or "", found["path"] or "/")


def put_together(parts: Parts) -> str:
    """Empty without a host: there is no backend then."""
    if not parts.host:
        return ""
    return f"{parts.protocol}{parts.host}{':' + parts.port if parts.port else ''}{parts.path}"


class Face(NamedTuple):
    name: str
    label: str
    """Of the parameter reference."""
    key: str
    """The one it shows; empty = it is a constant of this product."""
    show: Callable[[str], str]
    """What it says for a value of `key`."""
    give: Callable[[str, str], str] | None
    """The new value of `key` from the present one and the text. None = it can only be read. Raises Unacceptable."""
    takes: str = ""
    at_once: bool = False
    """What is given here holds at once, although `key` needs a reboot."""

    @property
    def is_part(self) -> bool:
        """Of a value that other faces have parts of too."""
        return self.key == URL


def _same(value: str) -> str:
    return value


def _instead(_present: str, text: str) -> str:
    return text


def _shows(name: str, label: str, key: str) -> Face:
    return Face(name, label, key, _same, _instead)


def _host(url: str, text: str) -> str:
    wanted = text.strip()
    if not re.fullmatch(r"[^/?#@:\s\[\]]{1,255}|\[[0-9A-Fa-f:.]+\]|", wanted):
        raise Unacceptable(f"backend-host takes a host name or an address without scheme, port or path, not {wanted!r}")
    return put_together(taken_apart(url)._replace(host=wanted))


def _part_of(url: str, name: str) -> Parts:
    parts = taken_apart(url)
    if not parts.host:
        raise Unacceptable(f"{name} needs a host: set backend-host first, or both together")
    return parts


def _port(url: str, text: str) -> str:
    wanted = text.strip()
    if wanted and not (re.fullmatch(r"\d{1,5}", wanted, re.ASCII) and 1 <= int(wanted) <= 65535):
        raise Unacceptable(f"backend-port takes 1 to 65535, or nothing for the port of the protocol, not {wanted!r}")
    return put_together(_part_of(url, "backend-port")._replace(port=wanted and str(int(wanted))))


def _protocol(url: str, text: str) -> str:
    wanted = text.strip().lower().removesuffix("://")
    if wanted not in ("ws", "wss"):
        raise Unacceptable(f"ocpp-protocol takes ws:// or wss://, not {text.strip()!r}")
    return put_together(_part_of(url, "ocpp-protocol")._replace(protocol=f"{wanted}://"))


def _path(url: str, text: str) -> str:
    wanted = text.strip()
    if not re.fullmatch(r"[^?#\s]{0,300}", wanted):
        raise Unacceptable(f"backend-host-path takes a path such as /ocpp16 without ? and #, not {wanted!r}")
    return put_together(_part_of(url, "backend-host-path")._replace(path="/" + wanted.lstrip("/")))


def _shown_port(url: str) -> str:
    parts = taken_apart(url)
    return "" if not parts.host else parts.port or _PORTS[parts.protocol]


def _password(_present: str, text: str) -> str:
    """Backends send the whitepaper's hexadecimal digits or the plain password: digits of a text become that text."""
    wanted = text.strip()
    if not re.fullmatch(_HEX_KEY, wanted) or len(wanted) % 2:
        return wanted
    key = bytes.fromhex(wanted)
    return key.decode("ascii") if all(0x21 <= byte <= 0x7E for byte in key) else wanted


FACES: dict[str, Face] = {
    face.name: face
    for face in (
        _shows("connection-type", "Connection Type", "ConnectionType"),
        _shows("backend-communication-type", "Backend Communication Type", "OCPPMode"),
        Face("backend-host", "Backend Host", URL, lambda url: taken_apart(url).host, _host,
             "a host name or an address"),
        Face("backend-port", "Backend Port", URL, _shown_port, _port, "1 to 65535; empty = the protocol's"),
        Face("ocpp-protocol", "OCPP Protocol", URL, lambda url: url and taken_apart(url).protocol, _protocol,
             "ws:// or wss://"),
        Face("backend-host-path", "Backend Host Path", URL, lambda url: url and taken_apart(url).path, _path,
             "a path such as /ocpp16"),
        _shows("ocpp-chargeboxidentity", "OCPP ChargeBoxIdentity (ChargePointID)", "ChargeBoxIdentity"),
        _shows("backend-communication-timeout", "Backend Communication Timeout", "BackendConnectionTimeout"),
        _shows("tcp-watchdog-timeout", "TCP Watchdog Timeout", "TcpWatchdogTimeout"),
        _shows("ocpp-keep-alive-interval", "OCPP Keep-alive Interval", "WebSocketPingInterval"),
        Face("queue-size", "Queue Size", "", lambda _value: str(QUEUE_SIZE), None),
        _shows("ocpp-transaction-message-retry-count", "OCPP Transaction Message Retry Count",
               "TransactionMessageAttempts"),
        _shows("eichrecht-transaction-message-attempts", "Number of Eichrecht transaction message attempts",
               "EichrechtTransactionMessageAttempts"),
        _shows("informative-status-notifications", "Send informative StatusNotifications", "InfoStatusNotifications"),
        _shows("error-status-notifications", "Send error StatusNotifications", "ErrorStatusNotifications"),
        _shows("usb-error-status-notifications", "Send USB error StatusNotifications", "UsbErrorStatusNotifications"),
        _shows("retransmit-meter-values", "Retransmit MeterValues", "RetransmitMeterValues"),
        # security whitepaper, A01: accepted, and the connection is made anew with it
        Face(AUTHORIZATION_KEY, "", PASSWORD, lambda _value: "", _password, at_once=True),
        _shows(MESSAGE_TIMEOUT, "", "BackendConnectionTimeout"),
    )
}  # fmt: skip
"""By name: the parameter reference's fields in small letters with hyphens; and a key that is another one's face."""

_BY_LOWER_NAME = {name.lower(): face for name, face in FACES.items()}
_BY_LABEL = {re.sub(r"[^a-z0-9]+", "-", face.label.lower()).strip("-"): face for face in FACES.values() if face.label}


def find_face(name: str) -> Face | None:
    """By name or label, in any case."""
    wanted = re.sub(r"[\s_]+", "-", name.strip().lower())
    return _BY_LOWER_NAME.get(wanted) or _BY_LABEL.get(wanted)


def shown(face: Face, values: Mapping[str, str]) -> str:
    """What a face says, from values by key."""
    return face.show(values.get(face.key, ""))


def is_face(key: Key) -> bool:
    """A key of the table that keeps nothing itself."""
    return key.name in FACES
