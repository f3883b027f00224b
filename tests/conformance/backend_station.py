"""The whole virtual station with a scripted backend, and what must be true of their conversation whatever happens.

station = BackendStation(tmp_path)
station.charge(card="RFID-1")
reply = station.call("RemoteStopTransaction", transactionId=1)
station.check()
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from schemas.session import ConnectorStatus, TransactionStarted, TransactionStopped
from services.clock import iso_utc
from services.message_queue.station import MessageQueue
from services.session.station import SessionService
from tests.backend.scripted import Heard, Reply, ScriptedBackend
from tests.virtual.charging_station import ChargingStation, bills_of

RFID, OTHER_RFID = "RFID-1", "RFID-2"
"""Known to the backend alone."""
LONGEST_ANSWER_S = 26.0
BILLING = ("StartTransaction", "StopTransaction")


class BackendStation(ChargingStation):
    """`online=False`: the constructor does not wait for the registration."""

    def __init__(
        self,
        path: Path,
        *,
        backend: ScriptedBackend | None = None,
        cards: tuple[str, ...] = (),
        power: bool = True,
        online: bool = True,
        **options: Any,
    ) -> None:
        self.link_deaths = 0
        """How often `ocpp_link` died: an answer it had received may have died with it."""
        script = backend or ScriptedBackend()
        super().__init__(path, backend=script, cards=cards, power=power, **options)
        if power and online:
            self.until_online()

    # doing

    def kill(self, owner: str) -> None:
        self.link_deaths += owner == "ocpp_link"
        super().kill(owner)

    def charge(self, connector: int = 1, card: str = RFID, **vehicle: Any) -> None:
        """Plug in, card, until current flows and the backend knows."""
        self.plug_in(connector, **vehicle)
        self.advance(1.0)
        self.swipe(card)
        self.until_current_flows(connector)
        self.until_told_all()

    def end(self, card: str = RFID, transactions: int = 1) -> None:
        """The card again, until the bill is out."""
        self.swipe(card)
        self.until_ended(transactions)

    def call(self, action: str, **payload: Any) -> Reply:
        """A CALL of the backend; returns with its answer."""
        reply = self.backend.call(action, payload)
        self.until(lambda: reply.done, LONGEST_ANSWER_S)
        return reply

    def status_answered(self, action: str, **payload: Any) -> str:
        reply = self.call(action, **payload)
        assert reply.payload is not None, f"{action}: {reply.error_code} {reply.error_description}"
        status: str = reply.payload["status"]
        return status

    def set_up(self, **keys: str) -> None:
        """ChangeConfiguration; each is accepted."""
        for key, value in keys.items():
            assert self.status_answered("ChangeConfiguration", key=key, value=value) == "Accepted", key

    def offline(self) -> None:
        """The network of the site is gone."""
        self.uplink.up = False
        self.backend.reachable = False
        self.backend.hang_up("the network is gone")
        self.advance(1.0)

    def reconnect(self) -> None:
        """And comes back; returns when everything is told."""
        self.backend.reachable = self.uplink.up = True
        self.backend.revision += 1
        self.until(lambda: self.backend.connected, within_s=10.0)
        self.until_told_all()

    def until_rebooted(self, within_s: float = 70.0) -> None:
        """What supervisord and `chargectl up` do when `system` asks for it."""
        before = self.supervisor.shutdowns
        self.until(lambda: self.supervisor.shutdowns > before, within_s)
        for owner in list(self.processes):
            self.stop(owner)
        self.connection.vanish()
        self.backend.forget_registration()
        self.advance(2.0)
        self.power_up()
        self.until_online()

    def power_cut(self) -> None:
        super().power_cut()
        self.backend.forget_registration()

    def come_back(self) -> None:
        """The mains are back."""
        self.advance(3.0)
        self.power_up()
        self.until_online()

    # looking

    def until_online(self, within_s: float = 100.0) -> None:
        """Registered, every connector's state told."""
        self.until(lambda: self.backend.registered, within_s)
        self.until(lambda: all(self.told(number) for number in (0, *self.station.connectors)), within_s=15.0)
        self.until_told_all()

    def until_told_all(self, within_s: float = 60.0) -> None:
        """Nothing waits for the backend, which has answered everything."""
        self.advance(0.1)
        self.until(lambda: not self.is_waiting(), within_s)

    def is_waiting(self) -> bool:
        queue, session = self.processes["message_queue"].service, self.processes["session"].service
        assert isinstance(queue, MessageQueue)
        assert isinstance(session, SessionService)
        return bool(queue.store.waiting) or session.store.stream.waiting > 0

    def told(self, connector: int = 1, since: int = 0) -> list[str]:
        """The states of a connector as the backend has heard them. `since`: a place in `backend.heard`."""
        payloads = [one.payload for one in self.backend.heard[since:] if one.action == "StatusNotification"]
        return [payload["status"] for payload in payloads if payload["connectorId"] == connector]

    def until_told(self, status: ConnectorStatus | str, connector: int = 1, within_s: float = 30.0) -> None:
        self.until(lambda: self.told(connector)[-1:] == [str(status)], within_s)

    def sent(self, action: str) -> list[dict[str, Any]]:
        """Payloads in the order of their first sending, each message once."""
        return [one.payload for one in self._first_sendings((action,))]

    def only(self, action: str) -> dict[str, Any]:
        """The payload of the only message of this kind."""
        (payload,) = self.sent(action)
        return payload

    def mark(self) -> int:
        """For `since`."""
        return len(self.backend.heard)

    # what must hold

    def check(self, *, attempts: bool = False) -> None:
        """`attempts`: the backend has answered with errors, so that configured attempts are in order."""
        self.backend.check()
        self._check_repeats(attempts)
        self._check_bills()

    def _first_sendings(self, actions: Iterable[str]) -> list[Heard]:
        found: dict[str, Heard] = {}
        for one in self.backend.heard:
            if one.action in actions:
                found.setdefault(one.message_id, one)
        return list(found.values())

    def _check_repeats(self, attempts: bool) -> None:
        """Again only with the same text, and only after the connection broke or the link died with the answer."""
        last: dict[str, Heard] = {}
        answered = self._answers_before()
        lost_answers = 0
        for place, one in enumerate(self.backend.heard):
            before = last.get(one.message_id)
            last[one.message_id] = one
            if before is None:
                continue
            assert one.text == before.text, "a repeat carries the same text"
            kind = answered[place]
            if kind == 4:
                assert attempts, f"{one.action} again after an error"
                continue
            assert one.connection > before.connection, f"{one.action} again on the same connection"
            lost_answers += kind == 3
        assert lost_answers <= self.link_deaths, "sent again although it had been answered"

    def _answers_before(self) -> list[int]:
        """For each CALL of the station: how its earlier sending was answered; 0 = not at all, or there was none."""
        answer: dict[str, int] = {}
        found = []
        for who, text in self.backend.frames:
            frame = _frame(text)
            if who == "station" and frame[0] == 2:
                found.append(answer.pop(frame[1], 0))
            elif who == "backend" and frame[0] in (3, 4):
                answer[frame[1]] = frame[0]
        return found

    def backend_ids(self) -> dict[str, int]:
        """Transaction ids by message id of the StartTransaction: the last answer wins."""
        found: dict[str, int] = {}
        starts = {one.message_id for one in self._first_sendings(("StartTransaction",))}
        for who, text in self.backend.frames:
            frame = _frame(text)
            if who == "backend" and frame[0] == 3 and frame[1] in starts and "transactionId" in frame[2]:
                found[frame[1]] = frame[2]["transactionId"]
        return found

    def _check_bills(self) -> None:
        """Everything billed is at the backend once, in order, with the numbers of the facts."""
        facts = [one for one in self.facts() if isinstance(one, TransactionStarted | TransactionStopped)]
        bills_of(facts)
        heard = self._first_sendings(BILLING)
        ids, numbers = self.backend_ids(), {}
        assert len(heard) == len(facts), f"{[one.action for one in heard]}, facts: {facts}"
        for fact, one in zip(facts, heard, strict=True):
            payload = one.payload
            if isinstance(fact, TransactionStarted):
                numbers[fact.transaction_id] = ids.get(one.message_id, -1)
                assert one.action == "StartTransaction"
                expected: tuple[Any, ...] = (fact.connector, fact.id_tag, fact.meter_start_wh)
                assert (payload["connectorId"], payload["idTag"], payload["meterStart"]) == expected
                assert payload["timestamp"] == iso_utc(fact.started_wall_s)
            else:
                assert one.action == "StopTransaction"
                expected = (numbers[fact.transaction_id], fact.meter_stop_wh, fact.reason, fact.id_tag)
                got = (payload["transactionId"], payload["meterStop"], payload.get("reason", "Local"))
                assert (*got, payload.get("idTag", "")) == expected
                assert payload["timestamp"] == iso_utc(fact.stopped_wall_s)


def _frame(text: str) -> list[Any]:
    """What is not a frame is no CALL and no answer."""
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return [0, ""]
    return frame if isinstance(frame, list) and len(frame) >= 3 else [0, ""]
