"""The station of the demo: the `chargectl up` that this process started, or none, where the station ran already."""

import signal
import subprocess
import sys

from chargectl.output import Failure
from chargectl.station import process_of_up
from chargectl.up import end_with_parent
from services.exit_codes import ExitCode
from services.home import Home

STOP_S = 60.0


class Tree:
    def __init__(self, home: Home) -> None:
        self.home = home
        self.attached = process_of_up(home) != 0
        self._process: subprocess.Popen[bytes] | None = None
        self._output = home.log / "up.log"

    def start(self) -> None:
        if self.attached:
            return
        with self._output.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "chargectl", "up", "--home", str(self.home.root)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )

    @property
    def started(self) -> bool:
        return self._process is not None

    def has_lost_power(self) -> bool:
        """Somebody has cut the power. Raises Failure when the station has ended in any other way."""
        code = self._process.poll() if self._process is not None else None
        if code is None:
            return False
        if code == -signal.SIGKILL:
            return True
        said = self._output.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        text = said[-1] if said else "it said nothing"
        raise Failure(f"the station has ended: {text}", ExitCode(code) if code in set(ExitCode) else ExitCode.FAILED)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(STOP_S)
