"""Where people's wishes arrive: cards and commands. It asks the rules and takes the verdict to the connector."""

import logging
from collections.abc import Iterable, Mapping

from bus.clock import Now
from schemas.base import Answer, Answered
from schemas.hmi import CardPresented
from schemas.session import StartTransactionRequest, StopReason, StopTransactionRequest
from services.session.authorization import flow
from services.session.authorization.flow import Outcome, Pending
from services.session.connectors.connector import ANSWER_KEPT_S, Connector, Shared
from services.session.transactions.record import Phase, Stop
from services.store import StoreError

CARD_AGE_S = 10.0
"""A card seen longer ago is no longer meant."""
MOST_REMEMBERED = 100

logger = logging.getLogger("session")


class Desk:
    def __init__(self, shared: Shared, connectors: Mapping[int, Connector], cards: Iterable[str]) -> None:
        self._shared = shared
        self._connectors = connectors
        self._cards = tuple(cards)
        self._presented: list[str] = []

    def card(self, card: CardPresented, now: Now) -> None:
        if card.presentation_id in self._presented or now.boot_s - card.presented_s > CARD_AGE_S:
            return
        self._presented = [*self._presented, card.presentation_id][-MOST_REMEMBERED:]
        served = [c for c in self._connectors.values() if not card.connectors or c.number in card.connectors]
        keys = self._shared.keys
        if keys is None or not self._shared.store.ready:
            self._reject(served, "the station is still starting", now)
            return
        verdict = flow.judge_card(card.id_tag, [c.seat() for c in served], self._cards, keys.free_charging)
        if verdict.outcome is Outcome.STOP:
            connector = self._connectors[verdict.connectors[0]]
            connector.want_stop(Stop(StopReason.LOCAL, now.wall_s, card.id_tag))
        elif verdict.outcome is Outcome.RELEASE:
            self._connectors[verdict.connectors[0]].release_cable(now)
        elif verdict.outcome is Outcome.AUTHORIZE:
            if not self._keep(self._with(card.id_tag, verdict.connectors, now), None, now):
                self._reject(served, "nothing can be stored", now)
        elif verdict.outcome is Outcome.REJECT:
            self._reject(served, verdict.reason, now)

    def _reject(self, connectors: Iterable[Connector], reason: str, now: Now) -> None:
        logger.info("card refused: %s", reason)
        for connector in connectors:
            connector.rejected_until_s = now.boot_s + flow.REJECTED_SHOWN_S

    def _with(self, id_tag: str, connectors: tuple[int, ...], now: Now) -> tuple[Pending, ...]:
        keys = self._shared.keys
        time_out_s = keys.connection_time_out_s if keys is not None else 0.0
        until_s = now.boot_s + time_out_s if time_out_s > 0.0 else 0.0
        return flow.authorize(self._shared.store.pending, id_tag, connectors, self._shared.start_id, until_s)

    def _keep(self, pending: tuple[Pending, ...], answered: tuple[Answered, float] | None, now: Now) -> bool:
        try:
            self._shared.store.commit(now, pending=pending, answered=answered)
        except StoreError as error:
            logger.warning("authorization not stored: %s", error)
            return False
        return True

    def forget_expired(self, now: Now) -> None:
        """Card first, and no vehicle came in time. What stays on a full disk has expired at the next start too."""
        store = self._shared.store
        kept = flow.unexpired(store.pending, now.boot_s)
        if kept is not store.pending and not (store.may_try(now) and self._keep(kept, None, now)):
            store.pending = kept

    # by command

    def stop(self, request: StopTransactionRequest, now: Now) -> None:
        if now.boot_s >= request.expires_s:
            return
        connector = self._named(request)
        if connector is None or connector.transaction is None:
            self._shared.bus.answer(request.request_id, Answer.REJECTED, _unknown(request))
            return
        transaction = connector.transaction
        answered = Answered(
            request_id=request.request_id,
            outcome=Answer.ACCEPTED,
            values={"transaction_id": transaction.transaction_id},
        )
        if transaction.phase is Phase.ACTIVE:
            reason = StopReason.REMOTE if request.reason is StopReason.UNKNOWN else request.reason
            connector.want_stop_by(request, Stop(reason, now.wall_s))
        elif transaction.holds_cable:
            if connector.release_cable(now, answered, request.expires_s + ANSWER_KEPT_S):
                self._shared.bus.answer(request.request_id, Answer.ACCEPTED, values=answered.values)
            else:
                reason_words = f"nothing can be stored: {self._shared.store.trouble}"
                self._shared.bus.answer(request.request_id, Answer.REJECTED, reason_words)
        else:
            self._shared.bus.answer(request.request_id, Answer.ACCEPTED, "ending already", answered.values)

    def _named(self, request: StopTransactionRequest) -> Connector | None:
        """The connector whose transaction is meant, also one whose end or cable is still pending."""
        for connector in self._connectors.values():
            one = connector.transaction
            if one is None or (one.phase is Phase.ENDED and not one.holds_cable):
                continue
            named = one.transaction_id == request.transaction_id if request.transaction_id else False
            if named or (not request.transaction_id and connector.number == request.connector):
                return connector
        return None

    def start(self, request: StartTransactionRequest, now: Now) -> None:
        if now.boot_s >= request.expires_s:
            return
        keys, connector = self._shared.keys, self._connectors.get(request.connector)
        refusal = ""
        if connector is None:
            refusal = f"no connector {request.connector}; this station has 1 to {len(self._connectors)}"
        elif keys is None or not self._shared.store.ready:
            refusal = "the station is still starting: try again in a few seconds"
        elif not flow.is_listed(request.id_tag, self._cards):
            refusal = "this id tag is not in the list of cards (station.toml, [cards] local)"
        else:
            verdict = flow.judge_start([connector.seat()], keys.free_charging)
            refusal = "" if verdict.outcome is Outcome.AUTHORIZE else verdict.reason
        if not refusal:
            pending = self._with(request.id_tag, (request.connector,), now)
            answered = Answered(request_id=request.request_id, outcome=Answer.ACCEPTED)
            if not self._keep(pending, (answered, request.expires_s + ANSWER_KEPT_S), now):
                refusal = f"nothing can be stored: {self._shared.store.trouble}"
        self._shared.bus.answer(request.request_id, Answer.REJECTED if refusal else Answer.ACCEPTED, refusal)


def _unknown(request: StopTransactionRequest) -> str:
    what = f"transaction {request.transaction_id}" if request.transaction_id else f"connector {request.connector}"
    return f"{what}: no such transaction is running; `chargectl session ls` shows those that are"[:500]
