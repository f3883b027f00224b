"""The backend's transaction ids: learned from the answer to StartTransaction, filled in at sending. Pure."""

from collections.abc import Collection, Mapping

from schemas.message_queue import AuthorizationStatus, IdTagInfo, StartAnswered

NEVER_ANSWERED = -1
"""errata 3.18: the transaction id of messages whose StartTransaction was given up."""


def backend_id(transaction_id: str, known: Mapping[str, int], unsettled: Collection[str]) -> int | None:
    """None: its StartTransaction still waits, so must this message.

    `known`: by our id, what the backend answered last; two transactions may have the same. `unsettled`: transactions
    whose StartTransaction waits. One in neither was begun before this store: the backend's id is lost.
    """
    if transaction_id in unsettled:
        return None
    return known.get(transaction_id, NEVER_ANSWERED)


def is_filled_in(payload: str) -> bool:
    """It came with the backend's id: its StopTransaction is past, and nobody here knows it any more."""
    return payload.startswith('{"transactionId":')


def filled_in(payload: str, number: int) -> str:
    """`payload` is a JSON object that is not empty; a repeat gives the same text."""
    return f'{{"transactionId":{number},{payload[1:]}'


def start_answered(transaction_id: str, number: int, info: IdTagInfo, repeated: bool) -> StartAnswered:
    """ConcurrentTx to a StartTransaction that was sent before: the backend means the transaction it began then."""
    if repeated and info.status is AuthorizationStatus.CONCURRENT_TX:
        info = IdTagInfo(
            status=AuthorizationStatus.ACCEPTED,
            expiry_wall_s=info.expiry_wall_s,
            parent_id_tag=info.parent_id_tag,
        )
    return StartAnswered(transaction_id=transaction_id, backend_transaction_id=number, id_tag_info=info)


def start_given_up(transaction_id: str) -> StartAnswered:
    return StartAnswered(transaction_id=transaction_id, backend_transaction_id=NEVER_ANSWERED)
