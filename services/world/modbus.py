"""The meters as a real Modbus TCP server. All use of pymodbus in this service is in here.

It has a thread and an event loop of its own; every question is answered from the site as it is at that moment.
"""

import asyncio
import contextlib
import functools
import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from pymodbus.constants import ExcCodes
from pymodbus.exceptions import ModbusIOException
from pymodbus.pdu import ExceptionResponse
from pymodbus.server import ModbusTcpServer
from pymodbus.server.requesthandler import ServerRequestHandler
from pymodbus.simulator import DataType, SimData, SimDevice

from hardware.sim.site.registers import READ_HOLDING, READ_INPUT, WRITE, ModbusRefusal, spans

HOST = "127.0.0.1"
MOST_CONNECTIONS = 32
MOST_QUESTIONS = 256
"""Unanswered at the same time; more are dropped, as a busy gateway does."""
MOST_UNDERSTOOD = 256
"""Bytes that may arrive at once: 21 questions; less than pymodbus's own buffer."""
STARTS_WITHIN_S = 10.0

logger = logging.getLogger(__name__)


class Behaviour(Protocol):
    """How a meter answers; `hardware.sim.site.meter.Meter` has these."""

    @property
    def silent(self) -> bool: ...
    @property
    def signs(self) -> bool: ...

    late_s: float
    corrupt: bool


Words = Callable[[str, int, int, int], tuple[int, ...]]
"""(meter, function, address, count) -> words; raises ModbusRefusal. Called in the server's thread."""
Write = Callable[[str, int, Sequence[int]], None]
"""(meter, address, words), the same way."""


class _Handler(ServerRequestHandler):
    """One connection. A question keeps its own transaction id, however late its answer is."""

    def callback_connected(self) -> None:
        super().callback_connected()
        self.server.connections += 1
        if self.server.connections > MOST_CONNECTIONS:
            logger.warning("the simulated meters serve at most %d connections", MOST_CONNECTIONS)
            self.close()

    def callback_disconnected(self, exc: Exception | None) -> None:
        self.server.connections -= 1
        super().callback_disconnected(exc)

    def data_received(self, data: bytes) -> None:
        """pymodbus silently forgets what is longer than its buffer, and would read on for ever."""
        if len(self.recv_buffer) + len(data) > MOST_UNDERSTOOD:
            self.close()
        else:
            super().data_received(data)

    def callback_data(self, data: bytes, addr: Any = None) -> int:
        """Take every whole question that has arrived; returns how many bytes are done with."""
        del addr
        used = 0
        while used < len(data):
            try:
                taken, request = self.framer.handleFrame(data[used:], 0, 0)
            except ModbusIOException as error:
                refusal = ExceptionResponse(error.fcode or 0, ExcCodes.ILLEGAL_FUNCTION, error.dev_id or 0)
                refusal.transaction_id = error.transaction_id or 0
                self.send(self.framer.buildFrame(refusal))
                return len(data)
            if not taken:
                break
            used += taken
            if request is not None and len(self.server.tasks) < MOST_QUESTIONS:
                task = self.loop.create_task(self._answer(request))
                self.server.tasks.add(task)
                task.add_done_callback(self.server.tasks.discard)
        return used

    async def _answer(self, request: Any) -> None:
        behaviour: Behaviour | None = self.server.behaviours.get(request.dev_id)
        if behaviour is None:
            response: Any = ExceptionResponse(request.function_code, ExcCodes.GATEWAY_NO_RESPONSE)
        elif behaviour.silent:
            return
        elif request.function_code not in (READ_HOLDING, READ_INPUT, *((WRITE,) if behaviour.signs else ())):
            response = ExceptionResponse(request.function_code, ExcCodes.ILLEGAL_FUNCTION)
        else:
            response = await request.datastore_update(self.server.context, request.dev_id)
            if behaviour.late_s > 0.0:
                await asyncio.sleep(behaviour.late_s)
        response.transaction_id = request.transaction_id
        response.dev_id = request.dev_id
        packet = self.framer.buildFrame(response)
        if behaviour is not None and behaviour.corrupt:
            packet = packet[:7] + bytes(byte ^ 0xA5 for byte in packet[7:])
        self.send(packet)


class _Server(ModbusTcpServer):
    def __init__(self, devices: list[SimDevice], behaviours: Mapping[int, Behaviour], port: int) -> None:
        super().__init__(devices, address=(HOST, port))
        self.behaviours = behaviours
        self.connections = 0
        self.tasks: set[asyncio.Task[None]] = set()

    def callback_new_connection(self) -> _Handler:
        return _Handler(self, self.trace_packet, self.trace_pdu, self.trace_connect)  # type: ignore[no-untyped-call]


def _device(unit: int, meter: str, signs: bool, words: Words, write: Write) -> SimDevice:
    coils = [SimData(0, values=False, datatype=DataType.BITS)]
    inputs, holding = (
        [SimData(first, count=end - first, values=0, datatype=DataType.REGISTERS)] for first, end in spans(signs)
    )

    async def action(
        function: int, start: int, address: int, count: int, registers: list[int], values: Any
    ) -> ExcCodes | None:
        """Put the present words into the block that pymodbus answers from, or take what is written."""
        try:
            if values:
                write(meter, address, values)
            else:
                registers[address - start : address - start + count] = words(meter, function, address, count)
        except ModbusRefusal as refusal:
            return ExcCodes(refusal.code)
        return None

    return SimDevice(unit, simdata=(coils, coils, holding, inputs), action=action)


class MeterServer:
    """Listens when the constructor returns. `ports` are tried in order; 0 = any free one. Raises OSError."""

    def __init__(
        self, meters: Mapping[int, tuple[str, Behaviour]], words: Words, write: Write, ports: tuple[int, ...]
    ) -> None:
        """`meters`: unit id -> (name, behaviour)."""
        # pymodbus would write out in full whatever a stranger sends.
        logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)
        self.port = 0
        self._meters = meters
        self._words = words
        self._write = write
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._end = asyncio.Event()
        self._thread = threading.Thread(
            target=functools.partial(self._run, ports), name="meters", daemon=True
        )  # fmt: skip
        self._thread.start()
        if not self._started.wait(STARTS_WITHIN_S) or not self.port:
            raise OSError(f"the simulated meters cannot listen on {HOST}, ports {ports}: free the port, or set it to 0")

    def _run(self, ports: tuple[int, ...]) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._serve(ports))
        finally:
            self._started.set()
            self._loop.close()

    async def _serve(self, ports: tuple[int, ...]) -> None:
        for port in ports:
            devices = [
                _device(unit, name, behaviour.signs, self._words, self._write)
                for unit, (name, behaviour) in self._meters.items()
            ]
            behaviours = {unit: behaviour for unit, (_, behaviour) in self._meters.items()}
            server = _Server(devices, behaviours, port)
            try:
                await server.serve_forever(background=True)
            except (RuntimeError, OSError):
                continue
            listening: Any = server.transport
            self.port = listening.sockets[0].getsockname()[1]
            self._started.set()
            await self._end.wait()
            for task in list(server.tasks):
                task.cancel()
            await server.shutdown()  # type: ignore[no-untyped-call]
            return

    def close(self) -> None:
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(STARTS_WITHIN_S)
