"""Stations for process tests; each ends with its test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.running_station import STATION, RunningStation

MakeStation = Callable[..., RunningStation]


@pytest.fixture
def make_station(tmp_path: Path) -> Iterator[MakeStation]:
    """`make_station(name="home", text=STATION)`: not started yet."""
    made: list[RunningStation] = []

    def make(name: str = "home", text: str = STATION) -> RunningStation:
        made.append(RunningStation(tmp_path / name, text))
        return made[-1]

    yield make
    for station in made:
        station.clean_up()


@pytest.fixture
def running_station(make_station: MakeStation) -> RunningStation:
    """A station of its own, all services healthy."""
    return make_station().start()


@pytest.fixture(scope="module")
def shared_station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStation]:
    """One station for the tests of a file that leave it as they found it."""
    station = RunningStation(tmp_path_factory.mktemp("shared") / "home")
    try:
        yield station.start()
    finally:
        station.clean_up()
