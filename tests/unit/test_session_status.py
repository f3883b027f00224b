"""OCPP status from state, row by row."""

import itertools

import pytest

from schemas.session import ConnectorStatus as S
from services.session.connectors.status import TABLE, Facts, status_of
from services.session.transactions.record import Phase

pytestmark = pytest.mark.unit

ACTIVE = Facts(phase=Phase.ACTIVE, vehicle=True, permitted=True, offered=True, wants_power=True, closed=True)


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (Facts(), S.AVAILABLE),
        (Facts(seeing=False), S.UNAVAILABLE),
        (Facts(out_of_service=True), S.UNAVAILABLE),
        (Facts(vehicle=True), S.PREPARING),
        (Facts(authorized=True), S.PREPARING),
        (ACTIVE, S.CHARGING),
        (ACTIVE._replace(faulted=True), S.FAULTED),
        (ACTIVE._replace(seeing=False), S.SUSPENDED_EVSE),
        (ACTIVE._replace(closed=False), S.SUSPENDED_EVSE),
        (ACTIVE._replace(closed=False, wants_power=False), S.SUSPENDED_EV),
        (ACTIVE._replace(closed=False, offered=False), S.SUSPENDED_EVSE),
        (ACTIVE._replace(closed=False, wants_power=False, offered=False), S.SUSPENDED_EVSE),
        (ACTIVE._replace(closed=False, permitted=False), S.SUSPENDED_EVSE),
        (ACTIVE._replace(vehicle=False, closed=False, wants_power=False), S.SUSPENDED_EV),
        (ACTIVE._replace(offered=False), S.CHARGING),
        (ACTIVE._replace(phase=None, unrecorded=True), S.CHARGING),
        (ACTIVE._replace(phase=Phase.STOPPING), S.FINISHING),
        (ACTIVE._replace(phase=Phase.STOPPING, faulted=True), S.FAULTED),
        (Facts(phase=Phase.STOPPING, seeing=False), S.FINISHING),
        (Facts(phase=Phase.ENDED, vehicle=True), S.FINISHING),
        (Facts(phase=Phase.ENDED, vehicle=True, authorized=True), S.PREPARING),
        (Facts(phase=Phase.ENDED, holds_cable=True), S.FINISHING),
        (Facts(phase=Phase.ENDED), S.AVAILABLE),
        (Facts(withdrawn=True), S.UNAVAILABLE),
        (Facts(withdrawn=True, vehicle=True), S.UNAVAILABLE),
        (Facts(withdrawn=True, phase=Phase.ENDED, vehicle=True), S.UNAVAILABLE),
        (Facts(withdrawn=True, phase=Phase.STOPPING), S.FINISHING),
        (Facts(withdrawn=True, faulted=True), S.FAULTED),
        (Facts(refused=True), S.FAULTED),
        (Facts(refused=True, withdrawn=True), S.UNAVAILABLE),
        (Facts(refused=True, phase=Phase.ENDED, vehicle=True), S.FINISHING),
        (ACTIVE._replace(refused=True), S.CHARGING),
        (ACTIVE._replace(refused=True, permitted=False, closed=False), S.SUSPENDED_EVSE),
        (Facts(vehicle=True, timed_out=True), S.FINISHING),
    ],
)
def test_the_first_row_that_fits_is_the_status(facts: Facts, expected: S) -> None:
    assert status_of(facts) is expected


IDLE, PLUGGED = Facts(), Facts(vehicle=True)
ASKS_NOT = ACTIVE._replace(closed=False, wants_power=False)
NOT_OFFERED = ACTIVE._replace(closed=False, offered=False)
ENDED = Facts(phase=Phase.ENDED, vehicle=True)
CLOSED, BROKEN = Facts(withdrawn=True), Facts(faulted=True)
PLACES = {
    S.AVAILABLE: IDLE,
    S.PREPARING: PLUGGED,
    S.CHARGING: ACTIVE,
    S.SUSPENDED_EV: ASKS_NOT,
    S.SUSPENDED_EVSE: NOT_OFFERED,
    S.FINISHING: ENDED,
    S.UNAVAILABLE: CLOSED,
    S.FAULTED: BROKEN,
}
COLUMNS = (*list(PLACES)[:6], S.RESERVED, S.UNAVAILABLE, S.FAULTED)
POSSIBLE = """
    A2 A3 A4 A5 A7 A8 A9
    B1 B3 B4 B5 B6 B9
    C1 C4 C5 C6 C8 C9
    D1 D3 D5 D6 D8 D9
    E1 E3 E4 E6 E8 E9
    F1 F2 F8 F9
    H1 H2 H3 H4 H5 H9
    I1 I2 I3 I4 I5 I6 I8
"""
"""OCPP 1.6 section 4.9 with B6 of errata 3.20. A8 stands under 8; 7, Reserved, needs the profile Reservation."""
CHANGES = [name for name in POSSIBLE.split() if name not in ("A7", "I7")]
ROWS = dict(zip("ABCDEFHI", PLACES, strict=True))
AFTER = {
    "B6": PLUGGED._replace(timed_out=True),
    "C1": Facts(phase=Phase.ENDED),
    "F2": ENDED._replace(authorized=True),
    "F8": Facts(phase=Phase.ENDED, withdrawn=True),
    "I6": ENDED,
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_of_the_table_of_section_4_9_happens(change: str) -> None:
    before, expected = ROWS[change[0]], COLUMNS[int(change[1]) - 1]
    assert status_of(PLACES[before]) is before
    assert status_of(AFTER.get(change, PLACES[expected])) is expected
    if change[1] == "9":
        assert status_of(PLACES[before]._replace(faulted=True)) is S.FAULTED
    if change[0] == "I":
        assert status_of(PLACES[expected]._replace(faulted=True)) is S.FAULTED


def test_suspended_by_both_is_suspended_evse() -> None:
    assert status_of(ASKS_NOT._replace(offered=False)) is S.SUSPENDED_EVSE


def test_a_vehicle_that_is_offered_current_and_does_not_ask_is_suspended_ev() -> None:
    assert status_of(ASKS_NOT) is S.SUSPENDED_EV


def test_every_row_of_the_table_is_the_first_to_fit_somewhere() -> None:
    flags = [name for name in Facts._fields if name != "phase"]
    reached: set[int] = set()
    for phase in (None, *Phase):
        for values in itertools.product((False, True), repeat=len(flags)):
            facts = Facts(phase=phase, **dict(zip(flags, values, strict=True)))
            reached.add(next(number for number, row in enumerate(TABLE) if row.fits(facts)))
    assert reached == set(range(len(TABLE)))
