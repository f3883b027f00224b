"""`bench footprint`: from memory and CPU of processes to figures."""

import os
import time

import pytest

from chargectl.bench.effort import BenchError
from chargectl.bench.footprint import SUPERVISORD, Footprint, figures_of
from chargectl.bench.processes import CpuMeter, pss_mib
from chargectl.bench.stations import SERVICES, STATION_SERVICES

pytestmark = pytest.mark.unit
NO_PROCESS = 2**22 + 1
"""Above the largest process id that Linux gives."""


def footprint(each_mib: float = 10.0, each_percent: float = 0.1) -> Footprint:
    names = (*STATION_SERVICES, SUPERVISORD)
    return Footprint(
        memory_mib={**dict.fromkeys(STATION_SERVICES, each_mib), SUPERVISORD: 15.0},
        cpu_percent=dict.fromkeys(names, each_percent),
        bare_mib=3.0,
        executed_mib=2.0 * (each_mib * len(STATION_SERVICES) + 15.0),
    )


def test_the_average_leaves_out_supervisord_and_the_simulated_world() -> None:
    assert set(SERVICES) - set(STATION_SERVICES) == {"world"}
    assert {"safety", "session", "metering"} <= set(STATION_SERVICES)
    assert figures_of([footprint()])[0].value == 10.0


def test_the_multiple_counts_supervisord_too() -> None:
    count = len(STATION_SERVICES)
    assert figures_of([footprint()])[1].value == pytest.approx((10.0 * count + 15.0) / (3.0 * count))


def test_idle_cpu_is_the_sum_of_everything_counted() -> None:
    assert figures_of([footprint()])[3].value == pytest.approx(0.1 * (len(STATION_SERVICES) + 1))


def test_what_sharing_saves_is_reported_without_a_limit() -> None:
    figure = figures_of([footprint()])[2]
    assert (figure.value, figure.limit, figure.passed) == (0.5, None, None)


@pytest.mark.parametrize(("mib", "percent", "verdicts"), [(11.0, 1.49, [True, True]), (11.1, 1.51, [False, False])])
def test_more_memory_or_idle_cpu_than_promised_is_missed(mib: float, percent: float, verdicts: list[bool]) -> None:
    processes = len(STATION_SERVICES) + 1
    figures = figures_of([footprint(mib, percent / processes)] * 3)
    assert [figures[0].passed, figures[3].passed] == verdicts


def test_every_process_is_listed_with_memory_and_cpu() -> None:
    names = {figure.name for figure in figures_of([footprint()])}
    for name in (*STATION_SERVICES, SUPERVISORD):
        assert {f"{name}: PSS", f"{name}: idle CPU"} <= names


def test_the_memory_of_this_process_can_be_read() -> None:
    assert 2.0 < pss_mib(os.getpid()) < 4000.0


def test_a_process_that_is_gone_is_named() -> None:
    with pytest.raises(BenchError, match=str(NO_PROCESS)):
        pss_mib(NO_PROCESS)
    with pytest.raises(BenchError, match=str(NO_PROCESS)):
        CpuMeter([NO_PROCESS])


def test_the_cpu_time_of_all_threads_is_counted() -> None:
    meter = CpuMeter([os.getpid()])
    began_s = time.process_time()
    while time.process_time() - began_s < 0.03:
        pass
    spent_s = meter.spent_s()[os.getpid()]
    assert 0.02 < spent_s <= time.process_time() - began_s + 0.05
