"""The demo backend as a process: a WebSocket server on the loopback address, and a prompt."""

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import stat
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import ocpp.messages
from ocpp.exceptions import OCPPError
from websockets.asyncio.server import ServerConnection
from websockets.asyncio.server import serve as serve_websockets
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from chargectl.backend.command_socket import Outcome, listen
from chargectl.backend.prompt import LOCAL, NotUnderstood, help_text, parse
from chargectl.backend.station import DemoStation, Ledger, is_refusal, words_of
from chargectl.output import Failure
from services.exit_codes import ExitCode

SILENT_S = 30.0
CLOSE_S = 1.0
"""For the closing handshake: a station that is stopped must not hold up our end."""
LARGEST_MESSAGE = 256 * 1024


class Backend:
    def __init__(self) -> None:
        self._ledger = Ledger()
        self._stations: dict[str, DemoStation] = {}
        self._connections: dict[str, ServerConnection] = {}
        self._silent_until_s = 0.0
        self._ended = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def serve(self, port: int, port_file: str, seconds: float, commands: Path | None) -> None:
        """Until `quit`, SIGINT, SIGTERM, or for so many seconds (0 = for ever). `commands`: the Unix socket."""
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, self._ended.set)
        async with contextlib.AsyncExitStack() as stack:
            server = await stack.enter_async_context(
                serve_websockets(
                    self._take,
                    "127.0.0.1",
                    port,
                    subprotocols=[Subprotocol("ocpp1.6")],
                    compression=None,
                    max_size=LARGEST_MESSAGE,
                    close_timeout=CLOSE_S,
                )
            )
            if commands is not None:
                await stack.enter_async_context(await listen(commands, self.obey))
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
        if commands is not None:
            commands.unlink(missing_ok=True)

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
        if not _has_prompt():
            return
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        while line := await reader.readline():
            task = asyncio.create_task(self._obey_prompt(line.decode("utf-8", "replace")))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _obey_prompt(self, line: str) -> None:
        try:
            if parse(line)[0] == "help":
                print(help_text(), flush=True)
            else:
                await self.obey(line)
        except NotUnderstood as error:
            self.tell("-", str(error))

    async def obey(self, line: str) -> Sequence[Outcome]:
        """Does it, tells it, and returns what came of it at every station. Raises NotUnderstood."""
        name, words, request = parse(line)
        if name in LOCAL:
            return [await self._obey_here(name, words)]
        if request is None:
            return []
        if not self._stations:
            return [self._done("no station is connected; it tries again by itself", ExitCode.NOT_RUNNING)]
        return await asyncio.gather(
            *(self._send(identity, station, name, request) for identity, station in self._stations.items())
        )

    async def _send(self, identity: str, station: DemoStation, name: str, request: object) -> Outcome:
        try:
            answer = await station.call(request, suppress=False)
        except OCPPError as error:
            text, code = f"{type(error).__name__} {error}", ExitCode.REFUSED
        except (TimeoutError, ConnectionClosed) as error:
            text, code = f"no answer ({type(error).__name__})", ExitCode.FAILED
        else:
            text, code = words_of(answer), ExitCode.REFUSED if is_refusal(answer) else ExitCode.OK
        self.tell(identity, f"{name}: {text}")
        return Outcome(f"{identity} {name}: {text}", code)

    async def _obey_here(self, name: str, words: list[str]) -> Outcome:
        if name == "help":
            return Outcome(help_text())
        if name == "quit":
            self._ended.set()
            return self._done("the backend ends")
        if name == "drop":
            for connection in list(self._connections.values()):
                await connection.close(1001)
            return self._done("the connection is closed; the station comes back by itself")
        if name == "silent":
            try:
                seconds = float(words[0]) if words else SILENT_S
            except ValueError:
                raise NotUnderstood("usage: silent [SECONDS]") from None
            self._silent_until_s = asyncio.get_running_loop().time() + seconds
            return self._done(f"silent for {seconds:g} s")
        if not words:
            raise NotUnderstood(f"usage: {LOCAL[name][0]}")
        (self._ledger.blocked.add if name == "block" else self._ledger.blocked.discard)(words[0])
        return self._done(f"{words[0]}: {'Blocked' if name == 'block' else 'Accepted'} from now on")

    def _done(self, text: str, code: ExitCode = ExitCode.OK) -> Outcome:
        self.tell("-", text)
        return Outcome(text, code)


def _has_prompt() -> bool:
    """Nothing can be typed into a file or /dev/null: the backend only shows then."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, ValueError, OSError):
        return False
    return sys.stdin.isatty() or stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


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

    async def live() -> None:
        backend = Backend()
        await backend.serve(arguments.port, arguments.port_file, arguments.seconds, arguments.socket)

    try:
        asyncio.run(live())
    except OSError as error:
        raise Failure(f"cannot listen on port {arguments.port}: {error.strerror}. Choose another --port") from error
    return int(ExitCode.OK)
