"""When a transaction starts, why it ends, and with which register."""

from dataclasses import replace

import pytest

from schemas.safety import Contactor, Lock, PilotState, SafetyConnector
from schemas.session import StopReason
from services.session.transactions import rules
from services.session.transactions.record import Phase, Plug, Sample, Stop, Transaction
from services.session.transactions.rules import End, Presence

pytestmark = pytest.mark.unit

PLUGGED = SafetyConnector(
    connector=1,
    state=PilotState.B1,
    contactor=Contactor.OPEN,
    lock=Lock.LOCKED,
    vehicle_connected=True,
    cable_plugged=True,
    plug_count=2,
    run_id="run",
    contactor_open_since_s=40.0,
)
TRANSACTION = Transaction(
    transaction_id="t",
    connector=1,
    id_tag="CARD",
    free=False,
    started_wall_s=1000.0,
    meter_start_wh=500,
    meter_serial="M",
    start_id="start",
    plug=Plug("run", 2),
    register_wh=600,
    sampled_s=30.0,
    alive_s=30.0,
    alive_wall_s=1030.0,
    limit_a=16.0,
)
FRESH = Sample(98.0, 500, "M")


def said(**changes: object) -> SafetyConnector:
    import msgspec

    return msgspec.structs.replace(PLUGGED, **changes)


@pytest.mark.parametrize(
    ("safety", "disk", "sample", "good", "starts"),
    [
        (PLUGGED, "", FRESH, True, True),
        (said(lock=Lock.NONE), "", FRESH, True, True),
        (PLUGGED, "", Sample(95.0, 500, "M"), True, True),
        (PLUGGED, "", Sample(94.99, 500, "M"), True, False),
        (PLUGGED, "", FRESH, False, False),
        (PLUGGED, "", None, True, False),
        (PLUGGED, "disk full", FRESH, True, False),
        (None, "", FRESH, True, False),
        (said(vehicle_connected=False), "", FRESH, True, False),
        (said(lock=Lock.LOCKING), "", FRESH, True, False),
        (said(lock=Lock.UNKNOWN), "", FRESH, True, False),
        (said(lock=Lock.FAILED), "", FRESH, True, False),
        (said(faults=("pilot_diode",)), "", FRESH, True, False),
        (said(faults=("ventilation_required",)), "", FRESH, True, False),
        (said(faults=("unlock_failed",)), "", FRESH, True, True),
        (said(faults=("a_fault_of_the_future",)), "", FRESH, True, False),
        (said(state=PilotState.E), "", FRESH, True, False),
    ],
)
def test_what_a_start_needs(
    safety: SafetyConnector | None, disk: str, sample: Sample | None, good: bool, starts: bool
) -> None:
    assert (rules.start_refusal(safety, disk, sample, good, 100.0) == "") is starts


@pytest.mark.parametrize(
    ("safety", "seen", "expected"),
    [
        (PLUGGED, None, Presence.PRESENT),
        (said(vehicle_connected=False, state=PilotState.A), None, Presence.GONE),
        (said(vehicle_connected=False, state=PilotState.BOOT), Plug("run", 2), Presence.UNKNOWN),
        (said(vehicle_connected=False, state=PilotState.FAULT), None, Presence.UNKNOWN),
        (said(vehicle_connected=False, state=PilotState.FAULT), Plug("before", 2), Presence.UNKNOWN),
        (said(vehicle_connected=False, state=PilotState.FAULT), Plug("run", 2), Presence.GONE),
        (said(vehicle_connected=False, state=PilotState.LOCKOUT), Plug("run", 2), Presence.GONE),
    ],
)
def test_a_vehicle_is_gone_only_when_that_is_known(
    safety: SafetyConnector, seen: Plug | None, expected: Presence
) -> None:
    assert rules.presence(safety, seen) is expected


