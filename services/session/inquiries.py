"""Asks about id tags: the list, the cache, and the backend by way of `message_queue`. The rules are in
`authorization/standing.py`."""

import logging
from collections.abc import Callable, Iterable
from typing import NamedTuple

from bus.clock import Now
from bus.endpoint import Heard
from bus.topics import LINK_STATUS, QUEUE_AUTHORIZE
from schemas.base import Answer, Answered
from schemas.message_queue import AuthorizeRequest, IdTagInfo
from schemas.ocpp_link import LinkState
from services.session.authorization import flow, standing
from services.session.authorization.cache import Entry
from services.session.authorization.standing import Standing
from services.session.connectors.ledger import Shared
from services.session.connectors.situation import HEAR_ALL_S
from services.session.store import Learned
from services.store import StoreError

MOST_ASKED = 20
"""At once; whoever comes then is judged as if there were no connection."""

logger = logging.getLogger("session")

Then = Callable[[Standing, Learned | None, Now], None]
"""What follows from the answer; whoever it is stores what was learned."""


class _Inquiry(NamedTuple):
    id_tag: str
    then: Then


class Inquiries:
    """`cards`: the list of the station file."""

    def __init__(self, shared: Shared, cards: Iterable[str]) -> None:
        self._shared = shared
        self._cards = tuple(cards)
        self._open: dict[str, _Inquiry] = {}

    def standing(self, id_tag: str, now: Now) -> Standing:
        """What is known now; needs the settings."""
        keys = self._shared.keys
        assert keys is not None
        listed = flow.is_listed(id_tag, self._cards)
        online = self._is_online(now) and len(self._open) < MOST_ASKED
        return standing.look_up(listed, self._cached(id_tag), keys, online, now.wall_s)

    def is_asking(self, id_tag: str) -> bool:
        return any(flow.same_tag(one.id_tag, id_tag) for one in self._open.values())

    def ask(self, id_tag: str, now: Now, then: Then) -> None:
        """Authorize.req; `then` hears what follows, also from no answer at all."""
        keys = self._shared.keys
        assert keys is not None
        bus = self._shared.bus
        request = AuthorizeRequest(request_id=bus.new_id(), expires_s=now.boot_s + keys.authorize_s, id_tag=id_tag)
        self._open[request.request_id] = _Inquiry(id_tag, then)
        bus.request(QUEUE_AUTHORIZE, request)

    def answered(self, body: Answered, now: Now) -> None:
        """Answers to other questions are not looked at."""
        inquiry = self._open.pop(body.request_id, None)
        if inquiry is None:
            return
        info = standing.read_answer(body.values) if body.outcome is Answer.ACCEPTED else None
        if info is not None:
            inquiry.then(standing.answered(info), self.learned(inquiry.id_tag, info), now)
            return
        logger.info("the backend has not been asked: %s", body.reason or body.outcome)
        keys = self._shared.keys
        assert keys is not None
        inquiry.then(standing.offline(self._cached(inquiry.id_tag), keys, now.wall_s), None, now)

    def learned(self, id_tag: str, info: IdTagInfo | None) -> Learned | None:
        """OCPP 1.6 section 3.5.3: id tags of the list are not added to the cache."""
        keys = self._shared.keys
        if info is None or not id_tag or keys is None or not keys.cache or flow.is_listed(id_tag, self._cards):
            return None
        return Learned(id_tag, info)

    def _is_online(self, now: Now) -> bool:
        """Not heard yet after our own start: `message_queue` knows better."""
        link = self._shared.bus.latest(LINK_STATUS)
        if link.status is Heard.NEVER:
            return now.boot_s - self._shared.started_s < HEAR_ALL_S
        return link.fresh is not None and link.fresh.state is LinkState.ONLINE

    def _cached(self, id_tag: str) -> Entry | None:
        try:
            return self._shared.store.cached(id_tag)
        except StoreError as error:
            logger.warning("the cache cannot be read: %s", error)
            return None
