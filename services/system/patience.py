"""What a reboot waits for: transactions end with its reason, and a soft one lets their messages leave. Pure."""

from collections.abc import Iterable

from schemas.message_queue import QueueStatus
from schemas.session import SessionConnector
from schemas.system import BootReason

HARD_S = 2.0
"""A hard reset stops what it can and does not wait for the backend (OCPP 1.6 section 5.14)."""
SOFT_S = 60.0
"""A soft reset waits so long for the confirmation of its StopTransactions (the same section)."""


def longest_s(reason: BootReason) -> float:
    return SOFT_S if reason is BootReason.SOFT_RESET else HARD_S


def waits_for(reason: BootReason, connectors: Iterable[SessionConnector], queue: QueueStatus | None) -> str:
    """In words; empty = nothing. `queue` None: nobody delivers messages now, so nobody waits for them."""
    known = tuple(connectors)
    running = [str(connector.connector) for connector in known if connector.transaction_id]
    if running:
        return f"the transaction on connector {', '.join(running)}"
    if reason is not BootReason.SOFT_RESET or queue is None:
        return ""
    facts = max((connector.waiting_facts for connector in known), default=0)
    return "the messages of transactions" if facts or queue.transaction else ""


def leaves_at_s(reason: BootReason, earliest_s: float, waiting: str) -> float:
    """Boot-clock time; `earliest_s` is when it would leave if it waited for nothing."""
    return earliest_s + longest_s(reason) if waiting else earliest_s
