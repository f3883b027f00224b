"""Every fault the simulated site knows, while a car charges: no invariant breaks, and the next vehicle charges."""

from pathlib import Path

import pytest

from hardware.sim.site.faults import FAULTS
from schemas.faults import FAULTS as CATALOGUE
from schemas.station import OUTPUTS, TEMPERATURES
from tests.virtual.charging_station import CARD, Status
from tests.virtual.fault_bench import FaultBench

pytestmark = [pytest.mark.virtual, pytest.mark.long]

CONNECTOR = 'output_sense = true\nphase_switching = true\nlock_actuator = "with emergency release"'
INPUTS = {
    "rcd": "normally closed",
    "mcb": "normally open",
    "monitoring_relay": "normally open",
    "line": "normally open",
    "protective_earth": "normally open",
    "overcurrent": "normally open",
    "emergency_stop": "normally closed",
}
EQUIPMENT = f"""
inputs = {{ {", ".join(f'{name} = "{contact}"' for name, contact in INPUTS.items())} }}
outputs = {list(OUTPUTS)}
temperatures = {list(TEMPERATURES)}
fan = true
"""
VALUES = {"proximity": 350.0, "rcd_trip": 1.0}
"""Where the default would hardly hurt."""


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_comes_and_goes_and_the_next_vehicle_charges(name: str, tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, connector=CONNECTOR, equipment=EQUIPMENT, RCDENABLE="On")
    bench.charge_fully(ready_after_s=0.5)
    bench.inject(name, VALUES.get(name))
    bench.advance(12.0)
    assert all(code in CATALOGUE for code in bench.safety(1).faults)
    bench.unplug()
    bench.advance(3.0)
    bench.clear(name)
    bench.advance(3.0)
    if bench.safety(1).faults and bench.safety(1).faults[0] == "contactor_welded":
        bench.reset_lockouts()
    bench.until(lambda: bench.status() is Status.AVAILABLE, within_s=120.0)
    bench.plug_in(ready_after_s=0.5)
    bench.swipe_until(bench.flows, CARD, within_s=60.0)
    assert len({bill.started.transaction_id for bill in bench.bills()}) == len(bench.bills())
