"""`AllowOfflineTxForUnknownId` ImmediatelyWhenPlugged: who may charge without a card, and when."""

from typing import Any

import pytest

from bus.clock import Now
from schemas.settings import SettingsSnapshot
from services.session.authorization.flow import Pending
from services.session.connectors.situation import Situation, is_authorized, is_free
from services.session.keys import read_keys
from services.session.transactions.rules import Presence

pytestmark = pytest.mark.unit

KEYS = {"AllowOfflineTxForUnknownId": "ImmediatelyWhenPlugged", "OCPPBackendJSONURL": "ws://b/"}
REMOTE = Pending("APP-1", (1,), 100.0, "start", asking=True)


def situation(values: dict[str, str] = KEYS, **changed: Any) -> Situation:
    usual: dict[str, Any] = {
        "connector": 1,
        "has_meter": True,
        "start_id": "start",
        "now": Now(50.0, 1e9),
        "keys": read_keys(SettingsSnapshot(revision=1, values=values)),
        "presence": Presence.PRESENT,
        "offline": True,
    }
    return Situation(**{**usual, **changed})


@pytest.mark.parametrize(
    ("found", "free"),
    [
        (situation(), True),
        (situation(offline=False), False),
        (situation(presence=Presence.GONE), False),
        (situation(presence=Presence.UNKNOWN), False),
        (situation({**KEYS, "AllowOfflineTxForUnknownId": "On"}), False),
        (situation({**KEYS, "ConnectionType": "No Backend"}), False),
        (situation({**KEYS, "OCPPBackendJSONURL": ""}), False),
        (situation({**KEYS, "AllowOfflineTxForUnknownId": "Off", "FreeCharging": "true"}, offline=False), True),
        (situation(keys=None), False),
    ],
)
def test_plugging_in_is_enough_in_an_outage_and_nowhere_else(found: Situation, free: bool) -> None:
    assert is_free(found) is free
    assert is_authorized(found) is free


def test_whoever_was_started_by_the_backend_does_not_charge_under_the_common_tag() -> None:
    waiting = situation(pending=REMOTE)
    assert not is_free(waiting)
    assert not is_authorized(waiting), "the backend is still to say whether the id tag is good"
    assert is_authorized(situation(pending=REMOTE._replace(asking=False)))
