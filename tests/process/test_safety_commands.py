"""`chargectl safety` and `chargectl doctor` against a running station."""

import json
from typing import Any

import pytest

from bus.topics import SESSION_CONNECTOR
from schemas.session import ConnectorStatus
from services.exit_codes import ExitCode
from tests.running_station import RunningStation, chargectl

pytestmark = pytest.mark.process


def _json(station: RunningStation, *words: str, code: ExitCode = ExitCode.OK) -> Any:
    done = chargectl(*words, "--json", home=station.home.root)
    assert done.returncode == code, done.stderr + done.stdout
    return json.loads(done.stdout.splitlines()[-1])


def test_every_reading_and_why_power_does_not_flow(shared_station: RunningStation) -> None:
    found = _json(shared_station, "safety", "--connector", "1")
    one = found["connectors"]["1"]
    assert one["readings"]["pilot"].startswith("12.00 V")
    assert one["said"]["reason"] in ("no vehicle connected", "starting: checking the contactor and the vehicle")
    assert one["faults"] == []
    assert found["station"]["temperature housing"].endswith(" C")
    done = chargectl("safety", home=shared_station.home.root)
    assert "mirror contact" in done.stdout
    assert "\x1b" not in done.stdout
    wrong = chargectl("safety", "--connector", "9", home=shared_station.home.root)
    assert wrong.returncode == ExitCode.USAGE
    assert "connectors: 1" in wrong.stderr


def test_doctor_finds_nothing_wrong_with_a_healthy_station_and_refuses_to_try_out_with_a_vehicle(
    shared_station: RunningStation,
) -> None:
    shared_station.until(SESSION_CONNECTOR, lambda body: body.status is ConnectorStatus.AVAILABLE)
    checked = _json(shared_station, "doctor")
    assert checked["ok"], checked
    tried = _json(shared_station, "doctor", "--deep", "--close-contactor")
    levels = {each["what"]: each["level"] for each in tried["findings"]}
    assert tried["ok"], tried
    assert {"connector 1 lock", "connector 1 contactor", "output relay_2", "lights"} <= set(levels)
    shared_station.plug_in()
    shared_station.until(SESSION_CONNECTOR, lambda body: body.status is ConnectorStatus.PREPARING)
    refused = _json(shared_station, "doctor", "--deep", code=ExitCode.FAILED)
    words = [each["words"] for each in refused["findings"] if each["what"] == "connector 1 lock"]
    assert words == ["not tried: a vehicle or a cable is plugged in: unplug it first"]
    shared_station.sim("plug_out", connector=1, force=True)
    shared_station.until(SESSION_CONNECTOR, lambda body: body.status is ConnectorStatus.AVAILABLE)


def test_options_of_the_deep_check_need_it(shared_station: RunningStation) -> None:
    done = chargectl("doctor", "--close-contactor", home=shared_station.home.root)
    assert done.returncode == ExitCode.USAGE
    assert "--deep" in done.stderr
