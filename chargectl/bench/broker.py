"""A mosquitto of our own on a free loopback port."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from chargectl.bench.children import end
from chargectl.bench.effort import BenchError

START_S = 5.0


def refusal() -> str:
    """Empty when the MQTT hop can be measured; otherwise what is missing."""
    if _program() is None:
        return "mosquitto is not installed (Debian: apt-get install mosquitto)"
    if find_spec("paho") is None:
        return "paho-mqtt is not installed (it is in requirements-test.lock)"
    return ""


def _program() -> str | None:
    """Debian keeps it in sbin, which a user's PATH may leave out."""
    return shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin")


@contextmanager
def broker(directory: Path) -> Iterator[int]:
    """The port it listens on."""
    program = _program()
    if program is None:
        raise BenchError(refusal())
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    configuration = directory / "mosquitto.conf"
    configuration.write_text(
        f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest none\n", encoding="ascii"
    )
    words = directory / "mosquitto.log"
    with words.open("wb") as log:
        process = subprocess.Popen(
            [program, "-c", str(configuration)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )
    try:
        _wait_until_listening(process, port, words)
        yield port
    finally:
        end(process)


def _wait_until_listening(process: "subprocess.Popen[bytes]", port: int, words: Path) -> None:
    deadline_s = time.monotonic() + START_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
            return
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline_s:
                last = words.read_text(encoding="utf-8", errors="replace")[-300:]
                raise BenchError(f"mosquitto does not listen on port {port}: {error}; it says: {last}") from error
            time.sleep(0.01)
