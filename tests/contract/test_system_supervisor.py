"""Asking supervisord to shut down, over a real Unix socket."""

import socketserver
import tempfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from xmlrpc.client import Fault
from xmlrpc.server import SimpleXMLRPCDispatcher

import pytest

from services.system.supervisor import Supervisord
from services.system.supervisor_error import SupervisorError

pytestmark = pytest.mark.contract


class FakeSupervisord(socketserver.UnixStreamServer):
    """Speaks XML-RPC as supervisord does."""

    def __init__(self, path: Path) -> None:
        self.calls: list[str] = []
        self.fault: Fault | None = None
        self.garbage = False
        self.dispatcher = SimpleXMLRPCDispatcher()
        self.dispatcher.register_function(lambda: self._called("shutdown"), "supervisor.shutdown")
        self.dispatcher.register_function(lambda: self._called("getState"), "supervisor.getState")
        super().__init__(str(path), _Handler)

    def _called(self, name: str) -> bool:
        self.calls.append(name)
        if self.fault is not None:
            raise self.fault
        return True


class _Handler(BaseHTTPRequestHandler):
    server: FakeSupervisord

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answer = b"<nonsense" if self.server.garbage else self.server.dispatcher._marshaled_dispatch(body)
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def address_string(self) -> str:
        return "unix"

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sv") as directory:
        yield Path(directory) / "supervisor.sock"


@pytest.fixture
def supervisord(path: Path) -> Iterator[FakeSupervisord]:
    server = FakeSupervisord(path)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_shutdown_is_asked_for_once(path: Path, supervisord: FakeSupervisord) -> None:
    adapter = Supervisord(path)
    adapter.check()
    adapter.shutdown()
    assert supervisord.calls == ["getState", "shutdown"]


def test_a_supervisord_that_is_ending_already_is_no_error(path: Path, supervisord: FakeSupervisord) -> None:
    supervisord.fault = Fault(6, "SHUTDOWN_STATE")
    Supervisord(path).shutdown()
    assert supervisord.calls == ["shutdown"]


def test_a_refusal_is_told_in_words(path: Path, supervisord: FakeSupervisord) -> None:
    supervisord.fault = Fault(1, "UNKNOWN_METHOD")
    with pytest.raises(SupervisorError, match="refused shutdown: UNKNOWN_METHOD"):
        Supervisord(path).shutdown()


def test_nonsense_from_the_socket_is_told_in_words(path: Path, supervisord: FakeSupervisord) -> None:
    supervisord.garbage = True
    with pytest.raises(SupervisorError, match="is not supervisord"):
        Supervisord(path).check()


def test_nobody_at_the_socket_is_told_in_words(path: Path) -> None:
    with pytest.raises(SupervisorError, match=r"cannot reach supervisord at .*supervisor\.sock"):
        Supervisord(path).check()
