"""What a driver still has to tell the simulated site about one connector."""

from hardware.interfaces import LockDrive, PilotMode
from hardware.sim.protocol import ConnectorOutputs


class PendingOutputs:
    """Only changes are sent; after a new connection, everything that is driven from then on."""

    def __init__(self) -> None:
        self.pending = ConnectorOutputs()
        self._told = ConnectorOutputs()
        self._step = ConnectorOutputs()
        """Driven since the last flush, changed or not."""
        self._sample_every_s: float | None = None

    def drive_pilot(self, mode: PilotMode, duty: float) -> None:
        driven = (mode, duty if mode is PilotMode.PWM else 1.0)
        self._step.pilot = driven
        if self._told.pilot != driven:
            self._told.pilot = self.pending.pilot = driven

    def command(self, closed: bool) -> None:
        self._step.contactor = closed
        if self._told.contactor != closed:
            self._told.contactor = self.pending.contactor = closed

    def drive_lock(self, direction: LockDrive) -> None:
        self._step.lock = direction
        if self._told.lock != direction:
            self._told.lock = self.pending.lock = direction

    def sample_every(self, period_s: float) -> None:
        if self._sample_every_s != period_s:
            self._sample_every_s = self.pending.sample_every_s = period_s

    @property
    def changed(self) -> bool:
        pending = self.pending
        return (
            pending.pilot is not None
            or pending.contactor is not None
            or pending.lock is not None
            or pending.sample_every_s is not None
        )

    def sent(self) -> None:
        self.pending = ConnectorOutputs()

    def step_ended(self) -> None:
        self._step = ConnectorOutputs()

    def forget(self) -> None:
        """A new connection: all that was driven before this step counts as never driven.

        The sampling period is no output and is repeated.
        """
        step = self._step
        self._told = ConnectorOutputs(step.pilot, step.contactor, step.lock)
        self.pending = ConnectorOutputs(step.pilot, step.contactor, step.lock, self._sample_every_s)
