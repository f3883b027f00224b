"""350 billing messages (175 transactions) that waited for the backend: how long until all are answered and settled.

`message_queue` with its store and `ocpp_link` with a real WebSocket, as they are, on the bus inside this process.
"""

import os
import select
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bus.endpoint import Endpoint
from bus.ids import id_source, new_run_id
from bus.memory import Hub
from bus.topics import (
    LINK_STATUS,
    QUEUE_ACKNOWLEDGED,
    QUEUE_SETTLED,
    SESSION_FACT,
    SETTINGS_SECRETS,
    SETTINGS_VALUES,
    Topic,
)
from chargectl.bench.effort import BenchError
from chargectl.bench.slices import boot_s
from schemas.ocpp_link import LinkState
from schemas.session import Fact, StopReason, TransactionStarted, TransactionStopped
from schemas.settings import SecretValues, SettingsSnapshot
from schemas.station import Station
from services.clock import StationClock
from services.message_queue import station as message_queue
from services.message_queue.storage.store import opener
from services.ocpp_link import station as ocpp_link
from services.ocpp_link.memory import MemoryFile
from services.ocpp_link.websocket import WebSocketConnection

MESSAGES = 350
PATIENCE_S = 120.0
TICK_S = 0.005


class _Uplink:
    up = False

    def on_time(self) -> None: ...

    def fileno(self) -> int:
        return -1

    def receive(self) -> None: ...


class _Drain:
    def __init__(self, directory: Path, port: int) -> None:
        self._clock = StationClock()
        self._settled: set[str] = set()
        self._hub = Hub()
        self._uplink = _Uplink()
        self._connection = WebSocketConnection(directory / "no-authority")
        self._session = self._endpoint("session", (QUEUE_ACKNOWLEDGED, QUEUE_SETTLED, LINK_STATUS))
        self._settings = self._endpoint("settings")
        queue_bus = self._endpoint("message_queue", message_queue.HEARS, message_queue.ASKS)
        link_bus = self._endpoint("ocpp_link", ocpp_link.HEARS, ocpp_link.ASKS)
        station = Station()
        self._queue = message_queue.MessageQueue(queue_bus, station, "bench", opener(directory / "queue.db"))
        self._link = ocpp_link.OcppLink(
            link_bus,
            about=station.station,
            start_id="bench",
            connection=self._connection,
            uplink=self._uplink,
            memory=MemoryFile(directory / "link.json"),
        )
        self._services: list[tuple[Endpoint, Any]] = [(queue_bus, self._queue), (link_bus, self._link)]
        values = {
            "ConnectionType": "Ethernet",
            "OCPPBackendJSONURL": f"ws://127.0.0.1:{port}/",
        }
        self._settings.publish(SETTINGS_SECRETS, SecretValues(values={}))
        self._settings.publish(SETTINGS_VALUES, SettingsSnapshot(revision=1, values=values))
        for _, service in self._services:
            service.on_start(self._clock.now())

    def seconds(self) -> float:
        for number in range(1, MESSAGES + 1):
            self._say_fact(number)
            self._until(partial(self._has_taken, number))
        self._uplink.up = True
        self._until(self._online)
        begin_s = boot_s()
        self._until(lambda: len(self._settled) >= MESSAGES)
        return boot_s() - begin_s

    def close(self) -> None:
        self._queue.on_stop(self._clock.now())
        self._connection.close()

    # inside

    def _endpoint(self, owner: str, hears: tuple[Topic[Any], ...] = (), asks: tuple[Topic[Any], ...] = ()) -> Endpoint:
        endpoint = Endpoint(owner, self._clock, run_id=new_run_id(), hears=hears, asks=asks, ids=id_source(self._clock))
        self._hub.join(endpoint)
        return endpoint

    def _say_fact(self, number: int) -> None:
        wall_s = self._clock.now().wall_s
        transaction_id = f"bench-{(number + 1) // 2}"
        body: TransactionStarted | TransactionStopped
        if number % 2:
            body = TransactionStarted(
                transaction_id=transaction_id,
                connector=1,
                id_tag="A",
                started_wall_s=wall_s,
                meter_start_wh=number,
                meter_serial="",
            )
        else:
            body = TransactionStopped(
                transaction_id=transaction_id,
                connector=1,
                id_tag="A",
                stopped_wall_s=wall_s,
                meter_stop_wh=number,
                meter_stop_measured=True,
                reason=StopReason.LOCAL,
            )
        fact = Fact(stream_id="bench", number=number, lowest_unacknowledged=number, body=body)
        self._session.publish(SESSION_FACT, fact)

    def _has_taken(self, number: int) -> bool:
        body = self._session.latest(QUEUE_ACKNOWLEDGED).body
        return body is not None and body.mark >= number

    def _online(self) -> bool:
        body = self._session.latest(LINK_STATUS).body
        return body is not None and body.state is LinkState.ONLINE

    def _until(self, condition: Callable[[], bool]) -> None:
        end_s = boot_s() + PATIENCE_S
        while not condition():
            if boot_s() > end_s:
                raise BenchError(f"the queue was not drained in {PATIENCE_S:g} s")
            if not self._turn():
                select.select([self._connection.fileno()], [], [], TICK_S)

    def _turn(self) -> bool:
        """Whether anything moved."""
        self._connection.receive()
        moved = self._hub.deliver()
        for endpoint, service in self._services:
            while endpoint.inbox:
                service.on_message(endpoint.inbox.popleft(), self._clock.now())
            service.on_time(self._clock.now())
            endpoint.on_time()
        while self._session.inbox:
            received = self._session.inbox.popleft()
            if received.topic is QUEUE_SETTLED:
                self._settled.add(received.body.message_id)
        return bool(moved)


def drain_s(port: int) -> float:
    # where a station's home would be: a file system in memory brings nothing to a disk
    with TemporaryDirectory(prefix="bench-ocpp-", dir=os.environ.get("CHARGE_HOME") or Path.cwd()) as directory:
        drain = _Drain(Path(directory), port)
        try:
            return drain.seconds()
        finally:
            drain.close()
