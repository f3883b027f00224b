"""How the station file names hardware: everything is spelled right, and nothing has two purposes. Pure."""

import re
from collections.abc import Iterator

from schemas.board import GpioConnector, GpioSection, ScaledChannel
from schemas.station import Station
from services.problem import Problem

Path = tuple[str, ...]
Spelling = tuple[str, str]
"""Pattern, and what such a name looks like."""

_NAME = r"[\w:.,@+\-]{1,64}"
_NUMBER = r"(?:0|[1-9][0-9]{0,2})"
LINE = (r"!?(?:/dev/[\w.\-]{1,40}:)?[\w .+\-/]{1,64}", "a GPIO line: its name, its number, or /dev/gpiochip1:NAME")
CHANNEL = (rf"{_NAME}/[a-z_0-9]{{1,40}}", "an ADC channel, for example iio:device0/in_voltage1 or NAME/in_voltage1")
PWM = (rf"pwmchip{_NUMBER}/{_NUMBER}", "a PWM channel, for example pwmchip0/1")
SENSOR = (
    rf"(?:hwmon:{_NAME}/temp[0-9]{{1,2}}|thermal:{_NAME}|iio:{_NAME}/in_[a-z0-9_]{{1,40}}|w1:[0-9a-f\-]{{4,20}})",
    "a sensor: hwmon:NAME/temp1, thermal:TYPE, iio:NAME/in_temp or w1:28-0123456789ab",
)
FAN = (rf"hwmon:{_NAME}/fan[0-9]{{1,2}}", "a fan, for example hwmon:NAME/fan1")
LED = (r"(?!\.)[^/\s\x00-\x1f\x7f]{1,64}", "a name below /sys/class/leds")
_PATH = r"/[^\s\x00-\x1f\x7f]{0,119}[^\s\x00-\x1f\x7f/]"
FILE = (rf"(?!/dev$){_PATH}", "the path of a device, for example /dev/watchdog")
PORT = (rf"(?!/dev(?:/(?:ptmx|tty|console|null|pts))?$){_PATH}", "the path of a serial port, for example /dev/ttyS1")


def spellings(station: Station) -> Iterator[Problem]:
    for path, text, (pattern, words) in _written(station):
        if text is not None and not re.fullmatch(pattern, text):
            yield Problem(path, f"{path[-1]} = {text!r} is not {words}")
    for path, scaled in _scaled(station.gpio):
        if scaled.factor == 0.0:
            yield Problem(path, f"{path[-1]} has factor = 0, with which every measurement is offset_v: measure it")


def _written(station: Station) -> Iterator[tuple[Path, str | None, Spelling]]:
    """Everything that names hardware: where it stands, its text, and how it is spelled."""
    if station.mcu is not None:
        yield ("mcu", "port"), station.mcu.port, PORT
    if station.gpio is not None:
        yield ("gpio", "chip"), station.gpio.chip, FILE
        for path, line in lines_of(station.gpio):
            yield path, line, LINE
        for path, channel in _channels(station.gpio):
            yield path, channel, CHANNEL
        for number, wired in station.gpio.connector.items():
            yield ("gpio", "connector", number, "pilot_pwm"), wired.pilot_pwm, PWM
    linux = station.linux
    yield ("linux", "watchdog"), linux.watchdog, FILE
    yield ("linux", "fan"), linux.fan, FAN
    for name, sensor in linux.temperatures.items():
        yield ("linux", "temperatures", name), sensor, SENSOR
    for number, lamp in linux.leds.items():
        for colour in lamp.__struct_fields__:
            yield ("linux", "leds", number, colour), getattr(lamp, colour), LED


def lines_of(gpio: GpioSection) -> Iterator[tuple[Path, str]]:
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


def _channels(gpio: GpioSection) -> Iterator[tuple[Path, str]]:
    yield from ((path, scaled.channel) for path, scaled in _scaled(gpio))
    for number, wired in gpio.connector.items():
        if wired.proximity is not None:
            yield ("gpio", "connector", number, "proximity"), wired.proximity.channel


def _scaled(gpio: GpioSection | None) -> Iterator[tuple[Path, ScaledChannel]]:
    for number, wired in gpio.connector.items() if gpio is not None else ():
        for name, each in _scaled_of(wired):
            yield ("gpio", "connector", number, name), each


def _scaled_of(wired: GpioConnector) -> Iterator[tuple[str, ScaledChannel]]:
    yield "pilot_high", wired.pilot_high
    yield "pilot_low", wired.pilot_low
    yield from (("output_sense", each) for each in wired.output_sense or ())


def used_twice(station: Station) -> Iterator[Problem]:
    """One thing for two purposes. A number and a name of the same one are found when they are opened."""
    seen: dict[str, str] = {}
    for path, kind, text, place in _used(station):
        if place in seen:
            yield Problem(path, f"{kind} {text!r} is used for {seen[place]} already")
        seen[place] = " ".join(path[1:])


def _used(station: Station) -> Iterator[tuple[Path, str, str, str]]:
    """Where it stands, what it is, as it is written, and what makes it the same one."""
    gpio = station.gpio
    if gpio is not None:
        for path, line in lines_of(gpio):
            name = line.removeprefix("!")
            yield path, "line", line, name if ":" in name else f"{gpio.chip}:{name}"
        for number, wired in gpio.connector.items():
            yield ("gpio", "connector", number, "pilot_pwm"), "PWM channel", wired.pilot_pwm, wired.pilot_pwm
        for path, channel in _channels(gpio):
            yield path, "ADC channel", channel, channel
    for name, sensor in station.linux.temperatures.items():
        yield ("linux", "temperatures", name), "sensor", sensor, sensor
