"""Does the station file say where everything is that it says is mounted? Pure."""

from collections.abc import Iterable, Iterator

from schemas.board import GpioConnector, LinuxSection
from schemas.station import ConnectorSection, Station, StationSection
from services.board_names import spellings, used_twice
from services.problem import Problem

INTERLOCK = (
    "direct-gpio drives the coil straight from this computer, which guarantees no timing. It starts only with "
    "hardware_interlock = true in [gpio]: that says that the board has a monoflop which lets the coil (and the relay "
    "of a domestic socket) be energised for at most 150 ms after each edge of the feed line, and hardware that drops "
    "the coil by itself on a fault (residual current, overcurrent, overheating, emergency stop), whatever this "
    "software does. Laboratory use only"
)


def board_problems(station: Station) -> list[Problem]:
    """Empty = nothing is missing, nothing is superfluous."""
    problems = [*_superfluous(station), *_identity(station)]
    match station.station.board:
        case "simulated":
            return problems
        case "mcu":
            problems += [*spellings(station), *_mcu(station)]
        case "direct-gpio":
            problems += [*spellings(station), *_gpio(station)]
    return [*problems, *used_twice(station), *_linux(station), *_names(station)]


def _superfluous(station: Station) -> Iterator[Problem]:
    """A section that this board does not use: most likely another board is meant."""
    board = station.station.board
    sections = {"mcu": ("mcu", station.mcu), "direct-gpio": ("gpio", station.gpio)}
    if station.mcu is not None and station.gpio is not None:
        yield Problem(("gpio",), "a station has either [mcu] or [gpio]: take the one that it does not have out")
    for of, (name, section) in sections.items():
        if section is not None and board != of:
            words = f'[{name}] is of board = "{of}", but board is "{board}": set board = "{of}" in [station], or take'
            yield Problem((name,), f"{words} [{name}] out")
    if board == "simulated" and station.linux != LinuxSection():
        words = '[linux] is of a real board, but board is "simulated": set board in [station], or take [linux] out'
        yield Problem(("linux",), words)


def _identity(station: Station) -> Iterator[Problem]:
    """Backends, bills and people read these."""
    for name in ("vendor", "model", "serial"):
        text = getattr(station.station, name)
        if not text.isprintable() or text != text.strip():
            words = f"{name} = {text!r} has characters that nobody sees: no blanks at the ends, nothing unprintable"
            yield Problem(("station", name), words)


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
    for number, lamp in linux.leds.items():
        path = ("linux", "leds", number)
        if number not in station.connector:
            yield Problem(path, f"there is no [connector.{number}]")
        if lamp.multi is not None and (lamp.red or lamp.green or lamp.blue):
            words = "a light is either one LED with several colours (multi) or one per colour (red, green, blue)"
            yield Problem((*path, "multi"), words)
