"""Figures of `bench ocpp` from given measurements, and the message that it measures with."""

import pytest

from chargectl.bench.ocpp import CPU_LIMIT, LIBRARY, OURS, RAW, figures
from chargectl.bench.ocpp_backend import answer
from chargectl.bench.ocpp_clients import meter_values
from tests.backend.judge import complaints

pytestmark = pytest.mark.unit


def measured(ours: float, raw: float, library: float) -> dict[str, list[float]]:
    return {OURS: [ours, ours * 2], RAW: [raw, raw * 2], LIBRARY: [library, library * 2]}


def test_ratios_are_taken_slice_by_slice_and_the_middle_repeat_counts() -> None:
    books = [measured(1.0, 1.0, 10.0), measured(1.2, 1.0, 12.0), measured(9.0, 1.0, 90.0)]
    cpu, less, drain = figures(books, [2.0, 1.0, 3.0])
    assert (cpu.value, cpu.limit, cpu.passed) == (1.2, CPU_LIMIT, True)
    assert cpu.runs == (1.0, 1.2, 9.0)
    assert less.value == pytest.approx(10.0)
    assert less.limit is None
    assert drain.value == 2.0
    assert figures([measured(1.4, 1.0, 10.0)], [1.0])[0].passed is False


def test_the_message_measured_with_is_a_real_one_of_twelve_values() -> None:
    message = meter_values(7)
    assert complaints("MeterValues", message) == []
    assert len(message["meterValue"][0]["sampledValue"]) == 12


@pytest.mark.parametrize(
    "action", ["BootNotification", "Heartbeat", "MeterValues", "StartTransaction", "StopTransaction"]
)
def test_the_benchs_backend_answers_as_the_schemas_want(action: str) -> None:
    assert complaints(f"{action}Response", answer(action)) == []
