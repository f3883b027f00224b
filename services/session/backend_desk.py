"""Where the backend's wishes arrive, as requests of `ocpp_link`. It asks the rules and takes the verdict onwards.

A wish that cannot be judged yet waits, up to shortly before its end: for the settings after a start, for the backend's
answer to a StartTransaction of ours, for another unlocking.
"""

import logging
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from bus.clock import Now
from bus.topics import (
    QUEUE_SEND,
    QUEUE_STATUS,
    SESSION_CHANGE_AVAILABILITY,
    SESSION_CLEAR_CACHE,
    SESSION_REMOTE_START,
    SESSION_REMOTE_STOP,
    SESSION_STATION,
    SESSION_TRIGGER_METER_VALUES,
    SESSION_UNLOCK_CONNECTOR,
    Topic,
)
from schemas.base import Answer, Answered, Request
from schemas.message_queue import SendCallRequest
from schemas.session import (
    ChangeAvailabilityRequest,
    ClearCacheRequest,
    RemoteStartRequest,
    RemoteStopRequest,
    SessionStation,
    StopReason,
    TriggerMeterValuesRequest,
    UnlockConnectorRequest,
)
from services.clock import iso_utc
from services.session.authorization import flow
from services.session.authorization.flow import Outcome
from services.session.authorization.standing import Found, Standing
from services.session.availability import rules as availability
from services.session.availability import station_status
from services.session.connectors.connector import Connector
from services.session.connectors.ledger import ANSWER_KEPT_S, Shared
from services.session.desk import STARTING, Desk
from services.session.inquiries import Inquiries
from services.session.transactions import meter_values
from services.session.transactions.record import Phase, Stop
from services.store import StoreError

ANSWER_BEFORE_S = 0.5
"""The answer leaves so long before the end of its request."""
SEND_EXPIRES_S = 30.0
MOST_WAITING = 50

logger = logging.getLogger("session")

Handler = Callable[[Any, Now], str]
"""Empty = it is answered or on its way; else what it waits for, in words."""


