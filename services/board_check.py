"""Does the station file say where everything is that it says is mounted? Pure."""

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from schemas.board import GpioConnector, GpioSection
from schemas.station import ConnectorSection, Station, StationSection

INTERLOCK = (
    "direct-gpio drives the coil straight from this computer, which guarantees no timing. It starts only with "
    "hardware_interlock = true in [gpio]: that says that the board has a monoflop which lets the coil (and the relay "
    "of a domestic socket) be energised for at most 150 ms after each edge of the feed line, and hardware that drops "
    "the coil by itself on a fault (residual current, overcurrent, overheating, emergency stop), whatever this "
    "software does. Laboratory use only"
)


_NAME = r"[\w:.,@+\-]{1,64}"
LINE = (r"!?(?:/dev/[\w.\-]{1,40}:)?[\w .+\-/]{1,64}", "a GPIO line: its name, its number, or /dev/gpiochip1:NAME")
CHANNEL = (rf"{_NAME}/[a-z_0-9]{{1,40}}", "an ADC channel, for example iio:device0/in_voltage1 or NAME/in_voltage1")
PWM = (r"pwmchip\d{1,3}/\d{1,3}", "a PWM channel, for example pwmchip0/1")
SENSOR = (
    rf"(?:hwmon:{_NAME}/temp\d{{1,2}}|thermal:{_NAME}|iio:{_NAME}/in_[a-z0-9_]{{1,40}}|w1:[0-9a-f\-]{{4,20}})",
    "a sensor: hwmon:NAME/temp1, thermal:TYPE, iio:NAME/in_temp or w1:28-0123456789ab",
)
FAN = (rf"hwmon:{_NAME}/fan\d{{1,2}}", "a fan, for example hwmon:NAME/fan1")
LED = (r"[^/\s]{1,64}", "a name below /sys/class/leds")
FILE = (r"/[^\s]{1,120}", "the path of a device, for example /dev/ttyS1")


class Problem(NamedTuple):
    path: tuple[str, ...]
    """The name in the station file that is wrong."""
    words: str


def board_problems(station: Station) -> list[Problem]:
    """Empty = nothing is missing, nothing is superfluous."""
    match station.station.board:
        case "simulated":
            return []
        case "mcu":
            return [*_spellings(station), *_mcu(station), *_linux(station), *_names(station)]
        case "direct-gpio":
            return [*_spellings(station), *_gpio(station), *_linux(station), *_names(station)]


def _spellings(station: Station) -> Iterator[Problem]:
    for path, text, (pattern, words) in _written(station):
        if text is not None and not re.fullmatch(pattern, text):
            yield Problem(path, f"{path[-1]} = {text!r} is not {words}")


def _written(station: Station) -> Iterator[tuple[tuple[str, ...], str | None, tuple[str, str]]]:
    """Everything that names hardware: where it stands, its text, and how it is spelled."""
    if station.mcu is not None:
        yield ("mcu", "port"), station.mcu.port, FILE
    if station.gpio is not None:
        yield ("gpio", "chip"), station.gpio.chip, FILE
        for path, line in lines_of(station.gpio):
            yield path, line, LINE
        for number, wired in station.gpio.connector.items():
            yield from _analogue(("gpio", "connector", number), wired)
    linux = station.linux
    yield ("linux", "watchdog"), linux.watchdog, FILE
    yield ("linux", "fan"), linux.fan, FAN
    for name, sensor in linux.temperatures.items():
        yield ("linux", "temperatures", name), sensor, SENSOR
    for number, lamp in linux.leds.items():
        for colour in lamp.__struct_fields__:
            yield ("linux", "leds", number, colour), getattr(lamp, colour), LED


def _analogue(path: tuple[str, ...], wired: GpioConnector) -> Iterator[tuple[tuple[str, ...], str, tuple[str, str]]]:
    yield (*path, "pilot_pwm"), wired.pilot_pwm, PWM
    channels = {"pilot_high": [wired.pilot_high], "pilot_low": [wired.pilot_low], "output_sense": wired.output_sense}
    for name, scaled in channels.items():
        for each in scaled or ():
            yield (*path, name), each.channel, CHANNEL
    if wired.proximity is not None:
        yield (*path, "proximity"), wired.proximity.channel, CHANNEL


def _names(station: Station) -> Iterator[Problem]:
    """A real station says who it is: bills and backends tell stations apart by it."""
    simulated, named = StationSection(), station.station
    for name, ours, theirs in (("model", named.model, simulated.model), ("serial", named.serial, simulated.serial)):
        if ours == theirs:
            yield Problem(
                ("station", name),
                f"{name} = {ours!r} is that of the simulated station: give this one its own {name} in [station]",
            )


def _mcu(station: Station) -> Iterator[Problem]:
    if station.mcu is None:
        yield Problem(
            ("station", "board"), 'board = "mcu" needs a section [mcu] with port, for example port = "/dev/ttyS1"'
        )


