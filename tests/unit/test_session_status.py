"""OCPP status from state, row by row."""

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
    ],
)
def test_the_first_row_that_fits_is_the_status(facts: Facts, expected: S) -> None:
    assert status_of(facts) is expected


def test_every_row_of_the_table_is_the_first_to_fit_somewhere() -> None:
    import itertools

    flags = [name for name in Facts._fields if name != "phase"]
    reached: set[int] = set()
    for phase in (None, *Phase):
        for values in itertools.product((False, True), repeat=len(flags)):
            facts = Facts(phase=phase, **dict(zip(flags, values, strict=True)))
            reached.add(next(number for number, row in enumerate(TABLE) if row.fits(facts)))
    assert reached == set(range(len(TABLE)))
