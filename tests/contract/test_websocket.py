"""The real connection: handshake, TLS, proxy, refusals, hostile servers, on real sockets."""

import base64
import contextlib
import select
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from services.ocpp_link.codec import LONGEST_FRAME
from services.ocpp_link.connection import Binary, Closed, Event, Failed, Opened, Pong, Target, Text
from services.ocpp_link.uplink import UplinkFile
from services.ocpp_link.url import Proxy, connection_address
from services.ocpp_link.websocket import WebSocketConnection
from tests.backend.scripted import ScriptedBackend
from tests.backend.server import BackendServer, make_authority, running

pytestmark = pytest.mark.contract
DEADLINE_S = 15.0
BOOT = '[2,"m-1","BootNotification",{"chargePointVendor":"V","chargePointModel":"M"}]'


class Driver:
    """The service's loop in small: waits for the connection and collects what happened."""

    def __init__(self, authority: Path) -> None:
        self.connection = WebSocketConnection(authority)
        self.events: list[Event] = []
        self._poll = select.epoll()
        self._poll.register(self.connection.fileno(), select.EPOLLIN)

    def until(self, condition: Callable[[list[Event]], Any]) -> list[Event]:
        end_s = time.monotonic() + DEADLINE_S
        while not condition(self.events):
            assert time.monotonic() < end_s, f"only {self.events}"
            if self._poll.poll(0.1):
                self.connection.receive()
            self.events.extend(self.connection.poll())
        return self.events

    def dial(self, target: Target, timeout_s: float = 5.0) -> Event:
        self.events.clear()
        self.connection.open(target, timeout_s)
        return self.until(bool)[0]


def target_of(url: str, identity: str = "CP 1", password: str = "", proxy: Proxy | None = None) -> Target:
    address = connection_address(url, identity)
    return Target(
        url=address.url,
        secure=address.secure,
        host=address.host,
        port=address.port,
        resource=address.resource,
        user=identity,
        password=password,
        proxy=proxy,
    )


def connect(driver: Driver, server: BackendServer, password: str = "") -> None:
    """Until both ends know of each other."""
    assert driver.dial(target_of(server.url, password=password)) == Opened("ocpp1.6")
    waited(lambda: server.backend.connected)


@pytest.fixture
def driver(tmp_path: Path) -> Iterator[Driver]:
    result = Driver(tmp_path / "no-ca.pem")
    yield result
    result.connection.close()


@pytest.fixture
def server() -> Iterator[BackendServer]:
    with running(ScriptedBackend()) as result:
        yield result


def waited(condition: Callable[[], Any]) -> None:
    end_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.01)


def test_a_handshake_says_who_we_are_and_what_we_speak(driver: Driver, server: BackendServer) -> None:
    assert driver.dial(target_of(server.url, "RDAM 123", "pass:word ü")) == Opened("ocpp1.6")
    (request,) = server.requests
    assert request.path == "/ocpp/RDAM%20123"
    assert request.headers["Sec-WebSocket-Protocol"] == "ocpp1.6"
    assert "Sec-WebSocket-Extensions" not in request.headers, "no compression"
    kind, _, secret = request.headers["Authorization"].partition(" ")
    assert (kind, base64.b64decode(secret).decode()) == ("Basic", "RDAM 123:pass:word ü")


def test_without_a_password_nothing_is_authorized(driver: Driver, server: BackendServer) -> None:
    connect(driver, server)
    assert "Authorization" not in server.requests[0].headers


def test_messages_travel_both_ways(driver: Driver, server: BackendServer) -> None:
    connect(driver, server)
    driver.connection.send(BOOT)
    events = driver.until(lambda seen: len(seen) == 2)
    assert isinstance(events[1], Text)
    assert events[1].text.startswith('[3, "m-1", {"status": "Accepted"')
    long = '["' + "ü" * 100_000 + '"]'
    server.backend.send(long)
    server.backend.send(b"\x00\xff")
    events = driver.until(lambda seen: len(seen) == 4)
    assert events[2:] == [Text(long), Binary(2)]
    server.backend.check()


def test_large_messages_leave_in_parts_while_the_backend_reads_slowly(driver: Driver, server: BackendServer) -> None:
    connect(driver, server)
    payload = '[2,"m-1","DataTransfer",{"vendorId":"v","data":"' + "x" * 200_000 + '"}]'
    for _ in range(4):
        driver.connection.send(payload)
    driver.until(lambda _: len(server.backend.calls("DataTransfer")) == 4)


def test_pings_are_answered_both_ways(driver: Driver, server: BackendServer) -> None:
    connect(driver, server)
    driver.connection.ping()
    assert driver.until(lambda seen: len(seen) == 2)[1] == Pong()
    wire: Any = server.backend._wire
    answered = wire._connection.ping()
    driver.until(lambda _: answered.is_set())