def _gpio(station: Station) -> Iterator[Problem]:
    gpio = station.gpio
    if gpio is None:
        yield Problem(("station", "board"), f'board = "direct-gpio" needs a section [gpio]. {INTERLOCK}')
        return
    if not gpio.hardware_interlock:
        yield Problem(("gpio",), INTERLOCK)
    for number in sorted(gpio.connector.keys() - station.connector.keys()):
        yield Problem(("gpio", "connector", number), f"there is no [connector.{number}]")
    for name, section in station.connector.items():
        if section.cable == "schuko":
            if name in gpio.connector:
                words = f"[connector.{name}] is a domestic socket: it has no lines but those of output and inputs"
                yield Problem(("gpio", "connector", name), words)
        elif name not in gpio.connector:
            yield Problem(("connector", name), f"[gpio.connector.{name}] is missing: it says where its lines are")
        else:
            yield from _connector(("gpio", "connector", name), gpio.connector[name], section)
    mounted = station.equipment
    yield from _same("inputs", mounted.inputs, gpio.inputs)
    yield from _same("outputs", mounted.outputs, gpio.outputs)
    yield from _twice(gpio)


def _connector(path: tuple[str, ...], wired: GpioConnector, section: ConnectorSection) -> Iterator[Problem]:
    has_lock = section.has_lock
    needed = {
        "proximity": section.cable == "socket",
        "mirror": section.mirror_contact,
        "phase_relay": section.phase_switching,
        "phase_relay_feedback": section.phase_switching,
        "lock": has_lock,
        "unlock": has_lock,
        "lock_feedback": has_lock and section.lock_actuator != "without feedback",
        "lock_release": has_lock and section.lock_actuator == "with emergency release",
        "residual_dc": section.residual_current != "none",
        "residual_rms": section.residual_current != "none",
        "residual_test": section.residual_current != "none",
        "output_sense": section.output_sense,
    }
    where = f"[{'.'.join(path)}]"
    for name, is_needed in needed.items():
        if is_needed and getattr(wired, name) is None:
            yield Problem(
                path, f"{name} is missing: [connector.{path[-1]}] says that it is mounted, {where} does not say where"
            )
        elif not is_needed and getattr(wired, name) is not None:
            yield Problem((*path, name), f"{name} is wired, but [connector.{path[-1]}] says that there is none")
    if section.residual_current == "none" and wired.residual_error is not None:
        yield Problem(
            (*path, "residual_error"), f"[connector.{path[-1]}] says that there is no residual current module"
        )


def _same(kind: str, mounted: Iterable[str], wired: Iterable[str]) -> Iterator[Problem]:
    mounted, wired = list(mounted), list(wired)
    for name in mounted:
        if name not in wired:
            yield Problem(
                ("equipment", kind),
                f"{kind} lists {name!r}, but [gpio.{kind}] names no line for it; "
                f"give it one, or take it out of [equipment] {kind}",
            )
    for name in wired:
        if name not in mounted:
            yield Problem(("gpio", kind, name), f"{name!r} has a line, but [equipment] {kind} does not list it")


def _twice(gpio: GpioSection) -> Iterator[Problem]:
    """The same line for two things; a number and a name of the same line are found when the lines are opened."""
    seen: dict[str, str] = {}
    for path, line in lines_of(gpio):
        place = line.removeprefix("!")
        place = place if ":" in place else f"{gpio.chip}:{place}"
        if place in seen:
            yield Problem(path, f"line {line!r} is used for {seen[place]} already")
        seen[place] = " ".join(path[1:])


def lines_of(gpio: GpioSection) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every line with its place in the station file."""
    yield ("gpio", "feed"), gpio.feed
    for number, wired in gpio.connector.items():
        for name in wired.__struct_fields__:
            line = getattr(wired, name)
            if isinstance(line, str) and name != "pilot_pwm":
                yield ("gpio", "connector", number, name), line
    for kind, named in (("inputs", gpio.inputs), ("outputs", gpio.outputs)):
        for name, line in named.items():
            yield ("gpio", kind, name), line


def _linux(station: Station) -> Iterator[Problem]:
    linux, mounted = station.linux, station.equipment
    own = station.station.board == "direct-gpio"
    for name in linux.temperatures:
        if name not in mounted.temperatures:
            yield Problem(("linux", "temperatures", name), f"[equipment] temperatures does not list {name!r}")
    for name in mounted.temperatures if own else ():
        if name not in linux.temperatures:
            yield Problem(
                ("equipment", "temperatures"),
                f"temperatures lists {name!r}, but [linux.temperatures] does not say where it is read; "
                "take it out, or name its sensor",
            )
    if own and mounted.fan and linux.fan is None:
        yield Problem(("equipment", "fan"), "fan = true, but [linux] fan does not say where its speed is read")
    for number in linux.leds:
        if number not in station.connector:
            yield Problem(("linux", "leds", number), f"there is no [connector.{number}]")
