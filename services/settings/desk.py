"""Where changes are decided and kept: judged, written in one commit, answered."""

import json
import logging
from collections.abc import Mapping
from typing import NamedTuple

from bus.clock import Now
from bus.ids import IdSource
from schemas.base import Answer, Answered
from schemas.settings import ActionOrder, ChangeSetRequest, ChangeSettingRequest, Entry
from services.settings.access import role_of
from services.settings.changes import Judgement, Step, judge
from services.settings.store import Changed, SettingsStore
from services.settings.store import Entry as Line
from services.settings.table import KEYS
from services.settings.values import Values
from services.store_errors import StoreError

REMEMBER_S = 60.0
REDACTED = "***"
MOST_REFUSED = 200
"""In one answer: it has to fit into a frame."""
LONGEST_REASON = 500
LONGEST_AUDITED = 1000
"""Characters of a value in the audit trail."""

_logger = logging.getLogger("settings")


class Decision(NamedTuple):
    answered: Answered
    changed: bool = False
    failed: bool = False
    """The disk took nothing."""


class Desk:
    """`values`: those of the start. `orders`: of the store, by place, with the start in which each was given."""

    def __init__(
        self,
        values: Values,
        store: SettingsStore,
        *,
        start_id: str,
        revision: int,
        orders: Mapping[str, tuple[ActionOrder, str]],
        ids: IdSource,
    ) -> None:
        self.values = values
        self.revision = revision
        self._store = store
        self._start_id = start_id
        self._ids = ids
        self.actions: dict[str, ActionOrder] = {
            where: order if start_id and given_in == start_id else _of_an_earlier_start(order)
            for where, (order, given_in) in orders.items()
            if order.name in KEYS
        }

    def decide(self, request: ChangeSettingRequest | ChangeSetRequest, now: Now) -> Decision:
        """Of a request that has not expired."""
        alone = isinstance(request, ChangeSettingRequest)
        judgement = judge(
            self.values,
            _entries(request),
            role=request.role,
            source=request.source,
            skip_unknown=isinstance(request, ChangeSetRequest) and request.skip_unknown,
            keep_equal=alone,
            confirmed=request.confirmed,
        )
        answered = Answered(
            request_id=request.request_id,
            outcome=judgement.outcome,
            reason=judgement.reason[: LONGEST_REASON * 4],
            values={} if alone else _told(judgement),
        )
        if judgement.after is None or (isinstance(request, ChangeSetRequest) and request.check_only):
            return Decision(answered)
        return self._kept(judgement, judgement.after, request, answered, now)

    def _kept(
        self,
        judgement: Judgement,
        after: Values,
        request: ChangeSettingRequest | ChangeSetRequest,
        answered: Answered,
        now: Now,
    ) -> Decision:
        orders = {step.place: self._order(step, now) for step in judgement.actions}
        changed = Changed(
            {step.place: step.text for step in judgement.steps if step.place not in orders},
            [_line(step, request, now) for step in judgement.steps],
            after.at_start if after.at_start != self.values.at_start else None,
            orders,
        )
        try:
            self._store.change(changed, self._start_id, self.revision + 1, answered, request.expires_s + REMEMBER_S)
        except StoreError as error:
            reason = f"nothing was changed: {error}. Free space in the station's home, or make it writable, and repeat"
            values = answered.values and {**answered.values, "changed": "[]", "reboot": "[]"}
            refused = Answered(request_id=request.request_id, outcome=Answer.REJECTED, reason=reason, values=values)
            return Decision(refused, failed=True)
        self.values = after
        self.actions.update(orders)
        self.revision += 1
        names = ", ".join(step.place for step in judgement.steps[:20])
        more = f" and {len(judgement.steps) - 20} more" if len(judgement.steps) > 20 else ""
        actor, source = request.actor[:100] or "somebody", request.source[:100] or "an unnamed way"
        _logger.info("%s%s changed by %s over %s", names, more, actor, source)
        return Decision(answered, changed=True)

    def _order(self, step: Step, now: Now) -> ActionOrder:
        return ActionOrder(
            order_id=self._ids(),
            name=step.key.name,
            value=step.new,
            connector=step.connector,
            ordered_s=now.boot_s,
        )

    def begin(self) -> None:
        """Keeps with which values the station started. Raises StoreError; may be repeated."""
        self._store.begin(self._start_id, self.values.at_start, self.revision)


def _of_an_earlier_start(order: ActionOrder) -> ActionOrder:
    return ActionOrder(order_id=order.order_id, name=order.name, value=order.value, connector=order.connector)


def _entries(request: ChangeSettingRequest | ChangeSetRequest) -> tuple[Entry, ...]:
    if isinstance(request, ChangeSetRequest):
        return request.entries
    return (Entry(key=request.key, value=request.value, connector=request.connector),)


def _told(judgement: Judgement) -> dict[str, str]:
    """The lists of an answer to a set, as JSON."""
    refused = [
        {"key": each.key, "outcome": each.outcome.value, "reason": each.reason[:LONGEST_REASON]}
        | ({"confirm": each.confirm} if each.confirm else {})
        for each in judgement.refused[:MOST_REFUSED]
    ]
    told = {
        "refused": json.dumps(refused, ensure_ascii=False),
        "changed": json.dumps([step.place for step in judgement.steps]),
        "reboot": json.dumps(list(judgement.waiting)),
        "skipped": json.dumps([name[:100] for name in judgement.skipped], ensure_ascii=False),
    }
    if len(judgement.refused) > MOST_REFUSED:
        told["more_refused"] = str(len(judgement.refused) - MOST_REFUSED)
    return told


def _line(step: Step, request: ChangeSettingRequest | ChangeSetRequest, now: Now) -> Line:
    old, new = (REDACTED, REDACTED) if step.key.secret else (step.old[:LONGEST_AUDITED], step.new[:LONGEST_AUDITED])
    role = role_of(request.role, request.source)[:20]
    return Line(now.wall_s, step.place, old, new, request.actor[:100], request.source[:100], role)
