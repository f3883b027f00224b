"""Parts are tried out with no vehicle present; a vehicle, a wish of the session or a kill ends that safely."""

from pathlib import Path

import pytest

from bus.endpoint import Endpoint
from bus.topics import SAFETY_EXERCISE, SAFETY_LOOK
from hardware.interfaces import PilotMode
from hardware.sim.site.connector import Refusal
from schemas.base import Answer, Answered
from schemas.safety import ExerciseRequest, LookRequest, PilotState
from services.safety.memory import Memory
from tests.virtual.charging_station import ChargingStation, Status
from tests.virtual.fault_bench import FaultBench

pytestmark = pytest.mark.virtual


@pytest.fixture
def station(tmp_path: Path) -> FaultBench:
    bench = FaultBench(tmp_path)
    bench.until(lambda: bench.status() is Status.AVAILABLE, within_s=20.0)
    bench.advance(5.0)
    return bench


def request(station: ChargingStation, what: str, **fields: object) -> ExerciseRequest:
    expires_s = station.clock.boot_s + 30.0
    return ExerciseRequest(request_id=station.new_id(), expires_s=expires_s, what=what, **fields)  # type: ignore[arg-type]


def tried(station: ChargingStation, what: str, **fields: object) -> Answered:
    return station.ask(SAFETY_EXERCISE, request(station, what, **fields))


def look(station: ChargingStation, connector: int) -> dict[str, str]:
    expires_s = station.clock.boot_s + 5.0
    return station.ask(
        SAFETY_LOOK, LookRequest(request_id=station.new_id(), expires_s=expires_s, connector=connector)
    ).values


@pytest.mark.parametrize(
    ("what", "measured"),
    [
        ("lock", {"lock_s", "unlock_s"}),
        ("residual", {"dc_trip_s", "rms_trip_s", "dc_clear_s", "rms_clear_s"}),
        ("pilot", {"x1", "6_a", "16_a", "32_a", "63_a", "f"}),
    ],
)
def test_a_healthy_part_passes_and_is_measured(station: FaultBench, what: str, measured: set[str]) -> None:
    answered = tried(station, what)
    assert answered.outcome is Answer.ACCEPTED
    assert answered.values.pop("passed") == "yes", answered.reason
    assert set(answered.values) == measured
    station.until(lambda: station.status() is Status.AVAILABLE, within_s=20.0)
    station.charge_fully()


def test_the_contactor_closes_only_when_asked_explicitly(station: FaultBench) -> None:
    refused = tried(station, "contactor")
    assert refused.outcome is Answer.REJECTED
    assert "--close-contactor" in refused.reason
    cycles = station.safety(1).contactor_cycles
    answered = tried(station, "contactor", force=True)
    assert answered.values.pop("passed") == "yes", answered.reason
    assert 10 <= int(answered.values["closing_ms"]) <= 40
    assert 5 <= int(answered.values["opening_ms"]) <= 30
    assert not station.connector().contactor.closed
    station.advance(1.0)
    assert station.safety(1).contactor_cycles == cycles + 1


@pytest.mark.parametrize(
    ("fault", "what", "words"),
    [
        ("lock", "lock", "did not follow"),
        ("residual_dead", "residual", "did not trip"),
        ("pwm_stuck", "pilot", "duty cycle"),
        ("contactor_no_close", "contactor", "does not say that it closed"),
    ],
)
def test_a_broken_part_fails_with_words(station: FaultBench, fault: str, what: str, words: str) -> None:
    station.inject(fault)
    answered = tried(station, what, force=True)
    assert answered.values["passed"] == "no"
    assert words in answered.reason


def test_it_is_refused_with_a_vehicle_or_for_a_part_that_is_not_there(station: FaultBench) -> None:
    station.charge_fully()
    for what in ("lock", "residual", "pilot", "contactor"):
        answered = tried(station, what, force=True)
        assert answered.outcome is Answer.REJECTED
        assert "unplug" in answered.reason
    assert station.flows()
    assert "no part" in tried(station, "nonsense").reason
    assert "no such connector" in tried(station, "lock", connector=7).reason


