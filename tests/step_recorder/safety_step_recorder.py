"""Writes every step of a real `safety` process into `safety-steps/` of its home, for `tests/recorded_steps.py`.

One file for each process: pickles, one behind the other. Unbuffered: what was stepped before a kill is there after it.
"""

import os
import pickle
from pathlib import Path
from typing import Any

from services.safety import core
from services.safety.status import connector_message

FOLDER = "safety-steps"
MOST_BYTES = 200 * 1024 * 1024


def record(service_class: Any) -> None:
    """Every object of this class has a recorder from now on."""
    begin = service_class.__init__

    def begin_and_record(self: Any, *arguments: Any, **named: Any) -> None:
        begin(self, *arguments, **named)
        self.watch = Recorder(Path(os.environ["CHARGE_HOME"]) / FOLDER)

    service_class.__init__ = begin_and_record


class Recorder:
    def __init__(self, folder: Path) -> None:
        folder.mkdir(exist_ok=True)
        self._file: int | None = os.open(folder / f"{os.getpid()}", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._written = 0
        self._outside: dict[int, Any] = {}

    def __call__(self, seat: Any, result: core.Result, now_s: float) -> None:
        """After a step. The whole state goes with it when something beside the step has changed it."""
        state = seat.state
        number = state.equipment.connector
        outside = (state.settings, state.equipment, dict(state.memory.orders), state.faults.error_s, state.begun_s)
        known = self._outside.get(number) == outside
        self._outside[number] = outside
        shown = connector_message(state, core.grant_of(state, seat.permission, now_s), "run")
        failed = state.faults.error_s == now_s
        self._write((number, now_s, seat.readings, seat.permission, result, shown, failed, None if known else state))

    def _write(self, step: tuple[Any, ...]) -> None:
        if self._file is None:
            return
        data = pickle.dumps(step, pickle.HIGHEST_PROTOCOL)
        self._written += len(data)
        try:
            if self._written > MOST_BYTES:
                raise OSError("a test this long is for the virtual station")
            os.write(self._file, data)
        except OSError:
            # the disk of the test is full: what comes now is not recorded
            os.close(self._file)
            self._file = None
