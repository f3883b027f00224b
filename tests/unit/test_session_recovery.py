"""What becomes of a transaction after the whole station was down."""

from typing import Any

import pytest

from schemas.session import StopReason
from schemas.system import BootReason
from services.session.transactions.record import Plug, Sample, Stop
from services.session.transactions.recovery import REASONS, Recovery, recover
from services.session.transactions.rules import Presence
from tests.unit.test_session_rules import PLUGGED, TRANSACTION

pytestmark = pytest.mark.unit

GOOD = Sample(5.0, 620, "M")
ALL: dict[str, Any] = {
    "start_id": "next",
    "boot_reason": BootReason.POWER_LOSS,
    "restart_key": True,
    "safety": PLUGGED,
    "presence_now": Presence.PRESENT,
    "sample": GOOD,
    "up_s": 3.0,
}


def recovered(**changes: Any) -> Recovery:
    return recover(TRANSACTION, **{**ALL, **changes})


def test_it_resumes_with_the_same_id_and_start_value() -> None:
    resumed = recovered().resumed
    assert resumed is not None
    assert (resumed.transaction_id, resumed.meter_start_wh) == ("t", 500)
    assert (resumed.start_id, resumed.plug, resumed.register_wh) == ("next", Plug("run", 2), 620)


@pytest.mark.parametrize(
    "changes",
    [
        {"restart_key": False},
        {"restart_key": False, "safety": None, "sample": None},
        {"presence_now": Presence.GONE},
        {"sample": Sample(5.0, 620, "OTHER")},
        {"sample": Sample(5.0, 599, "M")},
        {"sample": None, "up_s": 60.0},
    ],
)
def test_it_ends_at_the_last_sign_of_life(changes: dict[str, Any]) -> None:
    assert recovered(**changes) == Recovery(stop=Stop(StopReason.POWER_LOSS, 1030.0))


@pytest.mark.parametrize(
    ("changes", "who"),
    [
        ({"boot_reason": None}, "system"),
        ({"boot_reason": None, "restart_key": False, "up_s": 59.9}, "system"),
        ({"restart_key": None, "up_s": 1e6}, "settings"),
        ({"safety": None, "up_s": 1e6}, "safety"),
        ({"presence_now": Presence.UNKNOWN, "up_s": 1e6}, "safety"),
        ({"sample": None, "up_s": 59.9}, "meter"),
    ],
)
def test_it_waits_for_whoever_can_tell(changes: dict[str, Any], who: str) -> None:
    found = recovered(**changes)
    assert (found.resumed, found.stop) == (None, None)
    assert who in found.waiting_for


@pytest.mark.parametrize("reason", [BootReason.SOFT_RESET, BootReason.HARD_RESET])
def test_a_reset_ends_every_transaction_whatever_the_key_says(reason: BootReason) -> None:
    found = recovered(boot_reason=reason, restart_key=True)
    assert found.stop == Stop(REASONS[reason], 1030.0)


def test_every_reason_of_a_start_has_a_reason_of_a_stop() -> None:
    assert set(REASONS) == set(BootReason)


def test_without_a_word_of_system_the_reason_is_other() -> None:
    found = recovered(boot_reason=None, restart_key=False, up_s=60.0)
    assert found.stop == Stop(StopReason.OTHER, 1030.0)
