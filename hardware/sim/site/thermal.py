"""Temperatures: the housing of the station, the contacts and pins of each connector, and the sensors on them.

Every part is one first-order node over the part it sits in, so that between two events its course is an exact
exponential: contacts and pins over the housing or the ambient air, the housing over the ambient air.
"""

import math
from collections.abc import Iterable, Mapping

from hardware.interfaces import Speed, Temperature
from hardware.sim.site.faults import ActiveFaults
from hardware.sim.site.grid import Phases

AMBIENT_C = 20.0
ELECTRONICS_W = 4.0
COIL_W = 4.0
CONTACT_OHM = 0.003
"""Of one pole, its terminals included."""
CONTACT_K_PER_W = 1.5
CONTACT_TAU_S = 900.0
HOUSING_K_PER_W = 1.5
HOUSING_TAU_S = 3600.0
FAN_K_PER_W = 0.6
FAN_TAU_S = 600.0
FAN_RPM = 3000.0
HEATER_W = 30.0
PIN_OHM = 0.0005
PIN_K_PER_W = 30.0
PIN_TAU_S = 600.0
BOARD_OVER_HOUSING_K = 8.0
READER_OVER_HOUSING_K = 2.0
SAMPLED_EVERY_S = 1.0
CLIMATE_DEVICES = ("fan", "heater")


class Node:
    """A body that settles towards a temperature rise with one time constant."""

    def __init__(self, tau_s: float, rise_k: float = 0.0) -> None:
        self.tau_s = tau_s
        self._rise_k = self._target_k = rise_k
        self._since_s = 0.0

    def rise_k(self, now_s: float) -> float:
        gone_s = now_s - self._since_s
        if gone_s <= 0.0 or self._rise_k == self._target_k:
            return self._rise_k
        return self._target_k + (self._rise_k - self._target_k) * math.exp(-gone_s / self.tau_s)

    def aim(self, target_k: float, tau_s: float, now_s: float) -> None:
        if (target_k, tau_s) != (self._target_k, self.tau_s):
            self._rise_k, self._since_s = self.rise_k(now_s), now_s
            self._target_k, self.tau_s = target_k, tau_s

    def put(self, rise_k: float, now_s: float) -> None:
        """It has this temperature rise now."""
        self._rise_k, self._since_s = rise_k, now_s


def contact_heat_w(current_a: Phases) -> float:
    return sum(current * current for current in current_a) * CONTACT_OHM


class Thermal:
    """`faults` by connector; a sensor's name is one of TEMPERATURES, with the connector's number behind a dot."""

    def __init__(self, sensors: Iterable[str], faults: Mapping[int, ActiveFaults], fan: bool) -> None:
        self.ambient_c = AMBIENT_C
        self.sun_k = 0.0
        """What the sun adds to the housing."""
        self.climate_device = CLIMATE_DEVICES[0]
        self.climate_on = False
        self._sensors = tuple(sensors)
        self._faults = faults
        self._fan = fan
        self._housing = Node(HOUSING_TAU_S, ELECTRONICS_W * HOUSING_K_PER_W)
        self._contacts = {number: Node(CONTACT_TAU_S) for number in faults}
        self._pins = {number: Node(PIN_TAU_S) for number in faults}
        self._sampled: dict[str, Temperature] = {}
        self._speed: Speed | None = None
        self._sampled_s = float("-inf")

    # -- heat -----------------------------------------------------------------

    @property
    def fan_turns(self) -> bool:
        stuck = any(each.active("fan_stuck") for each in self._faults.values())
        return self.climate_on and self.climate_device == "fan" and not stuck

    def heat(self, currents: Mapping[int, Phases], coils: Mapping[int, bool], now_s: float) -> None:
        """From now on these currents flow and these coils are on."""
        power_w = ELECTRONICS_W + (HEATER_W if self.climate_on and self.climate_device == "heater" else 0.0)
        for number, current in currents.items():
            contact_w = contact_heat_w(current)
            power_w += contact_w + (COIL_W if coils[number] else 0.0)
            self._contacts[number].aim(contact_w * CONTACT_K_PER_W, CONTACT_TAU_S, now_s)
            pin_w = max(current) ** 2 * PIN_OHM
            self._pins[number].aim(pin_w * PIN_K_PER_W, PIN_TAU_S, now_s)
        if self.fan_turns:
            self._housing.aim(power_w * FAN_K_PER_W, FAN_TAU_S, now_s)
        else:
            self._housing.aim(power_w * HOUSING_K_PER_W, HOUSING_TAU_S, now_s)

    def housing_c(self, now_s: float) -> float:
        return self.ambient_c + self.sun_k + self._housing.rise_k(now_s)

    def _true_c(self, function: str, connector: int, now_s: float) -> float:
        housing_c = self.housing_c(now_s)
        if function == "cpu":
            return housing_c + BOARD_OVER_HOUSING_K
        if function == "rfid":
            return housing_c + READER_OVER_HOUSING_K
        if function == "relay":
            return housing_c + self._contacts[connector].rise_k(now_s)
        if function in ("plug_1", "plug_2"):
            return self.ambient_c + self._pins[connector].rise_k(now_s)
        return housing_c

    # -- sensors ----------------------------------------------------------------

    def _read_c(self, name: str, now_s: float) -> float:
        function, _, number = name.partition(".")
        connector = int(number) if number else min(self._faults)
        own = function in ("relay", "plug_1", "plug_2")
        asked = [self._faults[connector]] if own else list(self._faults.values())
        if any(each.active(f"sensor_open_{function}") for each in asked):
            return math.nan
        for each in asked:
            given_c = each.value(f"temperature_{function}")
            if given_c is not None:
                return given_c
        return round(self._true_c(function, connector, now_s), 1)

    def samples(self, now_s: float) -> Mapping[str, Temperature]:
        """The board samples its sensors once a second, and here also when a fault comes or goes."""
        if now_s - self._sampled_s >= SAMPLED_EVERY_S:
            self._sampled_s = now_s
            self._sampled = {name: Temperature(self._read_c(name, now_s), now_s) for name in self._sensors}
            self._speed = Speed(FAN_RPM if self.fan_turns else 0.0, now_s) if self._fan else None
        return self._sampled

    def disturbed(self) -> None:
        """Something jumped: the next look is a new sample."""
        self._sampled_s = float("-inf")

    def speed(self, now_s: float) -> Speed | None:
        """None = the fan's speed is not measured."""
        self.samples(now_s)
        return self._speed

    # -- what survives ----------------------------------------------------------

    def rises(self, now_s: float) -> dict[str, float]:
        rises = {"housing": self._housing.rise_k(now_s)}
        for number in self._contacts:
            rises[f"relay.{number}"] = self._contacts[number].rise_k(now_s)
            rises[f"plug.{number}"] = self._pins[number].rise_k(now_s)
        return rises

    def restore(self, rises: Mapping[str, float], now_s: float) -> None:
        """The gap counts as no time: nobody knows how long it was."""
        self._housing.put(rises.get("housing", ELECTRONICS_W * HOUSING_K_PER_W), now_s)
        for number in self._contacts:
            self._contacts[number].put(rises.get(f"relay.{number}", 0.0), now_s)
            self._pins[number].put(rises.get(f"plug.{number}", 0.0), now_s)
