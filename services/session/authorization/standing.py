"""What is known of an id tag here, and whether the backend has to be asked (OCPP 1.6 sections 3.5 and 4.1). Pure."""

from enum import Enum
from typing import NamedTuple

from schemas.message_queue import AuthorizationStatus, IdTagInfo
from services.session.authorization.cache import Entry, is_valid, status_at
from services.session.keys import Keys


class Found(Enum):
    ACCEPTED = "accepted"
    IN_USE = "in use"
    """ConcurrentTx: valid, so it may end what its group began, but it begins nothing."""
    REFUSED = "refused"
    ASK = "ask the backend"


class Standing(NamedTuple):
    found: Found
    parent_id_tag: str = ""
    reason: str = ""
    """Why it is refused, for a person."""
    by_backend: bool = True
    """False: refused because the backend cannot be asked now; it may judge otherwise later."""


_ASK = Standing(Found.ASK)


def look_up(listed: bool, cached: Entry | None, keys: Keys, online: bool, wall_s: float) -> Standing:
    """The list of the station file first, then the cache, then the backend.

    `listed`: in the station file, which counts whether there is a connection or not.
    """
    if listed:
        return Standing(Found.ACCEPTED)
    if not keys.backend:
        return Standing(Found.REFUSED, reason="this card is not in the list")
    if not online:
        return offline(cached, keys, wall_s)
    good = cached is not None and status_at(cached, wall_s) is AuthorizationStatus.ACCEPTED
    if cached is not None and good and keys.cache and keys.local_pre_authorize:
        return Standing(Found.ACCEPTED, cached.parent_id_tag)
    # One that is not valid in the cache is asked about again (section 3.5.1).
    return _ASK


def offline(cached: Entry | None, keys: Keys, wall_s: float) -> Standing:
    """The backend cannot be asked, or has not answered (section 3.5.4)."""
    if keys.cache and cached is not None:
        status = status_at(cached, wall_s)
        if not is_valid(status):
            return Standing(Found.REFUSED, reason=f"no connection, and this card was {status} before", by_backend=False)
        if keys.local_authorize_offline and status is AuthorizationStatus.ACCEPTED:
            return Standing(Found.ACCEPTED, cached.parent_id_tag)
    if keys.unknown_offline:
        return Standing(Found.ACCEPTED)
    reason = "no connection to the backend, and this card is not known here"
    return Standing(Found.REFUSED, reason=reason, by_backend=False)


def answered(info: IdTagInfo) -> Standing:
    """What the backend said."""
    if info.status is AuthorizationStatus.ACCEPTED:
        return Standing(Found.ACCEPTED, info.parent_id_tag)
    reason = f"the backend refuses this card: {info.status}"
    found = Found.IN_USE if is_valid(info.status) else Found.REFUSED
    return Standing(found, info.parent_id_tag, reason)


def read_answer(values: dict[str, str]) -> IdTagInfo | None:
    """The values of an answered `message_queue.authorize`; None when they say nothing."""
    if "status" not in values:
        return None
    try:
        expiry_wall_s = max(0.0, float(values["expiry_wall_s"])) if "expiry_wall_s" in values else None
    except ValueError:
        expiry_wall_s = None
    return IdTagInfo(
        status=AuthorizationStatus(values["status"]),
        expiry_wall_s=expiry_wall_s,
        parent_id_tag=values.get("parent_id_tag", ""),
    )