@pytest.mark.parametrize(
    ("status", "words"),
    [(401, "HTTPBasicAuthPassword"), (403, "HTTPBasicAuthPassword"), (404, "does not know"), (503, "503")],
)
def test_a_refusal_says_what_to_check(driver: Driver, server: BackendServer, status: int, words: str) -> None:
    server.status = status
    event = driver.dial(target_of(server.url))
    assert isinstance(event, Failed)
    assert event.status == status
    assert words in event.reason


def test_a_redirect_is_a_failure_and_not_followed(driver: Driver, server: BackendServer) -> None:
    server.status, server.location = 302, server.url
    event = driver.dial(target_of(server.url, password="secret"))
    assert isinstance(event, Failed)
    assert "redirects" in event.reason
    assert len(server.requests) == 1


def test_a_missing_subprotocol_is_tolerated_another_one_is_not(driver: Driver, server: BackendServer) -> None:
    server.subprotocols = None
    assert driver.dial(target_of(server.url)) == Opened("")
    server.subprotocols = ["ocpp2.0.1"]
    event = driver.dial(target_of(server.url))
    assert isinstance(event, Failed)
    assert "ocpp1.6" in event.reason


def test_a_message_that_is_too_long_ends_the_connection(driver: Driver, server: BackendServer) -> None:
    connect(driver, server)
    server.backend.send("x" * LONGEST_FRAME)
    driver.until(lambda seen: len(seen) == 2)
    server.backend.send("x" * (LONGEST_FRAME + 1))
    events = driver.until(lambda seen: any(isinstance(one, Closed) for one in seen))
    assert events[-1] == Closed(f"the backend sent a message larger than {LONGEST_FRAME} bytes")


def test_a_backend_that_closes_is_noticed_at_once_with_its_reason(driver: Driver, server: BackendServer) -> None:
    connect(driver, server)
    server.backend.hang_up("maintenance")
    events = driver.until(lambda seen: len(seen) == 2)
    assert events[1] == Closed("the backend closed the connection (1000 maintenance)")


def test_hanging_up_tells_the_backend(driver: Driver, server: BackendServer) -> None:
    connect(driver, server)
    driver.connection.close("the end")
    waited(lambda: not server.backend.connected)
    assert driver.connection.poll() == []


def test_a_new_connection_replaces_the_old_one(driver: Driver, server: BackendServer) -> None:
    for _ in range(3):
        assert driver.dial(target_of(server.url)) == Opened("ocpp1.6")
    driver.connection.send(BOOT)
    driver.until(lambda seen: len(seen) == 2)
    assert server.backend.connections == 3


