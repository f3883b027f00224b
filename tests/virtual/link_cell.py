"""`ocpp_link` alone with a scripted backend; puppets stand for the services around it."""

import math
from pathlib import Path
from typing import Any

from bus.endpoint import Endpoint
from bus.topics import (
    LINK_OUTCOME,
    LINK_STATUS,
    QUEUE_OFFER,
    QUEUE_SETTLED,
    SETTINGS_SECRETS,
    SETTINGS_VALUES,
    Topic,
)
from schemas.base import Answer, Request
from schemas.message_queue import Offer, Settled
from schemas.ocpp_link import CallOutcome, LinkState, LinkStatus
from schemas.settings import SecretValues, SettingsSnapshot
from services.home import Home
from services.ocpp_link import station as ocpp_link
from services.ocpp_link.memory import MemoryFile
from services.runner import Context, Service
from tests.backend.direct import DirectConnection
from tests.backend.scripted import ScriptedBackend
from tests.puppets import Puppet
from tests.virtual_cell import Cell, Wiring

VALUES = {
    "ConnectionType": "Ethernet",
    "OCPPBackendJSONURL": "ws://backend.test/ocpp/",
    "ChargeBoxIdentity": "CP 1",
    "ChargePointVendor": "Vendor",
    "ChargePointModel": "Model",
    "ChargePointSerialNumber": "",
    "ChargeBoxSerialNumber": "S-1",
    "FirmwareVersion": "0.1.0",
    "BackendConnectionTimeout": "60",
    "WebSocketPingInterval": "0",
    "HeartbeatInterval": "300",
    "SupportedFeatureProfiles": "Core,RemoteTrigger",
}
STATUS = '{"connectorId":1,"errorCode":"NoError","status":"Available"}'


class AnsweringPuppet(Puppet):
    """Answers every request by topic name as `script` says: (outcome, reason, values), or None = never."""

    def __init__(self, bus: Endpoint, script: dict[str, Any], asked: list[tuple[str, Any]]) -> None:
        super().__init__(bus)
        self._script, self._asked = script, asked

    def on_message(self, message: Any, now: Any) -> None:
        super().on_message(message, now)
        if isinstance(message.body, Request):
            self._asked.append((message.topic.name, message.body))
            found = self._script.get(message.topic.name, (Answer.ACCEPTED, "", {}))
            if found is not None:
                self.bus.answer(message.body.request_id, *found)


class Uplink:
    def __init__(self) -> None:
        self.up = True

    def on_time(self) -> None: ...

    def fileno(self) -> int:
        return -1

    def receive(self) -> None: ...


class LinkCell(Cell):
    def __init__(self, root: Path, backend: ScriptedBackend | None = None, *, say: bool = True, **values: str) -> None:
        self.backend = backend or ScriptedBackend()
        self.uplink = Uplink()
        self.asked: list[tuple[str, Any]] = []
        """Every request the owners got."""
        self.script: dict[str, Any] = {}
        self.revision = 0
        self.wrong_authorities: dict[str, str] = {}
        """Texts that are no certificates, and why."""
        self.values = dict(VALUES)
        wirings = {
            owner: Wiring((), (), lambda context: AnsweringPuppet(context.bus, self.script, self.asked))
            for owner in ("settings", "session", "system")
        }
        wirings["message_queue"] = Wiring(
            (LINK_OUTCOME, LINK_STATUS), (), lambda context: AnsweringPuppet(context.bus, self.script, self.asked)
        )
        wirings["ocpp_link"] = Wiring(ocpp_link.HEARS, ocpp_link.ASKS, self._build)
        super().__init__(Home(root / "home"), '[station]\nserial = "SERIAL-1"\n', wirings)
        self.backend.wall_minus_now_s = self.clock.now().wall_s - self.clock.boot_s
        self.world_advance = self.backend.advance
        self.world_next_s = self.backend.next_event_s
        self.chance = 0.5
        self.power_up()
        if say:
            self.say_secrets()
            self.say_settings(**values)

    def _build(self, context: Context) -> Service:
        self.connection = DirectConnection(self.backend)
        return ocpp_link.OcppLink(
            context.bus,
            about=context.station.station,
            start_id=context.start_id,
            connection=self.connection,
            uplink=self.uplink,
            memory=MemoryFile(self.home.run / "ocpp_link.json"),
            chance=lambda: self.chance,
            wrong_with=lambda authority: self.wrong_authorities.get(authority, ""),
        )

    def kill(self, owner: str) -> None:
        super().kill(owner)
        if owner == "ocpp_link":
            self.connection.vanish()

    def quiet(self) -> None:
        """No heartbeats on the bus: days pass in a moment. For tests in which no silence is judged."""
        self.keep_said = False
        for process in self.processes.values():
            process.heartbeat_s = math.inf

    # saying

    def say(self, topic: Topic[Any], body: Any) -> None:
        self.processes[topic.owner].endpoint.publish(topic, body)
        self.settle()

    def say_settings(self, **values: str) -> None:
        self.values |= values
        self.revision += 1
        self.say(SETTINGS_VALUES, SettingsSnapshot(revision=self.revision, values=self.values))

    def say_secrets(self, password: str = "") -> None:
        self.say(SETTINGS_SECRETS, SecretValues(values={"HTTPBasicAuthPassword": password}))

    def offer(
        self, message_id: str, action: str = "StatusNotification", payload: str = STATUS, attempt: int = 1
    ) -> None:
        self.say(QUEUE_OFFER, Offer(message_id=message_id, attempt=attempt, action=action, payload=payload))

    def settled(self, message_id: str, attempt: int = 1) -> None:
        self.say(QUEUE_SETTLED, Settled(message_id=message_id, attempt=attempt))

    # looking

    @property
    def status(self) -> LinkStatus:
        body = self.last(LINK_STATUS)
        assert isinstance(body, LinkStatus)
        return body

    @property
    def state(self) -> LinkState:
        return self.status.state

    def online(self, within_s: float = 200.0) -> "LinkCell":
        self.until(lambda: self.state is LinkState.ONLINE, within_s)
        return self

    def outcomes(self) -> list[CallOutcome]:
        """Each outcome once, in order."""
        found: dict[tuple[str, int], CallOutcome] = {}
        for body in self.bodies(LINK_OUTCOME):
            found[body.message_id, body.attempt] = body
        return list(found.values())

    def requests(self, topic: Topic[Any]) -> list[Any]:
        return [body for name, body in self.asked if name == topic.name]
