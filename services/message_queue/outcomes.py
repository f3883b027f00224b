"""What became of a CALL: the outcome and all that follows from it in one commit, the next offer, then `settled`.

In this order, because `ocpp_link` forgets an outcome when it is settled: it must not hold the same offer then.
"""

import logging

from msgspec.structs import replace

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.handover import Call, Complete, Report, Retry, heard
from bus.topics import QUEUE_SETTLED
from schemas.message_queue import Settled, StartAnswered, StopAnswered
from schemas.ocpp_link import CallOutcome, Outcome
from services.message_queue.books.crowd import Crowd
from services.message_queue.desk import Desk
from services.message_queue.events import Events
from services.message_queue.facts import Facts
from services.message_queue.offering import Offering
from services.message_queue.rules import answers, attempts, numbering
from services.message_queue.rules.answers import Unreadable
from services.message_queue.rules.attempts import Failure
from services.message_queue.rules.message import AUTHORIZE, START, STOP, Waiting
from services.message_queue.storage.store import Given
from services.store import StoreError

logger = logging.getLogger("message_queue")


class Outcomes:
    def __init__(
        self, bus: Endpoint, crowd: Crowd, offering: Offering, desk: Desk, facts: Facts, events: Events
    ) -> None:
        self._bus = bus
        self._crowd = crowd
        self._store = crowd.store
        self._offering = offering
        self._desk = desk
        self._facts = facts
        self._events = events

    def take(self, body: CallOutcome, link_run: str, now: Now) -> None:
        """An outcome that cannot be stored is not settled: `ocpp_link` says it again."""
        if not self._store.ready:
            return
        message = self._store.waiting.get(body.message_id)
        if message is not None:
            try:
                self._durable(message, body, link_run, now)
            except StoreError as error:
                logger.warning("the outcome of %s is not stored: %s", message.action, error)
                return
        elif not self._status(body, now) and not self._notice(body, now):
            self._volatile(body)
        self._offering.ended(body.message_id, body.attempt, now)
        self._bus.publish(QUEUE_SETTLED, Settled(message_id=body.message_id, attempt=body.attempt))

    # statuses and volatile messages

    def _status(self, body: CallOutcome, now: Now) -> bool:
        """False: it is not the outcome of the status on offer."""
        on_offer = self._offering.on_offer
        if on_offer is None or on_offer.due is None or on_offer.offer.message_id != body.message_id:
            return False
        statuses, due = self._crowd.statuses, on_offer.due
        if body.outcome is Outcome.ANSWERED:
            statuses.answered(due)
            try:
                self._store.keep_status(now, due.connector, due.status)
            except StoreError as error:
                # Told once more after a restart: harmless.
                logger.warning("status of connector %d: answer not stored: %s", due.connector, error)
        elif body.outcome in (Outcome.TIMED_OUT, Outcome.CONNECTION_LOST):
            statuses.unanswered(due)
            self._offering.durable_first = self._offering.durable_first or body.outcome is Outcome.TIMED_OUT
        else:
            logger.warning("StatusNotification of connector %d refused: %s", due.connector, words(body))
            statuses.failed(due)
        return True

    def _notice(self, body: CallOutcome, now: Now) -> bool:
        """False: it is not the outcome of the error or informative message on offer."""
        on_offer = self._offering.on_offer
        if on_offer is None or on_offer.telling is None or on_offer.offer.message_id != body.message_id:
            return False
        if body.outcome in (Outcome.TIMED_OUT, Outcome.CONNECTION_LOST):
            self._offering.durable_first = self._offering.durable_first or body.outcome is Outcome.TIMED_OUT
            return True
        if body.outcome is not Outcome.ANSWERED:
            logger.warning("StatusNotification %r refused: %s", on_offer.telling.info, words(body))
        self._crowd.notices.answered(on_offer.telling, now.boot_s)
        return True

    def _volatile(self, body: CallOutcome) -> None:
        message = self._crowd.volatile.get(body.message_id)
        if message is None:
            return
        self._crowd.volatile.remove(body.message_id)
        if body.outcome is Outcome.TIMED_OUT and message.action != AUTHORIZE:
            self._offering.durable_first = True
        if message.request_id:
            self._desk.finish(message, body)
        elif body.outcome is not Outcome.ANSWERED:
            logger.warning("%s dropped: %s", message.action, words(body))

    # durable messages

    def _durable(self, message: Waiting, body: CallOutcome, link_run: str, now: Now) -> None:
        """Raises StoreError."""
        outcome, fact, number = body.outcome, None, None
        if outcome is Outcome.ANSWERED:
            try:
                fact, number = self._fact(message, body, link_run)
            except Unreadable as error:
                logger.error("the answer to %s cannot be read: %s", message.action, error)
                outcome = Outcome.ERROR
        left = attempts.attempts_left(message, outcome, self._crowd.keys)
        report = Report(Call(body.message_id, body.attempt), attempts.as_handover(outcome))
        does = heard(message.attempt, report, left)
        if isinstance(does, Retry):
            failure = Failure(body.attempt, body.ended_wall_s, outcome.value, words(body))
            consumed = attempts.consumes(outcome)
            self._store.keep_retry(now, message, failure, consumed=consumed)
            wait_s = attempts.wait_before_s(body.attempt, self._crowd.keys) if consumed else 0.0
            self._offering.not_before_s[message.message_id] = now.boot_s + wait_s
        elif isinstance(does, Complete) and outcome is Outcome.ANSWERED:
            said = self._store.complete(now, message, fact=fact, backend_id=number)
            self._offering.forget(message.message_id)
            if said is not None:
                self._facts.say(said, now)
        elif isinstance(does, Complete):
            self._give_up(message, outcome, body, now)

    def _fact(
        self, message: Waiting, body: CallOutcome, link_run: str
    ) -> tuple[StartAnswered | StopAnswered | None, int | None]:
        """For `session`, and the backend's transaction id. Raises Unreadable."""
        if message.action == START:
            number, info = answers.start_answer(body.payload)
            repeated = self._offering.may_be_repeat(message, body.attempt, link_run)
            return numbering.start_answered(message.transaction_id, number, info, repeated), number
        if message.action == STOP:
            return answers.stop_answer(body.payload, message.transaction_id), None
        return None, None

    def _give_up(self, message: Waiting, outcome: Outcome, body: CallOutcome, now: Now) -> None:
        """It leaves the queue, not the store. Raises StoreError."""
        fact: StartAnswered | StopAnswered | None = None
        number = None
        if message.action == START:
            fact, number = numbering.start_given_up(message.transaction_id), numbering.NEVER_ANSWERED
        elif message.action == STOP:
            fact = StopAnswered(transaction_id=message.transaction_id, given_up=True)
        failure = Failure(body.attempt, body.ended_wall_s, outcome.value, words(body))
        payload = self._offering.payload_to_send(message) or ""
        tried = message.consumed + attempts.consumes(outcome)
        given = Given(replace(message, consumed=tried), payload)
        said = self._store.complete(now, message, fact=fact, backend_id=number, given=given, failure=failure)
        self._offering.forget(message.message_id)
        if said is not None:
            self._facts.say(said, now)
        logger.error("%s %s given up: %s", message.action, message.message_id, failure.detail)
        text = f"{message.action} given up after {tried} {'attempt' if tried == 1 else 'attempts'}: {failure.detail}"
        self._events.tell("message_given_up", text[:400], now, message.connector)


def words(body: CallOutcome) -> str:
    """For people: why it failed."""
    if body.error_code:
        return f"{body.error_code}: {body.error_description}"[:400] if body.error_description else body.error_code
    return body.error_description[:400] or body.outcome.value
