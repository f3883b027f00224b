"""The abilities of a board whose microcontroller owns pilot and contactor: what is driven, and what was read last."""

import math
from collections.abc import Callable

from hardware.coil import CoilCommand
from hardware.interfaces import (
    Feedback,
    LockDrive,
    PilotLevels,
    PilotMode,
    ResidualCurrent,
    Resistance,
    Voltages,
)
from hardware.latest import LatestOutputSense, LatestProximity
from hardware.mcu import messages
from hardware.mcu.messages import DUTY_STEPS, ConnectorReading, DriveConnector, Switch, Valid

PILOT_CODES = {PilotMode.X1: messages.X1, PilotMode.PWM: messages.PWM, PilotMode.F: messages.F}
LOCK_CODES = {LockDrive.STOP: messages.STOP, LockDrive.LOCK: messages.LOCK, LockDrive.UNLOCK: messages.UNLOCK}
PHASE_CODES = {0: 0, 1: 1, 3: 2}
SAMPLE_MS = (5, 10_000)

StampOf = Callable[[int], float]
"""Boot time of a stamp of the microcontroller."""


class McuPilot:
    def __init__(self) -> None:
        self.latest: PilotLevels | None = None
        self.mode, self.duty, self.sample_ms = PilotMode.X1, 1.0, 200

    def levels(self) -> PilotLevels | None:
        return self.latest

    def drive(self, mode: PilotMode, duty: float) -> None:
        self.mode, self.duty = mode, duty if mode is PilotMode.PWM else 1.0

    def sample_every(self, period_s: float) -> None:
        self.sample_ms = min(SAMPLE_MS[1], max(SAMPLE_MS[0], round(period_s * 1000.0)))


class McuContactor:
    def __init__(self) -> None:
        self.coil = CoilCommand()
        self.mirror_read: Feedback | None = None
        self.relay_read: Feedback | None = None
        self.phases = 0

    def command(self, closed: bool) -> None:
        self.coil.command(closed)

    def mirror(self) -> Feedback | None:
        return self.mirror_read

    def select_phases(self, phases: int) -> None:
        self.phases = phases

    def phase_relay(self) -> Feedback | None:
        return self.relay_read


class McuLock:
    def __init__(self) -> None:
        self.direction = LockDrive.STOP
        self.locked: Feedback | None = None
        self.release: Feedback | None = None

    def drive(self, direction: LockDrive) -> None:
        self.direction = direction

    def feedback(self) -> Feedback | None:
        return self.locked

    def release_energy(self) -> Feedback | None:
        return self.release


class McuResidualCurrent:
    def __init__(self) -> None:
        self.latest: ResidualCurrent | None = None
        self.tests = False
        self.firmware = ""

    def status(self) -> ResidualCurrent | None:
        return self.latest

    def test(self, on: bool) -> None:
        self.tests = on

    def version(self) -> str:
        return self.firmware


class McuOutput:
    def __init__(self) -> None:
        self.on = False
        self.latest: Feedback | None = None

    def drive(self, on: bool) -> None:
        self.on = on

    def readback(self) -> Feedback | None:
        return self.latest


class McuConnector:
    """`proximity`, `lock`, `residual`, `output_sense`: whether they are mounted, as the station file says."""

    def __init__(self, *, proximity: bool, lock: bool, residual: bool, output_sense: bool) -> None:
        self.pilot = McuPilot()
        self.contactor = McuContactor()
        self.proximity = LatestProximity() if proximity else None
        self.lock = McuLock() if lock else None
        self.residual = McuResidualCurrent() if residual else None
        self.output_sense = LatestOutputSense() if output_sense else None
        self.is_energised = False
        """The coil, as the microcontroller said last, whatever is driven."""

    def lost(self) -> None:
        """The other end knows nothing of us: only what is driven from now on counts."""
        self.contactor.coil.lost()
        self.contactor.phases = 0
        self.pilot.mode, self.pilot.duty = PilotMode.X1, 1.0
        if self.lock is not None:
            self.lock.direction = LockDrive.STOP
        if self.residual is not None:
            self.residual.tests = False
        self.is_energised = False

    def driven(self) -> DriveConnector:
        """A plug is not unlocked while the microcontroller says that its coil is on."""
        lock = LockDrive.STOP if self.lock is None else self.lock.direction
        held = lock is LockDrive.UNLOCK and self.is_energised
        return DriveConnector(
            pilot=PILOT_CODES[self.pilot.mode],
            # Rounded down: no current is ever offered that was not meant.
            duty=int(min(1.0, max(0.0, self.pilot.duty)) * DUTY_STEPS + 1e-6),
            coil=int(self.contactor.coil.energised),
            lock=messages.STOP if held else LOCK_CODES[lock],
            residual_test=int(self.residual is not None and self.residual.tests),
            phases=PHASE_CODES.get(self.contactor.phases, 0),
            sample_ms=self.pilot.sample_ms,
        )

    def take(self, read: ConnectorReading, stamp: StampOf) -> None:
        """What was never read leaves the last value with its old stamp."""
        valid = read.valid
        if valid & Valid.PILOT:
            self.pilot.latest = PilotLevels(
                _scaled(read.high_mv, 1000.0),
                _scaled(read.low_mv, 1000.0),
                read.duty / DUTY_STEPS,
                float(read.frequency_hz),
                stamp(read.pilot_us),
            )
        if valid & Valid.PROXIMITY and self.proximity is not None:
            ohm = math.inf if read.proximity_ohm == messages.OPEN_OHM else float(read.proximity_ohm)
            self.proximity.latest = Resistance(ohm, stamp(read.proximity_us))
        if valid & Valid.VOLTAGES and self.output_sense is not None:
            volts = [each / 10.0 for each in (read.l1_100mv, read.l2_100mv, read.l3_100mv)]
            self.output_sense.latest = Voltages(volts[0], volts[1], volts[2], stamp(read.voltages_us))
        self._take_switches(read, valid, stamp)
        if valid & Valid.RESIDUAL and self.residual is not None:
            self.residual.latest = ResidualCurrent(
                _scaled(read.dc_100ua, 10.0),
                _scaled(read.rms_100ua, 10.0),
                bool(read.switches & Switch.DC_TRIPPED),
                bool(read.switches & Switch.RMS_TRIPPED),
                bool(read.switches & Switch.RESIDUAL_ERROR),
                stamp(read.residual_us),
            )

    def _take_switches(self, read: ConnectorReading, valid: int, stamp: StampOf) -> None:
        stamp_s = stamp(read.switches_us)

        def state(bit: Switch) -> Feedback:
            return Feedback(bool(read.switches & bit), stamp_s)

        if valid & Valid.MIRROR:
            self.contactor.mirror_read = state(Switch.MIRROR)
        if valid & Valid.PHASE_RELAY:
            self.contactor.relay_read = state(Switch.PHASE_RELAY)
        if valid & Valid.LOCK and self.lock is not None:
            self.lock.locked = state(Switch.LOCKED)
        if valid & Valid.RELEASE_ENERGY and self.lock is not None:
            self.lock.release = state(Switch.RELEASE_CHARGED)


def _scaled(value: int, divisor: float) -> float:
    """NaN = cannot be measured, or is not."""
    return math.nan if value in (messages.UNREADABLE, messages.NOT_FITTED) else value / divisor


def celsius(value: int) -> float:
    """Of a temperature in 0.1 degrees; NaN = open, shorted or away."""
    return _scaled(value, 10.0)
