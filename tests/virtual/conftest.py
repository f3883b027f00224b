"""For the tests of the virtual station: no row of the fault-injection table passes without the invariant checker."""

from collections.abc import Iterator

import pytest

from tests.virtual.row_watch import ROW, RowWatch
from tests.virtual_cell import Cell


@pytest.fixture(autouse=True)
def _row_watch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    if not ROW.match(request.node.name):
        yield
        return
    watch, start = RowWatch(), Cell.start

    def start_seen(station: Cell, owner: str) -> None:
        start(station, owner)
        watch.started(station, station.processes[owner].service)

    monkeypatch.setattr(Cell, "start", start_seen)
    yield
    watch.check()
