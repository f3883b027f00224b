"""The current limit of a connector: the smallest bound in force, and whose it is. Pure.

A new bound is one more argument here and one more word in `LimitSource`.
"""

from schemas.session import Limit, LimitSource

LEAST_OFFER_A = 6.0
"""Less cannot be offered by PWM (IEC 61851-1 table A.7): the vehicle is paused."""
_NOTHING_KNOWN = Limit(source=LimitSource.UNKNOWN, limit_a=0.0)


def bounds(
    *,
    hardware_a: float | None,
    operator_a: float | None,
    cable_a: float | None,
    last_in_force_a: float | None,
    installation_a: float | None = None,
) -> tuple[Limit, ...]:
    """Every bound that is known, smallest first; equal ones in the order of the arguments."""
    known = (
        (LimitSource.HARDWARE, hardware_a),
        (LimitSource.INSTALLATION, installation_a),
        (LimitSource.OPERATOR, operator_a),
        (LimitSource.CABLE, cable_a),
        (LimitSource.LAST_IN_FORCE, last_in_force_a),
    )
    limits = [Limit(source=source, limit_a=limit_a) for source, limit_a in known if limit_a is not None]
    return tuple(sorted(limits, key=lambda limit: limit.limit_a))


def effective(limits: tuple[Limit, ...]) -> Limit:
    """The bound that binds; 0 A while none is known."""
    return limits[0] if limits else _NOTHING_KNOWN


def is_pause(limit: Limit) -> bool:
    return limit.limit_a < LEAST_OFFER_A


def last_in_force(offered_a: float, stored_a: float | None) -> float | None:
    """Where a restarted `session` begins: what the vehicle is told now, or, while it is told nothing, what was stored.

    A restart must not lower the current, and no PWM says nothing about the limit.
    """
    return offered_a if offered_a >= LEAST_OFFER_A else stored_a
