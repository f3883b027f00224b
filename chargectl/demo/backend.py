"""The backend of the demo: a child of its own, somebody else's, or none."""

import subprocess
import sys
import time
from pathlib import Path

from chargectl.backend import socket_of
from chargectl.demo.station_file import with_settings, without_demo
from chargectl.output import Failure
from chargectl.station_check import check_text
from chargectl.up import end_with_parent
from services.exit_codes import ExitCode
from services.home import Home

URL, WAY = "OCPPBackendJSONURL", "ConnectionType"
"""Keys of the station's connection."""
OWN_SETTINGS: dict[str, str | int] = {
    WAY: "Ethernet",
    "BackendConnectionTimeout": 5,
    "MeterValueSampleInterval": 10,
}
"""Of a station with the demo's own backend: it comes back soon after a failure, and shows meter values."""
LISTENS_WITHIN_S = 20.0
AWAY_S = 10.0
"""An ended demo backend stays away so long, so that people see the station keep its messages."""
STOP_S = 5.0
SHOWN_BYTES = 4096


class DemoBackend:
    """`chargectl backend` as a child of this process."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._log = home.log / "backend.log"
        self._port_file = home.run / "backend.port"
        self._process: subprocess.Popen[bytes] | None = None
        self._ended_s: float | None = None
        self._port = 0
        self._log.write_bytes(b"")

    def start(self) -> str:
        """Its address. Raises Failure when it does not listen in time."""
        self._port_file.unlink(missing_ok=True)
        self._launch()
        deadline_s = time.monotonic() + LISTENS_WITHIN_S
        while not self._port_file.exists():
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline_s:
                said = " / ".join(self.last_lines(2)) or "it said nothing"
                raise Failure(f"the demo backend does not start: {said}. Without one: --no-backend")
            time.sleep(0.02)
        self._port = int(self._port_file.read_text(encoding="ascii"))
        return f"ws://127.0.0.1:{self._port}/"

    def look_after(self) -> None:
        """One that has ended is started again after a while, on the same port."""
        if self._process is None or self._process.poll() is None:
            return
        if self._ended_s is None:
            self._ended_s = time.monotonic()
        elif time.monotonic() >= self._ended_s + AWAY_S:
            self._ended_s = None
            self._launch()

    @property
    def is_away(self) -> bool:
        return self._ended_s is not None

    def last_lines(self, count: int) -> list[str]:
        """What it has said last."""
        try:
            with self._log.open("rb") as log:
                log.seek(max(0, log.seek(0, 2) - SHOWN_BYTES))
                lines = log.read().decode("utf-8", "replace").splitlines()
        except OSError:
            return []
        return [line for line in lines if line.strip()][-count:]

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def _launch(self) -> None:
        socket = str(socket_of(self._home))
        words = ["--port", str(self._port), "--port-file", str(self._port_file), "--socket", socket]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "chargectl", "backend", *words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )


class StationFile:
    """`station.toml` with the demo's settings, until `restore`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def names_a_backend(self) -> bool:
        """Whether the person has decided already: an address, or that there is none. Raises Failure: unreadable."""
        values = check_text(without_demo(self._read()), str(self._path)).settings
        return bool(values.get(URL)) or values.get(WAY) == "No Backend"

    def use(self, values: dict[str, str | int]) -> None:
        """Raises Failure: the settings cannot be put into this file, or are refused."""
        text = with_settings(self._read(), values)
        try:
            taken = check_text(text, str(self._path)).settings
        except Failure as failure:
            raise Failure(f"this cannot be the demo's backend: {failure}", failure.code) from failure
        if any(taken.get(key) != value for key, value in values.items()):
            raise Failure(
                f"{self._path} has its [settings] in a spelling that the demo does not understand: write one line "
                "per key below [settings]",
                ExitCode.BAD_CONFIGURATION,
            )
        self._write(text)

    def restore(self) -> None:
        """As the person left it."""
        text = self._read()
        if without_demo(text) != text:
            self._write(without_demo(text))

    def _read(self) -> str:
        try:
            return self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Failure(f"cannot read {self._path}: {error}", ExitCode.BAD_CONFIGURATION) from error

    def _write(self, text: str) -> None:
        temporary = self._path.with_name(f".{self._path.name}.new")
        try:
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(self._path)
        except OSError as error:
            raise Failure(f"cannot write {self._path}: {error.strerror}", ExitCode.CANNOT_WRITE) from error
