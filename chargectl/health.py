"""What can be known about a running station: supervisord's view, heartbeats, memory, connectors, faults."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bus.endpoint import Heard
from bus.topics import (
    HEARTBEATS,
    LINK_STATUS,
    QUEUE_STATUS,
    SAFETY_CONNECTOR,
    SAFETY_STATION,
    SESSION_CONNECTOR,
    SYSTEM_BOOT,
    SYSTEM_FAULTS,
    Topic,
)
from chargectl.board_words import with_trouble
from chargectl.bus_client import BusClient
from chargectl.station_check import check_home
from chargectl.supervisor import Program, Supervisor
from services.clock import iso_utc
from services.home import Home

HEARD_S = 1.5
"""Retained heartbeats come at once; a service that has said nothing by then is not well."""


@dataclass(frozen=True)
class ServiceHealth:
    name: str
    state: str
    """As supervisord says it: RUNNING, STARTING, BACKOFF, STOPPED ..."""
    pid: int
    healthy: bool
    """Running, and heard within the last 3 s."""
    uptime_s: float
    pss_kb: int
    """Its share of memory; 0 = not to be known."""
    rss_kb: int
    heartbeat_age_s: float | None
    """None: never heard."""
    says: str
    """What its heartbeat says: running, stopping, or its last words."""
    version: str
    settings_revision: int
    received: int
    gaps: int
    ignored: int
    missed_deadlines: int
    detail: str


@dataclass(frozen=True)
class Health:
    home: str
    serial: str
    supervisord: int
    boot: dict[str, str]
    services: list[ServiceHealth]
    connectors: list[dict[str, object]]
    faults: list[str]
    backend: dict[str, object]
    """The connection: state, url, since, last_error, next_try_in_s (None = none planned), failures."""
    queue: dict[str, object]
    """Messages for the backend: waiting, oldest, waits_because, given_up, full, charging_refused."""

    @property
    def healthy(self) -> bool:
        return all(service.healthy or service.state == "STOPPED" for service in self.services)


def look(home: Home) -> Health:
    """Raises Failure: the station is not running, or its home is not right."""
    station = check_home(home)
    supervisor = Supervisor(home)
    supervisord = supervisor.process_id()
    programs = supervisor.programs()
    connectors = (SESSION_CONNECTOR, SAFETY_CONNECTOR, SAFETY_STATION)
    hears = (*HEARTBEATS.values(), SYSTEM_BOOT, SYSTEM_FAULTS, *connectors, LINK_STATUS, QUEUE_STATUS)
    with BusClient(home, hears=hears) as client:
        running = [program.name for program in programs if program.pid]
        wanted: list[tuple[Topic[Any], str]] = [(HEARTBEATS[name], "") for name in running if name in HEARTBEATS]
        if {"system", "session", "safety"} <= set(running):
            keys = [str(number) for number in station.connectors]
            wanted += [(SYSTEM_BOOT, ""), (SYSTEM_FAULTS, ""), (SAFETY_STATION, "")]
            wanted += [(SESSION_CONNECTOR, key) for key in keys]
            wanted += [(SAFETY_CONNECTOR, key) for key in keys]
        wanted += [(LINK_STATUS, "")] if "ocpp_link" in running else []
        wanted += [(QUEUE_STATUS, "")] if "message_queue" in running else []
        client.wait_for(wanted, HEARD_S)
        return Health(
            home=str(home.root),
            serial=station.station.serial,
            supervisord=supervisord,
            boot=_boot(client),
            services=[_service(client, program) for program in programs],
            connectors=[_connector(client, number) for number in station.connectors],
            faults=_faults(client),
            backend=_backend(client),
            queue=_queue(client),
        )


def _service(client: BusClient, program: Program) -> ServiceHealth:
    topic = HEARTBEATS.get(program.name)
    last = client.bus.latest(topic) if topic is not None else None
    beat = last.body if last is not None and last.body is not None and last.body.pid == program.pid else None
    age_s = client.clock.now().boot_s - last.sent_s if last is not None and last.body is not None else None
    healthy = beat is not None and last is not None and last.status is Heard.FRESH and beat.state == "running"
    pss_kb, rss_kb = memory_kb(program.pid)
    return ServiceHealth(
        name=program.name,
        state=program.state,
        pid=program.pid,
        healthy=healthy,
        uptime_s=round(program.uptime_s, 1),
        pss_kb=pss_kb,
        rss_kb=rss_kb,
        heartbeat_age_s=round(age_s, 2) if age_s is not None else None,
        says=last.body.state if last is not None and last.body is not None else "",
        version=beat.version if beat is not None else "",
        settings_revision=beat.settings_revision if beat is not None else 0,
        received=beat.received if beat is not None else 0,
        gaps=beat.gaps if beat is not None else 0,
        ignored=beat.ignored if beat is not None else 0,
        missed_deadlines=beat.missed_deadlines if beat is not None else 0,
        detail=_detail(program, beat.detail if beat is not None else "", healthy),
    )


def _detail(program: Program, said: str, healthy: bool) -> str:
    if program.state in ("BACKOFF", "FATAL", "EXITED"):
        return f"{program.detail}; see: chargectl log tail {program.name}"
    return said if healthy or not program.pid else said or "no heartbeat yet"


def memory_kb(process: int) -> tuple[int, int]:
    """(PSS, RSS); zeros for a process that is gone or somebody else's."""
    found = {"Pss": 0, "Rss": 0}
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii", errors="replace")
    except OSError:
        return 0, 0
    for line in text.splitlines():
        name, _, value = line.partition(":")
        if name in found:
            found[name] = int(value.split()[0])
    return found["Pss"], found["Rss"]


