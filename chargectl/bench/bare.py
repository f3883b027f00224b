"""Ten trivial services under the same supervisord with the same plug-in: what supervision alone costs."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chargectl.bench.children import END_S, environment
from chargectl.bench.effort import BenchError
from chargectl.bench.slices import boot_s

COUNT = 10
START_S = 30.0
_CONFIGURATION = """\
[supervisord]
nodaemon=true
silent=true
logfile={directory}/supervisord.log
pidfile={directory}/supervisord.pid
childlogdir={directory}
[unix_http_server]
file={directory}/supervisor.sock
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[rpcinterface:wake]
supervisor.rpcinterface_factory=chargectl.supervisor_wake:make_interface
"""
_PROGRAM = """\
[program:bare{number}]
command="{python}" -P -m chargectl.bench.bare_service {number} {address}
startsecs=1
startretries=1000000000
autorestart=true
redirect_stderr=true
stdout_logfile={directory}/bare{number}.log
"""


class BareServices:
    """Each service tells its number, process and time of start by a datagram."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        address = directory / "started"
        address.unlink(missing_ok=True)
        self._told = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._told.bind(str(address))
        text = _CONFIGURATION.format(directory=directory)
        for number in range(COUNT):
            text += _PROGRAM.format(number=number, python=sys.executable, address=address, directory=directory)
        configuration = directory / "supervisord.conf"
        configuration.write_text(text, encoding="utf-8")
        self._processes: dict[int, int] = {}
        self.started_s = boot_s()
        self._tree = subprocess.Popen(
            [sys.executable, "-P", "-m", "supervisor.supervisord", "-c", str(configuration)],
            env=environment(),
            stdin=subprocess.DEVNULL,
        )

    def next_start(self) -> tuple[int, int, float]:
        """(number, process, boot-clock time at which its first line ran). Raises BenchError when none comes."""
        self._told.settimeout(START_S)
        try:
            words = self._told.recv(256).split()
        except TimeoutError as error:
            raise BenchError(f"a bare service did not start within {START_S:g} s") from error
        number, process = int(words[0]), int(words[1])
        self._processes[number] = process
        return number, process, float(words[2])

    def first_starts(self) -> dict[int, tuple[int, float]]:
        """Process and time of every service, by number."""
        starts: dict[int, tuple[int, float]] = {}
        while len(starts) < COUNT:
            number, process, started_s = self.next_start()
            starts[number] = (process, started_s)
        return starts

    def end(self) -> None:
        self._tree.send_signal(signal.SIGTERM)
        try:
            self._tree.wait(END_S)
        except subprocess.TimeoutExpired:
            self._tree.kill()
            self._tree.wait()
            for process in self._processes.values():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
        self._told.close()


@contextmanager
def bare_services(directory: Path) -> Iterator[BareServices]:
    services = BareServices(directory)
    try:
        yield services
    finally:
        services.end()