def test_while_it_runs_nothing_is_offered_and_the_connector_is_unavailable(station: FaultBench) -> None:
    _start(station, "pilot")
    station.advance(0.5)
    assert station.safety(1).state is PilotState.BOOT
    assert "tried out" in station.safety(1).reason
    assert station.status() is not Status.CHARGING
    station.advance(20.0)
    assert station.status() is Status.AVAILABLE


def test_nothing_can_be_put_into_a_socket_that_is_tried_out_live(station: FaultBench) -> None:
    _start(station, "contactor", force=True)
    station.until(lambda: station.connector().contactor.closed, within_s=1.5)
    with pytest.raises(Refusal, match="locked"):
        station.plug_in()


def test_a_vehicle_that_arrives_ends_it_at_once_and_charges(tmp_path: Path) -> None:
    station = FaultBench(tmp_path, connector='cable = "fixed"')
    station.until(lambda: station.status() is Status.AVAILABLE, within_s=20.0)
    station.advance(5.0)
    _start(station, "contactor", force=True)
    station.until(lambda: station.connector().contactor.closed, within_s=1.5)
    station.plug_in()
    took_s = station.expect_open(within_s=0.1)
    assert took_s <= 0.1
    station.advance(10.0)
    station.swipe_until(lambda: station.flows())


def test_a_card_ends_it(station: FaultBench) -> None:
    _start(station, "pilot")
    station.advance(0.2)
    station.plug_in()
    station.swipe_until(lambda: station.flows())


@pytest.mark.parametrize("what", ["lock", "residual", "pilot", "contactor", "output"])
def test_a_kill_in_the_middle_leaves_everything_safe(station: FaultBench, what: str) -> None:
    _start(station, what, force=True, output="relay_2")
    station.advance(0.3)
    station.kill("safety")
    station.advance(0.2)
    assert not station.connector().contactor.closed, "the monoflop opens"
    station.start("safety")
    station.advance(0.1)
    seat = station.processes["safety"].service._seats[1]  # type: ignore[attr-defined]
    assert not seat.outputs.coil
    assert seat.outputs.mode is PilotMode.X1
    assert not station.site.outputs.pins["relay_2"]
    station.until(lambda: station.status() is Status.AVAILABLE, within_s=30.0)
    station.charge_fully()


def test_an_output_is_on_for_a_second_and_read_back(station: FaultBench) -> None:
    answered = tried(station, "output", output="output_1")
    assert answered.values["passed"] == "yes"
    assert not station.site.outputs.pins["output_1"]
    station.inject("output_stuck", 3.0)
    assert tried(station, "output", output="output_1").values["passed"] == "no"
    assert "no output" in tried(station, "output", output="nonsense").reason
    assert "--auxiliary" in tried(station, "output", output="auxiliary").reason


@pytest.mark.parametrize("mode", ["Off", "Fan (temperature)"])
def test_a_fan_that_does_not_turn_is_found_when_its_output_is_tried_out(tmp_path: Path, mode: str) -> None:
    station = FaultBench(tmp_path, equipment="fan = true", VentHeatingCtrlMode=mode, VentHeatingTempThr="60")
    station.until(lambda: station.status() is Status.AVAILABLE, within_s=20.0)
    station.advance(5.0)
    healthy = tried(station, "output", output="climate")
    assert (healthy.values["passed"], healthy.values["fan"]) == ("yes", "3000 rpm"), healthy.reason
    station.inject("fan_stuck")
    stuck = tried(station, "output", output="climate")
    assert (stuck.values["passed"], stuck.values["fan"]) == ("no", "0 rpm")
    assert "the fan did not turn" in stuck.reason
    assert station.safety(1).faults == ()


