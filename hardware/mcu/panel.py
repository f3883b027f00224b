"""Inputs, outputs, temperatures and fan of a board with a microcontroller, by the names of the station file."""

from collections.abc import Callable

from hardware.interfaces import DigitalInput, DigitalOutput, Feedback, Speed, Tachometer, Temperature, TemperatureSensor
from hardware.latest import LatestInput, LatestTachometer, LatestTemperature
from hardware.linux.slow import SlowSensors
from hardware.linux.sysfs import Sysfs
from hardware.mcu import messages
from hardware.mcu.messages import ConnectorReading, StationConnector, StationReading
from hardware.mcu.parts import McuOutput, StampOf, celsius
from hardware.outlet import OUTPUT, FedOutput
from schemas.station import Station


class McuPanel:
    """What `[linux]` names is read by Linux, everything else by the microcontroller."""

    def __init__(self, station: Station, sysfs: Sysfs, clock: Callable[[], float]) -> None:
        mounted, linux = station.equipment, station.linux
        self.slow = SlowSensors(linux, sysfs, clock)
        self._inputs = {name: LatestInput() for name in mounted.inputs}
        self._outputs = {name: McuOutput() for name in mounted.outputs}
        ours = [name for name in mounted.temperatures if name not in linux.temperatures]
        self._temperatures = {name: LatestTemperature() for name in ours}
        self._fan = LatestTachometer() if mounted.fan and linux.fan is None else None
        self.inputs: dict[str, DigitalInput] = {**self._inputs}
        self.outputs: dict[str, DigitalOutput] = {**self._outputs}
        self._fed = FedOutput(self._outputs[OUTPUT]) if station.outlet is not None else None
        if self._fed is not None:
            self.outputs[OUTPUT] = self._fed
        self.temperatures: dict[str, TemperatureSensor] = {**self._temperatures, **self.slow.temperatures}
        self.tachometers: dict[str, Tachometer] = {**self.slow.tachometers}
        if self._fan is not None:
            self.tachometers["fan"] = self._fan

    def output_bits(self) -> int:
        """As DRIVE carries them."""
        return sum(self._bit(name) for name, output in self._outputs.items() if output.on and name in messages.OUTPUTS)

    def _bit(self, name: str) -> int:
        fed = self._fed is not None and name == OUTPUT
        return messages.OUTLET if fed else 1 << messages.OUTPUTS.index(name)

    def lost(self) -> None:
        """The other end knows nothing of us: only what is driven from now on counts."""
        for output in self._outputs.values():
            output.on = False
        if self._fed is not None:
            self._fed.lost()

    def take_connector(self, read: ConnectorReading, stamp: StampOf) -> None:
        suffix = _suffix(read.number)
        names = {name + suffix: bit for bit, name in enumerate(messages.CONNECTOR_INPUTS)}
        self._take_inputs(names, read.inputs_valid, read.inputs, stamp(read.switches_us))

    def take_station(self, read: StationReading, parts: tuple[StationConnector, ...], stamp: StampOf) -> None:
        stamp_s = stamp(read.inputs_us)
        names = {name: bit for bit, name in enumerate(messages.STATION_INPUTS)}
        self._take_inputs(names, read.inputs_valid, read.inputs, stamp_s)
        for bit, name in enumerate(messages.OUTPUTS):
            if (output := self._outputs.get(name)) is not None:
                output.latest = Feedback(bool(read.outputs >> bit & 1), stamp_s)
        self._take_temperatures(read, parts, stamp(read.temperatures_us))
        if self._fan is not None and read.fan_rpm != messages.NOT_MEASURED:
            self._fan.latest = Speed(float(read.fan_rpm), stamp(read.fan_us))

    def _take_inputs(self, bits: dict[str, int], valid: int, closed: int, stamp_s: float) -> None:
        for name, bit in bits.items():
            source = self._inputs.get(name)
            if source is not None and valid >> bit & 1:
                source.latest = Feedback(bool(closed >> bit & 1), stamp_s)

    def _take_temperatures(self, read: StationReading, parts: tuple[StationConnector, ...], stamp_s: float) -> None:
        values = dict(zip(messages.STATION_TEMPERATURES, (read.housing, read.cpu, read.rfid), strict=True))
        for number, part in enumerate(parts, 1):
            values |= {f"{name}{_suffix(number)}": value for name, value in zip(part._fields, part, strict=True)}
        for name, sensor in self._temperatures.items():
            if values.get(name, messages.NOT_FITTED) != messages.NOT_FITTED:
                sensor.latest = Temperature(celsius(values[name]), stamp_s)


def _suffix(connector: int) -> str:
    return "" if connector == 1 else f".{connector}"
