"""Both ends of a request. Pure.

The requester repeats the same request id until it hears the answer or the request's end; the owner acts once and
answers a repeat again. Where the effect is durable, the owner's store keeps id and answer in the commit of the effect
and gives them back here at the next start (`Desk.remember`).
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from schemas.base import Answer, Answered, Request

REPEAT_S = 0.25
PATIENCE_S = 2.0
"""How long after the end of a request its answer is still awaited: it may be on the way."""
WITHDRAWALS = 4
REMEMBER_S = 60.0
MOST_REMEMBERED = 2000


@dataclass
class _Asked:
    owner: str
    frame: bytes
    expires_s: float
    next_s: float
    withdrawals: int = 0


@dataclass
class Outgoing:
    """The requester's end."""

    _asked: dict[str, _Asked] = field(default_factory=dict)

    def ask(self, owner: str, request: Request, frame: bytes, now_s: float) -> None:
        self._asked[request.request_id] = _Asked(owner, frame, request.expires_s, now_s)

    def heard(self, answered: Answered) -> bool:
        """True when this is the first answer to a question of ours; one given up stays withdrawn."""
        asked = self._asked.get(answered.request_id)
        if asked is None or asked.withdrawals:
            return False
        del self._asked[answered.request_id]
        return True

    def __bool__(self) -> bool:
        """Whether anything is asked and not yet settled."""
        return bool(self._asked)

    def waiting(self, request_id: str) -> bool:
        return request_id in self._asked

    def due(self, now_s: float) -> tuple[list[tuple[str, bytes]], list[tuple[str, str]], list[tuple[str, str]]]:
        """What to send up now: (owner, frame) again, (owner, request id) withdrawn; and those just given up."""
        repeats: list[tuple[str, bytes]] = []
        withdrawn: list[tuple[str, str]] = []
        given_up: list[tuple[str, str]] = []
        for request_id, asked in list(self._asked.items()):
            if asked.next_s > now_s:
                continue
            if now_s < asked.expires_s:
                repeats.append((asked.owner, asked.frame))
                asked.next_s = now_s + REPEAT_S
            elif now_s < asked.expires_s + PATIENCE_S:
                asked.next_s = asked.expires_s + PATIENCE_S
            else:
                if not asked.withdrawals:
                    given_up.append((asked.owner, request_id))
                withdrawn.append((asked.owner, request_id))
                asked.withdrawals += 1
                asked.next_s = now_s + REPEAT_S
                if asked.withdrawals >= WITHDRAWALS:
                    del self._asked[request_id]
        return repeats, withdrawn, given_up

    def next_s(self) -> float:
        return min((asked.next_s for asked in self._asked.values()), default=float("inf"))


@dataclass
class Desk:
    """The owner's end."""

    _pending: dict[str, float] = field(default_factory=dict)
    _answers: OrderedDict[str, tuple[float, Answered]] = field(default_factory=OrderedDict)

    def remember(self, answered: Answered, until_s: float) -> None:
        """An answer that a store kept from before this start."""
        self._answers[answered.request_id] = (until_s, answered)

    def arrives(self, request: Request, now_s: float) -> Answered | bool:
        """The answer given before, or whether the owner shall act (False: expired, or already acting)."""
        self._forget(now_s)
        known = self._answers.get(request.request_id)
        if known is not None:
            return known[1]
        if request.request_id in self._pending or now_s >= request.expires_s:
            return False
        self._pending[request.request_id] = request.expires_s
        return True

    def answer(self, answered: Answered, now_s: float) -> None:
        expires_s = self._pending.pop(answered.request_id, now_s)
        self._answers[answered.request_id] = (expires_s + REMEMBER_S, answered)
        while len(self._answers) > MOST_REMEMBERED:
            self._answers.popitem(last=False)

    def knows(self, request_id: str) -> bool:
        return request_id in self._pending or request_id in self._answers

    def _forget(self, now_s: float) -> None:
        for request_id in [name for name, (until_s, _) in self._answers.items() if until_s < now_s]:
            del self._answers[request_id]
        for request_id in [name for name, expires_s in self._pending.items() if expires_s + REMEMBER_S < now_s]:
            del self._pending[request_id]


def expired(request_id: str) -> Answered:
    """What a requester tells itself when it gives up."""
    return Answered(request_id=request_id, outcome=Answer.EXPIRED, reason="no answer came in time; is the service up?")
