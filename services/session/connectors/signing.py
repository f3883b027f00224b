"""Asks the meter of one connector for signed records, one at a time. What follows from them is decided elsewhere."""

import logging
from typing import NamedTuple

from bus.clock import Now
from bus.endpoint import Endpoint
from bus.topics import METERING_SIGN
from schemas.base import Answer, Answered
from schemas.metering import SignContext, SignRequest
from services.session.connectors import sampling, situation, state
from services.session.connectors.situation import Situation
from services.session.transactions import signed
from services.session.transactions.record import Phase
from services.session.transactions.rules import Presence

EXPIRES_S = 13.0
"""With the 2 s that an answer may take after that: 15 s at most (row F72)."""
RETRY_S = 5.0
LATE_RETRY_S = 10.0
LONGEST_RECORD = 4096

logger = logging.getLogger("session")


class _Wish(NamedTuple):
    transaction_id: str
    context: SignContext
    id_tag: str


class _Owed(NamedTuple):
    wish: _Wish
    until_s: float


class Signatures:
    """`known` is what a situation says of them."""

    def __init__(self, bus: Endpoint, meter: str) -> None:
        self.known = signed.NOTHING
        self._bus = bus
        self._meter = meter
        self._owed: _Owed | None = None
        self._asked: tuple[str, _Wish] | None = None
        """Request and what it is for."""
        self._failed: tuple[_Wish, float] | None = None
        """What came to nothing last, and when it may be asked again."""
        self._tried_for = ""
        """The draft before which an owed record has been asked for once more."""

    def look(self, s: Situation) -> float:
        """Asks what is to be asked; returns when to come again (boot clock)."""
        if not (s.signs or self._owed is not None or (s.transaction is not None and s.transaction.signed)):
            return float("inf")
        self._follow_draft(s)
        self._follow_owed(s)
        wish = self._wish(s)
        if wish is None or self._asked is not None:
            return float("inf")
        if self._failed is not None and self._failed[0] == wish and s.now.boot_s < self._failed[1]:
            return self._failed[1]
        self._ask(wish, s)
        return float("inf")

    def answered(self, body: Answered, now: Now) -> bool:
        """True = it was ours."""
        if self._asked is None or body.request_id != self._asked[0]:
            return False
        wish, self._asked = self._asked[1], None
        record = body.values.get("record", "") if body.outcome is Answer.ACCEPTED else ""
        if not 0 < len(record) <= LONGEST_RECORD:
            reason = body.reason or "metering gave no record"
            level = logging.INFO if self.known.trouble else logging.WARNING
            logger.log(level, "%s: no signed %s of transaction %s: %s", self._meter, *wish[1::-1], reason)
            self._failed = (wish, now.boot_s + (LATE_RETRY_S if self._owed is not None else RETRY_S))
            self.known = self.known._replace(trouble=self.known.trouble or reason[:200])
        elif wish.context is SignContext.END:
            self.known = self.known._replace(end_id=wish.transaction_id, end=record, trouble="")
        elif wish.transaction_id == self.known.draft_id:
            self.known = self.known._replace(begin=record, trouble="")
        return True

    def delivered(self) -> None:
        """What was owed is stored."""
        self._owed = None
        self.known = self.known._replace(owed_id="")

    # inside

    def _follow_draft(self, s: Situation) -> None:
        if s.transaction is not None and s.transaction.transaction_id == self.known.draft_id:
            self._drop_draft()
        if _is_ready(s):
            draft = sampling.draft_of(s)
            if draft != self.known.draft:
                self.known = self.known._replace(draft=draft, draft_id=self._bus.new_id(), begin="")
        elif s.presence is Presence.GONE or (s.keys is not None and not situation.is_authorized(s)):
            self._drop_draft()

    def _drop_draft(self) -> None:
        if self.known.draft is not None:
            self.known = self.known._replace(draft=None, draft_id="", begin="")

    def _follow_owed(self, s: Situation) -> None:
        one, now_s = s.transaction, s.now.boot_s
        if one is not None and one.phase is Phase.ENDED and one.signed and not one.end_signed:
            if now_s < one.sign_until_s:
                self._owed = _Owed(_Wish(one.transaction_id, SignContext.END, one.id_tag), one.sign_until_s)
        elif one is not None and self._owed is not None and one.transaction_id == self._owed.wish.transaction_id:
            self._owed = None
        if self._owed is not None and now_s >= self._owed.until_s:
            logger.warning("%s: transaction %s stays without a signed end", self._meter, self._owed.wish.transaction_id)
            self._owed = None
        self.known = self.known._replace(owed_id="" if self._owed is None else self._owed.wish.transaction_id)

    def _wish(self, s: Situation) -> _Wish | None:
        one, known = s.transaction, self.known
        if one is not None and one.phase is Phase.STOPPING:
            wanted = one.signed and known.end_id != one.transaction_id and state.open_since_s(s) is not None
            return _Wish(one.transaction_id, SignContext.END, one.id_tag) if wanted else None
        owed = None if self._owed is None or known.end_id == known.owed_id else self._owed.wish
        if known.draft is not None and not known.begin and _is_ready(s):
            # The meter gives up the transaction before when another begins: its end is asked for once more.
            if owed is not None and self._tried_for != known.draft_id:
                return owed
            return _Wish(known.draft_id, SignContext.BEGIN, known.draft.id_tag)
        return owed

    def _ask(self, wish: _Wish, s: Situation) -> None:
        self._tried_for = self.known.draft_id
        if wish.context is SignContext.BEGIN:
            self._owed = None
            self.known = self.known._replace(owed_id="")
        request = SignRequest(
            request_id=self._bus.new_id(),
            expires_s=s.now.boot_s + EXPIRES_S,
            meter=self._meter,
            transaction_id=wish.transaction_id,
            context=wish.context,
            id_tag=wish.id_tag,
        )
        self._asked = (request.request_id, wish)
        self._bus.request(METERING_SIGN, request)


def _is_ready(s: Situation) -> bool:
    """A transaction would begin, if the meter had signed."""
    if s.phase in (Phase.ACTIVE, Phase.STOPPING) or (s.transaction is not None and s.transaction.holds_cable):
        return False
    if not s.signs or s.keys is None or s.presence is not Presence.PRESENT or s.unlocking:
        return False
    return situation.is_authorized(s) and s.has_meter and not situation.other_refusal(s)
