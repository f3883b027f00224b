"""Services and their health, what each connector is doing, the connection to the backend and what waits for it.

Exit code 3 when the station is not running; with --check 1 when a service is not healthy.

Examples:
  chargectl status
  chargectl status --json
"""

import argparse
from dataclasses import asdict

from chargectl.health import Health, ServiceHealth, look
from chargectl.output import ago, coloured, print_json, table
from chargectl.phases import phase_words
from chargectl.station import existing_home
from services.clock import iso_utc
from services.exit_codes import ExitCode


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--check", action="store_true", help="exit code 1 when a service is not healthy")


def run(arguments: argparse.Namespace) -> int:
    health = look(existing_home(arguments))
    if arguments.json:
        print_json({"ok": True, "running": True, "healthy": health.healthy, **asdict(health)})
    else:
        print(_text(health))
    return int(ExitCode.FAILED if arguments.check and not health.healthy else ExitCode.OK)


def _text(health: Health) -> str:
    lines = [f"station {health.serial} in {health.home}"]
    if health.boot:
        lines.append(f"started {health.boot['started']}, reason: {health.boot['reason']}")
    lines.append("")
    rows = [_row(service) for service in health.services]
    headings = (
        "service",
        "state",
        "pid",
        "up",
        "heartbeat",
        "PSS kB",
        "RSS kB",
        "settings",
        "gaps",
        "ignored",
        "late",
        "",
    )
    lines.append(table(rows, headings))
    if health.connectors:
        lines.append("")
        for each in health.connectors:
            parts = [f"connector {each['connector']}: {each['status']}", f"pilot {each['pilot']}"]
            parts.append(f"contactor {each['contactor']}")
            if each["transaction_id"]:
                parts.append(f"{each['energy_wh']} Wh since {iso_utc(float(str(each['started_wall_s'])))}")
            parts.append(f"{each['limit_a']:.1f} A ({each['limit_source']})")
            parts += _phases(each)
            lines.append(", ".join(parts) + (f" - {each['reason']}" if each["reason"] else ""))
    lines += ["", _backend(health.backend), _queue(health.queue), ""]
    lines += [coloured(f"fault: {fault}", "31") for fault in health.faults] or ["no faults"]
    return "\n".join(lines)


def _phases(connector: dict[str, object]) -> list[str]:
    """Nothing where none are switched."""
    given, asked, wanted = (int(str(connector[name])) for name in ("phases", "phases_asked", "phases_wanted"))
    words = phase_words(given, asked, wanted)
    return [words] if words else []


def _backend(backend: dict[str, object]) -> str:
    """State, address, since when; while it is not online, why, and when the next try is."""
    state = str(backend["state"])
    if state == "off":
        why = backend["last_error"] or "none is wanted: ConnectionType is No Backend, or OCPPBackendJSONURL is empty"
        return f"backend: off - {why}"
    parts = [f"backend: {coloured(state, '32' if state == 'online' else '33')}"]
    parts += [str(backend["url"])] if backend.get("url") else []
    parts += [f"since {backend['since']}"] if backend.get("since") else []
    text = ", ".join(parts)
    if state != "online" and backend["last_error"]:
        text += f" - {backend['last_error']}"
    next_try_in_s = backend.get("next_try_in_s")
    return text + (f"; next try in {ago(float(str(next_try_in_s)))}" if next_try_in_s is not None else "")


def _queue(queue: dict[str, object]) -> str:
    """How much waits for the backend, since when, why."""
    if queue["waiting"] is None:
        return f"queue: unknown - {queue['waits_because']}"
    text = f"queue: {queue['waiting'] or 'nothing'} waiting"
    text += f", the oldest since {queue['oldest']}" if queue["waiting"] and queue["oldest"] else ""
    text += f" - {queue['waits_because']}" if queue["waiting"] and queue["waits_because"] else ""
    text += f"; {queue['given_up']} given up: chargectl queue ls --given-up" if queue["given_up"] else ""
    return text + (coloured("; full: no transaction begins", "31") if queue["charging_refused"] else "")


def _row(service: ServiceHealth) -> tuple[object, ...]:
    age = "-" if service.heartbeat_age_s is None else f"{service.heartbeat_age_s:.1f} s"
    state = service.state if service.healthy else f"{service.state} !"
    return (
        service.name,
        state,
        service.pid,
        ago(service.uptime_s),
        age,
        service.pss_kb,
        service.rss_kb,
        service.settings_revision,
        service.gaps,
        service.ignored,
        service.missed_deadlines,
        service.detail,
    )
