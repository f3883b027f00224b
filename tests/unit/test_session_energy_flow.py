"""When energy counts as flowing: thresholds, hysteresis, and what is said when."""

import pytest

from schemas.metering import Reading
from services.session.connectors.energy_flow import LASTS_S, EnergyFlow, Flow, judge

pytestmark = pytest.mark.unit


def amperes(*phases: float) -> Reading:
    one, two, three = phases if len(phases) == 3 else (phases[0], 0.0, 0.0)
    return Reading(sampled_s=1.0, sampled_wall_s=1.0, current_a=(one, two, three))


def watts(power_w: float) -> Reading:
    return Reading(sampled_s=1.0, sampled_wall_s=1.0, power_w=power_w)


@pytest.mark.parametrize(
    ("reading", "before", "expected"),
    [
        (amperes(0.5), Flow.RESTS, Flow.FLOWS),
        (amperes(0.49), Flow.RESTS, Flow.RESTS),
        (amperes(0.0, 0.0, 0.5), Flow.RESTS, Flow.FLOWS),
        (amperes(0.3), Flow.FLOWS, Flow.FLOWS),
        (amperes(0.29), Flow.FLOWS, Flow.RESTS),
        (amperes(0.4), Flow.UNKNOWN, Flow.RESTS),
        (amperes(-16.0, -16.0, -16.0), Flow.RESTS, Flow.FLOWS),
        (amperes(-0.49), Flow.RESTS, Flow.RESTS),
        (amperes(0.1, -0.3, 0.0), Flow.FLOWS, Flow.FLOWS),
        (watts(120.0), Flow.RESTS, Flow.FLOWS),
        (watts(119.0), Flow.RESTS, Flow.RESTS),
        (watts(-3000.0), Flow.RESTS, Flow.FLOWS),
        (watts(70.0), Flow.FLOWS, Flow.FLOWS),
        (watts(69.0), Flow.FLOWS, Flow.RESTS),
        (Reading(sampled_s=1.0, sampled_wall_s=1.0, energy_import_wh=5), Flow.FLOWS, Flow.UNKNOWN),
        (None, Flow.FLOWS, Flow.UNKNOWN),
    ],
)
def test_a_closed_contactor_and_a_reading_say_whether_it_flows(
    reading: Reading | None, before: Flow, expected: Flow
) -> None:
    assert judge(False, reading, before) is expected


@pytest.mark.parametrize("reading", [amperes(16.0), watts(3000.0), None])
def test_behind_an_open_contactor_nothing_flows_whatever_a_meter_says(reading: Reading | None) -> None:
    assert judge(True, reading, Flow.FLOWS) is Flow.RESTS


def test_a_change_counts_when_it_has_lasted_and_is_said_once() -> None:
    flow = EnergyFlow()
    assert flow.look(True, None, 0.0) is None
    assert flow.look(True, None, LASTS_S) is None, "at the start nothing has changed"
    assert flow.look(False, amperes(10.0), 10.0) is None
    assert flow.due_s == 10.0 + LASTS_S
    assert flow.look(False, amperes(10.0), 11.9) is None
    assert flow.look(False, amperes(10.0), 12.0) is Flow.FLOWS
    assert flow.look(False, amperes(10.0), 13.0) is None
    assert flow.look(False, None, 20.0) is None
    assert flow.look(False, amperes(10.0), 21.0) is None, "it was gone too shortly"
    assert flow.look(False, amperes(10.0), 29.0) is None
    assert flow.look(False, None, 30.0) is None
    assert flow.look(False, None, 32.0) is Flow.UNKNOWN
    assert flow.look(True, None, 33.0) is None
    assert flow.look(True, None, 35.0) is Flow.RESTS


def test_energy_that_flows_when_the_process_starts_is_said() -> None:
    flow = EnergyFlow()
    flow.look(False, amperes(10.0), 0.0)
    assert flow.look(False, amperes(10.0), LASTS_S) is Flow.FLOWS
