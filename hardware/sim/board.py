"""The simulated board as `safety` sees it: a client of the simulated site's `board.sock`."""

from collections.abc import Mapping
from pathlib import Path

from hardware.sim.drivers import Drivers, Fitted
from hardware.sim.link import WorldLink, boot_s
from hardware.sim.protocol import Readings
from schemas.station import ConnectorSection, EquipmentSection

NOTHING_MOUNTED = EquipmentSection(outputs=(), temperatures=())


def fitted_of(section: ConnectorSection) -> Fitted:
    return Fitted(
        proximity=section.cable == "socket",
        lock=section.has_lock,
        residual=section.residual_current != "none",
        output_sense=section.output_sense,
    )


class SimulatedSafetyBoard(Drivers):
    """`fitted`: for each connector what it has.

    Without a world the readings stay as they were, with their old time stamps. After a reconnect nothing is driven
    again but what the caller drives from then on; it is then sent even if it is the same as before.
    """

    def __init__(
        self, path: Path | str, fitted: Mapping[int, Fitted], equipment: EquipmentSection = NOTHING_MOUNTED
    ) -> None:
        super().__init__(fitted, tuple(equipment.inputs), equipment.outputs, equipment.temperatures, equipment.fan)
        self._link = WorldLink(path, "safety")
        self._known_connections = 0
        self._link.connect()
        self._judge()

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
                if packet.station is not None:
                    self.take_station(packet.station)
        self._notice_reconnect()

    def _notice_reconnect(self) -> None:
        if self._known_connections != self._link.connections:
            self._known_connections = self._link.connections
            self.forget()
        self._judge()

    def _judge(self) -> None:
        refused = self._link.refused
        self.trouble = "" if self._link.connected else refused or "the simulated site does not answer"

    def flush(self) -> None:
        """One packet with the feed and everything changed; what cannot be sent now is sent with a later one."""
        self._link.connect()
        self._notice_reconnect()
        outputs = self.driven(boot_s())
        sent = outputs is not None and self._link.send(outputs)
        if sent:
            self.flushed_s = boot_s()
        self.flushed(sent)

    def close(self) -> None:
        self._link.close()
