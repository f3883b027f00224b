"""A domestic socket of a real board: a connector that has no pilot, and an output that falls like a coil. Pure."""

from hardware.coil import CoilCommand
from hardware.interfaces import DigitalOutput, Feedback, PilotLevels, PilotMode

OUTPUT = "auxiliary"
"""What it hangs on."""


class _NoPilot:
    def levels(self) -> PilotLevels | None:
        return None

    def drive(self, mode: PilotMode, duty: float) -> None:
        """There is nothing to drive."""

    def sample_every(self, period_s: float) -> None:
        """There is nothing to sample."""


class _NoContactor:
    def command(self, closed: bool) -> None:
        """The output is its contactor."""

    def mirror(self) -> Feedback | None:
        return None

    def select_phases(self, phases: int) -> None:
        """It has one."""

    def phase_relay(self) -> Feedback | None:
        return None


class OutletConnector:
    def __init__(self) -> None:
        self.pilot = _NoPilot()
        self.contactor = _NoContactor()
        self.proximity = self.lock = self.residual = self.output_sense = None


class FedOutput:
    """After the hardware was lost it is switched on only by an "off" and an "on"."""

    def __init__(self, output: DigitalOutput) -> None:
        self._output = output
        self._coil = CoilCommand()

    def drive(self, on: bool) -> None:
        self._coil.command(on)
        self._output.drive(self._coil.energised)

    def readback(self) -> Feedback | None:
        return self._output.readback()

    def lost(self) -> None:
        self._coil.lost()
        self._output.drive(False)
