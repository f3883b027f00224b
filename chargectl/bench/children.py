"""Child processes that speak in JSON lines, ended whatever happens."""

import compileall
import contextlib
import json
import os
import select
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from chargectl.bench.effort import BenchError
from chargectl.bench.slices import boot_s

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("bus", "schemas", "services", "hardware", "chargectl")
END_S = 5.0


def environment(**more: str) -> dict[str, str]:
    """This process's environment, from which the project's packages can be imported.

    Byte code may be written and read, as in any installed station.
    """
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH", "")]))
    left_out = ("CHARGE_", "PYTHONDONTWRITEBYTECODE", "SUPERVISOR_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    return {**kept, "PYTHONPATH": path, **more}


def compile_packages() -> None:
    """Byte code of every package, as installing makes it; where it cannot be written, starts are measured without."""
    for package in PACKAGES:
        compileall.compile_dir(ROOT / package, quiet=2)


class Child:
    """`python -m MODULE ...`; use as a context manager."""

    def __init__(self, module: str, *arguments: str, **more: str) -> None:
        self.name = " ".join((module.rpartition(".")[2], *arguments[:2]))
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment(**more),
        )
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None
    ) -> None:
        end(self._process)

    @property
    def pid(self) -> int:
        return self._process.pid

    def tell(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line.encode() + b"\n")
        self._process.stdin.flush()

    def hear(self, within_s: float) -> dict[str, Any]:
        """The next JSON line; lines of its log are passed over. Raises BenchError when none comes in time."""
        deadline_s = boot_s() + within_s
        assert self._process.stdout is not None
        descriptor = self._process.stdout.fileno()
        while True:
            line, separator, rest = self._buffer.partition(b"\n")
            if separator:
                self._buffer = rest
                if line.startswith(b"{"):
                    told: dict[str, Any] = json.loads(line)
                    return told
                continue
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline_s - boot_s()))
            data = os.read(descriptor, 65536) if ready else b""
            if not data:
                why = "ended" if ready else f"said nothing for {within_s:g} s"
                raise BenchError(f"{self.name} {why}; last words: {self._buffer.decode(errors='replace')[-300:]!r}")
            self._buffer += data


def end(process: "subprocess.Popen[bytes]") -> None:
    """SIGTERM, then SIGKILL."""
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
    process.terminate()
    try:
        process.wait(END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
