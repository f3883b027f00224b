"""One open connection to the simulated world's `world.sock`."""

import json
import socket
from pathlib import Path
from typing import Any

from chargectl.bench.effort import BenchError

ANSWER_S = 10.0


class WorldClient:
    def __init__(self, path: Path) -> None:
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._connection.settimeout(ANSWER_S)
        self._connection.connect(str(path))
        self._lines = self._connection.makefile("rb")

    def ask(self, operation: str, **fields: Any) -> dict[str, Any]:
        """The answer. Raises BenchError when the world refuses or is silent."""
        try:
            self._connection.sendall(json.dumps({"op": operation, **fields}).encode() + b"\n")
            answer: dict[str, Any] = json.loads(self._lines.readline() or b"{}")
        except (OSError, ValueError) as error:
            raise BenchError(f"the simulated world does not answer {operation}: {error}") from error
        if not answer.get("ok"):
            raise BenchError(f"the simulated world refuses {operation}: {answer.get('error', 'it is gone')}")
        return answer

    def close(self) -> None:
        self._lines.close()
        self._connection.close()
