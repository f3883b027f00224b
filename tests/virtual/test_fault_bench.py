"""How a fault injection is written: three rows of the table on the bench, and the bench's own eyes."""

from pathlib import Path

import pytest

from hardware.interfaces import PilotMode
from schemas.safety import Lock, PilotState
from schemas.session import StopReason
from services.safety.state import Outputs
from tests.backend.scripted import ScriptedBackend
from tests.second_taking import EVERY
from tests.virtual.charging_station import Status
from tests.virtual.fault_bench import FaultBench

pytestmark = pytest.mark.virtual


@pytest.fixture
def bench(tmp_path: Path) -> FaultBench:
    """32 A flow."""
    station = FaultBench(tmp_path)
    station.charge_fully()
    return station


def test_f1_the_vehicle_opens_s2_the_contactor_follows_and_the_offer_stays(bench: FaultBench) -> None:
    bench.site.ev_pause(1)
    bench.expect_open(within_s=0.1)
    bench.advance(0.5)
    bench.expect_no_fault()
    assert (bench.safety(1).state, bench.last_step().outputs.mode) == (PilotState.B2, PilotMode.PWM)
    assert bench.safety(1).offered_a == pytest.approx(32.0, abs=0.06)


def test_f2_pulled_under_32_a_the_plug_is_released_after_the_contacts_are_open(bench: FaultBench) -> None:
    bench.unplug(cable_stays=True)
    bench.expect_open(within_s=0.1)
    assert bench.locked()
    bench.until_ended()
    assert bench.bill().stopped.reason is StopReason.EV_DISCONNECTED  # type: ignore[union-attr]
    bench.until(lambda: bench.safety(1).lock is Lock.UNLOCKED, within_s=3.0)
    bench.expect_no_fault()


def test_f4_a_pilot_shorted_to_earth_opens_the_contactor_and_is_told_everybody(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path, backend=ScriptedBackend())
    bench.charge_fully()
    bench.inject("pilot_short")
    bench.expect_fault("pilot_shorted", within_s=0.1)
    bench.expect_open(within_s=0.1)
    assert bench.safety(1).state is PilotState.E
    bench.clear("pilot_short")
    bench.expect_cleared("pilot_shorted", within_s=3.0)
    bench.until_current_flows(within_s=45.0)
    assert bench.status() is Status.CHARGING
    bench.backend.check()


def test_the_bench_sees_every_step_and_a_broken_invariant_ends_the_test(bench: FaultBench) -> None:
    before = len(bench.steps[1])
    bench.advance(0.2)
    assert len(bench.steps[1]) > before
    seat = bench._seats[1]
    broken = bench.last_step()
    result = type("Result", (), {"outputs": Outputs(coil=True, mode=PilotMode.F), "events": ()})()
    seat.readings = broken.readings
    with pytest.raises(AssertionError, match="invariant"):
        bench._see(seat, result, bench.clock.boot_s)


def test_a_restart_of_safety_begins_the_invariants_anew_but_keeps_what_was_welded(bench: FaultBench) -> None:
    bench.restart("safety")
    bench.advance(0.01)
    assert any(record.started for record in list(bench.steps[1])[1:])
    bench.until_current_flows(within_s=45.0)
    bench.expect_no_fault()


def test_one_step_in_five_of_the_bench_is_taken_a_second_time(bench: FaultBench) -> None:
    """Invariant 29; a copy that is not the same gives something else."""
    compared = bench.second.compared
    assert compared > 0.9 * sum(map(len, bench.steps.values())) / EVERY
    bench.until(lambda: 1 in bench.second._twins, within_s=1.0)
    _, _, twin = bench.second._twins[1]
    twin.faults.f_until_s = bench.clock.boot_s + 10.0
    with pytest.raises(AssertionError, match="invariant 29"):
        bench.advance(0.1)
