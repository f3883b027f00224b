"""A simulated microcontroller: the other end of `docs/mcu-protocol.md`, on the simulated site's electrics.

It is written from the page for firmware authors and shows its rules in a few lines; time comes in, bytes come in and go
out. Whoever runs it calls `turn` at least every 5 ms.
"""

import contextlib
import math
from collections.abc import Callable

from hardware.interfaces import ConnectorBoard, LockDrive, PilotMode, SafetyBoard
from hardware.mcu import messages
from hardware.mcu.frame import VERSION, Frame, FrameReader
from hardware.mcu.link import Incoming, Outgoing, microseconds
from hardware.mcu.messages import (
    ConnectorReading,
    Drive,
    DriveConnector,
    Hello,
    Identity,
    IdentityConnector,
    Kind,
    State,
    Status,
)
from hardware.outlet import OUTPUT
from hardware.sim.mcu_sample import Fitted, connector_reading, identity, station_reading

FEED_HOLDS_S = 0.120
"""Between 100 and 150 ms after the last feed every coil is off."""
HOST_GONE_S = 1.0
IDENTITY_EVERY_S = 1.0
STRANGER_S = 0.25
"""So soon it tells a computer that drives without a hello who it is."""
STATUS_EVERY_S = 0.1
STATUS_CLOSED_S = 0.02
STATION_EVERY_S = 0.2
PILOTS = {messages.X1: PilotMode.X1, messages.PWM: PilotMode.PWM, messages.F: PilotMode.F}
LOCKS = {messages.STOP: LockDrive.STOP, messages.LOCK: LockDrive.LOCK, messages.UNLOCK: LockDrive.UNLOCK}
PHASES = {1: 1, 2: 3}
SAFE = DriveConnector()


class _Connector:
    def __init__(self, board: ConnectorBoard, fitted: Fitted) -> None:
        self.board, self.fitted = board, fitted
        self.driven = SAFE
        self.energised = False
        self.tripped = False
        """Its hardware has opened the coil (rule 5); a 0 ends it."""
        self.stuck = False
        """A broken driver of the coil: it conducts whatever is commanded."""
        self.sent: tuple[object, ...] = ()
        self.due_s = 0.0

    def drive(self, driven: DriveConnector, fed: bool) -> None:
        """A coil is energised by the edge of its command while the feed lasts."""
        if not driven.coil:
            self.energised = self.tripped = False
        elif not self.driven.coil:
            self.energised = fed
        self.driven = driven
        self.apply()

    def apply(self) -> None:
        board, driven = self.board, self.driven
        board.contactor.command(self.energised or self.stuck)
        board.pilot.drive(PILOTS[driven.pilot], driven.duty / messages.DUTY_STEPS)
        if board.lock is not None:
            board.lock.drive(LOCKS[driven.lock])
        if board.residual is not None:
            board.residual.test(bool(driven.residual_test))
        if driven.phases and self.fitted.phase_relay:
            board.contactor.select_phases(PHASES[driven.phases])