@pytest.mark.parametrize(
    ("safety", "presence", "key", "expected"),
    [
        (PLUGGED, Presence.PRESENT, True, None),
        (said(vehicle_connected=False), Presence.GONE, True, StopReason.EV_DISCONNECTED),
        (said(vehicle_connected=False), Presence.GONE, False, None),
        (said(vehicle_connected=False), Presence.GONE, None, None),
        (said(vehicle_connected=False), Presence.UNKNOWN, True, None),
        (said(plug_count=3), Presence.PRESENT, True, StopReason.EV_DISCONNECTED),
        (said(plug_count=3), Presence.PRESENT, False, None),
        (said(plug_count=1, run_id="next"), Presence.PRESENT, True, None),
        (said(state=PilotState.LATCHED), Presence.PRESENT, True, StopReason.OTHER),
        (said(state=PilotState.LOCKOUT), Presence.PRESENT, False, StopReason.OTHER),
        (said(faults=("pilot_diode",)), Presence.PRESENT, True, StopReason.OTHER),
        (said(faults=("pilot_diode",)), Presence.GONE, True, StopReason.EV_DISCONNECTED),
        (said(faults=("pilot_shorted",), state=PilotState.E), Presence.PRESENT, True, None),
        (said(faults=("ventilation_required",)), Presence.PRESENT, True, None),
    ],
)
def test_what_ends_a_transaction_by_itself(
    safety: SafetyConnector, presence: Presence, key: bool | None, expected: StopReason | None
) -> None:
    assert rules.automatic_stop(TRANSACTION, safety, presence, key) is expected


@pytest.mark.parametrize(
    ("free", "reason", "has_lock", "unlock", "held"),
    [
        (False, StopReason.EV_DISCONNECTED, True, False, True),
        (False, StopReason.EV_DISCONNECTED, True, True, False),
        (False, StopReason.EV_DISCONNECTED, False, False, False),
        (False, StopReason.LOCAL, True, False, False),
        (True, StopReason.EV_DISCONNECTED, True, False, False),
    ],
)
def test_the_cable_is_held_only_for_a_card_that_can_come_back(
    free: bool, reason: StopReason, has_lock: bool, unlock: bool, held: bool
) -> None:
    assert rules.holds_cable_after(replace(TRANSACTION, free=free), reason, has_lock, unlock) is held


STOPPING = replace(TRANSACTION, stop=Stop(StopReason.LOCAL, 1050.0))


@pytest.mark.parametrize(
    ("open_since_s", "sample", "waited_s", "expected"),
    [
        (40.0, Sample(40.1, 650, "M"), 0.0, End(650, True)),
        (40.0, Sample(40.0, 650, "M"), 0.0, None),
        (40.0, Sample(39.0, 650, "M"), 30.0, End(650, False)),
        (40.0, Sample(41.0, 599, "M"), 29.9, None),
        (40.0, Sample(41.0, 599, "M"), 30.0, End(600, False)),
        (40.0, Sample(41.0, 600, "M"), 0.0, End(600, True)),
        (40.0, Sample(41.0, 700, "OTHER"), 0.0, None),
        (40.0, Sample(41.0, 700, "OTHER"), 31.0, End(600, False)),
        (40.0, None, 30.0, End(600, False)),
        (0.0, Sample(41.0, 700, "M"), 0.0, None),
        (0.0, Sample(41.0, 700, "M"), 30.0, End(700, False)),
    ],
)
def test_the_end_register(open_since_s: float, sample: Sample | None, waited_s: float, expected: End | None) -> None:
    assert rules.end_register(STOPPING, open_since_s, sample, waited_s) == expected


def test_a_decision_keeps_the_newest_register_and_never_ends_before_the_start() -> None:
    decided = rules.decided(TRANSACTION, Stop(StopReason.LOCAL, 900.0, "CARD"), Sample(50.0, 640, "M"), True)
    assert decided.phase is Phase.STOPPING
    assert decided.stop == Stop(StopReason.LOCAL, 1000.0, "CARD")
    assert (decided.register_wh, decided.sampled_s, decided.holds_cable) == (640, 50.0, True)


def test_a_register_of_another_meter_or_one_that_fell_is_not_taken() -> None:
    assert rules.observed(TRANSACTION, Sample(50.0, 599, "M")) is TRANSACTION
    assert rules.observed(TRANSACTION, Sample(50.0, 900, "OTHER")) is TRANSACTION
    assert rules.observed(TRANSACTION, None) is TRANSACTION
