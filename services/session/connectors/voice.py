"""What one connector says: the lease to `safety`, and its state for everybody. When to say it again, not what."""

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.topics import SESSION_CONNECTOR, SESSION_PERMISSION
from schemas.session import Permission, SessionConnector
from services.session.connectors.situation import Wish

LEASE_S = 10.0
RENEW_S = 1.0
SAY_AGAIN_S = 10.0


class Voice:
    def __init__(self, bus: Endpoint, connector: int) -> None:
        self.renew_s = 0.0
        """When the lease is due again."""
        self._bus = bus
        self._connector = connector
        self._wish: Wish | None = None
        self._withdrawn_until_s: float | None = None
        self._said: SessionConnector | None = None
        self._say_s = 0.0

    def is_obeyed(self, granted_until_s: float) -> bool:
        """`safety` holds a lease (by its end) that is not older than the withdrawal of permission."""
        return self._withdrawn_until_s is not None and granted_until_s >= self._withdrawn_until_s

    def permit(self, wish: Wish, now: Now) -> None:
        """At every change, and every second."""
        if wish == self._wish and now.boot_s < self.renew_s:
            return
        until_s = now.boot_s + LEASE_S
        if wish.may_charge:
            self._withdrawn_until_s = None
        elif self._withdrawn_until_s is None:
            self._withdrawn_until_s = until_s
        self._wish, self.renew_s = wish, now.boot_s + RENEW_S
        body = Permission(
            connector=self._connector,
            may_charge=wish.may_charge,
            limit_a=wish.limit_a,
            hold_cable=wish.hold_cable,
            release_cable=wish.release_cable,
            transaction_id=wish.transaction_id,
            phases=wish.phases,
            authorization_over=wish.authorization_over,
            until_s=until_s,
        )
        self._bus.publish(SESSION_PERMISSION, body, key=str(self._connector))

    def tell(self, body: SessionConnector, now: Now) -> None:
        """At every change, and every 10 s."""
        if body != self._said or now.boot_s >= self._say_s:
            self._said, self._say_s = body, now.boot_s + SAY_AGAIN_S
            self._bus.publish(SESSION_CONNECTOR, body, key=str(self._connector))
