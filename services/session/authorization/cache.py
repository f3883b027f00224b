"""The authorization cache of OCPP 1.6 section 3.5.1: what the backend last said of each id tag. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from schemas.message_queue import AuthorizationStatus, IdTagInfo

MOST_ENTRIES = 1000


class Entry(NamedTuple):
    id_tag: str
    """As `name_of` spells it."""
    status: AuthorizationStatus
    expiry_wall_s: float | None
    """None = no end."""
    parent_id_tag: str
    place: int
    """In the order in which they were learned: the lowest is the oldest."""


def name_of(id_tag: str) -> str:
    """OCPP 1.6 section 7.28: id tags are case-insensitive."""
    return id_tag.casefold()


def entry_of(id_tag: str, info: IdTagInfo, place: int) -> Entry:
    return Entry(name_of(id_tag), info.status, info.expiry_wall_s, info.parent_id_tag, place)


def status_at(entry: Entry, wall_s: float) -> AuthorizationStatus:
    """A valid entry whose time is over is Expired."""
    over = entry.expiry_wall_s is not None and wall_s >= entry.expiry_wall_s
    return AuthorizationStatus.EXPIRED if over and is_valid(entry.status) else entry.status


def is_valid(status: AuthorizationStatus) -> bool:
    """OCPP 1.6 section 3.5.2: Accepted and ConcurrentTx. Only Accepted begins a transaction."""
    return status in (AuthorizationStatus.ACCEPTED, AuthorizationStatus.CONCURRENT_TX)


def overflow(entries: Iterable[Entry], newest: str, wall_s: float, most: int = MOST_ENTRIES) -> list[str]:
    """Names that make room: first everything that is not valid, then the oldest valid ones; never the newest."""
    known = sorted((entry for entry in entries if entry.id_tag != newest), key=lambda entry: entry.place)
    missing = len(known) + 1 - most
    if missing <= 0:
        return []
    gone = [entry.id_tag for entry in known if not is_valid(status_at(entry, wall_s))]
    valid = [entry.id_tag for entry in known if is_valid(status_at(entry, wall_s))]
    return gone + valid[: max(0, missing - len(gone))]
