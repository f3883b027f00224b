"""The whole board `direct-gpio`, opened from a station file, on drivers of a real kernel with the simulated site behind
them: lines of gpio-sim, a PWM and ADCs on a simulated I2C bus. Only inside a machine of `tests/kernels/machine.py`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hardware.board import open_safety_board
from hardware.linux.clock import boot_s
from hardware.sim.site import Site
from services.board_check import board_problems
from services.home import parse_station
from tests.board_rigs import MOUNTED, Turning, electrics
from tests.gpio_station import NAMES, gpio_station
from tests.kernel_rig import Pins
from tests.kernels.chip import SimulatedChip
from tests.kernels.i2c import ADCS, FAN, PWM, TEMPERATURE, StubBus

FACTOR, OFFSET_V = 14.0, -13.0
"""From the ADC (at most 2.048 V) to the pilot."""
SENSE_FACTOR = 150.0
SUPPLY_V, PULL_UP_OHM = 2.0, 1000.0
OUTPUTS = ("FEED", "COIL", "PHASES", "RCM_TEST", "LOCK", "UNLOCK", "AUX", "K2", "CP_NEGATIVE")
INPUTS = ("MIRROR", "PHASES_BACK", "LOCKED", "RCM_DC", "RCM_RMS", "RCM_ERROR", "ESTOP", "RCD")


def wiring(chip: str, pwm: str, adcs: list[str]) -> str:
    """A station file. `adcs`: names of devices in the order pilot high, pilot low, proximity, L1, L2, L3."""
    of_pilot = f"factor = {FACTOR}, offset_v = {OFFSET_V}"
    of_proximity = f"supply_v = {SUPPLY_V}, pull_up_ohm = {PULL_UP_OHM}"
    how = (of_pilot, of_pilot, of_proximity, *[f"factor = {SENSE_FACTOR}"] * 3)
    channels = [f'{{ channel = "{adc}/in_voltage0", {each} }}' for adc, each in zip(adcs, how, strict=True)]
    described = gpio_station(chip, pwm, channels, "hwmon:max6650/fan1", "hwmon:lm75/temp1")
    return described.replace("[gpio]", f'[gpio]\nchip = "{chip}"', 1)


class Chips:
    """What is soldered to the I2C bus."""

    def __init__(self) -> None:
        self.bus = StubBus()
        self.pwm, self.adcs = "", [""]
        self.put: dict[int, float] = {}
        self.appear()

    def appear(self) -> None:
        pwm = self.bus.plug("pca9685", PWM)
        self.pwm = next((pwm / "pwm").iterdir()).name
        self.adcs = [next(self.bus.plug("ads1015", each).glob("iio:device*")).name for each in ADCS]
        self.bus.plug("lm75", TEMPERATURE)
        self.bus.plug("max6650", FAN)

    def vanish(self) -> None:
        for each in (PWM, TEMPERATURE, FAN, *ADCS):
            self.bus.unplug(each)

    def volts(self, adc: int, volts: float) -> None:
        if self.put.get(adc) != volts:
            self.put[adc] = volts
            self.bus.put_volts(adc, volts)


class KernelRig:
    """A `Rig` (tests/board_rigs.py)."""

    def __init__(self, _path: Path, chip: SimulatedChip, chips: Chips) -> None:
        self.chip, self.chips = chip, chips
        self.station = parse_station(wiring(chip.path, chips.pwm, chips.adcs) + MOUNTED)
        assert board_problems(self.station) == []
        self.site, self.electrics = electrics(self.station, boot_s)
        self.pins = Pins(self.electrics)
        self.pulled: dict[str, bool] = {}
        self.edges = 0
        """Of the feed, as the monoflop sees them."""
        self.electrics.receive()
        for name in OUTPUTS:
            self.pins.drive(name, False)
        self.turning = Turning(self._turn)
        self.board = open_safety_board(self.station, Path())

    def _turn(self) -> None:
        self.electrics.receive()
        if self.chip.is_there:
            self._from_the_board()
            self._to_the_board()
        self.electrics.flush()

    def _from_the_board(self) -> None:
        for name in OUTPUTS:
            high = self.chip.high(NAMES.index(name))
            if high is not self.pins.high[name]:
                self.edges += name == "FEED"
                self.pins.drive(name, high)
        duty = self.chips.bus.duty()
        if duty != self.pins.pwm_duty:
            self.pins.pwm_duty = duty
            self.pins.drive_pilot()

    def _to_the_board(self) -> None:
        for name in INPUTS:
            high = self.pins.level(name)
            if self.pulled.get(name) is not high:
                self.pulled[name] = high
                self.chip.pull(NAMES.index(name), high)
        connector = self.electrics.connectors[1]
        levels, sense, proximity = connector.pilot.levels(), connector.output_sense, connector.proximity
        assert levels is not None
        assert sense is not None
        assert proximity is not None
        cable, voltages = proximity.resistance(), sense.voltages()
        ohm = 1e9 if cable is None else min(1e9, cable.ohm)
        for adc, volts in zip(
            ADCS,
            (
                (max(0.0, levels.high_v) - OFFSET_V) / FACTOR,
                (min(0.0, levels.low_v) - OFFSET_V) / FACTOR,
                SUPPLY_V * ohm / (ohm + PULL_UP_OHM),
                *(0.0 if voltages is None else each / SENSE_FACTOR for each in (voltages or (0.0,) * 3)[:3]),
            ),
            strict=True,
        ):
            self.chips.volts(adc, volts)
        warm, speed = self.electrics.temperatures["housing"].read(), self.electrics.tachometers["fan"].read()
        self.chips.bus.put_celsius(0.0 if warm is None else warm.celsius)
        self.chips.bus.put_rpm(0.0 if speed is None else speed.rpm)

    def do(self, act: Callable[[Site], Any]) -> None:
        with self.turning.lock:
            self.site.advance(boot_s())
            act(self.site)

    def vanish(self) -> None:
        """Nothing drives the pins any more: they fall."""
        with self.turning.lock:
            self.chip.vanish()
            self.chips.vanish()
            for name in OUTPUTS:
                self.pins.drive(name, False)
            self.electrics.flush()

    def come_back(self) -> None:
        with self.turning.lock:
            self.pulled, self.chips.put = {}, {}
            self.chips.appear()
            self.chip.appear()

    def close(self) -> None:
        self.board.close()
        self.turning.stop()
