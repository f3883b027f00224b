"""The wire to one meter over Modbus TCP: every use of pymodbus in this service is in this file.

pymodbus blocks, so each meter has one worker thread of its own; the loop only ever looks whether the answer has come.
It is imported by the worker, at its first question: that keeps 60 ms out of the start.
"""

import contextlib
import json
import logging
import os
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING

from bus.clock import Clock
from hardware.interfaces import RegisterAnswer, RegisterRead
from services.metering.addresses import Address

if TYPE_CHECKING:
    from pymodbus.client import ModbusTcpClient

EXCHANGE_S = 1.0
"""Time for one read, and for connecting."""
LARGEST_BACKLOG = 1024
"""Bytes a meter may send for one read (an answer has at most 260): more is noise."""
LARGEST_PORTS_FILE = 16 * 1024

FindAddress = Callable[[], Address | None]
"""Asked again before every connection; None = nobody listens yet."""


class LinkBroken(Exception):
    """Nothing that still comes on this connection can be trusted; the text says why."""


class RefusedByMeter(Exception):
    """The meter answered in time, with a Modbus exception; the connection is sound."""


class ModbusLink:
    """A `MeterLink`. After any failure the connection is closed, so that a late answer has nowhere to arrive."""

    def __init__(self, find_address: FindAddress, clock: Clock, exchange_s: float = EXCHANGE_S) -> None:
        self._find_address = find_address
        self._clock = clock
        self._exchange_s = exchange_s
        self._questions: SimpleQueue[tuple[RegisterRead, ...] | None] = SimpleQueue()
        self._answers: SimpleQueue[RegisterAnswer] = SimpleQueue()
        self._asked_s: float | None = None
        self._wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._worker: threading.Thread | None = None
        self._wire = _Wire(find_address, exchange_s)

    def fileno(self) -> int:
        return self._wake

    def receive(self) -> None:
        if self._wake >= 0:
            with contextlib.suppress(BlockingIOError):
                os.eventfd_read(self._wake)

    def ask(self, reads: Sequence[RegisterRead]) -> bool:
        if self._wake < 0 or self._asked_s is not None:
            return False
        if self._worker is None:
            self._worker = threading.Thread(target=self._work, name="modbus", daemon=True)
            self._worker.start()
        self._asked_s = self._clock.now().boot_s
        self._questions.put(tuple(reads))
        return True

    def answer(self) -> RegisterAnswer | None:
        if self._asked_s is None:
            return None
        ended = self._worker is None or not self._worker.is_alive()
        if not self._answers.empty():
            self._asked_s = None
            return self._answers.get()
        if not ended:
            return None
        asked_s, self._asked_s, self._worker = self._asked_s, None, None
        self._wire = _Wire(self._find_address, self._exchange_s)
        return RegisterAnswer(asked_s, self._clock.now().boot_s, (), "the link's worker ended; a new one begins")

    def close(self, wait_s: float = 3.0) -> None:
        """Ends the worker; an exchange under way may take until its time-out."""
        if self._worker is not None:
            self._questions.put(None)
            self._worker.join(wait_s)
        if self._wake >= 0 and (self._worker is None or not self._worker.is_alive()):
            os.close(self._wake)
        self._wake = -1

    def _work(self) -> None:
        wake = self._wake
        while (reads := self._questions.get()) is not None:
            asked_s = self._clock.now().boot_s
            words: tuple[tuple[int, ...], ...] = ()
            error = ""
            try:
                words = tuple(self._wire.exchange(read) for read in reads)
            except (RefusedByMeter, LinkBroken) as problem:
                error = str(problem)
            self._answers.put(RegisterAnswer(asked_s, self._clock.now().boot_s, words, error))
            os.eventfd_write(wake, 1)
        self._wire.close()


class _Wire:
    """The blocking side, used by the worker only."""

    def __init__(self, find_address: FindAddress, exchange_s: float) -> None:
        self._find_address = find_address
        self._exchange_s = exchange_s
        self._client: ModbusTcpClient | None = None
        self._unit = 1
        self._last_transaction = 0
        """Counts on over reconnects: an answer to a question of the connection before never fits."""

    def exchange(self, read: RegisterRead) -> tuple[int, ...]:
        """One read. Raises RefusedByMeter, or LinkBroken after closing the connection."""
        from pymodbus.exceptions import ModbusException

        client = self._connect()
        ask = client.read_holding_registers if read.function == 3 else client.read_input_registers
        try:
            response = ask(read.address, count=read.count, device_id=self._unit)
        except (ModbusException, OSError, LinkBroken) as error:
            self.close()
            raise LinkBroken(f"no answer: {error}") from error
        if response.isError():
            raise RefusedByMeter(f"refused to read {read.count} words at {read.address}: {response}")
        if response.function_code != read.function or len(response.registers) != read.count:
            self.close()
            raise LinkBroken(f"asked for {read.count} words, got {len(response.registers)}")
        return tuple(response.registers)

    def close(self) -> None:
        if self._client is not None:
            self._last_transaction = self._client.transaction.next_tid
            self._client.close()  # type: ignore[no-untyped-call]
            self._client = None

    def _connect(self) -> "ModbusTcpClient":
        if self._client is not None and self._client.connected:
            return self._client
        from pymodbus.client import ModbusTcpClient

        logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)
        address = self._find_address()
        if address is None:
            raise LinkBroken("the meter's port is not known yet")
        client = ModbusTcpClient(
            address.host, port=address.port, timeout=self._exchange_s, retries=0, trace_packet=_bounded
        )
        self._unit = address.unit
        if not client.connect():  # type: ignore[no-untyped-call]
            raise LinkBroken(f"cannot connect to {address.host} port {address.port}")
        client.transaction.next_tid = self._last_transaction
        self._client = client
        return client


def _bounded(sending: bool, data: bytes) -> bytes:
    if not sending and len(data) > LARGEST_BACKLOG:
        raise LinkBroken(f"{len(data)} bytes of noise")
    return data


def port_in_use(ports_file: Path) -> int | None:
    """The simulated meters' port from `run/ports.json`; None while the file is missing or unreadable."""
    try:
        with ports_file.open("rb") as file:
            port = json.loads(file.read(LARGEST_PORTS_FILE)).get("world_modbus")
    except (OSError, ValueError, AttributeError, RecursionError):
        return None
    return port if type(port) is int and 1 <= port <= 65535 else None
