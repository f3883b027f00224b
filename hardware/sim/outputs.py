"""What a driver still has to tell the simulated site."""

from collections.abc import Iterable
from typing import Literal

from msgspec.structs import replace

from hardware.interfaces import LockDrive, PilotMode
from hardware.sim.protocol import ConnectorOutputs

NOTHING = ConnectorOutputs()


class PendingOutputs:
    """Only changes are sent; after a new connection, everything that is driven from then on."""

    def __init__(self) -> None:
        self.pending = ConnectorOutputs()
        self._told = ConnectorOutputs()
        self._step = ConnectorOutputs()
        """Driven since the last flush, changed or not."""
        self.sample_every_s: float | None = None

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

    def select_phases(self, phases: Literal[1, 3]) -> None:
        self._step.phases = phases
        if self._told.phases != phases:
            self._told.phases = self.pending.phases = phases

    def test_residual(self, on: bool) -> None:
        self._step.residual_test = on
        if self._told.residual_test != on:
            self._told.residual_test = self.pending.residual_test = on

    def sample_every(self, period_s: float) -> None:
        if self.sample_every_s != period_s:
            self.sample_every_s = self.pending.sample_every_s = period_s

    @property
    def changed(self) -> bool:
        return self.pending != NOTHING

    def sent(self) -> None:
        self.pending = ConnectorOutputs()

    def step_ended(self) -> None:
        self._step = ConnectorOutputs()

    def forget(self) -> None:
        """A new connection: all that was driven before this step counts as never driven.

        The sampling period is no output and is repeated.
        """
        step = self._step
        self._told = replace(step)
        self.pending = replace(step, sample_every_s=self.sample_every_s)


class PendingPins:
    """The same for the outputs of the station."""

    def __init__(self, names: Iterable[str]) -> None:
        self.pending: dict[str, bool] = {}
        self._told: dict[str, bool | None] = dict.fromkeys(names)
        self._step: dict[str, bool] = {}

    def drive(self, name: str, on: bool) -> None:
        self._step[name] = on
        if self._told[name] != on:
            self._told[name] = self.pending[name] = on

    def sent(self) -> None:
        self.pending = {}

    def step_ended(self) -> None:
        self._step = {}

    def forget(self) -> None:
        self._told = {name: self._step.get(name) for name in self._told}
        self.pending = dict(self._step)