def _boot(client: BusClient) -> dict[str, str]:
    boot = client.bus.latest(SYSTEM_BOOT).body
    if boot is None:
        return {}
    return {
        "start_id": boot.start_id,
        "started": iso_utc(boot.started_wall_s),
        "reason": str(boot.reason),
        "detail": boot.detail,
    }


def _connector(client: BusClient, number: int) -> dict[str, object]:
    session = client.bus.latest(SESSION_CONNECTOR, str(number)).body
    safety = client.bus.latest(SAFETY_CONNECTOR, str(number)).body
    return {
        "connector": number,
        "status": str(session.status) if session else "unknown",
        "transaction_id": session.transaction_id if session else "",
        "started_wall_s": session.started_wall_s if session else 0.0,
        "energy_wh": session.energy_wh if session else None,
        "limit_a": session.limit_a if session else 0.0,
        "limit_source": str(session.limit_source) if session else "unknown",
        "phases": session.phases if session else 0,
        "phases_asked": session.phases_asked if session else 0,
        "phases_wanted": session.phases_wanted if session else 0,
        "reason": with_trouble(session.reason, _trouble(client)) if session else "session is not heard",
        "pilot": str(safety.state) if safety else "unknown",
        "contactor": str(safety.contactor) if safety else "unknown",
        "lock": str(safety.lock) if safety else "unknown",
    }


def _backend(client: BusClient) -> dict[str, object]:
    link = client.bus.latest(LINK_STATUS).fresh
    if link is None:
        return {"state": "unknown", "last_error": "ocpp_link is not heard"}
    next_try_in_s = max(0.0, link.next_try_s - client.clock.now().boot_s) if link.next_try_s else None
    return {
        "state": str(link.state),
        "url": link.url,
        "since": iso_utc(link.since_wall_s),
        "last_error": link.last_error,
        "next_try_in_s": round(next_try_in_s, 1) if next_try_in_s is not None else None,
        "failures": link.failures,
        "connections": link.connections,
        "heartbeat_interval_s": link.heartbeat_interval_s,
        "registered": iso_utc(link.registered_wall_s) if link.registered_wall_s else "",
    }


def _queue(client: BusClient) -> dict[str, object]:
    status = client.bus.latest(QUEUE_STATUS).fresh
    if status is None:
        return {"waiting": None, "waits_because": "message_queue is not heard"}
    return {
        "waiting": status.waiting,
        "transaction": status.transaction,
        "oldest": iso_utc(status.oldest_wall_s) if status.oldest_wall_s is not None else "",
        "waits_because": status.waits_because,
        "in_flight": status.in_flight,
        "given_up": status.given_up,
        "full": status.full,
        "charging_refused": status.charging_refused,
    }


def _trouble(client: BusClient) -> str:
    said = client.bus.latest(SAFETY_STATION).fresh
    return said.trouble if said is not None else ""


def _faults(client: BusClient) -> list[str]:
    shown = client.bus.latest(SYSTEM_FAULTS).body
    trouble = _trouble(client)
    return [
        f"{with_trouble(each.text, trouble)} ({each.owner}, connector {each.fault.connector}): {each.instruction}"
        for each in (shown.faults if shown is not None else ())
    ]
