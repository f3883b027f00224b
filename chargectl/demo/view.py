"""What the picture shows, taken from the bus."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from bus.endpoint import Endpoint, Heard
from bus.topics import (
    HEARTBEATS,
    HMI_CONNECTOR,
    LINK_STATUS,
    METERING_READING,
    QUEUE_STATUS,
    SAFETY_CONNECTOR,
    SESSION_CONNECTOR,
    SYSTEM_EVENTS,
    SYSTEM_FAULTS,
)
from schemas.hmi import HmiConnector
from schemas.message_queue import QueueStatus
from schemas.metering import MeterReading
from schemas.ocpp_link import LinkState, LinkStatus
from schemas.safety import SafetyConnector
from schemas.session import SessionConnector
from schemas.station import Station
from services.clock import iso_utc

HEARS = (
    *HEARTBEATS.values(),
    SAFETY_CONNECTOR,
    SESSION_CONNECTOR,
    METERING_READING,
    HMI_CONNECTOR,
    SYSTEM_EVENTS,
    SYSTEM_FAULTS,
    LINK_STATUS,
    QUEUE_STATUS,
)
RECENTLY_S = 10.0


@dataclass(frozen=True)
class ServiceView:
    name: str
    up: bool
    pid: int = 0
    restarted_s_ago: float | None = None
    """None: not within the last 10 s."""


@dataclass(frozen=True)
class ConnectorView:
    number: int
    safety: SafetyConnector | None = None
    session: SessionConnector | None = None
    meter: MeterReading | None = None
    hmi: HmiConnector | None = None
    """None: not heard, or its service has been silent for too long."""


@dataclass(frozen=True)
class BackendView:
    link: LinkStatus | None = None
    queue: QueueStatus | None = None
    """None: not heard, or its service has been silent for too long."""
    next_try_in_s: float | None = None
    """None: none is planned."""
    said: tuple[str, ...] = ()
    """What the demo's own backend has said last."""

    @property
    def online(self) -> bool:
        return self.link is not None and self.link.state is LinkState.ONLINE


@dataclass(frozen=True)
class View:
    serial: str
    services: tuple[ServiceView, ...]
    connectors: tuple[ConnectorView, ...]
    event: str = ""
    faults: tuple[str, ...] = ()
    backend: BackendView = BackendView()

    @property
    def backend_transaction(self) -> int | None:
        """How the backend calls a transaction that runs."""
        sessions = [each.session for each in self.connectors if each.session is not None]
        return next((each.backend_transaction_id for each in sessions if each.transaction_id), None)

    @property
    def all_up(self) -> bool:
        return all(service.up for service in self.services)


@dataclass
class Watcher:
    """Remembers which run of each service was seen last, so that a restart of 30 ms is noticed too."""

    station: Station
    names: tuple[str, ...]
    _runs: dict[str, str] = field(default_factory=dict)
    _restarted_s: dict[str, float] = field(default_factory=dict)

    def look(self, bus: Endpoint, now_s: float, backend_said: Sequence[str] = ()) -> View:
        events = bus.latest(SYSTEM_EVENTS).body
        faults = bus.latest(SYSTEM_FAULTS).body
        newest = events.events[0] if events is not None and events.events else None
        return View(
            serial=self.station.station.serial,
            services=tuple(self._service(bus, name, now_s) for name in self.names),
            connectors=tuple(_connector(bus, number) for number in self.station.connectors),
            event=f"{iso_utc(newest.wall_s)[11:19]} {newest.text}" if newest is not None else "",
            faults=tuple(each.text for each in faults.faults) if faults is not None else (),
            backend=_backend(bus, now_s, backend_said),
        )

    def _service(self, bus: Endpoint, name: str, now_s: float) -> ServiceView:
        last = bus.latest(HEARTBEATS[name])
        if last.body is None:
            return ServiceView(name, up=False)
        if self._runs.setdefault(name, last.sender_run) != last.sender_run:
            self._runs[name] = last.sender_run
            self._restarted_s[name] = now_s
        ago_s = now_s - self._restarted_s.get(name, -1e9)
        return ServiceView(
            name,
            up=last.status is Heard.FRESH and last.body.state == "running",
            pid=last.body.pid,
            restarted_s_ago=ago_s if ago_s < RECENTLY_S else None,
        )


def _backend(bus: Endpoint, now_s: float, said: Sequence[str]) -> BackendView:
    link = bus.latest(LINK_STATUS).fresh
    return BackendView(
        link,
        bus.latest(QUEUE_STATUS).fresh,
        next_try_in_s=max(0.0, link.next_try_s - now_s) if link is not None and link.next_try_s else None,
        said=tuple(said),
    )


def _connector(bus: Endpoint, number: int) -> ConnectorView:
    key = str(number)
    return ConnectorView(
        number,
        safety=bus.latest(SAFETY_CONNECTOR, key).fresh,
        session=bus.latest(SESSION_CONNECTOR, key).fresh,
        meter=bus.latest(METERING_READING, f"connector.{number}").fresh,
        hmi=bus.latest(HMI_CONNECTOR, key).fresh,
    )
