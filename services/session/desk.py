"""Where people's wishes arrive: cards and commands. It asks the rules and takes the verdict to the connector."""

import logging
from collections.abc import Iterable, Mapping
from functools import partial

from bus.clock import Now
from schemas.base import Answer, Answered
from schemas.hmi import CardPresented
from schemas.session import StartTransactionRequest, StopReason, StopTransactionRequest
from services.session.authorization import flow
from services.session.authorization.flow import Outcome, Pending, Verdict
from services.session.authorization.standing import Found, Standing
from services.session.connectors.connector import Connector
from services.session.connectors.ledger import ANSWER_KEPT_S, Shared
from services.session.inquiries import Inquiries
from services.session.store import Learned
from services.session.transactions.record import Phase, Stop
from services.store import StoreError

CARD_AGE_S = 10.0
"""A card seen longer ago is no longer meant."""
MOST_REMEMBERED = 100
ASK_AGAIN_S = 5.0
"""The pause before the backend is asked once more about what it could not judge."""
STARTING = "the station is still starting: try again in a few seconds"

logger = logging.getLogger("session")


class Desk:
    def __init__(self, shared: Shared, connectors: Mapping[int, Connector], inquiries: Inquiries) -> None:
        self._shared = shared
        self._connectors = connectors
        self._inquiries = inquiries
        self._presented: list[tuple[str, str]] = []
        self._ask_again_s = 0.0

    # cards

    def card(self, card: CardPresented, now: Now) -> None:
        presented = (card.presentation_id, card.id_tag)
        if presented in self._presented or now.boot_s - card.presented_s > CARD_AGE_S:
            return
        self._presented = [*self._presented, presented][-MOST_REMEMBERED:]
        served = tuple(number for number in self._connectors if not card.connectors or number in card.connectors)
        keys = self._shared.keys
        if keys is None or not self._shared.store.ready:
            self._reject(served, "the station is still starting", now)
            return
        seats = self._seats(served, now)
        own = flow.judge_own(card.id_tag, seats)
        if own is not None:
            self._act(own, served, card.id_tag, "", None, now)
            return
        standing = self._inquiries.standing(card.id_tag, now)
        if standing.found is not Found.ASK:
            self._judged(served, card.id_tag, standing, None, now)
        elif not flow.is_worth_asking(seats, keys.free_charging):
            self._act(flow.judge_start(seats, keys.free_charging), served, card.id_tag, "", None, now)
        elif not self._inquiries.is_asking(card.id_tag):
            self._inquiries.ask(card.id_tag, now, partial(self._judged, served, card.id_tag))

    def _judged(
        self, served: tuple[int, ...], id_tag: str, standing: Standing, learned: Learned | None, now: Now
    ) -> None:
        """What the id tag is worth is known."""
        keys = self._shared.keys
        assert keys is not None
        seats = self._seats(served, now)
        verdict = Verdict(Outcome.REJECT, reason=standing.reason)
        if standing.found is not Found.REFUSED:
            verdict = flow.judge_group(standing.parent_id_tag, seats) or verdict
        if standing.found is Found.ACCEPTED and verdict.outcome is Outcome.REJECT:
            verdict = flow.judge_start(seats, keys.free_charging)
            if (
                keys.open_offline
                and verdict.outcome is Outcome.REJECT
                and flow.runs_without_card(seats, keys.free_id_tag)
            ):
                verdict = Verdict(Outcome.NOTHING, reason="this vehicle charges already: no card is needed")
        self._act(verdict, served, id_tag, standing.parent_id_tag, learned, now)

    def _act(
        self, verdict: Verdict, served: tuple[int, ...], id_tag: str, parent: str, learned: Learned | None, now: Now
    ) -> None:
        pending = None
        if verdict.outcome is Outcome.STOP:
            self._connectors[verdict.connectors[0]].want_stop(Stop(StopReason.LOCAL, now.wall_s, id_tag))
        elif verdict.outcome is Outcome.RELEASE:
            self._connectors[verdict.connectors[0]].ledger.release_cable(now)
        elif verdict.outcome is Outcome.AUTHORIZE:
            pending = self.with_new(id_tag, verdict.connectors, now, parent=parent)
        elif verdict.outcome is Outcome.REJECT:
            self._reject(served, verdict.reason, now)
        kept = (pending is None and learned is None) or self.keep(now, pending, None, learned)
        if pending is not None and not kept:
            self._reject(served, "nothing can be stored", now)

    def _seats(self, numbers: Iterable[int], now: Now) -> list[flow.Seat]:
        return [self._connectors[number].seat(now) for number in numbers]

    def _reject(self, numbers: Iterable[int], reason: str, now: Now) -> None:
        logger.info("card refused: %s", reason)
        for number in numbers:
            if number in self._connectors:
                self._connectors[number].rejected_until_s = now.boot_s + flow.REJECTED_SHOWN_S

    # authorizations

    def with_new(
        self, id_tag: str, connectors: tuple[int, ...], now: Now, *, parent: str = "", asking: bool = False
    ) -> tuple[Pending, ...]:
        """All authorizations that wait, and this one; not stored yet."""
        keys = self._shared.keys
        time_out_s = keys.connection_time_out_s if keys is not None else 0.0
        until_s = now.boot_s + time_out_s if time_out_s > 0.0 else 0.0
        new = Pending(id_tag, connectors, until_s, self._shared.start_id, parent_id_tag=parent, asking=asking)
        return flow.authorize(self._shared.store.pending, new)

    def keep(
        self,
        now: Now,
        pending: tuple[Pending, ...] | None,
        answered: tuple[Answered, float] | None = None,
        learned: Learned | None = None,
    ) -> bool:
        try:
            self._shared.store.commit(now, pending=pending, answered=answered, learned=learned)
        except StoreError as error:
            logger.warning("authorization not stored: %s", error)
            return False
        return True

    def on_time(self, now: Now) -> None:
        store = self._shared.store
        self._forget_expired(now)
        if self._shared.keys is None or not store.ready or not store.may_try(now) or now.boot_s < self._ask_again_s:
            return
        for one in store.pending:
            if not one.asking or self._inquiries.is_asking(one.id_tag):
                continue
            standing = self._inquiries.standing(one.id_tag, now)
            if standing.found is Found.ASK:
                self._inquiries.ask(one.id_tag, now, partial(self._confirm, one.connectors, one.id_tag))
            else:
                self._confirm(one.connectors, one.id_tag, standing, None, now)

    def _confirm(
        self, connectors: tuple[int, ...], id_tag: str, standing: Standing, learned: Learned | None, now: Now
    ) -> None:
        """Of a RemoteStartTransaction that was accepted: the id tag is good, or nothing comes of it.

        A connection that broke meanwhile decides nothing: the backend is asked again until `ConnectionTimeOut`.
        """
        if standing.found is Found.REFUSED and not standing.by_backend:
            self._ask_again_s = now.boot_s + ASK_AGAIN_S
            return
        before = self._shared.store.pending
        if standing.found is Found.ACCEPTED:
            after = flow.confirmed(before, id_tag, standing.parent_id_tag)
        else:
            after = flow.refused(before, id_tag)
            self._reject(connectors, standing.reason, now)
        if after != before or learned is not None:
            self.keep(now, after, None, learned)

    def _forget_expired(self, now: Now) -> None:
        """Card first, and no vehicle came in time. What stays on a full disk has expired at the next start too."""
        store = self._shared.store
        kept = flow.unexpired(store.pending, now.boot_s)
        if kept is not store.pending and not (store.may_try(now) and self.keep(now, kept)):
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
            connector.want_stop_by(request.request_id, request.expires_s, Stop(reason, now.wall_s))
            connector.step(now)
        elif transaction.holds_cable:
            if connector.ledger.release_cable(now, answered, request.expires_s + ANSWER_KEPT_S):
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
        keys, refusal = self._shared.keys, ""
        if request.connector not in self._connectors:
            refusal = f"no connector {request.connector}; this station has 1 to {len(self._connectors)}"
        elif keys is None or not self._shared.store.ready:
            refusal = STARTING
        else:
            verdict = flow.judge_start(self._seats([request.connector], now), keys.free_charging)
            standing = self._inquiries.standing(request.id_tag, now)
            if standing.found is Found.REFUSED:
                refusal = standing.reason if keys.backend else f"{standing.reason} (station.toml, [cards] local)"
            elif verdict.outcome is not Outcome.AUTHORIZE:
                refusal = verdict.reason
            else:
                self.begin(request.request_id, request.expires_s, request.id_tag, (request.connector,), standing, now)
                return
        self._shared.bus.answer(request.request_id, Answer.REJECTED, refusal)

    def begin(
        self,
        request_id: str,
        expires_s: float,
        id_tag: str,
        connectors: tuple[int, ...],
        standing: Standing,
        now: Now,
    ) -> None:
        """By command: one commit of request, answer and authorization, then the answer."""
        asking = standing.found is Found.ASK
        pending = self.with_new(id_tag, connectors, now, parent=standing.parent_id_tag, asking=asking)
        answered = Answered(request_id=request_id, outcome=Answer.ACCEPTED)
        if self.keep(now, pending, (answered, expires_s + ANSWER_KEPT_S)):
            self._shared.bus.answer(request_id, Answer.ACCEPTED)
        else:
            self._shared.bus.answer(request_id, Answer.REJECTED, f"nothing can be stored: {self._shared.store.trouble}")


def _unknown(request: StopTransactionRequest) -> str:
    what = f"transaction {request.transaction_id}" if request.transaction_id else f"connector {request.connector}"
    return f"{what}: no such transaction is running; `chargectl session ls` shows those that are"[:500]
