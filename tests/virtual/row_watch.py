"""Whether a test of the fault-injection table ran with the invariant checker: its stations themselves are asked."""

import re

from services.runner import Service
from services.safety.station import SafetyService
from tests.virtual.fault_bench import FaultBench
from tests.virtual_cell import Cell

ROW = re.compile(r"^test_f\d+_")
"""The name of a test of a row."""


class RowWatch:
    """Of one test. It is told of every service that a station of this test starts."""

    def __init__(self) -> None:
        self._stations: list[Cell] = []
        self._cores: list[SafetyService] = []

    def started(self, station: Cell, service: Service) -> None:
        if isinstance(service, SafetyService):
            self._stations.append(station)
            self._cores.append(service)

    def check(self) -> None:
        """Raises AssertionError for a `safety` whose steps nobody held against the invariants."""
        assert self._stations, "no station ran in this test of a fault row"
        for station, core in zip(self._stations, self._cores, strict=True):
            seen_by = getattr(core.watch, "__func__", None)
            assert seen_by is FaultBench._see, f"`safety` ran without the invariant checker: {type(station).__name__}"
            assert isinstance(station, FaultBench)
            assert all(station.steps.values()), "the invariant checker has seen no step"
            assert set(station.steps) == set(station.station.connectors), "a connector took no step"
