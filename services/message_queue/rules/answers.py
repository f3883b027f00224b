"""What the backend's answers say. `ocpp_link` has validated them; an unreadable one is a failure all the same. Pure."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from schemas.message_queue import AuthorizationStatus, IdTagInfo, StopAnswered

LONGEST_ID_TAG = 20
HIGHEST_WALL_S = 1e11
HIGHEST_NUMBER = 2**63 - 1


class Unreadable(Exception):
    """An answer from which what we need cannot be read; the text says why."""


class _IdTagInfo(msgspec.Struct):
    status: str
    expiryDate: str | None = None
    parentIdTag: str | None = None


class _Start(msgspec.Struct):
    transactionId: int | float
    idTagInfo: _IdTagInfo


class _Stop(msgspec.Struct):
    idTagInfo: _IdTagInfo | None = None


class _Authorize(msgspec.Struct):
    idTagInfo: _IdTagInfo


def start_answer(payload: str) -> tuple[int, IdTagInfo]:
    """The backend's transaction id (it may be 0 or negative) and its judgement. Raises Unreadable."""
    answer = _decoded(payload, _Start)
    number = int(answer.transactionId)
    if answer.transactionId != number or abs(number) > HIGHEST_NUMBER:
        raise Unreadable(f"transactionId {str(answer.transactionId)[:40]} is not an integer of 64 bits")
    return number, _info(answer.idTagInfo)


def stop_answer(payload: str, transaction_id: str) -> StopAnswered:
    """Raises Unreadable."""
    info = _decoded(payload, _Stop).idTagInfo
    return StopAnswered(transaction_id=transaction_id, id_tag_info=None if info is None else _info(info))


def authorize_answer(payload: str) -> IdTagInfo:
    """Raises Unreadable."""
    return _info(_decoded(payload, _Authorize).idTagInfo)


def as_values(info: IdTagInfo) -> dict[str, str]:
    """As an answered request carries it."""
    values = {"status": info.status.value}
    if info.expiry_wall_s is not None:
        values["expiry_wall_s"] = f"{info.expiry_wall_s:.3f}"
    if info.parent_id_tag:
        values["parent_id_tag"] = info.parent_id_tag
    return values


def _decoded(payload: str, kind: type[Any]) -> Any:
    try:
        return msgspec.json.decode(payload, type=kind)
    except (msgspec.DecodeError, RecursionError) as error:
        raise Unreadable(str(error)) from error


def _info(info: _IdTagInfo) -> IdTagInfo:
    return IdTagInfo(
        status=AuthorizationStatus(info.status),
        expiry_wall_s=wall_s_of(info.expiryDate or ""),
        parent_id_tag=(info.parentIdTag or "")[:LONGEST_ID_TAG],
    )


def wall_s_of(text: str) -> float | None:
    """ISO 8601 as backends write it, UTC where no zone is given; None for what is no time."""
    try:
        at = datetime.fromisoformat(text.strip())
        wall_s = (at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
    return min(max(0.0, wall_s), HIGHEST_WALL_S)
