"""`chargectl queue` against a running station without a connection to its backend."""

import json
from pathlib import Path
from typing import Any

import pytest

from bus.topics import QUEUE_STATUS, SESSION_CONNECTOR
from schemas.session import ConnectorStatus
from services.exit_codes import ExitCode
from tests.process.conftest import MakeStation
from tests.running_station import CARD, STATION, RunningStation, chargectl

pytestmark = pytest.mark.process

UNREACHABLE = """\
[settings]
ConnectionType = "Ethernet"
OCPPBackendJSONURL = "ws://127.0.0.1:9/"
RetransmitMeterValues = true
"""


def answer(station: RunningStation, *words: str, code: int = ExitCode.OK) -> Any:
    done = chargectl(*words, "--json", home=station.home.root)
    assert done.returncode == code, done.stdout + done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def said(station: RunningStation, *words: str) -> str:
    done = chargectl(*words, home=station.home.root)
    assert done.returncode == ExitCode.OK, done.stderr
    return done.stdout


def test_people_see_what_waits_and_can_take_it_away(make_station: MakeStation, tmp_path: Path) -> None:
    station = make_station(text=STATION + UNREACHABLE).start()
    assert "no message was given up" in said(station, "queue", "ls", "--given-up")
    station.plug_in()
    station.sim("swipe", id_tag=CARD)
    station.until(SESSION_CONNECTOR, lambda body: body.status is ConnectorStatus.CHARGING)
    station.until(QUEUE_STATUS, lambda body: body.transaction >= 1)

    messages = answer(station, "queue", "ls")["messages"]
    (start,) = [each for each in messages if each["action"] == "StartTransaction"]
    assert start["waits_because"].startswith("not registered at the backend")
    shown = answer(station, "queue", "show", start["message_id"][:20])
    assert json.loads(shown["payload"])["idTag"] == CARD
    text = said(station, "queue", "show", start["message_id"])
    assert "attempts consumed" in text
    stats = answer(station, "queue", "stats")
    assert stats["transaction"] >= 1
    assert stats["link"]["state"] in ("waiting", "connecting")
    assert "of 350" in said(station, "queue", "stats")

    station.kill("message_queue")
    station.wait_healthy()
    file = tmp_path / "queue.jsonl"
    said(station, "queue", "export", str(file))
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert start["message_id"] in [each["message_id"] for each in lines]
    assert {each["state"] for each in lines} == {"waiting"}

    refused = answer(station, "queue", "show", "nonsense", code=ExitCode.REFUSED)
    assert "chargectl queue ls" in refused["error"]
    unwritable = answer(station, "queue", "export", "/proc/nothing/queue.jsonl", code=ExitCode.CANNOT_WRITE)
    assert "cannot write" in unwritable["error"]
