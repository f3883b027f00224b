"""The replay of recorded steps (`tests/recorded_steps.py`), which judges every process test, sees what is wrong."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hardware.interfaces import LockDrive
from services.runner import Context, Service
from services.safety.station import SafetyService
from tests.recorded_steps import FOLDER, check
from tests.step_recorder.safety_step_recorder import Recorder
from tests.virtual.charging_station import ChargingStation

pytestmark = pytest.mark.virtual


class RecordedStation(ChargingStation):
    def _build_safety(self, context: Context) -> Service:
        service = super()._build_safety(context)
        assert isinstance(service, SafetyService)
        service.watch = Recorder(context.home.root / FOLDER)
        return service


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A charge has been recorded."""
    station = RecordedStation(tmp_path)
    station.charge()
    station.advance(5.0)
    station.shut_down()
    return station.home.root


def rewritten(home: Path, change: Callable[[list[Any]], None]) -> None:
    (path,) = (home / FOLDER).iterdir()
    steps = []
    with path.open("rb") as file:
        while file.peek(1):  # type: ignore[attr-defined]
            steps.append(list(pickle.load(file)))
    change(steps)
    path.write_bytes(b"".join(pickle.dumps(tuple(step)) for step in steps))


def test_a_charge_is_recorded_and_breaks_nothing(home: Path) -> None:
    assert check(home) > 200


def test_another_output_than_the_core_gives_is_seen(home: Path) -> None:
    def unlock_once(steps: list[Any]) -> None:
        place = next(at for at, step in enumerate(steps) if step[4].outputs.coil and step[-1] is None)
        steps[place][4] = steps[place][4]._replace(outputs=steps[place][4].outputs._replace(lock=LockDrive.UNLOCK))

    rewritten(home, unlock_once)
    with pytest.raises(AssertionError, match="replayed at"):
        check(home)


def test_a_broken_invariant_is_seen_where_nothing_can_be_replayed(home: Path) -> None:
    """The steps after a change from outside: they come with a whole state."""

    def pretend(steps: list[Any]) -> None:
        place = next(at for at, step in enumerate(steps) if step[4].outputs.coil)
        steps[place][-1] = next(step[-1] for step in steps if step[-1] is not None)
        steps[place][2] = steps[place][2]._replace(lock=None)

    rewritten(home, pretend)
    with pytest.raises(AssertionError, match="invariant 6"):
        check(home)


def test_a_record_that_ends_in_the_middle_of_a_step_counts_up_to_there(home: Path) -> None:
    (path,) = (home / FOLDER).iterdir()
    whole = check(home)
    path.write_bytes(path.read_bytes()[:-7])
    assert check(home) == whole - 1
