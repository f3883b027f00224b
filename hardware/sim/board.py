"""The simulated board as `safety` sees it: a client of the simulated site's `board.sock`."""

from collections.abc import Mapping
from pathlib import Path

from hardware.interfaces import (
    ConnectorBoard,
    DigitalInput,
    DigitalOutput,
    Feedback,
    LockDrive,
    PilotLevels,
    PilotMode,
    Resistance,
    Tachometer,
    TemperatureSensor,
)
from hardware.sim.link import WorldLink, boot_s
from hardware.sim.outputs import PendingOutputs
from hardware.sim.protocol import ConnectorReadings, Outputs, Readings


class _Pilot:
    def __init__(self, outputs: PendingOutputs) -> None:
        self._outputs = outputs
        self.latest: PilotLevels | None = None

    def levels(self) -> PilotLevels | None:
        return self.latest

    def drive(self, mode: PilotMode, duty: float) -> None:
        self._outputs.drive_pilot(mode, duty if mode is PilotMode.PWM else 1.0)

    def sample_every(self, period_s: float) -> None:
        self._outputs.sample_every(period_s)


class _Proximity:
    def __init__(self) -> None:
        self.latest: Resistance | None = None

    def resistance(self) -> Resistance | None:
        return self.latest


class _Contactor:
    def __init__(self, outputs: PendingOutputs) -> None:
        self._outputs = outputs
        self.latest: Feedback | None = None

    def command(self, closed: bool) -> None:
        self._outputs.command(closed)

    def mirror(self) -> Feedback | None:
        return self.latest

    def select_phases(self, phases: int) -> None:
        """Not fitted."""

    def phase_relay(self) -> Feedback | None:
        return None


class _Lock:
    def __init__(self, outputs: PendingOutputs) -> None:
        self._outputs = outputs
        self.latest: Feedback | None = None

    def drive(self, direction: LockDrive) -> None:
        self._outputs.drive_lock(direction)

    def feedback(self) -> Feedback | None:
        return self.latest

    def release_energy(self) -> Feedback | None:
        return None


class _Connector:
    def __init__(self, has_proximity: bool, has_lock: bool) -> None:
        self.outputs = PendingOutputs()
        self.pilot = _Pilot(self.outputs)
        self.proximity = _Proximity() if has_proximity else None
        self.contactor = _Contactor(self.outputs)
        self.lock = _Lock(self.outputs) if has_lock else None
        self.residual = None
        self.output_sense = None

    def take(self, readings: ConnectorReadings) -> None:
        if readings.pilot is not None:
            self.pilot.latest = PilotLevels(*readings.pilot)
        if readings.proximity is not None and self.proximity is not None:
            self.proximity.latest = Resistance(*readings.proximity)
        if readings.mirror is not None:
            self.contactor.latest = Feedback(*readings.mirror)
        if readings.lock is not None and self.lock is not None:
            self.lock.latest = Feedback(*readings.lock)


class _Feed:
    def __init__(self) -> None:
        self.stamp_s: float | None = None

    def feed(self, stamp_s: float) -> None:
        self.stamp_s = stamp_s


class SimulatedSafetyBoard:
    """`fitted`: for each connector whether it has a proximity contact and a lock.

    Without a world the readings stay as they were, with their old time stamps. After a reconnect nothing is driven
    again but what the caller drives from then on; it is then sent even if it is the same as before.
    """

    def __init__(self, path: Path | str, fitted: Mapping[int, tuple[bool, bool]]) -> None:
        self._link = WorldLink(path, "safety")
        self._known_connections = 0
        self._connectors = {number: _Connector(*each) for number, each in fitted.items()}
        self._feed = _Feed()
        self.flushed_s = 0.0
        self.inputs: dict[str, DigitalInput] = {}
        self.outputs: dict[str, DigitalOutput] = {}
        self.temperatures: dict[str, TemperatureSensor] = {}
        self.tachometers: dict[str, Tachometer] = {}
        self.trouble = ""
        self._link.connect()

    @property
    def connectors(self) -> Mapping[int, ConnectorBoard]:
        return self._connectors

    @property
    def feed(self) -> _Feed:
        return self._feed

    @property
    def connected(self) -> bool:
        return self._link.connected

    def fileno(self) -> int:
        return self._link.fileno()

    def receive(self) -> None:
        for packet in self._link.packets():
            if isinstance(packet, Readings):
                for number, readings in packet.connectors.items():
                    if number in self._connectors:
                        self._connectors[number].take(readings)
        self._notice_reconnect()

    def _notice_reconnect(self) -> None:
        if self._known_connections != self._link.connections:
            self._known_connections = self._link.connections
            for connector in self._connectors.values():
                connector.outputs.forget()

    def flush(self) -> None:
        """One packet with the feed and everything changed; what cannot be sent now is sent with a later one."""
        self._link.connect()
        self._notice_reconnect()
        changed = {number: each.outputs.pending for number, each in self._connectors.items() if each.outputs.changed}
        if changed or self._feed.stamp_s is not None:
            sent = self._link.send(Outputs(sent_s=boot_s(), feed_s=self._feed.stamp_s, connectors=changed))
            self._feed.stamp_s = None
            if sent:
                self.flushed_s = boot_s()
                for number in changed:
                    self._connectors[number].outputs.sent()
        for connector in self._connectors.values():
            connector.outputs.step_ended()

    def close(self) -> None:
        self._link.close()
