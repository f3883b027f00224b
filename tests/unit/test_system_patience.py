"""What a reboot waits for, and for how long."""

import pytest

from schemas.message_queue import QueueStatus
from schemas.session import ConnectorStatus, SessionConnector
from schemas.system import BootReason
from services.system.patience import HARD_S, SOFT_S, leaves_at_s, waits_for

pytestmark = pytest.mark.unit


def connector(number: int = 1, transaction: str = "", facts: int = 0) -> SessionConnector:
    status = ConnectorStatus.CHARGING if transaction else ConnectorStatus.AVAILABLE
    return SessionConnector(connector=number, status=status, transaction_id=transaction, waiting_facts=facts)


def test_every_reset_waits_for_running_transactions() -> None:
    connectors = [connector(1), connector(2, "t")]
    for reason in (BootReason.SOFT_RESET, BootReason.HARD_RESET, BootReason.WATCHDOG):
        assert waits_for(reason, connectors, None) == "the transaction on connector 2"


@pytest.mark.parametrize(
    ("facts", "waiting", "words"),
    [(0, 0, ""), (1, 0, "the messages of transactions"), (0, 1, "the messages of transactions")],
)
def test_a_soft_reset_waits_for_the_messages_of_transactions(facts: int, waiting: int, words: str) -> None:
    queue = QueueStatus(transaction=waiting)
    assert waits_for(BootReason.SOFT_RESET, [connector(facts=facts)], queue) == words
    assert waits_for(BootReason.HARD_RESET, [connector(facts=facts)], queue) == ""


def test_without_a_queue_nobody_waits_for_messages() -> None:
    assert waits_for(BootReason.SOFT_RESET, [connector(facts=3)], None) == ""


def test_waiting_is_bounded() -> None:
    assert leaves_at_s(BootReason.SOFT_RESET, 10.0, "") == 10.0
    assert leaves_at_s(BootReason.SOFT_RESET, 10.0, "something") == 10.0 + SOFT_S
    assert leaves_at_s(BootReason.HARD_RESET, 10.0, "something") == 10.0 + HARD_S
