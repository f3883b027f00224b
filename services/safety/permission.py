"""The session's key: a lease that ends by itself, whoever is up or down."""

from typing import NamedTuple

from schemas.session import Permission
from services.safety.timings import LEASE_LONGEST_S


class Grant(NamedTuple):
    """What the lease says now."""

    valid: bool
    may_charge: bool
    limit_a: float
    hold_cable: bool
    until_s: float
    why_not: str = ""
    phases: int = 0
    """1 or 3; 0 = as it is."""
    release_cable: bool = False
    authorization_over: bool = False
    """Of whoever charged here."""


_NEVER = Grant(False, False, 0.0, False, 0.0, "waiting for the session service")


def grant(permission: Permission | None, connector: int, now_s: float) -> Grant:
    """The lease in force. Its end is what the message says, however often or late the message is heard.

    A lease for another connector or with an impossible end gives nothing.
    """
    if permission is None or permission.connector != connector:
        return _NEVER
    if not now_s < permission.until_s:
        return _NEVER._replace(why_not="paused: the session's permission has expired")
    if permission.until_s > now_s + LEASE_LONGEST_S:
        return _NEVER._replace(why_not="paused: the session's permission claims an impossible end")
    may = permission.may_charge and permission.limit_a > 0.0
    why = "" if may else "paused: no current allowed" if permission.may_charge else "paused: no permission"
    limit_a = permission.limit_a if may else 0.0
    held, release, over = permission.hold_cable, permission.release_cable, permission.authorization_over
    phases = permission.phases if permission.phases in (1, 3) else 0
    return Grant(True, may, limit_a, held, permission.until_s, why, phases, release, over)
