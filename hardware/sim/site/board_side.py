"""What the board of a site drives and reads: the side of the site that the drivers see."""

from abc import ABC, abstractmethod
from collections.abc import Mapping

from hardware.interfaces import LockDrive, PilotLevels, PilotMode, ResidualCurrent, Speed, Temperature
from hardware.sim.site.connector import Connector
from hardware.sim.site.grid import Flow, Phases
from hardware.sim.site.monoflop import Monoflop
from hardware.sim.site.pilot import output
from hardware.sim.site.thermal import Thermal
from hardware.sim.site.wiring import Outputs

AUXILIARY = "auxiliary"


class BoardSide(ABC):
    """Of a site at its present time."""

    now_s: float
    connectors: dict[int, Connector]
    monoflop: Monoflop
    outputs: Outputs
    thermal: Thermal
    flows: dict[int, Flow]
    lights: dict[int, tuple[float, float, float, float]]
    displays: dict[int, tuple[str, ...]]

    @abstractmethod
    def _settle(self, touched: list[int]) -> None:
        """What follows at this instant for these connectors."""

    def feed(self, stamp_s: float) -> None:
        self.monoflop.feed(stamp_s, self.now_s)

    def drive_pilot(self, connector: int, mode: PilotMode, duty: float) -> None:
        if self.connectors[connector].description.domestic:
            return
        self.connectors[connector].drive_pilot(output(mode, duty))
        self._settle([connector])

    def command_contactor(self, connector: int, closed: bool) -> None:
        if self.connectors[connector].description.domestic:
            return
        self.monoflop.command(connector, closed, self.now_s)
        self._settle([connector])

    def drive_lock(self, connector: int, direction: LockDrive) -> None:
        self.connectors[connector].drive_lock(direction, self.now_s)
        self._settle([connector])

    def select_phases(self, connector: int, phases: int) -> None:
        self.connectors[connector].select_phases(phases, self.now_s)
        self._settle([connector])

    def test_residual(self, connector: int, on: bool) -> None:
        self.connectors[connector].test_residual(on, self.now_s)
        self._settle([connector])

    def drive_output(self, name: str, on: bool) -> None:
        self.outputs.drive(name, on, self.now_s)
        for number, each in self.connectors.items():
            # The auxiliary output is fed like a coil where a domestic socket hangs on it.
            if each.description.domestic and name == AUXILIARY:
                self.monoflop.command(number, self.outputs.pins[AUXILIARY], self.now_s)
        self.thermal.disturbed()
        self._settle(list(self.connectors))

    @property
    def board_away(self) -> bool:
        """The driver cannot reach its hardware."""
        return any(connector.faults.active("board_away") for connector in self.connectors.values())

    def pilot_levels(self, connector: int) -> PilotLevels:
        return self.connectors[connector].pilot_levels(self.now_s)

    def proximity_ohm(self, connector: int) -> float | None:
        """None = a fixed cable has no proximity contact; inf = open."""
        target = self.connectors[connector]
        return None if target.description.fixed_cable else target.proximity_ohm()

    def mirror(self, connector: int) -> bool | None:
        """Whether its circuit is closed, as it is wired; None = not fitted."""
        target = self.connectors[connector]
        if not target.description.mirror_contact:
            return None
        return target.contactor.mirror_closed is not target.description.mirror_normally_closed

    def lock_feedback(self, connector: int) -> bool | None:
        """None = no lock mounted, or one without feedback."""
        target = self.connectors[connector]
        if target.lock is None or not target.description.lock_feedback:
            return None
        return target.lock.feedback_locked

    def release_charged(self, connector: int) -> bool | None:
        """None = no emergency release fitted."""
        target = self.connectors[connector]
        return target.lock.release_charged if target.lock is not None and target.description.lock_release else None

    def phase_relay(self, connector: int) -> bool | None:
        """Whether L2 and L3 are connected; None = no relay for them."""
        relay = self.connectors[connector].phase_relay
        return None if relay is None else relay.closed

    def residual(self, connector: int) -> ResidualCurrent | None:
        """None = no module fitted."""
        module = self.connectors[connector].residual
        return None if module is None else module.status(self.now_s)

    def output_voltage(self, connector: int) -> Phases | None:
        """Behind the contactor; None = not measured."""
        target = self.connectors[connector]
        if not target.description.output_sense:
            return None
        volts = self.flows[connector].voltage_v
        first, second, third = (v if live else 0.0 for v, live in zip(volts, target.live(), strict=True))
        return first, second, third

    def temperatures(self) -> Mapping[str, Temperature]:
        """Sampled once a second, and when something jumps."""
        return self.thermal.samples(self.now_s)

    def fan(self) -> Speed | None:
        """None = not measured."""
        return self.thermal.speed(self.now_s)

    def show_light(self, connector: int, light: tuple[float, float, float, float]) -> None:
        self.lights[connector] = light

    def show_text(self, connector: int, lines: tuple[str, ...]) -> None:
        self.displays[connector] = lines
