"""What `chargectl doctor` looks at without touching the hardware."""

import json
import os
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator

from chargectl import doctor_inputs
from chargectl.finding import OK, WARNING, WRONG, Finding
from chargectl.health import Health, look
from chargectl.output import Failure
from chargectl.station import place
from chargectl.station_check import check_home
from schemas.station import Station
from services.exit_codes import ExitCode
from services.home import Home

LEAST_FREE = 64 * 1024 * 1024
LITTLE_FREE = 512 * 1024 * 1024
SOFTWARE_FROM = 1_760_000_000.0
"""A clock that shows an earlier time (October 2025) has never been set."""
PORT_S = 1.0


def checks(home: Home) -> Iterator[Finding]:
    try:
        station = check_home(home)
    except Failure as failure:
        yield Finding("station file", WRONG, str(failure))
        return
    connectors = len(station.connectors)
    yield Finding(
        "station file", OK, f"{station.station.serial}, board {station.station.board}, {connectors} connectors"
    )
    yield from _disk(home)
    yield from _clock()
    try:
        health = look(home)
    except Failure as failure:
        level = WARNING if failure.code is ExitCode.NOT_RUNNING else WRONG
        yield Finding("services", level, f"{failure} Start it with: chargectl up {place(home)}")
        return
    yield from _services(health, station)
    yield from _ports(home)
    yield from _faults(health)
    yield from doctor_inputs.checks(home)


def _disk(home: Home) -> Iterator[Finding]:
    for path in (home.data, home.run):
        try:
            path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=path) as file:
                file.write(b"doctor")
                file.flush()
                os.fsync(file.fileno())
            free = shutil.disk_usage(path).free
        except OSError as error:
            yield Finding(f"disk {path.name}/", WRONG, f"cannot write {path}: {error}. Free it, or mount it writable")
            continue
        megabytes = free // (1024 * 1024)
        level = WRONG if free < LEAST_FREE else WARNING if free < LITTLE_FREE else OK
        yield Finding(f"disk {path.name}/", level, f"writable, {megabytes} MB free")


def _clock() -> Iterator[Finding]:
    now_s = time.time()
    words = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now_s))
    if now_s < SOFTWARE_FROM:
        yield Finding("clock", WRONG, f"it shows {words}: set it, or let the backend or NTP set it")
    else:
        yield Finding("clock", OK, words)


def _services(health: Health, station: Station) -> Iterator[Finding]:
    """A real board has no `world`: it is at rest there."""
    for service in health.services:
        if service.name == "world" and service.state == "STOPPED" and station.station.board != "simulated":
            continue
        stopped = service.state == "STOPPED"
        level = OK if service.healthy else WARNING if stopped else WRONG
        words = service.state.lower() if service.healthy or stopped else f"{service.state.lower()}: {service.detail}"
        late = f", {service.missed_deadlines} turns were late" if service.missed_deadlines else ""
        yield Finding(f"service {service.name}", level, words + late)


def _ports(home: Home) -> Iterator[Finding]:
    try:
        content = (home.run / "ports.json").read_bytes()
    except FileNotFoundError:
        return
    except OSError as error:
        yield Finding("ports", WRONG, f"cannot read run/ports.json: {error}")
        return
    try:
        ports = json.loads(content)
    except ValueError:
        ports = None
    if not isinstance(ports, dict):
        yield Finding("ports", WRONG, "run/ports.json is damaged: restart the station")
        return
    for name, port in ports.items():
        if not isinstance(port, int) or not 0 < port < 65536:
            yield Finding(f"port {name}", WARNING, f"{port!r} is no port")
            continue
        try:
            socket.create_connection(("127.0.0.1", port), timeout=PORT_S).close()
        except OSError as error:
            yield Finding(f"port {name}", WRONG, f"nobody answers at {port}: {error}")
        else:
            yield Finding(f"port {name}", OK, f"{port} answers")


def _faults(health: Health) -> Iterator[Finding]:
    for fault in health.faults:
        yield Finding("fault", WRONG, fault)
    if not health.faults:
        yield Finding("faults", OK, "none is active")
    if health.backend["state"] not in ("online", "off"):
        yield Finding(
            "backend", WARNING, f"{health.backend['state']}: {health.backend.get('last_error') or 'no error yet'}"
        )
