"""Talks to the station's supervisord over its Unix socket."""

import configparser
import http.client
import socket
import xmlrpc.client
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chargectl.output import Failure
from chargectl.station import CONFIGURATION as CONFIGURATION
from chargectl.station import place
from services.exit_codes import ExitCode
from services.home import Home

TIMEOUT_S = 15.0
BAD_NAME, NOT_RUNNING, ALREADY_STARTED = 10, 70, 60
"""Fault numbers of supervisord's XML-RPC."""


class NotRunning(Failure):
    def __init__(self, home: Home) -> None:
        super().__init__(
            f"the station {home.root} is not running; start it with: chargectl up {place(home)}",
            ExitCode.NOT_RUNNING,
        )


@dataclass(frozen=True)
class Program:
    """One service as supervisord sees it."""

    name: str
    state: str
    """RUNNING, STARTING, BACKOFF, STOPPED, STOPPING, EXITED, FATAL."""
    pid: int
    uptime_s: float
    detail: str


class Supervisor:
    """Every method raises NotRunning without a station, and Failure for what supervisord refuses."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._proxy = xmlrpc.client.ServerProxy("http://station", transport=_UnixTransport(socket_path(home)))

    def programs(self) -> list[Program]:
        return [
            Program(
                name=str(info["name"]),
                state=str(info["statename"]),
                pid=int(info["pid"]),
                uptime_s=max(0.0, float(info["now"] - info["start"])) if info["pid"] else 0.0,
                detail=str(info["spawnerr"] or info["description"]),
            )
            for info in self._call("getAllProcessInfo")
        ]

    def process_id(self) -> int:
        return int(self._call("getPID"))

    def start(self, name: str) -> None:
        self._call("startProcess", name, False, harmless=ALREADY_STARTED)

    def stop(self, name: str) -> None:
        self._call("stopProcess", name, True, harmless=NOT_RUNNING)

    def signal(self, name: str, signal_name: str) -> None:
        self._call("signalProcess", name, signal_name)

    def _call(self, method: str, *arguments: Any, harmless: int = 0) -> Any:
        try:
            return getattr(self._proxy.supervisor, method)(*arguments)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == harmless:
                return None
            if fault.faultCode == BAD_NAME:
                names = ", ".join(program.name for program in self.programs())
                raise Failure(f"there is no service {arguments[0]!r}; services: {names}", ExitCode.USAGE) from fault
            raise Failure(f"supervisord refuses: {fault.faultString}", ExitCode.REFUSED) from fault
        except (OSError, http.client.HTTPException) as error:
            raise NotRunning(self._home) from error


def program_names() -> list[str]:
    """The services of the shipped configuration, in the order in which supervisord starts them."""
    parser = configparser.RawConfigParser()
    parser.read(CONFIGURATION, encoding="utf-8")
    sections = [section for section in parser.sections() if section.startswith("program:")]
    return [section.partition(":")[2] for section in sorted(sections, key=lambda each: parser.getint(each, "priority"))]


def socket_path(home: Home) -> Path:
    return home.socket_directory(make=False) / "supervisor.sock"


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("station", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(str(self._path))


class _UnixTransport(xmlrpc.client.Transport):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def make_connection(self, _host: Any) -> http.client.HTTPConnection:
        return _UnixConnection(self._path)
