"""The demo backend as a process: a WebSocket server on the loopback address, and a prompt."""

import argparse
import asyncio
import contextlib
import logging
import sys
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import ocpp.messages
from ocpp.exceptions import OCPPError
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websockets
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from chargectl.backend.prompt import LOCAL, NotUnderstood, help_text, parse
from chargectl.backend.station import DemoStation, Ledger, words_of
from chargectl.output import Failure
from services.exit_codes import ExitCode

SILENT_S = 30.0
LARGEST_MESSAGE = 256 * 1024


class Backend:
    def __init__(self) -> None:
        self._ledger = Ledger()
        self._stations: dict[str, DemoStation] = {}
        self._connections: dict[str, ServerConnection] = {}
        self._silent_until_s = 0.0
        self._ended = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, port: int, port_file: str, seconds: float) -> None:
        async with serve_websockets(
            self._take, "127.0.0.1", port, subprotocols=[Subprotocol("ocpp1.6")], compression=None, max_size=LARGEST_MESSAGE
        ) as server:
            in_use = next(iter(server.sockets)).getsockname()[1]
            self.tell("-", f"listening on ws://127.0.0.1:{in_use}/  (type help)")
            if port_file:
                path = Path(port_file)
                temporary = path.with_name(path.name + ".new")
                temporary.write_text(f"{in_use}\n")
                temporary.replace(path)
            reading = asyncio.create_task(self._read_prompt())
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ended.wait(), seconds or None)
            reading.cancel()

    def tell(self, identity: str, line: str) -> None:
        print(f"{datetime.now(UTC):%H:%M:%S} {identity} {line}", flush=True)

    async def _take(self, connection: ServerConnection) -> None:
        path = connection.request.path if connection.request is not None else ""
        identity = unquote(path.rpartition("/")[2])
        if not identity:
            await connection.close(1008, "the identity of the station belongs at the end of the path")
            return
        station = DemoStation(
            identity, _Silenceable(connection, self), self._ledger, lambda line: self.tell(identity, line)
        )
        self._stations[identity], self._connections[identity] = station, connection
        self.tell(identity, "connected")
        with contextlib.suppress(ConnectionClosed):
            await station.start()
        self.tell(identity, "disconnected")
        if self._stations.get(identity) is station:
            del self._stations[identity], self._connections[identity]

    @property
    def is_silent(self) -> bool:
        return asyncio.get_running_loop().time() < self._silent_until_s

    async def _read_prompt(self) -> None:
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        try:
            await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        except (ValueError, OSError):
            return  # nothing to read from (a file, /dev/null): it only shows
        while line := await reader.readline():
            try:
                await self._obey(line.decode("utf-8", "replace"))
            except NotUnderstood as error:
                self.tell("-", str(error))

    async def _obey(self, line: str) -> None:
        name, words, request = parse(line)
        if name in LOCAL:
            await self._obey_here(name, words)
        elif request is not None:
            if not self._stations:
                raise NotUnderstood("no station is connected")
            for identity, station in list(self._stations.items()):
                task = asyncio.create_task(self._send(identity, station, name, request))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _send(self, identity: str, station: DemoStation, name: str, request: object) -> None:
        try:
            answer = await station.call(request, suppress=False)
        except (OCPPError, TimeoutError, ConnectionClosed) as error:
            self.tell(identity, f"{name}: {type(error).__name__} {error}")
        else:
            self.tell(identity, f"{name}: {words_of(answer)}")

    async def _obey_here(self, name: str, words: list[str]) -> None:
        if name == "quit":
            self._ended.set()
        elif name == "help":
            print(help_text(), flush=True)
        elif name == "drop":
            for connection in list(self._connections.values()):
                await connection.close(1001)
        elif name == "silent":
            try:
                seconds = float(words[0]) if words else SILENT_S
            except ValueError:
                raise NotUnderstood("usage: silent [SECONDS]") from None
            self._silent_until_s = asyncio.get_running_loop().time() + seconds
            self.tell("-", f"silent for {seconds:g} s")
        elif words:
            (self._ledger.blocked.add if name == "block" else self._ledger.blocked.discard)(words[0])
            self.tell("-", f"{words[0]}: {'Blocked' if name == 'block' else 'Accepted'} from now on")
        else:
            raise NotUnderstood(f"usage: {LOCAL[name][0]}")


class _Silenceable:
    """The connection as the ocpp package uses it; what is sent is lost while the backend is silent."""

    def __init__(self, connection: ServerConnection, backend: Backend) -> None:
        self._connection = connection
        self._backend = backend

    async def recv(self) -> str | bytes:
        return await self._connection.recv()

    async def send(self, text: str) -> None:
        if not self._backend.is_silent:
            await self._connection.send(text)


def serve(arguments: argparse.Namespace) -> int:
    """Raises Failure when the port cannot be used."""
    logging.getLogger("ocpp").setLevel(logging.CRITICAL)
    ocpp.messages.ASYNC_VALIDATION = False
    backend_of: list[Backend] = []

    async def live() -> None:
        backend_of.append(Backend())
        await backend_of[0].serve(arguments.port, arguments.port_file, arguments.seconds)

    try:
        asyncio.run(live())
    except OSError as error:
        raise Failure(f"cannot listen on port {arguments.port}: {error.strerror}. Choose another --port") from error
    except KeyboardInterrupt:
        return int(ExitCode.OK)
    return int(ExitCode.OK)
