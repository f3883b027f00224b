"""A real station, all its processes, on a serial line to a simulated microcontroller."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from hardware.linux.clock import boot_s
from hardware.sim.site import Ev
from hardware.sim.site.connector import Refusal
from tests.board_rigs import McuBench
from tests.process.conftest import MakeStation
from tests.running_station import wait_until

pytestmark = pytest.mark.process


def station_text(port: Path) -> str:
    return f"""\
[station]
board = "mcu"
model = "Bench AC"
serial = "BENCH-1"
[mcu]
port = "{port}"
[connector.1]
meter = "none"
[equipment]
outputs = ["auxiliary"]
temperatures = ["housing"]
[settings]
FreeCharging = true
"""


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[McuBench]:
    made = McuBench(tmp_path, station_text)
    yield made
    made.end()


def plugs_in(bench: McuBench) -> bool:
    """Not while the station tries its lock."""
    try:
        bench.do(lambda site: site.plug_in(1, Ev(ready_after_s=0.2)))
    except Refusal:
        return False
    return True


def test_a_stopped_safety_process_loses_its_contactor_by_the_microcontrollers_own_rule(
    bench: McuBench, make_station: MakeStation
) -> None:
    station = make_station(text=bench.text).start()
    assert "world" not in [name for name in station.names() if station.process(name)]
    wait_until(lambda: plugs_in(bench), "the socket takes the plug", 20.0)
    wait_until(lambda: bench.site.flows[1].current_a[0] > 5.0, "a car charges", 40.0)
    process = station.process("safety")
    os.kill(process, signal.SIGSTOP)
    stopped_s = boot_s()
    contactor = bench.site.connectors[1].contactor
    try:
        wait_until(lambda: not contactor.coil, "the coil falls", 2.0)
        # The line was silent from then on; what the machine adds to the rig's own turn is allowed for.
        assert contactor.coil_off_s - bench.heard_s <= 0.25
        assert contactor.coil_off_s - stopped_s <= 0.25
        wait_until(lambda: not bench.site.mirror(1), "the contacts open", 2.0)
    finally:
        os.kill(process, signal.SIGCONT)
    assert station.stop() == 0
