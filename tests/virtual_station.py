"""A whole station in one process: every service, one simulated site, one clock turned by hand.

    station = VirtualStation(tmp_path)
    station.site.plug_in("1")
    station.swipe("CARD-1")
    station.until(lambda: station.session(1).status is ConnectorStatus.CHARGING, within_s=10)
    station.kill("session")
    station.start("session")
    station.power_cut()
    station.power_up()

Nothing sleeps: a day takes as long as its events take to compute. Frames can be lost or doubled on the way
(`station.hub.fate`), processes killed between any two events, wall time moved (`station.clock.wall_jump_s`).

`VirtualStation(path, backend=ScriptedBackend())` has a backend; without one, its message queue and its link stand idle.
"""

from pathlib import Path
from typing import Any

from bus.endpoint import Endpoint
from bus.topics import SAFETY_CONNECTOR, SESSION_CONNECTOR, SESSION_FACT, SETTINGS_CHANGE, SYSTEM_FAULTS, Topic
from hardware.sim.direct import DirectMeterLink, DirectPeopleBoard, DirectSafetyBoard
from hardware.sim.site import Site
from schemas.base import Answer, Answered, Request
from schemas.safety import SafetyConnector
from schemas.session import SessionConnector, TransactionStarted, TransactionStopped
from schemas.settings import ChangeSettingRequest
from schemas.system import BootReason, StationFaults
from services.endings import write_ending
from services.hmi import station as hmi
from services.home import Home
from services.message_queue import station as message_queue
from services.message_queue.storage.store import opener as queue_opener
from services.metering import station as metering
from services.metering.addresses import mounted_meters
from services.ocpp_link import station as ocpp_link
from services.ocpp_link.memory import MemoryFile
from services.runner import Context, Service, path_of_store
from services.safety import station as safety
from services.safety.journal import JournalFile
from services.session import station as session
from services.session.store import opener
from services.settings import station as settings
from services.settings.store import SettingsStore
from services.system import station as system
from services.system.store import SystemStore
from services.world.station import describe
from tests.backend.direct import DirectConnection
from tests.backend.scripted import ScriptedBackend
from tests.virtual_cell import Cell, Wiring

DEFAULT_STATION = """
[station]
serial = "VIRTUAL-1"
[connector.1]
[cards]
local = ["CARD-1", "CARD-2"]
"""
BACKEND_URL = "ws://backend.test/ocpp/"


class Uplink:
    """The network of the site."""

    def __init__(self) -> None:
        self.up = True

    def on_time(self) -> None:
        """It changes when a test says so."""

    def fileno(self) -> int:
        return -1

    def receive(self) -> None:
        """There is no file to read."""


class NoSupervisor:
    """Stands for supervisord: a reboot is counted, and carried out by `VirtualStation.settle`."""

    def __init__(self) -> None:
        self.shutdowns = 0

    def check(self) -> None:
        """It can always be reached."""

    def shutdown(self) -> None:
        self.shutdowns += 1


