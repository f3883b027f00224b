"""Opens a WebSocket to the backend, blocking: names, TCP, proxy, TLS, HTTP. For a short-lived thread."""

import base64
import logging
import socket
import ssl
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame
from websockets.http11 import Response
from websockets.typing import Subprotocol
from websockets.uri import WebSocketURI

from services.ocpp_link import tls
from services.ocpp_link.codec import LONGEST_FRAME
from services.ocpp_link.connection import Target

SUBPROTOCOL = "ocpp1.6"
USER_AGENT = "charge-controller"
LARGEST_RESPONSE = 64 * 1024
"""Bytes of HTTP that a handshake may take."""
KEEP_ALIVE_IDLE_S, KEEP_ALIVE_EVERY_S, KEEP_ALIVE_TIMES = 60, 10, 6

_logger = logging.getLogger("ocpp_link")


class DialError(Exception):
    """No connection; the text says what to do next."""

    def __init__(self, why: str, status: int = 0) -> None:
        super().__init__(why)
        self.status = status


@dataclass
class Dialled:
    """An open WebSocket, its socket non-blocking."""

    socket: socket.socket
    protocol: ClientProtocol
    frames: list[Frame]
    """That arrived together with the handshake's end."""


class Deadline:
    def __init__(self, timeout_s: float) -> None:
        self._end_s = time.monotonic() + timeout_s

    def left_s(self) -> float:
        """Raises TimeoutError when there is none."""
        left_s = self._end_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError
        return left_s


def dial(target: Target, timeout_s: float, authority: Path | None) -> Dialled:
    """`authority`: an installed CA file; None = the system's. Raises DialError."""
    deadline = Deadline(timeout_s)
    opened: socket.socket | None = None
    try:
        opened = _connect(target, deadline, timeout_s)
        if target.secure:
            opened = _secure(opened, target, deadline, authority)
        dialled = _shake_hands(opened, target, deadline)
        dialled.socket.setblocking(False)
    except DialError:
        _drop(opened)
        raise
    except TimeoutError as error:
        _drop(opened)
        raise DialError(f"{target.host} does not answer within {timeout_s:g} s: check address and firewall") from error
    except ssl.SSLError as error:
        _drop(opened)
        raise DialError(_tls_words(error, target)) from error
    except OSError as error:
        _drop(opened)
        raise DialError(f"{target.host}:{target.port}: {error.strerror or error}") from error
    return dialled


def _drop(opened: socket.socket | None) -> None:
    if opened is not None:
        opened.close()


def _connect(target: Target, deadline: Deadline, timeout_s: float) -> socket.socket:
    host, port = (target.proxy.host, target.proxy.port) if target.proxy else (target.host, target.port)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise DialError(f"no address for {host}: check the name and the station's DNS server") from error
    trouble: OSError | None = None
    for left, (family, kind, number, _, address) in zip(range(len(found), 0, -1), found, strict=True):
        one = socket.socket(family, kind, number)
        try:
            one.settimeout(deadline.left_s() / left)
            one.connect(address)
            _keep_alive(one, timeout_s)
            if target.proxy is not None:
                _through_proxy(one, target, deadline)
        except (OSError, DialError) as error:
            one.close()
            if isinstance(error, DialError):
                raise
            trouble = error
        else:
            return one
    raise trouble if trouble is not None else DialError(f"no address for {host}")


def _keep_alive(one: socket.socket, timeout_s: float) -> None:
    """A half-open connection ends by itself, pings or not."""
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEP_ALIVE_IDLE_S)
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEP_ALIVE_EVERY_S)
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEP_ALIVE_TIMES)
    one.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(timeout_s * 1000))


