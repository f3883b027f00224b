"""The drivers of the simulated board, wherever the site is: they hold what was read last and what is driven next."""

from collections.abc import Mapping
from typing import NamedTuple

from hardware.interfaces import (
    ConnectorBoard,
    DigitalInput,
    DigitalOutput,
    Feedback,
    PilotLevels,
    ResidualCurrent,
    Resistance,
    Speed,
    Tachometer,
    Temperature,
    TemperatureSensor,
    Voltages,
)
from hardware.latest import LatestInput, LatestOutputSense, LatestProximity, LatestTachometer, LatestTemperature
from hardware.sim.abilities import Contactor, Feed, Lock, Output, Pilot, Residual
from hardware.sim.outputs import PendingOutputs, PendingPins
from hardware.sim.protocol import ConnectorReadings, Outputs, StationReadings


class Fitted(NamedTuple):
    """What a connector of the board has."""

    proximity: bool
    lock: bool
    residual: bool = False
    output_sense: bool = False


class Connector:
    def __init__(self, fitted: Fitted) -> None:
        self.outputs = PendingOutputs()
        self.pilot = Pilot(self.outputs)
        self.proximity = LatestProximity() if fitted.proximity else None
        self.contactor = Contactor(self.outputs)
        self.lock = Lock(self.outputs) if fitted.lock else None
        self.residual = Residual(self.outputs) if fitted.residual else None
        self.output_sense = LatestOutputSense() if fitted.output_sense else None

    def take(self, readings: ConnectorReadings) -> None:
        """A newer sample; what it does not have stays as it was."""
        if readings.pilot is not None:
            self.pilot.latest = PilotLevels(*readings.pilot)
        if readings.proximity is not None and self.proximity is not None:
            self.proximity.latest = Resistance(*readings.proximity)
        if readings.mirror is not None:
            self.contactor.latest = Feedback(*readings.mirror)
        if readings.phase_relay is not None:
            self.contactor.relay = Feedback(*readings.phase_relay)
        if self.lock is not None:
            self.lock.latest = self.lock.latest if readings.lock is None else Feedback(*readings.lock)
            self.lock.release = self.lock.release if readings.release is None else Feedback(*readings.release)
        if readings.residual is not None and self.residual is not None:
            self.residual.latest = ResidualCurrent(*readings.residual)
            self.residual.firmware = readings.residual_version or self.residual.firmware
        if readings.voltages is not None and self.output_sense is not None:
            self.output_sense.latest = Voltages(*readings.voltages)


class Drivers:
    """All of a board but the way to the site."""

    def __init__(
        self,
        fitted: Mapping[int, Fitted],
        inputs: tuple[str, ...],
        outputs: tuple[str, ...],
        temperatures: tuple[str, ...],
        fan: bool,
    ) -> None:
        self.flushed_s = 0.0
        self.trouble = ""
        self._connectors = {number: Connector(each) for number, each in fitted.items()}
        self._pins = PendingPins(outputs)
        self._inputs = {name: LatestInput() for name in inputs}
        self._outputs = {name: Output(name, self._pins) for name in outputs}
        self._temperatures = {name: LatestTemperature() for name in temperatures}
        self._tachometers = {"fan": LatestTachometer()} if fan else {}
        self._feed = Feed()

    def trouble_of(self, connector: int) -> str:  # noqa: ARG002
        """One site, one link to it: all connectors share it."""
        return self.trouble

    def report(self) -> tuple[tuple[str, str], ...]:
        return ()

    @property
    def connectors(self) -> Mapping[int, ConnectorBoard]:
        return self._connectors

    @property
    def inputs(self) -> Mapping[str, DigitalInput]:
        return self._inputs

    @property
    def outputs(self) -> Mapping[str, DigitalOutput]:
        return self._outputs

    @property
    def temperatures(self) -> Mapping[str, TemperatureSensor]:
        return self._temperatures

    @property
    def tachometers(self) -> Mapping[str, Tachometer]:
        return self._tachometers

    @property
    def feed(self) -> Feed:
        return self._feed

    def take_station(self, readings: StationReadings) -> None:
        """Names that are not of this board are left out."""
        for name, closed in readings.inputs.items():
            if name in self._inputs:
                self._inputs[name].latest = Feedback(closed, readings.sampled_s)
        for name, on in readings.outputs.items():
            if name in self._outputs:
                self._outputs[name].latest = Feedback(on, readings.sampled_s)
        for name, sample in readings.temperatures.items():
            if name in self._temperatures:
                self._temperatures[name].latest = Temperature(*sample)
        if readings.fan is not None and "fan" in self._tachometers:
            self._tachometers["fan"].latest = Speed(*readings.fan)

    # -- what is driven -----------------------------------------------------------

    def driven(self, sent_s: float) -> Outputs | None:
        """Everything that changed since the last flush; None = nothing."""
        changed = {number: each.outputs.pending for number, each in self._connectors.items() if each.outputs.changed}
        if not changed and self._feed.stamp_s is None and not self._pins.pending:
            return None
        return Outputs(sent_s=sent_s, feed_s=self._feed.stamp_s, connectors=changed, station=self._pins.pending)

    def flushed(self, sent: bool) -> None:
        """The step is over; what was not sent is sent with a later one, but no old feed."""
        self._feed.stamp_s = None
        for connector in self._connectors.values():
            if sent:
                connector.outputs.sent()
            connector.outputs.step_ended()
        if sent:
            self._pins.sent()
        self._pins.step_ended()

    def close(self) -> None:
        """Nothing of its own to let go of."""

    def forget(self) -> None:
        """The other side knows nothing of us."""
        for connector in self._connectors.values():
            connector.outputs.forget()
        self._pins.forget()
