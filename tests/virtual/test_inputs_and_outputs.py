"""Free inputs and outputs in the hands of the backend, the second relay, the auxiliary output."""

import json
from pathlib import Path
from typing import Any

import pytest

from bus.topics import SAFETY_STATION
from tests.backend.scripted import ScriptedBackend
from tests.virtual.fault_bench import FaultBench, bench_file

pytestmark = pytest.mark.virtual

FREE = 'inputs = { opto_1 = "normally open", opto_2 = "normally closed" }'
VENDOR = "org.opencharge"


def bench(path: Path, **settings: str) -> FaultBench:
    station = FaultBench(path, equipment=FREE, backend=ScriptedBackend(), **settings)
    station.until(lambda: station.backend.connected, within_s=30.0)
    station.advance(15.0)
    return station


def sent(station: FaultBench, message: str, data: object = None, vendor: str = VENDOR) -> dict[str, Any]:
    """DataTransfer of the backend, and the station's answer."""
    payload = {"vendorId": vendor, "messageId": message}
    if data is not None:
        payload["data"] = data if isinstance(data, str) else json.dumps(data)
    call = station.backend.call("DataTransfer", payload)
    station.until(lambda: call.done, within_s=25.0)
    assert call.payload is not None, call.error_description
    return dict(call.payload)


def switch(station: FaultBench, output: str, on: bool) -> dict[str, Any]:
    return sent(station, "SetOutput", {"output": output, "on": on})


def test_the_backend_switches_free_outputs_and_reads_free_inputs(tmp_path: Path) -> None:
    station = bench(tmp_path, InputOutputBackendControlledMode="true")
    assert switch(station, "output_1", True) == {"status": "Accepted"}
    station.advance(0.1)
    assert station.site.outputs.pins["output_1"]
    station.press("opto_1")
    station.advance(0.1)
    read = json.loads(sent(station, "GetInputs")["data"])
    assert read == {"opto_1": True, "opto_2": False, "output_1": True, "output_2": False}
    switch(station, "output_1", False)
    station.advance(0.1)
    assert not station.site.outputs.pins["output_1"]
    assert station.last(SAFETY_STATION).outputs["output_1"] is False


def test_without_the_mode_the_backend_switches_and_reads_nothing(tmp_path: Path) -> None:
    station = bench(tmp_path)
    refused = switch(station, "output_1", True)
    assert refused["status"] == "Rejected"
    assert "InputOutputBackendControlledMode" in refused["data"]
    assert sent(station, "GetInputs")["status"] == "Rejected"
    assert not station.site.outputs.pins["output_1"]


@pytest.mark.parametrize(
    ("message", "data", "status"),
    [
        ("SetOutput", None, "Rejected"),
        ("SetOutput", "[[[[", "Rejected"),
        ("SetOutput", "[1]", "Rejected"),
        ("SetOutput", {"output": "auxiliary", "on": True}, "Rejected"),
        ("SetOutput", {"output": "relay_2", "on": True}, "Rejected"),
        ("SetOutput", {"output": "x" * 500, "on": True}, "Rejected"),
        ("SetOutput", {"output": "output_1", "on": 1}, "Rejected"),
        ("SetOutput", " " * 1001, "Rejected"),
        ("Explode", {}, "UnknownMessageId"),
    ],
)
def test_what_cannot_be_done_is_refused(tmp_path: Path, message: str, data: object, status: str) -> None:
    station = bench(tmp_path, InputOutputBackendControlledMode="true")
    assert sent(station, message, data)["status"] == status
    assert not any(station.site.outputs.pins.values())
    assert sent(station, "SetOutput", {}, vendor="somebody.else")["status"] == "UnknownVendorId"


def test_an_output_survives_the_process_and_is_off_after_a_restart_of_the_station(tmp_path: Path) -> None:
    station = bench(tmp_path, InputOutputBackendControlledMode="true")
    switch(station, "output_2", True)
    station.advance(0.5)
    station.kill("safety")
    station.start("safety")
    station.advance(5.0)
    assert station.site.outputs.pins["output_2"]
    station.power_cut()
    station.power_up()
    station.advance(5.0)
    assert not station.site.outputs.pins["output_2"]


