"""A board whose microcontroller owns pilot and contactor, as `safety` sees it."""

import logging
import secrets
from collections.abc import Callable, Mapping
from typing import Protocol

from hardware.coil import FreshFeed
from hardware.interfaces import ConnectorBoard, DigitalInput, DigitalOutput, Tachometer, TemperatureSensor
from hardware.linux.clock import boot_s
from hardware.linux.sysfs import Sysfs
from hardware.linux.watchdog import Watchdog
from hardware.mcu import messages
from hardware.mcu.fitted import vehicle_connectors
from hardware.mcu.frame import VERSION, Frame, FrameReader
from hardware.mcu.health import Health
from hardware.mcu.link import ClockMap, Incoming, Outgoing, ago_s, microseconds
from hardware.mcu.messages import (
    BadMessage,
    ConnectorReading,
    Drive,
    DriveConnector,
    Hello,
    Identity,
    IdentityConnector,
    Kind,
    StationConnector,
    StationReading,
    Status,
    packed,
    unpacked,
    unpacked_parts,
)
from hardware.mcu.panel import McuPanel
from hardware.mcu.parts import McuConnector
from hardware.mcu.port import SerialPort
from hardware.outlet import OutletConnector
from schemas.station import Station

HELLO_EVERY_S = 0.25
REPEAT_S = 0.02
"""What the microcontroller has not repeated yet is sent again: a lost frame costs no more than this."""
DRIVE_EVERY_S = 0.1
"""At least: the microcontroller takes a second without a frame for a dead host."""
MOST_READS = 16
"""Of 4 KB each, at one turn."""
ECHO_OLDEST_S = 60.0


logger = logging.getLogger(__name__)


class Port(Protocol):
    """`SerialPort`, or a test's."""

    connections: int
    trouble: str

    def fileno(self) -> int: ...
    def read(self) -> bytes: ...
    def write(self, data: bytes) -> bool: ...
    def close(self) -> None: ...


