"""What the picture shows, taken from the bus."""

from dataclasses import dataclass, field

from bus.endpoint import Endpoint, Heard
from bus.topics import (
    HEARTBEATS,
    HMI_CONNECTOR,
    METERING_READING,
    SAFETY_CONNECTOR,
    SESSION_CONNECTOR,
    SYSTEM_EVENTS,
    SYSTEM_FAULTS,
)
from schemas.hmi import HmiConnector
from schemas.metering import MeterReading
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
class View:
    serial: str
    services: tuple[ServiceView, ...]
    connectors: tuple[ConnectorView, ...]
    event: str = ""
    faults: tuple[str, ...] = ()

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

    def look(self, bus: Endpoint, now_s: float) -> View:
        events = bus.latest(SYSTEM_EVENTS).body
        faults = bus.latest(SYSTEM_FAULTS).body
        newest = events.events[0] if events is not None and events.events else None
        return View(
            serial=self.station.station.serial,
            services=tuple(self._service(bus, name, now_s) for name in self.names),
            connectors=tuple(_connector(bus, number) for number in self.station.connectors),
            event=f"{iso_utc(newest.wall_s)[11:19]} {newest.text}" if newest is not None else "",
            faults=tuple(each.text for each in faults.faults) if faults is not None else (),
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


def _connector(bus: Endpoint, number: int) -> ConnectorView:
    key = str(number)
    return ConnectorView(
        number,
        safety=bus.latest(SAFETY_CONNECTOR, key).fresh,
        session=bus.latest(SESSION_CONNECTOR, key).fresh,
        meter=bus.latest(METERING_READING, f"connector.{number}").fresh,
        hmi=bus.latest(HMI_CONNECTOR, key).fresh,
    )
