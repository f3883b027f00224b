"""What a fault that pauses charging (class P) shows: no Faulted, but SuspendedEVSE with its error code."""

from schemas.faults import FAULTS
from schemas.hmi import LightPattern
from tests.virtual.charging_station import Status
from tests.virtual.fault_bench import FaultBench


def expect_pause(bench: FaultBench, code: str, within_s: float) -> None:
    """It is raised once, in time, and told to the session, the light and the backend, if there is one."""
    bench.until(lambda: code in bench.safety(1).faults, within_s)
    bench.settle()
    assert [edge.raised for edge in bench.edges(code)] == [True]
    bench.expect_shown(code)
    error_code = FAULTS[code].error_code
    bench.until(lambda: bench.session(1).error_code == error_code, within_s=1.0)
    bench.until(lambda: bench.status(1) is Status.SUSPENDED_EVSE, within_s=8.0)
    bench.until(lambda: bench.light(1) is LightPattern.SUSPENDED, within_s=1.0)
    if bench.backend.connected:
        wanted = (Status.SUSPENDED_EVSE.value, error_code, FAULTS[code].internal_code)
        bench.until(lambda: wanted in _told(bench), within_s=10.0)


def _told(bench: FaultBench) -> list[tuple[str, str, str]]:
    """Status, error code and vendor's error code of every StatusNotification."""
    told = bench.backend.payloads("StatusNotification")
    return [(each["status"], each["errorCode"], each.get("vendorErrorCode", "")) for each in told]
