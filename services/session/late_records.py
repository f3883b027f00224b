"""Signed records that came after their transaction's end was billed: they go out once the backend has named it."""

import logging

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.topics import SESSION_FACT
from schemas.session import TransactionMeterValues
from services.session.connectors.ledger import Shared
from services.store import StoreError

LOOKS_AGAIN_S = 2.0

logger = logging.getLogger("session")


class LateRecords:
    """Kept by the journal until they are facts of the stream; after a StopTransaction nobody else knows the number."""

    def __init__(self, bus: Endpoint, shared: Shared) -> None:
        self._bus = bus
        self._shared = shared
        self._next_s = 0.0

    def on_time(self, now: Now) -> float:
        """Returns when to come again (boot clock)."""
        store, keys = self._shared.store, self._shared.keys
        if not store.late or keys is None or not store.may_try(now):
            return float("inf")
        if now.boot_s >= self._next_s:
            self._next_s = now.boot_s + LOOKS_AGAIN_S
            try:
                for body in list(store.late.values()):
                    self._deliver(body, keys.backend, now)
            except StoreError as error:
                logger.warning("a signed record is not delivered yet: %s", error)
        return self._next_s if store.late else float("inf")

    def _deliver(self, body: TransactionMeterValues, has_backend: bool, now: Now) -> None:
        one = self._shared.store.transaction(body.transaction_id)
        number = None if one is None else one.backend_id
        if has_backend and number is None and one is not None:
            return
        told = TransactionMeterValues(
            transaction_id=body.transaction_id,
            connector=body.connector,
            samples=body.samples,
            signed=True,
            backend_transaction_id=number,
        )
        fact = self._shared.store.commit(now, fact=told, delivered=body.transaction_id)
        if fact is not None:
            self._bus.publish(SESSION_FACT, fact)