def test_every_reading_can_be_looked_at(tmp_path: Path) -> None:
    station = FaultBench(
        tmp_path,
        connector="output_sense = true\nphase_switching = true",
        equipment='inputs = { tilt = "normally open" }',
    )
    station.charge_fully()
    station.inject("sensor_open_cpu")
    values = look(station, 1)
    assert values["pilot"].startswith("5.99 V / -12.00 V, 53.3 %, 1000 Hz (0.0")
    assert {"proximity", "mirror contact", "output voltage", "phase relay", "lock feedback", "residual current"} <= set(
        values
    )
    assert values["coil"] == "on"
    assert "32.0" in values["meter current"] or "31." in values["meter current"]
    of_station = look(station, 0)
    assert of_station["input tilt"] == "at rest"
    assert of_station["temperature cpu"] == "not read"
    assert of_station["output relay_2"] == "off, reads back off"
    station.inject("contactor_drops")
    station.advance(0.5)
    assert any("Contactor opened by itself" in text for text in look(station, 1).values())
    assert look(station, 5) == {}


# the pilot's calibration


def test_a_measurement_that_is_off_is_corrected_from_then_on(tmp_path: Path) -> None:
    station = FaultBench(tmp_path, AdcCpCalibrationCfg="On", power=False)
    station.site.fault("pilot_adc_offset", 1, True, 0.6)
    station.power_up()
    station.until(lambda: _memory(station).pilot_calibration is not None, within_s=30.0)
    gain, offset_v = _memory(station).pilot_calibration
    assert gain == pytest.approx(1.0, abs=1e-3)
    assert offset_v == pytest.approx(-0.6, abs=1e-3)
    station.until(lambda: station.status() is Status.AVAILABLE, within_s=30.0)
    assert look(station, 1)["pilot"].startswith("12.00 V")
    station.kill("safety")
    station.start("safety")
    station.advance(20.0)
    assert look(station, 1)["pilot"].startswith("12.00 V")
    station.charge_fully()


def test_without_the_key_nothing_is_corrected(tmp_path: Path) -> None:
    station = FaultBench(tmp_path)
    station.inject("pilot_adc_offset", 0.6)
    station.advance(30.0)
    assert look(station, 1)["pilot"].startswith("12.60 V")


def test_recalibrate_measures_again_at_the_next_start_and_never_with_a_vehicle(tmp_path: Path) -> None:
    station = FaultBench(tmp_path, AdcCpCalibrationCfg="Recalibrate")
    station.until(lambda: _memory(station).pilot_calibration is not None, within_s=30.0)
    station.advance(30.0)
    first = _memory(station).pilot_calibration
    station.inject("pilot_adc_offset", 0.4)
    station.advance(30.0)
    assert _memory(station).pilot_calibration == first, "once in each start"
    station.plug_in()
    station.power_cut()
    station.power_up()
    station.advance(60.0)
    assert _memory(station).pilot_calibration == first, "a vehicle is there"
    station.unplug()
    station.until(lambda: _memory(station).pilot_calibration != first, within_s=30.0)
    assert _memory(station).pilot_calibration[1] == pytest.approx(-0.4, abs=1e-3)


def test_a_correction_beyond_8_percent_is_refused(tmp_path: Path) -> None:
    station = FaultBench(tmp_path, AdcCpCalibrationCfg="On", power=False)
    station.site.fault("pilot_adc_offset", 1, True, 0.98)
    station.power_up()
    station.advance(40.0)
    assert _memory(station).pilot_calibration is None


def _memory(station: FaultBench) -> Memory:
    return station.processes["safety"].service._seats[1].state.memory  # type: ignore[attr-defined]


def _start(station: ChargingStation, what: str, **fields: object) -> None:
    """Asked, and not waited for."""
    client = Endpoint("test", station.clock, run_id="test", asks=(SAFETY_EXERCISE,))
    station.hub.join(client)
    client.request(SAFETY_EXERCISE, request(station, what, **fields))
    station.settle()
    station.hub.leave("test")
