"""Rows of the fault-injection table that other files take together, each on its own: reaction, bound, one rise and one
clear of the right fault with its OCPP error code, the light, and every step held against the invariants.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from bus.clock import Now
from bus.envelope import Received
from bus.topics import METERING_READING, SYSTEM_FAULTS
from hardware.interfaces import PilotMode
from schemas.safety import PilotState
from schemas.session import StopReason
from services.runner import Context, Service
from services.safety.timings import PILOT_VALID_CONNECTED_S, SAMPLE_CONNECTED_S
from tests.backend.scripted import ScriptedBackend
from tests.virtual.charging_station import CARD, Status
from tests.virtual.fault_bench import FaultBench
from tests.virtual.test_faults_disk import read_only

pytestmark = pytest.mark.virtual


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[FaultBench]:
    """32 A flow, the blanking after the closing is over, and a backend listens."""
    station = FaultBench(tmp_path, backend=ScriptedBackend())
    station.charge_fully()
    station.advance(2.0)
    yield station
    station.backend.check()


def stops(bench: FaultBench, code: str, open_s: float, told_s: float) -> None:
    """The contacts are open within `open_s`, the fault is told within `told_s`, both from now."""
    took_s = bench.expect_open(within_s=open_s)
    bench.expect_fault(code, within_s=max(0.0, told_s - took_s))


def resumes(bench: FaultBench, code: str) -> None:
    """The cause is gone: the fault ends once, and after 30 s the same transaction goes on."""
    bench.expect_cleared(code, within_s=7.0)
    off_s = bench.parts().contactor.coil_off_s
    bench.until_current_flows(within_s=45.0)
    assert bench.parts().contactor.coil_on_s - off_s >= 30.0
    assert len(bench.bills()) == 1


def waits_for_unplug_and_self_test(bench: FaultBench, code: str) -> None:
    bench.advance(40.0)
    assert code in bench.safety(1).faults
    assert not bench.flows()
    bench.unplug()
    bench.expect_cleared(code, within_s=6.0)
    bench.until_ended()


# the pilot


def test_f7_a_pilot_between_two_states_stops_within_200_ms(bench: FaultBench) -> None:
    bench.inject("pilot_gap", 7.5)
    stops(bench, "pilot_level_invalid", open_s=0.2, told_s=0.2)
    bench.clear("pilot_gap")
    resumes(bench, "pilot_level_invalid")


def test_f10_a_vehicle_without_its_resistors_is_never_offered_more_than_a_plug(tmp_path: Path) -> None:
    """An open diode leaves the positive level of an empty socket: no vehicle."""
    bench = FaultBench(tmp_path)
    bench.inject("pilot_open")
    bench.plug_in()
    bench.swipe(CARD)
    bench.advance(30.0)
    assert bench.safety(1).state is PilotState.A
    assert bench.parts().contactor.closings == 0
    assert all(step.outputs.mode is not PilotMode.PWM for step in bench.steps[1])
    bench.expect_no_fault()


def test_f19_a_wrong_frequency_of_the_pwm_stops_within_1_s(bench: FaultBench) -> None:
    bench.inject("pwm_frequency", 900.0)
    stops(bench, "pilot_output", open_s=1.0, told_s=1.0)
    bench.clear("pwm_frequency")
    resumes(bench, "pilot_output")


def test_f20_samples_that_stand_still_open_50_ms_and_a_step_after_the_last_good_one(bench: FaultBench) -> None:
    bench.inject("pilot_frozen")
    bench.coil_off_within(PILOT_VALID_CONNECTED_S + SAMPLE_CONNECTED_S)
    stops(bench, "pilot_unreadable", open_s=0.03, told_s=0.6)
    bench.clear("pilot_frozen")
    resumes(bench, "pilot_unreadable")


def test_f21_a_sample_that_is_not_a_number_opens_in_the_step_that_sees_it(bench: FaultBench) -> None:
    bench.inject("pilot_nan")
    bench.coil_off_within(SAMPLE_CONNECTED_S)
    stops(bench, "pilot_unreadable", open_s=0.03, told_s=0.6)
    bench.clear("pilot_nan")
    resumes(bench, "pilot_unreadable")


# the contactor and the lock


def test_f26_a_contactor_that_drops_out_is_switched_off_within_100_ms_and_tried_after_30_s(bench: FaultBench) -> None:
    bench.inject("coil_brownout", 50.0)
    bench.expect_fault("contactor_unexpected_open", within_s=0.1)
    assert not bench.last_step().outputs.coil
    bench.clear("coil_brownout")
    resumes(bench, "contactor_unexpected_open")


def test_f56_a_lock_whose_feedback_opens_while_charging_stops_within_100_ms(bench: FaultBench) -> None:
    bench.inject("lock_opens")
    stops(bench, "lock_unexpected_open", open_s=0.1, told_s=0.1)
    bench.clear("lock_opens")
    resumes(bench, "lock_unexpected_open")


# residual current


def test_f31_60_ma_of_direct_current_trip_within_300_ms(bench: FaultBench) -> None:
    bench.inject("residual_dc", 60.0)
    stops(bench, "residual_current_dc", open_s=0.33, told_s=0.33)
    bench.clear("residual_dc")
    waits_for_unplug_and_self_test(bench, "residual_current_dc")


def test_f32_200_ma_of_direct_current_trip_within_100_ms(bench: FaultBench) -> None:
    bench.inject("residual_dc", 200.0)
    stops(bench, "residual_current_dc", open_s=0.13, told_s=0.13)
    bench.clear("residual_dc")
    waits_for_unplug_and_self_test(bench, "residual_current_dc")


def test_f33_30_ma_of_alternating_current_trip_within_300_ms(bench: FaultBench) -> None:
    bench.inject("residual_rms", 30.0)
    stops(bench, "residual_current_rms", open_s=0.33, told_s=0.33)
    bench.clear("residual_rms")
    waits_for_unplug_and_self_test(bench, "residual_current_rms")


# mains and disk


class WithPhaseOrder(FaultBench):
    """A meter that knows the order of its phases, which none of the models in the table does."""

    order = 1

    def _build_safety(self, context: Context) -> Service:
        service = super()._build_safety(context)
        hear = service.on_message

        def hear_more(message: Received, now: Now) -> None:
            if message.topic is METERING_READING and message.body.reading is not None:
                reading = structs.replace(message.body.reading, phase_order=self.order)
                message = structs.replace(message, body=structs.replace(message.body, reading=reading))
            hear(message, now)

        service.on_message = hear_more  # type: ignore[method-assign]
        return service


def test_f68_phases_in_the_wrong_order_are_warned_of_within_3_s_and_charging_goes_on(tmp_path: Path) -> None:
    bench = WithPhaseOrder(tmp_path, backend=ScriptedBackend())
    bench.charge_fully()
    bench.inject("phase_rotation", 3.0)
    bench.order = -1
    bench.expect_fault("phase_sequence", within_s=3.2)
    bench.watch_current()
    bench.advance(10.0)
    assert bench.status() is Status.CHARGING
    assert bench.least_a is not None
    assert bench.least_a > 31.0
    bench.clear("phase_rotation")
    bench.order = 1
    bench.expect_cleared("phase_sequence", within_s=4.0)
    bench.backend.check()


@pytest.mark.parametrize("resumes_after", ["false", "true"])
def test_f75_a_power_cut_ends_the_transaction_with_its_reason_or_resumes_it(tmp_path: Path, resumes_after: str) -> None:
    bench = FaultBench(tmp_path, RestartTransAfterPowerLoss=resumes_after)
    bench.charge_fully()
    bench.advance(5.0)
    bench.lose_mains()
    bench.advance(5.0)
    bench.mains_back()
    bench.until_heard()
    if resumes_after == "true":
        bench.until_current_flows(within_s=60.0)
        assert bench.bill().stopped is None
        bench.swipe_until(lambda: bench.bill().stopped is not None)
    else:
        bench.until_ended()
        assert bench.bill().stopped.reason is StopReason.POWER_LOSS  # type: ignore[union-attr]
    assert bench.bill().energy_wh == bench.register_wh()


def test_f87_while_the_begin_of_a_transaction_cannot_be_stored_the_coil_stays_off(tmp_path: Path) -> None:
    bench = FaultBench(tmp_path)
    bench.advance(1.0)
    with read_only(bench):
        bench.plug_in()
        bench.advance(1.0)
        bench.swipe(CARD)
        bench.advance(12.0)
        assert (bench.status(), bench.bills()) == (Status.PREPARING, [])
        assert not any(step.outputs.coil for step in bench.steps[1])
        (shown,) = [each for each in bench.last(SYSTEM_FAULTS).faults if each.owner == "session"]
        assert (shown.fault.code, shown.error_code, shown.internal_code) == (
            "disk_read_only", "InternalError", "06-01-003",
        )  # fmt: skip
        assert [edge.raised for edge in bench.edges("disk_read_only", "session", 0)] == [True]
        bench.expect_light_of_status()
    bench.advance(8.0)
    bench.swipe_until(lambda: bench.flows())
    assert len(bench.bills()) == 1
    assert [edge.raised for edge in bench.edges("disk_read_only", "session", 0)] == [True, False]
