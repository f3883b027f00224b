"""When the lease says that whoever charged is authorized no more: a domestic socket takes it for the unplug."""

from dataclasses import replace
from typing import Any

import pytest

from bus.clock import Now
from schemas.session import StopReason
from schemas.settings import SettingsSnapshot
from services.session.authorization.flow import Pending
from services.session.connectors.situation import Situation, wish_of
from services.session.keys import read_keys
from services.session.transactions.record import Stop
from services.session.transactions.rules import Presence
from tests.unit.test_session_rules import TRANSACTION

pytestmark = pytest.mark.unit

STOPPING = replace(TRANSACTION, stop=Stop(StopReason.OTHER, 1.0))
ENDED = replace(STOPPING, meter_stop_wh=700)
PENDING = Pending("abc1", (2,), 0.0, "start")


def situation(free: bool = False, **changed: Any) -> Situation:
    usual: dict[str, Any] = {
        "connector": 2,
        "has_meter": True,
        "start_id": TRANSACTION.start_id,
        "now": Now(50.0, 1e9),
        "keys": read_keys(SettingsSnapshot(revision=1, values={"FreeCharging": str(free).lower()})),
        "presence": Presence.PRESENT,
    }
    return Situation(**{**usual, **changed})


@pytest.mark.parametrize(
    ("found", "over"),
    [
        (situation(), True),
        (situation(transaction=TRANSACTION), False),
        (situation(transaction=STOPPING), False),
        (situation(transaction=ENDED), True),
        (situation(pending=PENDING), True),
        (situation(keys=None), False),
        (situation(free=True), False),
        (situation(free=True, has_meter=False), False),
        (situation(free=True, transaction=ENDED), False),
        (situation(free=True, pending=PENDING), True),
        (situation(free=True, pending=PENDING._replace(asking=True)), False),
        (situation(free=True, pending=PENDING, transaction=TRANSACTION), False),
    ],
)
def test_an_authorization_is_over_with_its_transaction_and_a_free_one_when_somebody_else_comes(
    found: Situation, over: bool
) -> None:
    assert wish_of(found).authorization_over is over
