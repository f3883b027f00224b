"""A simulated microcontroller: the other end of `docs/mcu-protocol.md`, on the simulated site's electrics.

It is written from the page for firmware authors and shows its rules in a few lines; time comes in, bytes come in and go
out. Whoever runs it calls `turn` at least every 5 ms.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

from hardware.interfaces import ConnectorBoard, LockDrive, PilotMode, SafetyBoard
from hardware.mcu import messages
from hardware.mcu.frame import VERSION, Frame, FrameReader
from hardware.mcu.link import Incoming, Outgoing, microseconds
from hardware.mcu.messages import (
    Ability,
    ConnectorReading,
    Drive,
    DriveConnector,
    Hello,
    Identity,
    IdentityConnector,
    Kind,
    State,
    StationConnector,
    StationReading,
    Status,
    Switch,
    Valid,
)

FEED_HOLDS_S = 0.120
"""Between 100 and 150 ms after the last feed every coil is off."""
HOST_GONE_S = 1.0
IDENTITY_EVERY_S = 1.0
STATUS_EVERY_S = 0.1
STATUS_CLOSED_S = 0.02
STATION_EVERY_S = 0.2
PILOTS = {messages.X1: PilotMode.X1, messages.PWM: PilotMode.PWM, messages.F: PilotMode.F}
LOCKS = {messages.STOP: LockDrive.STOP, messages.LOCK: LockDrive.LOCK, messages.UNLOCK: LockDrive.UNLOCK}
PHASES = {1: 1, 2: 3}
SAFE = DriveConnector()


class Fitted(NamedTuple):
    """What a connector has beyond what its board shows."""

    mirror: bool = True
    phase_relay: bool = False
    lock_feedback: bool = True
    release_energy: bool = False


class _Connector:
    def __init__(self, board: ConnectorBoard, fitted: Fitted) -> None:
        self.board, self.fitted = board, fitted
        self.driven = SAFE
        self.energised = False
        self.sent: tuple[object, ...] = ()
        self.due_s = 0.0

    def drive(self, driven: DriveConnector, fed: bool) -> None:
        """A coil is energised by the edge of its command while the feed lasts."""
        if not driven.coil:
            self.energised = False
        elif not self.driven.coil:
            self.energised = fed
        self.driven = driven
        self.apply()

    def apply(self) -> None:
        board, driven = self.board, self.driven
        board.contactor.command(self.energised)
        board.pilot.drive(PILOTS[driven.pilot], driven.duty / messages.DUTY_STEPS)
        if board.lock is not None:
            board.lock.drive(LOCKS[driven.lock])
        if board.residual is not None:
            board.residual.test(bool(driven.residual_test))
        if driven.phases and self.fitted.phase_relay:
            board.contactor.select_phases(PHASES[driven.phases])

    def abilities(self) -> int:
        board, fitted = self.board, self.fitted
        has = {
            Ability.PROXIMITY: board.proximity is not None,
            Ability.MIRROR: fitted.mirror,
            Ability.LOCK: board.lock is not None,
            Ability.LOCK_FEEDBACK: board.lock is not None and fitted.lock_feedback,
            Ability.RELEASE_ENERGY: board.lock is not None and fitted.release_energy,
            Ability.RESIDUAL: board.residual is not None,
            Ability.OUTPUT_SENSE: board.output_sense is not None,
            Ability.PHASE_RELAY: fitted.phase_relay,
        }
        return sum(ability for ability, is_there in has.items() if is_there)


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
        self._connectors = {
            number: _Connector(each, (fitted or {}).get(number, Fitted())) for number, each in board.connectors.items()
        }
        self._begun_s, self._rate, self._start_us = now_s, clock_rate, start_us
        self.boot_id = boot_id
        self._frames, self._incoming, self._outgoing = FrameReader(), Incoming(), Outgoing()
        self.run_id = 0
        self.self_test = 0
        self.state = State.READY
        self._echo: tuple[int, float] | None = None
        """`host_us` of the last frame taken, and when it came."""
        self._fed_s = float("-inf")
        self._driven_s = now_s
        self._outputs = 0
        self._identity_s = self._status_s = self._station_s = float("-inf")
        self._station_sent: tuple[object, ...] = ()
        self.stubborn = False
        """It takes frames and does nothing of what they say, as a firmware that hangs halfway."""

    @property
    def energised(self) -> list[int]:
        return [number for number, each in self._connectors.items() if each.energised]

    # -- what arrives -----------------------------------------------------------

    def receive(self, data: bytes, now_s: float) -> None:
        for frame in self._frames.take(data):
            if frame.version == VERSION:
                self._hear(frame, now_s)

    def _hear(self, frame: Frame, now_s: float) -> None:
        try:
            if frame.kind == Kind.HELLO:
                self._hear_hello(messages.unpacked(Hello, frame.payload), frame.sequence, now_s)
            elif frame.kind == Kind.DRIVE and self.run_id and self._incoming.accept(frame.sequence, now_s):
                self._hear_drive(*messages.unpacked_parts(Drive, DriveConnector, frame.payload), now_s)
        except messages.BadMessage:
            return

    def _hear_hello(self, hello: Hello, sequence: int, now_s: float) -> None:
        if hello.run_id != self.run_id:
            self.run_id = hello.run_id
            self._incoming.restart()
            self._make_safe(SAFE)
        if self._incoming.accept(sequence, now_s):
            self._echo = (hello.host_us, now_s)
            self._driven_s = now_s
        self._identity_s = float("-inf")

    def _hear_drive(self, drive: Drive, parts: tuple[DriveConnector, ...], now_s: float) -> None:
        if len(parts) != len(self._connectors) or any(_impossible(part) for part in parts):
            raise messages.BadMessage("impossible")
        self._echo, self._driven_s = (drive.host_us, now_s), now_s
        if self.stubborn:
            return
        if drive.flags & messages.FEED:
            self._fed_s = now_s
        fed = now_s - self._fed_s <= FEED_HOLDS_S
        for each, part in zip(self._connectors.values(), parts, strict=True):
            each.drive(part, fed and self.state is not State.BROKEN)
        self._drive_outputs(drive.outputs)
        self._send_out(now_s)

    def _drive_outputs(self, bits: int) -> None:
        self._outputs = bits
        for bit, name in enumerate(messages.OUTPUTS):
            if (output := self._board.outputs.get(name)) is not None:
                output.drive(bool(bits >> bit & 1))

    def _send_out(self, now_s: float) -> None:
        if self.energised:
            self._board.feed.feed(now_s)
        self._board.flush()

    def _make_safe(self, driven: DriveConnector) -> None:
        """Coils and outputs off; the lock stays where it is."""
        for each in self._connectors.values():
            each.drive(driven, fed=False)
        self._drive_outputs(0)
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
        if self.energised and (now_s - self._fed_s > FEED_HOLDS_S or self.state is State.BROKEN):
            for each in self._connectors.values():
                each.energised = False
                each.apply()
        if self.state is State.BROKEN:
            return
        if now_s - self._driven_s > HOST_GONE_S:
            if self.state is not State.NO_HOST:
                self._make_safe(SAFE._replace(pilot=messages.F))
            self.state = State.NO_HOST
        else:
            unfed = any(each.driven.coil and not each.energised for each in self._connectors.values())
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
            reading = self._reading(number, each, now_s)
            changed = _without_stamps(reading)
            if changed != each.sent or now_s >= each.due_s:
                each.sent, each.due_s = changed, now_s + each.driven.sample_ms / 1000.0
                self._send(Kind.CONNECTOR, messages.packed(reading))
        station, parts = self._station(now_s)
        changed = (station.inputs_valid, station.inputs, station.outputs)
        if changed != self._station_sent or now_s - self._station_s >= STATION_EVERY_S:
            self._station_s, self._station_sent = now_s, changed
            self._send(Kind.STATION, messages.packed(station, parts))

    def _send(self, kind: Kind, payload: bytes) -> None:
        self._write(self._outgoing.frame(kind, payload))

    def us(self, at_s: float) -> int:
        """Its counter at a moment of boot time."""
        return (self._start_us + microseconds((at_s - self._begun_s) * self._rate)) & 0xFFFFFFFF

    def _identity(self) -> tuple[Identity, tuple[IdentityConnector, ...]]:
        board = self._board
        parts = []
        for number, each in self._connectors.items():
            suffix = "" if number == 1 else f".{number}"
            version = "" if each.board.residual is None else each.board.residual.version()
            inputs = _mask(messages.CONNECTOR_INPUTS, board.inputs, suffix)
            sensors = _mask(messages.CONNECTOR_TEMPERATURES, board.temperatures, suffix)
            parts.append(IdentityConnector(each.abilities(), inputs, sensors, version.encode("ascii", "replace")[:8]))
        masks = (
            _mask(messages.STATION_INPUTS, board.inputs),
            _mask(messages.OUTPUTS, board.outputs),
            _mask(messages.STATION_TEMPERATURES, board.temperatures),
        )
        head = (self.run_id, self.boot_id, b"simulated 1.0", b"simulated site", self.self_test)
        return Identity(*head, *masks, int("fan" in board.tachometers), len(parts)), tuple(parts)

    def _status(self, now_s: float) -> Status:
        echo_us, came_s = self._echo or (0, math.nan)
        age = messages.NEVER if self._echo is None else min(messages.NEVER - 1, self._passed_us(now_s - came_s))
        coils = sum(1 << (number - 1) for number in self.energised)
        fed_ms = min(0xFFFF, int(min(1e6, now_s - self._fed_s) * 1000.0))
        counters = (self._frames.damaged, self._incoming.lost, self._incoming.repeated)
        return Status(self.us(now_s), echo_us, age, self.state, 0, coils, fed_ms, *counters, int(now_s - self._begun_s))

    def _passed_us(self, passed_s: float) -> int:
        return int(max(0.0, passed_s) * self._rate * 1e6)

    def _reading(self, number: int, each: _Connector, now_s: float) -> ConnectorReading:
        board, driven = each.board, each.driven
        valid, switches = 0, 0
        levels = board.pilot.levels()
        ohm = board.proximity.resistance() if board.proximity is not None else None
        volts = board.output_sense.voltages() if board.output_sense is not None else None
        residual = board.residual.status() if board.residual is not None else None
        lock = board.lock
        feedbacks = (
            (Valid.MIRROR, Switch.MIRROR, board.contactor.mirror()),
            (Valid.LOCK, Switch.LOCKED, lock.feedback() if lock is not None else None),
            (Valid.RELEASE_ENERGY, Switch.RELEASE_CHARGED, lock.release_energy() if lock is not None else None),
            (Valid.PHASE_RELAY, Switch.PHASE_RELAY, board.contactor.phase_relay()),
        )
        for is_valid, is_closed, feedback in feedbacks:
            if feedback is not None:
                valid |= is_valid
                switches |= is_closed if feedback.closed else 0
        for flag, what in ((Valid.PILOT, levels), (Valid.PROXIMITY, ohm), (Valid.VOLTAGES, volts)):
            valid |= flag if what is not None else 0
        if residual is not None:
            valid |= Valid.RESIDUAL
            switches |= Switch.DC_TRIPPED if residual.dc_tripped else 0
            switches |= Switch.RMS_TRIPPED if residual.rms_tripped else 0
            switches |= Switch.RESIDUAL_ERROR if residual.device_error else 0
        suffix = "" if number == 1 else f".{number}"
        l1, l2, l3 = (0, 0, 0) if volts is None else (min(0xFFFF, max(0, round(each_v * 10))) for each_v in volts[:3])
        return ConnectorReading(
            number=number,
            pilot=driven.pilot,
            driven_duty=driven.duty,
            coil=driven.coil,
            lock=driven.lock,
            residual_test=driven.residual_test,
            valid=valid,
            pilot_us=0 if levels is None else self.us(levels.sampled_s),
            high_mv=0 if levels is None else _whole(levels.high_v * 1000.0),
            low_mv=0 if levels is None else _whole(levels.low_v * 1000.0),
            duty=0 if levels is None else round(levels.duty * messages.DUTY_STEPS),
            frequency_hz=0 if levels is None else round(levels.frequency_hz),
            switches_us=self.us(now_s),
            switches=switches,
            proximity_us=0 if ohm is None else self.us(ohm.sampled_s),
            proximity_ohm=0 if ohm is None else _ohm(ohm.ohm),
            residual_us=0 if residual is None else self.us(residual.sampled_s),
            dc_100ua=messages.NOT_FITTED if residual is None else _whole(residual.dc_ma * 10.0),
            rms_100ua=messages.NOT_FITTED if residual is None else _whole(residual.rms_ma * 10.0),
            voltages_us=0 if volts is None else self.us(volts.sampled_s),
            l1_100mv=l1,
            l2_100mv=l2,
            l3_100mv=l3,
            inputs_valid=_read(messages.CONNECTOR_INPUTS, self._board, suffix)[0],
            inputs=_read(messages.CONNECTOR_INPUTS, self._board, suffix)[1],
        )

    def _station(self, now_s: float) -> tuple[StationReading, tuple[StationConnector, ...]]:
        board = self._board
        sensors = {name: each.read() for name, each in board.temperatures.items()}
        stamps = [each.sampled_s for each in sensors.values() if each is not None]
        values = {name: _whole(each.celsius * 10.0) for name, each in sensors.items() if each is not None}
        parts = []
        for number in self._connectors:
            suffix = "" if number == 1 else f".{number}"
            names = [name + suffix for name in messages.CONNECTOR_TEMPERATURES]
            parts.append(StationConnector(*(values.get(name, messages.NOT_FITTED) for name in names)))
        outputs = 0
        for bit, name in enumerate(messages.OUTPUTS):
            read = board.outputs[name].readback() if name in board.outputs else None
            outputs |= int(read is not None and read.closed) << bit
        fan = board.tachometers["fan"].read() if "fan" in board.tachometers else None
        valid, closed = _read(messages.STATION_INPUTS, board, "")
        station = StationReading(
            self.us(now_s),
            valid,
            closed,
            outputs,
            self.us(min(stamps, default=now_s)),
            *(values.get(name, messages.NOT_FITTED) for name in messages.STATION_TEMPERATURES),
            0 if fan is None else self.us(fan.sampled_s),
            messages.NOT_MEASURED if fan is None else min(0xFFFE, round(fan.rpm)),
            len(parts),
        )
        return station, tuple(parts)


def _impossible(part: DriveConnector) -> bool:
    return (
        part.pilot not in PILOTS
        or part.lock not in LOCKS
        or part.duty > messages.DUTY_STEPS
        or part.phases not in (0, 1, 2)
        or part.coil > 1
        or part.residual_test > 1
    )


def _mask(names: tuple[str, ...], there: object, suffix: str = "") -> int:
    return sum(1 << bit for bit, name in enumerate(names) if name + suffix in there)  # type: ignore[operator]


def _read(names: tuple[str, ...], board: SafetyBoard, suffix: str) -> tuple[int, int]:
    """(valid, closed), a bit per name."""
    valid = closed = 0
    for bit, name in enumerate(names):
        source = board.inputs.get(name + suffix)
        state = source.state() if source is not None else None
        if state is not None:
            valid |= 1 << bit
            closed |= int(state.closed) << bit
    return valid, closed


def _whole(value: float) -> int:
    """Within 16 bits; not a number = unreadable."""
    return messages.UNREADABLE if math.isnan(value) else max(-32767, min(messages.NOT_FITTED - 1, round(value)))


def _ohm(ohm: float) -> int:
    return messages.OPEN_OHM if math.isinf(ohm) else min(messages.OPEN_OHM - 1, max(0, round(ohm)))


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