class McuSafetyBoard:
    """Without the microcontroller the readings stay as they were, with their old time stamps.

    After it, the port or this process has begun anew, a coil is energised only by an "off" and an "on".
    """

    def __init__(
        self,
        station: Station,
        *,
        port: Port | None = None,
        clock: Callable[[], float] = boot_s,
        sysfs: Sysfs | None = None,
    ) -> None:
        if station.mcu is None:
            raise ValueError("the station file has no section [mcu]")
        self._station = station
        self._clock = clock
        self._path = station.mcu.port
        self._port = port or SerialPort(station.mcu.port, station.mcu.baud, clock)
        self._connectors = {
            number: McuConnector(
                proximity=section.cable == "socket",
                lock=section.has_lock,
                residual=section.residual_current != "none",
                output_sense=section.output_sense,
            )
            for number, section in vehicle_connectors(station).items()
        }
        self._outlets = {} if station.outlet is None else {station.outlet: OutletConnector()}
        self._panel = McuPanel(station, sysfs or Sysfs(), clock)
        linux = station.linux
        self._watchdog = Watchdog(linux.watchdog, linux.watchdog_s) if linux.watchdog is not None else None
        self._feed = FreshFeed()
        self.flushed_s = 0.0
        self._begin_link()

    def _begin_link(self) -> None:
        now_s = self._clock()
        self._run_id = secrets.randbits(31) + 1
        self._frames = FrameReader()
        self._incoming, self._outgoing, self._map = Incoming(), Outgoing(), ClockMap()
        self._connections = self._port.connections
        self.health = Health(self._station, self._path, now_s)
        self._obeyed = False
        self._boot_id: int | None = None
        self._told: tuple[int, tuple[DriveConnector, ...]] | None = None
        self._told_s = 0.0
        """When `_told` was sent first."""
        self._sent_s = float("-inf")
        self._hello_s = float("-inf")
        self.bad_messages = 0

    @property
    def connectors(self) -> Mapping[int, ConnectorBoard]:
        return {**self._connectors, **self._outlets}

    @property
    def inputs(self) -> Mapping[str, DigitalInput]:
        return self._panel.inputs

    @property
    def outputs(self) -> Mapping[str, DigitalOutput]:
        return self._panel.outputs

    @property
    def temperatures(self) -> Mapping[str, TemperatureSensor]:
        return self._panel.temperatures

    @property
    def tachometers(self) -> Mapping[str, Tachometer]:
        return self._panel.tachometers

    @property
    def feed(self) -> FreshFeed:
        return self._feed

    @property
    def trouble(self) -> str:
        if self._port.trouble:
            return self._port.trouble
        shared = self.health.troubles(self._clock(), self._incoming.accepted_s, self._obeyed)
        return "; ".join([*shared, *self.health.not_followed()])

    def trouble_of(self, connector: int) -> str:
        if self._port.trouble:
            return self._port.trouble
        shared = self.health.troubles(self._clock(), self._incoming.accepted_s, self._obeyed)
        return "; ".join([*shared, *self.health.not_followed(connector)])

    def fileno(self) -> int:
        return self._port.fileno()

    def receive(self) -> None:
        self._panel.slow.start()
        for _ in range(MOST_READS):
            data = self._port.read()
            self._notice_reconnect()
            if not data:
                break
            for frame in self._frames.take(data):
                self._hear(frame, self._clock())

    def _notice_reconnect(self) -> None:
        if self._connections != self._port.connections:
            self._connections = self._port.connections
            self._lose()

    def _lose(self) -> None:
        """The other end may know nothing of us."""
        self.health.begin(self._clock())
        self._obeyed, self._told = False, None
        self._hello_s = float("-inf")
        self._map.forget()
        self._incoming.restart()
        for each in self._connectors.values():
            each.lost()
        self._panel.lost()

    def _hear(self, frame: Frame, now_s: float) -> None:
        if frame.version != VERSION:
            self.health.other_version = frame.version
            return
        if not self._incoming.accept(frame.sequence, now_s):
            return
        self.health.other_version = 0
        try:
            self._understand(frame, now_s)
        except BadMessage:
            self.bad_messages += 1

    def _understand(self, frame: Frame, now_s: float) -> None:
        """Raises BadMessage. A kind that we do not know is of a later release and ignored."""
        if frame.kind == Kind.IDENTITY:
            self._hear_identity(*unpacked_parts(Identity, IdentityConnector, frame.payload))
        elif frame.kind == Kind.STATUS:
            self._hear_status(unpacked(Status, frame.payload), now_s)
        elif frame.kind == Kind.CONNECTOR and self._map.known:
            self._hear_connector(unpacked(ConnectorReading, frame.payload), now_s)
        elif frame.kind == Kind.STATION and self._map.known:
            read, parts = unpacked_parts(StationReading, StationConnector, frame.payload)
            self._panel.take_station(read, parts, lambda mcu_us: self._map.boot_s(mcu_us, now_s))

    def _hear_identity(self, identity: Identity, connectors: tuple[IdentityConnector, ...]) -> None:
        if self._boot_id is not None and self._boot_id != identity.boot_id:
            logger.warning("the microcontroller began anew (reset reason %d)", self.health.reset_reason)
            self._lose()
        if self._boot_id != identity.boot_id:
            names = messages.text(identity.firmware), messages.text(identity.board)
            logger.info("microcontroller on %s: firmware %s, board %s", self._path, *names)
        self._boot_id = identity.boot_id
        self._obeyed = identity.run_id == self._run_id
        self.health.take_identity(identity, connectors)
        for number, part in enumerate(connectors, 1):
            own = self._connectors.get(number)
            if own is not None and own.residual is not None:
                own.residual.firmware = messages.text(part.residual_version)

    def _hear_status(self, status: Status, now_s: float) -> None:
        self.health.status = status
        if status.echo_age_us == messages.NEVER:
            return
        sent_ago_s = ago_s(status.echo_us, microseconds(now_s))
        if 0.0 <= sent_ago_s <= ECHO_OLDEST_S:
            self._map.hear(status.mcu_us, now_s - sent_ago_s, status.echo_age_us / 1e6, now_s)

    def _hear_connector(self, read: ConnectorReading, now_s: float) -> None:
        connector = self._connectors.get(read.number)
        if connector is None:
            return

        def stamp(mcu_us: int) -> float:
            return self._map.boot_s(mcu_us, now_s)

        connector.take(read, stamp)
        self._panel.take_connector(read, stamp)
        if self._told is not None:
            self.health.compare(self._told[1][read.number - 1], now_s - self._told_s, read)

    def flush(self) -> None:
        """The whole vector when something has changed, with every feed, and at least every 100 ms."""
        self._panel.slow.start()
        now_s = self._clock()
        feed = self._feed.take(now_s)
        if not self._obeyed:
            self._say_hello(now_s)
            return
        vector = (self._panel.output_bits(), tuple(each.driven() for each in self._connectors.values()))
        again_s = DRIVE_EVERY_S if self.health.is_confirmed else REPEAT_S
        if vector == self._told and not feed and now_s - self._sent_s < again_s:
            return
        head = Drive(microseconds(now_s), messages.FEED if feed else 0, vector[0], len(vector[1]))
        if self._port.write(self._outgoing.frame(Kind.DRIVE, packed(head, vector[1]))):
            if vector != self._told:
                self._told, self._told_s = vector, now_s
                self.health.command_changed()
            self._sent_s = now_s
            self.flushed_s = self._clock()
        if self._watchdog is not None and not self.trouble:
            self._watchdog.kick(now_s)

    def _say_hello(self, now_s: float) -> None:
        if now_s - self._hello_s >= HELLO_EVERY_S:
            self._hello_s = now_s
            self._port.write(self._outgoing.frame(Kind.HELLO, packed(Hello(self._run_id, microseconds(now_s)))))

    def close(self) -> None:
        self._panel.slow.close()
        self._port.close()
        if self._watchdog is not None:
            self._watchdog.close()
