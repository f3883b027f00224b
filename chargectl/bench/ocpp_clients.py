"""One MeterValues to the backend and its answer back: through our link, with bare websockets, with the `ocpp` package.

    python -m chargectl.bench.ocpp_clients ours|raw|library PORT COUNT

Says {"ready": true}, then for each line it is told one slice: CPU seconds of this process per round trip. Each begins
with the same message as plain values and ends with the answer as plain values.
"""

import asyncio
import json
import select
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from chargectl.bench.effort import BenchError
from chargectl.bench.slices import say

ANSWER_S = 10.0
MEASURANDS = ("Energy.Active.Import.Register", "Power.Active.Import", "Current.Import", "Voltage")
UNITS = {"Energy.Active.Import.Register": "Wh", "Power.Active.Import": "W", "Current.Import": "A", "Voltage": "V"}
PHASES = ("L1", "L2", "L3")


def meter_values(number: int) -> dict[str, Any]:
    """Twelve sampled values, as a station with three phases sends them."""
    samples = [
        {
            "value": str(number),
            "context": "Sample.Periodic",
            "measurand": measurand,
            "phase": phase,
            "location": "Outlet",
            "unit": UNITS[measurand],
        }
        for measurand in MEASURANDS
        for phase in PHASES
    ]
    values = [{"timestamp": "2026-11-20T10:00:00.000Z", "sampledValue": samples}]
    return {"connectorId": 1, "transactionId": 7, "meterValue": values}


def slices(count: int, run: Callable[[int], None]) -> None:
    """`run(count)` does that many round trips."""
    run(max(20, count // 10))
    say(ready=True)
    for _ in sys.stdin:
        begin_s = time.process_time()
        run(count)
        say(cpu_s=(time.process_time() - begin_s) / count)


def ours(port: int, count: int) -> None:
    """Endpoint and WebSocket adapter, woken by epoll as in the service's loop."""
    from schemas.ocpp_link import Outcome
    from services.ocpp_link.connection import Closed, Failed, Opened, Target, Text
    from services.ocpp_link.endpoint import Ended, OcppEndpoint
    from services.ocpp_link.websocket import WebSocketConnection

    connection = WebSocketConnection(Path("no-authority"))
    endpoint = OcppEndpoint(frozenset())
    poll = select.epoll()
    poll.register(connection.fileno(), select.EPOLLIN)

    def events() -> list[Any]:
        while True:
            if not poll.poll(ANSWER_S):
                raise BenchError("the backend does not answer")
            connection.receive()
            found = list(connection.poll())
            if any(isinstance(event, Closed | Failed) for event in found):
                raise BenchError(f"connection: {found}")
            if found:
                return found

    url = f"ws://127.0.0.1:{port}/bench"
    connection.open(Target(url=url, secure=False, host="127.0.0.1", port=port, resource="/bench"), ANSWER_S)
    assert isinstance(events()[0], Opened)
    endpoint.connected()
    encoder = msgspec.json.Encoder()

    def run(trips: int) -> None:
        for number in range(trips):
            payload = encoder.encode(meter_values(number)).decode()
            connection.send(endpoint.call(f"m-{number}", "MeterValues", payload, 0.0, ANSWER_S))
            (text,) = events()
            assert isinstance(text, Text)
            (ended,) = endpoint.receive(text.text)
            assert isinstance(ended, Ended)
            assert ended.outcome is Outcome.ANSWERED
            json.loads(ended.payload)

    slices(count, run)


def raw(port: int, count: int) -> None:
    """What anyone would write: json and websockets, nothing validated."""
    from websockets.asyncio.client import connect
    from websockets.typing import Subprotocol

    loop = asyncio.new_event_loop()

    async def open_it() -> Any:
        url = f"ws://127.0.0.1:{port}/bench"
        return await connect(
            url,
            subprotocols=[Subprotocol("ocpp1.6")],
            compression=None,
            ping_interval=None,
            proxy=None,
        )

    connection = loop.run_until_complete(open_it())

    async def trips(wanted: int) -> None:
        for number in range(wanted):
            await connection.send(json.dumps([2, f"m-{number}", "MeterValues", meter_values(number)]))
            kind, message_id, _ = json.loads(await connection.recv())
            assert (kind, message_id) == (3, f"m-{number}")

    slices(count, lambda wanted: loop.run_until_complete(trips(wanted)))


def library(port: int, count: int) -> None:
    """The `ocpp` package's own ChargePoint."""
    import logging

    from ocpp.v16 import ChargePoint
    from ocpp.v16.call import MeterValues
    from websockets.asyncio.client import connect
    from websockets.typing import Subprotocol

    logging.getLogger("ocpp").setLevel(logging.ERROR)
    loop = asyncio.new_event_loop()

    async def open_it() -> Any:
        url = f"ws://127.0.0.1:{port}/bench"
        connection = await connect(
            url,
            subprotocols=[Subprotocol("ocpp1.6")],
            compression=None,
            ping_interval=None,
            proxy=None,
        )
        point = ChargePoint("bench", connection)
        return point, asyncio.get_running_loop().create_task(point.start())

    point, _task = loop.run_until_complete(open_it())

    def message(number: int) -> Any:
        values = meter_values(number)
        return MeterValues(connector_id=1, transaction_id=7, meter_value=values["meterValue"])

    async def trips(wanted: int) -> None:
        for number in range(wanted):
            await point.call(message(number), suppress=False)

    slices(count, lambda wanted: loop.run_until_complete(trips(wanted)))


CLIENTS = {"ours": ours, "raw": raw, "library": library}

if __name__ == "__main__":
    _name, _port, _count = sys.argv[1:]
    CLIENTS[_name](int(_port), int(_count))
