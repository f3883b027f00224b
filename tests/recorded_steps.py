"""Steps of real `safety` processes (`tests/step_recorder/`): through the invariants, and through the core once more."""

import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from services.safety.state import ConnectorState
from tests.invariants import Checker, Record
from tests.outlet_invariants import OutletChecker, checker_of, step_of

FOLDER = "safety-steps"

Step = tuple[Any, ...]


def check(home: Path) -> int:
    """Raises AssertionError naming process, invariant and time; returns how many steps there were."""
    checkers: dict[int, Checker | OutletChecker] = {}
    count = 0
    for path, steps in _processes(home / FOLDER):
        try:
            count += _check_process(steps, checkers)
        except AssertionError as broken:
            raise AssertionError(f"process {path.name} of safety: {broken}") from broken
    return count


def _processes(folder: Path) -> list[tuple[Path, list[Step]]]:
    """In the order in which they lived."""
    files = list(folder.iterdir()) if folder.is_dir() else []
    lives = [(path, list(_steps(path))) for path in files]
    return sorted(((path, steps) for path, steps in lives if steps), key=lambda life: life[1][0][1])


def _steps(path: Path) -> Iterator[Step]:
    with path.open("rb") as file:
        while True:
            try:
                yield pickle.load(file)
            except (EOFError, pickle.UnpicklingError):
                return  # killed in the middle of a step, or at its end


def _check_process(steps: list[Step], checkers: dict[int, Checker | OutletChecker]) -> int:
    twins: dict[int, ConnectorState] = {}
    for number, now_s, readings, permission, result, shown, failed, state in steps:
        started = number not in twins
        before = twins.get(number)
        if state is None:
            assert before is not None
            again = step_of(before.equipment)(before, readings, permission, now_s)
            assert again == result, f"replayed at {now_s:.3f} s: {result}, and from the same inputs {again}"
        else:
            twins[number] = state.copy()
        twin = twins[number]
        # by the start of the process or the end of an exercise; where a step has done it, it says so
        begun_anew = before is None or before.begun_s != twin.begun_s
        by_itself = any(event.name == "restarted" for event in result.events)
        orders_given = before is not None and before.memory.orders != twin.memory.orders
        checker = checkers.setdefault(number, checker_of(twin.equipment))
        checker.see(
            Record(
                now_s,
                readings,
                permission,
                result.outputs,
                result.events,
                shown,
                twin.settings,
                started=started,
                failed=failed,
                # a lockout ends by a person's hand only, while the process does not run
                service_reset=started and not twin.memory.lockout,
                preset=orders_given,
                begun_s=twin.begun_s if begun_anew and not by_itself else None,
            )
        )
    return len(steps)
