"""The scripted backend behind a real WebSocket server, plain or with TLS."""

import contextlib
import http
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.sync.server import Server, ServerConnection, serve

from tests.backend.scripted import ScriptedBackend

TICK_S = 0.01


class _Wire:
    def __init__(self, connection: ServerConnection) -> None:
        self._connection = connection

    def deliver(self, text: str | bytes) -> None:
        with contextlib.suppress(ConnectionClosed):
            self._connection.send(text)

    def hang_up(self, reason: str) -> None:
        # not from the handler's own thread, which would wait for itself
        threading.Thread(target=self._connection.close, args=(1000, reason[:100]), daemon=True).start()


class BackendServer:
    """`requests`: what stations sent in their handshakes. `status`: HTTP status to refuse them with."""

    def __init__(self, backend: ScriptedBackend, *, tls: ssl.SSLContext | None = None, port: int = 0) -> None:
        self.backend = backend
        self.requests: list[Request] = []
        self.status = 0
        self.location = ""
        self.subprotocols: list[str] | None = ["ocpp1.6"]
        self._tls = tls
        self._server: Server = serve(
            self._serve,
            "127.0.0.1",
            port,
            ssl=tls,
            process_request=self._judge,
            select_subprotocol=self._select,
            compression="deflate",
            ping_interval=None,
            close_timeout=0.5,
        )
        self.port = self._server.socket.getsockname()[1]
        self._stop = threading.Event()
        backend.wall_minus_now_s = time.time() - time.monotonic()
        backend.advance(time.monotonic())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        threading.Thread(target=self._tick, daemon=True).start()

    @property
    def url(self) -> str:
        return f"{'wss' if self._tls else 'ws'}://127.0.0.1:{self.port}/ocpp/"

    def close(self) -> None:
        self._stop.set()
        self.backend.hang_up("the backend ends")
        self._server.shutdown()

    def _tick(self) -> None:
        while not self._stop.wait(TICK_S):
            self.backend.advance(time.monotonic())

    def _select(self, _connection: ServerConnection, offered: object) -> str | None:
        return self.subprotocols[0] if self.subprotocols else None  # type: ignore[return-value]

    def _judge(self, connection: ServerConnection, request: Request) -> Response | None:
        self.requests.append(request)
        if self.status == 0:
            return None
        response = connection.respond(http.HTTPStatus(self.status), "as the test says")
        if self.location:
            response.headers["Location"] = self.location
        return response

    def _serve(self, connection: ServerConnection) -> None:
        wire = _Wire(connection)
        if self.backend.accept(wire, connection.request.path if connection.request else "") is not None:
            return
        with contextlib.suppress(ConnectionClosed):
            for text in connection:
                self.backend.advance(time.monotonic())
                if isinstance(text, str):
                    self.backend.receive(wire, text)
                else:
                    self.backend.violations.append("a binary message")
        self.backend.lost(wire)


@contextlib.contextmanager
def running(backend: ScriptedBackend, **options: object) -> Iterator[BackendServer]:
    server = BackendServer(backend, **options)  # type: ignore[arg-type]
    try:
        yield server
    finally:
        server.close()


def make_authority(directory: Path, *, host: str = "127.0.0.1", days: int = 2) -> tuple[Path, ssl.SSLContext]:
    """A CA file, and the server's context with a certificate for `host` signed by it. Needs the program `openssl`.

    `days` 0: the certificate has expired.
    """
    authority, key, request, certificate = (directory / name for name in ("ca.pem", "key.pem", "req.pem", "cert.pem"))
    kind = "IP" if host.replace(".", "").isdecimal() else "DNS"
    extensions = directory / "extensions"
    extensions.write_text(f"subjectAltName={kind}:{host}\n")
    fresh = ["-newkey", "rsa:2048", "-nodes"]
    commands: list[list[str]] = [
        ["req", "-x509", *fresh, "-keyout", str(directory / "ca.key"), "-out", str(authority), "-days", "2",
         "-subj", "/CN=Test authority", "-addext", "basicConstraints=critical,CA:TRUE"],
        ["req", *fresh, "-keyout", str(key), "-out", str(request), "-subj", f"/CN={host}"],
        ["x509", "-req", "-in", str(request), "-CA", str(authority), "-CAkey", str(directory / "ca.key"),
         "-CAcreateserial", "-out", str(certificate), "-days", str(days), "-extfile", str(extensions)],
    ]  # fmt: skip
    for command in commands:
        subprocess.run(["openssl", *command], check=True, capture_output=True, timeout=60)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return authority, context