class BackendDesk:
    def __init__(self, shared: Shared, connectors: Mapping[int, Connector], desk: Desk, inquiries: Inquiries) -> None:
        self._shared = shared
        self._connectors = connectors
        self._desk = desk
        self._inquiries = inquiries
        self._waiting: list[tuple[Request, Handler]] = []
        self._said: SessionStation | None = None
        self.handlers: dict[Topic[Any], Handler] = {
            SESSION_REMOTE_START: self._remote_start,
            SESSION_REMOTE_STOP: self._remote_stop,
            SESSION_CHANGE_AVAILABILITY: self._change_availability,
            SESSION_UNLOCK_CONNECTOR: self._unlock,
            SESSION_CLEAR_CACHE: self._clear_cache,
            SESSION_TRIGGER_METER_VALUES: self._trigger_meter_values,
        }

    def take(self, topic: Topic[Any], request: Request, now: Now) -> None:
        if now.boot_s < request.expires_s:
            self._waiting.append((request, self.handlers[topic]))
            self.on_time(now)

    def on_time(self, now: Now) -> float:
        """Returns when the first that waits is given up (boot clock)."""
        kept: list[tuple[Request, Handler]] = []
        for place, (request, handler) in enumerate(self._waiting):
            ready = self._shared.store.ready and self._shared.keys is not None
            words = handler(request, now) if ready else STARTING
            if words and (now.boot_s >= request.expires_s - ANSWER_BEFORE_S or len(kept) >= MOST_WAITING):
                self._shared.bus.answer(request.request_id, Answer.REJECTED, words)
            elif words:
                kept.append(self._waiting[place])
        self._waiting = kept
        self._say_station()
        return min((request.expires_s - ANSWER_BEFORE_S for request, _ in kept), default=float("inf"))

    # transactions

    def _remote_start(self, request: RemoteStartRequest, now: Now) -> str:
        """OCPP 1.6 section 5.11. A charging profile is ignored as long as SmartCharging is not supported."""
        if request.charging_profile:
            logger.info("RemoteStartTransaction: the charging profile is ignored, SmartCharging is not supported")
        chosen = self._connectors if request.connector is None else {request.connector}
        seats = [self._connectors[number].seat(now) for number in chosen if number in self._connectors]
        if not seats:
            return self._refuse(request, f"no connector {request.connector}")
        verdict = flow.judge_start(seats, free_charging=False)
        if verdict.outcome is not Outcome.AUTHORIZE:
            mine = any(flow.same_tag(one.id_tag, request.id_tag) for one in self._shared.store.pending)
            if verdict.outcome is Outcome.NOTHING and mine:
                self._shared.bus.answer(request.request_id, Answer.ACCEPTED, "authorized already")
                return ""
            return self._refuse(request, verdict.reason)
        standing = Standing(Found.ACCEPTED)
        if self._shared.keys is not None and self._shared.keys.authorize_remote:
            standing = self._inquiries.standing(request.id_tag, now)
        if standing.found is Found.REFUSED:
            return self._refuse(request, standing.reason)
        one = verdict.connectors[:1]
        self._desk.begin(request.request_id, request.expires_s, request.id_tag, one, standing, now)
        return ""

    def _remote_stop(self, request: RemoteStopRequest, now: Now) -> str:
        """OCPP 1.6 section 5.12. The backend's ids are not unique: of several the newest is meant."""
        running = [c for c in self._connectors.values() if c.running is not None]
        running.sort(key=lambda c: c.running.started_wall_s if c.running is not None else 0.0, reverse=True)
        for connector in running:
            one = connector.running
            if one is None or one.backend_id != request.backend_transaction_id:
                continue
            if one.phase is Phase.ACTIVE:
                stop = Stop(StopReason.REMOTE, now.wall_s)
                connector.want_stop_by(request.request_id, request.expires_s, stop)
                connector.step(now)
            else:
                self._shared.bus.answer(request.request_id, Answer.ACCEPTED, "ending already")
            return ""
        words = f"no transaction {request.backend_transaction_id} is running"
        if any(c.running is not None and c.running.backend_id is None for c in running):
            return f"{words}; one that runs is not yet known to the backend"
        return self._refuse(request, words)

    # connectors

    def _change_availability(self, request: ChangeAvailabilityRequest, now: Now) -> str:
        """OCPP 1.6 section 5.2: 0 means the station and all connectors."""
        if request.connector != availability.STATION and request.connector not in self._connectors:
            return self._refuse(request, f"no connector {request.connector}")
        meant = (request.connector,) if request.connector else (availability.STATION, *self._connectors)
        store = self._shared.store
        change = availability.changed(store.closures, meant, self._running(), request.operative)
        pending = store.pending if request.operative else flow.without_connectors(store.pending, meant)
        outcome = Answer.SCHEDULED if change.scheduled else Answer.ACCEPTED
        answered = Answered(request_id=request.request_id, outcome=outcome)
        until_s = request.expires_s + ANSWER_KEPT_S
        try:
            store.commit(now, closures=change.closures, pending=pending, answered=(answered, until_s))
        except StoreError as error:
            return self._refuse(request, f"nothing can be stored: {error}")
        self._shared.bus.answer(request.request_id, outcome)
        return ""

    def _unlock(self, request: UnlockConnectorRequest, now: Now) -> str:
        """OCPP 1.6 section 5.18, errata 3.87. Who was about to begin there begins anew."""
        connector = self._connectors.get(request.connector)
        if connector is None or not connector.has_lock:
            words = f"no connector {request.connector}" if connector is None else "its cable is fixed"
            self._shared.bus.answer(request.request_id, Answer.NOT_SUPPORTED, words)
            return ""
        if connector.is_unlocking:
            return "the lock is being opened already"
        pending = flow.without_connectors(self._shared.store.pending, (request.connector,))
        if pending is not self._shared.store.pending and not self._desk.keep(now, pending):
            return self._refuse(request, f"nothing can be stored: {self._shared.store.trouble}")
        connector.unlock(request.request_id, request.expires_s, now)
        connector.step(now)
        return ""

    def _running(self) -> dict[int, str]:
        found = {number: connector.running for number, connector in self._connectors.items()}
        return {number: one.transaction_id for number, one in found.items() if one is not None}

    # the rest

    def _clear_cache(self, request: ClearCacheRequest, now: Now) -> str:
        """OCPP 1.6 section 5.4, errata 3.23."""
        if self._shared.keys is not None and not self._shared.keys.cache:
            return self._refuse(request, "AuthorizationCacheEnabled is off: there is no cache")
        answered = Answered(request_id=request.request_id, outcome=Answer.ACCEPTED)
        try:
            kept = (answered, request.expires_s + ANSWER_KEPT_S)
            self._shared.store.commit(now, forget_cache=True, answered=kept)
        except StoreError as error:
            return self._refuse(request, f"nothing can be stored: {error}")
        self._shared.bus.answer(request.request_id, Answer.ACCEPTED)
        return ""

    def _trigger_meter_values(self, request: TriggerMeterValuesRequest, now: Now) -> str:
        """OCPP 1.6 section 5.17: without a connector, or with 0, of every one. The answer comes first."""
        meant = [request.connector] if request.connector else list(self._connectors)
        samples = [(n, self._connectors[n].sample_now(now)) for n in meant if n in self._connectors]
        found = [(number, sample) for number, sample in samples if sample is not None]
        if not found:
            words = "the meter says nothing" if samples else f"no connector {request.connector}"
            return self._refuse(request, words)
        self._shared.bus.answer(request.request_id, Answer.ACCEPTED)
        for number, sample in found:
            running = self._connectors[number].running
            backend_id = None if running is None else running.backend_id
            body = meter_values.message(number, backend_id, sample, iso_utc(sample.sampled_wall_s))
            call = SendCallRequest(
                request_id=self._shared.bus.new_id(),
                expires_s=now.boot_s + SEND_EXPIRES_S,
                action="MeterValues",
                payload=msgspec.json.encode(body).decode(),
            )
            self._shared.bus.request(QUEUE_SEND, call)
        return ""

    def _refuse(self, request: Request, why: str) -> str:
        self._shared.bus.answer(request.request_id, Answer.REJECTED, why)
        return ""

    def _say_station(self) -> None:
        store, keys, queue = self._shared.store, self._shared.keys, self._shared.bus.latest(QUEUE_STATUS).body
        if not store.ready and not store.trouble:
            return
        has_backend = keys is not None and keys.backend
        body = station_status.message(
            closed=availability.is_out_of_service(store.closures.get(availability.STATION), self._running().values()),
            fault=store.fault_code if store.trouble else "",
            queue_refuses=has_backend and queue is not None and queue.charging_refused,
        )
        if body != self._said:
            self._said = body
            self._shared.bus.publish(SESSION_STATION, body)
