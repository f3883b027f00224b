"""An energy meter: integrates exactly between events, shows whole watt-hours, and can misbehave."""

import zlib

from hardware.sim.site.grid import FREQUENCY_HZ, NOMINAL, ZERO, Flow, Phases
from hardware.sim.site.signer import Signer

REGISTER_LIMIT_WH = 16_000_000
"""Above, a float32 of kWh can no longer tell single watt-hours; presets stay below."""
LARGEST_SERIAL = 2**32 - 1


def derived_serial(station_serial: str, meter: str) -> int:
    """Eight digits that stay the same for the same station and meter."""
    return 10_000_000 + zlib.crc32(f"{station_serial}/{meter}".encode()) % 90_000_000


def shown_serial(serial: int) -> str:
    """As a meter with a serial number in letters has it: nobody takes it for a real one."""
    return f"SIM-{serial}"


class Meter:
    """`energy_wh` is what the meter has counted; the site keeps the physical energy apart from it."""

    def __init__(self, name: str, serial: int, signs: bool = False) -> None:
        self.name = name
        self.signer = Signer() if signs else None
        """Of a meter that signs what it has counted."""
        self.serial = serial
        self.energy_wh = 0.0
        self.phase_wh: Phases = ZERO
        self.flow = Flow(NOMINAL, ZERO, 1.0)
        self.freeze_energy = False
        """The register does not move while energy flows."""
        self.timeout = False
        """It does not answer."""
        self.late_s = 0.0
        """Its answers take this much longer."""
        self.corrupt = False
        """Its answers are damaged on the wire."""
        self.nan = False
        """Every measured value is not-a-number."""
        self.frequency_hz = FREQUENCY_HZ
        self.dark = False
        """It has no supply."""

    @property
    def serial(self) -> int:
        return self._serial

    @serial.setter
    def serial(self, serial: int) -> None:
        """Another meter stands here: it knows nothing of the one before."""
        if self.signer is not None and self.signer.serial != shown_serial(serial):
            self.signer = Signer(shown_serial(serial))
        self._serial = serial

    @property
    def signs(self) -> bool:
        return self.signer is not None

    @property
    def silent(self) -> bool:
        """It does not answer, for whatever reason."""
        return self.timeout or self.dark

    def absorb(self, duration_s: float) -> None:
        """Count what has flowed for `duration_s`."""
        if self.freeze_energy:
            return
        first, second, third = (watts * duration_s / 3600.0 for watts in self.flow.phase_power_w)
        one, two, three = self.phase_wh
        self.phase_wh = (one + first, two + second, three + third)
        self.energy_wh += first + second + third

    @property
    def register_wh(self) -> int:
        """What it shows: whole watt-hours, cut off as a counter does."""
        return int(self.energy_wh + 1e-9)

    def preset(self, energy_wh: float) -> None:
        """Raises ValueError outside of what the register can show to the watt-hour."""
        if not 0.0 <= energy_wh <= REGISTER_LIMIT_WH:
            raise ValueError(f"the energy register takes 0 to {REGISTER_LIMIT_WH} Wh, not {energy_wh:g}")
        self.energy_wh = energy_wh
