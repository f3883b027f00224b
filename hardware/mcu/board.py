"""A board whose microcontroller owns pilot and contactor, as `safety` sees it."""

import logging
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from hardware.coil import FreshFeed
from hardware.interfaces import ConnectorBoard, DigitalInput, DigitalOutput, Tachometer, TemperatureSensor
from hardware.linux.clock import boot_s
from hardware.linux.sysfs import Sysfs
from hardware.linux.watchdog import Watchdog
from hardware.mcu import messages, report
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
from hardware.mcu.parts import McuConnector, StampOf
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
SILENT_WITH_COIL_S = 0.05
"""So long a reading of the pilot counts while a vehicle charges; frames come every 20 ms then."""

Vector = tuple[int, tuple[DriveConnector, ...]]
"""What a DRIVE says: bits of outputs, and the part of each connector."""

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
        self.restarts = 0
        """Of the microcontroller, that were heard."""
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
        self._told: Vector | None = None
        self._told_s = 0.0
        """When `_told` was sent first."""
        self._sent_s = float("-inf")
        self._hello_s = float("-inf")
        self._coils_on: tuple[frozenset[int], float] = (frozenset(), float("-inf"))
        """Vehicles' connectors whose coil was on in the last vector that had any, and when it was."""

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
        return self._trouble(0)

    def trouble_of(self, connector: int) -> str:
        return self._trouble(connector)

    def report(self) -> list[tuple[str, str]]:
        return report.rows(self.health, self._frames, self._incoming, self.restarts)

    def _trouble(self, connector: int) -> str:
        """0 = of all."""
        if self._port.trouble:
            return self._port.trouble
        troubles = self.health.troubles(
            self._clock(),
            taken_s=self._incoming.taken_s,
            timed_s=self._map.heard_s,
            obeyed=self._obeyed,
            connector=connector,
        )
        return "; ".join(troubles)

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
        self._notice_silence()

    def _notice_reconnect(self) -> None:
        if self._connections != self._port.connections:
            self._connections = self._port.connections
            self._lose("the serial port was opened again")

    def _notice_silence(self) -> None:
        """Of the line, not of this process: what came meanwhile has been taken in."""
        connectors, on_s = self._coils_on
        now_s, taken_s = self._clock(), self._incoming.taken_s
        if connectors and taken_s is not None and taken_s <= on_s and now_s - taken_s > SILENT_WITH_COIL_S:
            self._coils_on = frozenset(), on_s
            words = f"the microcontroller was silent for more than {SILENT_WITH_COIL_S * 1000.0:.0f} ms"
            if self.health.interrupted(connectors, words, now_s):
                logger.warning("%s while a coil was on", words)

    def _lose(self, words: str) -> None:
        """The other end may know nothing of us. `words`: why."""
        logger.warning("%s", words)
        self.health.interrupted(self._on(self._vector()), words, self._clock())
        self._coils_on = frozenset(), float("-inf")
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
        if not self._incoming.counts(frame.sequence, now_s):
            return
        self.health.other_version = 0
        try:
            taken = self._understand(frame, now_s)
        except BadMessage as error:
            self.health.not_understood(frame.kind, str(error))
            return
        if taken:
            self._incoming.taken_s = now_s
            self.health.understood(frame.kind)

    def _understand(self, frame: Frame, now_s: float) -> bool:
        """False = of a kind that we do not know: of a later release, and ignored. Raises BadMessage."""
        if frame.kind == Kind.IDENTITY:
            self._hear_identity(*unpacked_parts(Identity, IdentityConnector, frame.payload))
        elif frame.kind == Kind.STATUS:
            self._hear_status(unpacked(Status, frame.payload), now_s)
        elif frame.kind == Kind.CONNECTOR:
            self._hear_connector(unpacked(ConnectorReading, frame.payload), now_s)
        elif frame.kind == Kind.STATION:
            self._hear_station(*unpacked_parts(StationReading, StationConnector, frame.payload), now_s)
        else:
            return False
        return True

    def _hear_identity(self, identity: Identity, connectors: tuple[IdentityConnector, ...]) -> None:
        if self._boot_id is not None and self._boot_id != identity.boot_id:
            self.restarts += 1
            self._lose("the microcontroller began anew")
        elif self._obeyed and identity.run_id != self._run_id:
            self._lose("the microcontroller has forgotten us")
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
        for number, each in self._connectors.items():
            each.is_energised = bool(status.coils >> (number - 1) & 1)
        if self._told is not None:
            on = self._on(self._told)
            driven = {number: number in on for number in self.connectors}
            self.health.following.compare_coils(driven, self._station.outlet, status, now_s)
        if status.echo_age_us == messages.NEVER:
            return
        sent_ago_s = ago_s(status.echo_us, microseconds(now_s))
        if 0.0 <= sent_ago_s <= ECHO_OLDEST_S:
            self._map.hear(status.mcu_us, now_s - sent_ago_s, status.echo_age_us / 1e6, now_s)

    def _hear_connector(self, read: ConnectorReading, now_s: float) -> None:
        connector = self._connectors.get(read.number)
        if connector is None or not self._map.knows(now_s):
            return
        stamp = self._stamp_of(messages.stamps_of_connector(read), now_s)
        connector.take(read, stamp)
        self._panel.take_connector(read, stamp)
        if self._told is not None:
            self.health.following.compare(self._told[1][read.number - 1], now_s - self._told_s, read)

    def _hear_station(self, read: StationReading, parts: tuple[StationConnector, ...], now_s: float) -> None:
        if self._map.knows(now_s):
            self._panel.take_station(read, parts, self._stamp_of(messages.stamps_of_station(read, parts), now_s))

    def _stamp_of(self, counters: Iterable[int], now_s: float) -> StampOf:
        """Raises BadMessage when one of these stamps, which count, is far away."""
        if any(self._map.boot_s(each, now_s) == 0.0 for each in counters):
            raise BadMessage("a stamp is more than a minute old, or of the future")
        return lambda mcu_us: self._map.boot_s(mcu_us, now_s)

    def _vector(self) -> Vector:
        return self._panel.output_bits(), tuple(each.driven() for each in self._connectors.values())

    def _on(self, vector: Vector) -> frozenset[int]:
        """Connectors whose coil is driven on."""
        coils = {number for number, part in zip(self._connectors, vector[1], strict=True) if part.coil}
        return frozenset(coils | (set(self._outlets) if vector[0] & messages.OUTLET else set()))

    def flush(self) -> None:
        """The whole vector when something has changed, with every feed, and at least every 100 ms."""
        self._panel.slow.start()
        now_s = self._clock()
        feed = self._feed.take(now_s)
        if not self._obeyed:
            self._say_hello(now_s)
            return
        vector = self._vector()
        if vehicles := self._on(vector) & self._connectors.keys():
            self._coils_on = vehicles, now_s
        again_s = DRIVE_EVERY_S if self.health.following.is_confirmed else REPEAT_S
        if vector == self._told and not feed and now_s - self._sent_s < again_s:
            return
        head = Drive(microseconds(now_s), messages.FEED if feed else 0, vector[0], len(vector[1]))
        if self._port.write(self._outgoing.frame(Kind.DRIVE, packed(head, vector[1]))):
            if vector != self._told:
                self._told, self._told_s = vector, now_s
                self.health.following.command_changed()
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