class VirtualStation(Cell):
    """`text`: the station file. `power=False`: nothing runs yet, for tests that prepare the home first."""

    def __init__(
        self,
        path: Path,
        text: str = DEFAULT_STATION,
        *,
        power: bool = True,
        backend: ScriptedBackend | None = None,
    ) -> None:
        text = text if backend is None else _with_backend(text)
        super().__init__(Home(path / "home"), text, {})
        self._requests = 0
        self.home.station_file.write_text(text, encoding="utf-8")
        self.backend = backend or ScriptedBackend()
        self.backend.wall_minus_now_s = self.clock.now().wall_s - self.clock.boot_s
        self.uplink = Uplink()
        self.connection = DirectConnection(self.backend)
        self.site = Site(describe(self.station), None, self.clock.boot_s)
        self.supervisor = NoSupervisor()
        self.world_next_s = self._next_event_s
        self.world_advance = self._advance_world
        self.wirings = {
            name: Wiring(module.HEARS, getattr(module, "ASKS", ()), build)
            for name, module, build in (
                ("safety", safety, self._build_safety),
                ("metering", metering, self._build_metering),
                ("session", session, self._build_session),
                ("settings", settings, self._build_settings),
                ("system", system, self._build_system),
                ("hmi", hmi, self._build_hmi),
                ("message_queue", message_queue, self._build_message_queue),
                ("ocpp_link", ocpp_link, self._build_ocpp_link),
            )
        }
        if power:
            self.power_up()

    # whole station

    def power_up(self) -> None:
        self.backend.forget_registration()
        super().power_up()

    def power_cut(self) -> None:
        """Everything dies in the same instant; the site stays as it is, without a driver."""
        for owner in list(self.processes):
            self.kill(owner)

    def shut_down(self) -> None:
        """Ctrl-C at `chargectl up`."""
        write_ending(self.home, BootReason.SHUTDOWN, "ended by a person")
        for owner in list(self.processes):
            self.stop(owner)

    def kill(self, owner: str) -> None:
        super().kill(owner)
        if owner == "ocpp_link":
            self.connection.vanish()

    # looking

    def safety(self, connector: int) -> SafetyConnector:
        body = self.last(SAFETY_CONNECTOR, str(connector))
        assert isinstance(body, SafetyConnector), "safety has said nothing about this connector"
        return body

    def session(self, connector: int) -> SessionConnector:
        body = self.last(SESSION_CONNECTOR, str(connector))
        assert isinstance(body, SessionConnector), "session has said nothing about this connector"
        return body

    def fault_codes(self) -> list[str]:
        body = self.last(SYSTEM_FAULTS)
        return [shown.fault.code for shown in body.faults] if isinstance(body, StationFaults) else []

    def facts(self) -> list[TransactionStarted | TransactionStopped]:
        """The billing facts published so far, in the order of their numbers, each once."""
        numbered = {message.body.number: message.body.body for message in self.said if message.topic is SESSION_FACT}
        return [numbered[number] for number in sorted(numbered)]

    # doing

    def swipe(self, id_tag: str) -> None:
        self.site.swipe(id_tag)
        self.settle()

    def new_id(self) -> str:
        self._requests += 1
        return f"test-{self._requests:08d}"

    def set_key(self, key: str, value: str, *, confirmed: bool = False) -> Answer:
        """As `chargectl config set`; `confirmed`: with --confirm."""
        expires_s = self.clock.boot_s + 5.0
        request = ChangeSettingRequest(
            request_id=self.new_id(), expires_s=expires_s, key=key, value=value, confirmed=confirmed
        )
        return self.ask(SETTINGS_CHANGE, request).outcome

    def ask(self, topic: Topic[Any], request: Request) -> Answered:
        """Asks an owner and returns its answer."""
        client = Endpoint("test", self.clock, run_id="test", asks=(topic,))
        self.hub.join(client)
        client.request(topic, request)
        try:
            self.until(lambda: bool(client.inbox), within_s=10)
            answered = client.inbox.popleft().body
        finally:
            self.hub.leave("test")
        assert isinstance(answered, Answered)
        return answered

    # wiring

    def _advance_site(self, now_s: float) -> int:
        self.site.advance(now_s)
        return self.site.revision

    def _next_event_s(self) -> float:
        return min(self.site.next_event_s(), self.backend.next_event_s())

    def _advance_world(self, now_s: float) -> int:
        return self._advance_site(now_s) + self.backend.advance(now_s)

    def _boot_s(self) -> float:
        return self.clock.boot_s

    def _build_safety(self, context: Context) -> Service:
        board = DirectSafetyBoard(self.site, self._boot_s)
        journal = JournalFile(context.home.data / "safety.json")
        return safety.SafetyService(context.bus, context.station, board, journal)

    def _build_metering(self, context: Context) -> Service:
        links = {name: DirectMeterLink(self.site, name, self._boot_s) for name in mounted_meters(context.station)}
        return metering.Metering(context.bus, context.station, links)

    def _build_session(self, context: Context) -> Service:
        store = opener(path_of_store(context, "session"))
        return session.SessionService(context.bus, context.station, context.start_id, store)

    def _build_settings(self, context: Context) -> Service:
        store = SettingsStore(path_of_store(context, "settings"))
        return settings.Settings(context.bus, station=context.station, store=store, start_id=context.start_id)

    def _build_system(self, context: Context) -> Service:
        def set_offset(offset_s: float) -> None:
            context.clock.offset_s = offset_s

        return system.System(
            context.bus,
            home=context.home,
            store=SystemStore(path_of_store(context, "system")),
            supervisor=self.supervisor,
            start_id=context.start_id,
            set_offset=set_offset,
        )

    def _build_hmi(self, context: Context) -> Service:
        board = DirectPeopleBoard(self.site, self._boot_s)
        return hmi.Hmi(context.bus, connectors=context.station.connectors, board=board)

    def _build_message_queue(self, context: Context) -> Service:
        store = queue_opener(path_of_store(context, "message_queue"))
        return message_queue.MessageQueue(context.bus, context.station, context.start_id, store)

    def _build_ocpp_link(self, context: Context) -> Service:
        self.connection = DirectConnection(self.backend)
        return ocpp_link.OcppLink(
            context.bus,
            about=context.station.station,
            start_id=context.start_id,
            connection=self.connection,
            uplink=self.uplink,
            memory=MemoryFile(context.home.run / "ocpp_link.json"),
            chance=lambda: 0.5,
        )


def _with_backend(text: str) -> str:
    settings = f'[settings]\nOCPPBackendJSONURL = "{BACKEND_URL}"'
    return text.replace("[settings]", settings) if "[settings]" in text else f"{text}\n{settings}\n"