class SimulatedMcu:
    """`clock_rate`: how fast its crystal runs; `start_us`: where its counter begins (it wraps after 71 minutes)."""

    def __init__(
        self,
        board: SafetyBoard,
        write: Callable[[bytes], None],
        *,
        now_s: float,
        fitted: dict[int, Fitted] | None = None,
        clock_rate: float = 1.0,
        start_us: int = 0,
        boot_id: int = 1,
    ) -> None:
        self._board, self._write = board, write
        of_each = {number: (fitted or {}).get(number, Fitted()) for number in board.connectors}
        self._connectors = {
            number: _Connector(board.connectors[number], each) for number, each in of_each.items() if not each.outlet
        }
        self._outlet = False
        """The relay of the domestic socket is energised."""
        self._begun_s, self._rate, self._start_us = now_s, clock_rate, start_us
        self.boot_id = boot_id
        self._frames, self._incoming, self.outgoing = FrameReader(), Incoming(), Outgoing()
        self.run_id = 0
        self.self_test = 0
        self.state = State.READY
        self._echo: tuple[int, float] | None = None
        """`host_us` of the last frame taken, and when it came."""
        self._fed_s = float("-inf")
        self._outputs = 0
        self._identity_s = self._status_s = self._station_s = float("-inf")
        self._station_sent: tuple[object, ...] = ()
        self.stubborn = False
        """It takes frames and does nothing of what they say, as a firmware that hangs halfway."""
        self._make_safe(SAFE._replace(pilot=messages.F))

    @property
    def energised(self) -> list[int]:
        return [number for number, each in self._connectors.items() if each.energised or each.stuck]

    def trip(self, connector: int) -> None:
        """Its hardware has seen a fault."""
        each = self._connectors[connector]
        each.energised, each.tripped = False, True
        each.apply()

    def short_driver(self, connector: int, shorted: bool) -> None:
        """The transistor of a coil conducts by itself."""
        self._connectors[connector].stuck = shorted
        self._connectors[connector].apply()

    # -- what arrives -----------------------------------------------------------

    def receive(self, data: bytes, now_s: float) -> None:
        for frame in self._frames.take(data):
            if frame.version == VERSION:
                self._hear(frame, now_s)

    def _hear(self, frame: Frame, now_s: float) -> None:
        """Every whole frame counts in the sequence; only a message that is understood is taken."""
        try:
            hello = messages.unpacked(Hello, frame.payload) if frame.kind == Kind.HELLO else None
        except messages.BadMessage:
            hello = None
        if hello is not None and hello.run_id != self.run_id:
            self.run_id = hello.run_id
            self._incoming.restart()
            self._make_safe(SAFE)
        if not self._incoming.counts(frame.sequence, now_s):
            return
        if hello is not None:
            self._taken(hello.host_us, now_s)
            self._identity_s = float("-inf")
        elif frame.kind == Kind.DRIVE and not self.run_id:
            self._identity_s = min(self._identity_s, now_s - IDENTITY_EVERY_S + STRANGER_S)
        elif frame.kind == Kind.DRIVE:
            with contextlib.suppress(messages.BadMessage):
                self._hear_drive(*messages.unpacked_parts(Drive, DriveConnector, frame.payload), now_s)

    def _taken(self, host_us: int, now_s: float) -> None:
        self._echo = (host_us, now_s)
        self._incoming.taken_s = now_s

    def _hear_drive(self, drive: Drive, parts: tuple[DriveConnector, ...], now_s: float) -> None:
        if len(parts) != len(self._connectors) or any(_impossible(part) for part in parts):
            raise messages.BadMessage("impossible")
        self._taken(drive.host_us, now_s)
        if self.stubborn:
            return
        if drive.flags & messages.FEED:
            self._fed_s = now_s
        fed = now_s - self._fed_s <= FEED_HOLDS_S
        for each, part in zip(self._connectors.values(), parts, strict=True):
            each.drive(part, fed and self.state is not State.BROKEN)
        self._drive_outputs(drive.outputs, fed and self.state is not State.BROKEN)
        self._send_out(now_s)

    def _drive_outputs(self, bits: int, fed: bool) -> None:
        """The relay of a domestic socket is energised by the edge of its bit, as a coil is."""
        if not bits & messages.OUTLET:
            self._outlet = False
        elif not self._outputs & messages.OUTLET:
            self._outlet = fed
        self._outputs = bits
        self._apply_outputs()

    def _apply_outputs(self) -> None:
        for bit, name in enumerate(messages.OUTPUTS):
            if (output := self._board.outputs.get(name)) is not None:
                output.drive(bool(self._outputs >> bit & 1) or (name == OUTPUT and self._outlet))

    def _send_out(self, now_s: float) -> None:
        if self.energised or self._outlet:
            self._board.feed.feed(now_s)
        self._board.flush()

    def _make_safe(self, driven: DriveConnector) -> None:
        """Coils and outputs off; the lock stays where it is."""
        for each in self._connectors.values():
            each.drive(driven, fed=False)
        self._drive_outputs(0, fed=False)
        self._board.flush()

    def _let_go(self) -> None:
        """Rule 6. A coil command stays as it was: to be energised again it needs a 0 and a 1."""
        for each in self._connectors.values():
            each.energised = False
            each.driven = SAFE._replace(pilot=messages.F, coil=each.driven.coil)
            each.apply()
        self._outlet = False
        self._outputs &= messages.OUTLET
        self._apply_outputs()
        self._board.flush()

    # -- what happens by itself ---------------------------------------------------

    def turn(self, now_s: float) -> None:
        """Rules first, then what is due to be sent."""
        self._board.receive()
        if self._board.trouble:
            return
        self._supervise(now_s)
        self._send_out(now_s)
        self._say(now_s)

    def _supervise(self, now_s: float) -> None:
        if (self.energised or self._outlet) and (now_s - self._fed_s > FEED_HOLDS_S or self.state is State.BROKEN):
            for each in self._connectors.values():
                each.energised = False
                each.apply()
            self._outlet = False
            self._apply_outputs()
        if self.state is State.BROKEN:
            return
        taken_s = self._incoming.taken_s if self._incoming.taken_s is not None else self._begun_s
        if now_s - taken_s > HOST_GONE_S:
            if self.state is not State.NO_HOST:
                self._let_go()
            self.state = State.NO_HOST
        else:
            unfed = any(
                each.driven.coil and not each.energised and not each.tripped for each in self._connectors.values()
            )
            unfed = unfed or (bool(self._outputs & messages.OUTLET) and not self._outlet)
            self.state = State.NO_FEED if unfed else State.READY

    # -- what is sent ---------------------------------------------------------------

    def _say(self, now_s: float) -> None:
        if now_s - self._identity_s >= IDENTITY_EVERY_S:
            self._identity_s = now_s
            self._send(Kind.IDENTITY, messages.packed(*self._identity()))
        if now_s - self._status_s >= (STATUS_CLOSED_S if self.energised else STATUS_EVERY_S):
            self._status_s = now_s
            self._send(Kind.STATUS, messages.packed(self._status(now_s)))
        for number, each in self._connectors.items():
            reading = connector_reading(self._board, number, each.driven, now_s, self.us)
            changed = _without_stamps(reading)
            if changed != each.sent or now_s >= each.due_s:
                each.sent, each.due_s = changed, now_s + each.driven.sample_ms / 1000.0
                self._send(Kind.CONNECTOR, messages.packed(reading))
        station, parts = station_reading(self._board, self._connectors, now_s, self.us)
        changed = (station.inputs_valid, station.inputs, station.outputs)
        if changed != self._station_sent or now_s - self._station_s >= STATION_EVERY_S:
            self._station_s, self._station_sent = now_s, changed
            self._send(Kind.STATION, messages.packed(station, parts))

    def _send(self, kind: Kind, payload: bytes) -> None:
        self._write(self.outgoing.frame(kind, payload))

    def us(self, at_s: float) -> int:
        """Its counter at a moment of boot time."""
        return (self._start_us + microseconds((at_s - self._begun_s) * self._rate)) & 0xFFFFFFFF

    def _identity(self) -> tuple[Identity, tuple[IdentityConnector, ...]]:
        fitted = {number: each.fitted for number, each in self._connectors.items()}
        return identity(self._board, fitted, self.run_id, self.boot_id, self.self_test)

    def _status(self, now_s: float) -> Status:
        echo_us, came_s = self._echo or (0, math.nan)
        age = messages.NEVER if self._echo is None else min(messages.NEVER - 1, self._passed_us(now_s - came_s))
        coils = sum(1 << (number - 1) for number in self.energised)
        fed_ms = min(0xFFFF, int(min(1e6, now_s - self._fed_s) * 1000.0))
        counters = (self._frames.damaged, self._incoming.lost, self._incoming.repeated)
        return Status(self.us(now_s), echo_us, age, self.state, 0, coils, fed_ms, *counters, int(now_s - self._begun_s))

    def _passed_us(self, passed_s: float) -> int:
        return int(max(0.0, passed_s) * self._rate * 1e6)


def _impossible(part: DriveConnector) -> bool:
    return (
        part.pilot not in PILOTS
        or part.lock not in LOCKS
        or part.duty > messages.DUTY_STEPS
        or part.phases not in (0, 1, 2)
        or part.coil > 1
        or part.residual_test > 1
    )


def _without_stamps(reading: ConnectorReading) -> tuple[object, ...]:
    """What makes a change worth sending at once."""
    quiet = {
        "pilot_us",
        "switches_us",
        "proximity_us",
        "residual_us",
        "voltages_us",
        "l1_100mv",
        "l2_100mv",
        "l3_100mv",
    }
    return tuple(value for name, value in zip(reading._fields, reading, strict=True) if name not in quiet)
