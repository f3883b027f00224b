"""The abilities of the simulated board, each alone: what was read last, and where what is driven is noted down."""

from hardware.interfaces import (
    Feedback,
    LockDrive,
    PilotLevels,
    PilotMode,
    ResidualCurrent,
)
from hardware.sim.outputs import PendingOutputs, PendingPins


class Pilot:
    def __init__(self, outputs: PendingOutputs) -> None:
        self._outputs = outputs
        self.latest: PilotLevels | None = None

    def levels(self) -> PilotLevels | None:
        return self.latest

    def drive(self, mode: PilotMode, duty: float) -> None:
        self._outputs.drive_pilot(mode, duty if mode is PilotMode.PWM else 1.0)

    def sample_every(self, period_s: float) -> None:
        self._outputs.sample_every(period_s)


class Contactor:
    def __init__(self, outputs: PendingOutputs) -> None:
        self._outputs = outputs
        self.latest: Feedback | None = None
        self.relay: Feedback | None = None

    def command(self, closed: bool) -> None:
        self._outputs.command(closed)

    def mirror(self) -> Feedback | None:
        return self.latest

    def select_phases(self, phases: int) -> None:
        self._outputs.select_phases(1 if phases == 1 else 3)

    def phase_relay(self) -> Feedback | None:
        return self.relay


class Lock:
    def __init__(self, outputs: PendingOutputs) -> None:
        self._outputs = outputs
        self.latest: Feedback | None = None
        self.release: Feedback | None = None

    def drive(self, direction: LockDrive) -> None:
        self._outputs.drive_lock(direction)

    def feedback(self) -> Feedback | None:
        return self.latest

    def release_energy(self) -> Feedback | None:
        return self.release


class Residual:
    def __init__(self, outputs: PendingOutputs) -> None:
        self._outputs = outputs
        self.latest: ResidualCurrent | None = None
        self.firmware = ""

    def status(self) -> ResidualCurrent | None:
        return self.latest

    def test(self, on: bool) -> None:
        self._outputs.test_residual(on)

    def version(self) -> str:
        return self.firmware


class Output:
    def __init__(self, name: str, pins: PendingPins) -> None:
        self._name, self._pins = name, pins
        self.latest: Feedback | None = None

    def drive(self, on: bool) -> None:
        self._pins.drive(self._name, on)

    def readback(self) -> Feedback | None:
        return self.latest


class Feed:
    def __init__(self) -> None:
        self.stamp_s: float | None = None

    def feed(self, stamp_s: float) -> None:
        self.stamp_s = stamp_s
