"""Whatever happens in whatever order: the stream, the journal and the bill stay right."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.message_queue import AuthorizationStatus, IdTagInfo
from schemas.metering import Quality
from schemas.safety import PilotState
from schemas.system import BootReason
from tests.virtual.session_cell import SessionCell, make_cell

pytestmark = pytest.mark.virtual

Act = Callable[[SessionCell], object]


def toggle_plug(cell: SessionCell) -> None:
    if cell.world.connected:
        cell.unplug()
    else:
        cell.plug()


def swap_vehicle(cell: SessionCell) -> None:
    """Faster than anybody looks: `safety` only counts."""
    cell.world.connected = True
    cell.world.plugs += 1
    cell.settle()


def kill_or_start(owner: str) -> Act:
    def act(cell: SessionCell) -> None:
        if owner in cell.processes:
            if owner == "safety":
                cell.world.advance(cell.clock.boot_s)
                cell.world.closed_a = 0.0
            cell.kill(owner)
        else:
            cell.start(owner)

    return act


def power_cut(reason: BootReason) -> Act:
    return lambda cell: cell.power_cut(reason)


def set_quality(quality: Quality) -> Act:
    def act(cell: SessionCell) -> None:
        cell.world.quality = quality

    return act


def set_disk(full: bool) -> Act:
    def act(cell: SessionCell) -> None:
        cell.disk_full = full

    return act


def ask_stop(cell: SessionCell) -> None:
    if "hmi" in cell.processes:
        cell.ask_stop(connector=1)


def swipe(tag: str) -> Act:
    return lambda cell: cell.swipe(tag) if "hmi" in cell.processes else None


def wait(seconds: float) -> Act:
    return lambda cell: cell.advance(seconds)


ACTS: dict[str, Act] = {
    "plug or unplug": toggle_plug,
    "another vehicle": swap_vehicle,
    "card A": swipe("CARD-A"),
    "card B": swipe("CARD-B"),
    "stranger": swipe("STRANGER"),
    "stop by command": ask_stop,
    "0.03 s": wait(0.03),
    "2 s": wait(2.0),
    "20 s": wait(20.0),
    "90 s": wait(90.0),
    "session": kill_or_start("session"),
    "safety": kill_or_start("safety"),
    "metering": kill_or_start("metering"),
    "settings": kill_or_start("settings"),
    "power cut": power_cut(BootReason.POWER_LOSS),
    "soft reset": power_cut(BootReason.SOFT_RESET),
    "meter silent": set_quality(Quality.SILENT),
    "meter good": set_quality(Quality.GOOD),
    "disk full": set_disk(True),
    "disk free": set_disk(False),
    "latched fault": lambda cell: cell.fault("pilot_diode", state=PilotState.LATCHED),
    "passing fault": lambda cell: cell.fault("pilot_output"),
    "no fault": lambda cell: cell.fault(),
    "free": lambda cell: cell.set_key("FreeCharging", "true"),
    "not free": lambda cell: cell.set_key("FreeCharging", "false"),
    "stays on unplug": lambda cell: cell.set_key("StopTransactionOnEVSideDisconnect", "false"),
    "stops on unplug": lambda cell: cell.set_key("StopTransactionOnEVSideDisconnect", "true"),
    "resumes": lambda cell: cell.set_key("RestartTransAfterPowerLoss", "true"),
}


def calm_down(cell: SessionCell) -> None:
    """Everybody back, everything working, and the vehicle gone: every transaction must find its end."""
    cell.disk_full = False
    cell.world.quality = Quality.GOOD
    for owner in cell.wirings:
        if owner not in cell.processes:
            cell.start(owner)
    cell.set_key("StopTransactionOnEVSideDisconnect", "true")
    cell.set_key("FreeCharging", "false")
    cell.fault()
    cell.unplug()
    cell.advance(100.0)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(
    names=st.lists(st.sampled_from(sorted(ACTS)), min_size=5, max_size=30),
    charging_first=st.booleans(),
    crash_at=st.integers(0, 300),
)
def test_facts_and_energy_are_right_after_any_history(names: list[str], charging_first: bool, crash_at: int) -> None:
    with tempfile.TemporaryDirectory() as directory:
        cell = make_cell(Path(directory))
        cell.advance(1.0)
        if charging_first:
            cell.plug()
            cell.swipe()
            cell.advance(3.0)
        cell.crash_at = cell.crash_points + crash_at if crash_at else 0
        for name in names:
            ACTS[name](cell)
        cell.crash_at = 0
        calm_down(cell)
        cell.check_stream()
        assert len(cell.started()) == len(cell.stopped()), cell.connector
        assert all(t.meter_stop_wh is not None for t in cell.journal())
        assert cell.status == "Available"
        billed = sum(s.meter_stop_wh for s in cell.stopped()) - sum(s.meter_start_wh for s in cell.started())
        drawn = cell.world.shown_wh - 100_000
        assert billed <= drawn, "energy was invented"
        if all(s.meter_stop_measured for s in cell.stopped()):
            assert billed == drawn, "energy was lost"
        cell.service.abandon()


# with a backend


def set_start_info(status: AuthorizationStatus) -> Act:
    def act(cell: SessionCell) -> None:
        cell.backend.start_info = IdTagInfo(status=status, parent_id_tag="FAMILY")

    return act


def set_silent(silent: bool) -> Act:
    def act(cell: SessionCell) -> None:
        cell.backend.silent = cell.backend.holds_answers = silent

    return act


def set_online(online: bool) -> Act:
    def act(cell: SessionCell) -> None:
        cell.backend.online = online
        if "ocpp_link" in cell.processes:
            cell.set_online(online)

    return act


def set_refusing(refusing: bool) -> Act:
    return lambda cell: cell.queue_says(charging_refused=refusing) if "message_queue" in cell.processes else None


BACKEND_ACTS: dict[str, Act] = {
    **ACTS,
    "friend": swipe("FRIEND"),
    "mother": swipe("MOTHER"),
    "message_queue": kill_or_start("message_queue"),
    "online": set_online(True),
    "offline": set_online(False),
    "backend silent": set_silent(True),
    "backend speaks": set_silent(False),
    "starts are refused": set_start_info(AuthorizationStatus.INVALID),
    "starts are accepted": set_start_info(AuthorizationStatus.ACCEPTED),
    "refused ids stay": lambda cell: cell.set_key("StopTransactionOnInvalidId", "false"),
    "remote start": lambda cell: cell.remote_start("FRIEND"),
    "remote start without asking": lambda cell: cell.set_key("AuthorizeRemoteTxRequests", "false"),
    "remote stop": lambda cell: cell.remote_stop(cell.backend.next_id - 1),
    "out of service": lambda cell: cell.change_availability(0, False),
    "in service": lambda cell: cell.change_availability(0, True),
    "unlock": lambda cell: cell.unlock(),
    "clear cache": lambda cell: cell.clear_cache(),
    "meter values": lambda cell: cell.trigger_meter_values(),
    "samples": lambda cell: cell.set_key("MeterValueSampleInterval", "1"),
    "no samples": lambda cell: cell.set_key("MeterValueSampleInterval", "0"),
    "queue full": set_refusing(True),
    "queue free": set_refusing(False),
    "queue full pauses": lambda cell: cell.set_key("OcppQueueFullAsErrorState", "true"),
    "reset": lambda cell: cell.reset_pending(BootReason.SOFT_RESET),
    "no reset": lambda cell: cell.reset_pending(None),
}


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(
    names=st.lists(st.sampled_from(sorted(BACKEND_ACTS)), min_size=5, max_size=35),
    charging_first=st.booleans(),
    crash_at=st.integers(0, 400),
)
def test_the_backend_hears_everything_once_and_in_order_after_any_history(
    names: list[str], charging_first: bool, crash_at: int
) -> None:
    with tempfile.TemporaryDirectory() as directory:
        cell = make_cell(Path(directory), backend=True)
        cell.backend.accept("FRIEND", parent="family")
        cell.backend.accept("MOTHER", parent="FAMILY")
        cell.advance(1.0)
        if charging_first:
            cell.plug()
            cell.swipe("FRIEND")
            cell.advance(3.0)
        cell.crash_at = cell.crash_points + crash_at if crash_at else 0
        for name in names:
            BACKEND_ACTS[name](cell)
        cell.crash_at = 0
        calm_down(cell)
        set_silent(False)(cell)
        cell.reset_pending(None)
        cell.queue_says()
        cell.change_availability(0, True)
        cell.unlock()
        cell.advance(60.0)
        cell.check_stream()
        assert len(cell.started()) == len(cell.stopped()), cell.connector
        assert [fact.number for fact in cell.backend.taken] == sorted(cell.facts)
        assert cell.service.store.stream.waiting == 0
        assert cell.backend.acknowledged == len(cell.backend.answers)
        assert (cell.status, cell.service.store.pending) == ("Available", ())
        assert cell.lease is not None
        assert not cell.lease.hold_cable
        billed = sum(s.meter_stop_wh for s in cell.stopped()) - sum(s.meter_start_wh for s in cell.started())
        assert billed <= cell.world.shown_wh - 100_000, "energy was invented"
        cell.service.abandon()
