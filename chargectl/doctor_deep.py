"""What `chargectl doctor --deep` tries out, part by part, by asking the safety service."""

import argparse
from collections.abc import Iterator
from typing import Any

from bus.topics import HMI_LIGHT_TEST, SAFETY_CONNECTOR, SAFETY_EXERCISE, SAFETY_LOOK, SAFETY_STATION
from chargectl.bus_client import BusClient
from chargectl.finding import OK, WARNING, WRONG, Finding
from chargectl.output import Failure
from chargectl.station_check import check_home
from schemas.base import Answer
from schemas.hmi import LightTestRequest
from schemas.safety import ExerciseRequest, LookRequest, PilotState, SafetyStation
from schemas.station import Station
from services.exit_codes import ExitCode
from services.home import Home

PATIENCE_S = 20.0
READY_S = 30.0
"""After a part was tried, the connector proves everything anew before the next one."""
PLAUSIBLE_C = (-40.0, 85.0)
HEARS = (SAFETY_CONNECTOR, SAFETY_STATION)
ASKS = (SAFETY_EXERCISE, SAFETY_LOOK, HMI_LIGHT_TEST)


def checks(home: Home, arguments: argparse.Namespace) -> Iterator[Finding]:
    station = check_home(home)
    numbers = [arguments.connector] if arguments.connector else list(station.connectors)
    if arguments.connector and arguments.connector not in station.connectors:
        raise Failure(f"there is no connector {arguments.connector}", ExitCode.USAGE)
    with BusClient(home, hears=HEARS, asks=ASKS) as client:
        for number in numbers:
            yield from _connector(client, number, arguments.close_contactor)
        if all(_wait_until_idle(client, number) for number in station.connectors):
            yield from _outputs(client, station, arguments.auxiliary)
        else:
            yield Finding("outputs", WARNING, "not tried: a connector is not idle")
        yield from _lights(client)
        yield from _readings(client, station)


def _connector(client: BusClient, number: int, close_contactor: bool) -> Iterator[Finding]:
    for what in ("lock", "residual", "pilot", "contactor"):
        name = f"connector {number} {what}"
        if what == "contactor" and not close_contactor:
            yield Finding(name, OK, "not closed; --close-contactor does that")
            continue
        _wait_until_idle(client, number)
        yield _tried(client, name, what=what, connector=number, force=close_contactor)


def _wait_until_idle(client: BusClient, number: int) -> bool:
    deadline_s = client.clock.now().boot_s + READY_S
    while client.clock.now().boot_s < deadline_s:
        said = client.bus.latest(SAFETY_CONNECTOR, str(number)).fresh
        if said is not None and said.state is not PilotState.BOOT and said.state is not PilotState.UNKNOWN:
            return said.state is PilotState.A
        client.listen(0.2)
    return False


def _tried(client: BusClient, name: str, **fields: Any) -> Finding:
    answered = client.hear_answer(SAFETY_EXERCISE, ExerciseRequest, patience_s=PATIENCE_S, **fields)
    if answered.outcome is not Answer.ACCEPTED:
        return Finding(name, WRONG, f"not tried: {answered.reason}")
    measured = ", ".join(f"{place} {value}" for place, value in answered.values.items() if place != "passed")
    words = answered.reason + (f" ({measured})" if measured else "")
    return Finding(name, OK if answered.values.get("passed") == "yes" else WRONG, words)


def _outputs(client: BusClient, station: Station, auxiliary: bool) -> Iterator[Finding]:
    for output in station.equipment.outputs:
        if output == "auxiliary" and not auxiliary:
            yield Finding("output auxiliary", OK, "not switched: it may be a shunt trip; --auxiliary does that")
            continue
        yield _tried(client, f"output {output}", what="output", output=output, force=auxiliary)


def _lights(client: BusClient) -> Iterator[Finding]:
    answered = client.hear_answer(HMI_LIGHT_TEST, LightTestRequest)
    accepted = answered.outcome is Answer.ACCEPTED
    words = "look at them now: red, green and blue, a second each" if accepted else answered.reason
    yield Finding("lights", OK if accepted else WRONG, words)


def fan_finding(said: SafetyStation) -> Finding:
    """At rest: whether it turns when it shall is tried with the output climate."""
    if said.fan_rpm is None:
        return Finding("fan", WRONG, "its speed is not read")
    if said.fan_rpm >= 1.0:
        return Finding("fan", OK, f"{said.fan_rpm:.0f} rpm")
    if said.outputs.get("climate"):
        return Finding("fan", WARNING, "0 rpm, although the output climate is on")
    return Finding("fan", OK, "0 rpm; the output climate is off")


def _readings(client: BusClient, station: Station) -> Iterator[Finding]:
    client.ask(SAFETY_LOOK, LookRequest, connector=0)
    said = client.bus.latest(SAFETY_STATION).fresh
    if said is None:
        yield Finding("readings", WRONG, "safety says nothing of the station")
        return
    for name, celsius in said.temperatures_c.items():
        plausible = celsius is not None and PLAUSIBLE_C[0] <= celsius <= PLAUSIBLE_C[1]
        words = "not read" if celsius is None else f"{celsius:+.1f} C"
        yield Finding(f"temperature {name}", OK if plausible else WRONG, words)
    for name, active in said.inputs.items():
        words = "not read" if active is None else "active" if active else "at rest"
        yield Finding(f"input {name}", WRONG if active is None else OK, words)
    if station.equipment.fan:
        yield fan_finding(said)
    if said.trouble:
        yield Finding("board", WRONG, said.trouble)
