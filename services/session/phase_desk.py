"""Where wishes for one phase or three arrive: by command. It asks the rules and takes the verdict to the connector."""

from collections.abc import Mapping
from dataclasses import replace

from bus.clock import Now
from schemas.base import Answer, Answered
from schemas.session import SwitchPhasesRequest
from services.session.connectors.connector import Connector
from services.session.connectors.ledger import ANSWER_KEPT_S, Shared
from services.session.limits import phases
from services.session.transactions.record import Phase, Transaction

STARTING = "the station is still starting: try again in a few seconds"
"""Also while it is not decided whether a transaction of before goes on."""


class PhaseDesk:
    def __init__(self, shared: Shared, connectors: Mapping[int, Connector]) -> None:
        self._shared = shared
        self._connectors = connectors

    def switch(self, request: SwitchPhasesRequest, now: Now) -> None:
        """What is stored is answered in the same commit; what is wanted already begins no new pause."""
        if now.boot_s >= request.expires_s:
            return
        connector = self._connectors.get(request.connector)
        refusal = self._refusal(request, connector)
        one = connector.transaction if connector is not None else None
        if connector is None or one is None or refusal:
            self._shared.bus.answer(request.request_id, Answer.REJECTED, refusal)
            return
        changes = phases.used(request.phases) != phases.used(one.phases_wanted)
        if changes and (words := phases.too_soon(one.phases_s, now.boot_s)):
            self._shared.bus.answer(request.request_id, Answer.REJECTED, words)
            return
        wanting = replace(one, phases_wanted=request.phases, phases_s=now.boot_s if changes else one.phases_s)
        self._keep(request, connector, wanting, changes, now)

    def _keep(
        self, request: SwitchPhasesRequest, connector: Connector, wanting: Transaction, changes: bool, now: Now
    ) -> None:
        values = {
            "transaction_id": wanting.transaction_id,
            "phases": str(phases.used(wanting.phases_wanted)),
            "changed": "true" if changes else "false",
        }
        answered = Answered(request_id=request.request_id, outcome=Answer.ACCEPTED, values=values)
        if not connector.ledger.want_phases(wanting, answered, request.expires_s + ANSWER_KEPT_S, now):
            words = f"nothing can be stored: {self._shared.store.trouble}"
            self._shared.bus.answer(request.request_id, Answer.REJECTED, words[:500])
            return
        self._shared.bus.answer(request.request_id, Answer.ACCEPTED, values=values)
        connector.step(now)

    def _refusal(self, request: SwitchPhasesRequest, connector: Connector | None) -> str:
        keys = self._shared.keys
        if connector is None:
            return f"no connector {request.connector}; this station has 1 to {len(self._connectors)}"
        if keys is None or not self._shared.store.ready:
            return STARTING
        words = phases.refusal(
            request.phases,
            fitted=connector.switches_phases,
            supported=keys.phase_switching_supported,
            enabled=keys.phase_switching,
        )
        if words:
            return words
        one = connector.transaction
        if one is None or one.phase is not Phase.ACTIVE:
            return (
                f"no transaction is running at connector {request.connector}, and the number of phases belongs to one: "
                "begin with a card, or with `chargectl session start`"
            )
        return STARTING if one.start_id != self._shared.start_id else ""
