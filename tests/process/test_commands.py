"""The commands against a running station, as a field engineer uses them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bus.topics import SESSION_CONNECTOR
from chargectl.station import processes_of
from schemas.session import ConnectorStatus
from services.exit_codes import ExitCode
from services.home import Home
from tests.running_station import CARD, RunningStation, chargectl, environment, wait_until

pytestmark = pytest.mark.process


def answer(station: RunningStation, *words: str) -> Any:
    done = chargectl(*words, "--json", home=station.home.root)
    assert done.returncode == ExitCode.OK, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def said(station: RunningStation, *words: str) -> str:
    done = chargectl(*words, home=station.home.root)
    assert done.returncode == ExitCode.OK, done.stderr
    return done.stdout


@pytest.fixture
def free_connector(shared_station: RunningStation) -> Iterator[RunningStation]:
    yield shared_station
    shared_station.sim("plug_out", connector=1, force=True)
    shared_station.until(SESSION_CONNECTOR, lambda body: body.status is ConnectorStatus.AVAILABLE)


def test_status_lists_every_service_with_pid_memory_and_heartbeat(shared_station: RunningStation) -> None:
    status = answer(shared_station, "status")
    assert status["running"]
    assert status["healthy"]
    services = {service["name"]: service for service in status["services"]}
    assert sorted(services) == shared_station.names()
    for service in services.values():
        assert os.path.exists(f"/proc/{service['pid']}")  # noqa: PTH110
        assert service["state"] in ("RUNNING", "STARTING")
        assert 1000 < service["pss_kb"] <= service["rss_kb"]
        assert service["heartbeat_age_s"] < 3
        assert service["gaps"] == 0
        assert service["ignored"] == 0
    assert status["boot"]["start_id"]
    text = said(shared_station, "status")
    assert "connector 1" in text
    assert "\x1b" not in text


def test_a_stopped_service_is_seen_and_comes_back_by_command(shared_station: RunningStation) -> None:
    stopped = answer(shared_station, "service", "stop", "hmi")
    assert stopped == {"ok": True, "name": "hmi", "state": "STOPPED", "pid": 0}
    assert "STOPPED" in said(shared_station, "status")
    started = answer(shared_station, "service", "start", "hmi")
    assert started["pid"] > 0
    killed = answer(shared_station, "service", "kill", "hmi")
    assert killed["pid"] not in (0, started["pid"])
    restarted = answer(shared_station, "service", "restart", "hmi")
    assert restarted["pid"] not in (0, killed["pid"])
    shared_station.wait_healthy()
    unknown = chargectl("service", "restart", "hmu", home=shared_station.home.root)
    assert unknown.returncode == ExitCode.USAGE
    assert "hmi" in unknown.stderr


def test_tap_shows_what_is_said_and_filters_it(shared_station: RunningStation) -> None:
    done = chargectl("tap", "session.", "safety.connector/1", "--count", "4", "--json", home=shared_station.home.root)
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(messages) == 4
    assert {message["topic"].partition(".")[0] for message in messages} <= {"session", "safety"}
    assert all(isinstance(message["body"], dict) for message in messages)
    rates = answer(shared_station, "tap", "--rate", "--seconds", "2")
    assert rates["safety.heartbeat"] > 0.4


def test_what_was_recorded_can_be_replayed(shared_station: RunningStation, tmp_path: Path) -> None:
    file = str(tmp_path / "a.rec")
    assert answer(shared_station, "record", file, "--seconds", "2")["entries"] > 3
    replayed = chargectl("replay", file, "--json")
    topics = {json.loads(line)["topic"] for line in replayed.stdout.splitlines()}
    assert "safety.connector" in topics
    assert not any(topic.endswith(".heartbeat") for topic in topics)
    only = chargectl("replay", file, "system.", "--count", "1")
    assert only.stdout.count("\n") == 1
    assert "system." in only.stdout


def test_a_setting_is_read_changed_and_refused(shared_station: RunningStation) -> None:
    before = said(shared_station, "config", "get", "OperatorCurrentLimit").strip()
    assert answer(shared_station, "config", "set", "operatorcurrentlimit", "13")["outcome"] == "accepted"
    assert said(shared_station, "config", "get", "OperatorCurrentLimit") == "13\n"
    assert answer(shared_station, "config", "export")["settings"]["OperatorCurrentLimit"] == "13"
    for wrong in (("OperatorCurrentLimit", "a lot"), ("OperatorCurrentLimt", "13")):
        refused = chargectl("config", "set", *wrong, home=shared_station.home.root)
        assert refused.returncode == ExitCode.REFUSED
        assert "OperatorCurrentLimit" in refused.stderr
    said(shared_station, "config", "set", "OperatorCurrentLimit", before)


def test_a_charge_by_command_is_shown_and_stopped(free_connector: RunningStation) -> None:
    station = free_connector
    said(station, "sim", "plug-in", "1")
    station.until(SESSION_CONNECTOR, lambda body: body.status is ConnectorStatus.PREPARING)
    said(station, "sim", "swipe", CARD)
    charging = station.until(SESSION_CONNECTOR, lambda body: body.status is ConnectorStatus.CHARGING)
    listed = answer(station, "session", "ls")["connectors"][0]
    assert listed["transaction_id"] == charging.transaction_id
    shown = said(station, "session", "show", "1")
    assert charging.transaction_id in shown
    assert "because of" in shown
    assert answer(station, "session", "stop", "1")["ok"]
    station.until(SESSION_CONNECTOR, lambda body: not body.transaction_id)
    nothing = chargectl("session", "stop", "1", home=station.home.root)
    assert nothing.returncode == ExitCode.REFUSED


def test_the_simulated_world_says_what_it_refuses(shared_station: RunningStation) -> None:
    assert answer(shared_station, "sim", "state")["connectors"]["1"]
    refused = chargectl("sim", "fault", "nonsense", "on", home=shared_station.home.root)
    assert refused.returncode == ExitCode.REFUSED
    assert "diode" in refused.stderr


def test_the_log_of_a_service_is_shown(shared_station: RunningStation) -> None:
    assert "world" in said(shared_station, "log", "tail", "world", "-n", "5")
    wrong = chargectl("log", "tail", "wrold", home=shared_station.home.root)
    assert wrong.returncode == ExitCode.USAGE
    assert "world" in wrong.stderr


def demo(home: Path, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "chargectl", "demo", "--home", str(home), *words],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_the_demo_charges_a_car_and_ctrl_c_ends_what_it_started(tmp_path: Path) -> None:
    begun_s = time.monotonic()
    running = demo(tmp_path / "home")
    assert running.stdout is not None
    lines: list[str] = []
    try:
        for line in running.stdout:
            lines.append(line)
            if "Charging" in line and "kW" in line:
                break
            assert time.monotonic() - begun_s < 60, "".join(lines)
        running.send_signal(signal.SIGINT)
        rest = running.stdout.read()
        assert running.wait(30) == ExitCode.OK
    finally:
        running.kill()
        running.stdout.close()
    text = "".join(lines)
    assert "A car is plugged in" in text
    assert "is held to the reader" in text
    assert "sim swipe" in text
    assert str(tmp_path / "home") in rest
    assert processes_of(Home(tmp_path / "home")) == []


def test_the_demo_only_shows_a_station_that_runs_already(shared_station: RunningStation) -> None:
    before = {name: program.pid for name, program in shared_station.programs().items()}
    watching = demo(shared_station.home.root, "--seconds", "1")
    said_by_demo, _ = watching.communicate(timeout=30)
    assert watching.returncode == ExitCode.OK
    assert "goes on" in said_by_demo
    assert {name: program.pid for name, program in shared_station.programs().items()} == before


def test_the_demo_survives_a_power_cut(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    running = demo(home.root)
    try:
        wait_until(lambda: chargectl("status", "--check", home=home.root).returncode == ExitCode.OK, "healthy", 40)
        first = processes_of(home)
        assert chargectl("sim", "power-cut", home=home.root).returncode == ExitCode.OK
        wait_until(
            lambda: chargectl("status", "--check", home=home.root).returncode == ExitCode.OK, "healthy again", 40
        )
        assert set(first).isdisjoint(processes_of(home))
        running.send_signal(signal.SIGTERM)
        said_by_demo, _ = running.communicate(timeout=40)
    finally:
        running.kill()
    assert running.returncode == ExitCode.OK
    assert "The power is back" in said_by_demo
    assert processes_of(home) == []