def _through_proxy(one: socket.socket, target: Target, deadline: Deadline) -> None:
    """HTTP CONNECT. The proxy sends nothing after its header until we do: read byte by byte, the tunnel stays clean."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    authority = f"{host}:{target.port}"
    one.sendall(f"CONNECT {authority} HTTP/1.1\r\nHost: {authority}\r\n{_proxy_words(target)}\r\n".encode())
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        one.settimeout(deadline.left_s())
        received = one.recv(1)
        if not received or len(head) > LARGEST_RESPONSE:
            raise DialError("the proxy broke off: check its address")
        head += received
    words = head.split(b"\r\n", 1)[0].split(b" ")
    told = b" ".join(words[1:])[:60].decode("ascii", "replace")
    if words[1:2] == [b"407"]:
        raise DialError(f"the proxy wants to know who asks ({told}): set the user and WebsocketsProxyPassword")
    if len(words) < 2 or not words[0].startswith(b"HTTP/1.") or words[1] != b"200":
        raise DialError(f"the proxy refuses to connect to {target.host} ({told}): check the proxy's rules")


def _proxy_words(target: Target) -> str:
    if target.proxy is None or not target.proxy.user:
        return ""
    secret = base64.b64encode(f"{target.proxy.user}:{target.proxy.password}".encode()).decode()
    return f"Proxy-Authorization: Basic {secret}\r\n"


def _secure(opened: socket.socket, target: Target, deadline: Deadline, authority: Path | None) -> ssl.SSLSocket:
    """As strict as the target says."""
    try:
        context = tls.context_for(target.trust, authority)
    except (OSError, ssl.SSLError) as error:
        raise DialError(f"the installed certificate {authority} cannot be read ({error}): install it again") from error
    opened.settimeout(deadline.left_s())
    secured = context.wrap_socket(opened, server_hostname=target.host)
    _logger.info("the backend speaks %s with %s", secured.version(), (secured.cipher() or ("?",))[0])
    return secured


def _tls_words(error: ssl.SSLError, target: Target) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"the certificate of {target.host} is not trusted ({error.verify_message}): install the CA of the backend "
            "(OcppUserCaCertificate), or correct the host name or the station's clock"
        )
    wanted = "TLS 1.2 or newer with secure ciphers (OcppConStrictTls)" if target.trust.only_secure else "TLS"
    return f"TLS with {target.host} failed ({error.reason or error}): check that the port speaks {wanted}"


def _shake_hands(opened: socket.socket, target: Target, deadline: Deadline) -> Dialled:
    uri = WebSocketURI(target.secure, target.host, target.port, *_split(target.resource))
    protocol = ClientProtocol(uri, subprotocols=[Subprotocol(SUBPROTOCOL)], max_size=LONGEST_FRAME)
    request = protocol.connect()
    request.headers["User-Agent"] = USER_AGENT
    if target.password:
        secret = base64.b64encode(f"{target.user}:{target.password}".encode()).decode()
        request.headers["Authorization"] = f"Basic {secret}"
    protocol.send_request(request)
    opened.sendall(b"".join(protocol.data_to_send()))
    taken = 0
    events: list[Any] = []
    while not events and protocol.handshake_exc is None:
        opened.settimeout(deadline.left_s())
        received = opened.recv(16 * 1024)
        taken += len(received)
        if taken > LARGEST_RESPONSE:
            raise DialError(f"{target.host} answers with a page, not with a WebSocket: check the address")
        if received:
            protocol.receive_data(received)
        else:
            protocol.receive_eof()
        events = protocol.events_received()
        if not received and not events:
            break
    _judge(protocol, target)
    return Dialled(opened, protocol, [event for event in events if isinstance(event, Frame)])


def _split(resource: str) -> tuple[str, str]:
    path, _, query = resource.partition("?")
    return path, query


def _judge(protocol: ClientProtocol, target: Target) -> None:
    error = protocol.handshake_exc
    if error is None and protocol.state.name in ("OPEN", "CLOSING", "CLOSED"):
        return
    if isinstance(error, InvalidStatus):
        response: Response = error.response
        raise DialError(_status_words(response.status_code, target), response.status_code)
    why = str(error or "closed")[:200]
    raise DialError(f"{target.host} does not speak WebSocket for {SUBPROTOCOL} ({why}): check the address")


def _status_words(status: int, target: Target) -> str:
    if status in (401, 403):
        return f"the backend refuses this station (HTTP {status}): check HTTPBasicAuthPassword and ChargeBoxIdentity"
    if status == 404:
        return "the backend does not know this station (HTTP 404): check ChargeBoxIdentity and the address"
    if 300 <= status < 400:
        return f"the backend redirects (HTTP {status}), which is not followed: set the address it really has"
    return f"{target.host} answers with HTTP {status} instead of a WebSocket: check the address, or ask the operator"