def test_the_environment_has_no_say_in_proxies(
    driver: Driver, server: BackendServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert driver.dial(target_of(server.url)) == Opened("ocpp1.6")


# nobody there, or somebody strange


def test_a_closed_port_and_an_unknown_name_fail_with_words(driver: Driver) -> None:
    with contextlib.closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        event = driver.dial(target_of(f"ws://127.0.0.1:{port}/"))
    assert isinstance(event, Failed)
    assert "refused" in event.reason
    event = driver.dial(target_of("ws://no-such-host.invalid/"), 10.0)
    assert isinstance(event, Failed)
    assert "no-such-host.invalid" in event.reason


@contextlib.contextmanager
def strange_server(behave: Callable[[socket.socket], None]) -> Iterator[str]:
    """Accepts one connection after the other and lets `behave` have each."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stop = threading.Event()

        def serve() -> None:
            while not stop.is_set():
                with contextlib.suppress(OSError):
                    one, _ = listener.accept()
                    with one:
                        one.settimeout(DEADLINE_S)
                        behave(one)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"ws://127.0.0.1:{listener.getsockname()[1]}/"
        finally:
            stop.set()
            listener.shutdown(socket.SHUT_RDWR)


def until_gone(one: socket.socket) -> None:
    while one.recv(65536):
        pass


def drip(one: socket.socket) -> None:
    for letter in b"HTTP/1.1 101 Switching Protocols\r\nX: " + b"y" * 200:
        one.sendall(bytes([letter]))
        if select.select([one], [], [], 0.1)[0]:
            return  # the other end has hung up


STRANGE: dict[str, tuple[Callable[[socket.socket], None], float]] = {
    "never answers": (until_gone, 0.5),
    "answers drop by drop": (drip, 0.5),
    "closes at once": (lambda _one: None, 5.0),
    "sends nonsense": (lambda one: (one.sendall(b"\x00" * 4096 + b"\r\n\r\n"), until_gone(one))[0], 5.0),
    "sends a page without end": (lambda one: one.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 10_000_000), 5.0),
    "speaks another protocol": (lambda one: one.sendall(b"SSH-2.0-OpenSSH_9.2\r\n"), 5.0),
    "answers 101 without a key": (
        lambda one: (
            one.recv(65536),
            one.sendall(b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
        )[1],
        5.0,
    ),
}


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_server_is_a_failure_in_time(driver: Driver, name: str) -> None:
    behave, timeout_s = STRANGE[name]
    with strange_server(behave) as url:
        begin_s = time.monotonic()
        event = driver.dial(target_of(url), timeout_s)
        assert isinstance(event, Failed)
        assert event.reason
        assert time.monotonic() - begin_s < 5.0


def websocket_server(after: Callable[[socket.socket], None], together: bytes = b"") -> Callable[[socket.socket], None]:
    """A correct handshake with these bytes in the same packet, then `after`."""
    from websockets.http11 import Request
    from websockets.server import ServerProtocol

    def behave(one: socket.socket) -> None:
        protocol = ServerProtocol(subprotocols=["ocpp1.6"])  # type: ignore[list-item]
        while not (events := protocol.events_received()):
            protocol.receive_data(one.recv(65536))
        assert isinstance(events[0], Request)
        protocol.send_response(protocol.accept(events[0]))
        one.sendall(b"".join(protocol.data_to_send()) + together)
        after(one)

    return behave


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("a masked frame", b"\x81\x81\x01\x02\x03\x04A"),
        ("a reserved bit", b"\xc1\x01A"),
        ("text that is no UTF-8", b"\x81\x02\xff\xfe"),
        ("a continuation of nothing", b"\x80\x01A"),
        ("an announced size of 2^62 bytes", b"\x81\x7f\x3f" + b"\xff" * 7),
        ("a ping that is too long", b"\x89\x7e\x01\x00" + b"x" * 256),
        ("an unknown opcode", b"\x83\x00"),
        ("half a frame and then nothing", b"\x81\x05AB"),
        ("a close with a broken reason", b"\x88\x03\x03\xe8\xff"),
    ],
)
def test_a_broken_frame_ends_the_connection_cleanly(driver: Driver, name: str, sent: bytes) -> None:
    def after(one: socket.socket) -> None:
        one.sendall(sent)
        one.shutdown(socket.SHUT_WR)
        until_gone(one)

    with strange_server(websocket_server(after)) as url:
        assert isinstance(driver.dial(target_of(url)), Opened)
        events = driver.until(lambda seen: any(isinstance(one, Closed) for one in seen))
        assert [type(one) for one in events] == [Opened, Closed]


def test_frames_that_come_with_the_handshake_are_not_lost(driver: Driver) -> None:
    with strange_server(websocket_server(until_gone, b"\x81\x02hi\x88\x00")) as url:
        driver.dial(target_of(url))
        begin_s = time.monotonic()
        events = driver.until(lambda seen: any(isinstance(one, Closed) for one in seen))
        assert time.monotonic() - begin_s < 5.0, "nobody waits for the other end to go"
    assert events[1] == Text("hi")


def test_a_message_in_fragments_is_put_together(driver: Driver) -> None:
    parts = b"\x01\x03\xc3\xbcA" + b"\x89\x00" + b"\x00\x00" * 1000 + b"\x80\x01B"
    with strange_server(websocket_server(lambda one: (one.sendall(parts), until_gone(one))[0])) as url:
        driver.dial(target_of(url))
        events = driver.until(lambda seen: len(seen) > 1)
    assert events[1] == Text("üAB")


def test_a_backend_that_never_reads_is_left(driver: Driver) -> None:
    release = threading.Event()
    with strange_server(websocket_server(lambda _one: (release.wait(DEADLINE_S), None)[1])) as url:
        driver.dial(target_of(url))
        end_s = time.monotonic() + DEADLINE_S
        while not any(isinstance(one, Closed) for one in driver.events):
            assert time.monotonic() < end_s
            driver.connection.send("x" * 100_000)
            driver.events.extend(driver.connection.poll())
        release.set()
    assert driver.events[-1] == Closed("the backend does not read what is sent to it")


def test_an_attempt_given_up_leaves_nothing_behind(driver: Driver) -> None:
    with strange_server(until_gone) as url:
        driver.connection.open(target_of(url), 0.5)
        driver.connection.close()
        threads = [thread for thread in threading.enumerate() if thread.name == "dial"]
        for thread in threads:
            thread.join(DEADLINE_S)
        driver.connection.receive()
        assert driver.connection.poll() == []


# TLS


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Any:
    if shutil.which("openssl") is None:
        pytest.skip("the program openssl, which makes the certificates, is not installed: install the package openssl")
    return make_authority(tmp_path_factory.mktemp("tls"))


def test_an_installed_authority_is_trusted(tmp_path: Path, authority: Any) -> None:
    installed = tmp_path / "ca.pem"
    with running(ScriptedBackend(), tls=authority[1]) as server:
        driver = Driver(installed)
        event = driver.dial(target_of(server.url))
        assert isinstance(event, Failed)
        assert "not trusted" in event.reason, "the system's authorities do not know it"
        shutil.copy(authority[0], installed)
        assert driver.dial(target_of(server.url)) == Opened("ocpp1.6")
        driver.connection.send(BOOT)
        driver.until(lambda seen: len(seen) == 2)
        large = "x" * 200_000
        server.backend.send(large)
        assert driver.until(lambda seen: len(seen) == 3)[2] == Text(large)
        server.backend.check()
        driver.connection.close()


def test_a_certificate_of_another_host_is_refused(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("the program openssl, which makes the certificates, is not installed: install the package openssl")
    installed, context = make_authority(tmp_path, host="other.example")
    with running(ScriptedBackend(), tls=context) as server:
        event = Driver(installed).dial(target_of(server.url))
    assert isinstance(event, Failed)
    assert "not trusted" in event.reason


def test_an_unreadable_authority_is_not_replaced_by_the_systems(tmp_path: Path, authority: Any) -> None:
    installed = tmp_path / "ca.pem"
    installed.write_text("nonsense")
    with running(ScriptedBackend(), tls=authority[1]) as server:
        event = Driver(installed).dial(target_of(server.url))
    assert isinstance(event, Failed)
    assert "install it again" in event.reason


def test_plain_and_secure_ends_do_not_understand_each_other(
    tmp_path: Path, authority: Any, driver: Driver, server: BackendServer
) -> None:
    event = driver.dial(target_of(server.url.replace("ws:", "wss:")))
    assert isinstance(event, Failed)
    with running(ScriptedBackend(), tls=authority[1]) as secure:
        event = driver.dial(target_of(secure.url.replace("wss:", "ws:")))
        assert isinstance(event, Failed)


# a proxy


def proxy_to(status: bytes, seen: list[bytes]) -> Callable[[socket.socket], None]:
    def behave(one: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += one.recv(4096)
        seen.append(head)
        one.sendall(b"HTTP/1.0 " + status + b"\r\nVia: test\r\n\r\n")
        if not status.startswith(b"200"):
            return
        host, _, port = head.split()[1].decode().rpartition(":")
        with socket.create_connection((host, int(port))) as other:
            while True:
                ready, _, _ = select.select([one, other], [], [], DEADLINE_S)
                for end in ready:
                    data = end.recv(65536)
                    if not data:
                        return
                    (other if end is one else one).sendall(data)

    return behave


def test_a_proxy_is_asked_to_connect(driver: Driver, server: BackendServer) -> None:
    seen: list[bytes] = []
    with strange_server(proxy_to(b"200 OK", seen)) as url:
        proxy = Proxy("127.0.0.1", int(url.rstrip("/").rpartition(":")[2]))
        assert driver.dial(target_of(server.url, password="secret", proxy=proxy)) == Opened("ocpp1.6")
        driver.connection.send(BOOT)
        driver.until(lambda events: len(events) == 2)
        driver.connection.close()
    assert seen[0].startswith(f"CONNECT 127.0.0.1:{server.port} HTTP/1.1\r\n".encode())
    assert b"Authorization" not in seen[0], "the password is for the backend alone"


def test_a_proxy_that_refuses_says_so(driver: Driver, server: BackendServer) -> None:
    with strange_server(proxy_to(b"407 Proxy Authentication Required", [])) as url:
        proxy = Proxy("127.0.0.1", int(url.rstrip("/").rpartition(":")[2]))
        event = driver.dial(target_of(server.url, proxy=proxy))
    assert isinstance(event, Failed)
    assert "407" in event.reason


# around it


def test_the_uplink_file_is_noticed_at_once(tmp_path: Path) -> None:
    uplink = UplinkFile(tmp_path)
    assert uplink.up, "no file: a real board"
    for word in ("down", "up", "down"):
        (tmp_path / "uplink.new").write_text(word)
        (tmp_path / "uplink.new").rename(tmp_path / "uplink")
        ready, _, _ = select.select([uplink.fileno()], [], [], DEADLINE_S)
        assert ready
        uplink.receive()
        assert uplink.up is (word == "up")
    ready, _, _ = select.select([uplink.fileno()], [], [], 0)
    assert not ready, "it is told once"


def test_the_service_does_not_load_what_it_does_not_need() -> None:
    code = (
        "import sys, services.ocpp_link.__main__ as m; from services.ocpp_link.validators import *; "
        "validator('MeterValues', Strictness.SENT); "
        "print([n for n in ('asyncio', 'ocpp.v16', 'jsonschema', 'sqlite3') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"
