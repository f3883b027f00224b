"""The connection URL (OCPP-J 3.1.1): the backend's endpoint, a slash, and the station's identity. Pure."""

import re
from dataclasses import dataclass, field
from urllib.parse import SplitResult, quote, unquote, urlsplit

LONGEST_URL = 500
_SAFE_IN_PATH = "%/:@!$&'()*+,;=~-._"
_SAFE_IN_QUERY = _SAFE_IN_PATH + "?"
_PROXY = re.compile(
    r"(?:(?P<user>[^@]{1,64})@)?(?:\[(?P<six>[0-9A-Fa-f:.]{2,45})\]|(?P<host>[^@:\[\]/\s]{1,255}))(?::(?P<port>\d{1,5}))?",
    re.ASCII,
)


class BadAddress(ValueError):
    """The address cannot be dialled; the text says what to change."""


@dataclass(frozen=True)
class Proxy:
    host: str
    port: int = 80
    user: str = ""
    password: str = field(default="", repr=False)
    """Basic authentication towards the proxy; without a user none."""


@dataclass(frozen=True)
class Address:
    secure: bool
    host: str
    port: int
    resource: str
    url: str
    """The whole connection URL, for people."""


def connection_address(endpoint: str, identity: str) -> Address:
    """Where to dial for `OCPPBackendJSONURL` and `ChargeBoxIdentity`. Raises BadAddress."""
    parts, port = _split(endpoint)
    if not identity or any(ord(letter) < 0x20 or ord(letter) == 0x7F for letter in identity):
        raise BadAddress("ChargeBoxIdentity is empty or has control characters: set it to the name the backend knows")
    if ":" in identity:
        raise BadAddress("ChargeBoxIdentity contains a colon, which basic authentication cannot carry: choose another")
    if unquote(parts.path.rstrip("/").rpartition("/")[2]) == identity:
        raise BadAddress("OCPPBackendJSONURL ends with the identity, which is appended by itself: leave it out")
    host, shown_host = _host(parts)
    secure = parts.scheme == "wss"
    path = f"{quote(parts.path.rstrip('/'), safe=_SAFE_IN_PATH)}/{quote(identity, safe='')}"
    resource = f"{path}?{quote(parts.query, safe=_SAFE_IN_QUERY)}" if parts.query else path
    shown_port = f":{port}" if port is not None else ""
    number = port if port is not None else (443 if secure else 80)
    return Address(secure, host, number, resource, f"{parts.scheme}://{shown_host}{shown_port}{resource}")


def proxy_of(text: str, password: str) -> Proxy | None:
    """`WebsocketsProxyURL`: HOST, HOST:PORT or USER@HOST:PORT, port 80 if left out; empty = none. Raises BadAddress."""
    if not text:
        return None
    parts = _PROXY.fullmatch(text)
    port = int(parts["port"] or 80) if parts is not None else 0
    if parts is None or not 0 < port < 65536:
        raise BadAddress("WebsocketsProxyURL is not of the form HOST:PORT or USER@HOST:PORT: correct it, or empty it")
    user = unquote(parts["user"] or "")
    return Proxy(parts["six"] or parts["host"], port, user, password if user else "")


def _split(endpoint: str) -> tuple[SplitResult, int | None]:
    if len(endpoint) > LONGEST_URL:
        raise BadAddress(f"OCPPBackendJSONURL is longer than {LONGEST_URL} characters")
    if any(ord(letter) <= 0x20 or ord(letter) == 0x7F for letter in endpoint):
        raise BadAddress("OCPPBackendJSONURL contains a space or a control character: take it out")
    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError as error:
        raise BadAddress(f"OCPPBackendJSONURL is no address ({error}): write it as wss://host:port/path/") from error
    if parts.scheme not in ("ws", "wss"):
        raise BadAddress("OCPPBackendJSONURL begins neither with ws:// nor with wss://: write it as wss://host/path/")
    if parts.username is not None or parts.password is not None:
        raise BadAddress("OCPPBackendJSONURL carries a user or password: set HTTPBasicAuthPassword instead")
    if parts.fragment:
        raise BadAddress("OCPPBackendJSONURL has a part after #: leave it out")
    if not parts.hostname or port == 0:
        raise BadAddress("OCPPBackendJSONURL names no host or the port 0: write it as wss://host:port/path/")
    return parts, port


def _host(parts: SplitResult) -> tuple[str, str]:
    """As dialled, and as it stands in a URL."""
    host = parts.hostname or ""
    if ":" in host:
        return host, f"[{host}]"
    try:
        plain = host if host.isascii() else host.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise BadAddress(f"the host {host!r} of OCPPBackendJSONURL is no name a resolver knows") from error
    return plain, plain
