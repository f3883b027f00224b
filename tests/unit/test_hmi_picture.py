"""Light and display of one connector."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base import ActiveFault
from schemas.hmi import LightPattern
from schemas.ocpp_link import LinkState, LinkStatus
from schemas.safety import Contactor, Lock, PilotState, SafetyConnector
from schemas.session import ConnectorStatus, SessionConnector
from schemas.system import ShownFault
from services.hmi.backend import BackendWatch
from services.hmi.display import WIDTH, lines, pages
from services.hmi.lights import BY_STATUS, LOOKS, pattern
from services.hmi.view import View

pytestmark = pytest.mark.unit


def session(status: ConnectorStatus, **fields: Any) -> SessionConnector:
    return SessionConnector(connector=1, status=status, **fields)


def safety(
    vehicle: bool = True, contactor: Contactor = Contactor.CLOSED, faults: tuple[str, ...] = ()
) -> SafetyConnector:
    return SafetyConnector(
        connector=1,
        state=PilotState.C2,
        contactor=contactor,
        lock=Lock.LOCKED,
        vehicle_connected=vehicle,
        cable_plugged=vehicle,
        faults=faults,
    )


def view(
    session: SessionConnector | None,
    safety: SafetyConnector | None = None,
    *,
    faults: tuple[ShownFault, ...] = (),
    power_w: float | None = None,
    now_s: float = 100.0,
    wall_s: float = 10_000.0,
) -> View:
    return View(session, safety, faults, power_w, now_s, wall_s)


def station_fault(code: str) -> ShownFault:
    return ShownFault(fault=ActiveFault(code=code), owner="x", text="", instruction="", error_code="", internal_code="")


@pytest.mark.parametrize(
    ("shown", "light"),
    [
        (view(session(ConnectorStatus.AVAILABLE)), LightPattern.READY),
        (view(session(ConnectorStatus.PREPARING), safety()), LightPattern.WAITING_FOR_CARD),
        (view(session(ConnectorStatus.PREPARING, id_tag="C"), safety(False)), LightPattern.WAITING_FOR_VEHICLE),
        (view(session(ConnectorStatus.PREPARING, id_tag="C"), safety(True)), LightPattern.SUSPENDED),
        (view(session(ConnectorStatus.CHARGING), safety()), LightPattern.CHARGING),
        (view(session(ConnectorStatus.CHARGING), None), LightPattern.CHARGING),
        (view(session(ConnectorStatus.CHARGING), safety(contactor=Contactor.OPEN)), LightPattern.SUSPENDED),
        (view(session(ConnectorStatus.SUSPENDED_EV), safety()), LightPattern.SUSPENDED),
        (view(session(ConnectorStatus.SUSPENDED_EVSE), safety()), LightPattern.SUSPENDED),
        (view(session(ConnectorStatus.FINISHING), safety()), LightPattern.FINISHING),
        (view(session(ConnectorStatus.RESERVED)), LightPattern.RESERVED),
        (view(session(ConnectorStatus.UNAVAILABLE)), LightPattern.UNAVAILABLE),
        (view(session(ConnectorStatus.UNKNOWN)), LightPattern.UNAVAILABLE),
        (view(session(ConnectorStatus.FAULTED)), LightPattern.FAULT),
        (view(None), LightPattern.UNAVAILABLE),
        (view(None, safety(contactor=Contactor.OPEN)), LightPattern.UNAVAILABLE),
        (view(None, safety()), LightPattern.CHARGING),
        (view(None, safety(faults=("contactor_welded",))), LightPattern.FAULT),
        (view(session(ConnectorStatus.AVAILABLE), safety(faults=("pilot_diode",))), LightPattern.FAULT),
        (view(session(ConnectorStatus.AVAILABLE), faults=(station_fault("internal_error"),)), LightPattern.FAULT),
        (view(session(ConnectorStatus.AVAILABLE), faults=(station_fault("meter_silent"),)), LightPattern.READY),
        (view(session(ConnectorStatus.AVAILABLE), faults=(station_fault("of_a_newer_version"),)), LightPattern.READY),
        (view(session(ConnectorStatus.AVAILABLE, card_rejected_until_s=100.1)), LightPattern.REJECTED),
        (view(session(ConnectorStatus.AVAILABLE, card_rejected_until_s=100.0)), LightPattern.READY),
        (view(session(ConnectorStatus.CHARGING, card_rejected_until_s=101.0), safety()), LightPattern.REJECTED),
        (view(session(ConnectorStatus.FAULTED, card_rejected_until_s=101.0)), LightPattern.FAULT),
    ],
)
def test_the_light_tells_the_state(shown: View, light: LightPattern) -> None:
    assert pattern(shown) is light


def test_every_pattern_has_a_look_and_every_status_a_pattern() -> None:
    assert set(LOOKS) == set(LightPattern)
    assert set(BY_STATUS) == set(ConnectorStatus) - {ConnectorStatus.PREPARING}
    looks = [look for name, look in LOOKS.items() if name not in (LightPattern.OFF, LightPattern.UNKNOWN)]
    assert len(set(looks)) == len(looks)


CHARGE = {"transaction_id": "t", "energy_wh": 12_345, "started_wall_s": 10_000.0 - 83 * 60}


@pytest.mark.parametrize(
    ("shown", "text"),
    [
        (view(session(ConnectorStatus.AVAILABLE)), ("Ready", "Plug in")),
        (view(session(ConnectorStatus.PREPARING), safety()), ("Hold your card", "to the reader")),
        (
            view(session(ConnectorStatus.PREPARING, id_tag="C", authorized_until_s=141.2), safety(False)),
            ("Plug in vehicle", "within 42 s"),
        ),
        (view(session(ConnectorStatus.PREPARING, id_tag="C"), safety(False)), ("Plug in vehicle", "")),
        (
            view(session(ConnectorStatus.CHARGING, **CHARGE), safety(), power_w=22_080.0),
            ("Charging 22.1 kW", "12.35 kWh   1:23"),
        ),
        (view(session(ConnectorStatus.CHARGING, **CHARGE), safety()), ("Charging", "12.35 kWh   1:23")),
        (
            view(session(ConnectorStatus.CHARGING, transaction_id="t", started_wall_s=99_999.0), safety()),
            ("Charging", "-- kWh      0:00"),
        ),
        (view(session(ConnectorStatus.SUSPENDED_EV, **CHARGE), safety()), ("Vehicle paused", "12.35 kWh   1:23")),
        (view(session(ConnectorStatus.FINISHING), safety()), ("Finished", "Please unplug")),
        (view(session(ConnectorStatus.AVAILABLE, card_rejected_until_s=101.0)), ("Card rejected", "Try another card")),
        (view(None), ("Please wait", "Station starts")),
    ],
)
def test_the_display_tells_what_to_do_or_what_happens(shown: View, text: tuple[str, str]) -> None:
    assert pages(shown)[0] == text


def test_a_fault_is_told_in_pages_that_follow_each_other() -> None:
    faulted = view(session(ConnectorStatus.FAULTED), safety(faults=("pilot_diode",)))
    told = [lines(faulted._replace(now_s=99.0 + 3.0 * number)) for number in range(3)]
    assert ("Out of order", "") in told
    assert "Vehicle diode" in {first for first, _ in told}
    assert lines(faulted._replace(now_s=99.0)) == lines(faulted._replace(now_s=101.9))
    assert lines(faulted._replace(now_s=99.0)) == lines(faulted._replace(now_s=99.0 + 3.0 * len(pages(faulted))))


def test_a_pause_tells_its_reason() -> None:
    paused = view(session(ConnectorStatus.SUSPENDED_EVSE, reason="the operator limit is 0 A", **CHARGE), safety())
    assert pages(paused)[1] == ("the operator", "limit is 0 A")
    ventilated = paused._replace(safety=safety(faults=("ventilation_required",)))
    assert pages(ventilated)[1][0] == "Vehicle demands"


@settings(max_examples=60, deadline=None)
@given(
    status=st.sampled_from(ConnectorStatus),
    reason=st.text(max_size=200),
    energy=st.none() | st.integers(0, 10**12),
    power=st.none() | st.floats(-1e6, 1e6),
    now_s=st.floats(0, 1e10),
    until_s=st.floats(0, 1e10),
    wall_s=st.floats(0, 1e11),
    safe=st.sampled_from([None, safety(), safety(faults=("lock_failed", "unheard_of"))]),
)
def test_no_line_is_ever_wider_than_the_display(
    status: ConnectorStatus,
    reason: str,
    energy: int | None,
    power: float | None,
    now_s: float,
    until_s: float,
    wall_s: float,
    safe: SafetyConnector | None,
) -> None:
    body = session(
        status, reason=reason, info=reason, energy_wh=energy, transaction_id="t", id_tag="C", authorized_until_s=until_s
    )
    for line in lines(View(body, safe, (), power, now_s, wall_s)):
        assert len(line) <= WIDTH
        assert line.isascii()
        assert line.isprintable()


# DisplayDisconnectAsError


def link(state: LinkState) -> LinkStatus:
    return LinkStatus(state=state)


@pytest.mark.parametrize("state", [LinkState.WAITING, LinkState.CONNECTING, None])
def test_a_backend_is_missed_when_it_has_been_away_for_half_a_minute(state: LinkState | None) -> None:
    watch, said = BackendWatch(), None if state is None else link(state)
    assert not watch.lost(said, shown=True, now_s=10.0)
    assert not watch.lost(said, shown=True, now_s=39.9)
    assert watch.lost(said, shown=True, now_s=40.0)
    assert not watch.lost(said, shown=False, now_s=41.0), "the key is off"
    assert not watch.lost(link(LinkState.REGISTERING), shown=True, now_s=42.0)
    assert not watch.lost(said, shown=True, now_s=71.0), "counted anew"


@pytest.mark.parametrize("state", [LinkState.OFF, LinkState.PENDING, LinkState.REJECTED, LinkState.ONLINE])
def test_a_backend_that_answers_or_is_not_wanted_is_never_missed(state: LinkState) -> None:
    watch = BackendWatch()
    assert not any(watch.lost(link(state), shown=True, now_s=float(second)) for second in range(0, 1000, 10))


def test_a_lost_backend_is_shown_like_an_error_with_what_else_is_true() -> None:
    lost = view(session(ConnectorStatus.AVAILABLE), safety(False, Contactor.OPEN))._replace(backend_lost=True)
    assert pattern(lost) is LightPattern.FAULT
    assert pages(lost) == [("No connection", "to the backend"), ("Ready", "Plug in")]


def test_who_charges_sees_nothing_of_a_lost_backend() -> None:
    charging = view(session(ConnectorStatus.CHARGING, transaction_id="t" * 36), safety())._replace(backend_lost=True)
    assert pattern(charging) is LightPattern.CHARGING
    paused = view(session(ConnectorStatus.SUSPENDED_EV, transaction_id="t" * 36), safety(True, Contactor.OPEN))
    assert pattern(paused._replace(backend_lost=True)) is LightPattern.SUSPENDED


def test_a_rejected_card_and_a_real_fault_are_shown_first() -> None:
    rejected = session(ConnectorStatus.AVAILABLE, card_rejected_until_s=103.0)
    assert pattern(view(rejected, safety(False, Contactor.OPEN))._replace(backend_lost=True)) is LightPattern.REJECTED
    broken = view(session(ConnectorStatus.FAULTED), safety(faults=("contactor_welded",), contactor=Contactor.OPEN))
    shown = pages(broken._replace(backend_lost=True))
    assert shown[:2] == [("No connection", "to the backend"), ("Out of order", "")]