def test_changes_of_inputs_are_told_at_most_every_10_s(tmp_path: Path) -> None:
    station = bench(
        tmp_path,
        InputOutputBackendControlledMode="true",
        InputChangeNotifyBackend="true",
        InfoStatusNotifications="true",
    )
    for turn in range(11):
        station.press("opto_1", turn % 2 == 0)
        station.advance(1.0)
    station.advance(30.0)
    told = [each["info"] for each in station.backend.payloads("StatusNotification") if "Input" in each.get("info", "")]
    assert told[0] == "Input opto_1 switched on"
    assert told[-1] == "Input opto_1 switched on"
    assert len(told) <= 3


def test_two_inputs_that_changed_without_a_connection_are_told_10_s_apart(tmp_path: Path) -> None:
    """InputChangeNotifyBackend: not more than one message in 10 s, for both inputs together."""
    station = bench(
        tmp_path,
        InputOutputBackendControlledMode="true",
        InputChangeNotifyBackend="true",
        InfoStatusNotifications="true",
    )
    station.backend.reachable = False
    station.backend.hang_up()
    station.press("opto_1")
    station.advance(1.0)
    station.press("opto_2")
    station.advance(20.0)
    station.backend.reachable = True
    station.until(lambda: station.backend.connected, within_s=200.0)
    station.advance(40.0)
    calls = [each for each in station.backend.calls("StatusNotification") if "Input" in each.payload.get("info", "")]
    assert [each.payload["info"] for each in calls] == ["Input opto_1 switched on", "Input opto_2 switched on"]
    assert calls[1].at_s - calls[0].at_s >= 10.0


def test_an_input_that_the_second_connector_uses_is_not_the_backends(tmp_path: Path) -> None:
    text = bench_file(
        connectors=2,
        equipment='inputs = { opto_1 = "normally open", opto_2 = "normally open" }',
        InputOutputBackendControlledMode="true",
        InputChangeNotifyBackend="true",
        InfoStatusNotifications="true",
        **{'"WeldCheck[2]"': "Opto input 1"},
    )
    station = FaultBench(tmp_path, text, backend=ScriptedBackend())
    station.until(lambda: station.backend.connected, within_s=30.0)
    station.advance(15.0)
    assert "opto_1" not in json.loads(sent(station, "GetInputs")["data"])
    station.press("opto_1")
    station.press("opto_2")
    station.advance(20.0)
    told = [each["info"] for each in station.backend.payloads("StatusNotification") if "Input" in each.get("info", "")]
    assert told == ["Input opto_2 switched on"]


def test_without_its_key_no_change_of_an_input_is_told(tmp_path: Path) -> None:
    station = bench(tmp_path, InputOutputBackendControlledMode="true", InfoStatusNotifications="true")
    station.press("opto_1")
    station.advance(15.0)
    assert not [each for each in station.backend.payloads("StatusNotification") if "Input" in each.get("info", "")]


def test_the_second_relay_is_on_while_a_vehicle_is_connected(tmp_path: Path) -> None:
    station = FaultBench(tmp_path, PatternOnRelayK2="On while vehicle connected")
    station.advance(5.0)
    assert not station.site.outputs.pins["relay_2"]
    station.plug_in()
    station.until(lambda: station.site.outputs.pins["relay_2"], within_s=1.0)
    station.unplug()
    station.until(lambda: not station.site.outputs.pins["relay_2"], within_s=1.0)


def test_the_second_relay_is_on_while_charging(tmp_path: Path) -> None:
    station = FaultBench(tmp_path, PatternOnRelayK2="On while charging")
    station.plug_in()
    station.advance(5.0)
    assert not station.site.outputs.pins["relay_2"]
    station.swipe_until(lambda: station.flows())
    assert station.site.outputs.pins["relay_2"]
    station.site.ev_pause(1)
    station.advance(1.0)
    assert not station.site.outputs.pins["relay_2"]
